//! A client as a line of CLIENT LIST.
//!
//! The fields and their order are Redis's. Some measure what its clients have and ours have not, a reply buffer of fixed
//! size and copies of the arguments. Here they mean:
//!
//! | field               | meaning                                                                                |
//! |---------------------|----------------------------------------------------------------------------------------|
//! | `qbuf`, `qbuf-free` | bytes received and not executed yet; room behind them in a buffer of the client's own  |
//! | `argv-mem`          | bytes of the words of the call that is being executed; a call that waits is in `qbuf`  |
//! | `obl`, `rbp`        | bytes of replies not sent yet                                                          |
//! | `omem`, `rbs`       | memory that these take in a buffer of the client's own; most are sent from a worker's  |
//! | `tot-mem`           | memory of the connection with all its buffers                                          |

use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use super::record::ClientRecord;
use crate::command_table::Callable;

/// What a client has in its worker's hands while it makes a call, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InCall {
    /// Received, this call included.
    pub received: usize,
    /// The words of the call.
    pub words: usize,
    /// Replies to earlier calls.
    pub replies: usize,
}

impl ClientRecord {
    /// The client as CLIENT LIST shows it, without a line ending. `in_call` is given for the client that asks.
    pub fn describe(
        &self,
        now_ms: i64,
        commands: &command::Table<crate::command_table::Handler>,
        in_call: Option<InCall>,
    ) -> String {
        let labels = self.labels.lock().clone();
        let command = self.command.load(Relaxed).checked_sub(1);
        let command = command.and_then(|id| commands.get(u16::try_from(id).ok()?));
        let held = InCall {
            received: self.query_buffer.load(Relaxed),
            words: 0,
            replies: self.output.load(Relaxed),
        };
        let InCall { received, words, replies } = in_call.unwrap_or(held);
        let replies_memory = if replies == 0 { 0 } else { self.output_memory.load(Relaxed) };
        let mut line = format!(
            "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={}",
            self.id,
            self.peer.address,
            self.peer.local_address,
            self.peer.descriptor,
            String::from_utf8_lossy(&labels.name),
            self.age_s(now_ms),
            now_ms.div_euclid(1000) - self.last_call_ms.load(Relaxed).div_euclid(1000),
            self.flags(),
            self.database.load(Relaxed),
        );
        // One that was told of a change need not watch any more.
        let is_watch_broken = self.watch_broken.load(Relaxed);
        let watched = if is_watch_broken { 0 } else { self.watched_keys.load(Relaxed) };
        let [channels, patterns, shard_channels] = &self.subscriptions;
        let rest = write!(
            line,
            " sub={} psub={} ssub={} multi={} watch={watched} qbuf={received} qbuf-free={} argv-mem={words} multi-mem={} rbs={replies_memory} rbp={replies} \
             obl={replies} oll=0 omem={replies_memory} tot-mem={} events={} cmd={} user={} redir={} resp={} \
             lib-name={} lib-ver={}",
            channels.load(Relaxed),
            patterns.load(Relaxed),
            shard_channels.load(Relaxed),
            self.queued_calls.load(Relaxed),
            self.query_buffer_free.load(Relaxed),
            self.queued_memory.load(Relaxed),
            self.memory.load(Relaxed) + words,
            if in_call.is_none() && 0 < replies { "rw" } else { "r" },
            command.map_or("NULL", Callable::name),
            String::from_utf8_lossy(&labels.user),
            self.shown_redirection(),
            self.protocol.load(Relaxed),
            String::from_utf8_lossy(&labels.library_name),
            String::from_utf8_lossy(&labels.library_version),
        );
        debug_assert!(rest.is_ok(), "a string takes all that is written to it");
        line
    }

    /// A letter for each thing that is special about it.
    fn flags(&self) -> String {
        let [tracks, redirection_is_broken, broadcasts] = self.tracking_letters();
        let flags = [
            (self.monitors.load(Relaxed), 'O'),
            (self.is_replica.load(Relaxed), 'S'),
            (self.is_primary.load(Relaxed), 'M'),
            (self.is_subscriber(), 'P'),
            (0 <= self.queued_calls.load(Relaxed), 'x'),
            (self.paused.load(Relaxed) || self.wait().is_some(), 'b'),
            tracks,
            redirection_is_broken,
            broadcasts,
            (self.watch_broken.load(Relaxed), 'd'),
            (self.closing.load(Relaxed), 'c'),
            (self.killed.load(Relaxed), 'A'),
            (self.peer.is_unix, 'U'),
            (self.no_evict.load(Relaxed), 'e'),
            (self.no_touch.load(Relaxed), 'T'),
        ];
        let letters: String =
            flags.iter().filter(|(set, _)| *set).map(|&(_, letter)| letter).collect();
        if letters.is_empty() { "N".to_owned() } else { letters }
    }
}
