//! A TCP proxy between a service and PostgreSQL that tells one message of the protocol from the next:
//! it notes them, counts round trips, and cuts or holds the conversation before or after any of them.

use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use sqlx::{PgPool, postgres::PgConnectOptions, postgres::PgSslMode};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use super::cluster;

/// How long anything may take here before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

const QUERY: u8 = b'Q';
const SYNC: u8 = b'S';
const BACKEND_KEY_DATA: u8 = b'K';
const READY_FOR_QUERY: u8 = b'Z';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    Service,
    Database,
}

/// One message as it went over the wire, with its type and length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub sender: Sender,
    bytes: Vec<u8>,
}

impl Message {
    /// Whether it sends this SQL by itself, unprepared, as transactions are begun and ended.
    pub fn is_query(&self, sql: &str) -> bool {
        self.sender == Sender::Service
            && self.bytes[0] == QUERY
            && self.bytes[5..].strip_suffix(b"\0") == Some(sql.as_bytes())
    }
}

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The first that sends this SQL by itself.
    Query(&'static str),
    /// The one with this number of those that the sender sent since the proxy listens; the first is 1.
    Number(Sender, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It does not arrive any more.
    Before,
    /// It is the last that arrives.
    After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Both connections are closed.
    Cut,
    /// Nothing is passed on in this direction until the service is gone; then as `Cut`.
    Hold,
}

#[derive(Clone, Copy, Debug)]
struct Strike {
    fault: Fault,
    side: Side,
    which: Which,
}

/// What went through since the proxy listens, in order.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub messages: Vec<Message>,
    /// How often the service asked and waited until the database was ready again.
    pub round_trips: usize,
    /// Whether the fault has happened.
    pub struck: bool,
}

impl Heard {
    pub fn count(&self, sender: Sender) -> usize {
        self.messages.iter().filter(|message| message.sender == sender).count()
    }

    pub fn has_query(&self, sql: &str) -> bool {
        self.messages.iter().any(|message| message.is_query(sql))
    }
}

#[derive(Debug, Default)]
struct State {
    heard: Heard,
    /// Nothing is noted before this is asked.
    begins_with: Option<&'static str>,
    strike: Option<Strike>,
    /// The server processes it has talked to.
    backends: HashSet<i32>,
}

impl State {
    /// Whether the fault happens at this side of the message. Notes the message on its way.
    fn strikes(&mut self, side: Side, message: &Message) -> Option<Fault> {
        if self.begins_with.is_some_and(|sql| !message.is_query(sql)) {
            return None;
        }
        self.begins_with = None;
        if side == Side::After {
            self.heard.messages.push(message.clone());
        }
        let strike = self.strike.filter(|strike| strike.side == side)?;
        let is_it = match strike.which {
            Which::Query(sql) => message.is_query(sql),
            Which::Number(sender, number) => {
                let before = if side == Side::Before { 1 } else { 0 };
                sender == message.sender && self.heard.count(sender) + before == number
            }
        };
        is_it.then(|| {
            self.strike = None;
            strike.fault
        })
    }
}

/// Listens on a port of this machine; ends with the test.
pub struct Proxy {
    pub port: u16,
    state: Arc<watch::Sender<State>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy before the test cluster.
    pub async fn start() -> Self {
        let cluster = cluster::shared();
        let server = cluster.socket_dir.join(format!(".s.PGSQL.{}", cluster.port));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(watch::Sender::new(State::default()));
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&state)));
        Self { port, state, accepting }
    }

    /// How to reach through the proxy what these options reach.
    pub fn options(&self, direct: &PgConnectOptions) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .ssl_mode(PgSslMode::Disable)
            .username(direct.get_username())
            .database(direct.get_database().unwrap())
    }

    /// The same as an address, for another process.
    pub fn url(&self, direct: &PgConnectOptions) -> String {
        let (user, database) = (direct.get_username(), direct.get_database().unwrap());
        format!("postgres://{user}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Forgets what was heard, and listens from now on.
    pub fn listen(&self) {
        self.state.send_modify(|state| {
            *state = State { backends: std::mem::take(&mut state.backends), ..State::default() };
        });
    }

    /// As `listen`, but only from the moment this is asked.
    pub fn listen_from(&self, sql: &'static str) {
        self.listen();
        self.state.send_modify(|state| state.begins_with = Some(sql));
    }

    /// Lets the fault happen once, to a message that is yet to come.
    pub fn strike(&self, fault: Fault, side: Side, which: Which) {
        self.state.send_modify(|state| state.strike = Some(Strike { fault, side, which }));
    }

    pub fn heard(&self) -> Heard {
        self.state.borrow().heard.clone()
    }

    pub async fn until_struck(&self) {
        let mut state = self.state.subscribe();
        let struck = timeout(PATIENCE, state.wait_for(|state| state.heard.struck)).await;
        assert!(struck.is_ok(), "the message at which to strike did not come");
    }

    /// Waits until the server processes behind it have ended, as they do when they miss their
    /// client: until then they may still finish what they were told. Asks on a way of its own.
    pub async fn until_backends_ended(&self, direct: &PgPool) {
        let backends: Vec<i32> = self.state.borrow().backends.iter().copied().collect();
        let ended = async {
            while sqlx::query_scalar::<_, bool>(
                "select exists (select from pg_stat_activity
                                 where pid = any($1) and datname = current_database())",
            )
            .bind(&backends)
            .fetch_one(direct)
            .await
            .unwrap()
            {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(timeout(PATIENCE, ended).await.is_ok(), "PostgreSQL did not miss its client");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: PathBuf, state: Arc<watch::Sender<State>>) {
    loop {
        let (service, _) = listener.accept().await.unwrap();
        let (server, state) = (server.clone(), Arc::clone(&state));
        // What ends one connection is what the tests are about: it needs no telling.
        tokio::spawn(
            async move { relay(service, UnixStream::connect(server).await?, state).await },
        );
    }
}

/// Passes everything on, both ways. The end of either way ends both: all halves are dropped here.
async fn relay(
    service: TcpStream,
    database: UnixStream,
    state: Arc<watch::Sender<State>>,
) -> io::Result<()> {
    service.set_nodelay(true)?;
    let (from_service, to_service) = service.into_split();
    let (from_database, to_database) = database.into_split();
    let line = Line { state, unanswered: Mutex::default() };
    tokio::select! {
        ended = line.pass_on(Sender::Service, from_service, to_database) => ended,
        ended = line.pass_on(Sender::Database, from_database, to_service) => ended,
    }
}

/// One connection.
struct Line {
    state: Arc<watch::Sender<State>>,
    unanswered: Mutex<Unanswered>,
}

#[derive(Debug, Default)]
struct Unanswered {
    /// After how many messages that the service sent the database has to say that it is ready.
    requests: usize,
    /// Whether they ask for anything. A `Sync` by itself does not: with it the pool looks whether
    /// a connection that comes back still lives, when the caller has his answer already.
    ask_something: bool,
    /// Whether something was sent since the last request.
    amid: bool,
}

impl Line {
    async fn pass_on(
        &self,
        sender: Sender,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut unread = Vec::new();
        let mut greeted = sender == Sender::Database;
        loop {
            // What was sent together is one request, however many messages it has.
            let mut together = Vec::new();
            while let Some(bytes) = take_message(&mut unread, &mut greeted)? {
                let message = Message { sender, bytes };
                let noted = sender == Sender::Database || self.sent(&message);
                together.push((message, noted));
            }
            for (message, mut noted) in together {
                if sender == Sender::Database {
                    noted = self.received(&message);
                }
                if let Some(fault) = self.strikes(Side::Before, &message, noted) {
                    return self.fail(fault, sender, from).await;
                }
                let after = self.strikes(Side::After, &message, noted);
                to.write_all(&message.bytes).await?;
                if let Some(fault) = after {
                    return self.fail(fault, sender, from).await;
                }
            }
            if from.read_buf(&mut unread).await? == 0 {
                return Ok(());
            }
        }
    }

    fn strikes(&self, side: Side, message: &Message, noted: bool) -> Option<Fault> {
        let mut fault = None;
        if noted {
            self.state.send_modify(|state| fault = state.strikes(side, message));
        }
        fault
    }

    /// Stops passing on; with `Hold`, when the service is gone.
    async fn fail(
        &self,
        fault: Fault,
        sender: Sender,
        mut from: impl AsyncRead + Unpin,
    ) -> io::Result<()> {
        self.state.send_modify(|state| state.heard.struck = true);
        match (fault, sender) {
            (Fault::Cut, _) => Ok(()),
            (Fault::Hold, Sender::Service) => {
                while from.read(&mut [0; 1024]).await? > 0 {}
                Ok(())
            }
            // The other way sees that the service is gone.
            (Fault::Hold, Sender::Database) => std::future::pending().await,
        }
    }

    /// Counts what the service asks. Answers whether it asks for anything.
    fn sent(&self, message: &Message) -> bool {
        let mut unanswered = self.unanswered.lock().unwrap();
        match message.bytes[0] {
            SYNC if !unanswered.amid => {
                unanswered.requests += 1;
                return false;
            }
            SYNC | QUERY => {
                unanswered.requests += 1;
                unanswered.ask_something = true;
                unanswered.amid = false;
            }
            _ => unanswered.amid = true,
        }
        true
    }

    /// Counts what the database answers. Answers whether it is to something that was asked.
    fn received(&self, message: &Message) -> bool {
        if message.bytes[0] == BACKEND_KEY_DATA {
            let process = i32::from_be_bytes(message.bytes[5..9].try_into().unwrap());
            self.state.send_modify(|state| _ = state.backends.insert(process));
        }
        let mut unanswered = self.unanswered.lock().unwrap();
        if message.bytes[0] == READY_FOR_QUERY {
            // The first one is said unasked.
            unanswered.requests = unanswered.requests.saturating_sub(1);
            let asked = unanswered.ask_something;
            if unanswered.requests == 0 && asked {
                unanswered.ask_something = false;
                self.state.send_modify(|state| {
                    state.heard.round_trips += usize::from(state.begins_with.is_none());
                });
            }
            return asked;
        }
        true
    }
}

/// Takes the first message if it is there as a whole. The service's first one has no type.
fn take_message(unread: &mut Vec<u8>, greeted: &mut bool) -> io::Result<Option<Vec<u8>>> {
    const STARTUP: [u8; 4] = 196_608_u32.to_be_bytes();
    let head = usize::from(*greeted);
    let Some(length) = unread.get(head..head + 4) else { return Ok(None) };
    let whole = head + u32::from_be_bytes(length.try_into().unwrap()) as usize;
    if unread.len() < whole {
        return Ok(None);
    }
    if !*greeted && unread[4..8] != STARTUP {
        return Err(io::Error::other("the proxy knows no TLS: connect with sslmode=disable"));
    }
    *greeted = true;
    Ok(Some(unread.drain(..whole).collect()))
}
