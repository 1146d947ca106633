use async_graphql::{Context, InputObject, Object};

use crate::{
    Result,
    allocations::{Allocation, AllocationReceipt, AllocationSpend, NewReceipt, NewSpend, commands},
    clock::Date,
    graphql::{ContextExt, payload},
    id::{AllocationId, OrganizationId, ProgramId},
    money::Money,
};

/// A body that receives money by a formula.
#[derive(InputObject)]
struct CreateAllocationInput {
    /// The formula program, such as `MHSA-COUNTY` or `BHSA-COUNTY`.
    program_id: ProgramId,
    /// The county or other organization that receives it.
    recipient_id: OrganizationId,
}

/// A payment of an allocation.
#[derive(InputObject)]
struct RecordAllocationReceiptInput {
    /// Sent again with the same key, it is recorded once and answered again; 1 to 200 characters.
    idempotency_key: String,
    /// The allocation.
    allocation_id: AllocationId,
    /// The day on which it was received, not after today: its fiscal year is the first in which to spend it.
    received_on: Date,
    /// The amount in US dollars.
    amount: Money,
    /// The payer's warrant or remittance number; no other receipt of the allocation has it.
    reference: String,
}

/// What a component of an allocation was spent on.
#[derive(InputObject)]
struct SpendAllocationInput {
    /// Sent again with the same key, it is recorded once and answered again; 1 to 200 characters.
    idempotency_key: String,
    /// The allocation.
    allocation_id: AllocationId,
    /// The component that bears it, such as `CSS`.
    component: String,
    /// The amount in US dollars.
    amount: Money,
    /// The day on which it was spent, not after today.
    spent_on: Date,
    /// What it was spent on.
    description: String,
    /// Your voucher, check or journal number.
    reference: Option<String>,
}

payload!(
    /// What came of `createAllocation`.
    CreateAllocationPayload {
        /// The new allocation; null when it was refused.
        allocation: Allocation
    }
);
payload!(
    /// What came of `recordAllocationReceipt`.
    RecordAllocationReceiptPayload {
        /// The receipt with its parts; null when it was refused.
        receipt: AllocationReceipt
    }
);
payload!(
    /// What came of `spendAllocation`.
    SpendAllocationPayload {
        /// The spend; null when it was refused.
        spend: AllocationSpend
    }
);

#[derive(Default)]
pub struct AllocationMutation;

#[Object]
impl AllocationMutation {
    /// Enters that an organization receives money of a formula program; once for each program. Needs GRANT_MANAGER.
    async fn create_allocation(
        &self,
        ctx: &Context<'_>,
        input: CreateAllocationInput,
    ) -> Result<CreateAllocationPayload> {
        commands::create(ctx.app(), ctx.actor(), input.program_id, input.recipient_id)
            .await
            .try_into()
    }

    /// Records what was received: it is divided into components by the rules in force on that day. Needs FISCAL_OFFICER.
    async fn record_allocation_receipt(
        &self,
        ctx: &Context<'_>,
        input: RecordAllocationReceiptInput,
    ) -> Result<RecordAllocationReceiptPayload> {
        let new = NewReceipt {
            allocation: input.allocation_id,
            received_on: input.received_on,
            amount: input.amount,
            reference: input.reference,
        };
        commands::receive(ctx.app(), ctx.actor(), new, &input.idempotency_key).await.try_into()
    }

    /// Records what a component was spent on. It is taken from the component's oldest receipts that may still be spent on
    /// that day, and from no other component. Needs FISCAL_OFFICER, or CITY_FINANCE of the recipient.
    async fn spend_allocation(
        &self,
        ctx: &Context<'_>,
        input: SpendAllocationInput,
    ) -> Result<SpendAllocationPayload> {
        let new = NewSpend {
            allocation: input.allocation_id,
            component: input.component,
            amount: input.amount,
            spent_on: input.spent_on,
            description: input.description,
            reference: input.reference,
        };
        commands::spend(ctx.app(), ctx.actor(), new, &input.idempotency_key).await.try_into()
    }
}
