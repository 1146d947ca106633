//! How much of a grant may be advanced, kept in the ledger as room: what is asked for or
//! paid in advance takes of it, and what is accounted for or refunded gives it back.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Result,
    clock::{Clock, Date},
    id::GrantId,
    ledger::{self, AccountKind, Move, Posting},
    money::Money,
    rule_sets::{
        bound::Bound,
        kinds::{PayWay, RuleTerms},
    },
};

/// The most that the grant's rules let be outstanding in advance; without such a rule, the award.
pub fn most(bound: &Bound, award: Money) -> Money {
    let in_force = bound.rules.iter().filter_map(|rule| rule.in_force());
    let mut caps = in_force.filter_map(|terms| match terms {
        RuleTerms::PayMethod(terms) if terms.method == PayWay::Reimbursement => Some(Money::ZERO),
        RuleTerms::PayMethod(terms) => Some(terms.most(award)),
        _ => None,
    });
    caps.next().unwrap_or(award)
}

/// Makes the room what the rules say, as far as what is outstanding lets it shrink.
pub async fn follow(
    tx: &mut PgConnection,
    clock: &Clock,
    bound: &Bound,
    grant: GrantId,
    cause: Uuid,
    on: Date,
) -> Result<()> {
    let source = ledger::store::balance(&mut *tx, grant, AccountKind::SrcAdv).await?;
    let room = ledger::store::balance(&mut *tx, grant, AccountKind::AdvanceRoom).await?;
    let now = Money::ZERO.minus(source).unwrap_or_default();
    let most = most(bound, bound.situation.amount);
    let (more, less) = (most.minus(now).unwrap_or_default(), now.minus(most).unwrap_or_default());
    let mut posting = Posting::of_grant(grant, cause, on);
    if more.is_positive() {
        posting.add(Move::AmendUp, AccountKind::SrcAdv, AccountKind::AdvanceRoom, more);
    } else if less.is_positive() {
        let less = less.min(room);
        posting.add(Move::AmendDown, AccountKind::AdvanceRoom, AccountKind::SrcAdv, less);
    }
    Ok(ledger::store::post(tx, clock, &posting).await?)
}
