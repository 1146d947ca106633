use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, anyhow, bail, ensure};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        AsyncSmtpTransportBuilder, PoolConfig,
        client::{Certificate, Tls, TlsParameters},
    },
};

use super::Email;
use crate::{config::MailConfig, id::EmailId};

type Transport = AsyncSmtpTransport<Tokio1Executor>;

const EXAMPLES: &str = "smtp://user:password@host:587?tls=required, smtps://user:password@host:465 or file:///directory";

/// How mail leaves.
pub struct Outgoing {
    from: Mailbox,
    way: Way,
    /// How long one message may take.
    pub timeout: Duration,
}

enum Way {
    Smtp(Smtp),
    /// One `.eml` file a message.
    Directory(PathBuf),
}

struct Smtp {
    builder: AsyncSmtpTransportBuilder,
    pool: Mutex<Transport>,
}

/// Why a message did not leave. The text may quote the server, and so name people.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is nobody who takes mail from us: other messages will fare the same. The text
    /// names nobody, as no message was part of it.
    #[error("{0}")]
    Unreachable(String),
    /// This message may be tried again. After a timeout it may have arrived.
    #[error("{0}")]
    Transient(String),
    /// This message will never leave.
    #[error("{0}")]
    Permanent(String),
}

impl Outgoing {
    pub fn open(config: &MailConfig) -> anyhow::Result<Self> {
        let from: Mailbox = config.from.parse().map_err(|_| {
            anyhow!("MAIL_FROM `{}` is not of the form `Name <address@domain>`", config.from)
        })?;
        let way = match config.url.split_once("://") {
            Some(("file", path)) => {
                ensure!(
                    path.starts_with('/'),
                    "MAIL_URL names no absolute directory: write file:///directory"
                );
                Way::Directory(path.into())
            }
            Some(("smtp" | "smtps", _)) => Way::Smtp(Smtp::open(config)?),
            // The URL may hold a password, so it is not repeated.
            _ => bail!("MAIL_URL is not of the form {EXAMPLES}"),
        };
        Ok(Self { from, way, timeout: config.timeout })
    }

    /// The Message-ID of a message: the same for the same message.
    pub fn message_id(&self, id: EmailId) -> String {
        format!("<{id}@{}>", self.from.email.domain())
    }

    /// Hands a message over.
    pub async fn send(&self, email: &Email) -> Result<(), Failure> {
        let message =
            self.message(email).map_err(|error| Failure::Permanent(format!("{error:#}")))?;
        match &self.way {
            Way::Smtp(smtp) => smtp.send(message, self.timeout).await,
            Way::Directory(directory) => write(directory, &file_name(email), &message.formatted())
                .await
                .map_err(|error| Failure::Unreachable(format!("{}: {error}", directory.display()))),
        }
    }

    /// The same bytes for the same message, however often it is tried.
    fn message(&self, email: &Email) -> anyhow::Result<Message> {
        let address: Address =
            email.recipient.parse().context("the recipient's address cannot be written to")?;
        let text = SinglePart::plain(email.body_text.clone());
        let parts =
            MultiPart::alternative().boundary(email.id.0.simple().to_string()).singlepart(text);
        let body = match &email.body_html {
            Some(html) => parts.singlepart(SinglePart::html(html.clone())),
            None => parts,
        };
        // Tells whoever is on vacation not to answer (RFC 3834).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Ok(Message::builder()
            .message_id(Some(email.message_id.clone()))
            .date(email.queued_at.into())
            .from(self.from.clone())
            .to(address.into())
            .subject(one_line(&email.subject))
            .raw_header(HeaderValue::new(automatic, "auto-generated".into()))
            .multipart(body)?)
    }
}

impl Smtp {
    fn open(config: &MailConfig) -> anyhow::Result<Self> {
        let (scheme, host) = scheme_and_host(&config.url)?;
        let tls = config.url.rsplit_once("?tls=").map(|(_, tls)| tls);
        let password = config.url.rsplit_once('@').is_some();
        ensure!(
            scheme == "smtps" || tls == Some("required") || !password,
            "MAIL_URL has a password that would travel in clear text: add ?tls=required, or use smtps://"
        );
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&config.url)
            .map_err(|_| anyhow!("MAIL_URL is not of the form {EXAMPLES}"))?
            .timeout(Some(config.timeout))
            .pool_config(PoolConfig::new().max_size(2));
        if let Some(file) = &config.ca_file {
            let parameters = trusting(host, file)?;
            builder = match (scheme, tls) {
                ("smtps", _) => builder.tls(Tls::Wrapper(parameters)),
                (_, Some("required")) => builder.tls(Tls::Required(parameters)),
                (_, Some(_)) => builder.tls(Tls::Opportunistic(parameters)),
                (_, None) => bail!(
                    "THRIVE_MAIL_CA_FILE is of no use without TLS: add ?tls=required to MAIL_URL"
                ),
            };
        }
        Ok(Self { pool: Mutex::new(builder.clone().build()), builder })
    }

    fn transport(&self) -> Transport {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn send(&self, message: Message, timeout: Duration) -> Result<(), Failure> {
        let transport = self.transport();
        // The transport's own timeout covers connecting only.
        let failure = match tokio::time::timeout(timeout, transport.send(message)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) if error.is_permanent() => Failure::Permanent(error.to_string()),
            Ok(Err(error)) => Failure::Transient(error.to_string()),
            Err(_) => {
                // The abandoned connection would go back to its pool in the middle of a dialogue, and
                // its late answers would be taken for those to the next message.
                *self.pool.lock().unwrap_or_else(PoisonError::into_inner) =
                    self.builder.clone().build();
                Failure::Transient(format!("no answer within {} s", timeout.as_secs()))
            }
        };
        // A wrong password or a dead server says nothing about this message.
        match tokio::time::timeout(timeout, self.transport().test_connection()).await {
            Ok(Ok(true)) => Err(failure),
            Ok(Ok(false)) => Err(Failure::Unreachable("the connection broke".into())),
            Ok(Err(error)) => Err(Failure::Unreachable(error.to_string())),
            Err(_) => {
                Err(Failure::Unreachable(format!("no answer within {} s", timeout.as_secs())))
            }
        }
    }
}

/// A certificate authority of one's own, beside those of the system.
fn trusting(host: &str, file: &Path) -> anyhow::Result<TlsParameters> {
    let pem = std::fs::read(file)
        .with_context(|| format!("THRIVE_MAIL_CA_FILE: {} cannot be read", file.display()))?;
    let authority = Certificate::from_pem(&pem).with_context(|| {
        format!("THRIVE_MAIL_CA_FILE: {} holds no certificates in PEM", file.display())
    })?;
    Ok(TlsParameters::builder(host.into()).add_root_certificate(authority).build()?)
}

fn scheme_and_host(url: &str) -> anyhow::Result<(&str, &str)> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    ensure!(!host.is_empty(), "MAIL_URL names no host: write {EXAMPLES}");
    Ok((scheme, host))
}

/// Header text without line breaks: what follows one could pass for another header.
fn one_line(text: &str) -> String {
    text.split(char::is_control)
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Readable, and the same for the same message.
fn file_name(email: &Email) -> String {
    let readable = |character: char| {
        if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
    };
    let who: String = email.recipient.chars().map(readable).take(60).collect();
    format!("{}-{who}-{}.eml", email.run_on, email.id)
}

/// All of the file or none of it.
async fn write(directory: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    tokio::fs::create_dir_all(directory).await?;
    let unfinished = directory.join(format!(".{name}.tmp"));
    tokio::fs::write(&unfinished, bytes).await?;
    tokio::fs::rename(unfinished, directory.join(name)).await
}
