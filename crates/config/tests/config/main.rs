//! What `ochre-config` promises, from outside, and compared with a real Redis where there is one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod annotated;
mod differential;
mod files;
mod oracle;
mod rewriting;
mod texts;
mod world;
