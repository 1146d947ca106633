//! Traces as a collector receives them: OTLP over HTTP, from the real program.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    trace::v1::{Span, span::SpanKind},
};
use poem::{EndpointExt, Route, Server, handler, listener::TcpListener, post, web::Data};
use prost::Message;

use crate::support::process::{Running, free_port, thrive};

type Received = Arc<Mutex<Vec<Span>>>;

#[handler]
async fn traces(body: Vec<u8>, received: Data<&Received>) -> Vec<u8> {
    let export = ExportTraceServiceRequest::decode(body.as_slice()).expect("an OTLP export");
    let scopes = export.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    received.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
    ExportTraceServiceResponse::default().encode_to_vec()
}

/// Answers where the collector listens and what it has received.
async fn collector() -> (String, Received) {
    let received = Received::default();
    let port = free_port();
    let routes = Route::new().at("/v1/traces", post(traces)).data(Arc::clone(&received));
    tokio::spawn(Server::new(TcpListener::bind(("127.0.0.1", port))).run(routes));
    (format!("http://127.0.0.1:{port}"), received)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_server_span_under_the_caller_s_trace_without_personal_data() {
    let (endpoint, received) = collector().await;
    let dir = tempfile::tempdir().unwrap();
    let mut command = thrive();
    command
        .args(["serve", "--log", "thrive=debug", "--data-dir", dir.path().to_str().unwrap()])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    let ended = tokio::task::spawn_blocking(move || {
        let running = Running::start(command);
        let sent = std::process::Command::new("curl")
            .args([
                "-s",
                "-o",
                "/dev/null",
                "-H",
                "Content-Type: application/json",
                "-H",
                "Authorization: Bearer thrive_secret",
            ])
            .args(["-H", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"])
            .args(["-d", "{\"query\":\"{ __typename }\"}", &running.url("/graphql")])
            .status();
        assert!(sent.unwrap().success());
        running.ctrl_c()
    })
    .await
    .unwrap();
    assert!(ended.success());

    let spans = received.lock().unwrap();
    let trace = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes();
    let request =
        spans.iter().find(|span| span.trace_id == trace).expect("the caller's trace goes on");
    assert_eq!(request.name, "POST /graphql");
    assert_eq!(request.kind(), SpanKind::Server);
    assert_eq!(request.parent_span_id, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
    let told = format!("{spans:?}");
    assert!(told.contains("request_id"));
    assert!(!told.contains("thrive_secret"), "a token is nobody's business");
}
