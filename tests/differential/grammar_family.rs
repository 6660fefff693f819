//! Calls drawn from the declared grammars: every command on data that there is, without a line of its own here.
//!
//! The hand-written families know the edges of what they are about; this one knows every option of
//! every command, also of the one that was added yesterday.

use std::sync::LazyLock;

use command::generate::{self, Style};
use command::{Flags, Group};
use engine::command_table::Command;
use engine::commands::FAMILIES;
use harness::Random;

use super::step::{Generator, Step};

/// All commands on data that answer the same on every server of the level implemented.
pub(super) struct Grammar;

/// The level of the real servers: what is newer is not drawn.
const LEVEL: (u32, u32) = (7, 4);

/// Commands whose replies are chosen at random, or depend on where in a table keys lie; whose order among equals is not promised, where a
/// family knows how to avoid equals; or that take seconds.
const UNSUITABLE: &[&str] = &[
    "RANDOMKEY",
    "SCAN",
    "SSCAN",
    "OBJECT|FREQ",
    "SPOP",
    "SRANDMEMBER",
    "HRANDFIELD",
    "ZRANDMEMBER",
    "GEORADIUS",
    "GEORADIUSBYMEMBER",
    "GEORADIUSBYMEMBER_RO",
    "GEORADIUS_RO",
    "GEOSEARCH",
    "GEOSEARCHSTORE",
    "SORT",
    "SORT_RO",
    "PFSELFTEST",
];

/// Options that are newer than the command they belong to.
const NEWER_OPTIONS: &[&[u8]] =
    &[b"IFEQ", b"IFNE", b"IFDEQ", b"IFDNE", b"DIFF", b"DIFF1", b"ANDOR", b"ONE"];

static COMMANDS: LazyLock<Vec<&'static Command>> = LazyLock::new(|| {
    let all = FAMILIES.iter().copied().flatten().flat_map(|command| command.with_subcommands());
    all.filter(|command| is_suitable(command)).collect()
});

impl Generator for Grammar {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        let style = if random.one_in(6) { Style::Wild } else { Style::Valid };
        let command = random.pick(&COMMANDS);
        let mut words = generate::call(command, style, &mut generate::Random::new(random.number()));
        let is_newer =
            |word: &Vec<u8>| NEWER_OPTIONS.iter().any(|option| word.eq_ignore_ascii_case(option));
        let makes_much =
            command.group == Group::Bitmap && words.iter().any(|word| is_far_offset(word));
        if words.iter().any(is_newer)
            || makes_much
            || sets_times(command) && words.iter().any(|word| is_point_in_time(word))
        {
            return Vec::new();
        }
        if sets_times(command) {
            words.iter_mut().for_each(put_off);
        }
        vec![Step::Call(words)]
    }
}

fn is_suitable(command: &Command) -> bool {
    let on_data = match command.group {
        Group::Generic
        | Group::String
        | Group::List
        | Group::Set
        | Group::SortedSet
        | Group::Hash
        | Group::Stream
        | Group::Bitmap
        | Group::HyperLogLog
        | Group::Geo => true,
        Group::PubSub
        | Group::Transactions
        | Group::Connection
        | Group::Server
        | Group::Scripting
        | Group::Cluster
        | Group::Sentinel => false,
    };
    let mut version = command.since.split('.').map(|part| part.parse().unwrap_or(0));
    let since = (version.next().unwrap_or(0), version.next().unwrap_or(0));
    on_data
        && command.run.is_some()
        && since <= LEVEL
        // Those that wait are compared in the engine, and in scenes of their own.
        && !command.flags.has(Flags::BLOCKING)
        && !command.name.ends_with("|HELP")
        && !UNSUITABLE.contains(&command.name)
}

/// Whether a bit at this offset makes a string of megabytes; farther ones are refused.
fn is_far_offset(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"#").unwrap_or(word);
    let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<u64>().ok());
    number.is_some_and(|number| (1_000_000..1 << 32).contains(&number))
}

/// Whether a small number may be a time to live, which would end on the two servers at different steps.
fn sets_times(command: &Command) -> bool {
    ["SET", "SETEX", "PSETEX", "GETEX", "RESTORE"].contains(&command.name)
        || command.name.contains("EXPIRE")
}

/// Whether an option takes a point in time, which could be past: such a key is there and is not, until a command
/// meets it. The string family makes sure that one does.
fn is_point_in_time(word: &[u8]) -> bool {
    [b"EXAT".as_slice(), b"PXAT"].iter().any(|option| word.eq_ignore_ascii_case(option))
}

/// Makes small positive numbers large.
fn put_off(word: &mut Vec<u8>) {
    let number = std::str::from_utf8(word).ok().and_then(|text| text.parse::<i64>().ok());
    if let Some(number @ 1..=100_000) = number {
        *word = (number + 100_000).to_string().into_bytes();
    }
}
