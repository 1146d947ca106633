//! Whether a process lives, and whether it can work.

use std::time::Duration;

use poem::{
    Endpoint, EndpointExt, IntoResponse, Response, Route, get, handler, http::StatusCode, web::Data,
};

use crate::App;

/// The paths of a process that only runs jobs.
pub fn health(app: &App) -> impl Endpoint + use<> {
    Route::new().at("/live", get(live)).at("/ready", get(ready)).data(app.clone())
}

#[handler]
fn live() -> &'static str {
    "alive"
}

/// Ready when the database answers within two seconds.
#[handler]
async fn ready(app: Data<&App>) -> Response {
    let asked = sqlx::query_scalar!(r#"select 1 as "one!""#).fetch_one(&app.db);
    match tokio::time::timeout(Duration::from_secs(2), asked).await {
        Ok(Ok(_)) => "ready".into_response(),
        _ => Response::builder()
            .status(StatusCode::SERVICE_UNAVAILABLE)
            .body("the database does not answer"),
    }
}
