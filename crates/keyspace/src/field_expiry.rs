//! Removing fields of hashes that have expired.
//!
//! Readers don't see them ([`View::elements_at`]), so their removal is never urgent. Commands that ask for a field by its name remove it
//! when they find it expired, as Redis does; the rest is done by a search ([`ExpiryCycle`](crate::ExpiryCycle)). What was
//! removed is noted, so that replicas and listeners can be told.

use collections::{Hash, ObjectRef};

use crate::entry::Entry;
use crate::hashing::KeyHash;
use crate::view::{ExpiryMode, View};

/// Fields of a hash that were removed because they had expired.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpiredFields {
    /// The logical database.
    pub database: usize,
    /// Where the hash is.
    pub key: Box<[u8]>,
    /// Their names.
    pub names: Vec<Box<[u8]>>,
    /// No field was left, so the key is gone.
    pub emptied: bool,
}

impl View<'_> {
    /// Removes those of the fields of these names that have expired, if there is a hash at the key.
    pub fn expire_fields<'n>(&mut self, key: &[u8], names: impl Iterator<Item = &'n [u8]>) {
        let hash = self.locate(key);
        let Some(entry) = self.live(key) else { return };
        if !entry.fields_expire() || self.round.expiry != ExpiryMode::Remove {
            return;
        }
        let Some(ObjectRef::Hash(fields)) = entry.object() else { return };
        let fields = fields.at(self.round.now_ms);
        let expired: Vec<Box<[u8]>> =
            names.filter(|name| fields.is_expired(name)).map(Box::from).collect();
        if !expired.is_empty() {
            // A name may have been given twice.
            self.remove_fields(hash, entry, |fields| {
                expired.into_iter().filter(|name| fields.remove(name)).collect()
            });
        }
    }

    /// Removes fields of a hash that have expired, at most `limit`; gives how many, and whether there are more.
    pub(crate) fn expire_some_fields(
        &mut self,
        hash: KeyHash,
        entry: Entry,
        limit: usize,
    ) -> (usize, bool) {
        let now_ms = self.round.now_ms;
        let mut removed = 0;
        let mut more = false;
        self.remove_fields(hash, entry, |fields| {
            let next = || fields.remove_expired(now_ms).map(Vec::into_boxed_slice);
            let names: Vec<Box<[u8]>> = std::iter::from_fn(next).take(limit).collect();
            removed = names.len();
            more = fields.to_ref().next_expiry().is_some_and(|expiry| expiry < now_ms);
            names
        });
        (removed, more)
    }

    fn remove_fields(
        &mut self,
        hash: KeyHash,
        entry: Entry,
        remove: impl FnOnce(&mut Hash) -> Vec<Box<[u8]>>,
    ) {
        let key: Box<[u8]> = entry.key().into();
        let names = self.edit_entry(hash, entry, remove).unwrap_or_default();
        if names.is_empty() {
            return;
        }
        let emptied = self.database_mut(hash).find(hash, &key).is_none();
        let database = self.database();
        self.expired_fields.push(ExpiredFields { database, key, names, emptied });
    }
}
