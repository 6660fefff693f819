//! Whose history the data of a server is.
//!
//! Two servers have the same data at the same offset of the same history, and a history has an id of 40 hexadecimal digits. A
//! server that becomes a primary begins a history of its own, which has all of the one before up to that moment: that one is kept
//! as the *second* id with the offset up to which it holds, so that other replicas of the old primary can go on with the new
//! one.

use std::fmt;

/// The id of a history: 40 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplicationId([u8; ReplicationId::LENGTH]);

impl ReplicationId {
    /// How many digits there are.
    pub const LENGTH: usize = 40;

    /// The id that stands for none.
    pub const NONE: ReplicationId = ReplicationId([b'0'; ReplicationId::LENGTH]);

    /// The id that these characters are. Any are taken, so long as they have no spaces and no controls: others draw them as they
    /// like.
    pub fn parse(text: &[u8]) -> Option<ReplicationId> {
        let id: [u8; ReplicationId::LENGTH] = text.try_into().ok()?;
        id.iter().all(u8::is_ascii_graphic).then_some(ReplicationId(id))
    }

    /// Its digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it stands for none.
    pub fn is_none(&self) -> bool {
        *self == ReplicationId::NONE
    }
}

impl fmt::Display for ReplicationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is ASCII throughout.
        formatter.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}

impl fmt::Debug for ReplicationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// The history of a server's data, and the one that it goes on from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    id: ReplicationId,
    /// The history before, and the offset up to which it is the same.
    second: Option<(ReplicationId, u64)>,
}

impl Identity {
    /// A history that has nothing to do with any other.
    pub fn new(id: ReplicationId) -> Identity {
        Identity { id, second: None }
    }

    /// Its id.
    pub fn id(&self) -> ReplicationId {
        self.id
    }

    /// The history before, and the offset up to which it is the same.
    pub fn second(&self) -> Option<(ReplicationId, u64)> {
        self.second
    }

    /// Goes on as a history of its own from this offset: a replica that becomes a primary.
    #[must_use]
    pub fn forked(self, id: ReplicationId, at: u64) -> Identity {
        Identity { id, second: Some((self.id, at)) }
    }

    /// Goes on under the id that the primary says now, from this offset: it was promoted itself.
    #[must_use]
    pub fn renamed(self, id: ReplicationId, at: u64) -> Identity {
        if id == self.id { self } else { self.forked(id, at) }
    }

    /// Begins anew, with what it knows from a file: data of this history, up to this offset.
    #[must_use]
    pub fn after_restart(self, saved: ReplicationId, at: u64) -> Identity {
        Identity { id: self.id, second: Some((saved, at)) }
    }

    /// Whether whoever has the history `id` up to `offset` can go on with what follows here.
    pub fn admits(&self, id: ReplicationId, offset: u64) -> bool {
        id == self.id || self.second.is_some_and(|(second, until)| id == second && offset <= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(letter: u8) -> ReplicationId {
        ReplicationId::parse(&[letter; ReplicationId::LENGTH]).expect("it is an id")
    }

    #[test]
    fn an_id_has_forty_visible_characters() {
        assert!(ReplicationId::parse(&[b'a'; 39]).is_none());
        assert!(ReplicationId::parse(&[b'a'; 41]).is_none());
        assert!(ReplicationId::parse(&[b' '; 40]).is_none());
        assert!(ReplicationId::parse(&[0xff; 40]).is_none());
        assert_eq!(id(b'a').to_string(), "a".repeat(40));
        assert!(ReplicationId::parse("0".repeat(40).as_bytes()).expect("an id").is_none());
    }

    #[test]
    fn a_promoted_replica_admits_those_who_had_no_more_of_the_old_history() {
        let identity = Identity::new(id(b'a')).forked(id(b'b'), 100);
        assert!(identity.admits(id(b'b'), 5000), "its own, whatever the offset");
        assert!(identity.admits(id(b'a'), 100));
        assert!(!identity.admits(id(b'a'), 101), "that has gone another way");
        assert!(!identity.admits(id(b'c'), 0));
        // Only one history before is known.
        assert!(!identity.forked(id(b'c'), 200).admits(id(b'a'), 100));
    }

    #[test]
    fn a_replica_follows_its_primary_to_a_new_id() {
        let before = Identity::new(id(b'a'));
        assert_eq!(before.renamed(id(b'a'), 7), before, "the same one");
        let after = before.renamed(id(b'b'), 7);
        assert_eq!((after.id(), after.second()), (id(b'b'), Some((id(b'a'), 7))));
    }

    #[test]
    fn after_a_restart_the_saved_history_is_the_second() {
        let identity = Identity::new(id(b'n')).after_restart(id(b'o'), 42);
        assert!(identity.admits(id(b'o'), 42));
        assert!(!identity.admits(id(b'o'), 43), "what came after the file was saved is lost");
    }
}
