//! Clients that mean no good, or know no better: whatever one of them does, the others are served, the memory stays within
//! bounds, and the server goes on.
//!
//! Each test has a [`Bystander`](bystander::Bystander), a client that is to be served all along. What the protocol says about
//! wrong bytes is in `protocol`; here it is about what they cost. All of it runs with one worker and with several.
//!
//! What is logged, refused and answered is as Redis has it, and those tests pass with it. What something may cost is this server's
//! own promise, and in some things it does more: a client that has finished writing gets all of its replies.

mod arguments;
pub(crate) mod bystander;
mod connections;
mod descriptors;
pub(crate) mod gauge;
mod idle;
mod leaving;
mod pauses;
mod pieces;
mod replies;
mod shutdown;
