//! Answers without an operation, in the form of GraphQL's.

use poem::{
    IntoResponse, Response,
    http::{HeaderValue, StatusCode, header},
};

use crate::{Error, error::without_values};

pub const RESPONSE_JSON: &str = "application/graphql-response+json";
pub const JSON: &str = "application/json";

/// Why a request cannot be carried out.
pub type Bad = (StatusCode, String);

pub fn refuse(media: &'static str, status: StatusCode, message: &str) -> Response {
    failed(media, status, "BAD_USER_INPUT", message)
}

pub fn unavailable(media: &'static str) -> Response {
    let message = "the database does not answer: try again shortly";
    failed(media, StatusCode::SERVICE_UNAVAILABLE, "INTERNAL", message)
}

pub fn unauthenticated(media: &'static str) -> Response {
    let message = "the token is not known, has expired or was revoked: send the header `Authorization: Bearer <token>` \
                   with one made by `thrive token create`, or no such header";
    let mut response = failed(media, StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// An answer without an operation: one error, in the form of GraphQL's.
pub fn failed(media: &'static str, status: StatusCode, code: &str, message: &str) -> Response {
    let error = serde_json::json!({ "message": message, "extensions": { "code": code } });
    json(media, status, &serde_json::json!({ "errors": [error] }))
}

pub fn json(media: &'static str, status: StatusCode, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let mut response = written(media, bytes);
            response.set_status(status);
            response
        }
        Err(error) => {
            tracing::error!("an answer cannot be written as JSON: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// An answer whose text is there.
pub fn written(media: &'static str, body: Vec<u8>) -> Response {
    let kind = match media {
        RESPONSE_JSON => "application/graphql-response+json; charset=utf-8",
        _ => "application/json; charset=utf-8",
    };
    Response::builder().content_type(kind).body(body)
}

pub fn bad(message: impl Into<String>) -> Bad {
    (StatusCode::BAD_REQUEST, message.into())
}

/// Why a command did not answer.
pub fn not_answered(error: Error) -> Response {
    let message = error.to_string();
    match error {
        Error::BadInput(_) | Error::Refused(_) => refuse(JSON, StatusCode::BAD_REQUEST, &message),
        Error::Unauthenticated => {
            failed(JSON, StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", &message)
        }
        Error::Forbidden(_) => failed(JSON, StatusCode::FORBIDDEN, "FORBIDDEN", &message),
        Error::Internal(cause) => {
            tracing::error!("{}", without_values(&cause));
            failed(JSON, StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", &message)
        }
    }
}
