//! Taking over whatever has been pending for too long: XAUTOCLAIM.

use collections::Stream;
use collections::stream::{ConsumerIndex, Group, Log, Pending, StreamId};
use command::argument::{integer, key, string, token};
use command::{Arguments, Command as Declaration, Flags, Group as Chapter, KeySpec};
use resp::{Reply, ReplyError};

use super::claim::{Contents, forget, reply_claimed};
use super::deliver::{seen, set_active};
use super::effect::GroupEffects;
use super::entry::reply_id;
use super::{id, no_group};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static XAUTOCLAIM: Command = Declaration {
    summary: "Has entries that were pending for long be pending for another consumer, and returns them.",
    complexity: "O(N log M), where N is COUNT and M the number of pending entries of the group.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).deletes()],
    arguments: &[
        key("key"),
        string("group"),
        string("consumer"),
        string("min-idle-time"),
        string("start"),
        integer("count").after("COUNT").optional(),
        token("justid", "JUSTID").optional(),
    ],
    history: &[("7.0.0", "Returns deleted entries apart, and has them pending no more.")],
    tips: &["nondeterministic_output"],
    ..Declaration::new("XAUTOCLAIM", Chapter::Stream, "6.2.0", Handler::Keys(xautoclaim))
};

fn xautoclaim(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (key, name, consumer) = (arguments.string()?, arguments.string()?, arguments.string()?);
    let sweep = Sweep::parse(arguments, call.now_ms())?;
    let stream = call.keys.read_as::<Stream>(key)?;
    if stream.and_then(|stream| stream.group(name)).is_none() {
        return Err(no_group(key, name));
    }

    let (recording, reply) = (call.recording, &mut call.reply);
    let effects = call.keys.edit_present::<Stream, _>(key, |stream| {
        let (log, group) = stream.group_mut(name)?;
        let mut effects = GroupEffects::default();
        let index = seen(group, consumer, sweep.now_ms, &mut effects);
        let swept = sweep.apply(log, group, index, recording, &mut effects);
        sweep.reply(log, &swept, reply);
        Some(effects)
    })?;
    if let Some(effects) = effects.flatten() {
        effects.tell(call, key, name, consumer);
    }
    Ok(())
}

/// What a call asks for.
struct Sweep {
    now_ms: i64,
    min_idle_ms: i64,
    start: StreamId,
    count: usize,
    contents: Contents,
}

/// What it finds.
struct Swept {
    claimed: Vec<StreamId>,
    deleted: Vec<StreamId>,
    /// Where to go on.
    next: StreamId,
}

impl Sweep {
    fn parse(mut arguments: Arguments<'_>, now_ms: i64) -> Result<Sweep, ReplyError> {
        let min_idle_ms = arguments.integer_or(INVALID_MIN_IDLE)?.max(0);
        let start = id::start(arguments.string()?)?;
        let mut sweep =
            Sweep { now_ms, min_idle_ms, start, count: USUAL_COUNT, contents: Contents::Whole };
        while !arguments.is_empty() {
            if 1 < arguments.len() && arguments.accept(b"COUNT") {
                let count = arguments.at_least(1, INVALID_COUNT)?;
                let count = Some(count).filter(|count| *count <= MOST_COUNT);
                sweep.count = usize::try_from(count.ok_or(INVALID_COUNT)?).unwrap_or(usize::MAX);
            } else if arguments.accept(b"JUSTID") {
                sweep.contents = Contents::Id;
            } else {
                return Err(ReplyError::Syntax);
            }
        }
        Ok(sweep)
    }

    fn apply(
        &self,
        log: &Log,
        group: &mut Group,
        consumer: ConsumerIndex,
        recording: bool,
        effects: &mut GroupEffects,
    ) -> Swept {
        let mut swept = Swept { claimed: Vec::new(), deleted: Vec::new(), next: StreamId::MIN };
        let mut attempts = self.count.saturating_mul(ATTEMPTS);
        let mut next = Some(self.start);
        loop {
            let found = next.and_then(|next| group.pending_in(next..=StreamId::MAX).next());
            let Some((id, known)) = found else { return swept };
            if attempts == 0 || self.count <= swept.claimed.len() + swept.deleted.len() {
                swept.next = id;
                return swept;
            }
            attempts -= 1;
            next = id.next();
            if log.entry(id).is_none() {
                forget(group, id, known, recording, effects);
                swept.deleted.push(id);
                continue;
            }
            let idle_ms = self.now_ms.saturating_sub(known.delivered_ms);
            if self.min_idle_ms != 0 && idle_ms < self.min_idle_ms {
                continue;
            }
            let again = u64::from(self.contents == Contents::Whole);
            let deliveries = known.deliveries.saturating_add(again);
            let new = Pending { consumer, delivered_ms: self.now_ms, deliveries };
            group.set_pending(id, new);
            set_active(group, consumer, self.now_ms);
            swept.claimed.push(id);
            effects.changes += 1;
            if recording {
                effects.claimed(group, id, new);
            }
        }
    }

    fn reply(&self, log: &Log, swept: &Swept, reply: &mut Reply<'_>) {
        reply.array(3);
        reply_id(reply, swept.next);
        reply.array(swept.claimed.len());
        for entry in swept.claimed.iter().filter_map(|id| log.entry(*id)) {
            reply_claimed(reply, entry, self.contents);
        }
        reply.array(swept.deleted.len());
        swept.deleted.iter().for_each(|id| reply_id(reply, *id));
    }
}

const USUAL_COUNT: usize = 100;
/// What Redis has memory for.
const MOST_COUNT: i64 = i64::MAX / 16;
/// So many entries are looked at for each that is wanted.
const ATTEMPTS: usize = 10;

const INVALID_MIN_IDLE: ReplyError =
    ReplyError::message("Invalid min-idle-time argument for XAUTOCLAIM");
const INVALID_COUNT: ReplyError = ReplyError::message("COUNT must be > 0");
