use std::fmt;

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{clock::Date, id::JobRunId, text_enum::text_enum};

text_enum! {
    /// How a run of a job ended.
    pub enum JobOutcome {
        /// It did what was due.
        Succeeded = "SUCCEEDED",
        /// It stopped at a fault; what is due is tried again.
        Failed = "FAILED",
    }
}

/// A run of a job.
#[derive(Clone, Debug, SimpleObject)]
pub struct JobRun {
    /// Identifies the run everywhere in Thrive.
    pub id: JobRunId,
    /// The job's name.
    pub job: String,
    /// The day that it ran for.
    pub run_on: Date,
    #[graphql(skip)]
    pub run_number: i64,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// How it ended.
    pub outcome: JobOutcome,
    /// What it did, in words.
    pub summary: String,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many things were done; zero is a quiet run.
    pub done: usize,
    /// The same in words.
    pub text: String,
    /// The process was asked to end before all was done: the rest is due at once.
    pub cut_short: bool,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a run by hand did, for the person who asked for it.
#[derive(Debug)]
pub struct Report {
    pub job: &'static str,
    pub on: Date,
    pub dry_run: bool,
    pub summary: Summary,
    /// What was sent afterwards.
    pub delivered: Option<Summary>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dry = if self.dry_run { " (dry run, nothing is done)" } else { "" };
        write!(f, "{} for {}{dry}: {}", self.job, self.on, self.summary)?;
        match &self.delivered {
            Some(delivered) => write!(f, "\n{delivered}"),
            None => Ok(()),
        }
    }
}
