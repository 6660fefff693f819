//! CLIENT PAUSE: calls that wait until a time.
//!
//! There is one pause at a time. Another one that begins meanwhile can make it longer and stronger, never shorter or weaker.

use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

/// Until when which calls are paused.
#[derive(Debug, Default)]
pub struct Pause {
    /// Unix time in ms at which the pause is over; a look at it is all that a call costs when there is none.
    end_ms: AtomicI64,
    present: Mutex<Present>,
}

/// What has been asked for.
#[derive(Debug, Default)]
struct Present {
    kind: PauseKind,
    end_ms: i64,
    /// A failover pauses writes until it ends.
    is_failing_over: bool,
    /// The process waits for replicas before it ends, and pauses writes.
    is_shutting_down: bool,
}

/// Which calls are paused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum PauseKind {
    /// Those that may write.
    #[default]
    Writes,
    /// All.
    All,
}

impl Pause {
    /// Pauses until `end_ms`.
    pub fn begin(&self, kind: PauseKind, end_ms: i64, now_ms: i64) {
        self.change(|present| {
            let goes_on = now_ms < present.end_ms;
            present.kind = if goes_on { kind.max(present.kind) } else { kind };
            present.end_ms = if goes_on { end_ms.max(present.end_ms) } else { end_ms };
        });
    }

    /// Ends the pause that clients have asked for.
    pub fn end(&self) {
        self.change(|present| present.end_ms = 0);
    }

    /// Pauses writes until [`Pause::end_failover`], whatever clients ask for.
    pub(crate) fn begin_failover(&self) {
        self.change(|present| present.is_failing_over = true);
    }

    /// Ends that.
    pub(crate) fn end_failover(&self) {
        self.change(|present| present.is_failing_over = false);
    }

    /// Pauses writes until [`Pause::end_shutdown`], whatever clients ask for.
    pub(crate) fn begin_shutdown(&self) {
        self.change(|present| present.is_shutting_down = true);
    }

    /// Ends that.
    pub(crate) fn end_shutdown(&self) {
        self.change(|present| present.is_shutting_down = false);
    }

    fn change(&self, change: impl FnOnce(&mut Present)) {
        let mut present = self.present.lock();
        change(&mut present);
        let is_held = present.is_failing_over || present.is_shutting_down;
        let end_ms = if is_held { i64::MAX } else { present.end_ms };
        self.end_ms.store(end_ms, Ordering::Release);
    }

    /// Unix time in ms at which the pause is over.
    pub fn end_ms(&self) -> i64 {
        self.end_ms.load(Ordering::Acquire)
    }

    /// What is paused.
    #[inline]
    pub fn kind(&self, now_ms: i64) -> Option<PauseKind> {
        if self.end_ms() <= now_ms { None } else { Some(self.kind_in_pause(now_ms)) }
    }

    #[cold]
    fn kind_in_pause(&self, now_ms: i64) -> PauseKind {
        let present = self.present.lock();
        if now_ms < present.end_ms { present.kind } else { PauseKind::Writes }
    }
}

#[cfg(test)]
mod tests {
    use super::{Pause, PauseKind};

    #[test]
    fn a_pause_grows_and_never_shrinks() {
        let pause = Pause::default();
        assert_eq!(pause.kind(0), None);
        pause.begin(PauseKind::Writes, 900, 0);
        pause.begin(PauseKind::Writes, 100, 0);
        assert_eq!((pause.kind(899), pause.end_ms()), (Some(PauseKind::Writes), 900));
        pause.begin(PauseKind::All, 300, 0);
        assert_eq!(pause.kind(899), Some(PauseKind::All));
        pause.begin(PauseKind::Writes, 1000, 0);
        assert_eq!((pause.kind(999), pause.kind(1000)), (Some(PauseKind::All), None));
    }

    #[test]
    fn what_is_over_has_no_say() {
        let pause = Pause::default();
        pause.begin(PauseKind::All, 900, 0);
        pause.begin(PauseKind::Writes, 950, 900);
        assert_eq!(pause.kind(949), Some(PauseKind::Writes));
        pause.end();
        assert_eq!(pause.kind(900), None);
        pause.begin(PauseKind::Writes, 960, 900);
        assert_eq!((pause.kind(959), pause.kind(960)), (Some(PauseKind::Writes), None));
    }

    #[test]
    fn a_failover_pauses_writes_whatever_clients_ask_for() {
        let pause = Pause::default();
        pause.begin(PauseKind::All, 900, 0);
        pause.begin_failover();
        assert_eq!(
            (pause.kind(899), pause.kind(900)),
            (Some(PauseKind::All), Some(PauseKind::Writes))
        );
        pause.end();
        assert_eq!(pause.kind(0), Some(PauseKind::Writes));
        pause.end_failover();
        assert_eq!(pause.kind(0), None);
    }
}
