//! GraphQL over a WebSocket, by `graphql-transport-ws`: subscriptions, and queries and mutations as well.
//!
//! One task per socket reads, speaks and watches the time; each operation is a task of its own, so that a client
//! that does not read holds up its own answers and no transaction. What may be seen is checked by `Standing`.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use poem::{
    IntoResponse, Request, Response, handler,
    http::{StatusCode, header},
    web::{
        Data,
        websocket::{CloseCode, Message, WebSocket, WebSocketConfig, WebSocketStream},
    },
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tracing::Instrument;

use super::{
    Service,
    answers::{JSON, refuse},
    graphql::parameters,
    identity::ROLE,
    operations::{self, Running, Saying},
    origin,
    standing::Standing,
    transport_ws::{Close, Protocol, Run, SUBPROTOCOL, Said, Step},
};
use crate::graphql::{RequestId, limits::check_json};

/// How long a client may take to say who it is.
const INITIALISED_WITHIN: Duration = Duration::from_secs(10);
const MOST_OPERATIONS: usize = 32;
/// How much operations may have said that is not sent yet.
const UNSENT: usize = 8;
/// How long a client may take no byte before the socket is given up.
const SENT_WITHIN: Duration = Duration::from_secs(10);
const PINGED_EVERY: Duration = Duration::from_secs(15);
/// A client that answers no ping is gone.
const HEARD_WITHIN: Duration = Duration::from_secs(45);
/// How often it is looked at the time, and how old the word on a token may be when something is told.
const LOOKED_EVERY: Duration = Duration::from_secs(1);
/// How often it is asked whether the token still holds when nothing is told.
const ASKED_EVERY: Duration = Duration::from_secs(5);
const CLOSED_WITHIN: Duration = Duration::from_secs(2);

#[handler]
pub async fn open(
    request: &Request,
    socket: poem::Result<WebSocket>,
    service: Data<&Arc<Service>>,
) -> Response {
    let (origin, host) = (request.header(header::ORIGIN), request.header(header::HOST));
    if !origin::is_let_in(origin, host, &service.origins) {
        let message = "pages of this origin may not open a socket here";
        return refuse(JSON, StatusCode::FORBIDDEN, message);
    }
    let offered = request.header(header::SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
    let speaks = offered.split(',').any(|each| each.trim() == SUBPROTOCOL);
    let Some(socket) = socket.ok().filter(|_| speaks) else {
        let message = format!("open a WebSocket here, with the subprotocol {SUBPROTOCOL}");
        return refuse(JSON, StatusCode::BAD_REQUEST, &message);
    };
    // What is no text is no token either, and does not pass for none.
    let header = request.headers().get(header::AUTHORIZATION);
    let header = header.map(|value| value.to_str().unwrap_or_default().to_owned());
    let role = request.header(ROLE).map(str::to_owned);
    let id = request.data::<RequestId>().cloned();
    let service = Arc::clone(&service);
    let mut limits = WebSocketConfig::default();
    let most = service.limits.body_bytes;
    limits.max_message_size = Some(most);
    limits.max_frame_size = Some(most);
    let address = service.rates.address(request);
    let span = tracing::info_span!(
        parent: None,
        "socket",
        request_id = id.as_ref().map(|id| id.0.as_str()).unwrap_or_default()
    );
    socket
        .protocols([SUBPROTOCOL])
        .config(limits)
        .on_upgrade(move |socket| {
            let standing = Standing::new(&service, address, header, role);
            converse(socket, service, standing, address, id).instrument(span)
        })
        .into_response()
}

async fn converse(
    mut socket: WebSocketStream,
    service: Arc<Service>,
    standing: Standing,
    address: IpAddr,
    request: Option<RequestId>,
) {
    let ended = match service.app.live.place() {
        Some(place) => {
            let (says, said) = mpsc::channel(UNSENT);
            let mut conversation = Conversation {
                service: Arc::clone(&service),
                request,
                address,
                protocol: Protocol::new(MOST_OPERATIONS),
                standing,
                running: HashMap::new(),
                says,
                place: Arc::new(place),
                opened_at: Instant::now(),
                heard_at: Instant::now(),
                pinged_at: Instant::now(),
            };
            tokio::select! {
                ended = conversation.hold(&mut socket, said) => ended,
                () = service.app.live.stopped() => Ended::Closed(Close::stopping()),
            }
        }
        None => Ended::Closed(Close::full()),
    };
    if let Ended::Closed(close) = ended {
        tracing::info!(close.code, close.reason, "closed a socket");
        part(&mut socket, close).await;
    }
}

/// Says why, and waits for the client to agree, so that it reads the reason before the connection ends.
async fn part(socket: &mut WebSocketStream, close: Close) {
    let farewell = async {
        let frame = Message::Close(Some((CloseCode::from(close.code), close.reason)));
        if socket.send(frame).await.is_ok() {
            while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
        }
    };
    // Whoever does not answer is left.
    let _ = timeout(CLOSED_WITHIN, farewell).await;
}

struct Conversation {
    service: Arc<Service>,
    request: Option<RequestId>,
    address: IpAddr,
    protocol: Protocol,
    standing: Standing,
    running: HashMap<Run, Running>,
    says: mpsc::Sender<Saying>,
    /// Held by every operation too: the process waits for them when it ends.
    place: Arc<OwnedSemaphorePermit>,
    opened_at: Instant,
    heard_at: Instant,
    pinged_at: Instant,
}

/// How a conversation ends: with a word to the client, or without where there is nobody to say it to.
enum Ended {
    Closed(Close),
    Gone,
}

impl From<Close> for Ended {
    fn from(close: Close) -> Self {
        Self::Closed(close)
    }
}

impl Conversation {
    async fn hold(
        &mut self,
        socket: &mut WebSocketStream,
        mut said: mpsc::Receiver<Saying>,
    ) -> Ended {
        let mut looks = interval(LOOKED_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let turn = tokio::select! {
                frame = socket.next() => match frame {
                    Some(Ok(frame)) => self.hear(socket, frame).await,
                    Some(Err(error)) => Err(unreadable(&error, self.service.limits.body_bytes)),
                    None => Err(Ended::Gone),
                },
                Some(saying) = said.recv() => self.tell(socket, saying).await,
                _ = looks.tick() => self.look(socket).await,
            };
            if let Err(ended) = turn {
                return ended;
            }
        }
    }

    async fn hear(&mut self, socket: &mut WebSocketStream, frame: Message) -> Result<(), Ended> {
        self.heard_at = Instant::now();
        let text = match frame {
            Message::Text(text) => text,
            Message::Binary(_) => {
                return Err(Close::invalid("Invalid message: send JSON as text").into());
            }
            // These are answered below this, and after a close nothing more comes.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
        };
        check_json(text.as_bytes(), &self.service.limits)
            .map_err(|why| Close::invalid(&format!("Invalid message: {why}")))?;
        match self.protocol.receive(&text) {
            Step::Initialise(payload) => {
                self.standing.begin(&payload).await?;
                let acknowledged = self.protocol.initialised();
                send(socket, Message::Text(acknowledged)).await
            }
            Step::Start { id, run, payload } => self.start(id, run, payload.into()),
            Step::Stop(run) => {
                self.running.remove(&run);
                Ok(())
            }
            Step::Reply(text) => send(socket, Message::Text(text)).await,
            Step::Nothing => Ok(()),
            Step::Close(close) => Err(close.into()),
        }
    }

    fn start(&mut self, id: String, run: Run, payload: serde_json::Value) -> Result<(), Ended> {
        let given = parameters(payload)
            .map_err(|message| Close::invalid(&format!("Invalid message: {message}")))?;
        if !given.says_what() {
            return Err(Close::invalid("Invalid message: `query` is missing").into());
        }
        let mut actor = self.standing.actor();
        if let Some(request) = &self.request {
            actor = actor.in_request(&request.0);
        }
        let asker =
            operations::Asker { actor, address: self.address, request: self.request.clone() };
        let teller = operations::Teller { id, run, says: self.says.clone() };
        let place = Arc::clone(&self.place);
        let running = operations::start(&self.service, asker, given, teller, place);
        self.running.insert(run, running);
        Ok(())
    }

    async fn tell(&mut self, socket: &mut WebSocketStream, saying: Saying) -> Result<(), Ended> {
        let Saying { id, run, said } = saying;
        if !matches!(said, Said::Next(_)) {
            self.running.remove(&run);
        }
        let Some(message) = self.protocol.say(&id, run, said) else { return Ok(()) };
        self.standing.ask(LOOKED_EVERY).await?;
        send(socket, Message::Text(message)).await
    }

    async fn look(&mut self, socket: &mut WebSocketStream) -> Result<(), Ended> {
        if self.protocol.is_waiting() && self.opened_at.elapsed() > INITIALISED_WITHIN {
            return Err(Close::not_initialised().into());
        }
        if self.heard_at.elapsed() > HEARD_WITHIN {
            return Err(Ended::Gone);
        }
        self.standing.ask(ASKED_EVERY).await?;
        if self.pinged_at.elapsed() > PINGED_EVERY {
            self.pinged_at = Instant::now();
            send(socket, Message::Ping(vec![])).await?;
        }
        Ok(())
    }
}

async fn send(socket: &mut WebSocketStream, message: Message) -> Result<(), Ended> {
    match timeout(SENT_WITHIN, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Ended::Gone),
    }
}

/// A message that is too long can be answered, a broken connection cannot; they differ in their text only.
fn unreadable(error: &std::io::Error, most: usize) -> Ended {
    if error.to_string().starts_with("Space limit exceeded") {
        let reason = format!("a message holds at most {most} bytes");
        return Ended::Closed(Close::new(1009, &reason));
    }
    Ended::Gone
}
