//! Publishing and subscribing.

mod inspect;
#[cfg(test)]
mod notified;
mod publish;
mod subscribe;
#[cfg(test)]
mod tests;

use command::Flags;

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[
    &subscribe::SUBSCRIBE,
    &subscribe::UNSUBSCRIBE,
    &subscribe::PSUBSCRIBE,
    &subscribe::PUNSUBSCRIBE,
    &subscribe::SSUBSCRIBE,
    &subscribe::SUNSUBSCRIBE,
    &publish::PUBLISH,
    &publish::SPUBLISH,
    &inspect::PUBSUB,
];

const ALLOWED: Flags = Flags::PUB_SUB.and(Flags::LOADING).and(Flags::STALE);
