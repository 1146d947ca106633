//! What rules say about grants and about steps of their money, many at a time.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;

use super::super::{
    RuleFinding, RuleOverride,
    bound::{self, Bound},
    evaluation,
    kinds::{InHand, Step},
    override_store,
};
use crate::{
    App,
    access::Reach,
    clock::{CALIFORNIA, Date},
    deadlines,
    disbursements::{self, Disbursement, DisbursementKind, DisbursementStatus},
    documents::{self, DocumentKind},
    error::Shared,
    id::{DisbursementId, GrantId},
    ledger::{self, GrantBalance},
    money::Money,
};

/// How grants that the actor was shown stand today.
pub struct FindingsOfGrant(pub App);

impl Loader<GrantId> for FindingsOfGrant {
    type Value = Vec<RuleFinding>;
    type Error = Shared;

    async fn load(&self, ids: &[GrantId]) -> Result<HashMap<GrantId, Vec<RuleFinding>>, Shared> {
        let today = self.0.clock.today();
        let mut db = self.0.db.acquire().await?;
        let bound = bound::of_grants(&mut db, ids, today).await?;
        let findings = |bound: &Bound| {
            evaluation::findings(&bound.rules, &bound.situation, &Step::Standing { on: today })
        };
        Ok(bound.iter().map(|(id, bound)| (*id, findings(bound))).collect())
    }
}

/// The overrides of grants that the actor was shown.
pub struct OverridesOfGrant(pub App);

impl Loader<GrantId> for OverridesOfGrant {
    type Value = Vec<RuleOverride>;
    type Error = Shared;

    async fn load(&self, ids: &[GrantId]) -> Result<HashMap<GrantId, Vec<RuleOverride>>, Shared> {
        Ok(override_store::overrides_of(&self.0.db, ids).await?)
    }
}

/// What stands against disbursements that are not paid yet, or would come of them.
pub struct FindingsOfDisbursement {
    pub app: App,
    pub reach: Reach,
}

impl Loader<DisbursementId> for FindingsOfDisbursement {
    type Value = Vec<RuleFinding>;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[DisbursementId],
    ) -> Result<HashMap<DisbursementId, Vec<RuleFinding>>, Shared> {
        let today = self.app.clock.today();
        let mut db = self.app.db.acquire().await?;
        let found = disbursements::store::find(&mut *db, &self.reach, ids).await?;
        let mut grants: Vec<_> = found.iter().map(|disbursement| disbursement.grant_id).collect();
        grants.sort_unstable();
        grants.dedup();
        let bound = bound::of_grants(&mut db, &grants, today).await?;
        let advanced = disbursements::store::advanced(&mut *db, &grants).await?;
        let now = self.app.clock.now();
        let overdue = deadlines::store::overdue_deliverables(&mut *db, &grants, now).await?;
        let resolved =
            documents::store::having(&mut *db, &grants, DocumentKind::Resolution).await?;
        let mut balances: HashMap<_, GrantBalance> = HashMap::new();
        for account in ledger::store::by_kind(&mut *db, &grants, None, None).await? {
            balances.entry(account.grant_id).or_default().count(account.kind, account.balance);
        }
        let of = |disbursement: Disbursement| {
            let grant = disbursement.grant_id;
            let findings = bound.get(&grant).map(|bound| {
                let advanced = advanced.get(&grant).copied().unwrap_or_default();
                let overdue = overdue.get(&grant).cloned().unwrap_or_default();
                let signed = bound.situation.signed_on.is_some();
                let in_hand =
                    disbursements::rules::in_hand(signed, resolved.contains(&grant), overdue);
                let mut steps = steps(&disbursement, advanced, in_hand, today);
                let balance = balances.get(&grant);
                steps.extend(balance.and_then(|balance| match_pace(&disbursement, balance)));
                steps
                    .iter()
                    .flat_map(|step| evaluation::findings(&bound.rules, &bound.situation, step))
                    .collect()
            });
            (disbursement.id, findings.unwrap_or_default())
        };
        Ok(found.into_iter().map(of).collect())
    }
}

/// Before it is paid: whether the match keeps pace with what is paid of the grant and asked for.
fn match_pace(of: &Disbursement, balance: &GrantBalance) -> Option<Step> {
    use DisbursementStatus::{Approved, Requested, Returned, Scheduled};
    // A returned request is not among what is asked for.
    let own = match of.status {
        Requested | Approved | Scheduled => Money::ZERO,
        Returned => of.amount,
        _ => return None,
    };
    let drawn = [balance.disbursed, balance.retained, balance.approved, balance.requested, own];
    Some(Step::MatchPace {
        awarded: balance.awarded,
        drawn: drawn.into_iter().sum(),
        met: balance.match_met,
    })
}

/// The steps that a disbursement has before it.
fn steps(of: &Disbursement, advanced: Money, in_hand: InHand, today: Date) -> Vec<Step> {
    use DisbursementStatus::{Approved, Requested, Returned, Scheduled};
    let pay = |on| Step::Pay { on, amount: of.payable(), retains: of.claims(), in_hand };
    match of.status {
        Requested | Returned => {
            let advance = of.kind == DisbursementKind::Advance;
            // What it asks for itself is not outstanding before it.
            let own = if advance && of.status == Requested { of.amount } else { Money::ZERO };
            let request = Step::Request {
                // A request in time stays in time while it waits.
                on: Date(of.requested_at.with_timezone(&CALIFORNIA).date_naive()),
                advance,
                amount: of.amount,
                outstanding: advanced.minus(own).unwrap_or_default(),
                period: of.costs_of(),
            };
            vec![request, pay(today)]
        }
        Approved | Scheduled => vec![pay(of.scheduled_for.unwrap_or(today))],
        _ => vec![],
    }
}
