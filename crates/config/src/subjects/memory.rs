//! How much memory data may take, what makes room, and when expired keys go.

use super::bounds::{NATURAL_32, NATURAL_64, POSITIVE_32, UNSIGNED_64};
use crate::directive::Directive;
use crate::field::{Choice, field};
use crate::number::Unit;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a directive of its own that is yes or no"
)]
pub struct Memory {
    /// The number of databases.
    pub databases: u32,
    /// Bytes that data may take; 0: no limit.
    pub limit_bytes: u64,
    /// Which keys make room.
    pub policy: EvictionPolicy,
    /// How many keys are compared to find one to evict.
    pub samples: u8,
    /// How long eviction may hold a client up, 0 to 100.
    pub eviction_tenacity: u8,
    /// Bytes that clients together may take.
    pub clients_limit: MemoryShare,
    /// How slowly the counter of uses grows.
    pub lfu_log_factor: u32,
    /// Minutes after which the counter of uses loses one; 0: never.
    pub lfu_decay_time_min: u32,
    /// How hard expired keys are looked for, 1 to 10.
    pub active_expire_effort: u8,
    /// Whether tables change their size in the background too.
    pub active_rehashing: bool,
    /// Whether evicted values are freed in the background.
    pub lazy_eviction: bool,
    /// Whether expired values are freed in the background.
    pub lazy_expire: bool,
    /// Whether values that a command replaces are freed in the background.
    pub lazy_server_del: bool,
    /// Whether DEL is UNLINK.
    pub lazy_user_del: bool,
    /// Whether FLUSHALL and the like are ASYNC if they do not say.
    pub lazy_user_flush: bool,
}

/// Which keys make room when `maxmemory` is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// Keys with a time to live, the longest unused first.
    VolatileLru,
    /// Keys with a time to live, the least used first.
    VolatileLfu,
    /// Keys with a time to live, at random.
    VolatileRandom,
    /// Keys with a time to live, the soonest to expire first.
    VolatileTtl,
    /// The longest unused first.
    AllKeysLru,
    /// The least used first.
    AllKeysLfu,
    /// At random.
    AllKeysRandom,
    /// None: commands that need memory fail.
    #[default]
    NoEviction,
}

impl Choice for EvictionPolicy {
    const WORDS: &'static [(&'static str, EvictionPolicy)] = &[
        ("volatile-lru", EvictionPolicy::VolatileLru),
        ("volatile-lfu", EvictionPolicy::VolatileLfu),
        ("volatile-random", EvictionPolicy::VolatileRandom),
        ("volatile-ttl", EvictionPolicy::VolatileTtl),
        ("allkeys-lru", EvictionPolicy::AllKeysLru),
        ("allkeys-lfu", EvictionPolicy::AllKeysLfu),
        ("allkeys-random", EvictionPolicy::AllKeysRandom),
        ("noeviction", EvictionPolicy::NoEviction),
    ];
}

/// An amount of memory, maybe as a share of `maxmemory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryShare {
    /// Bytes; 0: no limit.
    Bytes(u64),
    /// Percent of `maxmemory`, 1 to 100.
    Percent(u8),
}

impl MemoryShare {
    /// The limit in bytes under that `maxmemory`; `None`: there is none.
    pub fn limit_bytes(self, memory_limit_bytes: u64) -> Option<u64> {
        match self {
            MemoryShare::Bytes(bytes) => Some(bytes).filter(|bytes| 0 < *bytes),
            MemoryShare::Percent(percent) => {
                let share =
                    u128::from(memory_limit_bytes).checked_mul(percent.into())?.checked_div(100)?;
                u64::try_from(share).ok().filter(|bytes| 0 < *bytes)
            }
        }
    }
}

impl Default for MemoryShare {
    fn default() -> MemoryShare {
        MemoryShare::Bytes(0)
    }
}

/// Percentages are the negative numbers.
impl From<MemoryShare> for i128 {
    fn from(share: MemoryShare) -> i128 {
        match share {
            MemoryShare::Bytes(bytes) => bytes.into(),
            MemoryShare::Percent(percent) => i128::from(percent).saturating_neg(),
        }
    }
}

impl TryFrom<i128> for MemoryShare {
    type Error = std::num::TryFromIntError;

    fn try_from(number: i128) -> Result<MemoryShare, Self::Error> {
        if number < 0 {
            u8::try_from(number.unsigned_abs()).map(MemoryShare::Percent)
        } else {
            u64::try_from(number).map(MemoryShare::Bytes)
        }
    }
}

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::number("databases", "16", POSITIVE_32, field!(memory.databases))
        .about("How many databases SELECT can choose from."),
    Directive::quantity("maxmemory", "0", Unit::Bytes, UNSIGNED_64, field!(memory.limit_bytes))
        .live()
        .about(
            "How much memory values and clients may take before `maxmemory-policy` applies, such as 100mb. 0: no limit.",
        ),
    Directive::choice::<EvictionPolicy>("maxmemory-policy", "noeviction", field!(memory.policy))
        .live()
        .about(
            "Which keys make room for new data: `volatile-` keys, which have a time to live, or `allkeys-`, by how long ago they were \
             used (`lru`), how often (`lfu`), at `random`, or by how soon they expire (`ttl`). With `noeviction` commands that need memory fail.",
        ),
    Directive::number("maxmemory-samples", "5", 1..=64, field!(memory.samples))
        .live()
        .about("How many keys are compared to find one to evict. More are closer to the true choice and cost more."),
    Directive::number("maxmemory-eviction-tenacity", "10", 0..=100, field!(memory.eviction_tenacity))
        .live()
        .about("How long eviction may hold clients up: 0 is as short as possible, 100 is until the limit holds."),
    Directive::quantity(
        "maxmemory-clients",
        "0",
        Unit::BytesOrPercent,
        NATURAL_64,
        field!(memory.clients_limit),
    )
    .live()
    .about(
        "How much memory clients together may take before the largest are closed: bytes, or a percentage of `maxmemory`. 0: no limit.",
    ),
    Directive::number("lfu-log-factor", "10", NATURAL_32, field!(memory.lfu_log_factor))
        .live()
        .about("How slowly the counter of a key's uses grows: the more, the more uses it can tell apart."),
    Directive::number("lfu-decay-time", "1", NATURAL_32, field!(memory.lfu_decay_time_min))
        .live()
        .about("Minutes without use after which that counter loses one. 0: it never does."),
    Directive::number("active-expire-effort", "1", 1..=10, field!(memory.active_expire_effort))
        .live()
        .about("How hard expired keys that nobody asks for are looked for, 1 to 10. More frees memory sooner and costs more CPU."),
    Directive::switch("activerehashing", "yes", field!(memory.active_rehashing))
        .live()
        .no_effect("a table that grows or shrinks moves on with every command that touches it")
        .about("Whether tables that grow or shrink move on between commands too."),
    Directive::switch("lazyfree-lazy-eviction", "no", field!(memory.lazy_eviction))
        .live()
        .about("Whether evicted values are freed in the background."),
    Directive::switch("lazyfree-lazy-expire", "no", field!(memory.lazy_expire))
        .live()
        .about("Whether expired values are freed in the background."),
    Directive::switch("lazyfree-lazy-server-del", "no", field!(memory.lazy_server_del))
        .live()
        .about("Whether values that a command such as RENAME replaces are freed in the background."),
    Directive::switch("lazyfree-lazy-user-del", "no", field!(memory.lazy_user_del))
        .live()
        .about("Whether DEL frees in the background, as UNLINK does."),
    Directive::switch("lazyfree-lazy-user-flush", "no", field!(memory.lazy_user_flush))
        .live()
        .about("Whether FLUSHALL, FLUSHDB and the like free in the background when they say neither SYNC nor ASYNC."),
];
