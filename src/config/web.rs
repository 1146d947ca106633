//! How the web server treats those who ask.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How the web server treats those who ask.
#[derive(Args, Clone, Debug)]
pub struct WebOptions {
    /// How long an answer may take; then the request is given up and what it began is undone. An export
    /// that has begun goes on.
    #[arg(long, env = "THRIVE_REQUEST_TIMEOUT_SECONDS", default_value_t = Self::DEFAULT_TIMEOUT, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub request_timeout_seconds: u64,

    /// How long a request's body may take to arrive.
    #[arg(long, env = "THRIVE_BODY_TIMEOUT_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub body_timeout_seconds: u64,

    /// Who is told the schema, by `__schema`, `__type` and /schema.graphql. It is published with the source, and
    /// what it costs is bounded.
    #[arg(long, env = "THRIVE_INTROSPECTION", value_enum, default_value_t = Introspection::On)]
    pub introspection: Introspection,

    /// How many requests a person, or an address without one, may send in a minute; 0 for any number.
    #[arg(long, env = "THRIVE_REQUESTS_PER_MINUTE", default_value_t = 1_200)]
    pub requests_per_minute: u32,

    /// What a person's requests, or those of an address without one, may cost in a minute; 0 for any sum.
    #[arg(long, env = "THRIVE_COST_PER_MINUTE", default_value_t = 2_000_000)]
    pub cost_per_minute: u32,

    /// How many requests with an unknown token an address may send in a minute; 0 for any number.
    #[arg(long, env = "THRIVE_FAILED_SIGN_INS_PER_MINUTE", default_value_t = 20)]
    pub failed_sign_ins_per_minute: u32,

    /// How many proxies stand before Thrive and add to the header X-Forwarded-For. With 0 the header is
    /// not believed, and a proxy's address counts as the client's.
    #[arg(long, env = "THRIVE_TRUSTED_PROXIES", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=10))]
    pub trusted_proxies: u8,

    /// Sites whose pages may ask from a browser, such as https://dashboard.example.org; none when absent.
    #[arg(long, env = "THRIVE_ALLOWED_ORIGINS", value_delimiter = ',', value_name = "ORIGIN")]
    pub allowed_origins: Vec<String>,

    /// Run the documents of this file only: a JSON object of SHA-256 (64 hexadecimal digits) to document,
    /// as clients' tools write it. Requests name one by `documentId` or `extensions.persistedQuery.sha256Hash`.
    #[arg(long, env = "THRIVE_PERSISTED_DOCUMENTS", value_name = "FILE")]
    pub persisted_documents: Option<PathBuf>,
}

impl WebOptions {
    const DEFAULT_TIMEOUT: u64 = 30;
}

impl Default for WebOptions {
    fn default() -> Self {
        Self {
            request_timeout_seconds: Self::DEFAULT_TIMEOUT,
            body_timeout_seconds: 10,
            introspection: Introspection::On,
            requests_per_minute: 1_200,
            cost_per_minute: 2_000_000,
            failed_sign_ins_per_minute: 20,
            trusted_proxies: 0,
            allowed_origins: vec![],
            persisted_documents: None,
        }
    }
}

/// Who is told the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Introspection {
    /// Everybody.
    On,
    /// Those who have signed in.
    SignedIn,
    /// Nobody.
    Off,
}
