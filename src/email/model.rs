use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    clock::Date,
    id::{EmailId, PersonId},
    text_enum::text_enum,
};

text_enum! {
    /// Where a message stands.
    pub enum EmailStatus {
        /// Waiting to be sent, or to be tried again.
        Queued = "QUEUED",
        /// Accepted by the mail server.
        Sent = "SENT",
        /// Given up: the mail server refused it for good, or put it off again and again for three days.
        Failed = "FAILED",
    }
}

/// A message that Thrive wrote to a person.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Email {
    /// Identifies the message everywhere in Thrive.
    pub id: EmailId,
    /// The job that wrote it.
    pub job: String,
    /// What kind of message it is, such as `DIGEST`.
    pub kind: String,
    #[graphql(skip)]
    pub person_id: PersonId,
    /// The day that it was written for; a job writes a person at most one of a kind a day.
    pub run_on: Date,
    /// The address that it goes to.
    pub recipient: String,
    /// The subject line.
    pub subject: String,
    /// The message as plain text.
    pub body_text: String,
    #[graphql(skip)]
    pub body_html: Option<String>,
    /// The Message-ID header: the same however often the message is tried.
    pub message_id: String,
    /// Where it stands.
    pub status: EmailStatus,
    /// How often it was tried; while there is no mail server to be reached, it is not.
    pub attempts: i32,
    /// Why the last try failed; null when none did.
    pub last_error: Option<String>,
    /// When it was queued.
    pub queued_at: DateTime<Utc>,
    /// When the mail server accepted it; null until then.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A message to queue.
#[derive(Clone, Debug)]
pub struct NewEmail {
    pub id: EmailId,
    pub job: &'static str,
    pub kind: &'static str,
    pub person: PersonId,
    pub run_on: Date,
    pub recipient: String,
    pub subject: String,
    pub body_text: String,
    pub body_html: String,
}

/// What came of a try to send a message.
#[derive(Clone, Debug)]
pub enum Tried {
    Sent,
    /// Not now: again at a later moment.
    Delayed {
        error: String,
        until: DateTime<Utc>,
    },
    /// There was nobody to take it, which says nothing about the message: again at a later moment.
    Untried {
        error: String,
        until: DateTime<Utc>,
    },
    /// Never.
    GivenUp {
        error: String,
    },
}
