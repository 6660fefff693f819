//! Reading entries by their IDs: XLEN, XRANGE and XREVRANGE.

use collections::Stream;
use command::argument::{Argument, integer, key, string};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use super::entry::reply_entries;
use super::id;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static XLEN: Command = Declaration {
    summary: "Returns the number of entries of a stream.",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1)],
    arguments: &[key("key")],
    ..Declaration::new("XLEN", Group::Stream, "5.0.0", Handler::Keys(xlen))
};

pub(super) static XRANGE: Command = Declaration {
    summary: "Returns the entries of a stream between two IDs.",
    arguments: &[key("key"), string("start"), string("end"), COUNT],
    ..declaration("XRANGE", |call| xrange(call, Direction::Forward))
};

pub(super) static XREVRANGE: Command = Declaration {
    summary: "Returns the entries of a stream between two IDs, the last ones first.",
    arguments: &[key("key"), string("end"), string("start"), COUNT],
    ..declaration("XREVRANGE", |call| xrange(call, Direction::Backward))
};

const COUNT: Argument = integer("count").after("COUNT").optional();

const KEYS: &[KeySpec] = &[KeySpec::read_only(1).accesses()];

const fn declaration(name: &'static str, run: fn(&mut Call<'_>) -> Outcome) -> Command {
    Declaration {
        complexity: "O(N), where N is the number of entries returned.",
        flags: Flags::READ_ONLY,
        keys: KEYS,
        history: &[("6.2.0", "Takes IDs that are excluded.")],
        ..Declaration::new(name, Group::Stream, "5.0.0", Handler::Keys(run))
    }
}

fn xlen(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let stream = call.keys.read_as::<Stream>(key)?;
    call.reply.unsigned(stream.map_or(0, |stream| stream.log().len()));
    Ok(())
}

/// Which entry comes first.
#[derive(Clone, Copy)]
enum Direction {
    Forward,
    Backward,
}

fn xrange(call: &mut Call<'_>, direction: Direction) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let (first, second) = (arguments.string()?, arguments.string()?);
    let (start, end) = match direction {
        Direction::Forward => (first, second),
        Direction::Backward => (second, first),
    };
    let (start, end) = (id::start(start)?, id::end(end)?);
    let limit = limit(arguments)?;

    let Some(stream) = call.keys.read_as::<Stream>(key)? else {
        call.reply.array(0);
        return Ok(());
    };
    if limit == Some(0) {
        call.reply.null_array();
        return Ok(());
    }
    let limit = limit.unwrap_or(usize::MAX);
    let log = stream.log();
    match direction {
        Direction::Forward => {
            reply_entries(&mut call.reply, log.range(start, end), limit, |_| ());
        }
        Direction::Backward => {
            reply_entries(&mut call.reply, log.range_backward(start, end), limit, |_| ());
        }
    }
    Ok(())
}

/// COUNT, of which the last one counts; a negative one is none at all.
fn limit(mut options: Arguments<'_>) -> Result<Option<usize>, ReplyError> {
    let mut limit = None;
    while !options.is_empty() {
        if options.len() < 2 || !options.accept(b"COUNT") {
            return Err(ReplyError::Syntax);
        }
        limit = Some(usize::try_from(options.integer()?).unwrap_or(0));
    }
    Ok(limit)
}
