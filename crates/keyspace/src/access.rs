//! How recently or how often an entry was used: 24 bits in its header.
//!
//! Under an LRU policy they hold the clock (seconds, wrapping after 194 days) at the last use. Under LFU they hold the
//! minute of the last decay (16 bits, wrapping after 45 days) and a counter (8 bits) that grows logarithmically: the more uses
//! it has counted, the less likely a use is to count. That is what OBJECT FREQ and OBJECT IDLETIME show, so both match
//! what Redis documents for `lfu-log-factor` and `lfu-decay-time`.

use crate::entry::Entry;

/// The LRU clock wraps here.
const CLOCK_LIMIT: u32 = 1 << 24;
/// What a new key counts, so that it isn't evicted before it had a chance.
const LFU_INITIAL: u8 = 5;

/// How uses are noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessPolicy {
    /// By time.
    Lru,
    /// By frequency.
    Lfu {
        /// The higher, the slower the counter grows.
        log_factor: u32,
        /// Minutes without a use that take one off the counter; 0 never does.
        decay_minutes: u32,
    },
}

/// Uses are noted with this: the policy and the time of the round.
#[derive(Clone, Copy, Debug)]
pub struct AccessClock {
    policy: AccessPolicy,
    seconds: u32,
    minutes: u16,
}

impl AccessClock {
    /// `now_ms` is unix time.
    pub fn new(policy: AccessPolicy, now_ms: i64) -> AccessClock {
        let seconds = now_ms.div_euclid(1000);
        let minutes = seconds.div_euclid(60).rem_euclid(1 << 16);
        AccessClock {
            policy,
            seconds: u32::try_from(seconds.rem_euclid(i64::from(CLOCK_LIMIT))).unwrap_or(0),
            minutes: u16::try_from(minutes).unwrap_or(0),
        }
    }

    /// The bits of a new entry.
    pub fn initial(&self) -> u32 {
        match self.policy {
            AccessPolicy::Lru => self.seconds,
            AccessPolicy::Lfu { .. } => self.frequency_bits(LFU_INITIAL),
        }
    }

    /// The bits of an entry that takes the place of one with `access`: the frequency belongs to the key.
    pub(crate) fn replacing(&self, access: u32) -> u32 {
        match self.policy {
            AccessPolicy::Lru => self.seconds,
            AccessPolicy::Lfu { .. } => access,
        }
    }

    /// Notes a use.
    #[inline]
    pub(crate) fn touch(&self, entry: Entry, random: &mut Random) {
        let access = entry.access();
        let touched = match self.policy {
            AccessPolicy::Lru => self.seconds,
            AccessPolicy::Lfu { log_factor, .. } => {
                let counter = self.frequency(access);
                self.frequency_bits(grown(counter, log_factor, random))
            }
        };
        // A line that is only read stays shared between cores.
        if touched != access {
            entry.put_access(touched);
        }
    }

    /// Ms since the last use, to the second, of an entry with these bits under LRU.
    pub fn idle_ms(&self, access: u32) -> u64 {
        let seconds = self.seconds.wrapping_sub(access) % CLOCK_LIMIT;
        u64::from(seconds) * 1000
    }

    /// The counter of an entry with these bits under LFU, decayed until now.
    pub fn frequency(&self, access: u32) -> u8 {
        let [counter, low, high, _] = access.to_le_bytes();
        let elapsed = self.minutes.wrapping_sub(u16::from_le_bytes([low, high]));
        let periods = match self.policy {
            AccessPolicy::Lfu { decay_minutes, .. } => {
                u32::from(elapsed).checked_div(decay_minutes).unwrap_or(0)
            }
            AccessPolicy::Lru => 0,
        };
        counter.saturating_sub(u8::try_from(periods).unwrap_or(u8::MAX))
    }

    /// How much an entry with these bits wants to be evicted: the higher, the more.
    pub(crate) fn evictability(&self, access: u32) -> u64 {
        match self.policy {
            AccessPolicy::Lru => self.idle_ms(access),
            AccessPolicy::Lfu { .. } => u64::from(u8::MAX - self.frequency(access)),
        }
    }

    /// The bits of an entry that was not used for so long, or was used so often; nothing if the policy does not go by that.
    pub fn restored(&self, idle_s: Option<u64>, frequency: Option<u8>) -> Option<u32> {
        match self.policy {
            AccessPolicy::Lru => idle_s.map(|idle_s| {
                let idle = u32::try_from(idle_s.min(u64::from(CLOCK_LIMIT - 1))).unwrap_or(0);
                (self.seconds + CLOCK_LIMIT - idle) % CLOCK_LIMIT
            }),
            AccessPolicy::Lfu { .. } => frequency.map(|counter| self.frequency_bits(counter)),
        }
    }

    /// The bits that RESTORE's IDLETIME and FREQ, and OBJECT's counterparts, stand for.
    pub fn frequency_bits(&self, counter: u8) -> u32 {
        let [low, high] = self.minutes.to_le_bytes();
        u32::from_le_bytes([counter, low, high, 0])
    }
}

fn grown(counter: u8, log_factor: u32, random: &mut Random) -> u8 {
    if counter == u8::MAX {
        return counter;
    }
    let over = u32::from(counter.saturating_sub(LFU_INITIAL));
    let odds = f64::from(over) * f64::from(log_factor) + 1.0;
    if random.fraction() * odds < 1.0 { counter + 1 } else { counter }
}

/// A small, fast source of random numbers (`SplitMix64`): for sampling and counting, not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A source that gives the same numbers for the same seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// 64 random bits.
    #[inline]
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not zero; fair up to 2^-64 times `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        let wide = u128::from(self.number()) * limit as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from 0 to 1, without 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub fn fraction(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LFU: AccessPolicy = AccessPolicy::Lfu { log_factor: 10, decay_minutes: 1 };

    #[test]
    fn the_counter_grows_as_documented() {
        let mut random = Random::new(1);
        let after = |hits: u32, random: &mut Random| {
            (0..hits).fold(LFU_INITIAL, |counter, _| grown(counter, 10, random))
        };
        // The documentation's table for a factor of 10: 10, 18, 142 after 100, 1000, 100,000 uses.
        assert!((8..=13).contains(&after(100, &mut random)));
        assert!((14..=24).contains(&after(1000, &mut random)));
        assert!((120..=165).contains(&after(100_000, &mut random)));
    }

    #[test]
    fn the_counter_decays_by_the_minute() {
        let then = AccessClock::new(LFU, 60_000 * 65_534);
        let bits = then.frequency_bits(10);
        assert_eq!(then.frequency(bits), 10);
        let later = AccessClock::new(LFU, 60_000 * (65_534 + 4));
        assert_eq!(later.frequency(bits), 6, "across the wrap");
    }

    #[test]
    fn idle_time_survives_the_wrap_of_the_clock() {
        let then = AccessClock::new(AccessPolicy::Lru, 1000 * (i64::from(CLOCK_LIMIT) - 1));
        let now = AccessClock::new(AccessPolicy::Lru, 1000 * (i64::from(CLOCK_LIMIT) + 2));
        assert_eq!(now.idle_ms(then.initial()), 3000);
    }
}
