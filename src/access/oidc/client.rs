//! Asks the identity provider: by JSON, within seconds, and never beyond the address asked for.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use poem::http::{Method, Request, header};
use serde_json::Value;

/// How long one answer may take.
pub const PATIENCE: Duration = Duration::from_secs(3);
const MOST_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub struct Client(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// A question, and who asks.
pub enum Question<'a> {
    Get,
    /// With an access token.
    GetAs(&'a str),
    /// A form, by a client that may have a secret.
    Form {
        fields: &'a [(&'a str, &'a str)],
        client: Option<(&'a str, &'a str)>,
    },
}

impl Client {
    pub fn new() -> anyhow::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(PATIENCE));
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
            .context("this machine knows no certificate authorities")?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self(legacy::Client::builder(TokioExecutor::new()).build(https)))
    }

    pub async fn ask(&self, url: &str, question: Question<'_>) -> anyhow::Result<Value> {
        let answer = tokio::time::timeout(PATIENCE, self.read(url, question));
        answer.await.with_context(|| format!("{url} does not answer in time"))?
    }

    async fn read(&self, url: &str, question: Question<'_>) -> anyhow::Result<Value> {
        let request = Request::builder().uri(url).header(header::ACCEPT, "application/json");
        let request = match question {
            Question::Get => request.body(Full::default()),
            Question::GetAs(token) => request
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .body(Full::default()),
            Question::Form { fields, client } => {
                let mut request = request
                    .method(Method::POST)
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
                if let Some((id, secret)) = client {
                    let form = |text| serde_urlencoded::to_string([("", text)]);
                    let (id, secret) = (form(id)?, form(secret)?);
                    let both =
                        format!("{}:{}", id.replacen('=', "", 1), secret.replacen('=', "", 1));
                    let basic = format!("Basic {}", BASE64_STANDARD.encode(both));
                    request = request.header(header::AUTHORIZATION, basic);
                }
                request.body(serde_urlencoded::to_string(fields)?.into_bytes().into())
            }
        }?;
        let response =
            self.0.request(request).await.with_context(|| format!("{url} cannot be reached"))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
        let Ok(body) = body else {
            bail!("{url} answers more than {MOST_BYTES} bytes, or breaks off")
        };
        ensure!(status.is_success(), "{url} answers {status}");
        serde_json::from_slice(&body.to_bytes()).with_context(|| format!("{url} answers no JSON"))
    }
}

/// An address that nobody between can read or change: https, or this machine's own.
pub fn is_private(url: &str) -> bool {
    let Ok(uri) = url.parse::<poem::http::Uri>() else { return false };
    let own = matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match uri.scheme_str() {
        Some("https") => uri.host().is_some(),
        Some("http") => own,
        _ => false,
    }
}
