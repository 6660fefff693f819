//! The thread that keeps chunks ready.
#![expect(unsafe_code, reason = "touches memory, and asks for time that nobody else wants")]

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::Thread;
use std::time::Duration;

use super::CHUNK;
use super::hooks::Demand;
use super::pool::{MOST, Pool};
use super::region::{Pages, Region, unmap};

static POOL: Pool = Pool::new();
static UNTOUCHED: Region = Region::new(Pages::Huge);
static UNTOUCHED_OF_SMALL_PAGES: Region = Region::new(Pages::Usual);
static THREAD: OnceLock<Thread> = OnceLock::new();

/// Whether huge pages come so slowly that nobody should wait for one.
static SLOW: AtomicBool = AtomicBool::new(false);

/// A huge page that takes longer than this, in processor time, is a slow one. On a machine with memory of its own it takes a
/// quarter.
const SLOW_AFTER: Duration = Duration::from_millis(1);

/// After so many that came fast none is expected to be slow.
const FAST_AGAIN_AFTER: u32 = 64;

/// When so many were asked for in vain, one after the other, the thread gets no time.
const STARVED_AFTER: usize = 8;

/// When nobody has asked for so long, all but one are given back.
const CALM: Duration = Duration::from_secs(5);

/// Starts the thread. A process that forks calls it only afterwards; what was started already stays.
///
/// # Errors
///
/// If the system gives no thread.
pub fn start() -> io::Result<()> {
    if THREAD.get().is_none() {
        let thread = std::thread::Builder::new().name("memory".to_owned()).spawn(run)?;
        if THREAD.set(thread.thread().clone()).is_err() {
            // Another caller was faster. This one helps with the first chunk, and then nobody wakes it.
            thread.thread().unpark();
        }
        thread.thread().unpark();
    }
    Ok(())
}

/// A chunk, all zero, if the system has one: ready, or to be touched by the one who asks.
pub(super) fn chunk(demand: Demand) -> Option<*mut u8> {
    let ready = POOL.take();
    if let Some(thread) = THREAD.get() {
        thread.unpark();
    }
    ready.or_else(|| {
        let slow = huge_pages_are_slow() || THREAD.get().is_none();
        match pages(demand, slow, POOL.missed_in_a_row()) {
            Pages::Huge => UNTOUCHED.cut(),
            Pages::Usual => UNTOUCHED_OF_SMALL_PAGES.cut(),
        }
    })
}

/// The pages of a chunk that is not ready, after so many in a row that were not.
pub(super) fn pages(demand: Demand, slow: bool, missed_in_a_row: usize) -> Pages {
    match demand {
        _ if !slow => Pages::Huge,
        // Where those who ask leave no core any time, requests wait for longer than a huge page takes, and throughput counts.
        Demand::Requests if STARVED_AFTER < missed_in_a_row => Pages::Huge,
        // A gigabyte takes 3.2 s by huge pages that come slowly, and 0.7 s by small ones.
        Demand::Requests | Demand::Bulk => Pages::Usual,
    }
}

/// Whether nobody should wait for a huge page.
pub(super) fn huge_pages_are_slow() -> bool {
    SLOW.load(Relaxed)
}

/// How many chunks are ready.
#[cfg(test)]
pub(super) fn ready() -> usize {
    POOL.ready()
}

/// Keeps chunks ready, for ever.
fn run() {
    let mut wanted = 1;
    let mut fast_in_a_row = 0;
    loop {
        while POOL.ready() < wanted {
            let Some(chunk) = UNTOUCHED.cut() else { break };
            let before = time_used();
            touch(chunk);
            let is_slow = SLOW_AFTER < time_used().saturating_sub(before);
            fast_in_a_row = if is_slow { 0 } else { fast_in_a_row + 1 };
            let expect_slow = fast_in_a_row < FAST_AGAIN_AFTER && (is_slow || SLOW.load(Relaxed));
            if SLOW.swap(expect_slow, Relaxed) != expect_slow {
                use_only_idle_time(expect_slow);
            }
            if !POOL.put(chunk) {
                unmap(chunk, CHUNK);
            }
        }
        if wanted == 1 {
            std::thread::park();
        } else {
            std::thread::park_timeout(CALM);
        }
        let (asked, missed) = POOL.demand();
        if 0 < missed {
            wanted = (2 * wanted).min(MOST);
        } else if asked == 0 && 1 < wanted {
            wanted = 1;
            while 1 < POOL.ready()
                && let Some(chunk) = POOL.remove()
            {
                unmap(chunk, CHUNK);
            }
        }
    }
}

/// Touches every page of a chunk that nobody else knows yet.
fn touch(chunk: *mut u8) {
    // The first one brings all of a huge page; where there is none the others come one by one.
    const PAGE: usize = 4096;
    for offset in (0..CHUNK).step_by(PAGE) {
        // SAFETY: it lies in the chunk, which is mapped and which only this thread has. Written though it is zero already, since
        // reading would only bring a page of zeros that all share.
        unsafe { chunk.wrapping_add(offset).write_volatile(0) };
    }
}

/// The processor time that this thread has used.
fn time_used() -> Duration {
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes to `used` only. Where there is no such clock, no page is a slow one.
    let _refused = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut used) };
    let nanoseconds = u32::try_from(used.tv_nsec).unwrap_or(0);
    Duration::new(used.tv_sec.try_into().unwrap_or(0), nanoseconds)
}

/// Has this thread run only where a core has nothing else to do, or as the others do.
fn use_only_idle_time(only_idle: bool) {
    let policy = if only_idle { libc::SCHED_IDLE } else { libc::SCHED_OTHER };
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: it concerns the calling thread, and reads `parameters`. Where it is refused, the thread goes on as it did.
    let _refused = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
}
