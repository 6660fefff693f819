//! Real servers to compare with.
//!
//! Two are used: 7.0.15, which Debian ships, and 7.4, the level that is implemented, which
//! `scripts/install-oracle` puts into the checkout. A test that needs one that is missing fails and says what
//! to do: a comparison that quietly did not happen would look like one that passed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Launch;

/// The versions that are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 7.0, from Debian.
    V70,
    /// 7.4, the level of compatibility.
    V74,
}

/// A real server on this machine.
#[derive(Clone, Debug)]
pub struct Oracle {
    /// Which one.
    pub version: Version,
    /// Its program.
    pub program: PathBuf,
}

/// There is no such server here.
#[derive(Debug, thiserror::Error)]
#[error(
    "no redis-server {version:?} at {program}: run scripts/install-oracle, or name one in {variable}"
)]
pub struct OracleMissing {
    version: Version,
    program: String,
    variable: &'static str,
}

impl Oracle {
    /// Finds the server of `version`: the one that `OCHRE_ORACLE_70` or `OCHRE_ORACLE_74` names, else
    /// the one at the usual place.
    pub fn find(version: Version) -> Result<Oracle, OracleMissing> {
        let (variable, program) = match version {
            Version::V70 => ("OCHRE_ORACLE_70", PathBuf::from("redis-server")),
            Version::V74 => ("OCHRE_ORACLE_74", in_checkout(".oracle/redis-7.4/redis-server")),
        };
        let program = env::var_os(variable).map_or(program, PathBuf::from);
        let prefix = match version {
            Version::V70 => "v=7.0.",
            Version::V74 => "v=7.4.",
        };
        match version_line(&program) {
            Some(line) if line.contains(prefix) => Ok(Oracle { version, program }),
            _ => Err(OracleMissing { version, program: program.display().to_string(), variable }),
        }
    }

    /// Those of the two that are here, the newer one first.
    pub fn all() -> Vec<Oracle> {
        [Version::V74, Version::V70]
            .into_iter()
            .filter_map(|version| Oracle::find(version).ok())
            .collect()
    }

    /// A way to start it.
    pub fn launch(&self) -> Launch {
        Launch::new(&self.program)
    }
}

/// What the program says about itself when asked for `--version`.
fn version_line(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A path from the root of the checkout.
fn in_checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
