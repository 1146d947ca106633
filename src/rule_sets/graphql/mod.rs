//! Rule sets and rules as clients see them.

mod allocation;
mod findings;
mod maintenance;

use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context,
    dataloader::{DataLoader, Loader},
};

pub use allocation::RuleQuery;
pub use findings::{FindingsOfDisbursement, FindingsOfGrant, OverridesOfGrant};
pub use maintenance::RuleMutation;

use super::{
    Rule, RuleChange, RuleOverride, RuleSet, RuleSetStatus, kinds::RuleKind, rules, store,
};
use crate::{
    App, Refusal, Result,
    clock::Date,
    error::Shared,
    grants::{Grant, graphql::GrantLoader},
    graphql::ContextExt,
    id::{ProgramId, RuleId, RuleSetId},
    people::{Person, graphql::PersonLoader},
    streams::{self, FundingProgram},
};

#[ComplexObject]
impl RuleSet {
    /// The program whose rules they are.
    async fn program(&self, ctx: &Context<'_>) -> Result<FundingProgram> {
        let found = streams::graphql::program(ctx, self.program_id).await?;
        Ok(found.expect("a rule set has a program"))
    }

    /// Where it stands today.
    async fn status(&self, ctx: &Context<'_>) -> RuleSetStatus {
        self.status_on(ctx.app().clock.today())
    }

    /// The last day on which it is in force; null while no later version is active.
    async fn effective_to(&self) -> Option<Date> {
        self.last_day()
    }

    /// Its rules, in the order in which they were written.
    async fn rules(&self, ctx: &Context<'_>) -> Result<Vec<Rule>> {
        let loader = ctx.data_unchecked::<DataLoader<RulesOfSet>>();
        Ok(loader.load_one(self.id).await?.unwrap_or_default())
    }

    /// How it differs from the version before it: for a draft, from the one in force today. Everything is added in a first version.
    async fn changes(&self, ctx: &Context<'_>) -> Result<Vec<RuleChange>> {
        let sets = ctx.data_unchecked::<DataLoader<SetsOfProgram>>();
        let all = sets.load_one(self.program_id).await?.unwrap_or_default();
        let order = |set: &RuleSet| (set.effective_from, set.version);
        let active = || all.iter().filter(|set| set.activated_at.is_some());
        let before = match self.activated_at {
            None => rules::current(&all, ctx.app().clock.today()),
            Some(_) => active().filter(|set| order(set) < order(self)).max_by_key(|set| order(set)),
        };
        let loader = ctx.data_unchecked::<DataLoader<RulesOfSet>>();
        let ids = before.map(|set| set.id).into_iter().chain([self.id]);
        let mut rules = loader.load_many(ids).await?;
        let after = rules.remove(&self.id).unwrap_or_default();
        let before = before.and_then(|set| rules.remove(&set.id)).unwrap_or_default();
        Ok(rules::changes(&before, &after))
    }

    /// Who activated it; null while a draft, and where an operator loaded a reviewed file.
    async fn activated_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.activated_by).await
    }

    /// Who drafted it; null where an operator loaded a reviewed file.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.created_by).await
    }
}

#[ComplexObject]
impl Rule {
    /// What kind of rule it is.
    async fn kind(&self) -> RuleKind {
        self.terms.kind()
    }

    /// The version of the program's rules that it belongs to.
    async fn rule_set(&self, ctx: &Context<'_>) -> Result<Option<RuleSet>> {
        let loader = ctx.data_unchecked::<DataLoader<RuleSetLoader>>();
        Ok(loader.load_one(self.rule_set_id).await?)
    }

    /// ACTIVE rules are enforced. DRAFT: nobody has compared it with its citation, or its set is a draft.
    async fn status(&self, ctx: &Context<'_>) -> Result<RuleSetStatus> {
        if self.verified_on.is_none() {
            return Ok(RuleSetStatus::Draft);
        }
        let set = self.rule_set(ctx).await?;
        Ok(set.map_or(RuleSetStatus::Draft, |set| set.status_on(ctx.app().clock.today())))
    }
}

#[ComplexObject]
impl RuleOverride {
    /// The grant that it is for.
    async fn grant(&self, ctx: &Context<'_>) -> Result<Option<Grant>> {
        Ok(ctx.data_unchecked::<DataLoader<GrantLoader>>().load_one(self.grant_id).await?)
    }

    /// The rule, as it stays for everybody else.
    async fn rule(&self, ctx: &Context<'_>) -> Result<Rule> {
        let found = ctx.data_unchecked::<DataLoader<RuleLoader>>().load_one(self.rule_id).await?;
        Ok(found.expect("an override has a rule"))
    }

    /// Who proposed it.
    async fn proposed_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.proposed_by)).await
    }

    /// Who decided it; null until then.
    async fn decided_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.decided_by).await
    }
}

#[ComplexObject]
impl Refusal {
    /// The rule that refused it, with its citation; null where no rule of a program did.
    async fn rule(&self, ctx: &Context<'_>) -> Result<Option<Rule>> {
        match self.rule_id {
            Some(id) => Ok(ctx.data_unchecked::<DataLoader<RuleLoader>>().load_one(id).await?),
            None => Ok(None),
        }
    }
}

/// The rule sets of programs, without drafts unless the actor sees everything.
pub async fn sets_of_program(ctx: &Context<'_>, program: ProgramId) -> Result<Vec<RuleSet>> {
    let loader = ctx.data_unchecked::<DataLoader<SetsOfProgram>>();
    Ok(loader.load_one(program).await?.unwrap_or_default())
}

/// The set that is in force for a program on a day.
pub async fn set_in_force(
    ctx: &Context<'_>,
    program: ProgramId,
    on: Date,
) -> Result<Option<RuleSet>> {
    let loader = ctx.data_unchecked::<DataLoader<SetInForce>>();
    let Some(id) = loader.load_one((program, on)).await? else { return Ok(None) };
    Ok(ctx.data_unchecked::<DataLoader<RuleSetLoader>>().load_one(id).await?)
}

pub struct RuleSetLoader {
    pub app: App,
    pub drafts: bool,
}

impl Loader<RuleSetId> for RuleSetLoader {
    type Value = RuleSet;
    type Error = Shared;

    async fn load(&self, ids: &[RuleSetId]) -> Result<HashMap<RuleSetId, RuleSet>, Shared> {
        let found = store::find_sets(&self.app.db, ids, self.drafts).await?;
        Ok(found.into_iter().map(|set| (set.id, set)).collect())
    }
}

pub struct SetsOfProgram {
    pub app: App,
    pub drafts: bool,
}

impl Loader<ProgramId> for SetsOfProgram {
    type Value = Vec<RuleSet>;
    type Error = Shared;

    async fn load(&self, ids: &[ProgramId]) -> Result<HashMap<ProgramId, Vec<RuleSet>>, Shared> {
        Ok(store::sets_of_programs(&self.app.db, ids, self.drafts).await?)
    }
}

pub struct SetInForce(pub App);

impl Loader<(ProgramId, Date)> for SetInForce {
    type Value = RuleSetId;
    type Error = Shared;

    async fn load(
        &self,
        asked: &[(ProgramId, Date)],
    ) -> Result<HashMap<(ProgramId, Date), RuleSetId>, Shared> {
        Ok(store::in_force(&self.0.db, asked).await?)
    }
}

/// The rules of sets that the actor was shown.
pub struct RulesOfSet(pub App);

impl Loader<RuleSetId> for RulesOfSet {
    type Value = Vec<Rule>;
    type Error = Shared;

    async fn load(&self, ids: &[RuleSetId]) -> Result<HashMap<RuleSetId, Vec<Rule>>, Shared> {
        Ok(store::rules_of(&self.0.db, ids).await?)
    }
}

pub struct RuleLoader {
    pub app: App,
    pub drafts: bool,
}

impl Loader<RuleId> for RuleLoader {
    type Value = Rule;
    type Error = Shared;

    async fn load(&self, ids: &[RuleId]) -> Result<HashMap<RuleId, Rule>, Shared> {
        let found = store::find_rules(&self.app.db, ids, self.drafts).await?;
        Ok(found.into_iter().map(|rule| (rule.id, rule)).collect())
    }
}
