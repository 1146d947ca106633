//! A private PostgreSQL server from the binaries already installed on the machine, so that Thrive
//! runs with nothing set up. The crate `postgresql_embedded` (read at 0.22) does not fit data that
//! people keep: it starts the server with `-F` (no fsync), takes any `postmaster.pid` for a live
//! server, and has no way to run it as another user, which root needs.

mod installation;
mod place;

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use installation::Installation;
use place::{Address, Place};

/// Recovery after a crash replays what was written since the last checkpoint, which takes a while.
const START_SECONDS: u64 = 300;
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// What the server promises when the machine loses power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// What was committed is kept: for data of people.
    Durable,
    /// Nothing is flushed to disk, which is fast: for tests.
    Ephemeral,
}

/// A running server, reached only through its socket, where `postgres` is the superuser and needs
/// no password: the socket's directory is open to the server's user alone (and to root).
#[derive(Debug)]
pub struct EmbeddedPostgres {
    place: Place,
    address: Address,
    version: u32,
    ownership: Option<Ownership>,
}

#[derive(Debug)]
struct Ownership {
    /// Locked as long as it is open, so that the kernel gives it up for an owner that was killed.
    _lock: File,
    installation: Installation,
}

impl EmbeddedPostgres {
    /// Starts the server below `data_dir`, which is created if absent, or adopts the one that a
    /// killed owner left alive, with the settings it then has. Fails when another live process owns
    /// it.
    pub fn start(data_dir: &Path, durability: Durability) -> Result<Self> {
        let data_dir = place::open_data_dir(data_dir)?;
        let lock = own(&data_dir)?;
        let (mut server, installation) = Self::start_in(&data_dir, durability)?;
        server.ownership = Some(Ownership { _lock: lock, installation });
        Ok(server)
    }

    /// Starts the server, or finds it running, without owning it: for several processes that share
    /// one. They take turns to call this, and stop the server themselves when the last of them has
    /// gone.
    pub fn start_shared(data_dir: &Path, durability: Durability) -> Result<Self> {
        let data_dir = place::open_data_dir(data_dir)?;
        Ok(Self::start_in(&data_dir, durability)?.0)
    }

    /// Uses the server that another live process owns, as a guest who never stops it: a job beside
    /// the service. `None` when nobody owns it or it does not run; one that is just starting is
    /// waited for.
    pub fn join(data_dir: &Path) -> Result<Option<Self>> {
        let Ok(data_dir) = data_dir.canonicalize() else { return Ok(None) };
        let deadline = Instant::now() + PATIENCE;
        while is_owned(&data_dir)? {
            if let Some(place) = Place::existing(&data_dir)?
                && let Some(address) = place.answering()?
            {
                let version = place.data_version()?;
                return Ok(Some(Self { place, address, version, ownership: None }));
            }
            if Instant::now() > deadline {
                break;
            }
            sleep(PAUSE);
        }
        Ok(None)
    }

    /// Shuts the server down, rolling back what is under way, and waits until it has ended. Nothing
    /// happens for a guest.
    pub fn stop(mut self) -> Result<()> {
        self.stop_if_owned()
    }

    /// The directory to connect to, as `host`.
    pub fn socket_dir(&self) -> &Path {
        &self.address.socket_dir
    }

    /// Part of the socket's name; nothing listens on TCP.
    pub fn port(&self) -> u16 {
        self.address.port
    }

    /// The major version of PostgreSQL.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Where the server's files and its log are: in the data directory, unless root's server cannot
    /// go there.
    pub fn server_dir(&self) -> &Path {
        &self.place.directory
    }

    fn start_in(data_dir: &Path, durability: Durability) -> Result<(Self, Installation)> {
        let place = Place::create(data_dir)?;
        let installation = installation_for(&place)?;
        if !place.pgdata().exists() {
            initialize(&place, &installation, durability)?;
        }
        let address = bring_up(&place, &installation, durability)?;
        Ok((Self { place, address, version: installation.version, ownership: None }, installation))
    }

    fn stop_if_owned(&mut self) -> Result<()> {
        let Some(ownership) = self.ownership.take() else { return Ok(()) };
        if is_running(&self.place, &ownership.installation)? {
            let mut stop = self.place.command(&ownership.installation.program("pg_ctl"));
            stop.args(["stop", "-s", "-D", place::PGDATA, "-m", "fast", "-w"])
                .args(["-t", &START_SECONDS.to_string()]);
            let stopped = run(stop);
            // It may have died by itself meanwhile.
            if is_running(&self.place, &ownership.installation)? {
                let directory = self.place.directory.display();
                stopped.with_context(|| format!("cannot stop PostgreSQL in {directory}"))?;
            }
        }
        // Whoever starts next makes it again: what stays behind is an empty directory.
        let _ = fs::remove_dir(&self.address.socket_dir);
        Ok(())
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        if let Err(error) = self.stop_if_owned() {
            tracing::error!(
                error = format!("{error:#}"),
                "the embedded PostgreSQL was not stopped"
            );
        }
    }
}

/// Takes the lock that makes this process the owner, and says in it who that is.
fn own(data_dir: &Path) -> Result<File> {
    let path = lock_path(data_dir);
    let mut lock = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| place::refused(&path, &error))?;
    let deadline = Instant::now() + PATIENCE / 10;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            // Somebody may only be looking whether it is locked.
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                lock.read_to_string(&mut owner).unwrap_or_default();
                bail!(
                    "{} is in use by another running thrive (process {}): stop that one first, or \
                     choose another --data-dir",
                    data_dir.display(),
                    owner.trim()
                );
            }
            Err(TryLockError::Error(error)) => bail!("cannot lock {}: {error}", path.display()),
        }
    }
    // Never empty once it has been written: others read it without the lock.
    let owner = format!("{}\n", std::process::id());
    lock.write_all_at(owner.as_bytes(), 0)
        .and_then(|()| lock.set_len(owner.len() as u64))
        .map_err(|error| place::refused(&path, &error))?;
    Ok(lock)
}

fn is_owned(data_dir: &Path) -> Result<bool> {
    let path = lock_path(data_dir);
    match File::open(&path) {
        Ok(lock) => Ok(matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(place::refused(&path, &error)),
    }
}

fn lock_path(data_dir: &Path) -> PathBuf {
    data_dir.join("lock")
}

/// The preferred installation for new data, the one of the same version for data that is there.
fn installation_for(place: &Place) -> Result<Installation> {
    let found = installation::find_all()?;
    if !place.pgdata().exists() {
        return installation::preferred(found);
    }
    let wanted = place.data_version()?;
    let data = place.pgdata();
    ensure!(
        wanted >= installation::OLDEST,
        "the data in {} was made by PostgreSQL {wanted}, and Thrive needs {} or later: bring it \
         over with pg_upgrade, or choose another --data-dir; nothing was changed",
        data.display(),
        installation::OLDEST
    );
    let versions = installation::versions(&found);
    found.into_iter().find(|installed| installed.version == wanted).ok_or_else(|| {
        anyhow!(
            "the data in {} was made by PostgreSQL {wanted}, this machine has {versions}: install \
             PostgreSQL {wanted} or choose another --data-dir; nothing was changed",
            data.display()
        )
    })
}

/// Makes the data under another name first, so that what was interrupted is never taken for a
/// database. The name is this process's own: the `initdb` of a killed one may still be at work.
fn initialize(place: &Place, installation: &Installation, durability: Durability) -> Result<()> {
    place.remove_unfinished();
    let unfinished = format!("{}{}", place::UNFINISHED, std::process::id());
    let mut initdb = place.command(&installation.program("initdb"));
    initdb.args(["-D", &unfinished, "-U", "postgres", "-E", "UTF8", "--locale", locale()]);
    initdb.args(["--auth-local=trust", "--auth-host=reject"]);
    initdb.arg(match durability {
        Durability::Durable => "--data-checksums",
        Durability::Ephemeral => "--no-sync",
    });
    run(initdb).with_context(|| {
        format!(
            "cannot create a database in {}: see to what PostgreSQL says, or choose another \
             --data-dir",
            place.directory.display()
        )
    })?;
    fs::rename(place.directory.join(unfinished), place.pgdata())
        .and_then(|()| File::open(&place.directory)?.sync_all())
        .map_err(|error| place::refused(&place.directory, &error))
}

/// C.UTF-8 sorts by code point and knows the letters beyond ASCII; C, which does not, is
/// everywhere.
fn locale() -> &'static str {
    let listed =
        Command::new("locale").arg("-a").output().map(|output| output.stdout).unwrap_or_default();
    let has_utf8 = String::from_utf8_lossy(&listed)
        .lines()
        .any(|name| name.eq_ignore_ascii_case("c.utf8") || name.eq_ignore_ascii_case("c.utf-8"));
    if has_utf8 { "C.UTF-8" } else { "C" }
}

/// Adopts the server if it answers, waits for one that is starting or stopping, starts it if there
/// is none.
fn bring_up(place: &Place, installation: &Installation, durability: Durability) -> Result<Address> {
    let deadline = Instant::now() + Duration::from_secs(START_SECONDS);
    loop {
        if let Some(address) = place.answering()? {
            tracing::debug!(directory = %place.directory.display(), "PostgreSQL runs already");
            return Ok(address);
        }
        if !is_running(place, installation)? {
            return launch(place, installation, durability);
        }
        ensure!(
            Instant::now() < deadline,
            "a PostgreSQL server runs in {} but does not answer; the end of its log:\n{}",
            place.directory.display(),
            place.end_of_log()
        );
        sleep(PAUSE);
    }
}

fn launch(place: &Place, installation: &Installation, durability: Durability) -> Result<Address> {
    let directory = place.directory.display();
    let socket_dir = place.create_socket_dir()?;
    place.remove_stale_locks(&socket_dir)?;
    let mut start = place.command(&installation.program("pg_ctl"));
    start.args(["start", "-s", "-D", place::PGDATA, "-l", place::LOG, "-w"]);
    start.args(["-t", &START_SECONDS.to_string(), "-o", &settings(&socket_dir, durability)]);
    run(start).with_context(|| {
        let log = place.end_of_log();
        format!("PostgreSQL does not start in {directory}; the end of its log:\n{log}")
    })?;
    tracing::debug!(%directory, "PostgreSQL started");
    place.answering()?.with_context(|| {
        format!("PostgreSQL started in {directory} but does not answer; see {} there", place::LOG)
    })
}

/// The server's settings as `pg_ctl` hands them to a shell: `socket_dir` holds nothing that a shell
/// reads otherwise.
fn settings(socket_dir: &Path, durability: Durability) -> String {
    let socket_dir = socket_dir.display();
    // A test cluster serves several processes, each with a pool for every test it runs at once.
    let connections = match durability {
        Durability::Durable => 100,
        Durability::Ephemeral => 500,
    };
    let common = format!(
        "-c listen_addresses='' -c port={} -c unix_socket_directories={socket_dir} \
         -c unix_socket_permissions=0700 -c max_connections={connections} -c shared_buffers=128MB \
         -c timezone=UTC -c log_timezone=UTC",
        place::PORT
    );
    match durability {
        Durability::Durable => common,
        Durability::Ephemeral => {
            format!("{common} -c fsync=off -c synchronous_commit=off -c full_page_writes=off")
        }
    }
}

/// Whether a server is alive, be it one that answers or not.
fn is_running(place: &Place, installation: &Installation) -> Result<bool> {
    let mut status = place.command(&installation.program("pg_ctl"));
    status.args(["status", "-s", "-D", place::PGDATA]);
    let output = status.output().map_err(|error| cannot_run(&status, &error))?;
    Ok(output.status.success() && !place.is_deserted())
}

fn run(mut command: Command) -> Result<()> {
    let output = command.output().map_err(|error| cannot_run(&command, &error))?;
    let said = if output.stderr.is_empty() { output.stdout } else { output.stderr };
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&said).trim());
    Ok(())
}

fn cannot_run(command: &Command, error: &std::io::Error) -> anyhow::Error {
    let program = command.get_program().display();
    anyhow!("cannot run {program}: {error}; the user that PostgreSQL runs as needs to reach it")
}
