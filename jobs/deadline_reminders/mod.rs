//! Tells the people responsible for a deadline that it is near or past, once for each lead
//! time, in one digest a day.

mod digest;
mod store;

use super::{Run, Summary};
use crate::{
    App, Result, email,
    email::NewEmail,
    id::{EmailId, PersonId, ReminderId},
};
use digest::Digest;
use store::Due;

pub const NAME: &str = "deadline_reminders";
const KIND: &str = "DIGEST";

/// The rows tell what is due: a run that was cut short goes on where it stopped.
pub async fn run(app: &App, run: &Run) -> Result<Summary> {
    let waiting = store::people_with_reminders(&app.db, run.on).await?;
    let (mut people, mut items) = (0, 0);
    let mut planned = String::new();
    for batch in waiting.chunks(usize::try_from(run.batch).unwrap_or(1).max(1)) {
        if run.must_stop() {
            break;
        }
        if run.dry_run {
            let due = store::due(&app.db, run.on, batch).await?;
            for of_person in due.chunk_by(|one, other| one.person_id == other.person_id) {
                people += 1;
                items += of_person.len();
                planned.push_str(&format!(
                    "\n  {} <{}>: {}",
                    of_person[0].name,
                    of_person[0].email,
                    of_person.len()
                ));
            }
            continue;
        }
        let (queued, reminders) = queue(app, run, batch).await?;
        people += queued;
        items += reminders;
    }
    let text = match (people, run.dry_run) {
        (0, _) => "nobody has to be reminded of anything new".into(),
        (_, true) => format!("would be queued: digests {people}, reminders {items}{planned}"),
        (_, false) => format!("queued: digests {people}, reminders {items}"),
    };
    Ok(Summary { done: people, text, cut_short: false })
}

/// One transaction: the digests of some people, and the reminders in them.
async fn queue(app: &App, run: &Run, people: &[PersonId]) -> Result<(usize, usize)> {
    let mut tx = app.db.begin().await?;
    let due = store::due(&mut *tx, run.on, people).await?;
    let mut emails = Vec::new();
    let mut reminders = Vec::new();
    for of_person in due.chunk_by(|one, other| one.person_id == other.person_id) {
        let email = write(app, run, of_person)?;
        let new = |due: &Due| store::NewReminder::of(due, ReminderId::new(&app.clock), email.id);
        reminders.extend(of_person.iter().map(new));
        emails.push(email);
    }
    let queued = email::store::queue(&mut tx, &app.outgoing, &emails, app.clock.now()).await?;
    // Whoever got a digest for the day already is told of the rest tomorrow.
    reminders.retain(|reminder| queued.contains(&reminder.email));
    store::insert(&mut tx, &reminders, app.clock.now()).await?;
    tx.commit().await?;
    Ok((queued.len(), reminders.len()))
}

fn write(app: &App, run: &Run, of_person: &[Due]) -> Result<NewEmail> {
    let digest = Digest::of(of_person, run.on);
    Ok(NewEmail {
        id: EmailId::new(&app.clock),
        job: NAME,
        kind: KIND,
        person: of_person[0].person_id,
        run_on: run.on,
        recipient: of_person[0].email.clone(),
        subject: digest.subject(),
        body_text: digest.text().map_err(anyhow::Error::from)?,
        body_html: digest.html().map_err(anyhow::Error::from)?,
    })
}
