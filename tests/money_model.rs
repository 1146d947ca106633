//! An independent model of the money of a grant, told from the words of its documents and not
//! from the ledger: it keeps lists of what people did, in cents, each with the day from which it
//! counts, and works every figure out by its formula. There are no accounts in it.

mod choices;
mod decisions;
mod figures;
mod payments;

use thrive::{clock::Date, error::UserErrorCode};

pub use figures::{LineFigures, always};

pub type Cents = i64;
/// What a command makes, or every reason for which it may be refused.
pub type Verdict = Result<(), Vec<UserErrorCode>>;
/// An amount of a budget line, which is known by its place.
pub type OfLine = (usize, Cents);

/// A person, whatever their roles.
pub type Person = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Reimbursement,
    Milestone,
    Advance,
    Release,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Active,
    Suspended,
    Closing,
    Closed,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Requested,
    Returned,
    Approved,
    Scheduled,
    Paid,
    Rejected,
    Cancelled,
    Reversed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    Refund,
    Disallowance,
    Accounting,
}

/// What a person does. Costs, orders, payments and amendments are known by their place among the grant's.
#[derive(Clone, Debug)]
pub enum Command {
    Spend { line: usize, amount: Cents, incurred: Date, counts_from: Option<Date> },
    ReverseCost { cost: usize },
    Encumber { line: usize, amount: Cents, on: Date },
    Liquidate { order: usize, amount: Option<Cents>, incurred: Date },
    CancelOrder { order: usize, amount: Option<Cents> },
    Request { kind: Kind, amount: Cents, lines: Vec<OfLine>, invoice: usize, period_end: Date },
    Return { payment: usize },
    Reject { payment: usize },
    Cancel { payment: usize },
    Resubmit { payment: usize, amount: Option<Cents>, lines: Option<Vec<OfLine>> },
    Approve { payment: usize, amount: Option<Cents>, lines: Vec<OfLine> },
    Schedule { payment: usize, day: Option<Date> },
    Pay { payment: usize, on: Date },
    Reverse { payment: usize },
    Adjust { payment: usize, kind: Afterwards, amount: Cents, lines: Vec<OfLine>, on: Option<Date> },
    Release { amount: Option<Cents> },
    Transfer { from: usize, to: usize, amount: Cents },
    Propose { award: bool, changes: Vec<OfLine>, on: Option<Date> },
    Decide { amendment: usize, approve: bool },
    Suspend,
    Resume,
    StartCloseout,
    Close,
    Terminate,
}

impl Command {
    /// What it is called, with what it is about where that is told apart.
    pub fn name(&self) -> &'static str {
        use Command::*;
        match self {
            Spend { .. } => "spend",
            ReverseCost { .. } => "reverse a cost",
            Encumber { .. } => "encumber",
            Liquidate { .. } => "liquidate",
            CancelOrder { .. } => "cancel an order",
            Request { kind: Kind::Advance, .. } => "request an advance",
            Request { .. } => "request",
            Return { .. } => "return",
            Reject { .. } => "reject",
            Cancel { .. } => "cancel",
            Resubmit { .. } => "resubmit",
            Approve { amount: None, lines, .. } if lines.is_empty() => "approve",
            Approve { .. } => "approve in part",
            Schedule { .. } => "schedule",
            Pay { .. } => "pay",
            Reverse { .. } => "reverse",
            Adjust { kind: Afterwards::Refund, .. } => "refund",
            Adjust { kind: Afterwards::Disallowance, .. } => "disallow",
            Adjust { kind: Afterwards::Accounting, .. } => "account for",
            Release { .. } => "release",
            Transfer { .. } => "transfer",
            Propose { .. } => "propose",
            Decide { .. } => "decide",
            Suspend => "suspend",
            Resume => "resume",
            StartCloseout => "start the closeout",
            Close => "close",
            Terminate => "terminate",
        }
    }

    pub const NAMES: [&str; 28] = [
        "spend",
        "reverse a cost",
        "encumber",
        "liquidate",
        "cancel an order",
        "request an advance",
        "request",
        "return",
        "reject",
        "cancel",
        "resubmit",
        "approve",
        "approve in part",
        "schedule",
        "pay",
        "reverse",
        "refund",
        "disallow",
        "account for",
        "release",
        "transfer",
        "propose",
        "decide",
        "suspend",
        "resume",
        "start the closeout",
        "close",
        "terminate",
    ];

    /// Whether it is done once under its key, however often it is sent.
    pub fn has_a_key(&self) -> bool {
        use Command::*;
        matches!(
            self,
            Spend { .. }
                | ReverseCost { .. }
                | Encumber { .. }
                | Liquidate { .. }
                | CancelOrder { .. }
                | Request { .. }
                | Resubmit { .. }
                | Pay { .. }
                | Reverse { .. }
                | Adjust { .. }
                | Release { .. }
                | Transfer { .. }
        )
    }
}

/// Who does it, and when.
#[derive(Clone, Copy, Debug)]
pub struct By {
    pub person: Person,
    /// The most that the person may approve.
    pub limit: Option<Cents>,
    pub today: Date,
}

/// What was agreed on when the grant was signed.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub awarded_on: Date,
    pub performance_start: Date,
    pub performance_end: Date,
    pub final_invoice_by: Date,
    pub liquidate_by: Date,
    /// Withheld of each payment for costs, in basis points.
    pub retention: Cents,
    /// The most that is outstanding in advance, in basis points of the award.
    pub advances: Option<Cents>,
    /// The most that moves between lines, all together, in basis points of the award.
    pub transfers: Option<Cents>,
}

/// A change of the lines' budgets: all of them together are the award.
#[derive(Clone, Debug)]
struct Change {
    on: Date,
    lines: Vec<OfLine>,
}

#[derive(Clone, Debug)]
struct Cost {
    line: usize,
    amount: Cents,
    on: Date,
    reversed_on: Option<Date>,
}

#[derive(Clone, Debug)]
struct Order {
    line: usize,
    amount: Cents,
    /// The day of the order, and that from which figures count it.
    ordered_on: Date,
    on: Date,
    /// What of it became a cost or was cancelled.
    done: Vec<(Date, Cents)>,
}

/// What of a request a line bears.
#[derive(Clone, Debug)]
struct Part {
    line: usize,
    amount: Cents,
    /// Costs that nobody recorded before: the request tells of them.
    told: Cents,
    approved: Cents,
}

/// A disbursement, with each time that it was sent in.
#[derive(Clone, Debug)]
struct Payment {
    kind: Kind,
    status: Status,
    invoice: usize,
    period_end: Date,
    requester: Option<Person>,
    approver: Option<Person>,
    sent: Vec<Sent>,
    afterwards: Vec<Adjustment>,
    /// Of a release: what of which payment's retention.
    releases: Vec<(usize, Cents)>,
}

#[derive(Clone, Debug)]
struct Sent {
    on: Date,
    amount: Cents,
    parts: Vec<Part>,
    /// Returned, rejected or cancelled.
    stopped_on: Option<Date>,
    approved: Option<(Date, Cents)>,
    /// When it was paid, and what was withheld.
    paid: Option<(Date, Cents)>,
    reversed_on: Option<Date>,
}

#[derive(Clone, Debug)]
struct Adjustment {
    kind: Afterwards,
    amount: Cents,
    /// Of a disallowance: what of it had been withheld.
    held: Cents,
    lines: Vec<OfLine>,
    /// Of an accounting: costs that nobody recorded before.
    told: Vec<OfLine>,
    on: Date,
    /// Whether the grant had ended, so that it lapsed.
    lapses: bool,
}

#[derive(Clone, Debug)]
struct Amendment {
    changes: Vec<OfLine>,
    wanted_on: Option<Date>,
    decided: bool,
    /// Approved, and waiting for this day.
    waits_for: Option<Date>,
}

/// What lapsed when the grant ended, and on which day.
#[derive(Clone, Debug)]
struct Ended {
    on: Date,
    available: Cents,
    unclaimed: Vec<Cents>,
    unobligated: Vec<Cents>,
}

#[derive(Clone, Debug)]
pub struct Grant {
    pub terms: Terms,
    pub stage: Stage,
    pub lines: usize,
    budget: Vec<Change>,
    /// What was transferred between lines since the budget was last approved.
    transferred: Cents,
    costs: Vec<Cost>,
    orders: Vec<Order>,
    payments: Vec<Payment>,
    amendments: Vec<Amendment>,
    ended: Option<Ended>,
}

impl Grant {
    pub fn awarded(terms: Terms, lines: &[Cents]) -> Self {
        let lines: Vec<_> = lines.iter().copied().enumerate().collect();
        Self {
            terms,
            stage: Stage::Active,
            lines: lines.len(),
            budget: vec![Change { on: terms.awarded_on, lines }],
            transferred: 0,
            costs: vec![],
            orders: vec![],
            payments: vec![],
            amendments: vec![],
            ended: None,
        }
    }

    /// Does what a person asks for, or says every reason why not.
    pub fn take(&mut self, command: &Command, by: By) -> Verdict {
        // What would break a rule that holds always is undone.
        let before = self.clone();
        let counts_from = self.decide(command, by)?;
        if self.is_sound(counts_from.min(by.today)) {
            return Ok(());
        }
        *self = before;
        Err(vec![UserErrorCode::InsufficientAvailable])
    }
}

/// A part in basis points, rounded half up.
pub fn basis_points(of: Cents, bp: Cents) -> Cents {
    divided(of * bp, 10_000)
}

/// Rounded half up, away from zero.
fn divided(one: Cents, by: Cents) -> Cents {
    let sign = one.signum() * by.signum();
    sign * ((2 * one.abs() + by.abs()) / (2 * by.abs()))
}
