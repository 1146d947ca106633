//! What people do to disbursements, as mutations.

use async_graphql::{Context, InputObject, Object};

use super::super::{
    AdjustmentKind, Approval, Disbursement, DisbursementKind, LineAmount, NewAdjustment,
    NewCertification, NewRequest, Payment, PaymentMethod, adjustments, commands, payment,
    retention,
};
use crate::{
    Result,
    clock::Date,
    grants::{AccountingKeys, DateRange},
    graphql::{ContextExt, payload},
    id::{BudgetLineId, DisbursementId, DocumentId, GrantId},
    money::Money,
};

/// A request for part of a grant to be paid.
#[derive(InputObject)]
struct RequestDisbursementInput {
    /// Sent again with the same key, the request is made once and answered again; 1 to 200 characters, a new one
    /// for each request.
    idempotency_key: String,
    /// The grant to pay towards.
    grant_id: GrantId,
    /// What it pays for.
    #[graphql(default_with = "DisbursementKind::Reimbursement")]
    kind: DisbursementKind,
    /// The amount in US dollars; at most what the grant has available.
    amount: Money,
    /// The recipient's invoice number.
    invoice_number: String,
    /// The period whose costs it pays, inside the grant's period of performance.
    period: DateRange,
    /// What each budget line bears; together the amount. May be left out where the grant has only one line, or enough costs
    /// are recorded that nobody claimed. Costs that were not recorded are, by the request. None for an advance.
    #[graphql(default)]
    lines: Vec<LineAmountInput>,
    /// The official who certifies the request (2 CFR 200.415); required where the money is federal.
    certification: Option<CertificationInput>,
    /// The documents that it rests on, entered by `addGrantDocument`.
    #[graphql(default)]
    evidence_ids: Vec<DocumentId>,
}

/// An amount of a budget line.
#[derive(InputObject)]
struct LineAmountInput {
    /// The budget line.
    line_id: BudgetLineId,
    /// The amount in US dollars.
    amount: Money,
}

impl From<LineAmountInput> for LineAmount {
    fn from(input: LineAmountInput) -> Self {
        Self { line: input.line_id, amount: input.amount }
    }
}

fn amounts(lines: Vec<LineAmountInput>) -> Vec<LineAmount> {
    lines.into_iter().map(Into::into).collect()
}

/// The official who certifies a request: to the best of their knowledge and belief it is true, complete and accurate, and
/// for the purposes and objectives of the award (2 CFR 200.415).
#[derive(InputObject)]
struct CertificationInput {
    /// The official's name.
    name: String,
    /// The official's title.
    title: String,
}

impl From<CertificationInput> for NewCertification {
    fn from(input: CertificationInput) -> Self {
        Self { name: input.name, title: input.title }
    }
}

/// A returned request, corrected. What is left out stays as it was.
#[derive(InputObject)]
struct ResubmitDisbursementInput {
    /// As in `requestDisbursement`.
    idempotency_key: String,
    /// The returned disbursement.
    disbursement_id: DisbursementId,
    /// The corrected amount in US dollars.
    amount: Option<Money>,
    /// The corrected invoice number.
    invoice_number: Option<String>,
    /// The corrected period.
    period: Option<DateRange>,
    /// What each budget line bears; as before where neither these nor the amount change.
    lines: Option<Vec<LineAmountInput>>,
    /// The official who certifies the corrected request; the one before when absent.
    certification: Option<CertificationInput>,
    /// Further documents that it rests on.
    #[graphql(default)]
    evidence_ids: Vec<DocumentId>,
}

/// The approval of a request, or of part of it.
#[derive(InputObject)]
struct ApproveDisbursementInput {
    /// The requested disbursement.
    disbursement_id: DisbursementId,
    /// How much of it is approved, in US dollars; all of it when absent. The rest is available again.
    amount: Option<Money>,
    /// Where part of a request with several lines is approved: what of each. A line that is left out gets nothing.
    #[graphql(default)]
    lines: Vec<LineAmountInput>,
}

/// Names a disbursement and says why it does not go on.
#[derive(InputObject)]
struct StopDisbursementInput {
    /// The disbursement.
    disbursement_id: DisbursementId,
    /// Why, in words for the recipient.
    reason: String,
}

/// The day on which a disbursement is to be paid.
#[derive(InputObject)]
struct ScheduleDisbursementInput {
    /// The approved disbursement.
    disbursement_id: DisbursementId,
    /// The day, not past; null takes a scheduled day back.
    scheduled_for: Option<Date>,
}

/// The payment of an approved disbursement.
#[derive(InputObject)]
struct PayDisbursementInput {
    /// As in `requestDisbursement`.
    idempotency_key: String,
    /// The approved or scheduled disbursement.
    disbursement_id: DisbursementId,
    /// The day on which it was paid: not in the future, not after the grant's `liquidateBy`.
    paid_on: Date,
    /// How it was paid.
    method: PaymentMethod,
    /// The accounting system's reference, such as a warrant number. Never a bank account number.
    reference: String,
    /// What the accounting system calls the payment.
    #[graphql(default)]
    accounting: AccountingKeys,
    /// The number of the warrant, where it is not the reference.
    warrant_number: Option<String>,
}

/// The reversal of a payment.
#[derive(InputObject)]
struct ReverseDisbursementInput {
    /// As in `requestDisbursement`.
    idempotency_key: String,
    /// The paid disbursement.
    disbursement_id: DisbursementId,
    /// Why the payment is taken back.
    reason: String,
}

/// Money of a payment that came back.
#[derive(InputObject)]
struct RecordRefundInput {
    /// As in `requestDisbursement`.
    idempotency_key: String,
    /// The paid disbursement.
    disbursement_id: DisbursementId,
    /// The amount in US dollars: of an advance at most what is neither accounted for nor refunded.
    amount: Money,
    /// The day on which it came back: not before the payment; today when absent.
    received_on: Option<Date>,
    /// The accounting system's reference.
    reference: Option<String>,
    /// Why.
    reason: String,
    /// Of a payment for costs with several lines: what of each came back.
    #[graphql(default)]
    lines: Vec<LineAmountInput>,
}

/// Costs that were paid for and are not allowed after all.
#[derive(InputObject)]
struct DisallowCostInput {
    /// As in `requestDisbursement`.
    idempotency_key: String,
    /// The paid disbursement.
    disbursement_id: DisbursementId,
    /// The cost in US dollars; of what was withheld for it, the share is given up first.
    amount: Money,
    /// The day from which figures count it: not before the payment; today when absent.
    effective_on: Option<Date>,
    /// Why, with the finding that it rests on.
    reason: String,
    /// Of a payment with several lines: what of each is disallowed.
    #[graphql(default)]
    lines: Vec<LineAmountInput>,
}

/// What an advance was spent on.
#[derive(InputObject)]
struct AccountForAdvanceInput {
    /// As in `requestDisbursement`.
    idempotency_key: String,
    /// The paid advance.
    disbursement_id: DisbursementId,
    /// The amount in US dollars.
    amount: Money,
    /// The day from which figures count it: not before the payment; today when absent.
    accounted_on: Option<Date>,
    /// What each budget line bears; as in `requestDisbursement`.
    #[graphql(default)]
    lines: Vec<LineAmountInput>,
    /// What it was spent on, in words.
    reason: String,
}

/// What was withheld and is set aside for payment.
#[derive(InputObject)]
struct ReleaseRetentionInput {
    /// As in `requestDisbursement`.
    idempotency_key: String,
    /// The grant.
    grant_id: GrantId,
    /// The amount in US dollars, of the oldest payments first; all that is withheld when absent.
    amount: Option<Money>,
    /// Why it is released.
    reason: String,
}

payload!(
    /// What came of `recordRefund`.
    RecordRefundPayload {
        /// The payment that it came back of; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `disallowCost`.
    DisallowCostPayload {
        /// The payment for those costs; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `accountForAdvance`.
    AccountForAdvancePayload {
        /// The advance; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `releaseRetention`.
    ReleaseRetentionPayload {
        /// The release, approved and to be paid; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `requestDisbursement`.
    RequestDisbursementPayload {
        /// The requested disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `returnDisbursement`.
    ReturnDisbursementPayload {
        /// The returned disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `resubmitDisbursement`.
    ResubmitDisbursementPayload {
        /// The resubmitted disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `approveDisbursement`.
    ApproveDisbursementPayload {
        /// The approved disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `rejectDisbursement`.
    RejectDisbursementPayload {
        /// The rejected disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `cancelDisbursement`.
    CancelDisbursementPayload {
        /// The cancelled disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `scheduleDisbursement`.
    ScheduleDisbursementPayload {
        /// The scheduled disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `payDisbursement`.
    PayDisbursementPayload {
        /// The paid disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `reverseDisbursement`.
    ReverseDisbursementPayload {
        /// The reversed disbursement; null when it was refused.
        disbursement: Disbursement
    }
);

#[derive(Default)]
pub struct DisbursementMutation;

#[Object]
impl DisbursementMutation {
    /// Asks for part of an active grant to be paid, and reserves it. Needs CITY_FINANCE of the recipient.
    /// Refused with INSUFFICIENT_AVAILABLE and the available amount when it does not fit.
    async fn request_disbursement(
        &self,
        ctx: &Context<'_>,
        input: RequestDisbursementInput,
    ) -> Result<RequestDisbursementPayload> {
        let new = NewRequest {
            grant: input.grant_id,
            kind: input.kind,
            amount: input.amount,
            invoice_number: input.invoice_number,
            period: input.period,
            lines: amounts(input.lines),
            certification: input.certification.map(Into::into),
            evidence: input.evidence_ids,
            opening: false,
        };
        commands::request(ctx.app(), ctx.actor(), new, &input.idempotency_key).await.try_into()
    }

    /// Sends a request back for correction; its amount is available again. Needs APPROVER or
    /// GRANT_MANAGER, or a delegation of an approver who is away.
    async fn return_disbursement(
        &self,
        ctx: &Context<'_>,
        input: StopDisbursementInput,
    ) -> Result<ReturnDisbursementPayload> {
        commands::return_to_requester(ctx.app(), ctx.actor(), input.disbursement_id, &input.reason)
            .await
            .try_into()
    }

    /// Sends a returned request in again and reserves its amount. Needs CITY_FINANCE of the recipient.
    async fn resubmit_disbursement(
        &self,
        ctx: &Context<'_>,
        input: ResubmitDisbursementInput,
    ) -> Result<ResubmitDisbursementPayload> {
        let corrected = commands::NewRequestDetails {
            amount: input.amount,
            invoice_number: input.invoice_number,
            period: input.period,
            lines: input.lines.map(amounts),
            certification: input.certification.map(Into::into),
            evidence: input.evidence_ids,
        };
        let key = &input.idempotency_key;
        commands::resubmit(ctx.app(), ctx.actor(), input.disbursement_id, corrected, key)
            .await
            .try_into()
    }

    /// Decides in favor of a request, or of part of it, and sets its money aside; the rest is available again. Needs
    /// APPROVER, or a delegation of an approver who is away; another person than the requester.
    async fn approve_disbursement(
        &self,
        ctx: &Context<'_>,
        input: ApproveDisbursementInput,
    ) -> Result<ApproveDisbursementPayload> {
        let approval = Approval { amount: input.amount, lines: amounts(input.lines) };
        commands::approve(ctx.app(), ctx.actor(), input.disbursement_id, approval).await.try_into()
    }

    /// Turns a request down for good; its amount is available again. Needs APPROVER, or a
    /// delegation of an approver who is away.
    async fn reject_disbursement(
        &self,
        ctx: &Context<'_>,
        input: StopDisbursementInput,
    ) -> Result<RejectDisbursementPayload> {
        commands::reject(ctx.app(), ctx.actor(), input.disbursement_id, &input.reason)
            .await
            .try_into()
    }

    /// Withdraws a disbursement that is not paid; its amount is available again. Needs CITY_FINANCE of the recipient
    /// or FISCAL_OFFICER.
    async fn cancel_disbursement(
        &self,
        ctx: &Context<'_>,
        input: StopDisbursementInput,
    ) -> Result<CancelDisbursementPayload> {
        commands::cancel(ctx.app(), ctx.actor(), input.disbursement_id, &input.reason)
            .await
            .try_into()
    }

    /// Sets the day on which an approved disbursement is to be paid, or takes it back. Needs FISCAL_OFFICER.
    async fn schedule_disbursement(
        &self,
        ctx: &Context<'_>,
        input: ScheduleDisbursementInput,
    ) -> Result<ScheduleDisbursementPayload> {
        commands::schedule(ctx.app(), ctx.actor(), input.disbursement_id, input.scheduled_for)
            .await
            .try_into()
    }

    /// Records that an approved disbursement was paid; what the rules retain is withheld. Needs FISCAL_OFFICER, another person than requester and approver.
    async fn pay_disbursement(
        &self,
        ctx: &Context<'_>,
        input: PayDisbursementInput,
    ) -> Result<PayDisbursementPayload> {
        let payment = Payment {
            paid_on: input.paid_on,
            method: input.method,
            reference: input.reference,
            accounting: input.accounting,
            warrant_number: input.warrant_number,
        };
        let key = &input.idempotency_key;
        payment::pay(ctx.app(), ctx.actor(), input.disbursement_id, payment, key).await.try_into()
    }

    /// Takes a payment back, by an opposite entry; its amount is available again. Needs FISCAL_OFFICER.
    async fn reverse_disbursement(
        &self,
        ctx: &Context<'_>,
        input: ReverseDisbursementInput,
    ) -> Result<ReverseDisbursementPayload> {
        let key = &input.idempotency_key;
        payment::reverse(ctx.app(), ctx.actor(), input.disbursement_id, &input.reason, key)
            .await
            .try_into()
    }

    /// Records that money of a payment came back: what was not spent of an advance, or a credit for costs (2 CFR 200.406).
    /// Needs FISCAL_OFFICER.
    async fn record_refund(
        &self,
        ctx: &Context<'_>,
        input: RecordRefundInput,
    ) -> Result<RecordRefundPayload> {
        let new = NewAdjustment {
            kind: AdjustmentKind::Refund,
            amount: input.amount,
            lines: amounts(input.lines),
            effective_on: input.received_on,
            reference: input.reference,
            reason: input.reason,
        };
        let (id, key) = (input.disbursement_id, &input.idempotency_key);
        adjustments::record(ctx.app(), ctx.actor(), id, new, key).await.try_into()
    }

    /// Disallows costs that were paid for, also after the grant was closed (2 CFR 200.345). Needs FISCAL_OFFICER.
    async fn disallow_cost(
        &self,
        ctx: &Context<'_>,
        input: DisallowCostInput,
    ) -> Result<DisallowCostPayload> {
        let new = NewAdjustment {
            kind: AdjustmentKind::Disallowance,
            amount: input.amount,
            lines: amounts(input.lines),
            effective_on: input.effective_on,
            reference: None,
            reason: input.reason,
        };
        let (id, key) = (input.disbursement_id, &input.idempotency_key);
        adjustments::record(ctx.app(), ctx.actor(), id, new, key).await.try_into()
    }

    /// Says what an advance, or part of it, was spent on. Needs CITY_FINANCE of the recipient.
    async fn account_for_advance(
        &self,
        ctx: &Context<'_>,
        input: AccountForAdvanceInput,
    ) -> Result<AccountForAdvancePayload> {
        let new = NewAdjustment {
            kind: AdjustmentKind::Accounting,
            amount: input.amount,
            lines: amounts(input.lines),
            effective_on: input.accounted_on,
            reference: None,
            reason: input.reason,
        };
        let (id, key) = (input.disbursement_id, &input.idempotency_key);
        adjustments::record(ctx.app(), ctx.actor(), id, new, key).await.try_into()
    }

    /// Sets aside for payment what was withheld, all of it or a part: a disbursement of kind RETENTION_RELEASE, approved and
    /// to be paid by another fiscal officer. Needs FISCAL_OFFICER.
    async fn release_retention(
        &self,
        ctx: &Context<'_>,
        input: ReleaseRetentionInput,
    ) -> Result<ReleaseRetentionPayload> {
        let (grant, amount, key) = (input.grant_id, input.amount, &input.idempotency_key);
        retention::release(ctx.app(), ctx.actor(), grant, amount, &input.reason, key)
            .await
            .try_into()
    }
}
