//! The private server: who owns it, who may use it, and what it says when it cannot run.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use thrive::embedded_postgres::Durability::{Durable, Ephemeral};
use thrive::embedded_postgres::EmbeddedPostgres;

use crate::support::cluster;
use crate::support::process::{Running, thrive};

const WRITING: &str = "select concat_ws(' ', current_setting('fsync'), \
    current_setting('synchronous_commit'), current_setting('full_page_writes'), \
    current_setting('data_checksums'))";

#[test]
fn a_stopped_server_leaves_no_process_and_no_socket_and_keeps_its_data() {
    let data_dir = DataDir::new("stopped");
    let server = data_dir.start();
    assert_eq!(query(&server, "create table kept (); select 'made'"), "made");
    let socket_dir = server.socket_dir().to_path_buf();
    let postmaster = data_dir.postmaster();
    server.stop().unwrap();
    assert!(!socket_dir.exists());
    eventually("the process ends", || !is_alive(postmaster));

    let server = data_dir.start();
    assert_eq!(query(&server, "select to_regclass('kept')::text"), "kept");
}

#[test]
fn a_server_stops_when_its_owner_drops_it() {
    let data_dir = DataDir::new("dropped");
    drop(data_dir.start());
    assert!(!data_dir.pgdata().join("postmaster.pid").exists());
}

#[test]
fn durable_data_is_flushed_and_checked_and_test_data_is_not() {
    let data_dir = DataDir::new("durable");
    let server = EmbeddedPostgres::start(&data_dir.0, Durable).unwrap();
    assert_eq!(query(&server, WRITING), "on on on on");
    assert_eq!(query(&server, "show listen_addresses"), "");
    assert_eq!(query(&server, "show log_timezone"), "UTC");

    let data_dir = DataDir::new("ephemeral");
    let server = data_dir.start();
    assert_eq!(query(&server, WRITING), "off off off off");
}

#[test]
fn only_the_servers_user_can_enter_the_sockets_directory() {
    let data_dir = DataDir::new("private");
    let server = data_dir.start();
    let mode = fs::metadata(server.socket_dir()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert!(server.socket_dir().as_os_str().len() < 90);

    let socket_dir = server.socket_dir().to_path_buf();
    server.stop().unwrap();
    fs::create_dir(&socket_dir).unwrap();
    fs::set_permissions(&socket_dir, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(data_dir.refusal().contains("should be a directory with mode 700"));
    fs::remove_dir(&socket_dir).unwrap();

    std::os::unix::fs::symlink("/tmp", &socket_dir).unwrap();
    assert!(data_dir.refusal().contains("should be a directory with mode 700"));
    fs::remove_file(&socket_dir).unwrap();
}

#[test]
fn a_server_whose_owner_was_killed_is_adopted() {
    let data_dir = DataDir::new("adopted");
    let owner = data_dir.spawn_owner();
    let postmaster = data_dir.postmaster();
    owner.kill_9();

    let server = data_dir.start();
    assert_eq!(data_dir.postmaster(), postmaster);
    assert_eq!(query(&server, "select 'still here'"), "still here");
    server.stop().unwrap();
    eventually("the process ends", || !is_alive(postmaster));
}

#[test]
fn a_server_that_was_killed_recovers_what_was_committed() {
    let data_dir = DataDir::new("recovered");
    let server = EmbeddedPostgres::start(&data_dir.0, Durable).unwrap();
    query(&server, "create table kept (); select ''");
    let postmaster = data_dir.postmaster();
    let pid_file = data_dir.pgdata().join("postmaster.pid");
    let stale = fs::read_to_string(&pid_file).unwrap();
    signal(postmaster, Signal::SIGKILL);
    eventually("the process ends", || !is_alive(postmaster));
    server.stop().unwrap();

    // By now another process may have its number; only Linux tells which.
    let mut other = sleeper_of_the_servers_user(&data_dir);
    if cfg!(target_os = "linux") {
        let reused = stale.replacen(&postmaster.to_string(), &other.id().to_string(), 1);
        fs::write(&pid_file, reused).unwrap();
    }
    let server = EmbeddedPostgres::start(&data_dir.0, Durable).unwrap();
    assert_eq!(query(&server, "select to_regclass('kept')::text"), "kept");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn a_second_owner_is_refused_by_the_process_id_of_the_first() {
    let data_dir = DataDir::new("owned");
    let server = data_dir.start();
    let expected = format!("in use by another running thrive (process {})", std::process::id());
    assert!(data_dir.refusal().contains(&expected), "{}", data_dir.refusal());
    assert_eq!(query(&server, "select 'unharmed'"), "unharmed");
}

#[test]
fn a_guest_joins_a_server_that_is_owned_and_never_stops_it() {
    let data_dir = DataDir::new("joined");
    assert!(EmbeddedPostgres::join(&data_dir.0).unwrap().is_none());
    let server = data_dir.start();

    let guest = EmbeddedPostgres::join(&data_dir.0).unwrap().expect("the server is owned");
    assert_eq!(guest.socket_dir(), server.socket_dir());
    assert_eq!(guest.version(), server.version());
    guest.stop().unwrap();
    assert_eq!(query(&server, "select 'unharmed'"), "unharmed");

    server.stop().unwrap();
    assert!(EmbeddedPostgres::join(&data_dir.0).unwrap().is_none());
}

#[test]
fn nobody_joins_a_server_whose_owner_was_killed() {
    let data_dir = DataDir::new("orphan");
    data_dir.spawn_owner().kill_9();
    assert!(EmbeddedPostgres::join(&data_dir.0).unwrap().is_none());
    data_dir.start().stop().unwrap();
}

#[test]
fn what_an_interrupted_creation_left_is_made_again() {
    let data_dir = DataDir::new("interrupted");
    data_dir.start().stop().unwrap();
    let unfinished = data_dir.server_dir().join("pgdata.unfinished-1");
    fs::rename(data_dir.pgdata(), &unfinished).unwrap();
    assert_eq!(query(&data_dir.start(), "select 'made'"), "made");
    assert!(!unfinished.exists());
}

#[test]
fn data_of_another_version_is_left_alone() {
    let data_dir = DataDir::new("version");
    for (version, advice) in
        [("99", "install PostgreSQL 99 or"), ("9.6", "does not hold"), ("14", "with pg_upgrade")]
    {
        fs::create_dir_all(data_dir.0.join("postgres/pgdata")).unwrap();
        let path = data_dir.0.join("postgres/pgdata/PG_VERSION");
        fs::write(&path, version).unwrap();
        let refusal = data_dir.refusal();
        assert!(refusal.contains(advice), "{refusal}");
        assert_eq!(fs::read_to_string(&path).unwrap(), version);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let data_dir = DataDir::new("unusable");
    fs::create_dir_all(&data_dir.0).unwrap();
    let file = data_dir.0.join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below"), PathBuf::from("/proc/thrive")] {
        let error = EmbeddedPostgres::start(&path, Ephemeral).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert!(error.contains("choose another --data-dir"), "{error}");
    }
}

#[test]
fn a_data_directory_may_have_any_name() {
    let data_dir = DataDir::new("it's \"$(HOME)\" `,é");
    assert_eq!(query(&data_dir.start(), "select 'made'"), "made");
}

#[test]
fn roots_server_lives_elsewhere_when_its_user_cannot_reach_the_data_directory() {
    if !geteuid().is_root() {
        return;
    }
    let data_dir = DataDir::new("unreachable");
    fs::create_dir_all(&data_dir.0).unwrap();
    fs::set_permissions(&data_dir.0, fs::Permissions::from_mode(0o700)).unwrap();
    let server = data_dir.start();
    assert_eq!(query(&server, "select 'made'"), "made");
    assert!(server.server_dir().starts_with("/var/lib/thrive"));
    let said = fs::read_to_string(data_dir.0.join("postgres-location.txt")).unwrap();
    assert!(said.contains(server.server_dir().to_str().unwrap()), "{said}");
    assert!(EmbeddedPostgres::join(&data_dir.0).unwrap().is_some());
    server.stop().unwrap();

    let copy = DataDir::new("copy");
    fs::create_dir_all(&copy.0).unwrap();
    fs::write(copy.0.join("postgres-location.txt"), said).unwrap();
    assert!(copy.refusal().contains("was moved or copied"), "{}", copy.refusal());
    fs::remove_file(copy.0.join("postgres-location.txt")).unwrap();
}

#[test]
fn all_tests_share_one_cluster() {
    let cluster = cluster::shared();
    let answer = query_at(&cluster.socket_dir, cluster.port, "show fsync");
    assert_eq!(answer, "off");
}

/// A data directory of one test, removed with all that was made for it.
struct DataDir(PathBuf);

impl DataDir {
    fn new(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    fn start(&self) -> EmbeddedPostgres {
        EmbeddedPostgres::start(&self.0, Ephemeral).unwrap()
    }

    fn refusal(&self) -> String {
        EmbeddedPostgres::start(&self.0, Ephemeral).unwrap_err().to_string()
    }

    /// The real program, which owns a server here.
    fn spawn_owner(&self) -> Running {
        let mut command = thrive();
        command.args(["serve", "--parts", "jobs", "--data-dir", self.0.to_str().unwrap()]);
        Running::start(command)
    }

    fn server_dir(&self) -> PathBuf {
        let location = fs::read_to_string(self.0.join("postgres-location.txt")).ok();
        let elsewhere = location.and_then(|text| text.lines().last().map(PathBuf::from));
        elsewhere.unwrap_or_else(|| self.0.join("postgres"))
    }

    fn pgdata(&self) -> PathBuf {
        self.server_dir().join("pgdata")
    }

    fn postmaster(&self) -> i32 {
        let pid_file = fs::read_to_string(self.pgdata().join("postmaster.pid")).unwrap();
        pid_file.lines().next().unwrap().parse().unwrap()
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.server_dir());
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn query(server: &EmbeddedPostgres, sql: &str) -> String {
    query_at(server.socket_dir(), server.port(), sql)
}

/// The first column of the first row, by the wire protocol: a start, then one simple query.
fn query_at(socket_dir: &Path, port: u16, sql: &str) -> String {
    let mut socket = UnixStream::connect(socket_dir.join(format!(".s.PGSQL.{port}"))).unwrap();
    let start = b"\x00\x03\x00\x00user\0postgres\0database\0postgres\0\0";
    send(&mut socket, b"", start);
    send(&mut socket, b"Q", format!("{sql}\0").as_bytes());
    let (mut ready, mut answer) = (0, None);
    while ready < 2 {
        let (kind, body) = receive(&mut socket);
        match kind {
            b'D' if answer.is_none() => {
                answer = Some(String::from_utf8_lossy(&body[6..]).into_owned());
            }
            b'E' => panic!("{}", String::from_utf8_lossy(&body)),
            b'Z' => ready += 1,
            _ => {}
        }
    }
    answer.expect("a row")
}

fn send(socket: &mut UnixStream, kind: &[u8], body: &[u8]) {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    socket.write_all(&[kind, &length, body].concat()).unwrap();
}

fn receive(socket: &mut UnixStream) -> (u8, Vec<u8>) {
    let mut head = [0; 5];
    socket.read_exact(&mut head).unwrap();
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let mut body = vec![0; length as usize - 4];
    socket.read_exact(&mut body).unwrap();
    (head[0], body)
}

/// A process as which the server may run, so that PostgreSQL would take it for a server.
fn sleeper_of_the_servers_user(data_dir: &DataDir) -> Child {
    let mut sleeper = Command::new("sleep");
    if geteuid().is_root() {
        sleeper.uid(fs::metadata(data_dir.pgdata()).unwrap().uid());
    }
    sleeper.arg("60").current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

/// A process that has ended but that nobody has waited for is not alive.
fn is_alive(pid: i32) -> bool {
    let shown = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8_lossy(&shown.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "not yet: {what}");
        sleep(Duration::from_millis(20));
    }
}
