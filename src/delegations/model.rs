use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    access::{Actor, Identity, Role},
    clock::Date,
    id::{DelegationId, PersonId},
    money::Money,
    text_enum::text_enum,
};

text_enum! {
    /// What can be done to a delegation.
    pub enum DelegationAction {
        /// End it before its last day.
        End = "END",
    }
}

/// For some days one person decides disbursements in an approver's place.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct ApprovalDelegation {
    /// Identifies the delegation everywhere in Thrive.
    pub id: DelegationId,
    #[graphql(skip)]
    pub approver_id: PersonId,
    #[graphql(skip)]
    pub delegate_id: PersonId,
    /// The first day.
    #[graphql(name = "from")]
    pub starts_on: Date,
    /// The last day.
    #[graphql(name = "until")]
    pub ends_on: Date,
    /// Why.
    pub reason: String,
    #[graphql(skip)]
    pub created_by: PersonId,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    #[graphql(skip)]
    pub ended_by: Option<PersonId>,
    /// When it was ended before its last day; null when it was not.
    pub ended_at: Option<DateTime<Utc>>,
}

impl ApprovalDelegation {
    pub fn in_force_on(&self, day: Date) -> bool {
        self.ended_at.is_none() && (self.starts_on..=self.ends_on).contains(&day)
    }

    /// What this actor may do to it now.
    pub fn actions_for(&self, actor: &Actor, today: Date) -> Vec<DelegationAction> {
        let may = actor.identity().is_some_and(|identity| match identity.role {
            Role::ProgramAdmin => true,
            Role::Approver => identity.person == self.approver_id,
            _ => false,
        });
        let open = self.ended_at.is_none() && self.ends_on >= today;
        if may && open { vec![DelegationAction::End] } else { vec![] }
    }
}

/// A power to decide: one's own, or that of an approver who is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The most that may be approved at once; none is no limit.
    pub limit: Option<Money>,
    /// The approver in whose place; none is the person's own power.
    pub absent: Option<PersonId>,
}

impl Authority {
    /// An approver's own power.
    pub fn own(identity: &Identity) -> Option<Self> {
        let own = Self { limit: identity.approval_limit, absent: None };
        (identity.role == Role::Approver).then_some(own)
    }

    pub fn covers(self, amount: Money) -> bool {
        self.limit.is_none_or(|limit| amount <= limit)
    }

    /// Whether it goes for a request of this person: an approver who is away does not approve their own.
    pub fn fits(self, requested_by: Option<PersonId>) -> bool {
        self.absent.is_none() || self.absent != requested_by
    }
}

#[derive(Clone, Debug)]
pub struct NewDelegation {
    /// The approver who is away; whoever asks, where nobody else is named.
    pub approver: Option<PersonId>,
    pub delegate: PersonId,
    pub starts_on: Date,
    pub ends_on: Date,
    pub reason: String,
}
