//! The process as the operating system sees it: how it starts, what limits it has, how it is told to stop, and what it
//! leaves behind when it dies.

pub(crate) mod banner;
pub(crate) mod crash;
pub(crate) mod daemon;
pub(crate) mod limits;
pub(crate) mod oom_score;
pub(crate) mod pid_file;
pub(crate) mod reason;
pub(crate) mod signals;
pub(crate) mod supervision;
pub(crate) mod system_check;
pub(crate) mod title;
pub(crate) mod usage;

#[cfg(test)]
pub(crate) mod replay;
