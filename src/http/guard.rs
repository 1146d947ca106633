//! What holds for every answer: it comes in time, a fault stays inside, browsers are told what they may do with it,
//! and pages of other sites read it only where they are let in.

use std::{sync::Arc, time::Duration};

use poem::{
    Endpoint, EndpointExt, Request, Response,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{CatchPanic, Cors},
};

use super::{
    answers::{JSON, failed},
    identity::ROLE,
};

/// What answers are guarded by.
#[derive(Clone, Debug)]
pub struct Guard {
    pub timeout: Duration,
    pub allowed_origins: Vec<String>,
    /// Whether people come by https: browsers then come by nothing else.
    pub https: bool,
}

impl Guard {
    pub fn around(self, routes: impl Endpoint + 'static) -> impl Endpoint {
        let inside = routes.with(CatchPanic::new().with_handler(|_| {
            failed(JSON, StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "internal error")
        }));
        let inside = Arc::new(inside.map_to_response());
        let from_elsewhere = Arc::new(Arc::clone(&inside).with(self.cors()));
        let guard = Arc::new(self);
        poem::endpoint::make(move |request: Request| {
            let guard = Arc::clone(&guard);
            let (inside, from_elsewhere) = (Arc::clone(&inside), Arc::clone(&from_elsewhere));
            async move {
                let page = !request.uri().path().starts_with("/assets/");
                let answer = async {
                    if guard.lets_in(&request) {
                        from_elsewhere.get_response(request).await
                    } else {
                        inside.get_response(request).await
                    }
                };
                let answered = tokio::time::timeout(guard.timeout, answer).await;
                let mut response = answered.unwrap_or_else(|_| guard.too_late());
                guard.head(&mut response, page);
                response
            }
        })
    }

    fn lets_in(&self, request: &Request) -> bool {
        let origin = request.header(header::ORIGIN);
        origin.is_some_and(|origin| self.allowed_origins.iter().any(|allowed| allowed == origin))
    }

    fn cors(&self) -> Cors {
        let cors = Cors::new()
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(["authorization", "content-type", ROLE, "traceparent", "x-request-id"])
            .expose_headers(["retry-after", "x-request-id"])
            .allow_credentials(false);
        let origins = self.allowed_origins.iter();
        origins.fold(cors, |cors, origin| cors.allow_origin(origin))
    }

    fn too_late(&self) -> Response {
        tracing::warn!("a request took too long and was given up");
        let seconds = self.timeout.as_secs();
        let message = format!(
            "no answer within {seconds} seconds, and the request was given up: ask for less at once; a mutation may \
             be sent again with the same `idempotencyKey`, or its outcome read"
        );
        failed(JSON, StatusCode::SERVICE_UNAVAILABLE, "TIMEOUT", &message)
    }

    /// Unless the answer says otherwise itself.
    fn head(&self, response: &mut Response, page: bool) {
        let mut tell = |name: HeaderName, value: &'static str| {
            response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
        };
        tell(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        tell(header::REFERRER_POLICY, "no-referrer");
        tell(header::CACHE_CONTROL, "no-store");
        tell(header::X_FRAME_OPTIONS, "DENY");
        tell(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        // A policy on a script would be that of the worker it starts.
        if page {
            let nothing =
                "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
            tell(header::CONTENT_SECURITY_POLICY, nothing);
        }
        if self.https {
            tell(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        }
    }
}
