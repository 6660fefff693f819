//! What takes long is noted: in the slow log, and by the latency monitor.
//!
//! For a call that takes no longer than usual this costs one comparison.

use command::{CommandId, Flags};
use config::Config;
use resp::Words;

use crate::Engine;
use crate::command_table::{Callable, only_key};
use crate::session::Session;
use crate::statistics::Fate;
use crate::worker::{Gate, Prepared, Worker};
use crate::{hot_keys, latency};

impl Worker<'_> {
    /// Notes a call that took long, where it is configured to be noted.
    #[cold]
    pub(crate) fn note_slow(
        &self,
        session: &Session,
        words: Words<'_>,
        id: CommandId,
        elapsed_ns: u64,
        fate: Fate,
    ) {
        let Some(callable) = self.engine.commands.get(id).filter(|_| fate != Fate::Rejected) else {
            return;
        };
        let now_ms = self.round.now_ms;
        note_slow(self.engine, &self.config, now_ms, session, words, callable, elapsed_ns);
    }

    /// Notes a call whose request or reply was large, where it is configured to be noted.
    #[cold]
    pub(crate) fn note_large(
        &self,
        session: &Session,
        words: Words<'_>,
        id: CommandId,
        fate: Fate,
        reply_bytes: u64,
    ) {
        let callable = self.engine.commands.get(id);
        let is_kept = callable.is_some_and(|it| !it.flags.has(Flags::SKIP_SLOW_LOG));
        if fate == Fate::Rejected || !is_kept {
            return;
        }
        let latency = &self.config.latency;
        let time_s = self.round.now_ms.div_euclid(1000);
        let request_bytes = request_bytes(words);
        let is_over = |bytes: u64, limit: i64, length: u64| {
            u64::try_from(limit).is_ok_and(|limit| limit <= bytes) && 0 < length
        };
        let length = latency.large_requests_length;
        if is_over(request_bytes, latency.large_request_bytes, length) {
            self.engine.large_requests.push(session, words, time_s, request_bytes, length);
            if let Some(key) = callable.and_then(only_key).and_then(|position| words.get(position))
                && latency.hot_keys
            {
                self.engine.hot_keys.suggest(self.index, session.database, key);
            }
        }
        let length = latency.large_replies_length;
        if is_over(reply_bytes, latency.large_reply_bytes, length) {
            self.engine.large_replies.push(session, words, time_s, reply_bytes, length);
        }
    }

    /// Looks at the key of a call; one of many, so it counts for many.
    #[cold]
    pub(crate) fn look_at_key(
        &mut self,
        session: &Session,
        prepared: Prepared<'_>,
        words: Words<'_>,
    ) {
        let ahead = usize::try_from(2 * hot_keys::ONE_OF - 1).unwrap_or(1);
        // Not at equal distances: what a client repeats may be as long.
        self.until_look = 1 + u32::try_from(self.round.random.below(ahead)).unwrap_or(0);
        let tracked = prepared.callable.filter(|_| self.config.latency.hot_keys);
        let (Some(callable), Some(hash)) = (tracked, prepared.hash) else { return };
        let Some(key) = only_key(callable).and_then(|position| words.get(position)) else { return };
        let is_write = callable.flags.has(Flags::WRITE);
        let name = (hash, session.database, key);
        self.engine.hot_keys.note(self.index, name, is_write, self.now_ms());
    }

    /// Measures some keys that may be among the biggest.
    pub(crate) fn measure_keys(&mut self) {
        /// At a tick.
        const MEASURED: usize = 4;
        if !self.config.latency.hot_keys {
            return;
        }
        for turn in 0..MEASURED {
            let again = turn == 0;
            if let Some(name) = self.engine.hot_keys.next_to_measure(self.index, again) {
                self.measure_key(name);
            }
        }
    }

    fn measure_key(&mut self, name: hot_keys::Name) {
        /// Elements of a big value that are looked at.
        const SAMPLES: usize = 5;
        let engine = self.engine;
        let Gate::Inside(inside) = &mut self.gate else { return };
        if engine.keyspace.databases() <= name.0 {
            return;
        }
        let expiry = std::mem::replace(&mut self.round.expiry, keyspace::ExpiryMode::Ignore);
        let mut view = engine.keyspace.view(inside, name.0, &mut self.round);
        view.lock_one(&name.1, engine.keyspace.hash(&name.1));
        let measured = view.peek(&name.1).map(|entry| {
            (
                entry.value_type().name(),
                crate::commands::measured_bytes(entry, SAMPLES, &*engine.host),
            )
        });
        drop(view);
        self.round.expiry = expiry;
        engine.hot_keys.note_size(name, measured);
    }

    /// Notes how long something beside calls took, if that is worth a note.
    pub(crate) fn note_latency(&self, event: &'static str, elapsed_ns: u64) {
        let threshold_ms = self.config.latency.monitor_threshold_ms;
        let took_ms = elapsed_ns / 1_000_000;
        if 0 < threshold_ms && threshold_ms <= took_ms {
            self.engine.latency.note(event, self.second_after(elapsed_ns), took_ms);
        }
    }

    /// The unix time at which something ended that took so long, about: the clock is not read again.
    fn second_after(&self, elapsed_ns: u64) -> i64 {
        second_after(self.round.now_ms, elapsed_ns)
    }
}

fn second_after(now_ms: i64, elapsed_ns: u64) -> i64 {
    let elapsed = i64::try_from(elapsed_ns / 1_000_000).unwrap_or(0);
    (now_ms + elapsed).div_euclid(1000)
}

/// Notes a call that took long, where it is configured to be noted. The round began at `now_ms`.
#[cold]
pub(crate) fn note_slow(
    engine: &Engine,
    config: &Config,
    now_ms: i64,
    session: &Session,
    words: Words<'_>,
    callable: &Callable,
    elapsed_ns: u64,
) {
    let config = &config.latency;
    let time_s = second_after(now_ms, elapsed_ns);
    let took_us = elapsed_ns / 1000;
    let is_slow = u64::try_from(config.slow_log_threshold_us)
        .is_ok_and(|threshold_us| threshold_us <= took_us);
    if is_slow && 0 < config.slow_log_length && !callable.flags.has(Flags::SKIP_SLOW_LOG) {
        engine.slow_log.push(session, words, time_s, took_us, config.slow_log_length);
    }
    if 0 < config.monitor_threshold_ms && config.monitor_threshold_ms <= took_us / 1000 {
        let is_fast = callable.flags.has(Flags::FAST);
        let event = if is_fast { latency::FAST_COMMAND } else { latency::COMMAND };
        engine.latency.note(event, time_s, took_us / 1000);
    }
}

/// The bytes of a request as clients write it.
fn request_bytes(words: Words<'_>) -> u64 {
    let digits = |number: usize| u64::from(number.checked_ilog10().unwrap_or(0)) + 1;
    // A sign, the number and the end of the line; the word and the end of its line.
    let lengths = words.iter().map(|word| 1 + digits(word.len()) + 2 + word.len() as u64 + 2);
    1 + digits(words.len()) + 2 + lengths.sum::<u64>()
}

/// From how many bytes on requests and replies are worth a note.
pub(crate) fn large_bytes(config: &Config) -> (u64, u64) {
    let latency = &config.latency;
    let limit = |bytes: i64, length: u64| match u64::try_from(bytes) {
        Ok(bytes) if 0 < length => bytes,
        Ok(_) | Err(_) => u64::MAX,
    };
    (
        limit(latency.large_request_bytes, latency.large_requests_length),
        limit(latency.large_reply_bytes, latency.large_replies_length),
    )
}

/// How many nanoseconds a call takes at least that is worth a note.
pub(crate) fn slow_ns(config: &Config) -> u64 {
    let latency = &config.latency;
    let slow_log = match u64::try_from(latency.slow_log_threshold_us) {
        Ok(threshold_us) if 0 < latency.slow_log_length => threshold_us.saturating_mul(1000),
        Ok(_) | Err(_) => u64::MAX,
    };
    match latency.monitor_threshold_ms {
        0 => slow_log,
        threshold_ms => slow_log.min(threshold_ms.saturating_mul(1_000_000)),
    }
}
