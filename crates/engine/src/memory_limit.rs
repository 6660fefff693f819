//! Making room: eviction when `maxmemory` is reached, and the removal of expired keys nobody asks for.

use config::memory::EvictionPolicy as Policy;
use keyspace::{EvictionPolicy, ExpiryMode};

use crate::effects::Effects;
use crate::latency;
use crate::worker::{Gate, Worker};

/// Whether there is room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Room {
    /// There is.
    Enough,
    /// Not yet, but evicting goes on with the next calls: it has taken as long as a call may be held up.
    Coming,
    /// There is none, and nothing can be evicted.
    Lacking,
}

impl Worker<'_> {
    /// Evicts keys until the memory used is below the limit, or for a quarter of the time between two ticks.
    pub(crate) fn make_room_patiently(&mut self) {
        let budget_ns = 250_000_000 / u64::from(self.config.process.hz.max(1));
        let begin = (self.engine.ticks)();
        while self.make_room() == Room::Coming
            && (self.engine.ticks)().wrapping_sub(begin) < budget_ns
        {}
        self.tally.settle(&self.engine.statistics[self.index], &mut self.round, false);
    }

    /// Evicts keys until the memory used is below the limit, or until it has taken too long.
    pub(crate) fn make_room(&mut self) -> Room {
        let limit = usize::try_from(self.config.memory.limit_bytes).unwrap_or(usize::MAX);
        if self.engine.host.used_memory() <= limit {
            return Room::Enough;
        }
        if self.engine.pause.kind(self.now_ms()).is_some() {
            // An eviction is a write, too.
            return Room::Enough;
        }
        let begin = (self.engine.ticks)();
        let room = self.evict(limit);
        self.note_latency(latency::EVICTION_CYCLE, (self.engine.ticks)().wrapping_sub(begin));
        room
    }

    fn evict(&mut self, limit: usize) -> Room {
        let Some(policy) = policy(self.config.memory.policy) else { return Room::Lacking };
        let begin = (self.engine.ticks)();
        let patience = patience_ns(self.config.memory.eviction_tenacity);
        let Gate::Inside(inside) = &mut self.gate else { return Room::Enough };
        let sizes: Vec<usize> = self
            .engine
            .keyspace
            .sizes(inside)
            .iter()
            .map(
                |size| {
                    if is_volatile(self.config.memory.policy) { size.expiring } else { size.keys }
                },
            )
            .collect();
        while limit < self.engine.host.used_memory() {
            if !self.evict_one(policy, &sizes) {
                return Room::Lacking;
            }
            if patience <= (self.engine.ticks)().wrapping_sub(begin) {
                return Room::Coming;
            }
        }
        Room::Enough
    }

    fn evict_one(&mut self, policy: EvictionPolicy, sizes: &[usize]) -> bool {
        /// The pool holds keys that may be gone; an empty one is filled anew.
        const TRIES: usize = 32;
        let samples = usize::from(self.config.memory.samples);
        let recording = self.engine.effects.is_listening();
        let removal: &[u8] = if self.config.memory.lazy_eviction { b"UNLINK" } else { b"DEL" };
        let Gate::Inside(inside) = &mut self.gate else { return false };
        for _ in 0..TRIES {
            let mut view = self.engine.keyspace.view(inside, 0, &mut self.round);
            view.roam();
            let Some(candidate) = self.pool.choose(&mut view, policy, samples, sizes) else {
                return false;
            };
            view.select(candidate.database);
            if view.remove(&candidate.key) {
                self.tally.evicted += 1;
                if recording {
                    let mut effects = Effects::default();
                    effects.replicate_as(candidate.database, &[removal, &candidate.key]);
                    self.engine.effects.append(&mut effects);
                }
                for garbage in view.garbage.drain(..) {
                    self.engine.host.reclaim(garbage);
                }
                return true;
            }
        }
        false
    }

    /// Looks for expired keys for at most `budget_ns`; called between rounds, `hz` times a second.
    pub fn expire_actively(&mut self, budget_ns: u64) {
        if self.round.expiry != ExpiryMode::Remove
            || !self.engine.switches.active_expiry.load(std::sync::atomic::Ordering::Relaxed)
        {
            return;
        }
        let effort = usize::from(self.config.memory.active_expire_effort.max(1)) - 1;
        // Redis's documented scale: each step of effort looks at more keys and leaves fewer expired ones behind.
        let sample = 20 + 5 * effort;
        let acceptable = 10 - effort.min(9);
        let begin = (self.engine.ticks)();
        let (mut seen, mut expired) = (0, 0);
        loop {
            let progress = self.expiry_step(sample, acceptable);
            seen += progress.seen;
            expired += progress.expired;
            let spent = (self.engine.ticks)().wrapping_sub(begin);
            let timed_out = budget_ns <= spent;
            if timed_out || progress.wrapped {
                self.engine.statistics[self.index].update(|numbers| {
                    numbers.expire_cycle_us += spent / 1000;
                    numbers.expired_time_cap_reached += u64::from(timed_out);
                });
                self.engine.vitals.note_search(seen, expired);
                self.note_latency(latency::EXPIRE_CYCLE, spent);
                break;
            }
        }
        self.tally.settle(&self.engine.statistics[self.index], &mut self.round, false);
    }

    fn expiry_step(&mut self, sample: usize, acceptable: usize) -> keyspace::ExpiryProgress {
        let recording = self.engine.effects.is_listening();
        let removal: &[u8] = if self.config.memory.lazy_expire { b"UNLINK" } else { b"DEL" };
        let Gate::Inside(inside) = &mut self.gate else {
            return keyspace::ExpiryProgress::default();
        };
        let mut view = self.engine.keyspace.view(inside, 0, &mut self.round);
        view.roam();
        let progress = self.expiry.step(&mut view, sample, acceptable);
        self.tally.expired += view.expired.len() as u64;
        if recording {
            for expired in view.expired.drain(..) {
                let mut effects = Effects::default();
                effects.replicate_as(expired.database, &[removal, &expired.key]);
                self.engine.effects.append(&mut effects);
            }
        }
        for garbage in view.garbage.drain(..) {
            self.engine.host.reclaim(garbage);
        }
        progress
    }
}

fn policy(policy: Policy) -> Option<EvictionPolicy> {
    Some(match policy {
        Policy::NoEviction => return None,
        Policy::AllKeysLru | Policy::AllKeysLfu => EvictionPolicy::ByUse { volatile: false },
        Policy::VolatileLru | Policy::VolatileLfu => EvictionPolicy::ByUse { volatile: true },
        Policy::AllKeysRandom => EvictionPolicy::Random { volatile: false },
        Policy::VolatileRandom => EvictionPolicy::Random { volatile: true },
        Policy::VolatileTtl => EvictionPolicy::ByExpiry,
    })
}

fn is_volatile(policy: Policy) -> bool {
    match policy {
        Policy::VolatileLru
        | Policy::VolatileLfu
        | Policy::VolatileRandom
        | Policy::VolatileTtl => true,
        Policy::NoEviction | Policy::AllKeysLru | Policy::AllKeysLfu | Policy::AllKeysRandom => {
            false
        }
    }
}

/// How long a call may be held up by eviction: half a millisecond at the default tenacity of 10, growing by 15 % a step up to
/// two minutes, without end at 100.
fn patience_ns(tenacity: u8) -> u64 {
    match tenacity {
        0..=10 => 50_000 * u64::from(tenacity),
        11..=99 => {
            let steps = i32::from(tenacity) - 10;
            let nanoseconds = 500_000.0 * 1.15_f64.powi(steps);
            // At most about 1.3e11.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive and far below the limit"
            )]
            let nanoseconds = nanoseconds as u64;
            nanoseconds
        }
        _ => u64::MAX,
    }
}
