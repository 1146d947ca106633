//! The cookies of browsers that sign in. Over https their names begin with `__Host-`, which no other host, path or
//! plain connection can set.

use poem::{
    Request,
    http::{HeaderValue, header},
};

use crate::{App, access::Secret};

const SESSION: &str = "thrive_session";
/// What a browser keeps while it is at the identity provider.
const SIGN_IN: &str = "thrive_sign_in";

/// The session that a browser is in.
pub fn session(request: &Request, app: &App) -> Option<Secret> {
    find(request, app, SESSION)
}

/// The sign-in that a browser comes back from.
pub fn sign_in(request: &Request, app: &App) -> Option<Secret> {
    find(request, app, SIGN_IN)
}

pub fn set_session(app: &App, secret: &Secret, seconds: i64) -> Option<HeaderValue> {
    set(app, SESSION, secret.reveal(), seconds)
}

pub fn set_sign_in(app: &App, secret: &Secret, seconds: i64) -> Option<HeaderValue> {
    set(app, SIGN_IN, secret.reveal(), seconds)
}

pub fn end_session(app: &App) -> Option<HeaderValue> {
    set(app, SESSION, "", 0)
}

pub fn end_sign_in(app: &App) -> Option<HeaderValue> {
    set(app, SIGN_IN, "", 0)
}

fn is_secure(app: &App) -> bool {
    app.public_url.starts_with("https://")
}

fn name(app: &App, name: &str) -> String {
    format!("{}{name}", if is_secure(app) { "__Host-" } else { "" })
}

fn find(request: &Request, app: &App, cookie: &str) -> Option<Secret> {
    let wanted = name(app, cookie);
    let headers = request.headers().get_all(header::COOKIE);
    let all = headers.iter().filter_map(|header| header.to_str().ok());
    let mut pairs = all.flat_map(|text| text.split(';')).filter_map(|pair| pair.split_once('='));
    let found = pairs.find(|(name, value)| name.trim() == wanted && !value.trim().is_empty())?;
    Some(Secret::presented(found.1.trim()))
}

/// None for a value that no header can hold, which no secret of ours is.
fn set(app: &App, cookie: &str, value: &str, seconds: i64) -> Option<HeaderValue> {
    let name = name(app, cookie);
    let secure = if is_secure(app) { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
