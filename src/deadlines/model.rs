use async_graphql::SimpleObject;
use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;

use crate::{
    clock::{CALIFORNIA, Date, end_of_day, instant},
    id::{CityId, DeadlineChangeId, DeadlineId, GrantId, PersonId, RuleId},
    rule_sets::kinds::Duty,
    text_enum::text_enum,
};

text_enum! {
    /// What is due.
    pub enum DeadlineKind {
        /// An application for funding.
        Application = "APPLICATION",
        /// A letter of intent before an application.
        LetterOfIntent = "LETTER_OF_INTENT",
        /// A report on what was done.
        ProgressReport = "PROGRESS_REPORT",
        /// A report on what was spent.
        FinancialReport = "FINANCIAL_REPORT",
        /// An invoice.
        Invoice = "INVOICE",
        /// The last invoice of a grant.
        FinalInvoice = "FINAL_INVOICE",
        /// The last day to sign the agreement.
        EncumberBy = "ENCUMBER_BY",
        /// The last day to pay.
        LiquidateBy = "LIQUIDATE_BY",
        /// The end of the period of performance.
        PerformanceEnd = "PERFORMANCE_END",
        /// The closeout of a grant.
        Closeout = "CLOSEOUT",
        /// The recipient's own part of the cost.
        MatchCheck = "MATCH_CHECK",
        /// The review of a sustainability plan.
        SustainabilityReview = "SUSTAINABILITY_REVIEW",
        /// A council resolution or memorandum of understanding.
        Resolution = "RESOLUTION",
        /// Anything else.
        Other = "OTHER",
    }
}

text_enum! {
    /// Where a deadline stands.
    pub enum DeadlineStatus {
        /// Not done, and not yet due.
        Open = "OPEN",
        /// Not done, and past due.
        Overdue = "OVERDUE",
        /// Done.
        Completed = "COMPLETED",
        /// Given up for a reason.
        Waived = "WAIVED",
        /// No longer due: the date or the rule that it followed from changed.
        Withdrawn = "WITHDRAWN",
    }
}

/// Something that is due on a day, and who is responsible for it.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Deadline {
    /// Identifies the deadline everywhere in Thrive.
    pub id: DeadlineId,
    /// What is due.
    pub kind: DeadlineKind,
    /// What is due, in words.
    pub title: String,
    #[graphql(skip)]
    pub grant_id: Option<GrantId>,
    #[graphql(skip)]
    pub city_id: Option<CityId>,
    /// The day on which it is due, in its zone.
    pub due_on: Date,
    #[graphql(skip)]
    pub due_time: Option<NaiveTime>,
    /// The zone of its day and time, such as `America/Los_Angeles`.
    pub zone: String,
    #[graphql(skip)]
    pub status: String,
    /// No reminders are sent up to and including this day.
    pub snoozed_until: Option<Date>,
    /// Why it was waived or snoozed.
    pub reason: Option<String>,
    /// When it was completed, waived or withdrawn; null while it is open.
    pub settled_at: Option<DateTime<Utc>>,
    #[graphql(skip)]
    pub settled_by: Option<PersonId>,
    #[graphql(skip)]
    pub obligation: Option<String>,
    #[graphql(skip)]
    pub duty: Option<Duty>,
    #[graphql(skip)]
    pub rule_id: Option<RuleId>,
    #[graphql(skip)]
    pub period_start: Option<Date>,
    #[graphql(skip)]
    pub period_end: Option<Date>,
    /// Grows with every change; an edit names the one it read.
    pub revision: i32,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Deadline {
    /// The instant at which it is due: the end of its day unless it has a time.
    pub fn due_instant(&self) -> DateTime<Utc> {
        let zone = self.zone.parse::<Tz>().unwrap_or(CALIFORNIA);
        instant(zone, self.due_on.and_time(self.due_time.unwrap_or_else(end_of_day)))
    }

    pub fn status_at(&self, now: DateTime<Utc>) -> DeadlineStatus {
        match self.status.as_str() {
            "COMPLETED" => DeadlineStatus::Completed,
            "WAIVED" => DeadlineStatus::Waived,
            "WITHDRAWN" => DeadlineStatus::Withdrawn,
            _ if self.due_instant() < now => DeadlineStatus::Overdue,
            _ => DeadlineStatus::Open,
        }
    }

    pub fn is_open(&self) -> bool {
        self.status == "OPEN"
    }
}

/// What a deadline was before its date or its standing changed by itself.
#[derive(Clone, Debug, SimpleObject)]
pub struct DeadlineChange {
    #[graphql(skip)]
    pub id: DeadlineChangeId,
    #[graphql(skip)]
    pub deadline_id: DeadlineId,
    /// The due date before.
    pub due_from: Date,
    /// The due date after.
    pub due_to: Date,
    /// Where it stood before; a date that had passed is told by `dueFrom`.
    pub status_from: DeadlineStatus,
    /// Where it stood after.
    pub status_to: DeadlineStatus,
    /// Why.
    pub reason: String,
    /// When.
    pub changed_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct NewDeadline {
    pub kind: DeadlineKind,
    pub title: String,
    pub grant: Option<GrantId>,
    pub city: Option<CityId>,
    pub due_on: Date,
    pub due_time: Option<NaiveTime>,
    pub responsible: Vec<PersonId>,
}

/// How a deadline ends, or rests.
#[derive(Clone, Debug)]
pub enum Settlement {
    Completed,
    Waived { reason: String },
    Snoozed { until: Date, reason: String },
}
