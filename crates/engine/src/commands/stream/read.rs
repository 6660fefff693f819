//! Reading several streams from where one has read before: XREAD, and XREADGROUP for a consumer of a group.

use collections::Stream;
use collections::stream::StreamId;
use command::argument::{Argument, block, integer, key, string, token};
use command::keys::{KeyFinder, stream_read_group};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::ValueType;
use resp::{OwnedWords, ReplyError, Words};

use super::deliver::{Frame, Reader, Wanted, read_after};
use super::{id, no_group_in};
use crate::Call;
use crate::blocking::{Timeout, Wait};
use crate::command_table::{Command, Handler, Outcome};

pub(super) static XREAD: Command = Declaration {
    summary: "Returns the entries of streams that come after those that one has read.",
    complexity: "",
    flags: Flags::READ_ONLY.and(Flags::BLOCKING),
    keys: &[KeySpec::read_only(0).after("STREAMS", 1).to_last().limit(2).accesses()],
    arguments: &[COUNT, BLOCK, STREAMS],
    ..Declaration::new("XREAD", Group::Stream, "5.0.0", Handler::Keys(xread))
};

pub(super) static XREADGROUP: Command = Declaration {
    summary: "Returns entries of streams that no consumer of a group was given before, or what is pending for one.",
    complexity: "O(N) for each stream, where N is the number of entries returned.",
    flags: Flags::WRITE.and(Flags::BLOCKING),
    keys: &[KeySpec::read_only(0).after("STREAMS", 4).to_last().limit(2).accesses()],
    key_finder: Some(KeyFinder::Positions(stream_read_group)),
    arguments: &[
        block("group-block", &[string("group"), string("consumer")]).after("GROUP"),
        COUNT,
        BLOCK,
        token("noack", "NOACK").optional(),
        STREAMS,
    ],
    ..Declaration::new("XREADGROUP", Group::Stream, "5.0.0", Handler::Keys(xreadgroup))
};

const COUNT: Argument = integer("count").after("COUNT").optional();
const BLOCK: Argument = integer("milliseconds").after("BLOCK").optional();
const STREAMS: Argument =
    block("streams", &[key("key").multiple(), string("id").multiple()]).after("STREAMS");

fn xread(call: &mut Call<'_>) -> Outcome {
    let reading = Reading::parse(call, Kind::Plain)?;
    let starts = reading.starts(call)?;
    let mut frame = Frame::new(starts.len());
    for (key, id) in reading.keys.iter().zip(&starts) {
        if call.reaches(key) {
            read_after(&mut call.keys, &mut call.reply, &mut frame, key, *id, reading.limit)?;
        }
    }
    if !frame.close(&mut call.reply) {
        // To read what comes after now, whatever is the last entry when it comes.
        reading.wait(call, |wait, words| wait.called_again_as(with_ids(words, &starts)));
    }
    Ok(())
}

fn xreadgroup(call: &mut Call<'_>) -> Outcome {
    let reading = Reading::parse(call, Kind::Grouped)?;
    let Some((group, consumer)) = reading.group else { return Err(NO_GROUP) };
    let Reading { no_ack, limit, .. } = reading;
    let reader = Reader { group, consumer, no_ack, limit };
    let wanted = reading.wanted(call, group)?;
    let mut frame = Frame::new(wanted.len());
    for (key, wanted) in reading.keys.iter().zip(wanted) {
        if !call.reaches(key) {
            continue;
        }
        let recording = call.recording;
        let (keys, reply) = (&mut call.keys, &mut call.reply);
        if let Some(effects) = reader.read(keys, reply, &mut frame, key, wanted, recording)? {
            effects.tell(call, key, group, consumer);
        }
    }
    if !frame.close(&mut call.reply) {
        reading.wait(call, |wait, _| wait.minding_removal());
    }
    Ok(())
}

/// Which of the two commands it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Grouped,
}

/// What a call asks for.
struct Reading<'a> {
    /// The group and the consumer.
    group: Option<(&'a [u8], &'a [u8])>,
    no_ack: bool,
    /// Entries of each stream.
    limit: usize,
    /// How long it waits if there is nothing; not at all if that is not said.
    timeout: Option<Timeout>,
    keys: Words<'a>,
    ids: Words<'a>,
}

impl<'a> Reading<'a> {
    fn parse(call: &Call<'a>, kind: Kind) -> Result<Reading<'a>, ReplyError> {
        let mut arguments = call.arguments;
        let mut reading = Reading {
            group: None,
            no_ack: false,
            limit: usize::MAX,
            timeout: None,
            keys: call.words.take(0),
            ids: call.words.take(0),
        };
        while let Some(word) = arguments.peek_keyword() {
            arguments.skip();
            match &*word {
                b"BLOCK" if !arguments.is_empty() => {
                    let timeout = Timeout::milliseconds(arguments.string()?, call.now_ms())?;
                    reading.timeout = Some(timeout);
                }
                b"COUNT" if !arguments.is_empty() => {
                    // None, and fewer, mean all.
                    let count = usize::try_from(arguments.integer()?).ok();
                    reading.limit = count.filter(|count| *count != 0).unwrap_or(usize::MAX);
                }
                b"STREAMS" if !arguments.is_empty() => {
                    let half = arguments.len() / 2;
                    if !arguments.len().is_multiple_of(2) {
                        return Err(unbalanced(kind));
                    }
                    reading.keys = arguments.rest().take(half);
                    reading.ids = arguments.rest().skip(half);
                    return match (kind, reading.group) {
                        (Kind::Grouped, None) => Err(NO_GROUP),
                        (Kind::Grouped, Some(_)) | (Kind::Plain, _) => Ok(reading),
                    };
                }
                b"GROUP" if 2 <= arguments.len() => {
                    if kind == Kind::Plain {
                        return Err(GROUP_IN_PLAIN);
                    }
                    reading.group = Some((arguments.string()?, arguments.string()?));
                }
                b"NOACK" => {
                    if kind == Kind::Plain {
                        return Err(NO_ACK_IN_PLAIN);
                    }
                    reading.no_ack = true;
                }
                _ => return Err(ReplyError::Syntax),
            }
        }
        Err(ReplyError::Syntax)
    }

    /// The IDs after which to read, those that name the end of a stream found out.
    fn starts(&self, call: &mut Call<'_>) -> Result<Vec<StreamId>, ReplyError> {
        let mut starts = Vec::with_capacity(self.ids.len());
        for (key, word) in self.keys.iter().zip(self.ids.iter()) {
            let last = if call.reaches(key) {
                call.keys.peek_as::<Stream>(key)?.map(|stream| stream.log().last_id())
            } else {
                None
            };
            starts.push(match word {
                b"$" => last.unwrap_or_default(),
                b"+" => match last {
                    Some(last) => last.previous().ok_or(NEVER_USED)?,
                    None => StreamId::MIN,
                },
                b">" => return Err(NEW_IN_PLAIN),
                word => id::strict(word, 0)?,
            });
        }
        Ok(starts)
    }

    /// What is wanted of each stream, all of which have the group.
    fn wanted(&self, call: &mut Call<'_>, group: &[u8]) -> Result<Vec<Wanted>, ReplyError> {
        let mut wanted = Vec::with_capacity(self.ids.len());
        for (key, word) in self.keys.iter().zip(self.ids.iter()) {
            if call.reaches(key) {
                let stream = call.keys.read_as::<Stream>(key)?;
                if stream.and_then(|stream| stream.group(group)).is_none() {
                    return Err(no_group_in(key, group, b" in XREADGROUP with GROUP option"));
                }
            }
            wanted.push(match word {
                b"$" => return Err(LAST_IN_GROUP),
                b"+" => return Err(NEWEST_IN_GROUP),
                b">" => Wanted::New,
                word => match id::strict(word, 0)? {
                    StreamId::MAX => Wanted::New,
                    id => Wanted::PendingAfter(id),
                },
            });
        }
        Ok(wanted)
    }

    /// Waits for something to read, or says that there is nothing.
    fn wait(&self, call: &mut Call<'a>, arrange: impl FnOnce(Wait<'a>, Words<'a>) -> Wait<'a>) {
        let Some(timeout) = self.timeout else {
            call.reply.null_array();
            return;
        };
        let wait = Wait::new(ValueType::Stream, self.keys.iter(), timeout);
        let wait = arrange(wait, call.words);
        call.block(wait);
    }
}

/// A call with these IDs in the place of its last words.
fn with_ids(words: Words<'_>, ids: &[StreamId]) -> OwnedWords {
    let mut again = OwnedWords::from(words.take(words.len() - ids.len()));
    for id in ids {
        again.push(&id.text());
    }
    again
}

fn unbalanced(kind: Kind) -> ReplyError {
    match kind {
        Kind::Plain => UNBALANCED,
        Kind::Grouped => UNBALANCED_IN_GROUP,
    }
}

const UNBALANCED: ReplyError = ReplyError::message(
    "Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.",
);
const UNBALANCED_IN_GROUP: ReplyError = ReplyError::message(
    "Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.",
);
const NO_GROUP: ReplyError = ReplyError::message("Missing GROUP option for XREADGROUP");
const GROUP_IN_PLAIN: ReplyError = ReplyError::message(
    "The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
);
const NO_ACK_IN_PLAIN: ReplyError = ReplyError::message(
    "The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
);
const NEW_IN_PLAIN: ReplyError = ReplyError::message(
    "The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
);
const NEVER_USED: ReplyError = ReplyError::message("the stream last element ID is 0-0");
const LAST_IN_GROUP: ReplyError = ReplyError::message(
    "The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper \
     ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
);
const NEWEST_IN_GROUP: ReplyError = ReplyError::message(
    "The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper \
     ID, or use the > ID to get new messages. The + ID would just return an empty result set.",
);
