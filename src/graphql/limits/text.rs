//! A document as text: one pass over its bytes, so that neither the parser nor the stack suffers from it.

use super::Excess;
use crate::config::Limits;

pub fn check(text: &str, limits: &Limits) -> Result<(), Excess> {
    let advice = "put what is long into variables, or ask in several requests";
    Excess::unless(text.len(), limits.document_bytes, "bytes of the document", advice)?;
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    let (mut tokens, mut open) = (0_usize, 0_usize);
    while let Some(token) = scan.next() {
        tokens += 1;
        Excess::unless(tokens, limits.tokens, "words and signs", "ask in several requests")?;
        match token {
            b'{' | b'[' | b'(' => open += 1,
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            _ => {}
        }
        Excess::unless(open, limits.nesting, "brackets in brackets", "ask for less depth at once")?;
    }
    Ok(())
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    /// The first byte of the next token. What is no token of GraphQL counts as one, and the parser refuses it.
    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => self.at += 1,
                b'#' => self.skip(|byte| !matches!(byte, b'\n' | b'\r')),
                b'"' => {
                    self.string();
                    return Some(byte);
                }
                b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                    self.skip(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
                    return Some(byte);
                }
                b'.' => {
                    self.skip(|byte| byte == b'.');
                    return Some(byte);
                }
                _ => {
                    self.at += 1;
                    return Some(byte);
                }
            }
        }
    }

    fn skip(&mut self, belongs: impl Fn(u8) -> bool) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len());
    }

    fn string(&mut self) {
        let block = self.bytes[self.at..].starts_with(b"\"\"\"");
        self.at += if block { 3 } else { 1 };
        while let Some(byte) = self.bytes.get(self.at) {
            let rest = &self.bytes[self.at..];
            match byte {
                b'\\' if block && rest.starts_with(b"\\\"\"\"") => self.at += 4,
                b'\\' if !block => self.at += 2,
                b'"' if block && rest.starts_with(b"\"\"\"") => {
                    self.at += 3;
                    return;
                }
                b'"' | b'\n' | b'\r' if !block => {
                    self.at += 1;
                    return;
                }
                _ => self.at += 1,
            }
        }
    }
}
