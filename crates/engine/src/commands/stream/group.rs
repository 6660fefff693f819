//! Groups: XGROUP.

use collections::Stream;
use collections::stream::{Group, StreamId};
use command::argument::{Argument, integer, key, one_of, string, token};
use command::{Arguments, Command as Declaration, Flags, Group as Chapter, KeySpec};
use keyspace::SetExpiry;
use resp::ReplyError;

use super::{id, no_group_at};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::help;
use crate::events;

pub(super) static XGROUP: Command = Declaration::container(
    "XGROUP",
    Chapter::Stream,
    "5.0.0",
    &[&CREATE, &CREATECONSUMER, &DELCONSUMER, &DESTROY, &HELP, &SETID],
);

static CREATE: Command = Declaration {
    summary: "Creates a group that reads a stream from an ID on.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(2).inserts()],
    arguments: &[
        key("key"),
        string("group"),
        ID,
        token("mkstream", "MKSTREAM").optional(),
        ENTRIES_READ,
    ],
    history: &[("7.0.0", "Has the option `ENTRIESREAD`.")],
    ..Declaration::new("XGROUP|CREATE", Chapter::Stream, "5.0.0", Handler::Keys(create))
};

static CREATECONSUMER: Command = Declaration {
    summary: "Creates a consumer of a group.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(2).inserts()],
    arguments: &[key("key"), string("group"), string("consumer")],
    ..Declaration::new(
        "XGROUP|CREATECONSUMER",
        Chapter::Stream,
        "6.2.0",
        Handler::Keys(create_consumer),
    )
};

static DELCONSUMER: Command = Declaration {
    summary: "Removes a consumer of a group and returns how many entries were pending for it.",
    flags: Flags::WRITE,
    keys: &[KeySpec::read_write(2).deletes()],
    arguments: &[key("key"), string("group"), string("consumer")],
    ..Declaration::new(
        "XGROUP|DELCONSUMER",
        Chapter::Stream,
        "5.0.0",
        Handler::Keys(delete_consumer),
    )
};

static DESTROY: Command = Declaration {
    summary: "Removes a group.",
    complexity: "O(N), where N is the number of pending entries of the group.",
    flags: Flags::WRITE,
    keys: &[KeySpec::read_write(2).deletes()],
    arguments: &[key("key"), string("group")],
    ..Declaration::new("XGROUP|DESTROY", Chapter::Stream, "5.0.0", Handler::Keys(destroy))
};

static SETID: Command = Declaration {
    summary: "Has a group go on reading from an ID on.",
    flags: Flags::WRITE,
    keys: &[KeySpec::read_write(2).updates()],
    arguments: &[key("key"), string("group"), ID, ENTRIES_READ],
    history: &[("7.0.0", "Has the option `ENTRIESREAD`.")],
    ..Declaration::new("XGROUP|SETID", Chapter::Stream, "5.0.0", Handler::Keys(set_id))
};

static HELP: Command = help::declare("XGROUP|HELP", Chapter::Stream, "5.0.0");

const ID: Argument = one_of("id-selector", &[string("id"), token("new-id", "$")]);
const ENTRIES_READ: Argument =
    integer("entriesread").display("entries-read").after("ENTRIESREAD").optional();

fn create(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (key, name, word) = (arguments.string()?, arguments.string()?, arguments.string()?);
    let options = Options::parse(call, arguments, MakeStream::Allowed)?;
    let last_id = last_id(call, key)?;
    if last_id.is_none() && !options.makes_stream {
        return Err(NO_STREAM);
    }
    let start = match word {
        b"$" => last_id.unwrap_or_default(),
        word => id::strict(word, 0)?,
    };

    let group = Group::new(start, options.entries_read);
    if last_id.is_none() {
        let mut stream = Stream::default();
        stream.add_group(name, group);
        call.keys.put(key, stream, SetExpiry::Clear);
        call.modified(key, events::STREAM_CREATE);
    } else {
        let add = |stream: &mut Stream| stream.add_group(name, group);
        if call.keys.edit_present(key, add)? != Some(true) {
            return Err(BUSY);
        }
        tell(call, key, events::GROUP_CREATE);
    }
    call.reply.ok();
    Ok(())
}

fn set_id(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (key, name, word) = (arguments.string()?, arguments.string()?, arguments.string()?);
    let options = Options::parse(call, arguments, MakeStream::Refused)?;
    if call.words.len() != 5 && call.words.len() != 7 {
        require_group(call, key, name)?;
        return Err(help::wrong_subcommand_call(call));
    }
    require_group(call, key, name)?;
    let start = match word {
        b"$" => last_id(call, key)?.unwrap_or_default(),
        word => id::lenient(word, 0)?,
    };
    call.keys.edit_present::<Stream, _>(key, |stream| {
        if let Some((_, group)) = stream.group_mut(name) {
            group.last_delivered = start;
            group.entries_read = options.entries_read;
        }
    })?;
    tell(call, key, events::GROUP_SET_ID);
    call.reply.ok();
    Ok(())
}

fn destroy(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (key, name) = (arguments.string()?, arguments.string()?);
    let remove = |stream: &mut Stream| stream.remove_group(name).is_some();
    let destroyed = call.keys.edit_present(key, remove)?.ok_or(NO_STREAM)?;
    if destroyed {
        tell(call, key, events::GROUP_DESTROY);
    }
    call.reply.integer(destroyed.into());
    Ok(())
}

fn create_consumer(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (key, name, consumer) = (arguments.string()?, arguments.string()?, arguments.string()?);
    require_group(call, key, name)?;
    let now_ms = call.now_ms();
    let created = call.keys.edit_present(key, |stream: &mut Stream| {
        let group = stream.group_mut(name).map(|(_, group)| group);
        let group = group.filter(|group| group.find_consumer(consumer).is_none());
        group.map(|group| group.add_consumer(consumer, now_ms)).is_some()
    })?;
    let created = created == Some(true);
    if created {
        tell(call, key, events::CONSUMER_CREATE);
    }
    call.reply.integer(created.into());
    Ok(())
}

fn delete_consumer(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (key, name, consumer) = (arguments.string()?, arguments.string()?, arguments.string()?);
    require_group(call, key, name)?;
    let removed = call.keys.edit_present(key, |stream: &mut Stream| {
        stream.group_mut(name).and_then(|(_, group)| group.remove_consumer(consumer))
    })?;
    let removed = removed.flatten();
    if removed.is_some() {
        tell(call, key, events::CONSUMER_DELETE);
    }
    call.reply.unsigned(removed.unwrap_or(0) as u64);
    Ok(())
}

/// Whether a subcommand has the option MKSTREAM.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MakeStream {
    Allowed,
    Refused,
}

#[derive(Default)]
struct Options {
    makes_stream: bool,
    entries_read: Option<i64>,
}

impl Options {
    fn parse(
        call: &Call<'_>,
        mut arguments: Arguments<'_>,
        make_stream: MakeStream,
    ) -> Result<Options, ReplyError> {
        /// Redis lets no call with more options pass, be they the same.
        const MOST_WORDS: usize = 3;
        let is_too_long = MOST_WORDS < arguments.len();
        let mut options = Options::default();
        while !arguments.is_empty() {
            if make_stream == MakeStream::Allowed && arguments.accept(b"MKSTREAM") {
                options.makes_stream = true;
            } else if 1 < arguments.len() && arguments.accept(b"ENTRIESREAD") {
                let read = arguments.integer()?;
                if read < -1 {
                    return Err(NEGATIVE_COUNT);
                }
                options.entries_read = (0 <= read).then_some(read);
            } else {
                return Err(help::wrong_subcommand_call(call));
            }
        }
        if is_too_long && make_stream == MakeStream::Allowed {
            return Err(help::wrong_subcommand_call(call));
        }
        Ok(options)
    }
}

/// The last ID of the stream at a key.
fn last_id(call: &mut Call<'_>, key: &[u8]) -> Result<Option<StreamId>, ReplyError> {
    let stream = call.keys.look_as::<Stream>(key)?;
    Ok(stream.map(|stream| stream.log().last_id()))
}

/// An error if the stream or the group is not there.
fn require_group(call: &mut Call<'_>, key: &[u8], name: &[u8]) -> Outcome {
    let stream = call.keys.look_as::<Stream>(key)?.ok_or(NO_STREAM)?;
    if stream.group(name).is_none() {
        return Err(no_group_at(key, name));
    }
    Ok(())
}

/// Tells of a change of groups: an event, but nothing that WATCH looks at.
fn tell(call: &mut Call<'_>, key: &[u8], event: events::Event) {
    call.also_modified(key, event);
    call.changed(1);
}

const NO_STREAM: ReplyError = ReplyError::message(
    "The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an \
     empty stream automatically.",
);
const BUSY: ReplyError = ReplyError::coded("BUSYGROUP Consumer Group name already exists");
const NEGATIVE_COUNT: ReplyError =
    ReplyError::message("value for ENTRIESREAD must be positive or -1");
