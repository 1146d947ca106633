//! `thrive serve` and `thrive demo`.

use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};

use anyhow::Context;
use poem::{
    EndpointExt, Route, Server,
    listener::{Acceptor, Listener, TcpListener},
};

use sqlx::PgPool;

use super::demo;
use crate::{
    App,
    access::oidc::Oidc,
    clock::Clock,
    config::{Parts, ServeOptions},
    db::Database,
    disbursements::feed::Feed,
    email::Outgoing,
    http, jobs,
    live::Live,
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
    let settings = http::Settings::of(options)?;
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
    let outcome = serve(options, data, &database, (acceptor, settings), outgoing, stop).await;
    let closed = database.close().await;
    outcome.and(closed)
}

async fn serve(
    options: &ServeOptions,
    data: Data,
    database: &Database,
    (acceptor, settings): (impl Acceptor + 'static, http::Settings),
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
    let mut app = app.with_provider(provider);
    app.live = Arc::new(Live::new(options.sockets));
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
    let straight = match options.parts {
        Parts::All | Parts::Api => Some(database.connect_directly().await?),
        Parts::Jobs => None,
    };
    let ticker = match options.parts {
        Parts::All | Parts::Jobs => Some(jobs::start(&app).await?),
        Parts::Api => None,
    };
    let server = Server::new_with_acceptor(acceptor);
    let served = if let Some(straight) = straight {
        serve_api(&app, settings, straight, server, stop).await
    } else {
        let routes = Route::new().nest("/health", http::health(&app));
        server.run_with_graceful_shutdown(routes, stop, Some(GRACE)).await
    };
    if let Some(ticker) = ticker {
        ticker.stop().await;
    }
    app.db.close().await;
    served.context("the web server failed")
}

/// Answers until it is told to stop. Sockets are not among the requests that the server waits for.
async fn serve_api(
    app: &App,
    settings: http::Settings,
    straight: PgPool,
    server: Server<Infallible, impl Acceptor + 'static>,
    stop: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let feed = Feed::start(&straight, &app.live);
    let stop = async {
        stop.await;
        app.live.stop();
    };
    let served = server
        .run_with_graceful_shutdown(http::routes_with(app, settings).boxed(), stop, Some(GRACE))
        .await;
    app.live.stop();
    if !app.live.emptied(GRACE).await {
        tracing::warn!("some sockets had not ended after {} seconds", GRACE.as_secs());
    }
    feed.stopped().await;
    straight.close().await;
    served
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
