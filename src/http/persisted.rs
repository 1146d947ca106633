//! Documents that a request names instead of sending them: those of an allow-list, or those that clients sent before,
//! by the protocol of Apollo's automatic persisted queries.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, bail};
use lru::LruCache;
use sha2::{Digest, Sha256};

/// Where documents are found by their SHA-256.
pub enum Documents {
    /// Those that clients sent, the latest used.
    Sent(Mutex<Sent>),
    /// Those of a reviewed file, and no others.
    Listed(HashMap<String, String>),
}

/// Bounded by bytes: documents are small or large.
pub struct Sent {
    by_hash: LruCache<String, String>,
    bytes: usize,
}

const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The code that clients of automatic persisted queries know.
pub const NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";

/// Why no document is run: a code and a message.
pub type NoDocument = (&'static str, String);

/// What a request says of its document.
pub struct Asked {
    pub query: Option<String>,
    /// As clients write it: the digits, maybe after `sha256:`.
    pub hash: Option<String>,
}

impl Documents {
    pub fn sent() -> Self {
        Self::Sent(Mutex::new(Sent { by_hash: LruCache::unbounded(), bytes: 0 }))
    }

    /// Reads an allow-list, each document compared with its name.
    pub fn listed(file: &Path) -> anyhow::Result<Self> {
        let name = file.display();
        let text =
            std::fs::read_to_string(file).with_context(|| format!("{name} cannot be read"))?;
        let documents: HashMap<String, String> =
            serde_json::from_str(&text).with_context(|| {
                format!(
                    "{name} is no JSON object of SHA-256 to document, as clients' tools write it"
                )
            })?;
        for (hash, document) in &documents {
            if hash_of(document) != *hash {
                bail!(
                    "{name}: `{hash}` is not the SHA-256 of its document: have the file written with SHA-256"
                );
            }
        }
        if documents.is_empty() {
            bail!("{name} has no documents: nothing could be asked");
        }
        Ok(Self::Listed(documents))
    }

    /// The document of a request.
    pub fn find(&self, asked: Asked) -> Result<String, NoDocument> {
        let hash = asked.hash.map(|hash| hash.trim_start_matches("sha256:").to_ascii_lowercase());
        match (self, asked.query, hash) {
            (Self::Listed(documents), query, hash) => {
                let hash = hash.or_else(|| query.as_deref().map(hash_of)).unwrap_or_default();
                documents.get(&hash).cloned().ok_or_else(|| {
                    let message = "only the documents of a list are run here, and this is none of them: name one by \
                                   `documentId` or `extensions.persistedQuery.sha256Hash`";
                    ("PERSISTED_DOCUMENTS_ONLY", message.into())
                })
            }
            (_, Some(query), Some(hash)) if hash_of(&query) != hash => {
                let message = "the hash is not the SHA-256 of `query`, in hexadecimal digits";
                Err(("BAD_USER_INPUT", message.into()))
            }
            (_, Some(query), _) => Ok(query),
            (Self::Sent(sent), None, Some(hash)) => {
                let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
                // In the words that clients know, too.
                let not_found = || (NOT_FOUND, "PersistedQueryNotFound".into());
                sent.by_hash.get(&hash).cloned().ok_or_else(not_found)
            }
            (_, None, None) => {
                Err(("BAD_USER_INPUT", "`query` is missing: missing field `query`".into()))
            }
        }
    }

    /// Keeps a document that passed the gate, if its client will name it.
    pub fn keep(&self, document: &str) {
        let Self::Sent(sent) = self else { return };
        let hash = hash_of(document);
        let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.by_hash.get(&hash).is_some() {
            return;
        }
        sent.bytes += document.len() + hash.len();
        sent.by_hash.put(hash, document.to_owned());
        while sent.bytes > MOST_BYTES {
            let Some((hash, document)) = sent.by_hash.pop_lru() else { return };
            sent.bytes -= document.len() + hash.len();
        }
    }
}

pub fn hash_of(document: &str) -> String {
    Sha256::digest(document.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
