//! What jemalloc says about itself, for INFO memory and the MEMORY command.

use crate::control;
use crate::control::ControlError;

/// jemalloc's totals, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// In allocations, and in the threads' caches of freed ones.
    pub allocated: usize,
    /// In pages that hold allocations.
    pub active: usize,
    /// In pages that are physically there: active ones, metadata, and freed ones not yet given back.
    pub resident: usize,
    /// In mappings that are in use.
    pub mapped: usize,
    /// In mappings kept for later, without memory behind them.
    pub retained: usize,
    /// In jemalloc's own structures.
    pub metadata: usize,
    /// In freed pages that the kernel may take but did not need yet.
    pub muzzy: usize,
    /// The part of `allocated` that is in small size classes.
    pub small_allocated: usize,
    /// Free places in the slabs of small size classes: what fragmentation costs.
    pub small_free: usize,
}

/// The totals as of now. jemalloc gathers them under its locks, so it takes some microseconds.
pub fn statistics() -> Result<Statistics, ControlError> {
    // Writing any value makes jemalloc gather its statistics anew.
    control::write_u64(c"epoch", 1)?;
    let page: usize = control::read(c"arenas.page")?;
    let muzzy_pages: usize = control::read(c"stats.arenas.4096.pmuzzy")?;
    Ok(Statistics {
        allocated: control::read(c"stats.allocated")?,
        active: control::read(c"stats.active")?,
        resident: control::read(c"stats.resident")?,
        mapped: control::read(c"stats.mapped")?,
        retained: control::read(c"stats.retained")?,
        metadata: control::read(c"stats.metadata")?,
        muzzy: muzzy_pages * page,
        small_allocated: control::read(c"stats.arenas.4096.small.allocated")?,
        small_free: small_free()?,
    })
}

fn small_free() -> Result<usize, ControlError> {
    let classes: u32 = control::read(c"arenas.nbins")?;
    let mut free = 0;
    for class in 0..classes as usize {
        let slabs: usize = control::read_indexed(c"stats.arenas.4096.bins.0.curslabs", 4, class)?;
        let taken: usize = control::read_indexed(c"stats.arenas.4096.bins.0.curregs", 4, class)?;
        let places: u32 = control::read_indexed(c"arenas.bin.0.nregs", 2, class)?;
        let size: usize = control::read_indexed(c"arenas.bin.0.size", 2, class)?;
        free += (slabs * places as usize).saturating_sub(taken) * size;
    }
    Ok(free)
}

/// Gives all freed pages back to the operating system, those in this thread's cache too.
pub fn purge() -> Result<(), ControlError> {
    control::trigger(c"thread.tcache.flush")?;
    // 4096 stands for all arenas.
    control::trigger(c"arena.4096.purge")
}

/// Lets jemalloc give freed pages back in threads of its own, or stops them.
///
/// They are off at first: a process that still forks, to become a daemon, must not have them yet.
pub fn set_background_thread(active: bool) -> Result<(), ControlError> {
    control::write_bool(c"background_thread", active)
}

/// jemalloc's report for people, as MEMORY MALLOC-STATS replies it.
pub fn report() -> Vec<u8> {
    control::report(c"")
}

/// jemalloc's version: `5.3.1`.
pub fn version() -> &'static str {
    let full = control::read_text(c"version").ok().and_then(|text| text.to_str().ok());
    full.and_then(|text| text.split('-').next()).unwrap_or("unknown")
}
