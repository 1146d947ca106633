use std::str::FromStr;

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};
use chrono::{DateTime, Utc};

use crate::{
    access::{Actor, Role},
    clock::Date,
    id::{GrantId, MatchAcceptanceId, MatchContributionId, OrganizationId, PersonId},
    ledger::GrantBalance,
    money::Money,
    rule_sets::kinds::MatchSource,
    text_enum::text_enum,
};

text_enum! {
    /// Where a contribution stands.
    pub enum MatchStatus {
        /// Recorded; all of it, or a part, is not accepted.
        Recorded = "RECORDED",
        /// Accepted, all of it.
        Accepted = "ACCEPTED",
        /// Turned down: it counts for nothing.
        Declined = "DECLINED",
    }
}

text_enum! {
    /// What can be done to a contribution.
    pub enum MatchAction {
        /// Count it, or a part of it, as match of a grant.
        Accept = "ACCEPT",
        /// Turn it down.
        Decline = "DECLINE",
    }
}

text_enum! {
    /// What an auditor looks at in a contribution.
    pub enum MatchFlag {
        /// Federal money towards a grant of federal money: a federal statute has to allow it (2 CFR 200.306(b)(5)).
        FederalForFederal = "FEDERAL_FOR_FEDERAL",
        /// Parts of it count for several grants.
        Split = "SPLIT",
        /// It is not money: what it is worth rests on `valuationBasis` (2 CFR 200.306(d) to (j)).
        Valued = "VALUED",
    }
}

/// Hours of work, to two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct Hours(Money);

impl Hours {
    pub fn is_positive(self) -> bool {
        self.0.is_positive()
    }

    /// What so many hours are worth, rounded half up to the cent.
    pub fn at(self, rate: Money) -> Money {
        rate.share_half_up(self.0, Money::from_cents(100)).unwrap_or_default()
    }

    /// As many as the column holds.
    pub fn fits(self) -> bool {
        self.0 <= Money::from_cents(99_999_999)
    }
}

impl FromStr for Hours {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let why = |_| {
            format!("`{text}` is not a number of hours; write it as 7.50, two decimals at most")
        };
        text.parse().map(Self).map_err(why)
    }
}

/// Hours as a string with two decimals: `"7.50"` is seven and a half hours.
#[Scalar]
impl ScalarType for Hours {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => text.parse().map_err(InputValueError::custom),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Something that the recipient, or somebody for it, added to a grant: money, goods, the work of volunteers
/// (2 CFR 200.306).
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct MatchContribution {
    /// Identifies the contribution everywhere in Thrive.
    pub id: MatchContributionId,
    #[graphql(skip)]
    pub grant_id: GrantId,
    #[graphql(skip)]
    pub recipient_id: OrganizationId,
    /// Who contributed: the recipient's own department, a company, the volunteers of an association.
    pub contributor: String,
    /// What it is made of.
    pub source: MatchSource,
    /// What it is worth, in US dollars.
    pub amount: Money,
    /// What of it is not accepted for any grant, in US dollars; zero when it was declined.
    pub unused: Money,
    /// The day on which it was contributed, inside the period of performance.
    pub contributed_on: Date,
    /// The day from which the ledger counts it: its own, or a later one where that month was closed.
    pub effective_on: Date,
    /// What it was.
    pub description: String,
    /// The voucher, timesheet or appraisal that proves it: unique among the recipient's contributions, in any case and
    /// without spaces around it.
    pub reference: String,
    /// Where it is not money: what its worth rests on, such as an appraisal or the rate paid for similar work.
    pub valuation_basis: Option<String>,
    /// Of volunteers: how long they worked.
    pub hours: Option<Hours>,
    /// Of volunteers: what an hour of such work is worth, in US dollars.
    pub hourly_rate: Option<Money>,
    /// The federal statute that lets federal money count as match (2 CFR 200.306(b)(5)).
    pub authorizing_statute: Option<String>,
    #[graphql(skip)]
    pub recorded_by: PersonId,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
    #[graphql(skip)]
    pub declined_by: Option<PersonId>,
    /// When it was turned down; null when it was not.
    pub declined_at: Option<DateTime<Utc>>,
    /// Why it was turned down.
    pub decline_reason: Option<String>,
    #[graphql(skip)]
    pub federal_grant: bool,
}

impl MatchContribution {
    pub fn standing(&self) -> MatchStatus {
        match self.declined_at {
            Some(_) => MatchStatus::Declined,
            None if self.unused.is_positive() => MatchStatus::Recorded,
            None => MatchStatus::Accepted,
        }
    }

    /// What this actor may do to it now.
    pub fn actions_for(&self, actor: &Actor, costs_go_on: bool) -> Vec<MatchAction> {
        let decides = actor.identity().is_some_and(|identity| {
            identity.role == Role::GrantManager && identity.person != self.recorded_by
        });
        if !decides || self.standing() != MatchStatus::Recorded {
            return vec![];
        }
        let untouched = self.unused == self.amount;
        let accept = costs_go_on.then_some(MatchAction::Accept);
        accept.into_iter().chain(untouched.then_some(MatchAction::Decline)).collect()
    }

    /// `grants` is for how many grants parts of it count.
    pub fn flags(&self, grants: usize) -> Vec<MatchFlag> {
        let federal = self.source == MatchSource::Federal && self.federal_grant;
        let valued = matches!(self.source, MatchSource::InKind | MatchSource::Volunteer);
        [
            federal.then_some(MatchFlag::FederalForFederal),
            (grants > 1).then_some(MatchFlag::Split),
            valued.then_some(MatchFlag::Valued),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What of a contribution counts as match of a grant.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct MatchAcceptance {
    /// Identifies the acceptance.
    pub id: MatchAcceptanceId,
    #[graphql(skip)]
    pub contribution_id: MatchContributionId,
    #[graphql(skip)]
    pub grant_id: GrantId,
    /// What was accepted, in US dollars.
    pub amount: Money,
    #[graphql(skip)]
    pub accepted_by: PersonId,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
}

/// How the match of a grant stands, and whether it keeps pace with what is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SimpleObject)]
pub struct MatchStanding {
    /// What the rules ask the recipient to add, in US dollars; zero where it is waived.
    required: Money,
    /// What was accepted, in US dollars.
    met: Money,
    /// What is missing, in US dollars; not below zero.
    gap: Money,
    /// What would keep pace with the payments: the same part of the match as was paid of the award, in US dollars.
    proportional_required: Money,
    /// What is missing to keep pace, in US dollars; not below zero.
    behind: Money,
    /// Whether nothing is missing to keep pace.
    keeps_pace: bool,
}

impl MatchStanding {
    pub fn of(balance: &GrantBalance) -> Self {
        let paid = balance.disbursed;
        let share = balance.match_required.share_half_up(paid, balance.awarded);
        let proportional_required = share.unwrap_or_default();
        let behind = proportional_required.minus(balance.match_met).unwrap_or_default();
        let behind = behind.max(Money::ZERO);
        Self {
            required: balance.match_required,
            met: balance.match_met,
            gap: balance.match_gap,
            proportional_required,
            behind,
            keeps_pace: !behind.is_positive(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct NewContribution {
    pub grant: GrantId,
    pub contributor: String,
    pub source: MatchSource,
    pub amount: Money,
    pub contributed_on: Date,
    pub effective_on: Option<Date>,
    pub description: String,
    pub reference: String,
    pub valuation: Valuation,
    pub authorizing_statute: Option<String>,
}

/// What the worth of a contribution rests on, where it is not money.
#[derive(Clone, Debug, Default)]
pub struct Valuation {
    pub basis: Option<String>,
    pub hours: Option<Hours>,
    pub hourly_rate: Option<Money>,
}
