//! A check, in builds with debug assertions, that every command keeps the two promises on which replication, snapshots and WATCH
//! rest: what changed was said, and an error changed nothing.
//!
//! The values of the keys that a call declares are digested before and after it.

use std::hash::{DefaultHasher, Hash, Hasher};

use collections::ObjectRef;
use command::{Command, Group};
use keyspace::{ExpiryMode, ValueRef, View};
use resp::Words;

use crate::call::Call;
use crate::command_table::Callable;

/// The digest before a call.
pub(crate) struct Audit {
    before: u64,
}

impl Audit {
    pub(crate) fn begin(callable: &Callable, words: Words<'_>, keys: &mut View<'_>) -> Audit {
        Audit { before: digest(callable, words, keys) }
    }

    /// Panics if the call broke a promise; `done` if it ended without an error. `database` is the one it began in.
    pub(crate) fn end(self, call: &mut Call<'_>, database: usize, done: bool) {
        if !cfg!(debug_assertions) {
            return;
        }
        call.keys.select(database);
        let changed = digest(call.callable, call.words, &mut call.keys) != self.before;
        let name = call.callable.name();
        // What a script has done before it failed stays.
        let is_script = call.callable.command.group == Group::Scripting;
        assert!(done || !changed || is_script, "{name} failed half way");
        assert!(!changed || 0 < call.effects.changes, "{name} changed a value and did not say so");
    }
}

/// A number that differs, all but surely, when any of the values or their expiry does.
fn digest(callable: &Callable, words: Words<'_>, keys: &mut View<'_>) -> u64 {
    if !cfg!(debug_assertions) {
        return 0;
    }
    // A look must not remove what has expired: that is the call's to find and to tell.
    let expiry = std::mem::replace(&mut keys.round.expiry, ExpiryMode::Hide);
    let mut hasher = DefaultHasher::new();
    let now_ms = keys.elements_at();
    Command::for_each_key(callable.command, callable.layout, words, |key| {
        if !keys.reaches(key) {
            // The call is made for a client that waited, by one who holds the keys that are ready.
            return;
        }
        let entry = keys.peek(key);
        let state = entry.and_then(|entry| {
            let digest = digest_of(entry.value(), now_ms)?;
            Some((entry.key(), digest, entry.expiry()))
        });
        state.hash(&mut hasher);
    });
    keys.round.expiry = expiry;
    hasher.finish()
}

/// The digest of a value at a time; nothing for a hash whose fields have all expired, which may vanish at any time.
fn digest_of(value: ValueRef<'_>, now_ms: i64) -> Option<u64> {
    let digest = |parts: &[&[u8]]| {
        let mut hasher = DefaultHasher::new();
        parts.hash(&mut hasher);
        hasher.finish()
    };
    Some(match value {
        ValueRef::String(string) => digest(&[&string.to_vec()]),
        ValueRef::Object(ObjectRef::Hash(hash)) if hash.at(now_ms).live_len() == 0 => return None,
        ValueRef::Object(object) => {
            let object = object.at(now_ms);
            // Elements come in no certain order.
            let mut sum = 1_u64;
            object.digest(&mut |parts| sum = sum.wrapping_add(digest(parts)));
            sum
        }
    })
}
