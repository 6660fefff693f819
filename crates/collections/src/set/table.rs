//! The members of a set that is not small: a hash table of them, each one allocation of exactly its bytes.
//!
//! A lookup in a big table waits for memory twice, for a bucket and for the member that it points to. Whoever looks many
//! members up has these waits overlap ([`Table::retain_contained`], [`Table::insert_all`], and [`Members`](super::Members) when
//! walking): a few at a time, first all buckets are asked for, then the members that they point to, and then they are compared.

use crate::hash_table::{self, Entry, Rehash};
use crate::hashing::hash;
use crate::journal::Journal;
use crate::pieces::Piece;
use crate::{HashTable, PackedBytes};

/// See the module's page.
#[derive(Debug, Default)]
pub struct Table {
    members: HashTable<PackedBytes>,
    /// While it is written in pieces.
    journal: Option<Box<Journal<PackedBytes>>>,
}

/// How the table learns the hash of a member that it holds.
struct ByBytes;

impl Rehash<PackedBytes> for ByBytes {
    #[inline]
    fn hash(&self, member: &PackedBytes) -> u64 {
        hash(member.bytes())
    }

    #[inline]
    fn address(&self, member: &PackedBytes) -> *const u8 {
        member.address()
    }
}

/// How many lookups overlap: enough to hide the latency of memory, few enough for what they load to stay in the first cache.
pub(super) const AHEAD: usize = 16;

/// A member that is to be looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sought<'a> {
    pub(super) bytes: &'a [u8],
    hash: u64,
}

impl<'a> Sought<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Sought<'a> {
        Sought { bytes, hash: hash(bytes) }
    }
}

impl Table {
    /// Without members, with room for this many.
    pub fn with_capacity(members: usize) -> Table {
        Table { members: HashTable::with_capacity(members), journal: None }
    }

    /// The members, for a scan.
    #[inline]
    pub fn members(&self) -> &HashTable<PackedBytes> {
        &self.members
    }

    /// How many members there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether this is a member.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        self.has(Sought::new(member))
    }

    #[inline]
    pub(super) fn has(&self, sought: Sought<'_>) -> bool {
        self.members.find(sought.hash, |member| member.bytes() == sought.bytes).is_some()
    }

    /// Starts to load what lookups of members with these hashes will read.
    pub(crate) fn look_ahead(&self, hashes: impl Iterator<Item = u64> + Clone) {
        self.members.prefetch_all(hashes, PackedBytes::address);
    }

    /// Keeps those that are members, or those that are not.
    pub(super) fn retain_contained(&self, sought: &mut Batch<'_>, wanted: bool) {
        self.prefetch(sought.iter());
        sought.retain(|sought| self.has(*sought) == wanted);
    }

    fn prefetch<'a>(&self, sought: impl Iterator<Item = &'a Sought<'a>> + Clone) {
        self.look_ahead(sought.map(|sought| sought.hash));
    }

    /// Adds a member; says whether it is new.
    #[inline]
    pub(super) fn insert(&mut self, member: &[u8]) -> bool {
        self.insert_sought(Sought::new(member))
    }

    #[inline]
    fn insert_sought(&mut self, sought: Sought<'_>) -> bool {
        match self.members.entry(sought.hash, |member| member.bytes() == sought.bytes) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                if let Some(journal) = &mut self.journal {
                    journal.touches(sought.hash, sought.bytes);
                }
                place.insert(PackedBytes::new((), sought.bytes), &ByBytes);
                true
            }
        }
    }

    /// Adds several members; gives how many are new.
    pub(super) fn insert_all<'m>(&mut self, mut members: impl Iterator<Item = &'m [u8]>) -> usize {
        let before = self.len();
        let mut batch = Batch::new();
        while batch.fill(&mut members) {
            self.prefetch(batch.iter());
            for sought in batch.iter() {
                self.insert_sought(*sought);
            }
        }
        self.len().saturating_sub(before)
    }

    /// Adds what is no member, which is not checked.
    pub(super) fn insert_unique(&mut self, member: PackedBytes) {
        let hash = hash(member.bytes());
        if let Some(journal) = &mut self.journal {
            journal.touches(hash, member.bytes());
        }
        self.members.insert_unique(hash, member, &ByBytes);
    }

    /// Takes a member out.
    #[inline]
    pub(super) fn remove(&mut self, member: &[u8]) -> Option<PackedBytes> {
        let hash = hash(member);
        let removed = self.members.remove(hash, |present| present.bytes() == member)?;
        self.keep_removed(hash, &removed);
        Some(removed)
    }

    /// Takes a random member out.
    pub(super) fn remove_random(&mut self, random: impl FnMut() -> u64) -> Option<PackedBytes> {
        let chosen = self.members.sample(random)?;
        let (hash, address) = (hash(chosen.bytes()), chosen.address());
        // Only the empty one has none.
        let removed = self.members.remove(hash, |member| member.address() == address)?;
        self.keep_removed(hash, &removed);
        Some(removed)
    }

    fn keep_removed(&mut self, hash: u64, removed: &PackedBytes) {
        if let Some(journal) = &mut self.journal
            && journal.touches(hash, removed.bytes())
        {
            journal.keep(removed.clone(), removed.allocation_bytes());
        }
    }

    /// See [`Object::begin_pieces`](crate::Object::begin_pieces).
    pub(super) fn begin_pieces(&mut self) -> usize {
        self.journal = Some(Box::new(Journal::new()));
        self.len()
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
        let place = |member: &PackedBytes| hash(member.bytes());
        let visit = |member: &PackedBytes| visit(&Piece::Member(member.bytes()));
        let (address, name) = (PackedBytes::address, PackedBytes::bytes);
        let done = journal.advance(&self.members, budget, address, place, name, visit);
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

    /// The members, taken out.
    pub(super) fn into_members(self) -> hash_table::IntoIter<PackedBytes> {
        let mut members = self.members;
        members.drain()
    }

    /// All members, in no certain order.
    #[inline]
    pub(super) fn walk(&self) -> hash_table::Iter<'_, PackedBytes> {
        self.members.iter()
    }

    /// What is allocated: the table, and the members as at most `samples` of them suggest.
    pub(super) fn memory_bytes(&self, samples: usize, size: &dyn Fn(usize) -> usize) -> usize {
        let looked_at = samples.clamp(1, self.len().max(1));
        let bytes: usize =
            self.walk().take(looked_at).map(|member| block(member.allocation_bytes(), size)).sum();
        let scaled = (bytes as u128).saturating_mul(self.len() as u128);
        let members = scaled.checked_div(looked_at as u128).unwrap_or(0);
        self.members.memory_bytes().saturating_add(usize::try_from(members).unwrap_or(usize::MAX))
    }
}

/// What an allocation of this many bytes takes, or none.
fn block(bytes: usize, size: &dyn Fn(usize) -> usize) -> usize {
    if bytes == 0 { 0 } else { size(bytes) }
}

impl Clone for Table {
    fn clone(&self) -> Table {
        let mut copy = Table::with_capacity(self.len());
        for member in self.walk() {
            copy.insert_unique(member.clone());
        }
        copy
    }
}

/// A few members that are looked up together, in their order.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    sought: [Option<Sought<'a>>; AHEAD],
}

impl<'a> Batch<'a> {
    pub(super) fn new() -> Batch<'a> {
        Batch { sought: [None; AHEAD] }
    }

    /// Takes the next few; says whether there were any.
    #[inline]
    pub(super) fn fill(&mut self, members: &mut impl Iterator<Item = &'a [u8]>) -> bool {
        self.sought = [None; AHEAD];
        for (place, member) in self.sought.iter_mut().zip(members) {
            *place = Some(Sought::new(member));
        }
        self.sought.first().is_some_and(Option::is_some)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Sought<'a>> + Clone {
        self.sought.iter().flatten()
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Sought<'a>) -> bool) {
        for place in &mut self.sought {
            if place.as_ref().is_some_and(|sought| !keep(sought)) {
                *place = None;
            }
        }
    }
}
