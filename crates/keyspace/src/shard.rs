//! A shard: the part of every database that one lock guards.
//!
//! With several gates a shard is locked by whoever uses it. With one gate, whoever was admitted is alone (see `gate`), so
//! the lock is skipped: that is decided once, when the keyspace is made.
#![expect(unsafe_code, reason = "a lock that can be skipped")]

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};

use parking_lot::RawMutex;
use parking_lot::lock_api::RawMutex as _;

use crate::database::Database;
use crate::waiting::Queues;
use crate::watchers::Watchers;

/// What one lock guards.
#[derive(Default)]
pub(crate) struct Shard {
    /// By number of the logical database; those behind the end were never used.
    databases: Vec<Database>,
    /// Who watches which of its keys.
    pub(crate) watchers: Watchers,
    /// Who waits for which of its keys.
    pub(crate) queues: Queues,
}

impl Shard {
    /// The database, if it was ever used.
    #[inline]
    pub(crate) fn database(&self, number: usize) -> Option<&Database> {
        self.databases.get(number)
    }

    /// How many databases may have been used: those from this number on never were.
    pub(crate) fn databases(&self) -> usize {
        self.databases.len()
    }

    #[inline]
    pub(crate) fn database_mut(&mut self, number: usize) -> &mut Database {
        if self.databases.len() <= number {
            self.databases.resize_with(number + 1, Database::default);
        }
        &mut self.databases[number]
    }

    /// Has the databases of another shard instead, and gives its own.
    pub(crate) fn exchange_databases(&mut self, other: Shard) -> Vec<Database> {
        std::mem::replace(&mut self.databases, other.databases)
    }

    pub(crate) fn swap(&mut self, one: usize, other: usize) {
        self.database_mut(one.max(other));
        self.databases.swap(one, other);
    }
}

/// A shard and its lock, away from the cache lines of the next.
#[repr(align(128))]
pub(crate) struct ShardLock {
    raw: RawMutex,
    /// Never locked: one gate admits one user at a time.
    single: bool,
    shard: UnsafeCell<Shard>,
}

// SAFETY: the shard is reached only through a guard, and there is one guard at a time: either the mutex sees to it, or,
// with a single gate, the caller of `lock`.
unsafe impl Sync for ShardLock {}

/// A locked shard.
pub(crate) struct ShardGuard<'a> {
    lock: &'a ShardLock,
}

impl ShardLock {
    pub(crate) fn new(single: bool) -> ShardLock {
        ShardLock { raw: RawMutex::INIT, single, shard: UnsafeCell::new(Shard::default()) }
    }

    /// Locks the shard.
    ///
    /// # Safety
    ///
    /// The caller was admitted by this keyspace's gates for as long as the guard lives, and holds no other guard of
    /// this shard.
    #[inline]
    pub(crate) unsafe fn lock(&self) -> ShardGuard<'_> {
        if !self.single {
            self.raw.lock();
        }
        ShardGuard { lock: self }
    }
}

impl Drop for ShardGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.lock.single {
            // SAFETY: this guard locked it.
            unsafe { self.lock.raw.unlock() };
        }
    }
}

/// All shards, locked.
pub(crate) struct AllGuard<'a> {
    locks: &'a [ShardLock],
}

impl<'a> AllGuard<'a> {
    /// Locks them, in ascending order.
    ///
    /// # Safety
    ///
    /// As for [`ShardLock::lock`], of each of them.
    pub(crate) unsafe fn lock(locks: &'a [ShardLock]) -> AllGuard<'a> {
        for lock in locks {
            if !lock.single {
                lock.raw.lock();
            }
        }
        AllGuard { locks }
    }

    #[inline]
    #[expect(clippy::needless_pass_by_ref_mut, reason = "there is one borrow of a shard at a time")]
    pub(crate) fn shard(&mut self, index: u32) -> Option<&mut Shard> {
        let lock = self.locks.get(index as usize)?;
        // SAFETY: this guard is the only way to the shard, and is borrowed exclusively.
        Some(unsafe { &mut *lock.shard.get() })
    }

    #[expect(clippy::needless_pass_by_ref_mut, reason = "as for `shard`")]
    pub(crate) fn iter(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.locks.iter().map(|lock| {
            // SAFETY: as for `shard`; each comes once.
            unsafe { &mut *lock.shard.get() }
        })
    }
}

impl Drop for AllGuard<'_> {
    fn drop(&mut self) {
        for lock in self.locks {
            if !lock.single {
                // SAFETY: this guard locked it.
                unsafe { lock.raw.unlock() };
            }
        }
    }
}

impl Deref for ShardGuard<'_> {
    type Target = Shard;

    #[inline]
    fn deref(&self) -> &Shard {
        // SAFETY: the guard is the only way to the shard; see `lock`.
        unsafe { &*self.lock.shard.get() }
    }
}

impl DerefMut for ShardGuard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Shard {
        // SAFETY: as for `deref`, and the guard is borrowed exclusively.
        unsafe { &mut *self.lock.shard.get() }
    }
}
