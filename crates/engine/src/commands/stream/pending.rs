//! Asking what is pending: XPENDING.

use collections::Stream;
use collections::stream::{Group, StreamId};
use command::argument::{block, integer, key, string};
use command::{Arguments, Command as Declaration, Flags, Group as Chapter, KeySpec};
use resp::{Reply, ReplyError};

use super::entry::reply_id;
use super::{elapsed_ms, id, no_group};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static XPENDING: Command = Declaration {
    summary: "Tells which entries of a group were delivered and not acknowledged.",
    complexity: "O(N), where N is the number of entries returned, or looked at with IDLE; without a range O(N) in the number of consumers.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[
        key("key"),
        string("group"),
        block(
            "filters",
            &[
                integer("min-idle-time").after("IDLE").since("6.2.0").optional(),
                string("start"),
                string("end"),
                integer("count"),
                string("consumer").optional(),
            ],
        )
        .optional(),
    ],
    history: &[("6.2.0", "Has the option `IDLE`, and takes IDs that are excluded.")],
    tips: &["nondeterministic_output"],
    ..Declaration::new("XPENDING", Chapter::Stream, "5.0.0", Handler::Keys(xpending))
};

fn xpending(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (key, name) = (arguments.string()?, arguments.string()?);
    let filter = Filter::parse(arguments)?;
    let now_ms = call.now_ms();
    let stream = call.keys.read_as::<Stream>(key)?;
    let Some(group) = stream.and_then(|stream| stream.group(name)) else {
        return Err(no_group(key, name));
    };
    match filter {
        None => summarize(group, &mut call.reply),
        Some(filter) => filter.list(group, now_ms, &mut call.reply),
    }
    Ok(())
}

/// Which entries are asked for.
struct Filter<'a> {
    min_idle_ms: i64,
    start: StreamId,
    end: StreamId,
    limit: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    fn parse(mut arguments: Arguments<'a>) -> Result<Option<Filter<'a>>, ReplyError> {
        /// With all options and one that is let pass.
        const MOST_WORDS: usize = 6;
        if arguments.is_empty() {
            return Ok(None);
        }
        if !(3..=MOST_WORDS).contains(&arguments.len()) {
            return Err(ReplyError::Syntax);
        }
        let mut min_idle_ms = 0;
        if arguments.accept(b"IDLE") {
            min_idle_ms = arguments.integer()?;
            if arguments.len() < 3 {
                return Err(ReplyError::Syntax);
            }
        }
        let (start, end) = (arguments.string()?, arguments.string()?);
        let limit = usize::try_from(arguments.integer()?).unwrap_or(0);
        let (start, end) = (id::start(start)?, id::end(end)?);
        Ok(Some(Filter { min_idle_ms, start, end, limit, consumer: arguments.next_word() }))
    }

    fn list(&self, group: &Group, now_ms: i64, reply: &mut Reply<'_>) {
        let ids = self.start..=self.end;
        let entries = match self.consumer.map(|name| group.find_consumer(name)) {
            None => group.pending_in(ids),
            Some(Some(consumer)) => group.pending_for(consumer, ids),
            Some(None) => {
                reply.array(0);
                return;
            }
        };
        let header = reply.deferred_array();
        let mut count = 0;
        let is_idle = |delivered_ms: i64| {
            self.min_idle_ms == 0 || self.min_idle_ms <= now_ms.saturating_sub(delivered_ms)
        };
        let idle = entries.filter(|(_, pending)| is_idle(pending.delivered_ms));
        for (id, pending) in idle.take(self.limit) {
            count += 1;
            reply.array(4);
            reply_id(reply, id);
            reply.bulk(group.consumer_name(pending.consumer));
            reply.integer(elapsed_ms(now_ms, pending.delivered_ms));
            reply.unsigned(pending.deliveries);
        }
        reply.close(header, count);
    }
}

/// Replies how many entries are pending, the first and the last of them, and how many for each consumer.
fn summarize(group: &Group, reply: &mut Reply<'_>) {
    reply.array(4);
    reply.unsigned(group.pending_count() as u64);
    let first = group.pending_in(StreamId::MIN..=StreamId::MAX).next();
    let Some(((first, _), last)) = first.zip(group.last_pending()) else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    reply_id(reply, first);
    reply_id(reply, last);
    let header = reply.deferred_array();
    let mut count = 0;
    for (_, consumer) in group.consumers().filter(|(_, consumer)| 0 < consumer.pending_count()) {
        count += 1;
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk(consumer.pending_count().to_string().as_bytes());
    }
    reply.close(header, count);
}
