//! A request's JSON before it is read: an object takes many times its text in memory.

use crate::config::Limits;

/// Why a text is not read as JSON, if it has more values than a request may have.
pub fn check_json(text: &[u8], limits: &Limits) -> Result<(), String> {
    let (mut values, mut quoted, mut escaped) = (1_usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' | b'[' | b'{' if !quoted => values += 1,
            _ => {}
        }
        if values > limits.json_values {
            return Err(format!(
                "values in the request: at least {values}, and at most {} are read: send them in several requests",
                limits.json_values
            ));
        }
    }
    Ok(())
}
