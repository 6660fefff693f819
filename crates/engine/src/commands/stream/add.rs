//! Adding entries: XADD.

use collections::Stream;
use collections::stream::{AddError, Log, NodeLimits, StreamId, Trim};
use command::argument::{block, key, one_of, string, token};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::SetExpiry;
use resp::{ReplyError, Words};

use super::id::{self, NewId};
use super::trim::{TRIM, TrimOptions, exact, rest_of};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static XADD: Command = Declaration {
    summary: "Adds an entry to a stream, and creates it if need be.",
    complexity: "O(1) to add; O(N) to trim, where N is the number of entries removed.",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
    keys: &[KeySpec::read_write(1).updates()],
    arguments: &[
        key("key"),
        token("nomkstream", "NOMKSTREAM").since("6.2.0").optional(),
        TRIM.optional(),
        one_of("id-selector", &[token("auto-id", "*"), string("id")]),
        block("data", &[string("field"), string("value")]).multiple(),
    ],
    history: &[
        ("6.2.0", "Has the option `NOMKSTREAM`, the strategy `MINID` and the option `LIMIT`."),
        ("7.0.0", "Takes IDs of the form `<ms>-*`."),
    ],
    tips: &["nondeterministic_output"],
    ..Declaration::new("XADD", Group::Stream, "5.0.0", Handler::Keys(xadd))
};

fn xadd(call: &mut Call<'_>) -> Outcome {
    let add = Add::parse(call)?;
    let added =
        call.keys.edit_present::<Stream, _>(add.key, |stream| add.apply(stream.log_mut()))?;
    let added = match added {
        Some(added) => added?,
        None if add.creates => {
            let mut stream = Stream::default();
            let added = add.apply(stream.log_mut())?;
            call.keys.put(add.key, stream, SetExpiry::Clear);
            added
        }
        None => {
            call.reply.null();
            return Ok(());
        }
    };
    call.modified(add.key, events::STREAM_ADD);
    if 0 < added.trimmed {
        call.also_modified(add.key, events::STREAM_TRIM);
    }
    if call.recording {
        add.replicate(call, &added);
    }
    call.reply.bulk(&added.id.text());
    Ok(())
}

/// What a call asks for.
struct Add<'a> {
    key: &'a [u8],
    id: NewId,
    /// Names and values in turn.
    fields: Words<'a>,
    /// Whether a stream is created if there is none.
    creates: bool,
    trim: Option<Trim>,
    /// How many words come before the ID.
    options: usize,
    now_ms: u64,
    limits: NodeLimits,
}

/// What a call has done.
struct Added {
    id: StreamId,
    trimmed: u64,
    /// What says exactly how far it was trimmed, if the call does not.
    threshold: Vec<u8>,
}

impl<'a> Add<'a> {
    fn parse(call: &Call<'a>) -> Result<Add<'a>, ReplyError> {
        let mut arguments = call.arguments;
        let key = arguments.string()?;
        let mut options = TrimOptions::default();
        let mut creates = true;
        let mut id = None;
        while let Some(word) = arguments.peek() {
            if word == b"*" {
                id = Some(NewId::Auto);
                break;
            }
            if options.accept(&mut arguments)? {
                continue;
            }
            if !word.eq_ignore_ascii_case(b"NOMKSTREAM") {
                id = Some(id::new(word)?);
                break;
            }
            creates = false;
            arguments.skip();
        }
        let trim = options.finish(call.config.data_structures.stream_node_entries)?;
        let fields = arguments.rest().skip(1);
        let Some(id) = id.filter(|_| !fields.is_empty() && fields.len().is_multiple_of(2)) else {
            return Err(ReplyError::WrongArity("xadd"));
        };
        if id == NewId::Whole(StreamId::MIN) {
            return Err(SMALLEST_ID);
        }
        Ok(Add {
            key,
            id,
            fields,
            creates,
            trim,
            options: call.words.len() - arguments.len(),
            now_ms: u64::try_from(call.now_ms()).unwrap_or(0),
            limits: super::node_limits(call.config),
        })
    }

    fn apply(&self, log: &mut Log) -> Result<Added, ReplyError> {
        if log.last_id() == StreamId::MAX {
            return Err(EXHAUSTED);
        }
        let id = self.next_id(log).ok_or(ID_TOO_SMALL)?;
        log.add(id, self.fields.iter(), self.limits).map_err(|error| match error {
            AddError::NotGreater => ID_TOO_SMALL,
            AddError::TooLarge => TOO_LARGE,
        })?;
        let mut added = Added { id, trimmed: 0, threshold: Vec::new() };
        if let Some(trim) = &self.trim {
            added.trimmed = log.trim(trim);
            if trim.approximate {
                added.threshold = rest_of(log, trim.to);
            }
        }
        Ok(added)
    }

    fn next_id(&self, log: &Log) -> Option<StreamId> {
        let last = log.last_id();
        match self.id {
            NewId::Whole(id) => Some(id),
            NewId::Auto => log.next_id(self.now_ms),
            NewId::AutoSequence(ms) if ms == last.ms => {
                Some(StreamId::new(ms, last.sequence.checked_add(1)?))
            }
            NewId::AutoSequence(ms) => Some(StreamId::new(ms, 0)),
        }
    }

    /// The call with the ID that it gave, and with what it trimmed.
    fn replicate(&self, call: &mut Call<'_>, added: &Added) {
        let is_approximate = self.trim.is_some_and(|trim| trim.approximate);
        if matches!(self.id, NewId::Whole(_)) && !is_approximate {
            return;
        }
        let text = added.id.text();
        let mut words: Vec<&[u8]> = if is_approximate {
            exact(call.words, self.options, &added.threshold)
        } else {
            call.words.iter().collect()
        };
        let place = words.len().checked_sub(self.fields.len() + 1);
        if let Some(word) = place.and_then(|place| words.get_mut(place)) {
            *word = &text;
        }
        call.replicate_as(&words);
    }
}

const SMALLEST_ID: ReplyError =
    ReplyError::message("The ID specified in XADD must be greater than 0-0");
const ID_TOO_SMALL: ReplyError = ReplyError::message(
    "The ID specified in XADD is equal or smaller than the target stream top item",
);
const EXHAUSTED: ReplyError =
    ReplyError::message("The stream has exhausted the last possible ID, unable to add more items");
const TOO_LARGE: ReplyError = ReplyError::message("Elements are too large to be stored");
