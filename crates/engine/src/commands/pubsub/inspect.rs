//! PUBSUB: who has subscribed to what.

use collections::glob::{Case, glob_matches};
use command::argument::{pattern, string};
use command::{Command as Declaration, Group};

use super::ALLOWED;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome, Run};
use crate::commands::help::{self, wrong_subcommand_call};
use crate::pubsub::Space;

pub(super) static PUBSUB: Command = Declaration {
    summary: "Tells what clients have subscribed to.",
    complexity: "Depends on the subcommand.",
    ..Declaration::container(
        "PUBSUB",
        Group::PubSub,
        "2.8.0",
        &[&CHANNELS, &HELP, &PATTERNS, &SUBSCRIBERS, &SHARD_CHANNELS, &SHARD_SUBSCRIBERS],
    )
};

static HELP: Command = Declaration {
    in_group_category: false,
    ..help::declare("PUBSUB|HELP", Group::PubSub, "6.2.0")
};

static CHANNELS: Command = Declaration {
    summary: "Lists the channels with subscribers, all or those that match a pattern. Patterns that clients subscribed to do not count.",
    complexity: "O(N), where N is the number of channels",
    arguments: &[pattern("pattern").optional()],
    ..declare("PUBSUB|CHANNELS", "2.8.0", |call| channels(call, Space::Channel))
};

static SUBSCRIBERS: Command = Declaration {
    summary: "Tells how many subscribers channels have. Those of patterns do not count.",
    complexity: "O(N), where N is the number of channels asked for",
    arguments: &[string("channel").optional().multiple()],
    ..declare("PUBSUB|NUMSUB", "2.8.0", |call| subscribers(call, Space::Channel))
};

static PATTERNS: Command = Declaration {
    summary: "Tells how many different patterns clients have subscribed to.",
    complexity: "O(1)",
    ..declare("PUBSUB|NUMPAT", "2.8.0", patterns)
};

static SHARD_CHANNELS: Command = Declaration {
    summary: "Lists the channels of the shard with subscribers, all or those that match a pattern.",
    complexity: "O(N), where N is the number of channels",
    arguments: &[pattern("pattern").optional()],
    ..declare("PUBSUB|SHARDCHANNELS", "7.0.0", |call| channels(call, Space::Shard))
};

static SHARD_SUBSCRIBERS: Command = Declaration {
    summary: "Tells how many subscribers channels of the shard have.",
    complexity: "O(N), where N is the number of channels asked for",
    arguments: &[string("shardchannel").optional().multiple()],
    ..declare("PUBSUB|SHARDNUMSUB", "7.0.0", |call| subscribers(call, Space::Shard))
};

const fn declare(name: &'static str, since: &'static str, run: Run) -> Command {
    Declaration {
        flags: ALLOWED,
        ..Declaration::new(name, Group::PubSub, since, Handler::Keys(run))
    }
}

fn channels(call: &mut Call<'_>, space: Space) -> Outcome {
    let mut arguments = call.arguments;
    let wanted = arguments.next_word();
    if !arguments.is_empty() {
        return Err(wrong_subcommand_call(call));
    }
    let mut names = call.engine.pubsub.channel_names(space);
    if let Some(pattern) = wanted {
        names.retain(|name| glob_matches(pattern, name, Case::Sensitive));
    }
    call.reply.array(names.len());
    for name in &names {
        call.reply.bulk(name);
    }
    Ok(())
}

fn subscribers(call: &mut Call<'_>, space: Space) -> Outcome {
    let mut arguments = call.arguments;
    call.reply.array(2 * arguments.len());
    while let Some(channel) = arguments.next_word() {
        call.reply.bulk(channel);
        call.reply.unsigned(call.engine.pubsub.subscribers(space, channel) as u64);
    }
    Ok(())
}

fn patterns(call: &mut Call<'_>) -> Outcome {
    call.reply.unsigned(call.engine.pubsub.pattern_count() as u64);
    Ok(())
}
