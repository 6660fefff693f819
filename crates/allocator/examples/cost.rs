//! What an allocation and its release cost, in nanoseconds: the counted allocator against jemalloc alone.
//!
//! Run it in a release build: `cargo run --release -p ochre-allocator --example cost`.
#![expect(clippy::print_stdout, reason = "its output is a table")]
#![expect(unsafe_code, reason = "calls both allocators directly")]

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::hint::black_box;
use std::time::Instant;

use tikv_jemalloc_sys as jemalloc;

fn main() {
    println!("{:>24} {:>8} {:>8}", "", "counted", "plain");
    for size in [16, 24, 64, 104, 1024, 8192, 65_536] {
        let layout = Layout::from_size_align(size, 8).expect("a valid layout");
        row(
            &format!("one at a time, {size}"),
            || pairs(&ochre_allocator::Allocator, layout),
            || pairs(&Plain, layout),
        );
    }
    for size in [24, 104] {
        let layout = Layout::from_size_align(size, 8).expect("a valid layout");
        row(
            &format!("batches of 64, {size}"),
            || batches(&ochre_allocator::Allocator, layout),
            || batches(&Plain, layout),
        );
    }
}

/// The best of several interleaved runs of each.
fn row(name: &str, counted: impl Fn() -> f64, plain: impl Fn() -> f64) {
    let runs: Vec<(f64, f64)> = (0..9).map(|_| (counted(), plain())).collect();
    let best = |pick: fn(&(f64, f64)) -> f64| runs.iter().map(pick).fold(f64::INFINITY, f64::min);
    println!("{name:>24} {:>8.2} {:>8.2}", best(|run| run.0), best(|run| run.1));
}

const PAIRS: u32 = 2_000_000;

fn pairs(allocator: &impl GlobalAlloc, layout: Layout) -> f64 {
    let start = Instant::now();
    for _ in 0..PAIRS {
        // SAFETY: the size is not 0.
        let memory = unsafe { allocator.alloc(black_box(layout)) };
        // SAFETY: just allocated so.
        unsafe { allocator.dealloc(black_box(memory), black_box(layout)) };
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(PAIRS)
}

fn batches(allocator: &impl GlobalAlloc, layout: Layout) -> f64 {
    let start = Instant::now();
    let mut blocks = [std::ptr::null_mut(); 64];
    for _ in 0..PAIRS / 64 {
        for block in &mut blocks {
            // SAFETY: the size is not 0.
            *block = unsafe { allocator.alloc(black_box(layout)) };
        }
        for block in blocks {
            // SAFETY: just allocated so.
            unsafe { allocator.dealloc(black_box(block), black_box(layout)) };
        }
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(PAIRS)
}

/// jemalloc without counting.
struct Plain;

// SAFETY: passes on what jemalloc gives; only used with an alignment of 8.
unsafe impl GlobalAlloc for Plain {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: `malloc` takes any size.
        unsafe { jemalloc::malloc(layout.size()).cast() }
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: `memory` is from `malloc` with this size.
        unsafe { jemalloc::sdallocx(memory.cast(), layout.size(), 0) }
    }
}
