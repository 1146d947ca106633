//! Delivers what is queued, one message at a time, and marks each by itself: a crash can
//! repeat only the one in flight, with the same Message-ID.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Run, Summary};
use crate::{
    App, Result,
    email::{Email, Failure, Tried, store},
};

pub const NAME: &str = "send_emails";

/// Three days of one try an hour, after the quick ones: then a message that the server puts off
/// every time is given up.
const TRIES: i32 = 77;

pub async fn run(app: &App, run: &Run) -> Result<Summary> {
    let (mut sent, mut failed) = (0, 0);
    // Longer than a try can take, so that no other sender takes it up meanwhile.
    let hold = TimeDelta::from_std(app.outgoing.timeout * 3).unwrap_or(TimeDelta::hours(1));
    while !run.dry_run && !run.must_stop() {
        let now = app.clock.now();
        let Some(email) = store::claim(&app.db, now, now + hold).await? else { break };
        let Err(failure) = app.outgoing.send(&email).await else {
            store::mark(&app.db, &email, &Tried::Sent, app.clock.now()).await?;
            sent += 1;
            continue;
        };
        failed += 1;
        // Without the server's words, which may quote an address.
        tracing::warn!(email = %email.id, attempt = email.attempts, "not sent: {}", kind(&failure));
        let tried = judge(&email, &failure, app.clock.now());
        store::mark(&app.db, &email, &tried, app.clock.now()).await?;
        if matches!(failure, Failure::Unreachable(_)) {
            break;
        }
    }
    let text = match (sent, failed) {
        (0, 0) => "no mail was waiting".into(),
        (_, 0) => format!("messages sent: {sent}"),
        _ => format!("messages sent: {sent}, tries failed: {failed}"),
    };
    Ok(Summary { done: sent, text, cut_short: false })
}

fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::Unreachable(_) => "the mail server cannot be reached, or does not let us in",
        Failure::Transient(_) => "the mail server said later, or nothing",
        Failure::Permanent(_) => "the mail server refused it for good",
    }
}

/// Again after 1, 2, 4 ... 60 minutes; never after a refusal. However long the server is away,
/// no message is given up for that.
fn judge(email: &Email, failure: &Failure, now: DateTime<Utc>) -> Tried {
    let error = failure.to_string();
    match failure {
        Failure::Unreachable(_) => Tried::Untried { error, until: now + TimeDelta::minutes(1) },
        Failure::Transient(_) if email.attempts < TRIES => {
            let doublings = u32::try_from(email.attempts - 1).unwrap_or_default().min(6);
            let until = now + TimeDelta::minutes(2_i64.pow(doublings).min(60));
            Tried::Delayed { error, until }
        }
        Failure::Transient(_) | Failure::Permanent(_) => Tried::GivenUp { error },
    }
}
