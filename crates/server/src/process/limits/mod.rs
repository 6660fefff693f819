//! How many descriptors the process may have open, and so how many clients it can serve.

use std::io;

use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::getrlimit;
use rustix::process::setrlimit;

use super::reason::reason;
use crate::log;

/// Raises the limit of open descriptors as far as `max_clients` clients need, and returns how many clients it allows:
/// as many, or fewer, as is logged then.
///
/// `None` if it does not allow a single one, as is logged too: the server cannot start.
pub(crate) fn raise_for_clients(max_clients: u32) -> Option<u32> {
    let needed = u64::from(max_clients) + RESERVED_DESCRIPTORS;
    let before = open_files();
    let raised = raise(needed);
    let limit = open_files();
    let Err(error) = raised else {
        if before < limit {
            log::notice(format_args!(
                "Increased maximum number of open files to {limit} (it was originally set to {before})."
            ));
        }
        return Some(max_clients);
    };
    fit(max_clients, limit, &error)
}

/// Allows so many descriptors more, if the system grants them.
pub(crate) fn raise_by(more: u64) {
    // Without them a few clients fewer find room, and that is logged when it comes to it.
    let _refused = raise(open_files().saturating_add(more));
}

/// What the process itself needs beside its clients: files, listeners, pipes. Redis's number, and its users count on it.
pub(crate) const RESERVED_DESCRIPTORS: u64 = 32;

/// The present limit of open descriptors.
pub(crate) fn open_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Allows `needed` descriptors, or as many as the system grants. The error is why it does not grant all.
fn raise(needed: u64) -> io::Result<()> {
    let present = getrlimit(Resource::Nofile);
    if present.current.is_none_or(|current| needed <= current) {
        return Ok(());
    }
    let maximum = present.maximum.map(|maximum| maximum.max(needed));
    let Err(refused) = setrlimit(Resource::Nofile, limit(needed, maximum)) else { return Ok(()) };
    // A limit above the maximum is for the superuser only; up to the maximum everyone may raise his own.
    if let Some(maximum) = present.maximum.filter(|maximum| present.current < Some(*maximum)) {
        setrlimit(Resource::Nofile, limit(maximum.min(needed), Some(maximum)))?;
    }
    Err(refused.into())
}

fn limit(current: u64, maximum: Option<u64>) -> Rlimit {
    Rlimit { current: Some(current), maximum }
}

/// The clients that fit into `limit` descriptors although more were asked for; `error` is why there are no more.
fn fit(max_clients: u32, limit: u64, error: &io::Error) -> Option<u32> {
    if limit <= RESERVED_DESCRIPTORS {
        log::warning(format_args!(
            "Your current 'ulimit -n' of {limit} is not enough for the server to start. Please increase your open file \
             limit to at least {}. Exiting.",
            u64::from(max_clients) + RESERVED_DESCRIPTORS
        ));
        return None;
    }
    let needed = u64::from(max_clients) + RESERVED_DESCRIPTORS;
    log::warning(format_args!(
        "You requested maxclients of {max_clients} requiring at least {needed} max file descriptors."
    ));
    log::warning(format_args!(
        "Server can't set maximum open files to {needed} because of OS error: {}.",
        reason(error)
    ));
    let fitting = u32::try_from(limit - RESERVED_DESCRIPTORS).unwrap_or(u32::MAX).min(max_clients);
    log::warning(format_args!(
        "Current maximum open files is {limit}. maxclients has been reduced to {fitting} to compensate for low ulimit. \
         If you need higher maxclients increase 'ulimit -n'."
    ));
    Some(fitting)
}

#[cfg(test)]
mod tests;
