use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    ComplexObject, Context, InputObject, Object, SimpleObject,
    dataloader::{DataLoader, Loader},
};

use super::{
    Amendment, AmendmentAction, AmendmentKind, AmendmentLine, BudgetLine, Direction, LineFigures,
    NewAmendment, NewAmendmentLine, NewLine, NewTransfer, PeriodChange, amendments, commands,
    store,
};
use crate::{
    App, Result,
    access::Reach,
    clock::Date,
    documents::{GrantDocument, graphql::DocumentLoader},
    error::Shared,
    grants::{Grant, graphql::GrantLoader},
    graphql::{ContextExt, payload},
    id::{AmendmentId, BudgetLineId, DocumentId, GrantId},
    money::Money,
    people::{Person, graphql::PersonLoader},
    rule_sets::kinds::CostCategory,
};

#[ComplexObject]
impl BudgetLine {
    /// The grant whose budget it is part of.
    async fn grant(&self, ctx: &Context<'_>) -> Result<Option<Grant>> {
        Ok(ctx.data_unchecked::<DataLoader<GrantLoader>>().load_one(self.grant_id).await?)
    }

    /// What of it is neither spent nor ordered, in US dollars.
    async fn unobligated(&self, ctx: &Context<'_>) -> Result<Money> {
        Ok(self.figures(ctx).await?.unobligated)
    }

    /// What of it is ordered and not yet a cost, in US dollars.
    async fn encumbered(&self, ctx: &Context<'_>) -> Result<Money> {
        Ok(self.figures(ctx).await?.encumbered)
    }

    /// Its costs, paid or not, in US dollars.
    async fn expended(&self, ctx: &Context<'_>) -> Result<Money> {
        Ok(self.figures(ctx).await?.expended())
    }

    /// Costs that no request asks to be paid for, in US dollars.
    async fn unclaimed(&self, ctx: &Context<'_>) -> Result<Money> {
        Ok(self.figures(ctx).await?.unclaimed)
    }

    /// Costs that were paid for, in US dollars.
    async fn claimed(&self, ctx: &Context<'_>) -> Result<Money> {
        Ok(self.figures(ctx).await?.claimed)
    }
}

impl BudgetLine {
    async fn figures(&self, ctx: &Context<'_>) -> Result<LineFigures> {
        let loader = ctx.data_unchecked::<DataLoader<FiguresOfLines>>();
        let found = loader.load_one(self.grant_id).await?.unwrap_or_default();
        Ok(found.get(&self.id).copied().unwrap_or_default())
    }
}

/// What an amendment does to a budget line.
#[derive(SimpleObject)]
pub struct AmendedLine {
    /// The line.
    line: BudgetLine,
    /// Whether it gets more or less.
    direction: Direction,
    /// How much, in US dollars.
    amount: Money,
}

#[ComplexObject]
impl Amendment {
    /// The grant that it changes.
    async fn grant(&self, ctx: &Context<'_>) -> Result<Option<Grant>> {
        Ok(ctx.data_unchecked::<DataLoader<GrantLoader>>().load_one(self.grant_id).await?)
    }

    /// Of an AMOUNT or BUDGET: what it does to budget lines.
    async fn lines(&self, ctx: &Context<'_>) -> Result<Vec<AmendedLine>> {
        let changes = ctx.data_unchecked::<DataLoader<LinesOfAmendment>>();
        let changes = changes.load_one(self.id).await?.unwrap_or_default();
        let lines = ctx.data_unchecked::<DataLoader<LineLoader>>();
        let lines = lines.load_many(changes.iter().map(|change| change.line)).await?;
        let amended = |change: AmendmentLine| {
            let line = lines.get(&change.line).cloned();
            line.map(|line| AmendedLine {
                line,
                direction: change.direction,
                amount: change.amount,
            })
        };
        Ok(changes.into_iter().filter_map(amended).collect())
    }

    /// The document that it rests on.
    async fn document(&self, ctx: &Context<'_>) -> Result<Option<GrantDocument>> {
        match self.document_id {
            Some(id) => Ok(ctx.data_unchecked::<DataLoader<DocumentLoader>>().load_one(id).await?),
            None => Ok(None),
        }
    }

    /// Who proposed it.
    async fn proposed_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.proposed_by)).await
    }

    /// Who decided it; null until then.
    async fn decided_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.decided_by).await
    }

    /// What you may do to it now.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Vec<AmendmentAction> {
        self.actions_for(ctx.actor())
    }
}

/// A line of a budget that is drawn up.
#[derive(InputObject)]
pub struct BudgetLineInput {
    /// What its costs are for.
    category: CostCategory,
    /// What it is called; the category when absent.
    title: Option<String>,
    /// Its amount in US dollars.
    amount: Money,
}

impl From<BudgetLineInput> for NewLine {
    fn from(input: BudgetLineInput) -> Self {
        Self { category: input.category, title: input.title, amount: input.amount }
    }
}

/// The budget of a draft, drawn up anew.
#[derive(InputObject)]
struct SetBudgetInput {
    /// The draft.
    grant_id: GrantId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
    /// The lines; they sum to the grant's amount.
    lines: Vec<BudgetLineInput>,
}

/// A transfer between two budget lines.
#[derive(InputObject)]
struct TransferBudgetInput {
    /// Sent again with the same key, it is made once and answered again; 1 to 200 characters.
    idempotency_key: String,
    /// The grant.
    grant_id: GrantId,
    /// The line that it leaves.
    from_line_id: BudgetLineId,
    /// The line that it goes to.
    to_line_id: BudgetLineId,
    /// How much, in US dollars; at most what the first line has neither spent nor ordered.
    amount: Money,
    /// Why.
    reason: String,
}

/// What an amendment does to a budget line: one that there is, or one that it adds.
#[derive(InputObject)]
struct AmendmentLineInput {
    /// The line; absent where the amendment adds one.
    line_id: Option<BudgetLineId>,
    /// Of a line that is added: what its costs are for.
    category: Option<CostCategory>,
    /// Of a line that is added: what it is called; the category when absent.
    title: Option<String>,
    /// Whether it gets more or less.
    direction: Direction,
    /// How much, in US dollars.
    amount: Money,
}

/// The dates that an amendment sets. What is left out stays as it is.
#[derive(InputObject, Default)]
struct PeriodChangeInput {
    /// The last day of performance.
    performance_end: Option<Date>,
    /// The last day to sign the agreement.
    encumber_by: Option<Date>,
    /// The last day to pay.
    liquidate_by: Option<Date>,
    /// The last day for the final invoice.
    final_invoice_by: Option<Date>,
}

/// A proposal to change an awarded grant.
#[derive(InputObject)]
struct AmendGrantInput {
    /// The grant.
    grant_id: GrantId,
    /// What it changes.
    kind: AmendmentKind,
    /// Why it is needed.
    reason: String,
    /// The document that it rests on, one of the grant's.
    document_id: Option<DocumentId>,
    /// From when it counts: a day to come is waited for. The day of approval when absent.
    effective_on: Option<Date>,
    /// Of an AMOUNT or BUDGET: what lines get more or less. Those of a BUDGET sum to nothing.
    #[graphql(default)]
    lines: Vec<AmendmentLineInput>,
    /// Of a PERIOD: the dates that it sets.
    #[graphql(default)]
    period: PeriodChangeInput,
    /// Of a SCOPE: the title that it sets.
    title: Option<String>,
    /// Of a SCOPE: what the grant is for from then on, in words.
    scope: Option<String>,
}

impl From<AmendGrantInput> for NewAmendment {
    fn from(input: AmendGrantInput) -> Self {
        let line = |line: AmendmentLineInput| NewAmendmentLine {
            line: line.line_id,
            category: line.category,
            title: line.title,
            direction: line.direction,
            amount: line.amount,
        };
        Self {
            grant: input.grant_id,
            kind: input.kind,
            reason: input.reason,
            document: input.document_id,
            effective_on: input.effective_on,
            lines: input.lines.into_iter().map(line).collect(),
            period: PeriodChange {
                performance_end: input.period.performance_end,
                encumber_by: input.period.encumber_by,
                liquidate_by: input.period.liquidate_by,
                final_invoice_by: input.period.final_invoice_by,
            },
            title: input.title,
            scope: input.scope,
        }
    }
}

/// Names an amendment.
#[derive(InputObject)]
struct ApproveAmendmentInput {
    /// The proposed amendment.
    amendment_id: AmendmentId,
}

/// Names an amendment and says why it is turned down.
#[derive(InputObject)]
struct DeclineAmendmentInput {
    /// The proposed amendment.
    amendment_id: AmendmentId,
    /// Why.
    reason: String,
}

payload!(
    /// What came of `setBudget`.
    SetBudgetPayload {
        /// The draft; null when it was refused.
        grant: Grant
    }
);
payload!(
    /// What came of `transferBudget`.
    TransferBudgetPayload {
        /// The grant; null when it was refused.
        grant: Grant
    }
);
payload!(
    /// What came of `amendGrant`.
    AmendGrantPayload {
        /// The proposed amendment; null when it was refused.
        amendment: Amendment
    }
);
payload!(
    /// What came of `approveAmendment`.
    ApproveAmendmentPayload {
        /// The approved amendment; null when it was refused.
        amendment: Amendment
    }
);
payload!(
    /// What came of `declineAmendment`.
    DeclineAmendmentPayload {
        /// The declined amendment; null when it was refused.
        amendment: Amendment
    }
);

#[derive(Default)]
pub struct BudgetMutation;

#[Object]
impl BudgetMutation {
    /// Draws up the budget of a draft anew. Needs GRANT_MANAGER.
    async fn set_budget(
        &self,
        ctx: &Context<'_>,
        input: SetBudgetInput,
    ) -> Result<SetBudgetPayload> {
        let lines = input.lines.into_iter().map(Into::into).collect();
        commands::set(ctx.app(), ctx.actor(), input.grant_id, input.revision, lines)
            .await
            .try_into()
    }

    /// Moves budget between two lines, as far as the grant's rules allow it without an amendment (2 CFR 200.308). Needs
    /// GRANT_MANAGER, or CITY_FINANCE of the recipient.
    async fn transfer_budget(
        &self,
        ctx: &Context<'_>,
        input: TransferBudgetInput,
    ) -> Result<TransferBudgetPayload> {
        let new = NewTransfer {
            grant: input.grant_id,
            from: input.from_line_id,
            to: input.to_line_id,
            amount: input.amount,
            reason: input.reason,
        };
        commands::transfer(ctx.app(), ctx.actor(), new, &input.idempotency_key).await.try_into()
    }

    /// Proposes a change of an awarded grant: nothing changes until it is approved. Needs GRANT_MANAGER.
    async fn amend_grant(
        &self,
        ctx: &Context<'_>,
        input: AmendGrantInput,
    ) -> Result<AmendGrantPayload> {
        amendments::propose(ctx.app(), ctx.actor(), input.into()).await.try_into()
    }

    /// Approves an amendment, which applies itself: at once, or on its day when that is to come. Needs APPROVER, another
    /// person than the one who proposed it.
    async fn approve_amendment(
        &self,
        ctx: &Context<'_>,
        input: ApproveAmendmentInput,
    ) -> Result<ApproveAmendmentPayload> {
        amendments::approve(ctx.app(), ctx.actor(), input.amendment_id).await.try_into()
    }

    /// Turns an amendment down. Needs APPROVER, another person than the one who proposed it.
    async fn decline_amendment(
        &self,
        ctx: &Context<'_>,
        input: DeclineAmendmentInput,
    ) -> Result<DeclineAmendmentPayload> {
        let reason = &input.reason;
        amendments::decline(ctx.app(), ctx.actor(), input.amendment_id, reason).await.try_into()
    }
}

pub struct LinesOfGrant(pub App);

impl Loader<GrantId> for LinesOfGrant {
    type Value = Vec<BudgetLine>;
    type Error = Shared;

    async fn load(&self, grants: &[GrantId]) -> Result<HashMap<GrantId, Self::Value>, Shared> {
        Ok(store::lines_of(&self.0.db, grants).await?)
    }
}

/// Lines of grants that the actor may see.
pub struct LineLoader {
    pub app: App,
    pub reach: Reach,
}

impl Loader<BudgetLineId> for LineLoader {
    type Value = BudgetLine;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[BudgetLineId],
    ) -> Result<HashMap<BudgetLineId, BudgetLine>, Shared> {
        let found = store::find_lines(&self.app.db, &self.reach, ids).await?;
        Ok(found.into_iter().map(|line| (line.id, line)).collect())
    }
}

/// Where the money of a grant's lines is.
pub struct FiguresOfLines(pub App);

impl Loader<GrantId> for FiguresOfLines {
    type Value = Arc<HashMap<BudgetLineId, LineFigures>>;
    type Error = Shared;

    async fn load(&self, grants: &[GrantId]) -> Result<HashMap<GrantId, Self::Value>, Shared> {
        // Ids of lines are unique: each grant finds its own among all.
        let figures = Arc::new(store::figures_of(&self.0.db, grants).await?);
        Ok(grants.iter().map(|grant| (*grant, Arc::clone(&figures))).collect())
    }
}

pub struct AmendmentsOfGrant(pub App);

impl Loader<GrantId> for AmendmentsOfGrant {
    type Value = Vec<Amendment>;
    type Error = Shared;

    async fn load(&self, grants: &[GrantId]) -> Result<HashMap<GrantId, Self::Value>, Shared> {
        Ok(store::amendments_of(&self.0.db, grants).await?)
    }
}

pub struct LinesOfAmendment(pub App);

impl Loader<AmendmentId> for LinesOfAmendment {
    type Value = Vec<AmendmentLine>;
    type Error = Shared;

    async fn load(
        &self,
        amendments: &[AmendmentId],
    ) -> Result<HashMap<AmendmentId, Self::Value>, Shared> {
        Ok(store::amendment_lines(&self.0.db, amendments).await?)
    }
}
