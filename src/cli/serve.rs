//! `thrive serve` and `thrive demo`.

use std::{future::Future, time::Duration};

use anyhow::Context;
use poem::{
    EndpointExt, Route, Server,
    listener::{Acceptor, Listener, TcpListener},
};

use super::demo;
use crate::{
    App,
    access::oidc::Oidc,
    clock::Clock,
    config::{Parts, ServeOptions},
    db::Database,
    email::Outgoing,
    http, jobs,
};

/// How long requests may still take when the process is asked to end.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Data {
    AsItIs,
    Demo,
}

/// Everything that was started is stopped, whatever happens between.
pub async fn run(options: &ServeOptions, data: Data) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    // The port first: when it is taken, nothing else is touched.
    let acceptor =
        TcpListener::bind(options.listen.clone()).into_acceptor().await.with_context(|| {
            format!(
                "{} cannot be listened on; is it taken? Choose another with --listen HOST:PORT",
                options.listen
            )
        })?;
    let outgoing = Outgoing::open(&options.mail.resolve(&options.database.data_dir)?)?;
    let database = Database::open(&options.database).await?;
    let outcome = serve(options, data, &database, acceptor, outgoing, stop).await;
    let closed = database.close().await;
    outcome.and(closed)
}

async fn serve(
    options: &ServeOptions,
    data: Data,
    database: &Database,
    acceptor: impl Acceptor + 'static,
    outgoing: Outgoing,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let clock = Clock::System;
    if database.is_embedded() || data == Data::Demo {
        database.migrate(&clock).await?;
    }
    let url = options.public_url.clone().unwrap_or_else(|| format!("http://{}", options.listen));
    let app = App::open(database.connect().await?, clock, outgoing).await?.at(&url);
    let provider = match options.oidc.resolve()? {
        Some(config) => Some(Oidc::open(&app, config).await?),
        None => None,
    };
    let app = app.with_provider(provider);
    tokio::pin!(stop);
    if data == Data::Demo {
        tokio::select! {
            prepared = demo::prepare(&app, &options.database.data_dir, &url) => prepared?,
            () = &mut stop => return Ok(()),
        }
    } else {
        println!(
            "Thrive answers at {url}/graphql and can be explored at {url}/graphiql. Ctrl-C ends it."
        );
    }
    let ticker = match options.parts {
        Parts::All | Parts::Jobs => Some(jobs::start(&app).await?),
        Parts::Api => None,
    };
    let server = Server::new_with_acceptor(acceptor);
    let served = if options.parts == Parts::Jobs {
        let routes = Route::new().nest("/health", http::health(&app));
        server.run_with_graceful_shutdown(routes, stop, Some(GRACE)).await
    } else {
        server.run_with_graceful_shutdown(http::routes(&app).boxed(), stop, Some(GRACE)).await
    };
    if let Some(ticker) = ticker {
        ticker.stop().await;
    }
    app.db.close().await;
    served.context("the web server failed")
}

/// Ctrl-C, or the signal by which a supervisor ends a process.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
    })
}
