//! What a person or an organization has to look like.

use super::{NewOrganization, NewPerson, OrganizationKind};
use crate::{Refusal, error::UserErrorCode};

pub fn check_organization(new: &NewOrganization) -> Result<(), Refusal> {
    Refusal::unless_filled(&new.name, "name")?;
    if new.kind == OrganizationKind::CityGovernment && new.city.is_none() {
        return Err(Refusal::new(
            UserErrorCode::InvalidInput,
            "a city government belongs to a city: give `cityId`",
        )
        .on("cityId"));
    }
    Ok(())
}

pub fn check_person(new: &NewPerson) -> Result<(), Refusal> {
    Refusal::unless_filled(&new.name, "name")?;
    // A name goes into mail headers, where a line break would begin another header.
    if new.name.chars().any(char::is_control) {
        return Err(Refusal::new(
            UserErrorCode::InvalidInput,
            "a name has no line breaks or control characters",
        )
        .on("name"));
    }
    if new.email.parse::<lettre::Address>().is_err() {
        return Err(Refusal::new(
            UserErrorCode::InvalidInput,
            format!("`{}` is not an e-mail address", new.email),
        )
        .on("email"));
    }
    Ok(())
}
