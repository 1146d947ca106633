//! The hash of a seal: SHA-256 over the seal before, the position and the entry.

use sha2::{Digest, Sha256};

use super::{Seal, SealedEntry};

/// What stands before the first seal.
const BEGINNING: [u8; 32] = [0; 32];

/// The seal that follows another with this entry.
pub fn seal(before: Option<&Seal>, entry: &SealedEntry) -> Seal {
    let position = before.map_or(0, |seal| seal.position) + 1;
    let previous = before.map_or(BEGINNING.as_slice(), |seal| seal.hash.as_slice());
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(position.to_be_bytes());
    hash.update(entry.number.to_be_bytes());
    for column in &entry.columns {
        // With its length, so that no text runs over into the next one.
        match column {
            None => hash.update([0]),
            Some(text) => {
                hash.update([1]);
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text.as_bytes());
            }
        }
    }
    Seal { position, number: entry.number, hash: hash.finalize().to_vec() }
}

/// Bytes as they are shown.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
