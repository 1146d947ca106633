use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    clock::Date,
    id::{CityId, CountyId},
};

/// A county of California.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct County {
    /// Identifies the county everywhere in Thrive.
    pub id: CountyId,
    /// The Census identifier: 06 and three digits, such as `06037`.
    pub geoid: String,
    /// The GNIS feature id.
    pub gnis: String,
    /// The name, without `County`.
    pub name: String,
    /// Inhabitants counted by the 2020 Census; null when not known.
    pub population: Option<i32>,
}

/// An incorporated city or town of California.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct City {
    /// Identifies the city everywhere in Thrive.
    pub id: CityId,
    /// The Census identifier: 06 and five digits, such as `0644000`.
    pub geoid: String,
    /// The GNIS feature id, which stays when a city is renamed.
    pub gnis: String,
    /// The name, without `city` or `town`.
    pub name: String,
    #[graphql(skip)]
    pub county_id: CountyId,
    /// Inhabitants counted by the 2020 Census; null when not known.
    pub population: Option<i32>,
    /// The day of incorporation; null when not known.
    pub incorporated_on: Option<Date>,
    /// When the city was entered.
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct NewCity {
    pub geoid: String,
    pub gnis: String,
    pub name: String,
    pub county: CountyId,
    pub population: Option<i32>,
    pub incorporated_on: Option<Date>,
}
