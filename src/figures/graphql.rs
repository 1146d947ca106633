use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, Object, SimpleObject,
    dataloader::{DataLoader, Loader},
};
use chrono::{DateTime, Utc};

use super::{
    balances::Of,
    forms::{self, AccountingBasis, FormLine, IndirectCosts, IndirectExpense, ProgramIncome},
    reading::{self, Question},
    store,
    summary::{FundingDimension, FundingFigures, Group, Key, Summary},
    wanted::Wanted,
};
use crate::{
    App, Error, Result,
    access::{Actor, Permission, Reach},
    cities::{
        City, County,
        graphql::{CityLoader, CountyLoader},
    },
    clock::Date,
    error::Shared,
    fiscal_year::FiscalYear,
    grants::{
        self, ActionArea, DateRange, Grant, GrantStatus,
        graphql::{BalanceLoader, GrantFilter},
    },
    graphql::ContextExt,
    id::GrantId,
    ledger::GrantBalance,
    money::Money,
    people::{Organization, graphql::OrganizationLoader},
    reports,
    rule_sets::bound,
    streams::{self, FundingProgram, FundingStream},
};

/// Sums over grants, in all and by group.
#[derive(SimpleObject)]
pub struct FundingSummary {
    /// How many grants the filter finds.
    pub grant_count: i64,
    /// Of these it is not known what match is required: no rules bind them, those of the match are not verified, or a
    /// fact that would waive it is not recorded.
    pub unknown_match_count: i64,
    /// Sums over all of them.
    pub total: FundingFigures,
    /// The groups, by fiscal year and then by what was awarded, the most first; none where nothing is grouped by. The
    /// figures of a grant are split by the shares of its cities and action areas, each by itself, so that groups sum to
    /// the total to the cent. By fiscal year that holds for what was posted in a year, not for what there was at its end.
    pub groups: Vec<FundingGroup>,
    /// The last day whose entries are counted; null is all of them.
    pub as_of: Option<Date>,
    /// Only what was entered by then is counted; null is all.
    pub known_at: Option<DateTime<Utc>>,
    /// When the figures were read.
    pub computed_at: DateTime<Utc>,
    #[graphql(skip)]
    pub stamp: Option<i64>,
}

/// Sums over the grants of a group.
#[derive(SimpleObject)]
pub struct FundingGroup {
    /// What it is a group of.
    pub key: FundingKey,
    /// How many grants have a part in it; by fiscal year, those with an entry by its end.
    pub grant_count: i64,
    /// Of these it is not known what match is required.
    pub unknown_match_count: i64,
    /// Sums over their parts.
    pub figures: FundingFigures,
}

impl FundingGroup {
    fn new(group: Group) -> Self {
        Self {
            key: FundingKey(group.key),
            grant_count: group.grants,
            unknown_match_count: group.match_unknown,
            figures: group.amounts.figures(group.key.fiscal_year.is_some()),
        }
    }
}

pub struct FundingKey(pub Key);

/// What a group is of; null where it is not grouped by that.
#[Object]
impl FundingKey {
    /// The funding stream.
    async fn stream(&self, ctx: &Context<'_>) -> Result<Option<FundingStream>> {
        match self.0.stream {
            Some(id) => streams::graphql::stream(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The program.
    async fn program(&self, ctx: &Context<'_>) -> Result<Option<FundingProgram>> {
        match self.0.program {
            Some(id) => streams::graphql::program(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The city.
    async fn city(&self, ctx: &Context<'_>) -> Result<Option<City>> {
        CityLoader::find(ctx, self.0.city).await
    }

    /// The county.
    async fn county(&self, ctx: &Context<'_>) -> Result<Option<County>> {
        CountyLoader::find(ctx, self.0.county).await
    }

    /// The Community Action Area.
    async fn action_area(&self) -> Option<ActionArea> {
        self.0.action_area
    }

    /// The fiscal year.
    async fn fiscal_year(&self) -> Option<FiscalYear> {
        self.0.fiscal_year
    }

    /// The organization that receives the money.
    async fn recipient(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        OrganizationLoader::find(ctx, self.0.recipient).await
    }
}

#[derive(Default)]
pub struct FigureQuery;

#[Object]
impl FigureQuery {
    /// Sums over the grants that you may see, in all and by group: several dimensions are grouped by together. Public
    /// over all grants that are no drafts, but for recipients, searches and accounting keys.
    async fn funding_summary(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: GrantFilter,
        #[graphql(desc = "What to group by; nothing answers the total only.")] group_by: Vec<
            FundingDimension,
        >,
        #[graphql(
            desc = "Count entries effective on or before this day; all entries when absent."
        )]
        as_of: Option<Date>,
        #[graphql(
            desc = "Count what was entered by this moment, at least 60 seconds ago, so that the same question has the same answer later; all when absent."
        )]
        known_at: Option<DateTime<Utc>>,
    ) -> Result<FundingSummary> {
        let of = Of::new(as_of, known_at, &ctx.app().clock)?;
        let asked = Asked::new(ctx.actor(), filter, group_by, of)?;
        let shows = |path: &[&str]| {
            let ahead = ctx.look_ahead();
            path.iter().fold(ahead, |ahead, name| ahead.field(name)).exists()
        };
        let wanted = Wanted::of(shows, &asked.by);
        asked.answer(ctx.app(), wanted).await
    }
}

/// A question about the grants that somebody may see.
#[derive(Clone)]
pub struct Asked {
    filter: grants::store::GrantFilter,
    reach: Reach,
    pub by: Vec<FundingDimension>,
    of: Of,
}

impl Asked {
    pub fn new(
        actor: &Actor,
        filter: GrantFilter,
        by: Vec<FundingDimension>,
        of: Of,
    ) -> Result<Self> {
        actor.may_read(Permission::ReadFundingSummary)?;
        let mut filter = filter.into();
        let reach = match actor.identity() {
            Some(identity) => identity.reach.clone(),
            None => public(&mut filter, &by)?,
        };
        Ok(Self { filter, reach, by, of })
    }

    pub async fn answer(&self, app: &App, wanted: Wanted) -> Result<FundingSummary> {
        let computed_at = app.clock.now();
        let question = Question { by: &self.by, of: self.of, wanted };
        let found = reading::read(app, &self.reach, &self.filter, &question).await?;
        Ok(self.summary(found, computed_at))
    }

    /// What is found, as it is answered.
    pub fn summary(&self, found: Summary, computed_at: DateTime<Utc>) -> FundingSummary {
        FundingSummary {
            grant_count: found.total.grants,
            unknown_match_count: found.total.match_unknown,
            total: found.total.amounts.figures(false),
            groups: found.groups.into_iter().map(FundingGroup::new).collect(),
            as_of: self.of.as_of,
            known_at: self.of.known_at,
            computed_at,
            stamp: found.stamp,
        }
    }
}

/// What everybody may sum: all grants that are no drafts, by what is not about a single one.
fn public(filter: &mut grants::store::GrantFilter, by: &[FundingDimension]) -> Result<Reach> {
    let singles_out = filter.recipients.is_some()
        || filter.search.is_some()
        || filter.accounting_key.is_some()
        || filter.updated_since.is_some()
        || by.contains(&FundingDimension::Recipient);
    if singles_out {
        return Err(Error::Unauthenticated);
    }
    let mut statuses = filter.statuses.take().unwrap_or_else(|| GrantStatus::ALL.to_vec());
    statuses.retain(|status| *status != GrantStatus::Draft);
    filter.statuses = Some(statuses);
    Ok(Reach { everything: true, ..Reach::default() })
}

/// A Federal Financial Report (SF-425) as far as Thrive knows it, from posted entries.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Sf425 {
    /// 1 to 3: the grant, with its number and its recipient.
    grant: Grant,
    /// 6: which report it is, by the months of its period; null where the form has none of such a length.
    report_type: Option<forms::Sf425Type>,
    /// 7: when costs are counted: when they arise.
    basis: AccountingBasis,
    /// 8: the period of the grant.
    grant_period: DateRange,
    /// 9: the period that is reported on; figures are cumulative to its last day.
    period: DateRange,
    /// 10a to 10o: transactions.
    lines: forms::Sf425Lines,
    /// 11: indirect expense.
    indirect: IndirectExpense,
    /// When the figures were read.
    computed_at: DateTime<Utc>,
}

#[ComplexObject]
impl forms::Sf425Lines {
    /// The same with the numbers and words of the form, in its order.
    async fn listed(&self) -> Vec<FormLine> {
        self.in_order()
    }
}

#[ComplexObject]
impl forms::Sf270Lines {
    /// The same with the numbers and words of the form, in its order.
    async fn listed(&self) -> Vec<FormLine> {
        self.in_order()
    }
}

#[ComplexObject]
impl Sf425 {
    /// 1: the agency that awarded it.
    async fn agency(&self, ctx: &Context<'_>) -> Result<String> {
        agency(ctx, &self.grant).await
    }
}

/// A Request for Advance or Reimbursement (SF-270) as far as Thrive knows it, from posted entries.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Sf270 {
    /// The grant, with its number and its recipient.
    grant: Grant,
    /// 3: when costs are counted: when they arise.
    basis: AccountingBasis,
    /// 8: the period that the request covers; figures are cumulative to its last day.
    period: DateRange,
    /// 11 and 12: the amounts.
    lines: forms::Sf270Lines,
    /// When the figures were read.
    computed_at: DateTime<Utc>,
}

#[ComplexObject]
impl Sf270 {
    /// The agency that awarded it.
    async fn agency(&self, ctx: &Context<'_>) -> Result<String> {
        agency(ctx, &self.grant).await
    }
}

async fn agency(ctx: &Context<'_>, grant: &Grant) -> Result<String> {
    let program = streams::graphql::program(ctx, grant.program_id).await?;
    Ok(program.expect("a grant has a program").agency)
}

/// The SF-425 of a grant that the actor was shown.
pub async fn sf425(
    ctx: &Context<'_>,
    grant: &Grant,
    period: DateRange,
    last: bool,
) -> Result<Sf425> {
    let figures = figures(ctx, grant, checked(period)?.end).await?;
    let Beside { costs, income } = beside(ctx, grant, period.end).await?;
    let to_date = DateRange { start: grant.performance_start.min(period.end), end: period.end };
    Ok(Sf425 {
        grant: grant.clone(),
        report_type: forms::sf425_type(period, last),
        basis: AccountingBasis::Accrual,
        grant_period: grant.performance_period(),
        period,
        // How it was used nobody is asked.
        lines: forms::sf425_lines(&figures, ProgramIncome { earned: income, ..Default::default() }),
        indirect: forms::indirect_expense(&costs, to_date),
        computed_at: figures.computed_at,
    })
}

/// The SF-270 of a grant that the actor was shown; of an advance where it says what it is expected to cost.
pub async fn sf270(
    ctx: &Context<'_>,
    grant: &Grant,
    period: DateRange,
    estimated_outlays: Option<Money>,
) -> Result<Sf270> {
    let to_date = figures(ctx, grant, checked(period)?.end).await?;
    let Beside { income, .. } = beside(ctx, grant, period.end).await?;
    let advance = match estimated_outlays {
        Some(outlays) if outlays < Money::ZERO => {
            return Err(Error::BadInput("`estimatedOutlays` is not below zero".into()));
        }
        Some(outlays) => {
            let before = figures(ctx, grant, period.start.plus_days(-1)).await?;
            Some(forms::AdvanceEstimate { outlays, cash_on_hand: before.cash_on_hand })
        }
        None => None,
    };
    Ok(Sf270 {
        grant: grant.clone(),
        basis: AccountingBasis::Accrual,
        period,
        lines: forms::sf270_lines(&to_date, income, advance),
        computed_at: to_date.computed_at,
    })
}

fn checked(period: DateRange) -> Result<DateRange> {
    if period.end < period.start {
        return Err(Error::BadInput("the period ends before it begins".into()));
    }
    Ok(period)
}

async fn figures(ctx: &Context<'_>, grant: &Grant, as_of: Date) -> Result<GrantBalance> {
    let of = Of { as_of: Some(as_of), known_at: None };
    let found = ctx.data_unchecked::<DataLoader<BalanceLoader>>().load_one((grant.id, of)).await?;
    Ok(found.expect("a grant was shown"))
}

async fn beside(ctx: &Context<'_>, grant: &Grant, as_of: Date) -> Result<Beside> {
    let loader = ctx.data_unchecked::<DataLoader<BesideBalance>>();
    Ok(loader.load_one((grant.id, as_of)).await?.expect("a grant was shown"))
}

/// What forms tell that is not in a balance.
#[derive(Clone, Debug)]
pub struct Beside {
    costs: IndirectCosts,
    /// Program income in US dollars, as accepted reports tell.
    income: Money,
}

/// As of a day, of grants that the actor was shown.
pub struct BesideBalance(pub App);

impl Loader<(GrantId, Date)> for BesideBalance {
    type Value = Beside;
    type Error = Shared;

    /// Once for each day that is asked for.
    async fn load(
        &self,
        keys: &[(GrantId, Date)],
    ) -> Result<HashMap<(GrantId, Date), Beside>, Shared> {
        let mut asked: HashMap<Date, Vec<GrantId>> = HashMap::new();
        for (grant, day) in keys {
            asked.entry(*day).or_default().push(*grant);
        }
        let mut db = self.0.db.acquire().await?;
        let mut found = HashMap::new();
        for (day, grants) in asked {
            let costs = store::expended_by_category(&mut *db, &grants, day).await?;
            let bound = bound::of_grants(&mut db, &grants, day).await?;
            let income = reports::store::income(&mut *db, &grants, Some(day)).await?;
            for grant in grants {
                let costs = costs.get(&grant).map(Vec::as_slice).unwrap_or_default();
                let costs = IndirectCosts::of(costs, bound.get(&grant));
                let income = income.get(&grant).copied().unwrap_or_default().program_income;
                found.insert((grant, day), Beside { costs, income });
            }
        }
        Ok(found)
    }
}
