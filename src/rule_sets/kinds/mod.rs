//! The kinds of rule that code knows. Each is a struct of figures that a row holds, says
//! whether its figures make sense, and says what it means for a grant: pure, facts in, findings
//! out. A new kind is a struct here, a line in `terms!`, and a table-driven test.

mod access;
mod allocation;
mod condition;
mod costs;
mod dates;
mod money;
mod reports;

use std::fmt;

use async_graphql::{OneofObject, Union};
use serde::{Deserialize, Serialize};

pub use access::{EligibilityTerms, InHand, PaymentGateTerms};
pub use allocation::{
    AllocationBase, AllocationSplitTerms, AllocationStep, Part, ReserveBandTerms, ReversionTerms,
    SubCapTerms, SubFloorTerms,
};
pub use condition::{Condition, Truth};
pub use costs::{
    AllowableTerms, CapBase, CostCapTerms, CostCategory, LineTransferTerms, TransferScope,
    UnallowableTerms,
};
pub use dates::{
    DateAnchor, DueDate, EncumberByTerms, FinalInvoiceByTerms, LiquidateByTerms,
    PerformanceWindowTerms, RecordRetentionTerms, RetentionStart,
};
pub use money::{
    AwardRangeTerms, MatchBase, MatchSource, MatchTerms, PayMethodTerms, PayWay, RecipientMatch,
    RetentionRelease, RetentionTerms,
};
pub use reports::{Duty, Frequency, PeriodAnchor, ReportKind, ReportScheduleTerms, month_day};

use crate::{
    clock::Date, facts::Known, grants::DateRange, money::Money, people::OrganizationKind,
    text_enum::text_enum,
};

/// Declares the kinds: what the database calls each, and the struct of its terms.
macro_rules! terms {
    ($($(#[$doc:meta])* $kind:ident = $text:literal, $terms:ident;)+) => {
        text_enum! {
            /// The kinds of rule that Thrive can read and evaluate.
            pub enum RuleKind { $($(#[$doc])* $kind = $text,)+ }
        }

        /// What a rule says: a type for each kind of rule.
        // Adjacent, so that the database holds the kind and the figures in two columns.
        #[derive(Clone, Debug, PartialEq, Eq, Union, OneofObject, Serialize, Deserialize)]
        #[graphql(input_name = "RuleTermsInput")]
        #[serde(tag = "kind", content = "params", deny_unknown_fields)]
        pub enum RuleTerms { $($(#[$doc])* #[serde(rename = $text)] $kind($terms),)+ }

        impl RuleTerms {
            pub fn kind(&self) -> RuleKind {
                match self { $(Self::$kind(_) => RuleKind::$kind,)+ }
            }
        }
    };
}

terms! {
    /// Money is divided among components.
    AllocationSplit = "ALLOCATION_SPLIT", AllocationSplitTerms;
    /// At least a part of a component is for a purpose.
    SubFloor = "SUB_FLOOR", SubFloorTerms;
    /// At most a part of a component is for a purpose.
    SubCap = "SUB_CAP", SubCapTerms;
    /// Unspent money goes back after some fiscal years.
    Reversion = "REVERSION", ReversionTerms;
    /// A prudent reserve lies between two limits.
    ReserveBand = "RESERVE_BAND", ReserveBandTerms;
    /// The last day to sign the agreement.
    EncumberBy = "ENCUMBER_BY", EncumberByTerms;
    /// The last day to pay.
    LiquidateBy = "LIQUIDATE_BY", LiquidateByTerms;
    /// The last day for the final invoice.
    FinalInvoiceBy = "FINAL_INVOICE_BY", FinalInvoiceByTerms;
    /// Costs only inside the period of performance.
    PerformanceWindow = "PERFORMANCE_WINDOW", PerformanceWindowTerms;
    /// The recipient adds a part of its own.
    Match = "MATCH", MatchTerms;
    /// Advances or reimbursement.
    PayMethod = "PAY_METHOD", PayMethodTerms;
    /// A part of each request is withheld for a time.
    Retention = "RETENTION", RetentionTerms;
    /// A category takes at most a part of a base.
    CostCap = "COST_CAP", CostCapTerms;
    /// Transfers between budget lines without approval.
    LineTransfer = "LINE_TRANSFER", LineTransferTerms;
    /// What is paid for.
    Allowable = "ALLOWABLE", AllowableTerms;
    /// What is not paid for.
    Unallowable = "UNALLOWABLE", UnallowableTerms;
    /// Who may receive.
    Eligibility = "ELIGIBILITY", EligibilityTerms;
    /// How large an award is.
    AwardRange = "AWARD_RANGE", AwardRangeTerms;
    /// What is handed in again and again.
    ReportSchedule = "REPORT_SCHEDULE", ReportScheduleTerms;
    /// What has to be in hand before a payment.
    PaymentGate = "PAYMENT_GATE", PaymentGateTerms;
    /// How long records are kept.
    RecordRetention = "RECORD_RETENTION", RecordRetentionTerms;
}

impl RuleTerms {
    /// Whether the figures make sense; otherwise where they do not, and what would.
    pub fn check(&self) -> Result<(), Problem> {
        match self {
            Self::AllocationSplit(terms) => terms.check(),
            Self::SubFloor(terms) => terms.check(),
            Self::SubCap(terms) => terms.check(),
            Self::Reversion(terms) => terms.check(),
            Self::ReserveBand(terms) => terms.check(),
            Self::EncumberBy(terms) => terms.check(),
            Self::LiquidateBy(terms) => terms.check(),
            Self::FinalInvoiceBy(terms) => terms.check(),
            Self::PerformanceWindow(_) => Ok(()),
            Self::Match(terms) => terms.check(),
            Self::PayMethod(terms) => terms.check(),
            Self::Retention(terms) => terms.check(),
            Self::CostCap(terms) => terms.check(),
            Self::LineTransfer(terms) => terms.check(),
            Self::Allowable(terms) => terms.check(),
            Self::Unallowable(terms) => terms.check(),
            Self::Eligibility(terms) => terms.check(),
            Self::AwardRange(terms) => terms.check(),
            Self::ReportSchedule(terms) => terms.check(),
            Self::PaymentGate(terms) => terms.check(),
            Self::RecordRetention(terms) => terms.check(),
        }
    }

    /// What it means for a grant at a step; nothing where it has nothing to say.
    pub fn evaluate(&self, situation: &Situation, step: &Step) -> Vec<Judgment> {
        let mut findings = Findings::default();
        let found = &mut findings;
        match self {
            // Parts of an allocation are computed by `splitAllocation`, and reports are deadlines.
            Self::AllocationSplit(_) | Self::SubFloor(_) | Self::SubCap(_) => {}
            Self::ReportSchedule(_) => {}
            Self::Reversion(terms) => terms.evaluate(situation, step, found),
            Self::ReserveBand(terms) => terms.evaluate(step, found),
            Self::EncumberBy(terms) => terms.evaluate(situation, step, found),
            Self::LiquidateBy(terms) => terms.evaluate(situation, step, found),
            Self::FinalInvoiceBy(terms) => terms.evaluate(situation, step, found),
            Self::PerformanceWindow(terms) => terms.evaluate(situation, step, found),
            Self::Match(terms) => terms.evaluate(situation, step, found),
            Self::PayMethod(terms) => terms.evaluate(situation, step, found),
            Self::Retention(terms) => terms.evaluate(step, found),
            Self::CostCap(terms) => terms.evaluate(situation, step, found),
            Self::LineTransfer(terms) => terms.evaluate(situation, step, found),
            Self::Allowable(terms) => terms.evaluate(step, found),
            Self::Unallowable(terms) => terms.evaluate(step, found),
            Self::Eligibility(terms) => terms.evaluate(situation, step, found),
            Self::AwardRange(terms) => terms.evaluate(situation, step, found),
            Self::PaymentGate(terms) => terms.evaluate(step, found),
            Self::RecordRetention(terms) => terms.evaluate(step, found),
        }
        findings.0
    }
}

text_enum! {
    /// What a finding means for what is about to happen.
    pub enum Severity {
        /// Good to know.
        Info = "INFO",
        /// Somebody should look.
        Warn = "WARN",
        /// It is refused.
        Block = "BLOCK",
    }
}

/// What one rule says about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgment {
    pub severity: Severity,
    pub amount: Option<Money>,
    pub due_on: Option<Date>,
    pub message: String,
}

/// Judgments as a kind of rule collects them.
#[derive(Default)]
struct Findings(Vec<Judgment>);

impl Findings {
    fn push(
        &mut self,
        severity: Severity,
        amount: Option<Money>,
        due_on: Option<Date>,
        message: impl Into<String>,
    ) {
        self.0.push(Judgment { severity, amount, due_on, message: message.into() });
    }
}

/// What rules look at in a grant, as of a day.
#[derive(Clone, Debug)]
pub struct Situation {
    pub amount: Money,
    pub performance: DateRange,
    pub encumber_by: Option<Date>,
    pub liquidate_by: Option<Date>,
    pub final_invoice_by: Option<Date>,
    pub signed_on: Option<Date>,
    pub recipient: OrganizationKind,
    /// The money is the federal government's.
    pub federal: bool,
    /// The grant passes on money of another grant.
    pub subrecipient: bool,
    pub facts: Known,
}

/// What is about to happen, with what rules need to know of it.
#[derive(Clone, Debug)]
pub enum Step {
    /// Nothing: how the grant stands on a day.
    Standing {
        on: Date,
    },
    Award,
    Sign {
        on: Date,
    },
    /// `outstanding` is what was advanced, or asked for in advance, and is not accounted for.
    Request {
        on: Date,
        advance: bool,
        amount: Money,
        outstanding: Money,
        period: DateRange,
    },
    /// `retains` where it pays for costs, of which a part may be withheld.
    Pay {
        on: Date,
        amount: Money,
        retains: bool,
        in_hand: InHand,
    },
    /// What was withheld is set aside for payment. `over` after the period of performance, `closing` in closeout.
    Release {
        over: bool,
        closing: bool,
    },
    /// A cost; `in_category` is all of its category together with it.
    Spend {
        on: Date,
        category: CostCategory,
        in_category: Money,
        direct: Money,
        mtdc: Money,
    },
    /// A transfer between budget lines. `line` is the budget of the one that it leaves, `moved_of_line` what left
    /// it before, and `moved_before` all that was transferred.
    Transfer {
        amount: Money,
        moved_before: Money,
        line: Money,
        moved_of_line: Money,
        categories: Vec<CostCategory>,
    },
    Close {
        on: Date,
    },
    /// Somebody adds to the grant, by such a contribution.
    Match {
        source: MatchSource,
    },
    /// What was paid, and is asked for, beside what was accepted as match.
    MatchPace {
        awarded: Money,
        drawn: Money,
        met: Money,
    },
    /// Money of an allocation comes in.
    Receive {
        component: String,
        on: Date,
    },
    /// The reserve of a component, with its allocations of the past years, the latest last.
    Reserve {
        component: String,
        allocations: Vec<Money>,
        reserve: Money,
    },
}

/// Where terms make no sense, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From the outside in, as clients name the fields.
    pub path: Vec<String>,
    pub message: String,
}

impl Problem {
    pub fn new(message: impl Into<String>) -> Self {
        Self { path: vec![], message: message.into() }
    }

    fn on(field: &str, message: impl Into<String>) -> Self {
        Self { path: vec![field.into()], message: message.into() }
    }

    fn within(mut self, outer: impl fmt::Display) -> Self {
        self.path.insert(0, outer.to_string());
        self
    }

    fn unless_some<T>(list: &[T], field: &str) -> Result<(), Self> {
        if list.is_empty() {
            return Err(Self::on(field, format!("`{field}` names at least one")));
        }
        Ok(())
    }

    fn unless_filled(text: &str, field: &str) -> Result<(), Self> {
        if text.trim().is_empty() {
            return Err(Self::on(field, format!("`{field}` must not be empty")));
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.path.join("."), self.message)
    }
}

fn check_bp(bp: i32, field: &str) -> Result<(), Problem> {
    if (1..=10_000).contains(&bp) {
        return Ok(());
    }
    Err(Problem::on(
        field,
        format!("{bp} is not a part: basis points are 1 to 10000, and 2000 is 20 percent"),
    ))
}

fn check_years(years: i32) -> Result<(), Problem> {
    if (1..=100).contains(&years) {
        return Ok(());
    }
    Err(Problem::on("years", format!("{years} is not a number of years: 1 to 100")))
}
