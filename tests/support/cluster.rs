//! One throw-away PostgreSQL cluster for all test processes of this checkout: the first one starts
//! it, and it goes when the last one has ended, however that came about.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use anyhow::{Context as _, Result};
use thrive::embedded_postgres::{Durability, EmbeddedPostgres};

/// Outlives the test process, of whose death it learns by the end of its input. Lets a next process
/// follow within two seconds, and leaves the rest to that one's watcher. The lock is not below what
/// it removes, so that all processes lock the same file.
const WATCHER: &str = r#"
    my ($lock, $data) = @ARGV;
    1 while sysread STDIN, my $ignored, 64;
    sleep 2;
    open my $in_use, "<", $lock or exit;
    flock $in_use, LOCK_EX | LOCK_NB or exit;

    my $server = "$data/postgres";
    if (open my $location, "<", "$data/postgres-location.txt") {
        chomp($server = (<$location>)[-1]);
    }
    my ($pid_file, $socket_dir) = "$server/pgdata/postmaster.pid";
    if (open my $running, "<", $pid_file) {
        chomp(my @lines = <$running>);
        $socket_dir = $lines[4];
        kill QUIT => $lines[0];
        for (1 .. 100) { last unless -e $pid_file; select undef, undef, undef, 0.1 }
    }
    rmdir $socket_dir if $socket_dir;
    system "rm", "-rf", "--", $server, $data;
"#;

#[derive(Debug)]
pub struct Cluster {
    pub socket_dir: PathBuf,
    pub port: u16,
    _in_use: File,
    _watcher: Child,
}

/// The cluster, running, with `postgres` as the superuser who needs no password.
pub fn shared() -> &'static Cluster {
    static SHARED: LazyLock<Result<Cluster>> =
        LazyLock::new(|| start(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("test-cluster")));
    match &*SHARED {
        Ok(cluster) => cluster,
        Err(error) => panic!("no PostgreSQL for the tests: {error:#}"),
    }
}

fn start(directory: &Path) -> Result<Cluster> {
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    let data = directory.join("data");
    let lock = directory.join("cluster.lock");
    let in_use = File::create(&lock)?;
    in_use.lock_shared()?;
    let watcher = watch(&lock, &data)?;

    let starting = File::create(directory.join("start.lock"))?;
    starting.lock()?;
    let server = EmbeddedPostgres::start_shared(&data, Durability::Ephemeral)?;
    Ok(Cluster {
        socket_dir: server.socket_dir().to_path_buf(),
        port: server.port(),
        _in_use: in_use,
        _watcher: watcher,
    })
}

/// In a process group of its own, so that what ends the tests spares it, and without their output,
/// on whose end `cargo test` waits.
fn watch(lock: &Path, data: &Path) -> Result<Child> {
    Command::new("perl")
        .args(["-MFcntl=:flock", "-e", WATCHER])
        .args([lock, data])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run perl, which ends the test cluster after the tests")
}
