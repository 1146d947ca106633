//! What has to be done before a grant is closed (2 CFR 200.344), and what lapses with it.

use std::collections::HashMap;

use async_graphql::SimpleObject;
use sqlx::PgConnection;

use super::{Grant, GrantAction, rules};
use crate::{
    Refusal,
    clock::Date,
    error::UserErrorCode,
    id::GrantId,
    ledger::{self, Account, AccountKind, Move, Posting},
    money::Money,
    reports,
    text_enum::text_enum,
};

/// After the period of performance a recipient has this many days for its reports and payments, and a subrecipient
/// fewer (2 CFR 200.344).
const RECIPIENT_DAYS: i64 = 120;
const SUBRECIPIENT_DAYS: i64 = 90;

text_enum! {
    /// What a closeout asks for.
    pub enum CloseoutStep {
        /// The period of performance is over.
        PeriodOver = "PERIOD_OVER",
        /// Every report, the final one among them, is accepted or was waived.
        ReportsAccepted = "REPORTS_ACCEPTED",
        /// Nothing is requested or approved and unpaid.
        RequestsSettled = "REQUESTS_SETTLED",
        /// No order of the recipient is open.
        EncumbrancesLiquidated = "ENCUMBRANCES_LIQUIDATED",
        /// Nothing is withheld any more.
        RetentionReleased = "RETENTION_RELEASED",
        /// Every advance is accounted for or refunded.
        AdvancesAccounted = "ADVANCES_ACCOUNTED",
        /// The recipient holds no cash that it has not spent.
        CashDisposed = "CASH_DISPOSED",
    }
}

/// One thing that a closeout asks for.
#[derive(Clone, Debug, SimpleObject)]
pub struct CloseoutItem {
    /// What is asked for.
    pub step: CloseoutStep,
    /// Whether it is done.
    pub done: bool,
    /// How it stands, and what to do where it is not done.
    pub detail: String,
}

/// The closeout of a grant.
#[derive(Clone, Debug, SimpleObject)]
pub struct Closeout {
    /// By when reports and payments have to be complete: 120 days after the period of performance, 90 for a subrecipient
    /// (2 CFR 200.344).
    pub due_on: Date,
    /// Days from today to then; below zero when it is late.
    pub days_left: i64,
    /// What is asked for.
    pub items: Vec<CloseoutItem>,
    /// Whether all of it is done.
    pub complete: bool,
}

/// By when a grant has to be closed out.
pub fn due_on(performance_end: Date, subrecipient: bool) -> Date {
    performance_end.plus_days(if subrecipient { SUBRECIPIENT_DAYS } else { RECIPIENT_DAYS })
}

/// What the closeout of a grant looks at.
#[derive(Clone, Debug, Default)]
pub struct Open {
    /// The accounts that are not empty.
    pub accounts: HashMap<Account, Money>,
    /// The reports that nobody has accepted.
    pub reports: Vec<String>,
}

/// What the closeouts of many grants look at, in two statements.
pub async fn read(
    db: &mut PgConnection,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Open>> {
    let mut accounts = ledger::store::accounts_of(&mut *db, grants).await?;
    let mut reports = reports::store::unaccepted(&mut *db, grants).await?;
    let mut open = |grant: &GrantId| Open {
        accounts: accounts.remove(grant).unwrap_or_default(),
        reports: reports.remove(grant).unwrap_or_default(),
    };
    Ok(grants.iter().map(|grant| (*grant, open(grant))).collect())
}

impl Closeout {
    /// How the closeout of a grant stands on a day.
    pub fn of(grant: &Grant, open: &Open, today: Date) -> Self {
        let items = items(grant, open, today);
        let due_on = due_on(grant.performance_end, grant.parent_id.is_some());
        let complete = items.iter().all(|item| item.done);
        Self { due_on, days_left: today.days_until(due_on), items, complete }
    }

    /// Refuses to end a grant that is not ready, with the first thing to do.
    pub fn check(&self, grant: &Grant, action: GrantAction) -> Result<(), Refusal> {
        // What is terminated ends before its time, and before its reports.
        let early = [CloseoutStep::PeriodOver, CloseoutStep::ReportsAccepted];
        let asked =
            |item: &&CloseoutItem| action != GrantAction::Terminate || !early.contains(&item.step);
        let missing = self.items.iter().filter(asked).find(|item| !item.done);
        match missing {
            Some(item) if item.step == CloseoutStep::PeriodOver => {
                Err(Refusal::new(UserErrorCode::OutsidePeriod, item.detail.clone()))
            }
            Some(item) => {
                let message = format!("grant {}: {}", grant.number, item.detail);
                Err(Refusal::new(UserErrorCode::InvalidState, message))
            }
            None => Ok(()),
        }
    }
}

fn items(grant: &Grant, open: &Open, today: Date) -> Vec<CloseoutItem> {
    let Open { accounts, reports } = open;
    use AccountKind::{
        AdvanceOpen, Approved, ClaimPending, Claimed, Encumbered, Paid, Requested, Retained,
        Unclaimed,
    };
    let sum = |kinds: &[AccountKind]| -> Money {
        let of = accounts.iter().filter(|(account, _)| kinds.contains(&account.kind));
        of.map(|(_, balance)| *balance).sum()
    };
    let item = |step, open: Money, detail: String| CloseoutItem {
        step,
        done: !open.is_positive(),
        detail: if open.is_positive() { detail } else { "done".into() },
    };
    let over = rules::check_period_over(grant, today);
    let waiting = sum(&[Requested, Approved]);
    let ordered = sum(&[Encumbered]);
    let retained = sum(&[Retained]);
    let advanced = sum(&[AdvanceOpen]);
    let expended = sum(&[Unclaimed, ClaimPending, Claimed]);
    let cash = sum(&[Paid]).minus(expended).unwrap_or_default();
    vec![
        CloseoutItem {
            step: CloseoutStep::PeriodOver,
            done: over.is_ok(),
            detail: over.map_or_else(|why| why.message, |()| "done".into()),
        },
        CloseoutItem {
            step: CloseoutStep::ReportsAccepted,
            done: reports.is_empty(),
            detail: match reports.as_slice() {
                [] => "done".into(),
                waiting => format!("not accepted yet: {}", waiting.join("; ")),
            },
        },
        item(
            CloseoutStep::RequestsSettled,
            waiting,
            format!("{waiting} is requested or approved and not paid: settle that first"),
        ),
        item(
            CloseoutStep::EncumbrancesLiquidated,
            ordered,
            format!("{ordered} is ordered: liquidate or cancel the encumbrances first"),
        ),
        item(
            CloseoutStep::RetentionReleased,
            retained,
            format!("{retained} is retained: release and pay it first"),
        ),
        item(
            CloseoutStep::AdvancesAccounted,
            advanced,
            format!("{advanced} was advanced: account for it or record its refund first"),
        ),
        item(
            CloseoutStep::CashDisposed,
            cash,
            format!("the recipient holds {cash} that it has not spent: record its refund first"),
        ),
    ]
}

/// What is neither paid nor claimed lapses; the room for advances goes.
pub fn lapse(posting: &mut Posting, accounts: &HashMap<Account, Money>) {
    for (account, amount) in in_order(accounts) {
        let to = match account.kind {
            AccountKind::Available => AccountKind::Lapsed,
            // Costs that nobody asked to be paid for are the recipient's own.
            AccountKind::Unobligated | AccountKind::Unclaimed => AccountKind::LapsedUse,
            AccountKind::AdvanceRoom => AccountKind::SrcAdv,
            _ => continue,
        };
        posting.add(Move::Lapse, account, to, amount);
    }
}

/// Always in one order, so that a history reads the same each time.
pub fn in_order(accounts: &HashMap<Account, Money>) -> Vec<(Account, Money)> {
    let mut all: Vec<_> = accounts.iter().map(|(account, amount)| (*account, *amount)).collect();
    all.sort_unstable_by_key(|(account, _)| (account.kind, account.item));
    all
}
