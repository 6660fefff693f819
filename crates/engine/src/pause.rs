//! CLIENT PAUSE: calls that wait until a time.

use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

/// Until when which calls are paused.
#[derive(Debug, Default)]
pub struct Pause {
    /// Unix time in ms at which all pauses are over; a look at it is all that a call costs when there is none.
    end_ms: AtomicI64,
    inner: Mutex<Ends>,
}

/// Unix times in ms.
#[derive(Debug, Default, Clone, Copy)]
struct Ends {
    all_ms: i64,
    writes_ms: i64,
}

/// Which calls are paused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PauseKind {
    /// Those that may write.
    Writes,
    /// All but a few.
    All,
}

impl Pause {
    /// Pauses until `end_ms`. A pause that is on is never shortened, nor weakened to [`PauseKind::Writes`].
    pub fn begin(&self, kind: PauseKind, end_ms: i64, now_ms: i64) {
        let mut ends = self.inner.lock();
        let present = *ends;
        let latest = |present: i64| if now_ms < present { present.max(end_ms) } else { end_ms };
        match kind {
            PauseKind::All => ends.all_ms = latest(present.all_ms),
            // Under a pause of all calls, one of writes only can lengthen it.
            PauseKind::Writes if now_ms < present.all_ms => ends.all_ms = latest(present.all_ms),
            PauseKind::Writes => ends.writes_ms = latest(present.writes_ms),
        }
        self.end_ms.store(ends.all_ms.max(ends.writes_ms), Ordering::Release);
    }

    /// Ends all pauses.
    pub fn end(&self) {
        *self.inner.lock() = Ends::default();
        self.end_ms.store(0, Ordering::Release);
    }

    /// Unix time in ms at which all pauses are over.
    pub fn end_ms(&self) -> i64 {
        self.end_ms.load(Ordering::Acquire)
    }

    /// What is paused.
    #[inline]
    pub fn kind(&self, now_ms: i64) -> Option<PauseKind> {
        if self.end_ms() <= now_ms { None } else { self.kind_slowly(now_ms) }
    }

    #[cold]
    fn kind_slowly(&self, now_ms: i64) -> Option<PauseKind> {
        let ends = *self.inner.lock();
        if now_ms < ends.all_ms {
            Some(PauseKind::All)
        } else {
            (now_ms < ends.writes_ms).then_some(PauseKind::Writes)
        }
    }
}
