use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, InputObject, Object, SimpleObject,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};

use super::{
    Hours, MatchAcceptance, MatchAction, MatchContribution, MatchFlag, MatchStatus,
    NewContribution, Valuation,
    commands::{self, Accepting},
    store,
};
use crate::{
    App, Result,
    access::Reach,
    clock::Date,
    error::Shared,
    grants::{Grant, graphql::GrantLoader},
    graphql::{ContextExt, payload},
    id::{GrantId, MatchContributionId},
    money::Money,
    page::{OrderDirection, PageArgs, Window, by_window},
    people::{Person, graphql::PersonLoader},
    rule_sets::kinds::MatchSource,
};

#[ComplexObject]
impl MatchContribution {
    /// The grant that it was recorded for.
    async fn grant(&self, ctx: &Context<'_>) -> Result<Option<Grant>> {
        Ok(ctx.data_unchecked::<DataLoader<GrantLoader>>().load_one(self.grant_id).await?)
    }

    /// Where it stands.
    async fn status(&self) -> MatchStatus {
        self.standing()
    }

    /// What of it counts as match, and for which grants, in order.
    async fn acceptances(&self, ctx: &Context<'_>) -> Result<Vec<MatchAcceptance>> {
        let loader = ctx.data_unchecked::<DataLoader<AcceptancesOfContribution>>();
        Ok(loader.load_one(self.id).await?.unwrap_or_default())
    }

    /// What an auditor looks at in it.
    #[graphql(name = "flags")]
    async fn flagged(&self, ctx: &Context<'_>) -> Result<Vec<MatchFlag>> {
        let mut grants: Vec<_> = self.acceptances(ctx).await?;
        grants.sort_unstable_by_key(|acceptance| acceptance.grant_id);
        grants.dedup_by_key(|acceptance| acceptance.grant_id);
        Ok(self.flags(grants.len()))
    }

    /// Who entered it.
    async fn recorded_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.recorded_by)).await
    }

    /// Who turned it down; null when nobody did.
    async fn declined_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.declined_by).await
    }

    /// What you may do to it now.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Result<Vec<MatchAction>> {
        let grant = self.grant(ctx).await?;
        let costs_go_on = grant.is_some_and(|grant| grant.status.takes_costs());
        Ok(self.actions_for(ctx.actor(), costs_go_on))
    }
}

#[ComplexObject]
impl MatchAcceptance {
    /// The contribution; null when it was recorded for a grant that you may not see.
    async fn contribution(&self, ctx: &Context<'_>) -> Result<Option<MatchContribution>> {
        let loader = ctx.data_unchecked::<DataLoader<ContributionLoader>>();
        Ok(loader.load_one(self.contribution_id).await?)
    }

    /// The grant that it counts for; null when you may not see it.
    async fn grant(&self, ctx: &Context<'_>) -> Result<Option<Grant>> {
        Ok(ctx.data_unchecked::<DataLoader<GrantLoader>>().load_one(self.grant_id).await?)
    }

    /// Who accepted it.
    async fn accepted_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.accepted_by)).await
    }
}

/// Sums over a whole list of contributions, in US dollars.
#[derive(SimpleObject)]
pub struct MatchTotals {
    /// How many there are.
    count: i64,
    /// What they are worth; what was declined is not summed.
    amount: Money,
    /// What of it is not accepted for any grant.
    unused: Money,
}

/// What is known about a whole list of contributions.
pub struct ContributionsListed(GrantId);

#[Object]
impl ContributionsListed {
    /// How many contributions there are, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let loader = ctx.data_unchecked::<DataLoader<ContributionTotals>>();
        Ok(loader.load_one(self.0).await?.unwrap_or_default().count)
    }

    /// Sums over all of them, on all pages.
    async fn totals(&self, ctx: &Context<'_>) -> Result<MatchTotals> {
        let loader = ctx.data_unchecked::<DataLoader<ContributionTotals>>();
        let store::Totals { count, amount, unused } =
            loader.load_one(self.0).await?.unwrap_or_default();
        Ok(MatchTotals { count, amount, unused })
    }
}

/// What is known about a whole list of acceptances.
pub struct AcceptancesListed(GrantId);

#[Object]
impl AcceptancesListed {
    /// How many acceptances there are, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let loader = ctx.data_unchecked::<DataLoader<AcceptanceTotals>>();
        Ok(loader.load_one(self.0).await?.unwrap_or_default().count)
    }

    /// What they sum to, on all pages, in US dollars: what is met of the grant's match.
    async fn total_amount(&self, ctx: &Context<'_>) -> Result<Money> {
        let loader = ctx.data_unchecked::<DataLoader<AcceptanceTotals>>();
        Ok(loader.load_one(self.0).await?.unwrap_or_default().amount)
    }
}

/// A page of the contributions recorded for a grant, the latest first.
pub async fn contributions_of_grant(
    ctx: &Context<'_>,
    grant: GrantId,
    args: PageArgs,
) -> Result<Connection<String, MatchContribution, ContributionsListed>> {
    let window = Window::new("CONTRIBUTED_ON", OrderDirection::Desc, args)?;
    let loader = ctx.data_unchecked::<DataLoader<ContributionPages>>();
    let rows = loader.load_one((grant, window.clone())).await?.unwrap_or_default();
    Ok(window.page(rows, store::position, ContributionsListed(grant)))
}

/// A page of what was accepted as a grant's match, the earliest first.
pub async fn acceptances_of_grant(
    ctx: &Context<'_>,
    grant: GrantId,
    args: PageArgs,
) -> Result<Connection<String, MatchAcceptance, AcceptancesListed>> {
    let window = Window::new("ACCEPTED_AT", OrderDirection::Asc, args)?;
    let loader = ctx.data_unchecked::<DataLoader<AcceptancePages>>();
    let rows = loader.load_one((grant, window.clone())).await?.unwrap_or_default();
    Ok(window.page(rows, store::position_of_acceptance, AcceptancesListed(grant)))
}

/// Something that was added to a grant.
#[derive(InputObject)]
struct RecordMatchInput {
    /// Sent again with the same key, it is recorded once and answered again; 1 to 200 characters.
    idempotency_key: String,
    /// The grant that it is for; parts of it may be accepted for other grants of the recipient, too.
    grant_id: GrantId,
    /// Who contributed: your own department, a company, the volunteers of an association.
    contributor: String,
    /// What it is made of; the grant's rule of match says what may be.
    source: MatchSource,
    /// What it is worth, in US dollars.
    amount: Money,
    /// The day on which it was contributed, inside the period of performance.
    contributed_on: Date,
    /// The day from which the ledger counts it; its own when absent. Give a later one where its month is closed.
    effective_on: Option<Date>,
    /// What it was.
    description: String,
    /// The voucher, timesheet or appraisal that proves it. No other contribution of yours has it, for whichever grant, and no
    /// cost that a grant bears.
    reference: String,
    /// What its worth rests on; required for IN_KIND and VOLUNTEER (2 CFR 200.306).
    valuation_basis: Option<String>,
    /// Of volunteers: how long they worked; with `hourlyRate`, whose product `amount` has to be.
    hours: Option<Hours>,
    /// Of volunteers: what an hour of such work is worth, in US dollars.
    hourly_rate: Option<Money>,
    /// The federal statute that lets federal money count; required for FEDERAL where the grant is federal money, too (2 CFR
    /// 200.306(b)(5)).
    authorizing_statute: Option<String>,
}

/// A contribution, or a part of it, that counts.
#[derive(InputObject)]
struct AcceptMatchInput {
    /// The contribution.
    contribution_id: MatchContributionId,
    /// What of it counts, in US dollars; all that is left when absent.
    amount: Option<Money>,
    /// The grant that it counts for: one of the same recipient; the grant that it was recorded for when absent.
    grant_id: Option<GrantId>,
    /// As in `recordMatch`; required with `amount`, as a part could be accepted twice.
    idempotency_key: Option<String>,
}

/// A contribution that is turned down.
#[derive(InputObject)]
struct DeclineMatchInput {
    /// The contribution.
    contribution_id: MatchContributionId,
    /// Why, for whoever recorded it.
    reason: String,
}

payload!(
    /// What came of `recordMatch`.
    RecordMatchPayload {
        /// The contribution; null when it was refused.
        contribution: MatchContribution
    }
);
payload!(
    /// What came of `acceptMatch`.
    AcceptMatchPayload {
        /// The contribution; null when it was refused.
        contribution: MatchContribution
    }
);
payload!(
    /// What came of `declineMatch`.
    DeclineMatchPayload {
        /// The contribution; null when it was refused.
        contribution: MatchContribution
    }
);

#[derive(Default)]
pub struct MatchMutation;

#[Object]
impl MatchMutation {
    /// Records what the recipient, or somebody for it, added to a grant (2 CFR 200.306). It counts once a grant manager
    /// accepts it. Needs CITY_FINANCE of the recipient.
    async fn record_match(
        &self,
        ctx: &Context<'_>,
        input: RecordMatchInput,
    ) -> Result<RecordMatchPayload> {
        let new = NewContribution {
            grant: input.grant_id,
            contributor: input.contributor,
            source: input.source,
            amount: input.amount,
            contributed_on: input.contributed_on,
            effective_on: input.effective_on,
            description: input.description,
            reference: input.reference,
            valuation: Valuation {
                basis: input.valuation_basis,
                hours: input.hours,
                hourly_rate: input.hourly_rate,
            },
            authorizing_statute: input.authorizing_statute,
        };
        commands::record(ctx.app(), ctx.actor(), new, &input.idempotency_key).await.try_into()
    }

    /// Counts a contribution, or a part of it, as match of a grant; never more of it, for all grants together, than was
    /// contributed. Needs GRANT_MANAGER, another person than the one who recorded it.
    async fn accept_match(
        &self,
        ctx: &Context<'_>,
        input: AcceptMatchInput,
    ) -> Result<AcceptMatchPayload> {
        let asked = Accepting { amount: input.amount, grant: input.grant_id };
        let (id, key) = (input.contribution_id, input.idempotency_key.as_deref());
        commands::accept(ctx.app(), ctx.actor(), id, asked, key).await.try_into()
    }

    /// Turns a contribution down of which nothing is accepted; it may be recorded again, corrected. Needs GRANT_MANAGER,
    /// another person than the one who recorded it.
    async fn decline_match(
        &self,
        ctx: &Context<'_>,
        input: DeclineMatchInput,
    ) -> Result<DeclineMatchPayload> {
        commands::decline(ctx.app(), ctx.actor(), input.contribution_id, &input.reason)
            .await
            .try_into()
    }
}

/// Contributions to grants that the actor may see.
pub struct ContributionLoader {
    pub app: App,
    pub reach: Reach,
}

impl Loader<MatchContributionId> for ContributionLoader {
    type Value = MatchContribution;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[MatchContributionId],
    ) -> Result<HashMap<MatchContributionId, MatchContribution>, Shared> {
        let found = store::find(&self.app.db, &self.reach, ids).await?;
        Ok(found.into_iter().map(|contribution| (contribution.id, contribution)).collect())
    }
}

pub struct AcceptancesOfContribution(pub App);

impl Loader<MatchContributionId> for AcceptancesOfContribution {
    type Value = Vec<MatchAcceptance>;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[MatchContributionId],
    ) -> Result<HashMap<MatchContributionId, Vec<MatchAcceptance>>, Shared> {
        Ok(store::acceptances_of(&self.0.db, ids).await?)
    }
}

/// Declares the loaders of a grant's list: its pages, and its totals.
macro_rules! listed_of_grant {
    ($row:ty, $pages:ident, $read:path, $totals:ident, $sum:path) => {
        pub struct $pages(pub App);

        impl Loader<(GrantId, Window)> for $pages {
            type Value = Vec<$row>;
            type Error = Shared;

            async fn load(
                &self,
                keys: &[(GrantId, Window)],
            ) -> Result<HashMap<(GrantId, Window), Vec<$row>>, Shared> {
                let mut found = HashMap::new();
                for (window, grants) in by_window(keys) {
                    let pages = $read(&self.0.db, window, &grants).await?;
                    found.extend(
                        pages.into_iter().map(|(grant, rows)| ((grant, window.clone()), rows)),
                    );
                }
                Ok(found)
            }
        }

        pub struct $totals(pub App);

        impl Loader<GrantId> for $totals {
            type Value = store::Totals;
            type Error = Shared;

            async fn load(
                &self,
                grants: &[GrantId],
            ) -> Result<HashMap<GrantId, store::Totals>, Shared> {
                Ok($sum(&self.0.db, grants).await?)
            }
        }
    };
}

listed_of_grant!(
    MatchContribution,
    ContributionPages,
    store::of_grants,
    ContributionTotals,
    store::totals_of_grants
);
listed_of_grant!(
    MatchAcceptance,
    AcceptancePages,
    store::acceptances_of_grants,
    AcceptanceTotals,
    store::acceptance_totals_of_grants
);
