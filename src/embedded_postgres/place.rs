//! Where a server's files and its socket are, and the user whom they belong to and as whom it runs.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, lchown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use nix::unistd::{User, geteuid};
use sha2::{Digest as _, Sha256};

/// Names inside the server's directory. Programs get them relative to it, because `pg_ctl` writes
/// them unescaped into a shell command.
pub const PGDATA: &str = "pgdata";
pub const LOG: &str = "server.log";
/// How the name of data begins that `initdb` has not completed.
pub const UNFINISHED: &str = "pgdata.unfinished-";

/// Below the data directory, its last line names the server's directory when that is elsewhere.
const LOCATION: &str = "postgres-location.txt";
const ELSEWHERE: &str = "/var/lib/thrive";

/// No more than a part of the socket's name, in a directory with no other.
pub const PORT: u16 = 5432;

/// A socket's whole path has at most 103 bytes on macOS, 107 on Linux.
const LONGEST_TEMPORARY_DIR: usize = 60;
const LOG_LINES: usize = 12;

/// How to reach a server.
#[derive(Debug)]
pub struct Address {
    pub socket_dir: PathBuf,
    pub port: u16,
}

#[derive(Debug)]
pub struct Place {
    pub directory: PathBuf,
    account: Account,
}

/// As whom the server runs: this process's user, or another if that is root.
#[derive(Clone, Copy, Debug)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Place {
    /// The place that was made for this (canonical) data directory, if it holds data.
    pub fn existing(data_dir: &Path) -> Result<Option<Self>> {
        let directory = match recorded_location(data_dir)? {
            Some(elsewhere) => elsewhere,
            None => data_dir.join("postgres"),
        };
        if !exists(&directory)? {
            return Ok(None);
        }
        let account = Account::owner_of(&directory)?;
        if !exists(&directory.join(PGDATA))? {
            return Ok(None);
        }
        Ok(Some(Self { directory, account }))
    }

    /// The place for this (canonical) data directory, made if need be.
    pub fn create(data_dir: &Path) -> Result<Self> {
        if let Some(existing) = Self::existing(data_dir)? {
            return Ok(existing);
        }
        let account = Account::for_new_server()?;
        let directory = match recorded_location(data_dir)? {
            Some(elsewhere) => elsewhere,
            None if account.can_enter(data_dir) => data_dir.join("postgres"),
            None => record_location(data_dir)?,
        };
        make_private_dir(&directory, account).map_err(|error| refused(&directory, &error))?;
        let account = Account::owner_of(&directory)?;
        Ok(Self { directory, account })
    }

    pub fn pgdata(&self) -> PathBuf {
        self.directory.join(PGDATA)
    }

    /// The major version of the PostgreSQL that made the data.
    pub fn data_version(&self) -> Result<u32> {
        let path = self.pgdata().join("PG_VERSION");
        let version = fs::read_to_string(&path).map_err(|error| refused(&path, &error))?;
        version
            .trim()
            .parse()
            .with_context(|| format!("{} does not hold a version of PostgreSQL", path.display()))
    }

    /// A command run in the server's directory as the server's user, out of reach of Ctrl-C and of
    /// the caller's settings.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.directory)
            .process_group(0)
            .stdin(Stdio::null())
            .env("LC_ALL", "C");
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        self.account.run(&mut command);
        command
    }

    /// The server's address, if it is ready and takes a connection.
    pub fn answering(&self) -> Result<Option<Address>> {
        let path = self.pid_file();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refused(&path, &error)),
        };
        let lines: Vec<_> = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).collect();
        let [_, pgdata, _, port, socket_dir, _, _, b"ready", ..] = lines[..] else {
            return Ok(None);
        };
        // The pid file of a copied directory speaks of the server of the original.
        if OsStr::from_bytes(pgdata) != self.pgdata() {
            return Ok(None);
        }
        let socket_dir = PathBuf::from(OsStr::from_bytes(socket_dir));
        let Ok(port) = String::from_utf8_lossy(port).parse() else { return Ok(None) };
        if UnixStream::connect(socket_dir.join(format!(".s.PGSQL.{port}"))).is_err() {
            return Ok(None);
        }
        self.check_socket_dir(&socket_dir)?;
        Ok(Some(Address { socket_dir, port }))
    }

    /// Whether no process at all works in the data, as far as the system tells, which Linux does.
    /// The one that the pid file names may be another after a crash, or dead without anybody having
    /// waited for it; PostgreSQL takes either for a server.
    pub fn is_deserted(&self) -> bool {
        let working_dir = |process: PathBuf| fs::read_link(process.join("cwd")).ok();
        let Some(_) = working_dir("/proc/self".into()) else { return false };
        let pgdata = self.pgdata();
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        !processes.filter_map(|process| working_dir(process.path())).any(|dir| dir == pgdata)
    }

    /// Removes what would keep PostgreSQL from starting after a crash, if nobody works in the data.
    pub fn remove_stale_locks(&self, socket_dir: &Path) -> Result<()> {
        if !self.is_deserted() {
            return Ok(());
        }
        for lock in [self.pid_file(), socket_dir.join(format!(".s.PGSQL.{PORT}.lock"))] {
            match fs::remove_file(&lock) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(refused(&lock, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// As far as it can be: what resists does no harm, and goes the next time.
    pub fn remove_unfinished(&self) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if entry.file_name().as_bytes().starts_with(UNFINISHED.as_bytes()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    pub fn end_of_log(&self) -> String {
        let log = fs::read(self.directory.join(LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// The same directory each time, short because a socket's path must be, and nobody else's.
    pub fn create_socket_dir(&self) -> Result<PathBuf> {
        let usable = |directory: &PathBuf| {
            let bytes = directory.as_os_str().as_bytes();
            let plain =
                bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._+-".contains(byte));
            plain
                && bytes.len() <= LONGEST_TEMPORARY_DIR
                && directory.is_absolute()
                && self.account.can_enter(directory)
        };
        let temporary = env::var_os("TMPDIR")
            .map(PathBuf::from)
            .filter(usable)
            .unwrap_or_else(|| "/tmp".into());
        let socket_dir = temporary.join(format!("thrive-{}", short_hash(&self.directory)));
        make_private_dir(&socket_dir, self.account)
            .map_err(|error| refused(&socket_dir, &error))?;
        self.check_socket_dir(&socket_dir)?;
        Ok(socket_dir)
    }

    /// Whoever can open the socket is the superuser, and whoever can replace it is the server.
    fn check_socket_dir(&self, socket_dir: &Path) -> Result<()> {
        let found =
            fs::symlink_metadata(socket_dir).map_err(|error| refused(socket_dir, &error))?;
        ensure!(
            found.is_dir()
                && found.uid() == self.account.uid
                && found.permissions().mode() & 0o777 == 0o700,
            "{} should be a directory with mode 700 of user {}, and is not: remove it, or set \
             TMPDIR",
            socket_dir.display(),
            self.account.uid
        );
        Ok(())
    }

    fn pid_file(&self) -> PathBuf {
        self.pgdata().join("postmaster.pid")
    }
}

impl Account {
    fn for_new_server() -> Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self { uid: geteuid().as_raw(), gid: nix::unistd::getegid().as_raw() });
        }
        for name in ["postgres", "nobody"] {
            if let Some(user) =
                User::from_name(name).context("cannot read the users of this machine")?
            {
                return Ok(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() });
            }
        }
        bail!(
            "PostgreSQL does not run as root, and there is no user `postgres` or `nobody`: run \
             thrive as another user"
        )
    }

    fn owner_of(directory: &Path) -> Result<Self> {
        let found = fs::metadata(directory).map_err(|error| refused(directory, &error))?;
        let owner = Self { uid: found.uid(), gid: found.gid() };
        ensure!(
            geteuid().is_root() || geteuid().as_raw() == owner.uid,
            "the database in {} belongs to user {}: run thrive as that user, or choose another \
             --data-dir",
            directory.display(),
            owner.uid
        );
        // Not given away yet, or made by hand.
        if owner.uid == 0 { Self::for_new_server() } else { Ok(owner) }
    }

    fn run(self, command: &mut Command) {
        if geteuid().is_root() {
            command.uid(self.uid).gid(self.gid);
        }
    }

    fn can_enter(self, directory: &Path) -> bool {
        let mut command = Command::new("true");
        self.run(command.current_dir(directory));
        command.status().is_ok_and(|status| status.success())
    }
}

/// The data directory's canonical path. It is created if absent.
pub fn open_data_dir(data_dir: &Path) -> Result<PathBuf> {
    if data_dir.is_file() {
        bail!("{} is a file, not a directory: choose another --data-dir", data_dir.display());
    }
    fs::create_dir_all(data_dir)
        .and_then(|()| data_dir.canonicalize())
        .map_err(|error| refused(data_dir, &error))
}

/// One sentence for a path that the system refuses.
pub fn refused(path: &Path, error: &io::Error) -> anyhow::Error {
    let path = path.display();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            anyhow!(
                "this user may not use {path} ({error}): give it access, or choose another \
                 --data-dir"
            )
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            anyhow!(
                "there is no space left for {path} ({error}): make some, or choose another \
                 --data-dir"
            )
        }
        _ => anyhow!("cannot use {path} ({error}): choose another --data-dir"),
    }
}

fn exists(path: &Path) -> Result<bool> {
    path.try_exists().map_err(|error| refused(path, &error))
}

fn make_private_dir(directory: &Path, account: Account) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // A root that was killed may not have given away what it made.
    if geteuid().is_root() && fs::symlink_metadata(directory)?.uid() == 0 {
        lchown(directory, Some(account.uid), Some(account.gid))?;
    }
    Ok(())
}

fn elsewhere(data_dir: &Path) -> PathBuf {
    Path::new(ELSEWHERE).join(short_hash(data_dir))
}

fn recorded_location(data_dir: &Path) -> Result<Option<PathBuf>> {
    let path = data_dir.join(LOCATION);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(&path, &error)),
    };
    let recorded = PathBuf::from(text.lines().last().unwrap_or_default());
    let expected = elsewhere(data_dir);
    ensure!(
        recorded == expected,
        "{} was moved or copied, and its database is still in {}: move it back, or move the \
         database to {} and write that into {}",
        data_dir.display(),
        recorded.display(),
        expected.display(),
        path.display()
    );
    Ok(Some(recorded))
}

fn record_location(data_dir: &Path) -> Result<PathBuf> {
    let parent = Path::new(ELSEWHERE);
    fs::create_dir_all(parent)
        .and_then(|()| fs::set_permissions(parent, fs::Permissions::from_mode(0o755)))
        .map_err(|error| refused(parent, &error))?;
    let directory = elsewhere(data_dir);
    let path = data_dir.join(LOCATION);
    let text = format!(
        "PostgreSQL does not run as root, and the user it runs as cannot reach this directory.\n\
         The database is in\n{}\n",
        directory.display()
    );
    fs::write(&path, text).map_err(|error| refused(&path, &error))?;
    Ok(directory)
}

fn short_hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    digest.iter().take(6).fold(String::new(), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    })
}
