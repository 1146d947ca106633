use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart},
    transport::smtp::client::{Certificate, Tls, TlsParameters},
};

use super::Email;
use crate::config::MailConfig;

/// How mail leaves.
pub struct Outgoing {
    from: Mailbox,
    way: Way,
    /// How long one message may take.
    pub timeout: Duration,
}

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    /// One `.eml` file a message.
    Directory(PathBuf),
}

/// Why a message did not leave.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server does not answer, or not as a mail server: other messages will fare the same.
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(String),
    /// This message may be tried again.
    #[error("not now: {0}")]
    Transient(String),
    /// This message will never leave.
    #[error("refused: {0}")]
    Permanent(String),
}

impl Outgoing {
    pub fn open(config: &MailConfig) -> anyhow::Result<Self> {
        let from: Mailbox = config
            .from
            .parse()
            .with_context(|| format!("MAIL_FROM `{}` is not `Name <address>`", config.from))?;
        let way = match config.url.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => Way::Directory(path.into()),
            Some(("smtp" | "smtps", _)) => Way::Smtp(transport(config)?),
            _ => bail!(
                "MAIL_URL is none of smtp://user:password@host:587?tls=required, smtps://host and file:///directory"
            ),
        };
        Ok(Self { from, way, timeout: config.timeout })
    }

    /// The Message-ID of a message: the same for the same message.
    pub fn message_id(&self, id: crate::id::EmailId) -> String {
        format!("<{id}@{}>", self.from.email.domain())
    }

    /// Hands a message over. An error leaves open whether it arrived only after a timeout.
    pub async fn send(&self, email: &Email) -> Result<(), Failure> {
        let message =
            self.message(email).map_err(|error| Failure::Permanent(format!("{error:#}")))?;
        // The transport's own timeout covers connecting only.
        match tokio::time::timeout(self.timeout, self.hand_over(email, message)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                Err(Failure::Transient(format!("no answer within {} s", self.timeout.as_secs())))
            }
        }
    }

    fn message(&self, email: &Email) -> anyhow::Result<Message> {
        let body = match &email.body_html {
            Some(html) => MultiPart::alternative_plain_html(email.body_text.clone(), html.clone()),
            None => MultiPart::mixed()
                .singlepart(lettre::message::SinglePart::plain(email.body_text.clone())),
        };
        Ok(Message::builder()
            .message_id(Some(email.message_id.clone()))
            .date(email.queued_at.into())
            .from(self.from.clone())
            .to(email.recipient.parse().context("the recipient's address")?)
            .subject(email.subject.clone())
            // Tells vacation responders to keep quiet (RFC 3834).
            .raw_header(lettre::message::header::HeaderValue::new(
                lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".into(),
            ))
            .multipart(body)?)
    }

    async fn hand_over(&self, email: &Email, message: Message) -> Result<(), Failure> {
        match &self.way {
            Way::Smtp(smtp) => match smtp.send(message).await {
                Ok(_) => Ok(()),
                Err(error) if error.is_permanent() => Err(Failure::Permanent(error.to_string())),
                Err(error) if error.is_transient() => Err(Failure::Transient(error.to_string())),
                Err(error) => Err(Failure::Unreachable(error.to_string())),
            },
            Way::Directory(directory) => {
                let name = file_name(email);
                write(directory, &name, &message.formatted()).await.map_err(|error| {
                    Failure::Unreachable(format!("{}: {error}", directory.display()))
                })
            }
        }
    }
}

fn transport(config: &MailConfig) -> anyhow::Result<AsyncSmtpTransport<Tokio1Executor>> {
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&config.url)
        .map_err(|error| anyhow::anyhow!("MAIL_URL: {error}"))?
        .timeout(Some(config.timeout));
    if let Some(file) = &config.ca_file {
        let pem =
            std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let authority = Certificate::from_pem(&pem)
            .with_context(|| format!("{} is not PEM", file.display()))?;
        let url = &config.url;
        let host = url.split_once("://").map_or("", |(_, rest)| rest);
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = host.split([':', '/', '?']).next().unwrap_or_default().to_owned();
        let parameters = TlsParameters::builder(host).add_root_certificate(authority).build()?;
        builder = match (
            url.starts_with("smtps"),
            url.contains("tls=required"),
            url.contains("tls=opportunistic"),
        ) {
            (true, ..) => builder.tls(Tls::Wrapper(parameters)),
            (_, true, _) => builder.tls(Tls::Required(parameters)),
            (.., true) => builder.tls(Tls::Opportunistic(parameters)),
            _ => builder,
        };
    }
    Ok(builder.build())
}

/// Readable, and the same for the same message.
fn file_name(email: &Email) -> String {
    let who: String =
        email
            .recipient
            .chars()
            .map(|character| {
                if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
            })
            .take(60)
            .collect();
    format!("{}-{who}-{}.eml", email.run_on, email.id)
}

/// All of the file or none of it.
async fn write(directory: &std::path::Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    tokio::fs::create_dir_all(directory).await?;
    let unfinished = directory.join(format!(".{name}"));
    tokio::fs::write(&unfinished, bytes).await?;
    tokio::fs::rename(unfinished, directory.join(name)).await
}
