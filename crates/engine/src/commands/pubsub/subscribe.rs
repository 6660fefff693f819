//! SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and what ends them.
//!
//! Each name is confirmed by a message of its own, which in RESP3 is a push.

use command::argument::{pattern, string};
use command::{Command as Declaration, Flags, Group, KeySpec};

use super::ALLOWED;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome, Run};
use crate::pubsub::Space;

pub(super) static SUBSCRIBE: Command = Declaration {
    summary: "Subscribes to channels: what is published on them is sent to the client.",
    complexity: "O(N), where N is the number of channels",
    arguments: &[string("channel").multiple()],
    ..declare("SUBSCRIBE", "2.0.0", |call| subscribe(call, Space::Channel))
};

pub(super) static UNSUBSCRIBE: Command = Declaration {
    summary: "Ends subscriptions to channels: to these, or to all.",
    complexity: "O(N), where N is the number of channels",
    arguments: &[string("channel").optional().multiple()],
    ..declare("UNSUBSCRIBE", "2.0.0", |call| unsubscribe(call, Space::Channel))
};

pub(super) static PSUBSCRIBE: Command = Declaration {
    summary: "Subscribes to all channels that a pattern matches.",
    complexity: "O(N), where N is the number of patterns",
    arguments: &[pattern("pattern").multiple()],
    ..declare("PSUBSCRIBE", "2.0.0", |call| subscribe(call, Space::Pattern))
};

pub(super) static PUNSUBSCRIBE: Command = Declaration {
    summary: "Ends subscriptions to patterns: to these, or to all.",
    complexity: "O(N), where N is the number of patterns",
    arguments: &[pattern("pattern").optional().multiple()],
    ..declare("PUNSUBSCRIBE", "2.0.0", |call| unsubscribe(call, Space::Pattern))
};

pub(super) static SSUBSCRIBE: Command = Declaration {
    summary: "Subscribes to channels that belong to a shard of a cluster.",
    complexity: "O(N), where N is the number of channels",
    keys: &[KeySpec::not_key(1).to_last()],
    arguments: &[string("shardchannel").multiple()],
    ..declare("SSUBSCRIBE", "7.0.0", |call| subscribe(call, Space::Shard))
};

pub(super) static SUNSUBSCRIBE: Command = Declaration {
    summary: "Ends subscriptions to channels of a shard: to these, or to all.",
    complexity: "O(N), where N is the number of channels",
    keys: &[KeySpec::not_key(1).to_last()],
    arguments: &[string("shardchannel").optional().multiple()],
    ..declare("SUNSUBSCRIBE", "7.0.0", |call| unsubscribe(call, Space::Shard))
};

const fn declare(name: &'static str, since: &'static str, run: Run) -> Command {
    Declaration {
        flags: ALLOWED.and(Flags::NO_SCRIPT).and(Flags::PUSHES).and(Flags::WHILE_SUBSCRIBED),
        ..Declaration::new(name, Group::PubSub, since, Handler::Keys(run))
    }
}

fn subscribe(call: &mut Call<'_>, space: Space) -> Outcome {
    let kind = match space {
        Space::Channel => "subscribe",
        Space::Pattern => "psubscribe",
        Space::Shard => "ssubscribe",
    };
    let mut arguments = call.arguments;
    while let Some(name) = arguments.next_word() {
        let (pubsub, output) = (&call.engine.pubsub, call.reply.output());
        call.delivery.subscribe(pubsub, call.session, space, name, output);
        confirm(call, kind, space, Some(name));
    }
    Ok(())
}

fn unsubscribe(call: &mut Call<'_>, space: Space) -> Outcome {
    let kind = match space {
        Space::Channel => "unsubscribe",
        Space::Pattern => "punsubscribe",
        Space::Shard => "sunsubscribe",
    };
    let mut arguments = call.arguments;
    if arguments.is_empty() {
        let names = call.session.subscribed(space);
        for name in &names {
            end(call, kind, space, name);
        }
        if names.is_empty() {
            confirm(call, kind, space, None);
        }
    }
    while let Some(name) = arguments.next_word() {
        end(call, kind, space, name);
    }
    Ok(())
}

fn end(call: &mut Call<'_>, kind: &'static str, space: Space, name: &[u8]) {
    let (pubsub, output) = (&call.engine.pubsub, call.reply.output());
    call.delivery.unsubscribe(pubsub, call.session, space, name, output);
    confirm(call, kind, space, Some(name));
}

/// Confirms that a subscription begins or has ended, and tells how many there are now.
fn confirm(call: &mut Call<'_>, kind: &'static str, space: Space, name: Option<&[u8]>) {
    let count = call.session.subscription_count(space);
    call.reply.push(3);
    call.reply.bulk(kind.as_bytes());
    match name {
        Some(name) => call.reply.bulk(name),
        None => call.reply.null(),
    }
    call.reply.unsigned(count as u64);
}
