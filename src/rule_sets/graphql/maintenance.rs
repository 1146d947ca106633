//! How administrators maintain rules, and how grants are amended.

use async_graphql::{Context, InputObject, Object};

use super::super::{
    NewOverride, NewRule, NewRuleSet, RuleOverride, RuleSet, commands, kinds::RuleTerms, overrides,
};
use crate::{
    Result,
    clock::Date,
    graphql::{ContextExt, payload},
    id::{GrantId, ProgramId, RuleId, RuleOverrideId, RuleSetId},
};

/// A rule of a draft.
#[derive(InputObject)]
struct RuleInput {
    /// Its name within the set, the same from version to version: lower case, digits and hyphens, such as `match`.
    name: String,
    /// The statute, regulation or document that it is from.
    citation: String,
    /// When it was last compared with its citation; left out, it enforces nothing.
    verified_on: Option<Date>,
    /// What it says: exactly one kind.
    terms: RuleTerms,
}

impl From<RuleInput> for NewRule {
    fn from(input: RuleInput) -> Self {
        let RuleInput { name, citation, verified_on, terms } = input;
        Self { name, citation, verified_on, terms }
    }
}

/// The next version of a program's rules, as a draft.
#[derive(InputObject)]
struct DraftRuleSetInput {
    /// The program.
    program_id: ProgramId,
    /// Where the rules can be read.
    source_url: String,
    /// All its rules.
    rules: Vec<RuleInput>,
}

/// Other rules for a draft.
#[derive(InputObject)]
struct ReviseRuleSetInput {
    /// The draft.
    rule_set_id: RuleSetId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
    /// Where the rules can be read.
    source_url: String,
    /// All its rules: those that it has are replaced.
    rules: Vec<RuleInput>,
}

/// A draft to put in force.
#[derive(InputObject)]
struct ActivateRuleSetInput {
    /// The draft.
    rule_set_id: RuleSetId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
    /// The first day on which it is in force: not before that of the version that is active.
    effective_from: Date,
}

/// Other terms of a rule for one grant.
#[derive(InputObject)]
struct ProposeRuleOverrideInput {
    /// The grant.
    grant_id: GrantId,
    /// A rule that the grant was signed under.
    rule_id: RuleId,
    /// What it says for the grant, of the same kind; left out, the rule is set aside.
    terms: Option<RuleTerms>,
    /// Why.
    reason: String,
    /// The document that it rests on.
    document_url: String,
    /// The SHA-256 of that document, in hexadecimal digits of lower case.
    document_sha256: Option<String>,
}

/// Names an override.
#[derive(InputObject)]
struct DecideRuleOverrideInput {
    /// The override.
    override_id: RuleOverrideId,
}

payload!(
    /// What came of `draftRuleSet`.
    DraftRuleSetPayload {
        /// The new draft; null when it was refused.
        rule_set: RuleSet
    }
);
payload!(
    /// What came of `reviseRuleSet`.
    ReviseRuleSetPayload {
        /// The draft with its new rules; null when it was refused.
        rule_set: RuleSet
    }
);
payload!(
    /// What came of `activateRuleSet`.
    ActivateRuleSetPayload {
        /// The activated rule set; null when it was refused.
        rule_set: RuleSet
    }
);
payload!(
    /// What came of `proposeRuleOverride`.
    ProposeRuleOverridePayload {
        /// The proposal; null when it was refused.
        rule_override: RuleOverride
    }
);
payload!(
    /// What came of `approveRuleOverride`.
    ApproveRuleOverridePayload {
        /// The override, in force for its grant; null when it was refused.
        rule_override: RuleOverride
    }
);
payload!(
    /// What came of `declineRuleOverride`.
    DeclineRuleOverridePayload {
        /// The declined override; null when it was refused.
        rule_override: RuleOverride
    }
);

#[derive(Default)]
pub struct RuleMutation;

#[Object]
impl RuleMutation {
    /// Drafts the next version of a program's rules. `changes` tells how it differs. Needs PROGRAM_ADMIN.
    async fn draft_rule_set(
        &self,
        ctx: &Context<'_>,
        input: DraftRuleSetInput,
    ) -> Result<DraftRuleSetPayload> {
        let rules = input.rules.into_iter().map(NewRule::from).collect();
        let new = NewRuleSet { source_url: input.source_url, rules };
        commands::draft(ctx.app(), ctx.actor(), input.program_id, new).await.try_into()
    }

    /// Gives a draft other rules. Needs PROGRAM_ADMIN.
    async fn revise_rule_set(
        &self,
        ctx: &Context<'_>,
        input: ReviseRuleSetInput,
    ) -> Result<ReviseRuleSetPayload> {
        let rules = input.rules.into_iter().map(NewRule::from).collect();
        let new = NewRuleSet { source_url: input.source_url, rules };
        commands::revise(ctx.app(), ctx.actor(), input.rule_set_id, input.revision, new)
            .await
            .try_into()
    }

    /// Puts a draft in force from a day on; it never changes again. Signed grants keep their rules. Needs PROGRAM_ADMIN.
    async fn activate_rule_set(
        &self,
        ctx: &Context<'_>,
        input: ActivateRuleSetInput,
    ) -> Result<ActivateRuleSetPayload> {
        let ActivateRuleSetInput { rule_set_id, revision, effective_from } = input;
        commands::activate(ctx.app(), ctx.actor(), rule_set_id, revision, effective_from)
            .await
            .try_into()
    }

    /// Proposes other terms of a rule for one grant, with its document. Needs GRANT_MANAGER.
    async fn propose_rule_override(
        &self,
        ctx: &Context<'_>,
        input: ProposeRuleOverrideInput,
    ) -> Result<ProposeRuleOverridePayload> {
        let new = NewOverride {
            grant: input.grant_id,
            rule: input.rule_id,
            terms: input.terms,
            reason: input.reason,
            document_url: input.document_url,
            document_sha256: input.document_sha256,
        };
        overrides::propose(ctx.app(), ctx.actor(), new).await.try_into()
    }

    /// Puts a proposed override in force for its grant. Needs APPROVER, another person than the proposer.
    async fn approve_rule_override(
        &self,
        ctx: &Context<'_>,
        input: DecideRuleOverrideInput,
    ) -> Result<ApproveRuleOverridePayload> {
        overrides::approve(ctx.app(), ctx.actor(), input.override_id).await.try_into()
    }

    /// Turns a proposed override down. Needs APPROVER, another person than the proposer.
    async fn decline_rule_override(
        &self,
        ctx: &Context<'_>,
        input: DecideRuleOverrideInput,
    ) -> Result<DeclineRuleOverridePayload> {
        overrides::decline(ctx.app(), ctx.actor(), input.override_id).await.try_into()
    }
}
