use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    clock::Date,
    fiscal_year::FiscalYear,
    id::{CityId, PersonId, PlanId},
    money::{Money, Percent},
    text_enum::text_enum,
};

text_enum! {
    /// Where a sustainability plan stands.
    pub enum PlanStatus {
        /// Being written.
        Draft = "DRAFT",
        /// In force.
        Adopted = "ADOPTED",
        /// Replaced by a later edition.
        Superseded = "SUPERSEDED",
    }
}

/// A city's plan to go on when its grants end (Technical Assistance Plan, Table II).
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct SustainabilityPlan {
    /// Identifies the plan everywhere in Thrive.
    pub id: PlanId,
    #[graphql(skip)]
    pub city_id: CityId,
    /// 1 for a city's first plan, and one more for each later one.
    pub edition: i32,
    /// Where it stands.
    pub status: PlanStatus,
    /// What it is about, in a few sentences.
    pub summary: String,
    /// When it was adopted; null while a draft.
    pub adopted_on: Option<Date>,
    #[graphql(skip)]
    pub created_by: PersonId,
    /// Grows with every change; an edit names the one it read.
    pub revision: i32,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a year of a plan costs, and what is secured for it, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanYear {
    pub fiscal_year: FiscalYear,
    pub cost: Money,
    pub secured: Money,
}

impl PlanYear {
    /// What is missing: zero when more is secured than needed.
    pub fn missing(&self) -> Money {
        self.cost.minus(self.secured).filter(|gap| gap.is_positive()).unwrap_or(Money::ZERO)
    }

    /// What is secured in hundredths of the cost; none when nothing is needed.
    pub fn covered(&self) -> Option<Percent> {
        self.secured.percent_of(self.cost)
    }
}

#[derive(Clone, Debug)]
pub struct NewPlan {
    pub city: CityId,
    pub summary: String,
    pub years: Vec<PlanYear>,
}
