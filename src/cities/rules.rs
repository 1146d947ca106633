//! What a city has to look like.

use super::NewCity;
use crate::{Refusal, error::UserErrorCode};

pub fn check_city(new: &NewCity) -> Result<(), Refusal> {
    let invalid = |message: &str, field: &str| {
        Err(Refusal::new(UserErrorCode::InvalidInput, message).on(field))
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !(digits(&new.geoid) && new.geoid.len() == 7 && new.geoid.starts_with("06")) {
        return invalid("a city's GEOID is 06 and five digits, such as 0644000", "geoid");
    }
    if !digits(&new.gnis) {
        return invalid("a GNIS feature id is digits only, such as 02410877", "gnis");
    }
    Refusal::unless_filled(&new.name, "name")?;
    if new.population.is_some_and(|population| population < 0) {
        return invalid("a population is zero or more", "population");
    }
    Ok(())
}
