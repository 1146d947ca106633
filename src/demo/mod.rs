//! Demo data that looks like California: real cities and programs, fictional people,
//! organizations and grants, marked so. Made by the commands that people use, on a
//! clock that is set back, and always the same for the same anchor day. An
//! interrupted load goes on where it stopped.

mod cast;
mod reports;
mod story;

use std::io::IsTerminal;

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};

pub use cast::Login;

use crate::{App, access::Reach, clock::Clock, people};

/// How many grants there are; each has its own deterministic story.
const GRANTS: u64 = 60;

/// Loads the data, if not loaded yet. Answers who can sign in, a login per role.
pub async fn load(app: &App) -> anyhow::Result<Vec<Login>> {
    if !is_for_demonstration(app).await? {
        anyhow::bail!(
            "this database holds grants that are no demonstration: `thrive demo` is for an empty one, \
             and `thrive serve` for this"
        );
    }
    let anchor = anchor(app).await?;
    let mut at_anchor = app.clone();
    at_anchor.clock = Clock::fixed(anchor);
    let cast = cast::assemble(&at_anchor).await?;
    if !is_complete(app, &cast).await? {
        let progress = ProgressBar::new(GRANTS).with_style(
            ProgressStyle::with_template("Loading demo data {bar:40} {pos}/{len} grants")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        if !std::io::stderr().is_terminal() {
            eprintln!("Loading demo data: {GRANTS} grants ...");
        }
        for number in 0..GRANTS {
            story::tell(app, &cast, anchor, number).await?;
            progress.inc(1);
        }
        // The plans come last: where they are, everything is.
        story::plans(&at_anchor, &cast).await?;
        progress.finish_and_clear();
    }
    cast.logins()
}

/// The moment that all dates are relative to: when the first load began.
async fn anchor(app: &App) -> anyhow::Result<DateTime<Utc>> {
    let manager = people::store::find_by_email(&app.db, cast::MANAGER_EMAIL).await?;
    Ok(manager.map_or_else(|| app.clock.now(), |person| person.created_at))
}

/// Nothing can be removed again, so demo data go nowhere else.
async fn is_for_demonstration(app: &App) -> anyhow::Result<bool> {
    let reach = Reach { everything: true, ..Reach::default() };
    let filter = crate::grants::store::GrantFilter::default();
    let known = people::store::find_by_email(&app.db, cast::MANAGER_EMAIL).await?;
    Ok(known.is_some() || crate::grants::store::count(&app.db, &filter, &reach).await? == 0)
}

async fn is_complete(app: &App, cast: &cast::Cast) -> anyhow::Result<bool> {
    let filter = crate::plans::store::PlanFilter {
        cities: Some(cast.cities.iter().map(|city| city.id).collect()),
        ..Default::default()
    };
    let reach = Reach { everything: true, ..Reach::default() };
    Ok(crate::plans::store::count(&app.db, &filter, &reach).await? >= story::PLANS)
}
