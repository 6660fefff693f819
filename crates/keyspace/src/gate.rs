//! Gates: how a thread gets the whole keyspace at rest.
//!
//! Each worker runs its rounds inside a gate of its own, so that entering and leaving write only to a cache line
//! that nobody else writes. Whoever needs everything at rest closes all gates: it announces that, waits until every
//! worker is outside, works, and opens them again. Workers that arrive meanwhile wait at their gate.
//!
//! Invariants:
//! - While a [`Closed`] exists, no [`Inside`] does, and there is only one [`Closed`].
//! - There is at most one [`Inside`] for a gate (entering takes the [`GateKey`], leaving gives it back).
//! - So in a keyspace with one gate, whoever holds an [`Inside`] or a [`Closed`] is alone: shards need no lock.
//!
//! The announcement and a gate's state are two variables written by two threads that each then read the other's: that
//! needs sequential consistency on all four accesses, or both sides could miss each other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

/// Between two looks at the reason to give up closing.
const PATIENCE: Duration = Duration::from_millis(5);

/// All gates of a keyspace.
#[derive(Debug)]
pub struct Gates {
    each: Box<[Gate]>,
    closing: AtomicBool,
    /// Held by the one who closes.
    closer: Mutex<()>,
    /// Guards nothing but the sleep of those who wait for `closing` or a gate's state to change.
    sleep: Mutex<()>,
    changed: Condvar,
    /// How many wait at their gates. Changed with `sleep` locked.
    waiting: AtomicUsize,
}

/// One worker's gate, on a cache line of its own (two, for processors that fetch them in pairs).
#[derive(Debug, Default)]
#[repr(align(128))]
struct Gate {
    inside: AtomicBool,
}

/// The right to enter one gate; not copied, so that a gate has one user.
#[derive(Debug)]
pub struct GateKey {
    gate: usize,
}

/// Proof that its holder is inside a gate.
#[derive(Debug)]
pub struct Inside<'a> {
    gates: &'a Gates,
    gate: usize,
}

impl Inside<'_> {
    /// Leaves, and gives back the key with which to enter again.
    pub fn leave(self) -> GateKey {
        GateKey { gate: self.gate }
    }
}

/// Proof that nobody is inside any gate.
#[derive(Debug)]
pub struct Closed<'a> {
    gates: &'a Gates,
    _closer: MutexGuard<'a, ()>,
}

/// Proof that the keyspace may be used: [`Inside`] or [`Closed`].
pub trait Admission {
    /// The gates that admitted.
    fn gates(&self) -> &Gates;
}

impl Admission for Inside<'_> {
    fn gates(&self) -> &Gates {
        self.gates
    }
}

impl Admission for Closed<'_> {
    fn gates(&self) -> &Gates {
        self.gates
    }
}

impl Gates {
    /// `count` gates and the key to each.
    pub fn new(count: usize) -> (Gates, Vec<GateKey>) {
        let gates = Gates {
            each: (0..count).map(|_| Gate::default()).collect(),
            closing: AtomicBool::new(false),
            closer: Mutex::new(()),
            sleep: Mutex::new(()),
            changed: Condvar::new(),
            waiting: AtomicUsize::new(0),
        };
        (gates, (0..count).map(|gate| GateKey { gate }).collect())
    }

    /// Whether one worker has the keyspace to itself.
    pub fn is_single(&self) -> bool {
        self.each.len() == 1
    }

    /// Whether somebody waits for everyone to be outside.
    #[inline]
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Enters a gate, waiting while gates are closed.
    pub fn enter(&self, key: GateKey) -> Inside<'_> {
        match self.enter_unless(key, || false) {
            Ok(inside) => inside,
            Err(_) => unreachable!("it waits until it can enter"),
        }
    }

    /// Enters a gate, waiting while gates are closed, unless there is a reason to give that up: then the key is given back. The
    /// reason is looked at when gates open and when somebody [rouses](Gates::rouse) those who wait.
    pub fn enter_unless(
        &self,
        key: GateKey,
        gives_up: impl Fn() -> bool,
    ) -> Result<Inside<'_>, GateKey> {
        let gate = &self.each[key.gate];
        let mut has_waited = false;
        loop {
            gate.inside.store(true, Ordering::SeqCst);
            if !self.closing.load(Ordering::SeqCst) {
                if has_waited {
                    self.end_wait();
                }
                return Ok(Inside { gates: self, gate: key.gate });
            }
            self.leave(key.gate);
            let mut sleep = self.sleep.lock();
            if !has_waited {
                has_waited = true;
                self.waiting.fetch_add(1, Ordering::Relaxed);
            }
            while self.closing.load(Ordering::SeqCst) {
                if gives_up() {
                    drop(sleep);
                    self.end_wait();
                    return Err(key);
                }
                self.changed.wait(&mut sleep);
            }
        }
    }

    fn end_wait(&self) {
        let sleep = self.sleep.lock();
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        drop(sleep);
        self.changed.notify_all();
    }

    /// Waits until those are inside who waited at their gates. Whoever closes the gates again and again does this in between: it would be faster
    /// than they are, and they would never come in.
    pub fn give_way(&self) {
        let mut sleep = self.sleep.lock();
        while self.waiting.load(Ordering::Relaxed) != 0 {
            self.changed.wait(&mut sleep);
        }
    }

    /// Has those who wait to enter look whether there is a reason to give up.
    pub fn rouse(&self) {
        self.wake();
    }

    /// Closes all gates, waiting until nobody is inside. The caller must be outside, or it waits for itself.
    pub fn close(&self) -> Closed<'_> {
        match self.close_after(self.closer.lock(), || false) {
            Some(closed) => closed,
            None => unreachable!("it waits until it can close"),
        }
    }

    /// The same, unless there is a reason to give up while another one has the gates closed, or is inside for long.
    pub fn close_unless(&self, gives_up: impl Fn() -> bool) -> Option<Closed<'_>> {
        loop {
            if let Some(closer) = self.closer.try_lock_for(PATIENCE) {
                return self.close_after(closer, gives_up);
            }
            if gives_up() {
                return None;
            }
        }
    }

    fn close_after<'a>(
        &'a self,
        closer: MutexGuard<'a, ()>,
        gives_up: impl Fn() -> bool,
    ) -> Option<Closed<'a>> {
        self.closing.store(true, Ordering::SeqCst);
        // Opens them again if that is given up.
        let all = Closed { gates: self, _closer: closer };
        for gate in &self.each {
            if gate.inside.load(Ordering::SeqCst) {
                let mut sleep = self.sleep.lock();
                while gate.inside.load(Ordering::SeqCst) {
                    let waited = self.changed.wait_for(&mut sleep, PATIENCE);
                    if waited.timed_out() && gives_up() {
                        drop(sleep);
                        return None;
                    }
                }
            }
        }
        Some(all)
    }

    fn leave(&self, gate: usize) {
        self.each[gate].inside.store(false, Ordering::SeqCst);
        if self.closing.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    fn wake(&self) {
        // Taken so that nobody is between its look at the state and its sleep.
        drop(self.sleep.lock());
        self.changed.notify_all();
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.gates.leave(self.gate);
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.gates.closing.store(false, Ordering::SeqCst);
        self.gates.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn whoever_is_inside_sees_that_another_wants_to_close() {
        let (gates, mut keys) = Gates::new(2);
        let inside = gates.enter(keys.remove(0));
        assert!(!gates.is_closing());
        std::thread::scope(|scope| {
            scope.spawn(|| drop(gates.close()));
            while !gates.is_closing() {
                std::thread::yield_now();
            }
            drop(inside);
        });
        assert!(!gates.is_closing());
    }

    /// Somebody who closes the gates again and again lets others in each time.
    #[test]
    fn whoever_gives_way_keeps_nobody_waiting() {
        const ROUNDS: u64 = if cfg!(miri) { 20 } else { 500 };
        let (gates, mut keys) = Gates::new(1);
        let closings = AtomicU64::new(0);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    drop(gates.close());
                    closings.fetch_add(1, Ordering::Relaxed);
                    gates.give_way();
                }
            });
            let mut key = keys.remove(0);
            while closings.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            for _ in 0..ROUNDS {
                // From the first look at a closed gate on; looks are `Fn`, so the number is kept in a cell.
                let begin = std::cell::Cell::new(None);
                let entered = gates.enter_unless(key, || {
                    begin.set(begin.get().or_else(|| Some(closings.load(Ordering::Relaxed))));
                    false
                });
                let Ok(inside) = entered else { panic!("it waits") };
                let end = closings.load(Ordering::Relaxed);
                assert!(begin.get().is_none_or(|begin| end <= begin + 2), "{begin:?} to {end}");
                key = inside.leave();
            }
            done.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn whoever_gives_up_closing_leaves_the_gates_open() {
        let (gates, mut keys) = Gates::new(1);
        let inside = gates.enter(keys.remove(0));
        assert!(gates.close_unless(|| true).is_none());
        assert!(!gates.is_closing());
        let key = inside.leave();
        assert!(gates.close_unless(|| true).is_some());
        drop(gates.enter(key));
    }

    #[test]
    fn closed_gates_exclude_everyone() {
        /// Fewer where an interpreter looks at every access.
        const ROUNDS: u64 = if cfg!(miri) { 20 } else { 2000 };
        let (gates, keys) = Gates::new(3);
        let total = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for mut key in keys {
                let (gates, total) = (&gates, &total);
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        let inside = gates.enter(key);
                        total.fetch_add(1, Ordering::Relaxed);
                        key = inside.leave();
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..ROUNDS / 4 {
                        let closed = gates.close();
                        let before = total.load(Ordering::Relaxed);
                        std::thread::yield_now();
                        assert_eq!(total.load(Ordering::Relaxed), before, "someone was inside");
                        drop(closed);
                    }
                });
            }
        });
        assert_eq!(total.into_inner(), 3 * ROUNDS);
    }
}
