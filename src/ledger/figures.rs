//! The figures that are derived from a grant's accounts. Pure: balances in, figures out.

use async_graphql::SimpleObject;
use chrono::{DateTime, Datelike, Utc};

use super::AccountKind;
use crate::{
    clock::Date,
    money::{Money, Percent},
};

/// What a grant's terms add to what its accounts say.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    pub start: Date,
    pub end: Date,
    pub match_required: Money,
    pub today: Date,
}

/// Where a grant's money is, in US dollars, from posted entries only.
#[derive(Clone, Debug, Default, PartialEq, Eq, SimpleObject)]
pub struct GrantBalance {
    /// All that was awarded, by the award and its amendments.
    pub awarded: Money,
    /// Ordered by the recipient and not yet a cost: open encumbrances (SF-425 line f).
    pub encumbered: Money,
    /// The recipient's costs that the grant bears, paid or not.
    pub expended: Money,
    /// Asked for by the recipient, waiting for a decision.
    pub requested: Money,
    /// Approved and not yet paid.
    pub approved: Money,
    /// Paid to the recipient, without what is withheld, less what came back.
    pub disbursed: Money,
    /// Withheld from payments until it is released.
    pub retained: Money,
    /// No longer payable.
    pub lapsed: Money,
    /// What can still be requested: awarded less requested, approved, disbursed, retained and lapsed.
    pub available_to_disburse: Money,
    /// In the budget and neither spent nor ordered: awarded less expended, encumbered and what lapsed.
    pub unobligated: Money,
    /// What the recipient holds and has not spent: disbursed less expended, not below zero.
    pub cash_on_hand: Money,
    /// What the recipient has spent and was not paid: expended less disbursed, not below zero.
    pub reimbursement_due: Money,
    /// Paid in advance and not accounted for.
    pub advance_outstanding: Money,
    /// The match that the grant's rules require.
    pub match_required: Money,
    /// Contributions that were accepted as match.
    pub match_met: Money,
    /// What is missing of the match; not below zero.
    pub match_gap: Money,
    /// Expended, in hundredths of what was awarded; null before the award.
    pub spent_percent: Option<Percent>,
    /// The days of the period of performance that have passed, in hundredths of all.
    pub elapsed_percent: Option<Percent>,
    /// Expended in an average month of the last three whole ones.
    pub burn_rate: Money,
    /// What would be left at the end if every month to come cost as much: awarded less expended less the burn rate for
    /// each calendar month after this one to the month in which performance ends. Below zero when the money runs out before.
    pub projected_end_balance: Money,
    /// The last day whose entries are counted; null is all of them.
    pub as_of: Option<Date>,
    /// Only what was entered by then is counted; null is all.
    pub known_at: Option<DateTime<Utc>>,
    /// When the figures were read.
    pub computed_at: DateTime<Utc>,
}

impl GrantBalance {
    pub fn empty(as_of: Option<Date>, computed_at: DateTime<Utc>) -> Self {
        Self { as_of, computed_at, ..Self::default() }
    }

    /// Adds the balance of an account, or of all accounts of a kind.
    pub fn count(&mut self, kind: AccountKind, balance: Money) {
        use AccountKind::*;
        let figure = match kind {
            // What the source gave is the award.
            SrcPay => {
                self.awarded = less(self.awarded, balance);
                return;
            }
            Available => &mut self.available_to_disburse,
            Requested => &mut self.requested,
            Approved => &mut self.approved,
            Retained => &mut self.retained,
            Paid => &mut self.disbursed,
            Lapsed => &mut self.lapsed,
            Unobligated => &mut self.unobligated,
            Encumbered => &mut self.encumbered,
            Unclaimed | ClaimPending | Claimed => &mut self.expended,
            AdvanceOpen => &mut self.advance_outstanding,
            MatchMet => &mut self.match_met,
            SrcUse | LapsedUse | SrcAdv | AdvanceRoom | AdvancePending | SrcMatch | MatchUnused
            | SrcAlloc | Component | Spent | Reverted => return,
        };
        *figure = and(*figure, balance);
    }

    /// Completes what was counted with what follows from it. `recent` was expended in the last three whole months.
    pub fn derive(&mut self, term: &Term, recent: Money) {
        let on = self.as_of.unwrap_or(term.today);
        self.derive_amounts(term.match_required, recent);
        self.spent_percent = self.expended.percent_of(self.awarded);
        self.elapsed_percent = elapsed(term, on);
        let burned = recent.ratio_half_up(months_left(on, term.end), 3).unwrap_or_default();
        self.projected_end_balance = less(less(self.awarded, self.expended), burned);
    }

    /// Of `derive`, what may be summed over grants.
    pub fn derive_amounts(&mut self, match_required: Money, recent: Money) {
        self.cash_on_hand = above_zero(less(self.disbursed, self.expended));
        self.reimbursement_due = above_zero(less(self.expended, self.disbursed));
        self.match_required = match_required;
        self.match_gap = above_zero(less(self.match_required, self.match_met));
        self.burn_rate = recent.ratio_half_up(1, 3).unwrap_or_default();
    }

    /// Adds another's figures that are counted.
    pub fn count_all(&mut self, other: &Self) {
        for (figure, more) in [
            (&mut self.awarded, other.awarded),
            (&mut self.encumbered, other.encumbered),
            (&mut self.expended, other.expended),
            (&mut self.requested, other.requested),
            (&mut self.approved, other.approved),
            (&mut self.disbursed, other.disbursed),
            (&mut self.retained, other.retained),
            (&mut self.lapsed, other.lapsed),
            (&mut self.available_to_disburse, other.available_to_disburse),
            (&mut self.unobligated, other.unobligated),
            (&mut self.advance_outstanding, other.advance_outstanding),
            (&mut self.match_met, other.match_met),
        ] {
            *figure = and(*figure, more);
        }
    }

    /// Every figure that is an amount, by its name in the API.
    pub fn amounts(&self) -> [(&'static str, Money); 18] {
        [
            ("awarded", self.awarded),
            ("encumbered", self.encumbered),
            ("expended", self.expended),
            ("requested", self.requested),
            ("approved", self.approved),
            ("disbursed", self.disbursed),
            ("retained", self.retained),
            ("lapsed", self.lapsed),
            ("availableToDisburse", self.available_to_disburse),
            ("unobligated", self.unobligated),
            ("cashOnHand", self.cash_on_hand),
            ("reimbursementDue", self.reimbursement_due),
            ("advanceOutstanding", self.advance_outstanding),
            ("matchRequired", self.match_required),
            ("matchMet", self.match_met),
            ("matchGap", self.match_gap),
            ("burnRate", self.burn_rate),
            ("projectedEndBalance", self.projected_end_balance),
        ]
    }
}

/// Amounts of columns: their sums and differences fit.
fn and(one: Money, other: Money) -> Money {
    one.plus(other).unwrap_or_default()
}

fn less(one: Money, other: Money) -> Money {
    one.minus(other).unwrap_or_default()
}

fn above_zero(amount: Money) -> Money {
    amount.max(Money::ZERO)
}

/// Both ends are days of performance.
fn elapsed(term: &Term, on: Date) -> Option<Percent> {
    let days = term.start.days_until(term.end) + 1;
    let passed = (term.start.days_until(on) + 1).clamp(0, days);
    Money::from_cents(passed).percent_of(Money::from_cents(days))
}

/// Calendar months after this one, to the month of the end.
pub fn months_left(on: Date, end: Date) -> i32 {
    let month = |day: Date| day.year() * 12 + i32::try_from(day.month()).unwrap_or_default();
    (month(end) - month(on)).max(0)
}
