//! The fields of a hash that is not small: a table by name, and where fields expire, an index by time.
//!
//! The index holds the time and the hash of the name instead of a pointer: 16 bytes, and nothing to keep in step when a field moves.
//! Fields that share both have one place in it.
//!
//! Invariant: `(time, hash)` is in the index if, and only if, a field whose name has this hash expires at this time.

use std::collections::BTreeSet;

use super::field::Field;
use crate::HashTable;
use crate::hash_table::{Entry, Rehash};
use crate::hashing::hash;
use crate::journal::Journal;
use crate::pieces::Piece;

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct Table {
    fields: HashTable<Field>,
    /// Only while there are fields that expire.
    #[expect(clippy::box_collection, reason = "most tables have none, and a pointer is smaller")]
    expiring: Option<Box<BTreeSet<(i64, u64)>>>,
    /// While it is written in pieces.
    journal: Option<Box<Journal<Field>>>,
}

/// How the table learns the hash of a field that it holds.
struct ByName;

impl Rehash<Field> for ByName {
    #[inline]
    fn hash(&self, field: &Field) -> u64 {
        hash(field.name())
    }

    #[inline]
    fn address(&self, field: &Field) -> *const u8 {
        field.address()
    }
}

impl Table {
    /// A table with room for this many fields.
    pub(super) fn with_capacity(fields: usize) -> Table {
        Table { fields: HashTable::with_capacity(fields), expiring: None, journal: None }
    }

    pub(super) fn fields(&self) -> &HashTable<Field> {
        &self.fields
    }

    #[inline]
    pub(super) fn find(&self, name: &[u8]) -> Option<&Field> {
        self.fields.find(hash(name), |field| field.name() == name)
    }

    /// Sets a field's value; one that is there expires then if it did, or does no longer if `keep` does not say so. Says
    /// whether it is new.
    pub(super) fn set(&mut self, name: &[u8], value: &[u8], keep: bool) -> bool {
        let hash = hash(name);
        match self.fields.entry(hash, |field| field.name() == name) {
            Entry::Vacant(place) => {
                if let Some(journal) = &mut self.journal {
                    journal.touches(hash, name);
                }
                place.insert(Field::new(name, value, None), &ByName);
                true
            }
            Entry::Occupied(mut place) => {
                let field = place.element_mut();
                keep_changed(&mut self.journal, hash, field);
                let expiry = field.expiry().filter(|_| !keep);
                field.set_value(value);
                if let Some(expiry) = expiry {
                    field.set_expiry(None);
                    self.forget(expiry, hash);
                }
                false
            }
        }
    }

    /// Adds a field that is not there.
    pub(super) fn add(&mut self, name: &[u8], value: &[u8], expiry: Option<i64>) {
        let hash = hash(name);
        if let Some(journal) = &mut self.journal {
            journal.touches(hash, name);
        }
        self.fields.insert_unique(hash, Field::new(name, value, expiry), &ByName);
        if let Some(expiry) = expiry {
            self.note(expiry, hash);
        }
    }

    /// Says when a field expires; says whether it is there.
    pub(super) fn set_expiry(&mut self, name: &[u8], expiry: Option<i64>) -> bool {
        let hash = hash(name);
        let Some(field) = self.fields.find_mut(hash, |field| field.name() == name) else {
            return false;
        };
        let before = field.expiry();
        keep_changed(&mut self.journal, hash, field);
        field.set_expiry(expiry);
        if before != expiry {
            if let Some(before) = before {
                self.forget(before, hash);
            }
            if let Some(expiry) = expiry {
                self.note(expiry, hash);
            }
        }
        true
    }

    /// Removes a field; says whether it was there.
    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let hash = hash(name);
        let removed = self.fields.remove(hash, |field| field.name() == name);
        if let Some(removed) = &removed {
            keep_changed(&mut self.journal, hash, removed);
        }
        if let Some(expiry) = removed.as_ref().and_then(Field::expiry) {
            self.forget(expiry, hash);
        }
        removed.is_some()
    }

    /// Removes the field that expires first, if it does so before `now_ms`.
    pub(super) fn remove_expired(&mut self, now_ms: i64) -> Option<Field> {
        let &(expiry, hash) = self.expiring.as_ref()?.first()?;
        if now_ms <= expiry {
            return None;
        }
        let removed = self.fields.remove(hash, |field| is_for(field, expiry, hash));
        if let Some(removed) = &removed {
            keep_changed(&mut self.journal, hash, removed);
        }
        self.forget(expiry, hash);
        removed
    }

    /// See [`Object::begin_pieces`](crate::Object::begin_pieces).
    pub(super) fn begin_pieces(&mut self) -> (usize, Option<i64>) {
        self.journal = Some(Box::new(Journal::new()));
        (self.fields.len(), self.next_expiry())
    }

    pub(super) fn is_in_pieces(&self) -> bool {
        self.journal.is_some()
    }

    /// See [`Object::next_piece`](crate::Object::next_piece).
    pub(super) fn next_piece(
        &mut self,
        budget: usize,
        visit: &mut dyn FnMut(&Piece<'_>) -> usize,
    ) -> bool {
        let Some(journal) = &mut self.journal else { return false };
        let place = |field: &Field| hash(field.name());
        let visit = |field: &Field| {
            visit(&Piece::Field {
                name: field.name(),
                value: field.value(),
                expiry: field.expiry(),
            })
        };
        let (address, name) = (Field::address, Field::name);
        let done = journal.advance(&self.fields, budget, address, place, name, visit);
        if done {
            self.journal = None;
        }
        !done
    }

    /// See [`Object::kept_bytes`](crate::Object::kept_bytes).
    pub(super) fn kept_bytes(&self) -> usize {
        self.journal.as_ref().map_or(0, |journal| journal.bytes())
    }

    pub(super) fn abandon_pieces(&mut self) {
        self.journal = None;
    }

    /// When the first field expires.
    pub(super) fn next_expiry(&self) -> Option<i64> {
        self.expiring.as_ref()?.first().map(|&(expiry, _)| expiry)
    }

    /// How many fields have expired before `now_ms`.
    pub(super) fn expired(&self, now_ms: i64) -> usize {
        let Some(expiring) = &self.expiring else { return 0 };
        expiring
            .range(..(now_ms, 0))
            .map(|&(expiry, hash)| {
                let mut fields = 0_usize;
                // All are looked at, and none is the one looked for.
                self.fields.find(hash, |field| {
                    fields = fields.saturating_add(usize::from(is_for(field, expiry, hash)));
                    false
                });
                fields
            })
            .sum()
    }

    /// Bytes of the tables, without those of the fields. `size` gives what the allocator takes for a request.
    pub(super) fn memory_bytes(&self, size: &dyn Fn(usize) -> usize) -> usize {
        /// What a B-tree of the standard library takes for an element of 16 bytes when its nodes are two thirds full.
        const INDEX_BYTES: usize = 26;
        let expiring = self.expiring.as_ref().map_or(0, |expiring| expiring.len());
        let index = if expiring == 0 { 0 } else { size(size_of::<BTreeSet<(i64, u64)>>()) };
        self.fields
            .memory_bytes()
            .saturating_add(index)
            .saturating_add(expiring.saturating_mul(INDEX_BYTES))
    }

    fn note(&mut self, expiry: i64, hash: u64) {
        self.expiring.get_or_insert_default().insert((expiry, hash));
    }

    /// Takes a time out of the index, if no field is left that it is for.
    fn forget(&mut self, expiry: i64, hash: u64) {
        let Some(expiring) = &mut self.expiring else { return };
        // Two names with one hash are next to impossible, but if it happened a field would never expire.
        if self.fields.find(hash, |field| is_for(field, expiry, hash)).is_some() {
            return;
        }
        expiring.remove(&(expiry, hash));
        if expiring.is_empty() {
            self.expiring = None;
        }
    }
}

/// Keeps a field that is about to change or was taken out, if it was not written yet.
#[inline]
fn keep_changed(journal: &mut Option<Box<Journal<Field>>>, hash: u64, field: &Field) {
    if let Some(journal) = journal
        && journal.touches(hash, field.name())
    {
        journal.keep(field.clone(), field.allocation());
    }
}

/// Whether a place in the index is for this field. (A lookup compares parts of hashes only.)
fn is_for(field: &Field, expiry: i64, name_hash: u64) -> bool {
    field.expiry() == Some(expiry) && hash(field.name()) == name_hash
}

impl Clone for Table {
    fn clone(&self) -> Table {
        let mut fields = HashTable::with_capacity(self.fields.len());
        for field in &self.fields {
            fields.insert_unique(hash(field.name()), field.clone(), &ByName);
        }
        Table { fields, expiring: self.expiring.clone(), journal: None }
    }
}
