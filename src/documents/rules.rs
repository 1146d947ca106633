//! What a document has to look like.

use super::NewDocument;
use crate::{
    Refusal,
    clock::Date,
    error::UserErrorCode::{InvalidDates, InvalidInput},
};

pub fn check_new(new: &NewDocument, today: Date) -> Result<(), Refusal> {
    Refusal::unless_filled(&new.title, "title")?;
    Refusal::unless_web_address(&new.url, "url")?;
    Refusal::unless_sha256(&new.sha256, "sha256")?;
    if new.dated_on > today {
        let message = format!("{} has not come yet; today is {today}", new.dated_on);
        return Err(Refusal::new(InvalidDates, message).on("datedOn"));
    }
    if new.title.chars().any(char::is_control) {
        return Err(Refusal::new(InvalidInput, "`title` is one line of text").on("title"));
    }
    Ok(())
}
