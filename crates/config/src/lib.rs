//! shim
#![allow(missing_docs)]
#[derive(Clone, Debug, Default)]
pub struct Config { pub memory: memory::Memory, pub latency: Latency, pub security: Security, pub network: Network, pub limits: Limits, pub process: Process }
#[derive(Clone, Debug, Default)]
pub struct Network { pub accepts_per_round: u16 }
#[derive(Clone, Debug, Default)]
pub struct Limits { pub bulk_bytes: u64, pub query_buffer_bytes: u64 }
#[derive(Clone, Debug, Default)]
pub struct Process { pub hz: u32 }
#[derive(Clone, Debug, Default)]
pub struct Latency { pub tracking: bool }
#[derive(Clone, Debug, Default)]
pub struct Security { pub password: Vec<u8> }
pub mod memory {
#[derive(Clone, Debug, Default)]
pub struct Memory { pub databases: u32, pub limit_bytes: u64, pub policy: EvictionPolicy, pub samples: u8, pub eviction_tenacity: u8, pub lfu_log_factor: u32, pub lfu_decay_time_min: u32, pub active_expire_effort: u8, pub lazy_eviction: bool, pub lazy_expire: bool }
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionPolicy { VolatileLru, VolatileLfu, VolatileRandom, VolatileTtl, AllKeysLru, AllKeysLfu, AllKeysRandom, #[default] NoEviction }
}
