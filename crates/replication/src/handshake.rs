//! What primary and replica say to each other before the stream begins.
//!
//! ```text
//!  replica                                   primary
//!  PSYNC ? -1                                +FULLRESYNC id offset    then a snapshot, then the stream
//!  PSYNC id next                             +CONTINUE id             then the stream from there
//!  SYNC                                      a snapshot, then the stream: of old, and for tools
//! ```
//!
//! `next` counts bytes from 1: it is the number of the first byte that the replica has not got, one more than its offset.

use crate::identity::ReplicationId;

/// What a replica says of itself with REPLCONF CAPA.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// It takes a snapshot whose length is not known when it begins, but whose end is marked.
    pub eof: bool,
    /// It understands that a history goes on under another id.
    pub psync2: bool,
}

impl Capabilities {
    /// Whether whatever asks for these can be given to one that has `self`.
    pub fn cover(self, others: Capabilities) -> bool {
        (self.eof || !others.eof) && (self.psync2 || !others.psync2)
    }

    /// Notes a capability by its name; one that is not known says nothing here.
    pub fn note(&mut self, name: &[u8]) {
        self.eof |= name.eq_ignore_ascii_case(b"eof");
        self.psync2 |= name.eq_ignore_ascii_case(b"psync2");
    }
}

/// What a replica asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SyncRequest {
    /// A snapshot, with no answer before it: SYNC.
    Old,
    /// What follows if that can be; else a snapshot: PSYNC.
    Resume {
        /// The history, as it was named; `?` for none.
        id: Box<[u8]>,
        /// The number of the first byte that is wanted; less than 1 for none.
        next: i64,
    },
}

impl SyncRequest {
    /// The history and the offset that the replica has, if it names any.
    pub fn position(&self) -> Option<(ReplicationId, u64)> {
        let SyncRequest::Resume { id, next } = self else { return None };
        let offset = u64::try_from(next.checked_sub(1)?).ok()?;
        Some((ReplicationId::parse(id)?, offset))
    }

    /// Whether it asks for a snapshot and nothing else.
    pub fn is_for_all(&self) -> bool {
        match self {
            SyncRequest::Old => true,
            SyncRequest::Resume { id, .. } => id.first() == Some(&b'?'),
        }
    }
}

/// The answer that a snapshot of this offset follows.
pub fn full_resync(id: ReplicationId, offset: u64) -> Vec<u8> {
    format!("+FULLRESYNC {id} {offset}\r\n").into_bytes()
}

/// The answer that the rest of the stream follows. Who doesn't know that ids change is not told one.
pub fn continuation(id: ReplicationId, capabilities: Capabilities) -> Vec<u8> {
    if capabilities.psync2 {
        format!("+CONTINUE {id}\r\n").into_bytes()
    } else {
        b"+CONTINUE\r\n".to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resume(id: &str, next: i64) -> SyncRequest {
        SyncRequest::Resume { id: id.as_bytes().into(), next }
    }

    #[test]
    fn a_replica_asks_for_the_byte_after_those_that_it_has() {
        let id = "a".repeat(40);
        let parsed = ReplicationId::parse(id.as_bytes()).expect("an id");
        assert_eq!(resume(&id, 11).position(), Some((parsed, 10)));
        assert_eq!(resume(&id, 1).position(), Some((parsed, 0)));
        for (id, next) in [("?", -1), (id.as_str(), 0), (&id, -1), (&id, i64::MIN), ("short", 5)] {
            assert_eq!(resume(id, next).position(), None, "{id} {next}");
        }
        assert_eq!(SyncRequest::Old.position(), None);
        assert!(resume("?", -1).is_for_all() && !resume(&id, 11).is_for_all());
    }

    #[test]
    fn capabilities_are_known_by_name() {
        let mut some = Capabilities::default();
        some.note(b"EOF");
        some.note(b"teleport");
        assert_eq!(some, Capabilities { eof: true, psync2: false });
        let all = Capabilities { eof: true, psync2: true };
        assert!(all.cover(some) && !some.cover(all) && all.cover(Capabilities::default()));
    }

    #[test]
    fn answers_are_lines() {
        let id = ReplicationId::NONE;
        assert_eq!(full_resync(id, 7), format!("+FULLRESYNC {id} 7\r\n").into_bytes());
        assert_eq!(continuation(id, Capabilities::default()), b"+CONTINUE\r\n");
        let psync2 = Capabilities { eof: false, psync2: true };
        assert_eq!(continuation(id, psync2), format!("+CONTINUE {id}\r\n").into_bytes());
    }
}
