use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, InputObject, Object,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};
use chrono::{DateTime, Utc};

use super::{NewPlan, PlanStatus, PlanYear, SustainabilityPlan, commands, store};
use crate::{
    App, Result,
    access::{Permission, Reach},
    cities::{City, graphql::CityLoader},
    clock::Date,
    error::Shared,
    fiscal_year::FiscalYear,
    graphql::{ContextExt, payload},
    id::{CityId, PlanId},
    money::{Money, Percent},
    page::{OrderDirection, PageArgs, Window},
    people::{Person, graphql::PersonLoader},
};

/// What a fiscal year of a plan costs, and what is secured for it.
#[Object]
impl PlanYear {
    /// The fiscal year.
    async fn fiscal_year(&self) -> FiscalYear {
        self.fiscal_year
    }

    /// What it costs to go on, in US dollars.
    async fn cost(&self) -> Money {
        self.cost
    }

    /// What is secured for it, in US dollars.
    async fn secured(&self) -> Money {
        self.secured
    }

    /// What is missing, in US dollars: cost less secured, never below zero.
    async fn gap(&self) -> Money {
        self.missing()
    }

    /// What is secured in hundredths of the cost; null when nothing is needed.
    async fn coverage_percent(&self) -> Option<Percent> {
        self.covered()
    }
}

#[ComplexObject]
impl SustainabilityPlan {
    /// The city whose plan it is.
    async fn city(&self, ctx: &Context<'_>) -> Result<City> {
        let found = ctx.data_unchecked::<DataLoader<CityLoader>>().load_one(self.city_id).await?;
        Ok(found.expect("a plan has a city"))
    }

    /// Its fiscal years, the earliest first.
    async fn years(&self, ctx: &Context<'_>) -> Result<Vec<PlanYear>> {
        Ok(ctx
            .data_unchecked::<DataLoader<YearsOfPlan>>()
            .load_one(self.id)
            .await?
            .unwrap_or_default())
    }

    /// What is missing over all its years, in US dollars.
    async fn gap(&self, ctx: &Context<'_>) -> Result<Money> {
        let years = ctx
            .data_unchecked::<DataLoader<YearsOfPlan>>()
            .load_one(self.id)
            .await?
            .unwrap_or_default();
        Ok(years.iter().map(PlanYear::missing).sum())
    }

    /// Who entered it.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.created_by)).await
    }
}

/// Which sustainability plans to list.
#[derive(InputObject, Default)]
pub struct PlanFilter {
    /// Of one of these cities.
    cities: Option<Vec<CityId>>,
    /// Standing so.
    statuses: Option<Vec<PlanStatus>>,
    /// Changed at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

/// What is known about a whole list of plans.
pub struct PlansListed {
    filter: store::PlanFilter,
    reach: Reach,
}

#[Object]
impl PlansListed {
    /// How many plans the filter finds, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(store::count(&ctx.app().db, &self.filter, &self.reach).await?)
    }
}

#[derive(Default)]
pub struct PlanQuery;

#[Object]
impl PlanQuery {
    /// A sustainability plan by its id; null when there is none or it is not yours to see.
    async fn sustainability_plan(
        &self,
        ctx: &Context<'_>,
        id: PlanId,
    ) -> Result<Option<SustainabilityPlan>> {
        let reach = ctx.actor().may_read(Permission::ReadPlan)?;
        Ok(store::find(&ctx.app().db, &reach, &[id]).await?.pop())
    }

    /// The sustainability plans that you may see, the newest first.
    async fn sustainability_plans(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: PlanFilter,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, SustainabilityPlan, PlansListed>> {
        let reach = ctx.actor().may_read(Permission::ReadPlans)?;
        let window = Window::new(
            "CREATED_AT",
            OrderDirection::Desc,
            PageArgs { first, after, last, before },
        )?;
        let filter = store::PlanFilter {
            cities: filter.cities,
            statuses: filter.statuses,
            updated_since: filter.updated_since,
        };
        let rows = store::list(&ctx.app().db, &window, &filter, &reach).await?;
        Ok(window.page(rows, store::position, PlansListed { filter, reach }))
    }
}

/// A fiscal year of a new plan.
#[derive(InputObject)]
struct PlanYearInput {
    /// The fiscal year.
    fiscal_year: FiscalYear,
    /// What it costs to go on, in US dollars.
    cost: Money,
    /// What is secured for it, in US dollars.
    secured: Money,
}

/// A new sustainability plan, as a draft.
#[derive(InputObject)]
struct CreateSustainabilityPlanInput {
    /// The city whose plan it is.
    city_id: CityId,
    /// What it is about, in a few sentences.
    summary: String,
    /// Its fiscal years, each once; at least one.
    years: Vec<PlanYearInput>,
}

/// The adoption of a draft.
#[derive(InputObject)]
struct AdoptSustainabilityPlanInput {
    /// The draft.
    plan_id: PlanId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
    /// The day of adoption, not in the future.
    adopted_on: Date,
}

payload!(
    /// What came of `createSustainabilityPlan`.
    CreateSustainabilityPlanPayload {
        /// The new draft; null when it was refused.
        sustainability_plan: SustainabilityPlan
    }
);
payload!(
    /// What came of `adoptSustainabilityPlan`.
    AdoptSustainabilityPlanPayload {
        /// The adopted plan; null when it was refused.
        sustainability_plan: SustainabilityPlan
    }
);

#[derive(Default)]
pub struct PlanMutation;

#[Object]
impl PlanMutation {
    /// Enters a plan as its city's next edition. Needs GRANT_MANAGER, PROGRAM_ADMIN or COACH of the city.
    async fn create_sustainability_plan(
        &self,
        ctx: &Context<'_>,
        input: CreateSustainabilityPlanInput,
    ) -> Result<CreateSustainabilityPlanPayload> {
        let year = |year: PlanYearInput| PlanYear {
            fiscal_year: year.fiscal_year,
            cost: year.cost,
            secured: year.secured,
        };
        let years = input.years.into_iter().map(year).collect();
        let new = NewPlan { city: input.city_id, summary: input.summary, years };
        commands::create(ctx.app(), ctx.actor(), new).await.try_into()
    }

    /// Puts a draft in force; the edition adopted before is superseded. Needs GRANT_MANAGER, PROGRAM_ADMIN or COACH of
    /// the city.
    async fn adopt_sustainability_plan(
        &self,
        ctx: &Context<'_>,
        input: AdoptSustainabilityPlanInput,
    ) -> Result<AdoptSustainabilityPlanPayload> {
        commands::adopt(ctx.app(), ctx.actor(), input.plan_id, input.revision, input.adopted_on)
            .await
            .try_into()
    }
}

pub struct YearsOfPlan(pub App);

impl Loader<PlanId> for YearsOfPlan {
    type Value = Vec<PlanYear>;
    type Error = Shared;

    async fn load(&self, ids: &[PlanId]) -> Result<HashMap<PlanId, Vec<PlanYear>>, Shared> {
        Ok(store::years_of(&self.0.db, ids).await?)
    }
}
