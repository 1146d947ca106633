//! Which pages may open a socket. A browser sends the page's origin with every socket and lets it through to any
//! server; other programs send none.

/// Whether a request with this `Origin` and `Host` is let in: no browser's, a page of this service, or one of those
/// named, such as `https://thrive.example.org`.
pub fn is_let_in(origin: Option<&str>, host: Option<&str>, named: &[String]) -> bool {
    let Some(origin) = origin else { return true };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let own =
        authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host));
    own || named.iter().any(|named| named.trim_end_matches('/').eq_ignore_ascii_case(origin))
}
