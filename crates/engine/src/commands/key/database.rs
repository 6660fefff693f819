//! Databases as a whole: DBSIZE, SWAPDB, FLUSHDB and FLUSHALL.
//!
//! All need everything at rest. A count that goes from shard to shard could see a key that is being renamed twice or not at
//! all; and nobody may see a database half emptied or half exchanged.

use command::argument::{Argument, integer, one_of, token};
use command::{Categories, Command as Declaration, Flags, Group};
use resp::ReplyError;
use resp::number::parse_integer;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

const FLUSH_TYPE: Argument = one_of(
    "flush-type",
    &[token("async", "ASYNC").since("4.0.0"), token("sync", "SYNC").since("6.2.0")],
)
.optional();

const FLUSH_HISTORY: &[(&str, &str)] = &[
    ("4.0.0", "Has the option `ASYNC`."),
    (
        "6.2.0",
        "Has the option `SYNC`, and `lazyfree-lazy-user-flush` says what happens without either.",
    ),
];

pub(super) static DBSIZE: Command = Declaration {
    summary: "Returns how many keys the database has.",
    flags: Flags::READ_ONLY.and(Flags::FAST).and(Flags::TOUCHES_ARBITRARY_KEYS),
    categories: Categories::KEYSPACE,
    tips: &["request_policy:all_shards", "response_policy:agg_sum"],
    ..Declaration::new("DBSIZE", Group::Server, "1.0.0", Handler::Everything(size))
};

pub(super) static SWAPDB: Command = Declaration {
    summary: "Exchanges two databases for all clients.",
    complexity: "O(N) where N is the number of shards.",
    flags: Flags::WRITE.and(Flags::FAST).and(Flags::TOUCHES_ARBITRARY_KEYS),
    categories: Categories::KEYSPACE.and(Categories::DANGEROUS),
    arguments: &[integer("index1"), integer("index2")],
    ..Declaration::new("SWAPDB", Group::Server, "4.0.0", Handler::Everything(swap))
};

pub(super) static FLUSHDB: Command = Declaration {
    summary: "Removes all keys of the database.",
    complexity: "O(N) where N is the number of keys, for another thread if it is asynchronous.",
    ..flush_declaration("FLUSHDB", |call| flush(call, Extent::Selected))
};

pub(super) static FLUSHALL: Command = Declaration {
    summary: "Removes all keys of all databases.",
    complexity: "O(N) where N is the number of keys, for another thread if it is asynchronous.",
    ..flush_declaration("FLUSHALL", |call| flush(call, Extent::All))
};

const fn flush_declaration(name: &'static str, run: fn(&mut Call<'_>) -> Outcome) -> Command {
    Declaration {
        flags: Flags::WRITE.and(Flags::TOUCHES_ARBITRARY_KEYS),
        categories: Categories::KEYSPACE.and(Categories::DANGEROUS),
        arguments: &[FLUSH_TYPE],
        history: FLUSH_HISTORY,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..Declaration::new(name, Group::Server, "1.0.0", Handler::Everything(run))
    }
}

/// What is emptied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Selected,
    All,
}

fn size(call: &mut Call<'_>) -> Outcome {
    call.reply.unsigned(call.keys.count_keys() as u64);
    Ok(())
}

fn swap(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let one = arguments.parsed(parse_int, FIRST_INVALID)?;
    let other = arguments.parsed(parse_int, SECOND_INVALID)?;
    let databases = call.keys.databases();
    let (one, other) = (in_range(one, databases)?, in_range(other, databases)?);

    call.keys.swap_databases(one, other);
    call.changed(1);
    call.overturned(one);
    call.overturned(other);
    call.reply.ok();
    Ok(())
}

fn flush(call: &mut Call<'_>, extent: Extent) -> Outcome {
    let mut arguments = call.arguments;
    let asynchronous = if 1 < arguments.len() {
        return Err(ReplyError::Syntax);
    } else if arguments.is_empty() {
        call.config.memory.lazy_user_flush
    } else if arguments.accept(b"ASYNC") {
        true
    } else {
        arguments.expect(b"SYNC")?;
        false
    };

    let database = match extent {
        Extent::Selected => Some(call.keys.database()),
        Extent::All => None,
    };
    let removed = call.keys.flush(database);
    if !asynchronous {
        call.keys.garbage.clear();
    }
    call.changed(removed as u64);
    if extent == Extent::All {
        save_nothing(call, removed as u64);
    }
    database
        .map_or_else(|| 0..call.keys.databases(), |number| number..number + 1)
        .for_each(|number| call.overturned(number));
    // A replica may have keys where there were none here.
    call.replicate();
    // In Redis the client waits for another thread then, and is told before it is answered.
    call.invalidate_all(!asynchronous && !call.is_inner());
    call.reply.ok();
    Ok(())
}

/// Has the snapshot file say that there is nothing, where the data is saved by itself: not to have it come back after a crash.
fn save_nothing(call: &mut Call<'_>, removed: u64) {
    let engine = call.engine;
    engine.saving.cancel();
    if !call.config.persistence.save_points.is_empty() {
        call.settle_statistics();
        engine.save_at_once(&mut call.keys, removed, call.now_us.div_euclid(1_000_000));
    }
}

/// The number of one of so many databases, as COPY and MOVE read it.
pub(in crate::commands) fn parse_database(
    word: &[u8],
    databases: usize,
) -> Result<usize, ReplyError> {
    let number = parse_integer(word).ok_or(ReplyError::NotInteger)?;
    let number = i32::try_from(number).map_err(|_| NOT_INT)?;
    in_range(number, databases)
}

fn parse_int(word: &[u8]) -> Option<i32> {
    i32::try_from(parse_integer(word)?).ok()
}

fn in_range(number: i32, databases: usize) -> Result<usize, ReplyError> {
    usize::try_from(number).ok().filter(|number| *number < databases).ok_or(OUT_OF_RANGE)
}

const OUT_OF_RANGE: ReplyError = ReplyError::message("DB index is out of range");
const NOT_INT: ReplyError =
    ReplyError::message("value is out of range, value must between -2147483648 and 2147483647");
const FIRST_INVALID: ReplyError = ReplyError::message("invalid first DB index");
const SECOND_INVALID: ReplyError = ReplyError::message("invalid second DB index");
