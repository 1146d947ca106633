//! Finds the PostgreSQL installations of this machine.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The oldest major version that the migrations run on.
pub const OLDEST: u32 = 15;

const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// Where packages put each version in a directory of its own: the parent, how the directory's name
/// begins.
const PACKAGES: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
];

#[derive(Debug)]
pub struct Installation {
    directory: PathBuf,
    pub version: u32,
}

impl Installation {
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn at(directory: &Path) -> Option<Self> {
        // Distributions link single programs into /usr/bin; the others are beside what the link
        // names.
        let linked = directory.join("pg_ctl").canonicalize().ok()?;
        let directory = linked.parent()?.to_path_buf();
        if !PROGRAMS.iter().all(|program| directory.join(program).is_file()) {
            return None;
        }
        let output = Command::new(directory.join("postgres")).arg("--version").output().ok()?;
        let version = major_version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { directory, version })
    }
}

/// Reads `postgres (PostgreSQL) 15.17 (Debian 15.17-1)`.
fn major_version(said: &str) -> Option<u32> {
    let version = said.split_once("(PostgreSQL)")?.1.trim();
    version.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// What is installed, in order of preference: `POSTGRES_BIN_DIR`, `PATH`, then the packages, newest
/// first.
pub fn find_all() -> Result<Vec<Installation>> {
    let mut found = Vec::new();
    if let Some(chosen) = env::var_os("POSTGRES_BIN_DIR").filter(|chosen| !chosen.is_empty()) {
        let chosen = PathBuf::from(chosen);
        found.push(Installation::at(&chosen).with_context(|| {
            format!(
                "POSTGRES_BIN_DIR is {}, which does not hold initdb, pg_ctl and postgres",
                chosen.display()
            )
        })?);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    found.extend(env::split_paths(&path).filter_map(|directory| Installation::at(&directory)));
    let mut packaged: Vec<_> =
        packages().iter().filter_map(|directory| Installation::at(directory)).collect();
    packaged.sort_by_key(|installed| Reverse(installed.version));
    found.extend(packaged);

    let mut distinct: Vec<Installation> = Vec::new();
    for installed in found {
        if !distinct.iter().any(|seen| seen.directory == installed.directory) {
            distinct.push(installed);
        }
    }
    Ok(distinct)
}

fn packages() -> Vec<PathBuf> {
    let mut directories = Vec::new();
    for (parent, prefix) in PACKAGES {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
                directories.push(entry.path().join("bin"));
            }
        }
    }
    directories
}

pub fn preferred(found: Vec<Installation>) -> Result<Installation> {
    let versions = versions(&found);
    match found.into_iter().find(|installed| installed.version >= OLDEST) {
        Some(installed) => Ok(installed),
        None => bail!(
            "Thrive needs PostgreSQL {OLDEST} or later, this machine has {versions}: install it \
             (apt-get install postgresql, or brew install postgresql@17), or name the directory of \
             its programs in POSTGRES_BIN_DIR"
        ),
    }
}

pub fn versions(found: &[Installation]) -> String {
    if found.is_empty() {
        return "none".to_owned();
    }
    let mut versions: Vec<_> = found.iter().map(|installed| installed.version).collect();
    versions.sort_unstable();
    versions.dedup();
    versions.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
