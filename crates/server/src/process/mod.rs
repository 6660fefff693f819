//! The process as the operating system sees it: how it starts, what limits it has, how it is told to stop, and what it
//! leaves behind when it dies.

#[cfg(test)]
pub(crate) mod replay;
