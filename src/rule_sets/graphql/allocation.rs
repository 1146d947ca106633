//! What can be asked of a program's rules: who is eligible, and how money is divided.

use async_graphql::{Context, ID, Object, SimpleObject, Union, dataloader::DataLoader};

use super::{
    super::{
        Rule, RuleSet,
        allocation::{self, LimitKind},
        commands,
        eligibility::{self, Answer},
    },
    set_in_force,
};
use crate::{
    Error, Result,
    access::Permission,
    cities::{self, City, County},
    clock::Date,
    facts::{self, Fact, Known, Subject, graphql::FactLoader},
    graphql::ContextExt,
    id::{FactId, ProgramId},
    money::Money,
    people::{self, Organization, OrganizationKind},
    streams::{self, FundingProgram},
};

/// A component's share of an amount.
#[derive(SimpleObject)]
struct AllocationShare {
    /// The component's code, such as `HOUSING`; `TOTAL` where no rule divides the amount.
    component: String,
    /// Its amount in US dollars. The shares sum to the whole.
    amount: Money,
    /// The rule that divides.
    rule: Option<Rule>,
    /// What it is to be spent on at least, and at most.
    limits: Vec<AllocationLimit>,
}

/// A floor or a cap within a component.
#[derive(SimpleObject)]
struct AllocationLimit {
    /// Which way it binds.
    kind: LimitKind,
    /// What the money is for.
    purpose: String,
    /// The part of the component, in basis points.
    bp: i32,
    /// The limit in US dollars.
    amount: Money,
    /// The rule that says so.
    rule: Rule,
}

impl From<allocation::Share> for AllocationShare {
    fn from(share: allocation::Share) -> Self {
        let limit = |limit: allocation::Limit| AllocationLimit {
            kind: limit.kind,
            purpose: limit.purpose,
            bp: limit.bp,
            amount: limit.amount,
            rule: limit.rule,
        };
        Self {
            component: share.component,
            amount: share.amount,
            rule: share.rule,
            limits: share.limits.into_iter().map(limit).collect(),
        }
    }
}

/// Who can be asked about.
#[derive(Clone, Union)]
enum EligibilitySubject {
    City(City),
    County(County),
    Organization(Organization),
}

/// Whether somebody is eligible for a program on a day, requirement by requirement.
#[derive(SimpleObject)]
struct Eligibility {
    /// Who was asked about. A city is asked about as its government, a county as its departments.
    subject: EligibilitySubject,
    /// The program.
    program: FundingProgram,
    /// The day.
    on: Date,
    /// The rules that were in force; null where none were.
    rule_set: Option<RuleSet>,
    /// NO if one deciding requirement is not met, and on a day on which the program's stream is not in force; YES if all
    /// are met; otherwise, and where no verified rule decides, UNKNOWN.
    answer: Answer,
    /// Why, in one sentence.
    message: String,
    /// What the rules ask.
    requirements: Vec<EligibilityRequirement>,
}

/// One thing that a rule asks of an applicant.
#[derive(SimpleObject)]
#[graphql(complex)]
struct EligibilityRequirement {
    /// The rule, with its citation.
    rule: Rule,
    /// What it asks.
    requirement: String,
    /// Whether that is so, as of the day.
    answer: Answer,
    /// Whether it decides who is eligible. Otherwise it tells what else would apply, such as a waiver of the match.
    decides: bool,
    /// What is known.
    message: String,
    #[graphql(skip)]
    fact_id: Option<FactId>,
}

#[async_graphql::ComplexObject]
impl EligibilityRequirement {
    /// The fact that the answer rests on; null where none is recorded.
    async fn fact(&self, ctx: &Context<'_>) -> Result<Option<Fact>> {
        match self.fact_id {
            Some(id) => Ok(ctx.data_unchecked::<DataLoader<FactLoader>>().load_one(id).await?),
            None => Ok(None),
        }
    }
}

#[derive(Default)]
pub struct RuleQuery;

#[Object]
impl RuleQuery {
    /// Whether a city, a county or an organization is eligible for a program on a day. Public for cities and counties.
    async fn eligibility(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A city, a county or an organization.")] subject: ID,
        #[graphql(desc = "The program.")] program: ProgramId,
        #[graphql(desc = "The day whose rules and facts count; today when left out.")] on: Option<
            Date,
        >,
    ) -> Result<Option<Eligibility>> {
        ctx.actor().may_read(Permission::ReadEligibility)?;
        let Some(subject) = find_subject(ctx, &subject).await? else { return Ok(None) };
        let Some(program) = streams::graphql::program(ctx, program).await? else { return Ok(None) };
        let on = on.unwrap_or_else(|| ctx.app().clock.today());
        judge(ctx, subject, program, on).await.map(Some)
    }

    /// How an amount of a program's money is divided by the rules of a day; null when there is no such program. Public.
    async fn split_allocation(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The program; where it has no rules, those of the program it is part of."
        )]
        program: ProgramId,
        #[graphql(desc = "The amount in US dollars, more than zero.")] amount: Money,
        #[graphql(desc = "The day whose rules count; today when left out.")] on: Option<Date>,
    ) -> Result<Option<Vec<AllocationShare>>> {
        ctx.actor().may_read(Permission::ReadSplit)?;
        if !amount.is_positive() {
            let message = format!("the amount has to be more than zero, not {amount}");
            return Err(Error::BadInput(message));
        }
        let Some(found) = streams::graphql::program(ctx, program).await? else { return Ok(None) };
        let on = on.unwrap_or_else(|| ctx.app().clock.today());
        let mut db = ctx.app().db.acquire().await?;
        let rules = commands::in_force(&mut db, program, on).await?.map(|(_, rules)| rules);
        let shares = allocation::shares(&rules.unwrap_or_default(), amount);
        let shares = shares.ok_or_else(|| {
            Error::BadInput(format!("no rule of {} divides money on {on}", found.code))
        })?;
        Ok(Some(shares.into_iter().map(AllocationShare::from).collect()))
    }
}

async fn find_subject(ctx: &Context<'_>, id: &str) -> Result<Option<EligibilitySubject>> {
    let db = &ctx.app().db;
    Ok(match facts::graphql::subject(id)? {
        Subject::City(id) => {
            cities::store::find_cities(db, &[id]).await?.pop().map(EligibilitySubject::City)
        }
        Subject::County(id) => {
            cities::store::find_counties(db, &[id]).await?.pop().map(EligibilitySubject::County)
        }
        Subject::Organization(id) => {
            ctx.actor().may_read(Permission::ReadOrganization)?;
            let found = people::store::find_organizations(db, &[id]).await?.pop();
            found.map(EligibilitySubject::Organization)
        }
    })
}

/// Whose facts speak, and whoever comes first goes before. An organization that has no grant yet is asked about where
/// it is; for a grant the cities that it is for speak (`bound.rs`).
async fn subjects(ctx: &Context<'_>, subject: &EligibilitySubject) -> Result<Vec<Subject>> {
    Ok(match subject {
        EligibilitySubject::City(city) => {
            vec![Subject::City(city.id), Subject::County(city.county_id)]
        }
        EligibilitySubject::County(county) => vec![Subject::County(county.id)],
        EligibilitySubject::Organization(organization) => {
            let mut subjects = vec![Subject::Organization(organization.id)];
            if let Some(id) = organization.city_id {
                subjects.push(Subject::City(id));
                let city = cities::store::find_cities(&ctx.app().db, &[id]).await?.pop();
                subjects.extend(city.map(|city| Subject::County(city.county_id)));
            }
            subjects.extend(organization.county_id.map(Subject::County));
            subjects
        }
    })
}

async fn judge(
    ctx: &Context<'_>,
    subject: EligibilitySubject,
    program: FundingProgram,
    on: Date,
) -> Result<Eligibility> {
    let recipient = match &subject {
        EligibilitySubject::City(_) => OrganizationKind::CityGovernment,
        EligibilitySubject::County(_) => OrganizationKind::County,
        EligibilitySubject::Organization(organization) => organization.kind,
    };
    let speaking = subjects(ctx, &subject).await?;
    let known = facts::store::known(&ctx.app().db, &speaking, on).await?;
    let facts = speaking
        .iter()
        .filter_map(|subject| known.get(subject))
        .fold(Known::default(), |so_far, further| so_far.or(further));
    let rule_set = set_in_force(ctx, program.id, on).await?;
    let rules = match &rule_set {
        Some(set) => {
            let loader = ctx.data_unchecked::<DataLoader<super::RulesOfSet>>();
            loader.load_one(set.id).await?.unwrap_or_default()
        }
        None => vec![],
    };
    let asked = eligibility::requirements(&rules, recipient, &facts);
    let (answer, message) = match streams::graphql::stream(ctx, program.stream_id).await? {
        Some(stream) if !stream.is_active_on(on) => {
            let message =
                format!("{} is not in force on {on}: nothing is granted of it", stream.code);
            (Answer::No, message)
        }
        _ => (eligibility::verdict(&asked), eligibility::in_words(&asked)),
    };
    let requirement = |one: eligibility::Requirement| EligibilityRequirement {
        rule: one.rule,
        requirement: one.requirement,
        answer: one.answer,
        decides: one.decides,
        message: one.message,
        fact_id: one.fact,
    };
    let requirements = asked.into_iter().map(requirement).collect();
    Ok(Eligibility { subject, program, on, rule_set, answer, message, requirements })
}
