//! What clients are told, and how it finds them.
//!
//! RESP3: a push of `invalidate` and the names of keys, or a null for all keys. A client that speaks RESP2 is told nothing itself;
//! another one that listens to channels can be told in its place, as if the names were published on a channel.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use resp::number::write_unsigned;
use resp::{Output, Protocol};
use smallvec::SmallVec;

use super::{Change, TrackingFlags};
use crate::clients::{ClientId, ClientRecord};
use crate::pubsub::Post;
use crate::session::Session;

/// Something that clients of one worker are told.
#[derive(Debug)]
pub struct Invalidation {
    /// By place.
    receivers: Vec<Receiver>,
    notice: Notice,
}

/// Who is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Receiver {
    /// What its process knows its connection by.
    pub(crate) place: u64,
    /// It is told in the place of another.
    pub(crate) is_substitute: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Notice {
    /// Names of keys, or a null for all keys, as they are sent.
    Changed(Arc<[u8]>),
    /// There is no client of this id any more who could be told in the receiver's place.
    Broken(ClientId),
}

impl Invalidation {
    pub(crate) fn receivers(&self) -> &[Receiver] {
        &self.receivers
    }

    /// Bytes of memory that it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let notice = match &self.notice {
            Notice::Changed(payload) => payload.len(),
            Notice::Broken(_) => size_of::<ClientId>(),
        };
        size_of::<Invalidation>() + self.receivers.len() * size_of::<Receiver>() + notice
    }

    /// Appends it to what a client is sent, as often as it is among those who are told.
    pub(crate) fn deliver(&self, session: &Session, output: &mut Output) {
        let place = session.place();
        let first = self.receivers.partition_point(|receiver| receiver.place < place);
        let own = self.receivers.iter().skip(first).take_while(|own| own.place == place);
        own.for_each(|receiver| self.write_to(*receiver, session, output));
    }

    /// Appends it to what a receiver is sent, if that can be told in its protocol.
    pub(crate) fn write_to(&self, receiver: Receiver, session: &Session, output: &mut Output) {
        match (&self.notice, session.protocol) {
            (Notice::Changed(payload), Protocol::Resp3) => {
                output.push(b">2\r\n$10\r\ninvalidate\r\n");
                output.push(payload);
            }
            (Notice::Changed(payload), Protocol::Resp2)
                if receiver.is_substitute && session.is_subscriber() =>
            {
                output.push(b"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n");
                output.push(payload);
            }
            (Notice::Broken(client), Protocol::Resp3) => {
                output.push(b">2\r\n$21\r\ntracking-redir-broken\r\n:");
                write_unsigned(*client, output.tail());
                output.push(b"\r\n");
            }
            (Notice::Changed(_) | Notice::Broken(_), Protocol::Resp2) => {}
        }
    }
}

/// The same notice to several clients, sorted by their workers.
pub(super) struct Letters<'a> {
    change: Change<'a>,
    /// Most keys have readers of one worker or two.
    workers: SmallVec<[(usize, Vec<Receiver>); 2]>,
}

impl<'a> Letters<'a> {
    pub(super) fn new(change: Change<'a>) -> Letters<'a> {
        Letters { change, workers: SmallVec::new() }
    }

    /// Adds a client that tracks: it is told itself, or another one in its place.
    pub(super) fn address(&mut self, client: &ClientRecord) {
        let Some(substitute) = client.tracking.redirection() else {
            return self.add(client, false);
        };
        if let Some(substitute) = self.change.engine.clients.find(substitute) {
            substitute.is_substitute.store(true, Relaxed);
            return self.add(&substitute, true);
        }
        client.tracking.note_broken();
        let mut letters = Letters::new(self.change);
        letters.add(client, false);
        letters.send(&Notice::Broken(substitute));
    }

    fn add(&mut self, client: &ClientRecord, is_substitute: bool) {
        let receiver = Receiver { place: client.place(), is_substitute };
        match self.workers.iter_mut().find(|(worker, _)| *worker == client.worker) {
            Some((_, receivers)) => receivers.push(receiver),
            None => self.workers.push((client.worker, vec![receiver])),
        }
    }

    /// Puts the notice into the inboxes of the workers.
    pub(super) fn send(self, notice: &Notice) {
        let Change { engine, worker: own, .. } = self.change;
        for (worker, mut receivers) in self.workers {
            receivers.sort_unstable();
            let invalidation = Invalidation { receivers, notice: notice.clone() };
            let post = Post::Invalidation(Arc::new(invalidation));
            engine.pubsub.send(&*engine.host, own, worker, post);
        }
    }
}

/// Names of keys as they are sent.
pub(super) fn encode_keys<'k>(keys: impl ExactSizeIterator<Item = &'k [u8]>) -> Arc<[u8]> {
    let mut bytes = vec![b'*'];
    write_unsigned(keys.len() as u64, &mut bytes);
    bytes.extend_from_slice(b"\r\n");
    for key in keys {
        bytes.push(b'$');
        write_unsigned(key.len() as u64, &mut bytes);
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.into()
}

/// The null that stands for all keys.
pub(super) fn encode_null(protocol: Protocol) -> Arc<[u8]> {
    match protocol {
        Protocol::Resp2 => Arc::from(*b"$-1\r\n"),
        Protocol::Resp3 => Arc::from(*b"_\r\n"),
    }
}

impl ClientRecord {
    /// Who is told in its place: 0 if nobody is, -1 if it does not track.
    pub(crate) fn shown_redirection(&self) -> i64 {
        if !self.tracking.flags().has(TrackingFlags::ON) {
            return -1;
        }
        self.tracking.redirection().map_or(0, |client| i64::try_from(client).unwrap_or(i64::MAX))
    }

    /// The letters that CLIENT LIST has for how it tracks, each with whether it is shown.
    pub(crate) fn tracking_letters(&self) -> [(bool, char); 3] {
        let flags = self.tracking.flags();
        [
            (flags.has(TrackingFlags::ON), 't'),
            (flags.has(TrackingFlags::BROKEN), 'R'),
            (flags.has(TrackingFlags::BROADCASTS), 'B'),
        ]
    }
}
