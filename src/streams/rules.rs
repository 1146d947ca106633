//! What a stream and a program have to look like.

use super::{FundingStream, NewProgram, NewStream};
use crate::{
    Refusal,
    clock::Date,
    error::UserErrorCode::{AlreadyExists, InvalidDates, InvalidInput, InvalidState},
};

pub fn check_stream(new: &NewStream) -> Result<(), Refusal> {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let begins = new.code.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase());
    if !begins || !(2..=40).contains(&new.code.len()) || !new.code.bytes().all(fits) {
        let message = format!(
            "`{}` is not a stream's code: capitals, digits and _, such as PROP_4",
            new.code
        );
        return Err(Refusal::new(InvalidInput, message).on("code"));
    }
    Refusal::unless_filled(&new.name, "name")?;
    check_stream_dates(new.effective_from, new.effective_to)
}

pub fn check_stream_dates(from: Date, to: Option<Date>) -> Result<(), Refusal> {
    match to {
        Some(to) if to < from => {
            let message = format!("the last day, {to}, lies before the first, {from}");
            Err(Refusal::new(InvalidDates, message).on("effectiveTo"))
        }
        _ => Ok(()),
    }
}

pub fn circle(stream: &FundingStream) -> Refusal {
    Refusal::new(InvalidInput, format!("{} cannot come after itself", stream.code))
        .on("successorId")
}

/// A successor takes over when the stream has ended.
pub fn check_successor(stream: &FundingStream, successor: &FundingStream) -> Result<(), Refusal> {
    if successor.id == stream.id {
        return Err(circle(stream));
    }
    match stream.effective_to {
        Some(last)
            if last < successor.effective_from
                || successor.effective_from > stream.effective_from =>
        {
            Ok(())
        }
        Some(_) => {
            let message = format!(
                "{} began before {}: it does not come after it",
                successor.code, stream.code
            );
            Err(Refusal::new(InvalidDates, message).on("successorId"))
        }
        None => {
            let message = "a stream with a successor has a last day: give `effectiveTo`";
            Err(Refusal::new(InvalidState, message).on("effectiveTo"))
        }
    }
}

pub fn check_program(new: &NewProgram, today: Date) -> Result<(), Refusal> {
    check_verified(new.verified_on, today)?;
    let fits = |byte: u8| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
    };
    let begins = new.code.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if !begins || !(2..=60).contains(&new.code.len()) || !new.code.bytes().all(fits) {
        let message = format!(
            "`{}` is not a program's code: capitals, digits, _ and -, such as PROP64-PHS",
            new.code
        );
        return Err(Refusal::new(InvalidInput, message).on("code"));
    }
    check_program_words(&new.name, &new.agency, &new.citation)
}

pub fn check_program_words(name: &str, agency: &str, citation: &str) -> Result<(), Refusal> {
    Refusal::unless_filled(name, "name")?;
    Refusal::unless_filled(agency, "agency")?;
    Refusal::unless_filled(citation, "citation")
}

pub fn check_verified(verified_on: Option<Date>, today: Date) -> Result<(), Refusal> {
    match verified_on {
        Some(day) if day > today => {
            let message = format!("{day} has not come yet; today is {today}");
            Err(Refusal::new(InvalidDates, message).on("verifiedOn"))
        }
        _ => Ok(()),
    }
}

pub fn taken(what: &str, code: &str) -> Refusal {
    Refusal::new(AlreadyExists, format!("there is a {what} {code} already")).on("code")
}
