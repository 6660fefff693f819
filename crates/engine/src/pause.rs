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
    kind: Mutex<PauseKind>,
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
        let mut present = self.kind.lock();
        let present_end_ms = self.end_ms();
        let goes_on = now_ms < present_end_ms;
        *present = if goes_on { kind.max(*present) } else { kind };
        let end_ms = if goes_on { end_ms.max(present_end_ms) } else { end_ms };
        self.end_ms.store(end_ms, Ordering::Release);
    }

    /// Ends the pause.
    pub fn end(&self) {
        let _one_at_a_time = self.kind.lock();
        self.end_ms.store(0, Ordering::Release);
    }

    /// Unix time in ms at which the pause is over.
    pub fn end_ms(&self) -> i64 {
        self.end_ms.load(Ordering::Acquire)
    }

    /// What is paused.
    #[inline]
    pub fn kind(&self, now_ms: i64) -> Option<PauseKind> {
        if self.end_ms() <= now_ms { None } else { Some(self.kind_in_pause()) }
    }

    #[cold]
    fn kind_in_pause(&self) -> PauseKind {
        *self.kind.lock()
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
}
