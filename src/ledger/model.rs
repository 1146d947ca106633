use uuid::Uuid;

use crate::{
    clock::Date,
    id::{AllocationComponentId, BudgetLineId, DisbursementId, EncumbranceId, GrantId},
    money::Money,
    text_enum::text_enum,
};

text_enum! {
    /// An account: where money is, or what became of it.
    pub enum AccountKind {
        /// Where awards come from; below zero by what was awarded.
        SrcPay = "SRC_PAY",
        /// Awarded and not asked for.
        Available = "AVAILABLE",
        /// Asked for, waiting for a decision.
        Requested = "REQUESTED",
        /// Approved, not yet paid.
        Approved = "APPROVED",
        /// Withheld from payments until it is released.
        Retained = "RETAINED",
        /// Paid to the recipient.
        Paid = "PAID",
        /// No longer payable: the grant ended before it was used.
        Lapsed = "LAPSED",
        /// Where budgets come from; below zero by what may be used.
        SrcUse = "SRC_USE",
        /// In the budget and not spent, nor ordered.
        Unobligated = "UNOBLIGATED",
        /// Ordered by the recipient and not yet a cost.
        Encumbered = "ENCUMBERED",
        /// A cost that the recipient has not asked to be paid for.
        Unclaimed = "UNCLAIMED",
        /// A cost in a request that is not paid.
        ClaimPending = "CLAIM_PENDING",
        /// A cost that was paid for.
        Claimed = "CLAIMED",
        /// Can no longer be used.
        LapsedUse = "LAPSED_USE",
        /// Where room for advances comes from.
        SrcAdv = "SRC_ADV",
        /// How much may still be advanced.
        AdvanceRoom = "ADVANCE_ROOM",
        /// Asked for in advance.
        AdvancePending = "ADVANCE_PENDING",
        /// Paid in advance and not accounted for.
        AdvanceOpen = "ADVANCE_OPEN",
        /// Where contributions come from.
        SrcMatch = "SRC_MATCH",
        /// Contributed and not counted for a grant.
        MatchUnused = "MATCH_UNUSED",
        /// Counted as match of the grant.
        MatchMet = "MATCH_MET",
        /// Where allocations come from.
        SrcAlloc = "SRC_ALLOC",
        /// Received for a component and not spent.
        Component = "COMPONENT",
        /// Spent of an allocation.
        Spent = "SPENT",
        /// Gone back.
        Reverted = "REVERTED",
    }
}

impl AccountKind {
    pub const OF_EVERY_GRANT: [Self; 6] =
        [Self::SrcPay, Self::Available, Self::Requested, Self::Approved, Self::Paid, Self::Lapsed];
}

text_enum! {
    /// Why money moves.
    pub enum Move {
        /// A grant is awarded.
        Award = "AWARD",
        /// An amendment adds.
        AmendUp = "AMEND_UP",
        /// An amendment takes away.
        AmendDown = "AMEND_DOWN",
        /// Between budget lines.
        TransferBudget = "TRANSFER_BUDGET",
        /// The recipient orders.
        Encumber = "ENCUMBER",
        /// An order is taken back.
        CancelEncumbrance = "CANCEL_ENCUMBRANCE",
        /// An order becomes a cost.
        Liquidate = "LIQUIDATE",
        /// A cost arises.
        Expend = "EXPEND",
        /// A cost was none.
        ReverseExpenditure = "REVERSE_EXPENDITURE",
        /// A payment is asked for.
        Request = "REQUEST",
        /// A request is sent back.
        Return = "RETURN",
        /// A request is turned down.
        Reject = "REJECT",
        /// A disbursement is withdrawn.
        Cancel = "CANCEL",
        /// A request is approved.
        Approve = "APPROVE",
        /// A payment is made.
        Pay = "PAY",
        /// An advance is accounted for.
        AccountForAdvance = "ACCOUNT_FOR_ADVANCE",
        /// What was withheld is set aside for payment.
        ReleaseRetention = "RELEASE_RETENTION",
        /// Money comes back.
        Refund = "REFUND",
        /// A paid cost is disallowed.
        Disallow = "DISALLOW",
        /// A payment is taken back.
        ReversePayment = "REVERSE_PAYMENT",
        /// What was left can no longer be used.
        Lapse = "LAPSE",
        /// Somebody contributes.
        Contribute = "CONTRIBUTE",
        /// A contribution is counted as match.
        AcceptMatch = "ACCEPT_MATCH",
        /// A contribution is turned down.
        DeclineMatch = "DECLINE_MATCH",
        /// An allocation is received.
        Receive = "RECEIVE",
        /// An allocation is spent.
        Spend = "SPEND",
        /// An allocation goes back.
        Revert = "REVERT",
    }
}

/// An account of an owner; some kinds have one for each line, order, payment or component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    pub kind: AccountKind,
    pub item: Option<Uuid>,
}

impl From<AccountKind> for Account {
    fn from(kind: AccountKind) -> Self {
        Self { kind, item: None }
    }
}

impl Account {
    pub fn unobligated(line: BudgetLineId) -> Self {
        Self { kind: AccountKind::Unobligated, item: Some(line.0) }
    }

    pub fn encumbered(order: EncumbranceId) -> Self {
        Self { kind: AccountKind::Encumbered, item: Some(order.0) }
    }

    pub fn unclaimed(line: BudgetLineId) -> Self {
        Self { kind: AccountKind::Unclaimed, item: Some(line.0) }
    }

    pub fn claim_pending(line: BudgetLineId) -> Self {
        Self { kind: AccountKind::ClaimPending, item: Some(line.0) }
    }

    pub fn claimed(line: BudgetLineId) -> Self {
        Self { kind: AccountKind::Claimed, item: Some(line.0) }
    }

    pub fn retained(payment: DisbursementId) -> Self {
        Self { kind: AccountKind::Retained, item: Some(payment.0) }
    }

    pub fn advance_pending(advance: DisbursementId) -> Self {
        Self { kind: AccountKind::AdvancePending, item: Some(advance.0) }
    }

    pub fn advance_open(advance: DisbursementId) -> Self {
        Self { kind: AccountKind::AdvanceOpen, item: Some(advance.0) }
    }

    pub fn component(layer: AllocationComponentId) -> Self {
        Self { kind: AccountKind::Component, item: Some(layer.0) }
    }

    pub fn reverted(layer: AllocationComponentId) -> Self {
        Self { kind: AccountKind::Reverted, item: Some(layer.0) }
    }
}

/// Whose money an account holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    Grant(GrantId),
    Allocation(Uuid),
    Contribution(Uuid),
}

impl Owner {
    pub fn grant(self) -> Option<Uuid> {
        if let Self::Grant(id) = self { Some(id.0) } else { None }
    }

    pub fn allocation(self) -> Option<Uuid> {
        if let Self::Allocation(id) = self { Some(id) } else { None }
    }

    pub fn contribution(self) -> Option<Uuid> {
        if let Self::Contribution(id) = self { Some(id) } else { None }
    }
}

/// An amount makes a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub step: Move,
    pub from: (Owner, Account),
    pub to: (Owner, Account),
    pub amount: Money,
}

/// What one business event moves. Nothing moves where the amount is zero.
#[derive(Clone, Debug)]
pub struct Posting {
    pub owner: Owner,
    /// The business event: it moves money once.
    pub cause: Uuid,
    pub effective_on: Date,
    /// Of a time before Thrive kept the books.
    pub opening: bool,
    /// The event whose entries these take back, where they swap its accounts.
    pub reverses: Option<Uuid>,
    pub entries: Vec<Entry>,
}

impl Posting {
    pub fn of_grant(grant: GrantId, cause: Uuid, effective_on: Date) -> Self {
        Self::of(Owner::Grant(grant), cause, effective_on)
    }

    pub fn of(owner: Owner, cause: Uuid, effective_on: Date) -> Self {
        Self { owner, cause, effective_on, opening: false, reverses: None, entries: vec![] }
    }

    pub fn opening(self, opening: bool) -> Self {
        Self { opening, ..self }
    }

    pub fn reversing(self, cause: Uuid) -> Self {
        Self { reverses: Some(cause), ..self }
    }

    pub fn moving(
        mut self,
        step: Move,
        from: impl Into<Account>,
        to: impl Into<Account>,
        amount: Money,
    ) -> Self {
        self.add(step, from, to, amount);
        self
    }

    pub fn add(
        &mut self,
        step: Move,
        from: impl Into<Account>,
        to: impl Into<Account>,
        amount: Money,
    ) {
        if amount != Money::ZERO {
            let (from, to) = ((self.owner, from.into()), (self.owner, to.into()));
            self.entries.push(Entry { step, from, to, amount });
        }
    }

    /// From an account of another owner: a contribution that is counted for a grant.
    pub fn add_from(
        &mut self,
        step: Move,
        from: (Owner, Account),
        to: impl Into<Account>,
        amount: Money,
    ) {
        self.entries.push(Entry { step, from, to: (self.owner, to.into()), amount });
    }
}
