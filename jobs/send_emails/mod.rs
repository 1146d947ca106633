//! Delivers what is queued, one message at a time, and marks each by itself: a crash can
//! repeat only the one in flight, with the same Message-ID.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Run, Summary};
use crate::{
    App, Result,
    email::{Email, Failure, store},
};

pub const NAME: &str = "send_emails";

/// After that a message that still cannot be sent is given up.
const PATIENCE: TimeDelta = TimeDelta::days(3);

pub async fn run(app: &App, run: &Run) -> Result<Summary> {
    let (mut sent, mut failed) = (0, 0);
    while !run.dry_run && !run.must_stop() {
        let now = app.clock.now();
        // Longer than a try can take, so that no other sender takes it up meanwhile.
        let hold = TimeDelta::from_std(app.outgoing.timeout * 2).unwrap_or(PATIENCE);
        let Some(email) = store::claim(&app.db, now, now + hold).await? else { break };
        match app.outgoing.send(&email).await {
            Ok(()) => {
                store::mark_sent(&app.db, email.id, app.clock.now()).await?;
                sent += 1;
            }
            Err(failure) => {
                failed += 1;
                tracing::warn!(email = %email.id, attempt = email.attempts, "not sent: {}", kind(&failure));
                let again_at = again_at(&email, &failure, app.clock.now());
                store::mark_failed(&app.db, email.id, &failure.to_string(), again_at).await?;
                if matches!(failure, Failure::Unreachable(_)) {
                    break;
                }
            }
        }
    }
    let text = match (sent, failed) {
        (0, 0) => "no mail was waiting".into(),
        (_, 0) => format!("{sent} messages were sent"),
        _ => format!("{sent} messages were sent, {failed} tries failed"),
    };
    Ok(Summary { done: sent, text })
}

/// Without the server's words, which may quote an address.
fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::Unreachable(_) => "the mail server cannot be reached",
        Failure::Transient(_) => "the mail server said later, or nothing",
        Failure::Permanent(_) => "the mail server refused it for good",
    }
}

/// Again after 1, 2, 4 ... 60 minutes, for three days; never after a refusal.
fn again_at(email: &Email, failure: &Failure, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if matches!(failure, Failure::Permanent(_)) || now - email.queued_at > PATIENCE {
        return None;
    }
    let doublings = u32::try_from(email.attempts - 1).unwrap_or_default().min(6);
    Some(now + TimeDelta::minutes(2_i64.pow(doublings).min(60)))
}
