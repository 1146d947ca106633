//! How a browser signs in and out: by way of the identity provider, or by a token that somebody pastes. It is sent to
//! Thrive's own start page afterwards and nowhere else, whatever a link says.

use std::sync::Arc;

use poem::{
    Body, Request, Response, handler,
    http::{HeaderValue, StatusCode, header},
    web::Data,
};
use serde::Deserialize;

use super::{
    Service,
    answers::JSON,
    cookies,
    identity::{NotIdentified, known, of_our_own_pages},
    rates::Who,
};
use crate::{
    App,
    access::{
        self, Role, Secret,
        commands::SESSION,
        oidc::{self, Oidc, Returned},
    },
};

const FORM_LIMIT: usize = 4 * 1024;

const POLICY: &str =
    "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Deserialize)]
struct Asked {
    role: Option<String>,
    /// `token` shows the form although there is an identity provider.
    with: Option<String>,
}

/// Sends the browser to the identity provider, or shows the form for a token.
#[handler]
pub async fn begin(request: &Request, service: Data<&Arc<Service>>) -> Response {
    let app = &service.app;
    if let Err(too) = service.rates.request(Who::Address(service.rates.address(request))) {
        return too.response(JSON);
    }
    let asked: Result<Asked, _> =
        serde_urlencoded::from_str(request.uri().query().unwrap_or_default());
    let Ok(asked) = asked else {
        return page(StatusCode::BAD_REQUEST, "The address is wrong.", "");
    };
    let provider = app.provider.as_deref().filter(|provider| provider.takes_browsers());
    let Some(provider) = provider.filter(|_| asked.with.as_deref() != Some("token")) else {
        return page(StatusCode::OK, "Paste a token to sign in.", FORM);
    };
    let role = match asked.role.as_deref().map(str::parse::<Role>).transpose() {
        Ok(role) => role,
        Err(why) => return page(StatusCode::BAD_REQUEST, &format!("role: {why}"), ""),
    };
    match provider.begin(app, role).await {
        Ok(begun) => {
            let cookie = cookies::set_sign_in(app, &begun.browser, oidc::SIGN_IN.num_seconds());
            go(&begun.url, [cookie])
        }
        Err(error) => not_signed_in(app, error.into()),
    }
}

/// Takes in a browser that the identity provider sends back.
#[handler]
pub async fn callback(request: &Request, service: Data<&Arc<Service>>) -> Response {
    let app = &service.app;
    let Some(provider) = &app.provider else {
        return page(StatusCode::NOT_FOUND, "There is no identity provider.", "");
    };
    match come_back(request, app, provider).await {
        Ok(secret) => signed_in(app, &secret),
        Err(why) => not_signed_in(app, why),
    }
}

async fn come_back(request: &Request, app: &App, provider: &Oidc) -> Result<Secret, NotIdentified> {
    #[derive(Deserialize)]
    struct Answer {
        state: Option<String>,
        code: Option<String>,
        iss: Option<String>,
        error: Option<String>,
    }
    let refused = |message: &str| NotIdentified::Forbidden(message.into());
    let query = request.uri().query().unwrap_or_default();
    let answer: Answer =
        serde_urlencoded::from_str(query).map_err(|_| refused("the address is wrong"))?;
    let browser = cookies::sign_in(request, app).ok_or_else(|| {
        refused("this browser did not begin to sign in, or took too long: begin again")
    })?;
    if answer.error.is_some() {
        return Err(refused("the identity provider did not let you in"));
    }
    let (Some(state), Some(code)) = (answer.state, answer.code) else {
        return Err(refused("the identity provider's answer is not whole: begin again"));
    };
    let returned = Returned { browser, state, code, issuer: answer.iss };
    let (known, role) = provider.finish(app, returned).await?;
    if role.is_none() && known.roles.len() > 1 {
        let roles: Vec<_> = known.roles.iter().map(|role| role.as_str()).collect();
        return Err(NotIdentified::Several(roles));
    }
    let identity = known.act(app, role).await?;
    Ok(access::commands::begin_session(app, &identity).await?)
}

/// Signs in by a token that somebody pastes.
#[handler]
pub async fn paste(request: &Request, body: Body, service: Data<&Arc<Service>>) -> Response {
    #[derive(Deserialize)]
    struct Form {
        token: String,
    }
    let app = &service.app;
    // Else another page could have somebody work under a name that is not theirs.
    if !of_our_own_pages(request, app) {
        return page(StatusCode::FORBIDDEN, "Another page sent this. Open /sign-in yourself.", "");
    }
    let bytes = body.into_bytes_limit(FORM_LIMIT).await.unwrap_or_default();
    let Ok(form) = serde_urlencoded::from_bytes::<Form>(&bytes) else {
        return page(StatusCode::BAD_REQUEST, "Paste a token to sign in.", FORM);
    };
    let secret = Secret::presented(form.token.trim());
    match known(app, &secret).await {
        Ok(_) => signed_in(app, &secret),
        Err(NotIdentified::Unknown) => {
            if let Err(too) = service.rates.failure(service.rates.address(request)) {
                return too.response(JSON);
            }
            let message = "The token is not known, has expired or was revoked. Paste another.";
            page(StatusCode::UNAUTHORIZED, message, FORM)
        }
        Err(why) => not_signed_in(app, why),
    }
}

/// Ends the session, here and in the browser.
#[handler]
pub async fn sign_out(request: &Request, service: Data<&Arc<Service>>) -> Response {
    let app = &service.app;
    if !of_our_own_pages(request, app) {
        return page(
            StatusCode::FORBIDDEN,
            "Another page sent this. Sign out from Thrive's own pages.",
            "",
        );
    }
    if let Some(secret) = cookies::session(request, app) {
        let ended = access::commands::end_session(app, &secret).await;
        if let Err(error) = ended {
            return not_signed_in(app, error.into());
        }
    }
    go("/", [cookies::end_session(app)])
}

fn signed_in(app: &App, secret: &Secret) -> Response {
    go("/", [cookies::set_session(app, secret, SESSION.num_seconds()), cookies::end_sign_in(app)])
}

fn not_signed_in(app: &App, why: NotIdentified) -> Response {
    let mut response = match why {
        NotIdentified::Several(roles) => {
            let links = roles
                .iter()
                .map(|role| format!("<li><a href=\"/sign-in?role={role}\">{role}</a></li>"));
            let links = format!("<ul>{}</ul>", links.collect::<String>());
            page(StatusCode::OK, "Choose the role to act in.", &links)
        }
        NotIdentified::Forbidden(message) => page(StatusCode::FORBIDDEN, &message, AGAIN),
        NotIdentified::Unknown | NotIdentified::Expired => {
            page(StatusCode::UNAUTHORIZED, "You are not signed in.", AGAIN)
        }
        NotIdentified::Unavailable(message) => {
            page(StatusCode::SERVICE_UNAVAILABLE, message, AGAIN)
        }
        NotIdentified::Fault(error) => {
            tracing::error!("{error:?}");
            page(
                StatusCode::SERVICE_UNAVAILABLE,
                "The database does not answer: try again shortly.",
                AGAIN,
            )
        }
    };
    if let Some(cookie) = cookies::end_sign_in(app) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn go<const N: usize>(to: &str, cookies: [Option<HeaderValue>; N]) -> Response {
    let mut response =
        Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, to).finish();
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

const FORM: &str = "<form method=\"post\" action=\"/sign-in\"><label>Token <input name=\"token\" type=\"password\" \
    autocomplete=\"off\" required></label> <button>Sign in</button></form>";
const AGAIN: &str = "<p><a href=\"/sign-in\">Begin again</a></p>";

/// A small page. The message is text; what follows is ours.
fn page(status: StatusCode, message: &str, markup: &str) -> Response {
    let message = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Sign in to Thrive</title><main><h1>Thrive</h1><p>{message}</p>{markup}</main></html>\n"
    );
    Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .body(body)
}
