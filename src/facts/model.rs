use std::collections::HashMap;

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    clock::Date,
    id::{CityId, CountyId, FactId, OrganizationId, PersonId},
    text_enum::text_enum,
};

text_enum! {
    /// What a fact is about. Each kind has its own form of value.
    pub enum FactKind {
        /// What the local ordinance bans of commercial cannabis: `NO_BAN`, `BANS_INDOOR_CULTIVATION`,
        /// `BANS_OUTDOOR_CULTIVATION`, `BANS_CULTIVATION` (both), `BANS_RETAIL` or `BANS_CULTIVATION_AND_RETAIL`
        /// (Revenue and Taxation Code 34019(f)(3)(C)).
        CannabisOrdinance = "CANNABIS_ORDINANCE",
        /// The median household income in basis points of the statewide one: `6000` is 60 percent, below which a
        /// community is severely disadvantaged (Public Resources Code 80002).
        MedianIncomeShare = "MEDIAN_INCOME_SHARE",
        /// Whether it is, or serves, a disadvantaged community: `YES` or `NO`.
        DisadvantagedCommunity = "DISADVANTAGED_COMMUNITY",
        /// The level of participation in All Children Thrive: `NONE`, `AFFILIATE`, `PILOT` or `VANGUARD`.
        ParticipationLevel = "PARTICIPATION_LEVEL",
        /// Inhabitants, as a whole number.
        Population = "POPULATION",
    }
}

impl FactKind {
    pub fn is_number(self) -> bool {
        matches!(self, Self::MedianIncomeShare | Self::Population)
    }

    /// The values of a kind that is no number.
    fn values(self) -> &'static [&'static str] {
        match self {
            Self::CannabisOrdinance => &[
                "NO_BAN",
                "BANS_INDOOR_CULTIVATION",
                "BANS_OUTDOOR_CULTIVATION",
                "BANS_CULTIVATION",
                "BANS_RETAIL",
                "BANS_CULTIVATION_AND_RETAIL",
            ],
            Self::DisadvantagedCommunity => &["YES", "NO"],
            Self::ParticipationLevel => &["NONE", "AFFILIATE", "PILOT", "VANGUARD"],
            Self::MedianIncomeShare | Self::Population => &[],
        }
    }

    /// Whether a value has the form of its kind.
    pub fn check(self, value: &str) -> Result<(), String> {
        if !self.is_number() {
            let values = self.values();
            let known = values.contains(&value);
            return known.then_some(()).ok_or_else(|| {
                format!("`{value}` is not a value of {self}: {}", values.join(", "))
            });
        }
        let most = if self == Self::Population { 999_999_999 } else { 999_999 };
        // As it would be written, so that one number is one value.
        let number = value.parse::<i32>().ok().filter(|number| number.to_string() == value);
        number.filter(|number| (0..=most).contains(number)).map(drop).ok_or_else(|| {
            format!("`{value}` is not a value of {self}: a whole number from 0 to {most}")
        })
    }
}

/// Who or what a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    City(CityId),
    County(CountyId),
    Organization(OrganizationId),
}

impl Subject {
    pub fn city(self) -> Option<CityId> {
        if let Self::City(id) = self { Some(id) } else { None }
    }

    pub fn county(self) -> Option<CountyId> {
        if let Self::County(id) = self { Some(id) } else { None }
    }

    pub fn organization(self) -> Option<OrganizationId> {
        if let Self::Organization(id) = self { Some(id) } else { None }
    }
}

/// What is known of a city, a county or an organization as of a day.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Fact {
    /// Identifies the fact everywhere in Thrive.
    pub id: FactId,
    #[graphql(skip)]
    pub city_id: Option<CityId>,
    #[graphql(skip)]
    pub county_id: Option<CountyId>,
    #[graphql(skip)]
    pub organization_id: Option<OrganizationId>,
    /// What it is about.
    pub kind: FactKind,
    /// The value, in the form of its kind.
    pub value: String,
    /// The day from which it is so, until a fact of a later day.
    pub as_of: Date,
    /// Where it is from, in words.
    pub source: String,
    /// Where it can be read.
    pub source_url: Option<String>,
    #[graphql(skip)]
    pub recorded_by: Option<PersonId>,
    /// When it was recorded. Of two facts of one day the later record counts.
    pub recorded_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct NewFact {
    pub subject: Subject,
    pub kind: FactKind,
    pub value: String,
    pub as_of: Date,
    pub source: String,
    pub source_url: Option<String>,
}

/// One fact as rules read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFact {
    pub value: String,
    pub as_of: Date,
    /// None for what the list of cities and counties says.
    pub fact: Option<FactId>,
}

/// What is known as of a day, at most one fact of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known(HashMap<FactKind, KnownFact>);

impl Known {
    /// Adds what is not known yet: whoever comes first goes before.
    pub fn or(mut self, further: &Self) -> Self {
        for (kind, fact) in &further.0 {
            self.0.entry(*kind).or_insert_with(|| fact.clone());
        }
        self
    }

    pub fn insert(&mut self, kind: FactKind, fact: KnownFact) {
        self.0.insert(kind, fact);
    }

    pub fn get(&self, kind: FactKind) -> Option<&KnownFact> {
        self.0.get(&kind)
    }

    pub fn value(&self, kind: FactKind) -> Option<&str> {
        self.get(kind).map(|fact| fact.value.as_str())
    }
}
