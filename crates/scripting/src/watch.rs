//! Scripts that run for long are noticed here, from outside: they themselves count nothing.
//!
//! Each interpreter has a [`Post`] where it writes when a script begins and ends. One thread for all of them, the watchdog, looks at the
//! posts every few milliseconds; a script that it finds running at two looks is interrupted at the second one and at each one after
//! it (see [`interrupt`](crate::interrupt)). While no scripts run, the watchdog sleeps.
//!
//! What a script pays is two exchanges of a number that nobody else writes meanwhile.
//!
//! Invariants:
//! - A thread is sent a signal only while it runs a script: the watchdog holds the post meanwhile, and a script that ends waits until
//!   it does not.
//! - A script that begins finds the watchdog awake or wakes it: the two write first and look at what the other has written then.

use std::io;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::interrupt;

/// Between two looks, while nothing has run for long.
const USUAL: Duration = Duration::from_millis(5);
/// While something has.
const SHORT: Duration = Duration::from_millis(1);
/// Looks at which nothing ran, after which the watchdog sleeps.
const PATIENCE: u32 = 40;

/// Where an interpreter says what it does.
#[derive(Debug, Default)]
pub(crate) struct Post {
    /// The number of the present run, or of the last one, and one of the states below.
    course: AtomicU64,
    /// Which thread runs it.
    thread: AtomicUsize,
}

const ONE_RUN: u64 = 0b100;
const STATES: u64 = 0b11;
const RESTS: u64 = 0;
const RUNS: u64 = 1;
/// It runs, and may not end yet: its thread is being sent a signal.
const IS_HELD: u64 = 2;

/// A run, until it is dropped.
pub(crate) struct Run<'a> {
    post: &'a Post,
    course: u64,
}

impl Post {
    /// A post that the watchdog looks at; it is started if this is the first one.
    pub(crate) fn new() -> io::Result<Arc<Post>> {
        interrupt::prepare();
        let post = Arc::new(Post::default());
        let watchdog = watchdog()?;
        let mut posts = watchdog.posts.lock().unwrap_or_else(PoisonError::into_inner);
        posts.retain(|post| post.strong_count() != 0);
        posts.push(Arc::downgrade(&post));
        Ok(post)
    }

    /// Notes that this thread begins to run something. An interpreter runs one thing at a time.
    pub(crate) fn begin(&self) -> Run<'_> {
        self.thread.store(interrupt::this_thread(), Relaxed);
        let number = self.course.load(Relaxed) & !STATES;
        let course = number.wrapping_add(ONE_RUN) | RUNS;
        // Also publishes the thread.
        self.course.swap(course, SeqCst);
        if let Some(watchdog) = WATCHDOG.get()
            && !watchdog.is_awake.load(SeqCst)
        {
            watchdog.rouse();
        }
        Run { post: self, course }
    }

    /// Interrupts a run, unless it has ended.
    fn interrupt(&self, course: u64) {
        let held = course & !STATES | IS_HELD;
        if self.course.compare_exchange(course, held, Acquire, Relaxed).is_ok() {
            interrupt::interrupt(self.thread.load(Relaxed));
            self.course.store(course, Release);
        }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let ended = self.course & !STATES | RESTS;
        let post = &self.post.course;
        while post.compare_exchange_weak(self.course, ended, SeqCst, Relaxed).is_err() {
            // The watchdog does one call of the system meanwhile.
            thread::yield_now();
        }
    }
}

struct Watchdog {
    posts: Mutex<Vec<Weak<Post>>>,
    is_awake: AtomicBool,
    thread: OnceLock<Thread>,
}

static WATCHDOG: OnceLock<Watchdog> = OnceLock::new();

fn watchdog() -> io::Result<&'static Watchdog> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    let watchdog = WATCHDOG.get_or_init(|| Watchdog {
        posts: Mutex::default(),
        is_awake: AtomicBool::new(false),
        thread: OnceLock::new(),
    });
    if watchdog.thread.get().is_none() {
        let handle =
            thread::Builder::new().name("watchdog".to_owned()).spawn(move || watchdog.watch())?;
        watchdog.thread.get_or_init(|| handle.thread().clone());
    }
    Ok(watchdog)
}

impl Watchdog {
    #[cold]
    fn rouse(&self) {
        if !self.is_awake.swap(true, SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    fn watch(&self) {
        let mut seen: Vec<u64> = Vec::new();
        let mut quiet = 0_u32;
        loop {
            let looked = self.look(&mut seen);
            quiet = if looked == Found::Nothing { quiet.saturating_add(1) } else { 0 };
            if quiet < PATIENCE {
                thread::sleep(if looked == Found::Old { SHORT } else { USUAL });
                continue;
            }
            self.is_awake.store(false, SeqCst);
            // One that began before that has not seen it.
            if self.look(&mut seen) != Found::Nothing {
                self.is_awake.store(true, SeqCst);
            }
            while !self.is_awake.load(SeqCst) {
                thread::park();
            }
            quiet = 0;
        }
    }

    /// Looks at all posts. `seen` is what was there the last time, and then what is there now.
    fn look(&self, seen: &mut Vec<u64>) -> Found {
        let posts: Vec<Arc<Post>> = {
            let posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
            posts.iter().filter_map(Weak::upgrade).collect()
        };
        let mut found = Found::Nothing;
        // When one is gone the others are taken for one another once, and nothing comes of it.
        seen.resize(posts.len(), 0);
        for (post, seen) in posts.iter().zip(seen) {
            let course = post.course.load(SeqCst);
            if course == *seen && course & STATES == RUNS {
                post.interrupt(course);
                found = Found::Old;
            } else if course != *seen && found == Found::Nothing {
                found = Found::Young;
            }
            *seen = course;
        }
        found
    }
}

/// What was found at a look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    Nothing,
    /// Something runs or has run that did not before.
    Young,
    /// Something runs that ran before.
    Old,
}
