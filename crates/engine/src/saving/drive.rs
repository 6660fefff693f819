//! Who drives the walk of a snapshot on: the workers.
//!
//! A walk needs the shards, as calls do. A thread of its own would have to get them from the workers again and again, and each time
//! the scheduler would decide how long these wait. So a worker makes a few steps itself at the end of a round, which take as long
//! as it says; nobody waits for anybody. Another thread makes them only where no worker does: at the end of the process, or while all of
//! them are busy with something that takes long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use keyspace::{DatabaseSize, Round, View, Walk};
use parking_lot::Mutex;

use super::{Recorder, Saving};
use crate::Engine;
use crate::worker::{Gate, Worker};

/// A walk that goes on, or has ended.
pub struct Drive {
    walk: Mutex<Walk>,
    recorder: Arc<Recorder>,
    sizes: Vec<DatabaseSize>,
    /// How many entries the walk has come to.
    shown: AtomicUsize,
    /// Steps that workers have made, or would have.
    steps: AtomicUsize,
    has_ended: AtomicBool,
}

/// A step shows about so many bytes: some ten microseconds.
const STEP: usize = 16 << 10;
/// One that is made beside the workers, who may have to wait: enough to be worth it.
const STEP_BESIDE: usize = 64 << 10;

impl Drive {
    pub(super) fn new(walk: Walk, recorder: Arc<Recorder>) -> Drive {
        Drive {
            sizes: walk.sizes().to_vec(),
            walk: Mutex::new(walk),
            recorder,
            shown: AtomicUsize::new(0),
            steps: AtomicUsize::new(0),
            has_ended: AtomicBool::new(false),
        }
    }

    /// The sizes of all databases when the snapshot began.
    pub fn sizes(&self) -> &[DatabaseSize] {
        &self.sizes
    }

    /// How many entries the walk has come to.
    pub fn shown(&self) -> usize {
        self.shown.load(Ordering::Relaxed)
    }

    /// Whether all has been shown.
    pub fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// How many steps workers have made, or would have if no other had been at it.
    pub fn steps(&self) -> usize {
        self.steps.load(Ordering::Relaxed)
    }

    /// Shows nothing any more, whoever asks. The walk has to be driven to its end all the same.
    pub fn give_up(&self) {
        self.walk.lock().give_up();
    }

    /// Makes a step from a thread that is outside of all gates. Says whether there is more to do.
    pub fn step_beside(&self, engine: &Engine) -> bool {
        if self.has_ended() {
            return false;
        }
        // Workers only try to lock it, so none of those whose gates are waited for waits for this.
        let mut walk = self.walk.lock();
        self.step(engine, &mut walk, |walk| engine.keyspace.step(walk, STEP_BESIDE))
    }

    /// Has `step` make a step, and sees to what follows from it. Says whether there is more to do.
    fn step(&self, engine: &Engine, walk: &mut Walk, step: impl FnOnce(&mut Walk) -> bool) -> bool {
        if self.has_ended() {
            return false;
        }
        let passed = walk.passed();
        let more = step(walk);
        let backlog = engine.saving.backlog();
        backlog.pace(walk.passed() - passed, walk.left(), walk.is_within_entry());
        self.shown.store(walk.shown(), Ordering::Relaxed);
        for garbage in walk.garbage.drain(..) {
            engine.host.reclaim(garbage);
        }
        if !more {
            engine.saving.end_drive();
            self.has_ended.store(true, Ordering::Release);
            self.recorder.rouse();
        }
        more
    }

    /// Ends it in shards that are held, and shows nothing.
    pub(super) fn abandon(&self, engine: &Engine, view: &mut View<'_>) {
        let mut walk = self.walk.lock();
        walk.give_up();
        while self.step(engine, &mut walk, |walk| walk.step(view, usize::MAX)) {}
    }
}

impl Saving {
    pub(super) fn begin_drive(&self, drive: &Arc<Drive>) {
        *self.drive.lock() = Some(Arc::clone(drive));
        self.is_driven.store(true, Ordering::Release);
    }

    fn end_drive(&self) {
        self.is_driven.store(false, Ordering::Release);
        *self.drive.lock() = None;
    }

    /// Whether there is a walk that is to be driven on.
    #[inline]
    pub fn is_driven(&self) -> bool {
        self.is_driven.load(Ordering::Relaxed)
    }

    /// Whether steps are wanted at once: those who write what is shown are not behind.
    #[inline]
    pub fn wants_steps(&self) -> bool {
        self.is_driven() && !self.backlog.is_behind_walk()
    }
}

impl Worker<'_> {
    /// Drives the walk of a snapshot on by a step, in a round; says whether it did. Not if steps are to be slow: a worker does
    /// not sleep.
    pub fn walk_on(&mut self) -> bool {
        let engine = self.engine;
        if !engine.saving.wants_steps() || self.config.persistence.save_delay_us != 0 {
            return false;
        }
        let Some(drive) = engine.saving.drive.lock().clone() else { return false };
        let Gate::Inside(inside) = &mut self.gate else { return false };
        drive.steps.fetch_add(1, Ordering::Relaxed);
        // If another worker is at it, that does.
        let Some(mut walk) = drive.walk.try_lock() else { return false };
        let mut round = Round::aside();
        let mut view = engine.keyspace.view(inside, 0, &mut round);
        view.roam();
        drive.step(engine, &mut walk, |walk| walk.step(&mut view, STEP))
    }
}
