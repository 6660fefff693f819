//! `watchdog-period`: a report in the log when a worker is stuck in one round of its event loop.
//!
//! A worker notes when its round began and whom it serves, in two numbers that it alone writes. While there is a watchdog, its thread
//! looks at them twice in each period, and reports a round once.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::Engine;
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::background::Background;
use crate::bell::Bell;
use crate::clock::Clock;
use crate::log;

/// The watchdog, or that there is none.
pub(crate) struct Watchdog {
    /// Nothing is watched before it is there.
    engine: OnceLock<&'static Engine>,
    clock: Clock,
    running: Mutex<Option<Background>>,
}

impl Watchdog {
    pub(crate) fn new(clock: Clock) -> Watchdog {
        Watchdog { engine: OnceLock::new(), clock, running: Mutex::new(None) }
    }

    /// Begins to watch the workers of an engine, if there is a period.
    pub(crate) fn serve(&self, engine: &'static Engine, period_ms: u32) -> std::io::Result<()> {
        // It is called once.
        let _first = self.engine.set(engine);
        self.restart(period_ms)
    }

    /// Ends, and begins anew if there is a period.
    pub(crate) fn restart(&self, period_ms: u32) -> std::io::Result<()> {
        let mut running = self.running.lock();
        if let Some(running) = running.take() {
            running.end();
        }
        let Some(engine) = self.engine.get().copied().filter(|_| period_ms != 0) else {
            return Ok(());
        };
        let clock = self.clock;
        let period = Duration::from_millis(period_ms.into());
        let run = move |bell: Arc<Bell>| watch(engine, clock, period, &bell);
        *running = Some(Background::start("watchdog", run)?);
        Ok(())
    }
}

/// Looks at the workers until the bell rings.
fn watch(engine: &Engine, clock: Clock, period: Duration, stop: &Bell) {
    let half = period / 2;
    let limit = Timespec {
        tv_sec: i64::try_from(half.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: half.subsec_nanos().into(),
    };
    // The round of each worker that was reported last.
    let mut reported = vec![0; engine.statistics.len()];
    loop {
        let mut sources = [PollFd::new(stop, PollFlags::IN)];
        if poll(&mut sources, Some(&limit)).is_ok_and(|ready| 0 < ready) {
            return;
        }
        let now_us = clock.read().monotonic_us;
        for (number, (worker, reported)) in engine.statistics.iter().zip(&mut reported).enumerate()
        {
            let Some(began_us) = worker.round_began_us() else { continue };
            let stuck = Duration::from_micros(now_us.saturating_sub(began_us));
            if period <= stuck && *reported != began_us {
                *reported = began_us;
                report(engine, clock, number, stuck, worker.serves());
            }
        }
    }
}

fn report(engine: &Engine, clock: Clock, worker: usize, stuck: Duration, client: u64) {
    let now_ms = i64::try_from(clock.read().unix_us / 1000).unwrap_or(i64::MAX);
    let client = engine.clients.find(client);
    let client = client.map_or_else(
        || "no client".to_owned(),
        |client| client.describe(now_ms, &engine.commands, None),
    );
    log::warning("--- WATCHDOG TIMER EXPIRED ---");
    log::warning(format_args!(
        "Worker {worker} has been in one round for {} ms, serving {client}",
        stuck.as_millis()
    ));
    log::warning("--------");
}
