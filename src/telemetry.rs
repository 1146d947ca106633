//! What a process tells about itself: lines for people on a terminal, JSON
//! otherwise, and traces by OTLP when a collector is named.

use std::io::IsTerminal;

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFormat, LogOptions};

/// Sends what is still to be sent when the process ends.
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

pub fn start(options: &LogOptions) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_new(&options.log).map_err(|error| {
        anyhow::anyhow!("`{}` is not a log filter: {error}; try `info`", options.log)
    })?;
    let human = match options.log_format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines =
        if human { lines.compact().boxed() } else { lines.json().flatten_event(true).boxed() };
    let traces =
        options.otlp_endpoint.as_ref().map(|endpoint| exporter(endpoint, options)).transpose()?;
    let otlp = traces.as_ref().map(|provider| {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        tracing_opentelemetry::layer().with_tracer(provider.tracer("thrive"))
    });
    tracing_subscriber::registry().with(filter).with(lines).with(otlp).init();
    Ok(Telemetry { traces })
}

fn exporter(endpoint: &str, options: &LogOptions) -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()?;
    let resource = Resource::builder()
        .with_service_name(options.otlp_service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

impl Telemetry {
    /// Waits a few seconds at most for the collector.
    pub async fn stop(self) {
        if let Some(provider) = self.traces {
            let stopped = tokio::task::spawn_blocking(move || provider.shutdown()).await;
            if let Ok(Err(error)) = stopped {
                tracing::warn!("the last traces were not sent: {error}");
            }
        }
    }
}
