//! Taking pending entries over from other consumers: XCLAIM.

use collections::Stream;
use collections::stream::{ConsumerIndex, Entry, Group, Log, Pending, StreamId};
use command::argument::{integer, key, string, token, unix_time};
use command::{Arguments, Command as Declaration, Flags, Group as Chapter, KeySpec};
use resp::{Reply, ReplyError};

use super::deliver::{seen, set_active};
use super::effect::{GroupEffects, Progress};
use super::entry::{reply_entry, reply_id};
use super::{id, no_group, quoted};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static XCLAIM: Command = Declaration {
    summary: "Has pending entries be pending for another consumer, and returns them.",
    complexity: "O(log N) for each entry, where N is the number of pending entries of the group.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).updates()],
    arguments: &[
        key("key"),
        string("group"),
        string("consumer"),
        string("min-idle-time"),
        string("id").multiple(),
        integer("ms").after("IDLE").optional(),
        unix_time("unix-time-milliseconds").after("TIME").optional(),
        integer("count").after("RETRYCOUNT").optional(),
        token("force", "FORCE").optional(),
        token("justid", "JUSTID").optional(),
        string("lastid").after("LASTID").optional(),
    ],
    tips: &["nondeterministic_output"],
    ..Declaration::new("XCLAIM", Chapter::Stream, "5.0.0", Handler::Keys(xclaim))
};

fn xclaim(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (key, name, consumer) = (arguments.string()?, arguments.string()?, arguments.string()?);
    let stream = call.keys.read_as::<Stream>(key)?;
    if stream.and_then(|stream| stream.group(name)).is_none() {
        return Err(no_group(key, name));
    }
    let claim = Claim::parse(arguments, call.now_ms())?;

    let (recording, reply) = (call.recording, &mut call.reply);
    let effects = call.keys.edit_present::<Stream, _>(key, |stream| {
        let (log, group) = stream.group_mut(name)?;
        let mut effects = GroupEffects::default();
        let index = seen(group, consumer, claim.now_ms, &mut effects);
        claim.apply(log, group, index, recording, reply, &mut effects);
        Some(effects)
    })?;
    if let Some(effects) = effects.flatten() {
        effects.tell(call, key, name, consumer);
    }
    Ok(())
}

/// What a call asks for.
struct Claim {
    now_ms: i64,
    min_idle_ms: i64,
    ids: Vec<StreamId>,
    delivered_ms: i64,
    deliveries: Option<u64>,
    /// Whether entries that are not pending become so.
    force: bool,
    contents: Contents,
    last_id: StreamId,
}

/// What is replied of entries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// All of them: that counts as a delivery.
    Whole,
    Id,
}

impl Claim {
    fn parse(mut arguments: Arguments<'_>, now_ms: i64) -> Result<Claim, ReplyError> {
        let mut claim = Claim {
            now_ms,
            min_idle_ms: arguments.integer_or(INVALID_MIN_IDLE)?.max(0),
            ids: Vec::with_capacity(arguments.len()),
            delivered_ms: now_ms,
            deliveries: None,
            force: false,
            contents: Contents::Whole,
            last_id: StreamId::MIN,
        };
        while let Some(id) = arguments.peek().and_then(|word| id::strict(word, 0).ok()) {
            claim.ids.push(id);
            arguments.skip();
        }
        let mut delivered_ms = None;
        while let Some(word) = arguments.next_word() {
            let has_value = !arguments.is_empty();
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            if is(b"FORCE") {
                claim.force = true;
            } else if is(b"JUSTID") {
                claim.contents = Contents::Id;
            } else if is(b"IDLE") && has_value {
                let idle_ms = arguments.integer_or(INVALID_IDLE)?;
                delivered_ms = Some(now_ms.wrapping_sub(idle_ms));
            } else if is(b"TIME") && has_value {
                delivered_ms = Some(arguments.integer_or(INVALID_TIME)?);
            } else if is(b"RETRYCOUNT") && has_value {
                claim.deliveries = u64::try_from(arguments.integer_or(INVALID_COUNT)?).ok();
            } else if is(b"LASTID") && has_value {
                claim.last_id = id::strict(arguments.string()?, 0)?;
            } else {
                return Err(unrecognized(word));
            }
        }
        // A time that cannot be is no error: a client's clock may be ahead of ours.
        claim.delivered_ms =
            delivered_ms.filter(|time_ms| (0..=now_ms).contains(time_ms)).unwrap_or(now_ms);
        Ok(claim)
    }

    fn apply(
        &self,
        log: &Log,
        group: &mut Group,
        consumer: ConsumerIndex,
        recording: bool,
        reply: &mut Reply<'_>,
        effects: &mut GroupEffects,
    ) {
        let is_ahead = group.last_delivered < self.last_id;
        group.last_delivered = group.last_delivered.max(self.last_id);
        let header = reply.deferred_array();
        let mut count = 0;
        for &id in &self.ids {
            let known = group.pending(id);
            let Some(entry) = log.entry(id) else {
                if let Some(known) = known {
                    forget(group, id, known, recording, effects);
                }
                continue;
            };
            let Some(new) = self.claimed(known, consumer) else { continue };
            group.set_pending(id, new);
            set_active(group, consumer, self.now_ms);
            reply_claimed(reply, entry, self.contents);
            count += 1;
            effects.changes += 1;
            if recording {
                effects.claimed(group, id, new);
            }
        }
        reply.close(header, count);
        // A claim tells of it, too.
        if is_ahead && effects.changes == 0 {
            effects.changes = 1;
            effects.progress = Some(Progress::of(group));
        }
    }

    /// What is known of an entry once it is claimed; nothing if it is not to be.
    fn claimed(&self, known: Option<Pending>, consumer: ConsumerIndex) -> Option<Pending> {
        let deliveries = match known {
            Some(known) => {
                let idle_ms = self.now_ms.saturating_sub(known.delivered_ms);
                if self.min_idle_ms != 0 && idle_ms < self.min_idle_ms {
                    return None;
                }
                known.deliveries
            }
            None if self.force => 1,
            None => return None,
        };
        let deliveries = match (self.deliveries, self.contents) {
            (Some(given), _) => given,
            (None, Contents::Whole) => deliveries.saturating_add(1),
            (None, Contents::Id) => deliveries,
        };
        Some(Pending { consumer, delivered_ms: self.delivered_ms, deliveries })
    }
}

/// Has an entry pending no more that is not in the stream any more.
pub(super) fn forget(
    group: &mut Group,
    id: StreamId,
    known: Pending,
    recording: bool,
    effects: &mut GroupEffects,
) {
    group.acknowledge(id);
    effects.changes += 1;
    if recording {
        effects.claimed(group, id, known);
    }
}

/// Replies an entry that was claimed.
pub(super) fn reply_claimed(reply: &mut Reply<'_>, entry: Entry<'_>, contents: Contents) {
    match contents {
        Contents::Whole => reply_entry(reply, entry),
        Contents::Id => reply_id(reply, entry.id()),
    }
}

fn unrecognized(word: &[u8]) -> ReplyError {
    ReplyError::quoting([b"ERR Unrecognized XCLAIM option '", quoted(word), b"'"].concat())
}

const INVALID_MIN_IDLE: ReplyError =
    ReplyError::message("Invalid min-idle-time argument for XCLAIM");
const INVALID_IDLE: ReplyError = ReplyError::message("Invalid IDLE option argument for XCLAIM");
const INVALID_TIME: ReplyError = ReplyError::message("Invalid TIME option argument for XCLAIM");
const INVALID_COUNT: ReplyError =
    ReplyError::message("Invalid RETRYCOUNT option argument for XCLAIM");
