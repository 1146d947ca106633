//! What an appropriation has to look like.

use super::NewAppropriation;
use crate::{
    Refusal,
    error::UserErrorCode::{AlreadyExists, InvalidDates, InvalidInput},
    money::Money,
    streams::FundingStream,
};

pub fn check_new(new: &NewAppropriation, stream: &FundingStream) -> Result<(), Refusal> {
    if new.amount < Money::ZERO {
        let message = format!("an appropriation is not below zero: {}", new.amount);
        return Err(Refusal::new(InvalidInput, message).on("amount"));
    }
    Refusal::unless_filled(&new.source, "source")?;
    if let Some(url) = &new.source_url {
        Refusal::unless_web_address(url, "sourceUrl")?;
    }
    let year = new.fiscal_year;
    let ended = stream.effective_to.is_some_and(|last| last < year.first_day());
    if ended || stream.effective_from > year.last_day() {
        let message = format!("{} is on no day of {year} in force", stream.code);
        return Err(Refusal::new(InvalidDates, message).on("fiscalYear"));
    }
    Ok(())
}

/// A revision names the one it replaces, so that two people do not write over each other. Answers its own number.
pub fn check_revision(new: &NewAppropriation, current: Option<i32>) -> Result<i32, Refusal> {
    match (new.revision, current) {
        (None, None) => Ok(1),
        (Some(read), Some(current)) => {
            Refusal::unless_current("appropriation", read, current)?;
            Ok(current + 1)
        }
        (None, Some(current)) => {
            let message = format!(
                "{} is appropriated already: give `revision` {current} to revise it",
                new.fiscal_year
            );
            Err(Refusal::new(AlreadyExists, message).on("fiscalYear"))
        }
        (Some(_), None) => {
            let message = format!(
                "nothing is appropriated for {} yet: leave `revision` out",
                new.fiscal_year
            );
            Err(Refusal::new(InvalidInput, message).on("revision"))
        }
    }
}
