//! The size classes and the counts, against jemalloc's own.
#![expect(unsafe_code, reason = "calls jemalloc and the allocator directly")]

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::sync::Barrier;
use std::thread;

use proptest::prelude::*;
use tikv_jemalloc_sys as jemalloc;

use crate::Allocator;
use crate::control;
use crate::purge;
use crate::report;
use crate::size_class::LG_QUANTUM;
use crate::size_class::flags;
use crate::size_class::usable_size;
use crate::statistics;
use crate::thread_used_memory;
use crate::used_memory;
use crate::version;

#[track_caller]
fn check_class(size: usize, align: usize) {
    // SAFETY: no size here is 0.
    let expected = unsafe { jemalloc::nallocx(size, flags(align)) };
    assert_eq!(usable_size(size, align), expected, "size {size}, align {align}");
}

#[test]
fn size_classes_are_those_of_jemalloc() {
    for align in [1, 2, 4, 8, 16, 32, 64, 128, 4096, 8192] {
        (1..=1 << 20).for_each(|size| check_class(size, align));
    }
}

#[test]
fn small_classes_are_spaced_by_the_quantum() {
    let classes: Vec<usize> =
        [1, 9, 17, 25, 33, 41, 49, 57, 65, 81].map(|size| usable_size(size, 8)).into();
    if LG_QUANTUM == 3 {
        assert_eq!(classes, [8, 16, 24, 32, 40, 48, 56, 64, 80, 96]);
    } else {
        assert_eq!(classes, [8, 16, 32, 32, 48, 48, 64, 64, 80, 96]);
    }
}

#[test]
fn large_size_classes_are_those_of_jemalloc() {
    for lg_size in 20..46 {
        for align in [1, 8, 16, 64, 4096, 1 << 21] {
            for offset in [0, 1, 4095, 4096, 65_537] {
                check_class((1 << lg_size) - 1 + offset, align);
            }
        }
    }
}

/// What jemalloc counted in this thread: the oracle for our count.
fn jemalloc_used_memory() -> isize {
    let allocated: u64 = control::read(c"thread.allocated").unwrap();
    let freed: u64 = control::read(c"thread.deallocated").unwrap();
    isize::try_from(i128::from(allocated) - i128::from(freed)).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Allocate { size: usize, lg_align: u32, zeroed: bool },
    Resize { which: usize, size: usize },
    Free { which: usize },
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 1..600_usize, 3 => 600..20_000_usize, 1 => 20_000..5_000_000_usize]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (size(), 0..14_u32, any::<bool>())
            .prop_map(|(size, lg_align, zeroed)| Step::Allocate { size, lg_align, zeroed }),
        3 => (any::<usize>(), size()).prop_map(|(which, size)| Step::Resize { which, size }),
        2 => any::<usize>().prop_map(|which| Step::Free { which }),
    ]
}

/// Allocations with a byte each that all of their bytes must have.
#[derive(Default)]
struct Blocks(Vec<(*mut u8, Layout, u8)>);

impl Blocks {
    fn run(&mut self, number: u8, step: &Step) {
        match *step {
            Step::Allocate { size, lg_align, zeroed } => {
                self.allocate(number, size, 1 << lg_align, zeroed);
            }
            Step::Resize { which, size } if !self.0.is_empty() => {
                self.resize(which % self.0.len(), size);
            }
            Step::Free { which } if !self.0.is_empty() => self.free(which % self.0.len()),
            Step::Resize { .. } | Step::Free { .. } => {}
        }
    }

    fn allocate(&mut self, number: u8, size: usize, align: usize, zeroed: bool) {
        let layout = Layout::from_size_align(size, align).unwrap();
        let memory = if zeroed {
            // SAFETY: the size is not 0.
            unsafe { Allocator.alloc_zeroed(layout) }
        } else {
            // SAFETY: likewise.
            unsafe { Allocator.alloc(layout) }
        };
        assert!(!memory.is_null() && memory.addr().is_multiple_of(align));
        if zeroed {
            check_bytes(memory, size, 0);
        }
        // SAFETY: that many bytes were just allocated.
        unsafe { memory.write_bytes(number, size) };
        self.0.push((memory, layout, number));
    }

    fn resize(&mut self, which: usize, size: usize) {
        let (memory, layout, number) = self.0[which];
        // SAFETY: `memory` was allocated with `layout`, and the size is not 0.
        let moved = unsafe { Allocator.realloc(memory, layout, size) };
        assert!(!moved.is_null() && moved.addr().is_multiple_of(layout.align()));
        check_bytes(moved, layout.size().min(size), number);
        // SAFETY: the block has that many bytes now.
        unsafe { moved.write_bytes(number, size) };
        self.0[which] = (moved, Layout::from_size_align(size, layout.align()).unwrap(), number);
    }

    fn free(&mut self, which: usize) {
        let (memory, layout, number) = self.0.swap_remove(which);
        check_bytes(memory, layout.size(), number);
        // SAFETY: `memory` was allocated with `layout` and is forgotten here.
        unsafe { Allocator.dealloc(memory, layout) };
    }
}

#[track_caller]
fn check_bytes(memory: *const u8, size: usize, expected: u8) {
    // SAFETY: the callers pass blocks of that size, all written.
    let bytes = unsafe { std::slice::from_raw_parts(memory, size) };
    assert!(bytes.iter().all(|byte| *byte == expected));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn counts_equal_those_of_jemalloc(steps in prop::collection::vec(step(), 1..200)) {
        let mut blocks = Blocks(Vec::with_capacity(steps.len()));
        // jemalloc counts nothing else in between: the steps themselves allocate only blocks.
        let (before, jemalloc_before) = (thread_used_memory(), jemalloc_used_memory());
        for (number, step) in (0..=u8::MAX).cycle().zip(&steps) {
            blocks.run(number, step);
            let used = thread_used_memory() - before;
            assert_eq!(used, jemalloc_used_memory() - jemalloc_before, "after {step:?}");
        }
        while !blocks.0.is_empty() {
            blocks.free(0);
        }
        assert_eq!(thread_used_memory(), before);
    }
}

#[test]
fn memory_may_be_freed_by_another_thread() {
    const BYTES: usize = 64 << 20;
    let kept = thread::scope(|scope| scope.spawn(|| vec![1_u8; BYTES]).join().unwrap());
    assert!(BYTES <= used_memory(), "a thread that ended is still counted");
    let before = used_memory();
    thread::scope(|scope| {
        scope.spawn(|| drop(kept));
    });
    // Other tests may run in this process, so the difference is only about right.
    let freed = before - used_memory();
    assert!((BYTES - (BYTES >> 2)..=BYTES + (BYTES >> 2)).contains(&freed), "{freed}");
}

/// More threads than there are slots, all alive at once and several times over: nothing is lost where they share.
#[test]
fn any_number_of_threads_is_counted() {
    const THREADS: usize = 300;
    const BYTES: usize = 100_000;
    for _ in 0..3 {
        let before = used_memory();
        let (allocated, counted) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let kept = vec![1_u8; BYTES];
                    allocated.wait();
                    counted.wait();
                    drop(kept);
                });
            }
            allocated.wait();
            assert!(before + THREADS * BYTES <= used_memory() + (4 << 20));
            counted.wait();
        });
        assert!(used_memory() <= before + (4 << 20));
    }
}

/// A thread-local value that frees and allocates in its destructor, whichever way the destructors are ordered.
struct Late(Vec<u8>);

impl Drop for Late {
    fn drop(&mut self) {
        self.0 = vec![2; 1 << 20];
    }
}

thread_local! {
    static LATE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn destructors_of_a_thread_are_counted() {
    let before = used_memory();
    for _ in 0..100 {
        let thread = thread::Builder::new().spawn(|| {
            LATE.with_borrow_mut(|late| *late = Some(Late(Vec::new())));
            LATE.with_borrow_mut(|late| late.as_mut().unwrap().0 = vec![1; 1 << 20]);
        });
        thread.unwrap().join().unwrap();
    }
    let after = used_memory();
    assert!(after.abs_diff(before) < 64 << 20, "{before} {after}");
}

#[test]
fn statistics_fit_together() {
    let kept = vec![1_u8; 32 << 20];
    let totals = statistics().unwrap();
    assert!(kept.len() <= totals.allocated);
    assert!(totals.allocated <= totals.active && totals.active <= totals.resident);
    assert!(totals.resident <= totals.mapped + totals.retained && 0 < totals.metadata);
    assert!(0 < totals.small_allocated && totals.small_allocated + kept.len() <= totals.allocated);
    assert!(0 < totals.small_free && totals.small_free <= totals.active - totals.allocated);
}

#[test]
fn purging_gives_memory_back() {
    drop(vec![1_u8; 256 << 20]);
    purge().unwrap();
    let totals = statistics().unwrap();
    assert!(totals.resident - totals.active < 128 << 20, "{totals:?}");
}

#[test]
fn the_report_is_jemallocs() {
    let text = String::from_utf8(report()).unwrap();
    assert!(text.contains("Begin jemalloc statistics") && text.contains("opt.narenas"));
    assert!(version().starts_with("5."), "{}", version());
}
