//! When a job runs: a cron pattern in local time, so that eight o'clock stays eight
//! o'clock when clocks change.

use std::str::FromStr;

use anyhow::Context;
use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds},
};
use serde::Deserialize;

use crate::clock::instant;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    cron: String,
    zone: String,
    batch: i64,
    alone: bool,
    lease_seconds: i64,
    retry_seconds: i64,
}

pub struct Schedule {
    cron: Cron,
    zone: Tz,
    /// How many at a time.
    pub batch: i64,
    /// One process at a time runs it. Otherwise it takes its work row by row, and several may.
    pub alone: bool,
    /// How long a process that died keeps others away.
    pub lease_seconds: i64,
    /// How soon a failed run is tried again.
    pub retry_seconds: i64,
}

impl Schedule {
    pub fn read(settings: &str) -> anyhow::Result<Self> {
        let settings: Settings = toml::from_str(settings)?;
        let cron =
            CronParser::builder().seconds(Seconds::Optional).build().parse(&settings.cron)?;
        let zone = Tz::from_str(&settings.zone)
            .with_context(|| format!("`{}` is not a zone", settings.zone))?;
        let Settings { batch, alone, lease_seconds, retry_seconds, .. } = settings;
        Ok(Self { cron, zone, batch, alone, lease_seconds, retry_seconds })
    }

    /// The next moment after this one: once for each local time of the pattern. A time
    /// that a change of clocks skips is the moment after the gap; one that happens
    /// twice is the first.
    pub fn next_after(&self, now: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
        let mut local = now.with_timezone(&self.zone).naive_local();
        loop {
            local = self.next_local(local)?;
            let next = instant(self.zone, local);
            // In an hour that is repeated, a local time may have been already.
            if next > now {
                return Ok(next);
            }
        }
    }

    /// On the clock's face alone, where every time happens once.
    fn next_local(&self, local: NaiveDateTime) -> anyhow::Result<NaiveDateTime> {
        Ok(self.cron.find_next_occurrence(&local.and_utc(), false)?.naive_utc())
    }
}
