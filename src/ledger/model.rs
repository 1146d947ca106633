use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{clock::Date, money::Money, text_enum::text_enum};

text_enum! {
    /// An account of a grant's pay chain: where the funder's money for the recipient is.
    pub enum AccountKind {
        /// Where awards come from; below zero by what was awarded.
        SrcPay = "SRC_PAY",
        /// Awarded and not asked for.
        Available = "AVAILABLE",
        /// Asked for, waiting for a decision.
        Requested = "REQUESTED",
        /// Approved, not yet paid.
        Approved = "APPROVED",
        /// Withheld from payments until it is released.
        Retained = "RETAINED",
        /// Paid to the recipient.
        Paid = "PAID",
        /// No longer payable: the grant ended before it was used.
        Lapsed = "LAPSED",
    }
}

impl AccountKind {
    pub const PAY_CHAIN: [Self; 7] = [
        Self::SrcPay,
        Self::Available,
        Self::Requested,
        Self::Approved,
        Self::Retained,
        Self::Paid,
        Self::Lapsed,
    ];
}

/// Why money moves, and between which accounts of the pay chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    Award,
    Request,
    Return,
    Reject,
    CancelRequested,
    CancelApproved,
    Approve,
    Pay,
    ReversePayment,
    Lapse,
}

impl Move {
    /// The move's name in the list of moves.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Award => "AWARD",
            Self::Request => "REQUEST",
            Self::Return => "RETURN",
            Self::Reject => "REJECT",
            Self::CancelRequested | Self::CancelApproved => "CANCEL",
            Self::Approve => "APPROVE",
            Self::Pay => "PAY",
            Self::ReversePayment => "REVERSE_PAYMENT",
            Self::Lapse => "LAPSE",
        }
    }

    pub fn accounts(self) -> (AccountKind, AccountKind) {
        use AccountKind::*;
        match self {
            Self::Award => (SrcPay, Available),
            Self::Request => (Available, Requested),
            Self::Return | Self::Reject | Self::CancelRequested => (Requested, Available),
            Self::CancelApproved => (Approved, Available),
            Self::Approve => (Requested, Approved),
            Self::Pay => (Approved, Paid),
            Self::ReversePayment => (Paid, Available),
            Self::Lapse => (Available, Lapsed),
        }
    }
}

/// Where a grant's money is, in US dollars, from posted entries only.
#[derive(Clone, Debug, Default, PartialEq, Eq, SimpleObject)]
pub struct GrantBalance {
    /// All that was awarded: the sum of the other figures.
    pub awarded: Money,
    /// Asked for by the recipient, waiting for a decision.
    pub requested: Money,
    /// Approved and not yet paid.
    pub approved: Money,
    /// Paid to the recipient, less reversals.
    pub disbursed: Money,
    /// Withheld from payments until it is released.
    pub retained: Money,
    /// No longer payable.
    pub lapsed: Money,
    /// What can still be requested: awarded less requested, approved, disbursed, retained and lapsed.
    pub available_to_disburse: Money,
    /// The last day whose entries are counted; null is all of them.
    pub as_of: Option<Date>,
    /// When the figures were read.
    pub computed_at: DateTime<Utc>,
}

impl GrantBalance {
    pub fn empty(as_of: Option<Date>, computed_at: DateTime<Utc>) -> Self {
        Self { as_of, computed_at, ..Self::default() }
    }

    /// Adds the balance of one account.
    pub fn count(&mut self, kind: AccountKind, balance: Money) {
        let figure = match kind {
            // What the source gave is the award.
            AccountKind::SrcPay => {
                self.awarded = Money::ZERO.minus(balance).unwrap_or_default();
                return;
            }
            AccountKind::Available => &mut self.available_to_disburse,
            AccountKind::Requested => &mut self.requested,
            AccountKind::Approved => &mut self.approved,
            AccountKind::Retained => &mut self.retained,
            AccountKind::Paid => &mut self.disbursed,
            AccountKind::Lapsed => &mut self.lapsed,
        };
        *figure = balance;
    }
}
