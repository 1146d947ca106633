//! What the web server was told at the command line, checked before anybody asks.

use std::time::Duration;

use anyhow::bail;

use super::{guard::Guard, persisted::Documents};
use crate::config::{Limits, ServeOptions, WebOptions};

/// How a process serves the API.
pub struct Settings {
    pub web: WebOptions,
    pub limits: Limits,
    pub guard: Guard,
    pub documents: Documents,
}

impl Default for Settings {
    fn default() -> Self {
        let web = WebOptions::default();
        let guard = guard_of(&web, None);
        Self { web, limits: Limits::DEFAULT, guard, documents: Documents::sent() }
    }
}

impl Settings {
    /// Refuses what could not work, before anything is started.
    pub fn of(options: &ServeOptions) -> anyhow::Result<Self> {
        let web = options.web.clone();
        let statement = u64::from(options.database.statement_timeout_seconds);
        if statement >= web.request_timeout_seconds {
            bail!(
                "--statement-timeout-seconds ({statement}) has to be less than --request-timeout-seconds ({}): a \
                 request would be given up while its statement goes on",
                web.request_timeout_seconds
            );
        }
        if let Some(origin) = web.allowed_origins.iter().find(|origin| !is_origin(origin)) {
            bail!(
                "`{origin}` is no origin: write it as https://dashboard.example.org, without a path"
            );
        }
        let documents = match &web.persisted_documents {
            Some(file) => Documents::listed(file)?,
            None => Documents::sent(),
        };
        let guard = guard_of(&web, options.public_url.as_deref());
        Ok(Self { web, limits: options.limits.clone(), guard, documents })
    }
}

fn guard_of(web: &WebOptions, public_url: Option<&str>) -> Guard {
    Guard {
        timeout: Duration::from_secs(web.request_timeout_seconds),
        allowed_origins: web.allowed_origins.clone(),
        https: public_url.is_some_and(|url| url.starts_with("https://")),
    }
}

/// As a browser writes it: scheme and host, maybe a port.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty()
            && host.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte)
            })
    })
}
