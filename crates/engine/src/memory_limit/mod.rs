//! Making room: eviction when `maxmemory` is reached, and the removal of expired keys nobody asks for.

#[cfg(test)]
mod tests;

use config::memory::EvictionPolicy as Policy;
use keyspace::{Evicted, EvictionPolicy, Expiring, ExpiryMode, ExpiryProgress, Freeing};
use thin_vec::ThinVec;

use crate::blocking::serve_removed;
use crate::events;
use crate::execution::{Parts, record_gathered};
use crate::latency;
use crate::reactions::{Teller, Touched};
use crate::worker::{Gate, Worker};

/// Whether there is room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Room {
    /// There is.
    Enough,
    /// Not yet, but soon: evicting goes on with the next calls, since it has taken as long as a call may be held up, or
    /// another thread is about to free something.
    Coming,
    /// There is none, and nothing can be evicted.
    Lacking,
}

impl Worker<'_> {
    /// Whether this is a replica whose primary evicts for both.
    #[inline]
    pub(crate) fn leaves_eviction(&self) -> bool {
        self.engine.replication.is_replica() && self.config.replication.ignore_max_memory
    }

    /// Notes how much memory others use, if it matters.
    pub(crate) fn look_at_memory(&mut self) {
        if 0 < self.config.memory.limit_bytes {
            // What is kept for slow replicas is not what eviction could free: it would only grow by that.
            let held = self.engine.replication.held_bytes();
            self.memory_elsewhere =
                self.engine.host.used_memory_elsewhere().saturating_sub_unsigned(held);
        }
    }

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
        let limit = limit.min(isize::MAX.cast_unsigned());
        // What others have taken since the round began counts from the next one on, which begins soon.
        let used = self.memory_elsewhere + self.engine.host.used_memory_here();
        if used <= limit.cast_signed() {
            return Room::Enough;
        }
        if self.engine.pause.kind(self.now_ms()).is_some() || self.leaves_eviction() {
            // An eviction is a write, too.
            return Room::Enough;
        }
        let begin = (self.engine.ticks)();
        let room = self.evict(limit);
        self.note_latency(latency::EVICTION_CYCLE, (self.engine.ticks)().wrapping_sub(begin));
        room
    }

    fn evict(&mut self, limit: usize) -> Room {
        // Those of the batch so far come before what goes now.
        record_gathered(self.engine, &mut self.tally);
        let Some(policy) = policy(self.config.memory.policy) else { return Room::Lacking };
        let begin = (self.engine.ticks)();
        let patience = patience_ns(self.config.memory.eviction_tenacity);
        while limit
            < self.engine.host.used_memory().saturating_sub(self.engine.replication.held_bytes())
        {
            match self.evict_one(policy) {
                Freed::Nothing if 0 < self.engine.host.reclaimed().0 => return Room::Coming,
                Freed::Nothing => return Room::Lacking,
                Freed::Later => return Room::Coming,
                Freed::Now => {}
            }
            if patience <= (self.engine.ticks)().wrapping_sub(begin) {
                return Room::Coming;
            }
        }
        Room::Enough
    }

    fn evict_one(&mut self, policy: EvictionPolicy) -> Freed {
        let samples = usize::from(self.config.memory.samples);
        let lazy = self.config.memory.lazy_eviction;
        let freeing = if lazy { Freeing::Elsewhere } else { Freeing::Here };
        let teller = Teller {
            engine: self.engine,
            config: &self.config,
            worker: self.index,
            client: None,
            is_script: false,
        };
        let Gate::Inside(inside) = &mut self.gate else { return Freed::Nothing };
        let mut view = self.engine.keyspace.view(inside, 0, &mut self.round);
        view.roam();
        let Some(evicted) = self.pool.evict(&mut view, policy, samples, freeing) else {
            return Freed::Nothing;
        };
        self.tally.evicted += 1;
        // While the view holds the key's shard.
        let removed = [(evicted.database, &*evicted.key)];
        self.engine.effects.append_removals(lazy, removed.into_iter());
        let awaited = if view.has_waiters() { vec![evicted.clone()] } else { Vec::new() };
        let Evicted { database, key } = evicted;
        let removed = Touched { database, key, event: events::EVICTED };
        teller.tell_removed(&mut view, &removed);
        if !awaited.is_empty() {
            let parts = Parts {
                engine: self.engine,
                config: &self.config,
                now_us: self.now_us,
                tally: &mut self.tally,
                statistics: &self.engine.statistics[self.index],
                worker: self.index,
                delivery: &mut self.delivery,
                served: &mut self.served,
                is_awaited: true,
            };
            let removed = awaited.iter().map(|evicted| (evicted.database, &*evicted.key));
            serve_removed(parts, &mut view, removed);
        }
        if view.garbage.is_empty() {
            return Freed::Now;
        }
        for garbage in view.garbage.drain(..) {
            self.engine.host.reclaim(garbage);
        }
        Freed::Later
    }

    /// Looks for expired keys; called between rounds, `hz` times a second. `budget_ns` is how long it may take at an
    /// `active-expire-effort` of 1.
    pub fn expire_actively(&mut self, budget_ns: u64) {
        if self.round.expiry != ExpiryMode::Remove
            || !self.engine.switches.active_expiry.load(std::sync::atomic::Ordering::Relaxed)
        {
            return;
        }
        let effort = self.config.memory.active_expire_effort.clamp(1, 10) - 1;
        // Redis's documented scale: each step of effort looks at more keys, leaves fewer expired ones behind, and adds 2
        // percent of the time to the 25 that an effort of 1 may take.
        let sample = 20 + 5 * usize::from(effort);
        let acceptable = 10 - usize::from(effort);
        let budget_ns = budget_ns / 25 * (25 + 2 * u64::from(effort));
        // Fields of hashes get half of the time at most, keys what is left.
        let fields_ns = self.search_fields(sample, acceptable, budget_ns / 2);
        let budget_ns = budget_ns - fields_ns.min(budget_ns);
        let begin = (self.engine.ticks)();
        let (mut seen, mut expired) = (0, 0);
        loop {
            let progress = self.expiry_step(Expiring::Keys, sample, acceptable);
            seen += progress.seen;
            expired += progress.expired;
            let spent = (self.engine.ticks)().wrapping_sub(begin);
            let timed_out = budget_ns <= spent;
            let ends = timed_out || progress.wrapped;
            let alive = i64::try_from(progress.seen - progress.expired).unwrap_or(i64::MAX);
            self.engine.vitals.note_lives(progress.database, progress.remaining_ms, alive);
            if ends {
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

    /// Looks for expired fields of hashes; gives how many nanoseconds it took.
    fn search_fields(&mut self, sample: usize, acceptable: usize, budget_ns: u64) -> u64 {
        let begin = (self.engine.ticks)();
        loop {
            let progress = self.expiry_step(Expiring::Fields, sample, acceptable);
            let spent = (self.engine.ticks)().wrapping_sub(begin);
            if progress.wrapped || budget_ns <= spent {
                return spent;
            }
        }
    }

    fn expiry_step(&mut self, what: Expiring, sample: usize, acceptable: usize) -> ExpiryProgress {
        let teller = Teller {
            engine: self.engine,
            config: &self.config,
            worker: self.index,
            client: None,
            is_script: false,
        };
        let Gate::Inside(inside) = &mut self.gate else {
            return ExpiryProgress { wrapped: true, ..ExpiryProgress::default() };
        };
        let mut view = self.engine.keyspace.view(inside, 0, &mut self.round);
        view.roam();
        let cycle = match what {
            Expiring::Keys => &mut self.expiry,
            Expiring::Fields => &mut self.field_expiry,
        };
        let progress = cycle.step(&mut view, sample, acceptable);
        self.tally.expired += view.expired.len() as u64;
        let removed = view.expired.iter().map(|expired| (expired.database, &*expired.key));
        self.engine.effects.append_removals(self.config.memory.lazy_expire, removed);
        let awaited = if view.has_waiters() { view.expired.clone() } else { ThinVec::new() };
        self.tally.note_expired_fields(&view.expired_fields);
        self.engine.effects.append_expired_fields(&view.expired_fields);
        teller.tell_expired(&mut view);
        if !awaited.is_empty() {
            let parts = Parts {
                engine: self.engine,
                config: &self.config,
                now_us: self.now_us,
                tally: &mut self.tally,
                statistics: &self.engine.statistics[self.index],
                worker: self.index,
                delivery: &mut self.delivery,
                served: &mut self.served,
                is_awaited: true,
            };
            let removed = awaited.iter().map(|expired| (expired.database, &*expired.key));
            serve_removed(parts, &mut view, removed);
        }
        for garbage in view.garbage.drain(..) {
            self.engine.host.reclaim(garbage);
        }
        progress
    }
}

/// What evicting a key has freed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Freed {
    /// No key qualifies.
    Nothing,
    /// Its memory.
    Now,
    /// Its memory, once another thread gets to it.
    Later,
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
