//! The server that the tests are about: the one just built, or the one that `OCHRE_SERVER` names.
//!
//! Every test of behaviour must pass with a real Redis too, which is how the tests themselves are tested:
//!
//! ```text
//! OCHRE_SERVER=$PWD/.oracle/redis-7.4/redis-server cargo nextest run -p ochre-server
//! ```

use std::env;
use std::path::PathBuf;

use harness::Launch;

/// The worker counts with which every end-to-end test runs: the single event loop, and more workers
/// than the machine of a test has cores.
const WORKER_COUNTS: [usize; 2] = [1, 4];

/// The program under test.
pub(crate) fn program() -> PathBuf {
    env::var_os("OCHRE_SERVER")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_ochre-server")), PathBuf::from)
}

/// A way to start the server under test.
pub(crate) fn launch() -> Launch {
    Launch::new(program())
}

/// Runs `test` with one worker and with several.
pub(crate) fn with_each_worker_count(test: impl Fn(Launch)) {
    for count in WORKER_COUNTS {
        report(count);
        test(launch().workers(count));
    }
}

#[expect(clippy::print_stderr, reason = "the test runner shows it with a failure")]
fn report(count: usize) {
    eprintln!("io-threads {count}");
}
