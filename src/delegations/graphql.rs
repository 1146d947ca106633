use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, InputObject, Object,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};

use super::{
    ApprovalDelegation, Authority, DelegationAction, NewDelegation, commands, rules, store,
};
use crate::{
    App, Result,
    access::{Identity, Permission},
    clock::Date,
    error::Shared,
    graphql::{ContextExt, payload},
    id::{DelegationId, PersonId},
    page::{OrderDirection, PageArgs, Window},
    people::{Person, graphql::PersonLoader},
};

#[ComplexObject]
impl ApprovalDelegation {
    /// The approver who is away.
    async fn approver(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.approver_id)).await
    }

    /// Who decides in the approver's place.
    async fn delegate(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.delegate_id)).await
    }

    /// Whether it holds today.
    async fn in_force(&self, ctx: &Context<'_>) -> bool {
        self.in_force_on(ctx.app().clock.today())
    }

    /// Who entered it: the approver, or a program admin.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.created_by)).await
    }

    /// Who ended it before its last day; null when nobody did.
    async fn ended_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.ended_by).await
    }

    /// What you may do to it now.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Vec<DelegationAction> {
        self.actions_for(ctx.actor(), ctx.app().clock.today())
    }
}

/// Which delegations to list. A delegation is found when every given field fits.
#[derive(InputObject, Default)]
pub struct DelegationFilter {
    /// Holding on this day.
    in_force_on: Option<Date>,
    /// Of one of these people: the approver, or whoever decides instead.
    people: Option<Vec<PersonId>>,
}

/// What is known about a whole list of delegations.
pub struct DelegationsListed {
    filter: store::DelegationFilter,
    everything: bool,
    person: PersonId,
}

#[Object]
impl DelegationsListed {
    /// How many delegations the filter finds, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(store::count(&ctx.app().db, &self.filter, self.everything, self.person).await?)
    }
}

#[derive(Default)]
pub struct DelegationQuery;

#[Object]
impl DelegationQuery {
    /// Who decides in which approver's place, the latest first: all of it for those who see everything, and for others what
    /// they take part in.
    async fn approval_delegations(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: DelegationFilter,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, ApprovalDelegation, DelegationsListed>> {
        let viewer = ctx.actor().may(Permission::ReadDelegations)?;
        let args = PageArgs { first, after, last, before };
        let window = Window::new("FROM", OrderDirection::Desc, args)?;
        let filter =
            store::DelegationFilter { in_force_on: filter.in_force_on, people: filter.people };
        let (everything, person) = (viewer.reach.everything, viewer.person);
        let rows = store::list(&ctx.app().db, &window, &filter, everything, person).await?;
        Ok(window.page(rows, store::position, DelegationsListed { filter, everything, person }))
    }
}

/// An absence, and who decides meanwhile.
#[derive(InputObject)]
struct DelegateApprovalInput {
    /// Who decides: a person who holds GRANT_MANAGER, FISCAL_OFFICER, PROGRAM_ADMIN or APPROVER.
    to_id: PersonId,
    /// The first day; not before today.
    from: Date,
    /// The last day; at most a year later.
    until: Date,
    /// Why.
    reason: String,
    /// The approver who is away: you, when absent; a program admin names somebody.
    approver_id: Option<PersonId>,
}

/// A delegation that ends now.
#[derive(InputObject)]
struct EndDelegationInput {
    /// The delegation.
    delegation_id: DelegationId,
}

payload!(
    /// What came of `delegateApproval`.
    DelegateApprovalPayload {
        /// The delegation; null when it was refused.
        delegation: ApprovalDelegation
    }
);
payload!(
    /// What came of `endDelegation`.
    EndDelegationPayload {
        /// The ended delegation; null when it was refused.
        delegation: ApprovalDelegation
    }
);

#[derive(Default)]
pub struct DelegationMutation;

#[Object]
impl DelegationMutation {
    /// Has another person approve, return and reject disbursements in an approver's place, for some days and up to the
    /// approver's limit. What was delegated is not passed on. Needs APPROVER, for oneself, or PROGRAM_ADMIN.
    async fn delegate_approval(
        &self,
        ctx: &Context<'_>,
        input: DelegateApprovalInput,
    ) -> Result<DelegateApprovalPayload> {
        let new = NewDelegation {
            approver: input.approver_id,
            delegate: input.to_id,
            starts_on: input.from,
            ends_on: input.until,
            reason: input.reason,
        };
        commands::delegate(ctx.app(), ctx.actor(), new).await.try_into()
    }

    /// Ends a delegation at once. Needs APPROVER, for oneself, or PROGRAM_ADMIN.
    async fn end_delegation(
        &self,
        ctx: &Context<'_>,
        input: EndDelegationInput,
    ) -> Result<EndDelegationPayload> {
        commands::end(ctx.app(), ctx.actor(), input.delegation_id).await.try_into()
    }
}

/// The powers that approvers who are away left to people today.
pub struct PowersOfPerson(pub App);

impl PowersOfPerson {
    /// All by which a person decides: the own power, and those left to them.
    pub async fn find(ctx: &Context<'_>, identity: &Identity) -> Result<Vec<Authority>> {
        let mut powers: Vec<_> = Authority::own(identity).into_iter().collect();
        if rules::DELEGATES.contains(&identity.role) {
            let loader = ctx.data_unchecked::<DataLoader<Self>>();
            powers.extend(loader.load_one(identity.person).await?.unwrap_or_default());
        }
        Ok(powers)
    }
}

impl Loader<PersonId> for PowersOfPerson {
    type Value = Vec<Authority>;
    type Error = Shared;

    async fn load(&self, people: &[PersonId]) -> Result<HashMap<PersonId, Vec<Authority>>, Shared> {
        Ok(store::powers_of(&self.0.db, people, self.0.clock.today()).await?)
    }
}
