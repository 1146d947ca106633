//! What a fact has to look like.

use super::NewFact;
use crate::{
    Refusal,
    clock::Date,
    error::UserErrorCode::{InvalidDates, InvalidInput},
};

pub fn check_new(new: &NewFact, today: Date) -> Result<(), Refusal> {
    new.kind
        .check(&new.value)
        .map_err(|message| Refusal::new(InvalidInput, message).on("value"))?;
    Refusal::unless_filled(&new.source, "source")?;
    if new.as_of > today {
        let message = format!("{} has not come yet; today is {today}", new.as_of);
        return Err(Refusal::new(InvalidDates, message).on("asOf"));
    }
    new.source_url.as_deref().map_or(Ok(()), |url| Refusal::unless_web_address(url, "sourceUrl"))
}
