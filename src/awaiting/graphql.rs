use std::collections::HashMap;

use async_graphql::{
    Context, Object, OutputType,
    connection::{Connection, ConnectionNameType, EmptyFields},
};
use uuid::Uuid;

use super::{Asker, store, store::Waiting};
use crate::{
    Result,
    access::{Identity, Reach},
    budgets::{self, Amendment},
    delegations::{self, ApprovalDelegation, graphql::PowersOfPerson, store::DelegationFilter},
    disbursements::{self, Disbursement},
    grants::{self, Grant},
    graphql::ContextExt,
    id::{AmendmentId, DisbursementId, GrantId, MatchContributionId, RuleOverrideId},
    matching::{self, MatchContribution},
    page::{OrderDirection, PageArgs, Position, Window},
    rule_sets::{self, RuleOverride},
};

/// What waits for you in your role, the oldest first. It follows from what there is: nobody assigns it.
pub struct Awaiting {
    asker: Asker,
    reach: Reach,
}

impl Awaiting {
    /// For whoever asks; nothing waits for those who have not signed in.
    pub async fn of(ctx: &Context<'_>, identity: Option<&Identity>) -> Result<Self> {
        let asker = match identity {
            Some(identity) => Asker::of(identity, PowersOfPerson::find(ctx, identity).await?),
            None => Asker::nobody(),
        };
        Ok(Self { asker, reach: ctx.actor().reach() })
    }
}

/// What is known about a whole list of what waits.
pub struct AwaitingListed {
    asker: Asker,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Disbursements,
    Grants,
    Amendments,
    Overrides,
    Contributions,
}

impl What {
    const ALL: [Self; 5] =
        [Self::Disbursements, Self::Grants, Self::Amendments, Self::Overrides, Self::Contributions];

    async fn count(self, ctx: &Context<'_>, asker: &Asker) -> Result<i64> {
        let db = &ctx.app().db;
        Ok(match self {
            Self::Disbursements => store::count_disbursements(db, asker).await?,
            Self::Grants => store::count_grants(db, asker).await?,
            Self::Amendments => store::count_amendments(db, asker).await?,
            Self::Overrides => store::count_overrides(db, asker).await?,
            Self::Contributions => store::count_contributions(db, asker).await?,
        })
    }
}

#[Object]
impl AwaitingListed {
    /// How many wait, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        self.what.count(ctx, &self.asker).await
    }
}

/// `AwaitingDisbursementConnection` and its like: beside the lists of all there is.
pub struct AwaitingName;

impl ConnectionNameType for AwaitingName {
    fn type_name<T: OutputType>() -> String {
        format!("Awaiting{}Connection", T::type_name())
    }
}

type Page<T> = Connection<String, T, AwaitingListed, EmptyFields, AwaitingName>;

impl Awaiting {
    /// The page of rows that were found for the ids which wait, in their order.
    fn page<T: OutputType>(
        &self,
        window: &Window,
        waiting: Vec<Waiting>,
        found: Vec<T>,
        id: impl Fn(&T) -> Uuid,
        what: What,
    ) -> Page<T> {
        let mut found: HashMap<_, _> = found.into_iter().map(|row| (id(&row), row)).collect();
        let rows = waiting.iter().filter_map(|one| found.remove(&one.id)).collect();
        let position = |row: &T| Position { key: String::new(), id: id(row) };
        let page: Connection<_, T, _> = window.page(rows, position, EmptyFields);
        let listed = AwaitingListed { asker: self.asker.clone(), what };
        let (previous, next) = (page.has_previous_page, page.has_next_page);
        let mut named = Connection::with_additional_fields(previous, next, listed);
        named.edges = page.edges;
        named
    }
}

fn window(
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> Result<Window> {
    Window::new("AGE", OrderDirection::Asc, PageArgs { first, after, last, before })
}

#[Object]
impl Awaiting {
    /// Disbursements. An approver, and whoever decides in an approver's place: requests of others within the limit. A fiscal
    /// officer: what is approved or scheduled, and neither asked for nor approved by the same person. Finance staff: what was
    /// returned to their organization.
    async fn disbursements(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<Disbursement>> {
        let (db, window) = (&ctx.app().db, window(first, after, last, before)?);
        let waiting = store::disbursements(db, &window, &self.asker).await?;
        let ids: Vec<_> = waiting.iter().map(|one| DisbursementId(one.id)).collect();
        let found = disbursements::store::find(db, &self.reach, &ids).await?;
        Ok(self.page(&window, waiting, found, |row| row.id.0, What::Disbursements))
    }

    /// Grants. An approver: drafts of others within the limit. A grant manager: awards to sign.
    async fn grants(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<Grant>> {
        let (db, window) = (&ctx.app().db, window(first, after, last, before)?);
        let waiting = store::grants(db, &window, &self.asker).await?;
        let ids: Vec<_> = waiting.iter().map(|one| GrantId(one.id)).collect();
        let found = grants::store::find(db, &self.reach, &ids).await?;
        Ok(self.page(&window, waiting, found, |row| row.id.0, What::Grants))
    }

    /// Amendments. An approver: proposals of others within the limit.
    async fn amendments(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<Amendment>> {
        let (db, window) = (&ctx.app().db, window(first, after, last, before)?);
        let waiting = store::amendments(db, &window, &self.asker).await?;
        let ids: Vec<_> = waiting.iter().map(|one| AmendmentId(one.id)).collect();
        let found = budgets::store::find_amendments(db, &self.reach, &ids).await?;
        Ok(self.page(&window, waiting, found, |row| row.id.0, What::Amendments))
    }

    /// Other terms of a rule for one grant. An approver: proposals of others.
    async fn rule_overrides(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<RuleOverride>> {
        let (db, window) = (&ctx.app().db, window(first, after, last, before)?);
        let waiting = store::overrides(db, &window, &self.asker).await?;
        let ids: Vec<_> = waiting.iter().map(|one| RuleOverrideId(one.id)).collect();
        let found = rule_sets::override_store::find_overrides(db, &self.reach, &ids).await?;
        Ok(self.page(&window, waiting, found, |row| row.id.0, What::Overrides))
    }

    /// Match. A grant manager: contributions that others recorded, of which something is left to accept.
    async fn match_contributions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<MatchContribution>> {
        let (db, window) = (&ctx.app().db, window(first, after, last, before)?);
        let waiting = store::contributions(db, &window, &self.asker).await?;
        let ids: Vec<_> = waiting.iter().map(|one| MatchContributionId(one.id)).collect();
        let found = matching::store::find(db, &self.reach, &ids).await?;
        Ok(self.page(&window, waiting, found, |row| row.id.0, What::Contributions))
    }

    /// The approvers who are away and in whose place you decide today.
    async fn delegations(&self, ctx: &Context<'_>) -> Result<Vec<ApprovalDelegation>> {
        if self.asker.role.is_none() {
            return Ok(vec![]);
        }
        let filter = DelegationFilter {
            in_force_on: Some(ctx.app().clock.today()),
            people: Some(vec![self.asker.person]),
        };
        let window = Window::new("FROM", OrderDirection::Asc, PageArgs::default())?;
        let me = self.asker.person;
        let found = delegations::store::list(&ctx.app().db, &window, &filter, false, me).await?;
        Ok(found.into_iter().filter(|one| one.delegate_id == me).collect())
    }

    /// How much of all kinds waits.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let mut sum = 0;
        for what in What::ALL {
            sum += what.count(ctx, &self.asker).await?;
        }
        Ok(sum)
    }
}
