//! What the server family answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use config::memory::EvictionPolicy;
use config::security::Permission;
use keyspace::Garbage;
use parking_lot::Mutex;
use resp::{Protocol, Value};

use crate::Next;
use crate::clients::ClientId;
use crate::host::{
    AllocatorReport, Alone, ConfigurationFile, CrashKind, Host, LogLevel, NotApplied,
    ProcessReport, ShutdownRefused, ShutdownRequest,
};
use crate::testing::{BEGINNING_MS, Server};

/// A process that notes what is asked of it.
#[derive(Default)]
struct Noting {
    used_memory: AtomicUsize,
    log: Mutex<Vec<(LogLevel, String)>>,
    applied: Mutex<Vec<(Vec<&'static str>, u32)>>,
    /// Directives that cannot be applied while `maxclients` is above.
    most_clients: u32,
    file: Option<File>,
    asked_to_end: Mutex<Vec<ShutdownRequest>>,
    crashes: Mutex<Vec<CrashKind>>,
    slept_us: Mutex<u64>,
    drawn: AtomicUsize,
}

/// A configuration file in memory.
#[derive(Default)]
struct File {
    text: Mutex<Vec<u8>>,
    is_locked: bool,
}

impl ConfigurationFile for File {
    fn path(&self) -> &'static str {
        "/ochre.conf"
    }
    fn read(&self) -> std::io::Result<Vec<u8>> {
        Ok(self.text.lock().clone())
    }
    fn replace(&self, text: &[u8]) -> std::io::Result<()> {
        if self.is_locked {
            return Err(std::io::Error::from_raw_os_error(13));
        }
        *self.text.lock() = text.to_vec();
        Ok(())
    }
}

/// Shared with the test, which looks at it afterwards.
struct Shared(Arc<Noting>);

impl Host for Shared {
    fn used_memory(&self) -> usize {
        self.0.used_memory.load(Ordering::Relaxed)
    }

    fn reclaim(&self, garbage: Garbage) {
        drop(garbage);
    }
    fn reclaimed(&self) -> (usize, usize) {
        (3, 4)
    }
    fn reset_reclaimed(&self) {}
    fn close_client(&self, _worker: usize, _client: ClientId) {}
    fn wake_workers(&self) {}
    fn wake_worker(&self, _worker: usize) {}
    fn log(&self, level: LogLevel, message: &str) {
        self.0.log.lock().push((level, message.to_owned()));
    }
    fn sleep(&self, microseconds: u64) {
        *self.0.slept_us.lock() += microseconds;
    }
    fn shut_down(
        &self,
        request: ShutdownRequest,
        _engine: &crate::Engine,
        _view: &mut keyspace::View<'_>,
    ) -> Result<(), ShutdownRefused> {
        self.0.asked_to_end.lock().push(request);
        if request.save == Some(true) { Err(ShutdownRefused) } else { Ok(()) }
    }
    fn crash(&self, kind: CrashKind) {
        self.0.crashes.lock().push(kind);
    }
    fn apply(&self, changed: &[&'static str], config: &config::Config) -> Result<(), NotApplied> {
        let clients = config.limits.clients;
        self.0.applied.lock().push((changed.to_vec(), clients));
        if 0 < self.0.most_clients && self.0.most_clients < clients {
            return Err(NotApplied { directive: "maxclients", reason: "too many".to_owned() });
        }
        Ok(())
    }
    fn configuration_file(&self) -> Option<&dyn ConfigurationFile> {
        self.0.file.as_ref().map(|file| file as &dyn ConfigurationFile)
    }
    fn draw_id(&self) -> String {
        format!("{:040}", self.0.drawn.fetch_add(1, Ordering::Relaxed))
    }
    fn block_bytes(&self, bytes: usize) -> usize {
        bytes.next_multiple_of(8)
    }
    fn process(&self) -> ProcessReport {
        ProcessReport { uptime_s: 100, resident: 1 << 20, ..ProcessReport::default() }
    }
    fn allocator(&self) -> AllocatorReport {
        AllocatorReport { name: "none-1", ..AllocatorReport::default() }
    }
    fn purge_memory(&self) {}
    fn allocator_text(&self) -> Vec<u8> {
        b"report".to_vec()
    }
}

/// A server in a process that notes, where DEBUG is allowed.
fn server(noting: Noting) -> (Server, Arc<Noting>) {
    let noting = Arc::new(noting);
    let allow = |config: &mut config::Config| config.security.debug_command = Permission::Everybody;
    (Server::with(allow, Box::new(Shared(Arc::clone(&noting)))), noting)
}

/// Calls, and the answer to each.
#[track_caller]
fn check(server: &mut Server, calls: &[(&str, &str)]) {
    for (call, answer) in calls {
        assert_eq!(server.say(call), *answer, "{call}");
    }
}

const SYNTAX: &str = "-ERR syntax error";
const NO_INTEGER: &str = "-ERR value is not an integer or out of range";

#[test]
fn time_is_the_round_s() {
    let mut server = Server::new();
    server.now_ms = 1_700_000_000_123;
    check(
        &mut server,
        &[
            ("TIME", "*2 $10 1700000000 $6 123000"),
            ("ROLE", "*3 $6 master :0 *0"),
            ("TIME x", "-ERR wrong number of arguments for 'time' command"),
        ],
    );
}

#[test]
fn config_is_read_by_patterns() {
    let mut server = Server::new();
    check(
        &mut server,
        &[
            ("CONFIG GET MaxMemory", "*2 $9 MaxMemory $1 0"),
            ("CONFIG GET maxmemory-s* maxmemory-samples", "*2 $17 maxmemory-samples $1 5"),
            ("CONFIG GET nonsense", "*0"),
            ("CONFIG", "-ERR wrong number of arguments for 'config' command"),
            ("CONFIG GET", "-ERR wrong number of arguments for 'config|get' command"),
            ("CONFIG NONSENSE", "-ERR unknown subcommand 'NONSENSE'. Try CONFIG HELP."),
        ],
    );
    server.speak(Protocol::Resp3);
    check(&mut server, &[("CONFIG GET hz timeout", "%2 $2 hz $2 10 $7 timeout $1 0")]);
    assert!(server.say("CONFIG HELP").starts_with('*'));
}

#[test]
fn config_is_set_whole_or_not_at_all() {
    let (mut server, noting) = server(Noting { most_clients: 100_000, ..Noting::default() });
    let failed = |name: &str, reason: &str| {
        format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
    };
    check(
        &mut server,
        &[
            ("CONFIG SET hz 20 timeout 7", "+OK"),
            ("CONFIG GET hz timeout", "*4 $2 hz $2 20 $7 timeout $1 7"),
            ("CONFIG SET hz 30 timeout", SYNTAX),
            ("CONFIG SET hz", "-ERR wrong number of arguments for 'config|set' command"),
            (
                "CONFIG SET hz 30 nonsense 1",
                "-ERR Unknown option or number of arguments for CONFIG SET - 'nonsense'",
            ),
            ("CONFIG SET hz 30 hz 31", &failed("hz", "duplicate parameter")),
            ("CONFIG SET hz 30 databases 3", &failed("databases", "can't set immutable config")),
            ("CONFIG SET hz 30 maxclients 200000", &failed("maxclients", "too many")),
            ("CONFIG GET hz maxclients", "*4 $2 hz $2 20 $10 maxclients $5 10000"),
        ],
    );
    let applied = noting.applied.lock().clone();
    let both = vec!["hz", "maxclients"];
    assert_eq!(applied[1..], [(both.clone(), 200_000), (both, 10_000)], "and back");
    let log = noting.log.lock().clone();
    assert!(log[0].1.contains("Possibly related to new maxclients setting."), "{log:?}");
}

#[test]
fn what_is_set_holds_for_the_next_call_of_a_pipeline() {
    let mut server = Server::new();
    let mut input = Vec::new();
    for call in
        [&["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"][..], &["OBJECT", "FREQ", "x"]]
    {
        resp::value::encode_request(call, &mut input);
    }
    server.say("SET x 1");
    let mut batch = resp::Batch::new();
    let limits = resp::RequestLimits::default();
    resp::RequestParser::new().parse(&input, 0, &mut batch, &limits, usize::MAX);
    let mut output = resp::Output::new();
    server.worker.begin_round(crate::Time { unix_us: server.now_ms * 1000 });
    server.worker.run(&mut server.clients[0], &batch, &input, &mut output);
    server.worker.end_round();
    let mut slices = [std::io::IoSlice::new(&[]); 4];
    output.io_slices(&mut slices);
    assert!(slices[0].starts_with(b"+OK\r\n:"), "{}", slices[0].escape_ascii());
}

#[test]
fn a_smaller_memory_limit_is_enforced_at_once() {
    let (mut server, noting) = server(Noting::default());
    noting.used_memory.store(5000, Ordering::Relaxed);
    check(
        &mut server,
        &[
            ("SET a 1", "+OK"),
            ("CONFIG SET maxmemory 6000", "+OK"),
            ("CONFIG SET maxmemory 4000 maxmemory-policy allkeys-lru", "+OK"),
        ],
    );
    assert_eq!(server.numbers().evicted_keys, 1, "before anybody called");
    let log = noting.log.lock().clone();
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].1.contains("(4000) is smaller than the current memory usage (5000)"));
    server.say("CONFIG SET maxmemory 0");
    server.say("SET a 1");
    // By another worker, say.
    server.configure(|config| config.memory.limit_bytes = 4000);
    server.worker.begin_round(crate::Time { unix_us: server.now_ms * 1000 });
    server.worker.tick();
    server.worker.end_round();
    assert_eq!(server.numbers().evicted_keys, 2, "by the clock");
}

#[test]
fn config_is_rewritten() {
    let mut server = Server::new();
    let no_file = "-ERR The server is running without a config file";
    check(&mut server, &[("CONFIG REWRITE", no_file)]);
    let text = Mutex::new(b"# ours\nhz 10\n".to_vec());
    let (mut server, noting) =
        self::server(Noting { file: Some(File { text, is_locked: false }), ..Noting::default() });
    check(&mut server, &[("CONFIG SET hz 20", "+OK"), ("CONFIG REWRITE", "+OK")]);
    let text = noting.file.as_ref().map(|file| file.text.lock().clone()).unwrap_or_default();
    assert!(text.starts_with(b"# ours\nhz 20\n"), "{}", text.escape_ascii());
    let file = File { is_locked: true, ..File::default() };
    let (mut server, noting) = self::server(Noting { file: Some(file), ..Noting::default() });
    check(&mut server, &[("CONFIG REWRITE", "-ERR Rewriting config file: Permission denied")]);
    let line = "CONFIG REWRITE failed: Permission denied".to_owned();
    assert_eq!(*noting.log.lock(), [(LogLevel::Warning, line)]);
}

#[test]
fn statistics_begin_again() {
    let (mut server, _noting) = server(Noting::default());
    check(
        &mut server,
        &[("GET a", "$-1"), ("GET", "-ERR wrong number of arguments for 'get' command")],
    );
    let numbers = server.numbers();
    assert_eq!((numbers.keyspace_misses, numbers.error_replies), (1, 1));
    check(&mut server, &[("CONFIG RESETSTAT", "+OK")]);
    let numbers = server.numbers();
    assert_eq!((numbers.keyspace_misses, numbers.error_replies), (0, 0));
    assert_eq!(numbers.commands_processed, 1, "the reset itself");
}

#[test]
fn shutdown_is_asked_of_the_process() {
    let (mut server, noting) = server(Noting::default());
    let errors = "-ERR Errors trying to SHUTDOWN. Check logs.";
    check(
        &mut server,
        &[
            ("SHUTDOWN ABORT", "-ERR No shutdown in progress."),
            ("SHUTDOWN ABORT ABORT", "-ERR No shutdown in progress."),
            ("SHUTDOWN ABORT NOW", SYNTAX),
            ("SHUTDOWN SAVE NOSAVE", SYNTAX),
            ("SHUTDOWN NOSAVE SAVE", SYNTAX),
            ("SHUTDOWN x", SYNTAX),
            ("SHUTDOWN save", errors),
            ("SHUTDOWN ABORT", "-ERR No shutdown in progress."),
        ],
    );
    let (answer, next) = server.call(0, &["SHUTDOWN", "nosave", "NOW", "force"]);
    assert_eq!((answer, next), (Vec::new(), Next::Close));
    let asked = noting.asked_to_end.lock().clone();
    assert_eq!(asked[1], ShutdownRequest { save: Some(false), now: true, force: true });
}

#[test]
fn pictures_end_with_the_version() {
    let mut server = Server::new();
    for call in ["LOLWUT", "LOLWUT x", "LOLWUT VERSION", "LOLWUT VERSION 5", "LOLWUT VERSION 5 9 2"]
    {
        let answer = server.answer(&call.split(' ').collect::<Vec<_>>());
        assert!(answer.ends_with(b"Redis ver. 7.4.1\n\r\n"), "{}", answer.escape_ascii());
    }
    check(&mut server, &[("LOLWUT VERSION x", NO_INTEGER), ("LOLWUT VERSION 5 a", NO_INTEGER)]);
    server.speak(Protocol::Resp3);
    assert!(server.say("LOLWUT VERSION 5 1 1").starts_with('='));
}

#[test]
fn memory_of_a_key_is_what_was_allocated() {
    let (mut server, _noting) = server(Noting::default());
    let usage = |server: &mut Server, key: &str| {
        let answer = server.say(&format!("MEMORY USAGE {key}"));
        answer[1..].parse::<usize>().expect("a number")
    };
    server.answer(&[&b"SET"[..], b"big", "x".repeat(100_000).as_bytes()]);
    check(
        &mut server,
        &[("SET short hello", "+OK"), ("SET lives 5 EX 9", "+OK"), ("SET stays 5", "+OK")],
    );
    // The header, the name, the value, and a place in a table.
    assert_eq!(usage(&mut server, "short"), (8_usize + 5 + 5).next_multiple_of(8) + 10);
    assert_eq!(usage(&mut server, "lives") - usage(&mut server, "stays"), 8 + 10);
    let big = usage(&mut server, "big");
    assert!((100_000..100_200).contains(&big), "{big}");
    check(
        &mut server,
        &[
            ("MEMORY USAGE none", "$-1"),
            ("PEXPIRE stays 1", ":1"),
            ("MEMORY USAGE short x", SYNTAX),
            ("MEMORY USAGE none x", SYNTAX),
            ("MEMORY USAGE short SAMPLES", SYNTAX),
            ("MEMORY USAGE short SAMPLES -1", SYNTAX),
            ("MEMORY USAGE short SAMPLES x", NO_INTEGER),
            ("MEMORY USAGE none samples 0 SAMPLES 5", "$-1"),
            ("MEMORY PURGE", "+OK"),
            ("MEMORY MALLOC-STATS", "$6 report"),
            ("MEMORY", "-ERR wrong number of arguments for 'memory' command"),
        ],
    );
    server.advance_ms(1000);
    assert_eq!(usage(&mut server, "stays"), usage(&mut server, "lives"), "it is still there");
    check(&mut server, &[("EXISTS stays", ":0"), ("MEMORY USAGE stays", "$-1")]);
}

#[test]
fn memory_is_accounted_for() {
    let (mut server, noting) = server(Noting::default());
    noting.used_memory.store(1 << 20, Ordering::Relaxed);
    server.engine.sample(server.now_ms);
    noting.used_memory.store(4 << 20, Ordering::Relaxed);
    server.say("SET a 1");
    let answer = server.answer(&["MEMORY", "STATS"]);
    let (value, _) = Value::decode(&answer).expect("whole").expect("a value");
    let fields = value.as_array().expect("an array");
    let field = |name: &str| {
        let place = fields.iter().position(|field| field.as_text().as_deref() == Some(name));
        fields[place.expect("it is there") + 1].clone()
    };
    assert_eq!(field("peak.allocated").as_integer(), Some(4 << 20));
    assert_eq!(field("startup.allocated").as_integer(), Some(1 << 20));
    assert_eq!(field("keys.count").as_integer(), Some(1));
    assert_eq!(field("keys.bytes-per-key").as_integer(), Some(3 << 20));
    assert_eq!(field("fragmentation").as_text().as_deref(), Some("0.25"));
    assert_eq!(field("fragmentation.bytes").as_integer(), Some(-(3 << 20)));
    assert_eq!(field("db.0").as_array().map(<[Value]>::len), Some(4));
    assert!(server.say("MEMORY DOCTOR").contains("too little data"));
    noting.used_memory.store(100 << 20, Ordering::Relaxed);
    server.engine.sample(server.now_ms);
    noting.used_memory.store(10 << 20, Ordering::Relaxed);
    assert!(server.say("MEMORY DOCTOR").contains("Peak: once 10.00 times"));
}

#[test]
fn slow_calls_are_kept() {
    let mut server = Server::new();
    server.clients[0].record.labels.lock().name = b"me".as_slice().into();
    check(
        &mut server,
        &[
            ("SLOWLOG GET", "*0"),
            ("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 3", "+OK"),
            ("GET", "-ERR wrong number of arguments for 'get' command"),
            ("SET a 1", "+OK"),
        ],
    );
    let latest = server.say("SLOWLOG GET 1");
    assert!(latest.starts_with("*1 *6 :1 :1700000000 :"), "{latest}");
    assert!(latest.ends_with("*3 $3 SET $1 a $1 1 $0  $2 me"), "{latest}");
    check(
        &mut server,
        &[
            ("SLOWLOG LEN", ":3"),
            (
                "SLOWLOG GET 1 2",
                "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.",
            ),
            ("SLOWLOG GET x", "-ERR count should be greater than or equal to -1"),
            ("SLOWLOG GET -2", "-ERR count should be greater than or equal to -1"),
        ],
    );
    assert!(server.say("SLOWLOG GET -1").starts_with("*3 *6 :6 "));
    check(
        &mut server,
        &[
            ("CONFIG SET slowlog-log-slower-than -1", "+OK"),
            ("SLOWLOG RESET", "+OK"),
            ("GET a", "$1 1"),
            ("SLOWLOG LEN", ":0"),
            ("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 0", "+OK"),
            ("SLOWLOG LEN", ":0"),
        ],
    );
}

#[test]
fn durations_are_distributed() {
    let mut server = Server::new();
    check(
        &mut server,
        &[
            ("SET a 1", "+OK"),
            ("SET a 1", "+OK"),
            ("CONFIG GET hz", "*2 $2 hz $2 10"),
            ("LATENCY HISTOGRAM nonsense get", "*0"),
        ],
    );
    let set = server.say("LATENCY HISTOGRAM SET nonsense");
    assert!(set.starts_with("*2 $3 set *4 $5 calls :2 $14 histogram_usec *2 :"), "{set}");
    assert!(set.ends_with(" :2"), "{set}");
    let config = server.say("LATENCY HISTOGRAM config");
    assert!(config.starts_with("*2 $10 config|get *4 $5 calls :1 "), "{config}");
    server.speak(Protocol::Resp3);
    assert!(server.say("LATENCY HISTOGRAM").starts_with("%3 "), "what was called");
    server.speak(Protocol::Resp2);
    check(
        &mut server,
        &[
            ("CONFIG SET latency-tracking no", "+OK"),
            ("CONFIG RESETSTAT", "+OK"),
            ("LATENCY HISTOGRAM", "*0"),
        ],
    );
}

#[test]
fn long_calls_are_monitored() {
    let mut server = Server::new();
    let none = "-ERR No samples available for event 'command'";
    check(
        &mut server,
        &[
            ("LATENCY LATEST", "*0"),
            ("LATENCY HISTORY command", "*0"),
            ("LATENCY GRAPH command", none),
            ("LATENCY RESET", ":0"),
        ],
    );
    assert!(server.say("LATENCY DOCTOR").contains("not being monitored"));
    server.say("CONFIG SET latency-monitor-threshold 100");
    assert!(server.say("LATENCY DOCTOR").contains("Nothing has taken 100 ms or longer"));
    server.engine.latency.note(crate::latency::COMMAND, BEGINNING_MS / 1000, 150);
    server.engine.latency.note(crate::latency::COMMAND, BEGINNING_MS / 1000 + 1, 120);
    server.engine.latency.note(crate::latency::EXPIRE_CYCLE, BEGINNING_MS / 1000, 100);
    check(
        &mut server,
        &[
            (
                "LATENCY LATEST",
                "*2 *4 $7 command :1700000001 :120 :150 *4 $12 expire-cycle :1700000000 :100 :100",
            ),
            ("LATENCY HISTORY command", "*2 *2 :1700000000 :150 *2 :1700000001 :120"),
        ],
    );
    let doctor = server.say("LATENCY DOCTOR");
    assert!(
        doctor.contains("1. command: 2 times (average 135 ms, mean deviation 15 ms"),
        "{doctor}"
    );
    assert!(doctor.contains("SLOWLOG") && doctor.contains("expire"), "{doctor}");
    assert!(server.say("LATENCY GRAPH command").contains("high 150 ms, low 120 ms"));
    check(&mut server, &[("LATENCY RESET command x command", ":1"), ("LATENCY RESET", ":1")]);
}

#[test]
fn debug_is_refused_unless_it_is_allowed() {
    let mut server = Server::new();
    let refused = "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run \
                   it from a local connection, otherwise you need to set this option in the configuration file, and then \
                   restart the server.";
    check(
        &mut server,
        &[
            ("DEBUG SLEEP 0", refused),
            ("DEBUG", "-ERR wrong number of arguments for 'debug' command"),
        ],
    );
    server.configure(|config| {
        config.security.debug_command = Permission::Local;
        config.security.password = "pw".into();
    });
    // The client of these tests is in the process itself.
    check(&mut server, &[("DEBUG SLEEP 0", "+OK")]);
    server.clients[0].authenticated = false;
    check(&mut server, &[("DEBUG SLEEP 0", "-NOAUTH Authentication required.")]);
    server.configure(|config| config.security.debug_command = Permission::Nobody);
    check(&mut server, &[("DEBUG SLEEP 0", refused)]);
}

#[test]
fn clients_on_this_machine_are_local() {
    let peer = |address: &str| crate::clients::Peer {
        address: address.to_owned(),
        ..crate::clients::Peer::default()
    };
    for address in ["127.0.0.1:5", "127.9.9.9:5", "[::1]:5", "[::ffff:127.0.0.1]:5"] {
        assert!(peer(address).is_local(), "{address}");
    }
    for address in ["10.0.0.1:5", "[fe80::1]:5", "[::ffff:10.0.0.1]:5", "nonsense"] {
        assert!(!peer(address).is_local(), "{address}");
    }
}

#[test]
fn debug_takes_words_as_redis_does() {
    let (mut server, noting) = server(Noting::default());
    let wrong = |name: &str| {
        format!(
            "-ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP."
        )
    };
    for call in [
        "NONSENSE",
        "SLEEP",
        "sleep 1 2",
        "SET-ACTIVE-EXPIRE",
        "OBJECT",
        "OBJECT a fast",
        "POPULATE",
        "POPULATE 1 2 3 4",
        "HTSTATS",
        "HTSTATS-KEY",
        "PROTOCOL",
        "REPLYBUFFER",
        "REPLYBUFFER PEAK-RESET-TIME",
        "REPLYBUFFER x y",
        "PAUSE-CRON",
        "STRINGMATCH-LEN 5 a*",
        "DICT-RESIZING",
        "CHANGE-REPL-ID x",
        "LOG",
        "LOG a b",
        "ERROR",
        "HELP x",
    ] {
        let name = call.split(' ').next().unwrap_or_default();
        check(&mut server, &[(&format!("DEBUG {call}"), &wrong(name))]);
    }
    for call in [
        "SLEEP x",
        "SLEEP -1",
        "SLEEP 0.5",
        "REPLYBUFFER PEAK-RESET-TIME never",
        "replybuffer peak-reset-time RESET",
        "REPLYBUFFER PEAK-RESET-TIME -5",
        "REPLYBUFFER RESIZING x",
        "DICT-RESIZING x",
        "LOG hi",
        "CHANGE-REPL-ID",
    ] {
        check(&mut server, &[(&format!("DEBUG {call}"), "+OK")]);
    }
    assert_eq!(*noting.slept_us.lock(), 500_000);
    assert!(noting.log.lock().contains(&(LogLevel::Warning, "DEBUG LOG: hi".to_owned())));
    check(
        &mut server,
        &[
            ("DEBUG REPLYBUFFER PEAK-RESET-TIME x", NO_INTEGER),
            ("DEBUG ERROR hi", "-hi"),
            ("DEBUG STRINGMATCH-TEST", "+Apparently Redis did not crash: test passed"),
        ],
    );
    assert!(server.say("DEBUG HELP").starts_with('*'));
    for crash in ["SEGFAULT", "PANIC", "ASSERT", "OOM"] {
        assert!(
            server.say(&format!("DEBUG {crash}")).starts_with("-ERR"),
            "the host of this test goes on"
        );
    }
    assert_eq!(noting.crashes.lock().len(), 4);
}

#[test]
fn wrong_checksums_are_no_matter_if_one_says_so() {
    let (mut server, _noting) = server(Noting::default());
    let mut payload = b"\x00\x05value\x0c\x00\x4a\x80\xf5\xf8\x3b\x80\x05\x27".to_vec();
    payload[3] ^= 1;
    let restore = |server: &mut Server| {
        server.answer(&[b"RESTORE".as_slice(), b"k", b"0", &payload, b"REPLACE"])
    };
    let refused = b"-ERR DUMP payload version or checksum are wrong\r\n";
    assert_eq!(restore(&mut server), refused);
    assert_eq!(server.answer(&["DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "1"]), b"+OK\r\n");
    assert_eq!(restore(&mut server), b"+OK\r\n");
    assert_eq!(server.answer(&["GET", "k"]), b"$5\r\nv`lue\r\n");
    assert_eq!(server.answer(&["DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "0"]), b"+OK\r\n");
    assert_eq!(restore(&mut server), refused);
}

#[test]
fn debug_switches() {
    let (mut server, _noting) = server(Noting::default());
    let engine = server.engine;
    let expires = || engine.switches.active_expiry.load(Ordering::Relaxed);
    let paused = || engine.switches.cron_paused.load(Ordering::Relaxed);
    for (word, is_on) in
        [("0", false), ("1", true), ("x", false), (" -7z", true), ("00", false), ("+1", true)]
    {
        server.answer(&["DEBUG", "SET-ACTIVE-EXPIRE", word]);
        server.answer(&["DEBUG", "PAUSE-CRON", word]);
        assert_eq!((expires(), paused()), (is_on, is_on), "{word}");
    }
    let id = server.engine.identity();
    server.say("DEBUG CHANGE-REPL-ID");
    assert_ne!(server.engine.identity(), id);
}

#[test]
fn debug_answers_every_type() {
    let (mut server, _noting) = server(Noting::default());
    let types = [
        ("string", "$11 Hello World", "$11 Hello World"),
        ("integer", ":12345", ":12345"),
        ("double", "$5 3.141", ",3.141"),
        (
            "bignum",
            "$37 1234567999999999999999999999999999999",
            "(1234567999999999999999999999999999999",
        ),
        ("null", "$-1", "_"),
        ("array", "*3 :0 :1 :2", "*3 :0 :1 :2"),
        ("set", "*3 :0 :1 :2", "~3 :0 :1 :2"),
        ("map", "*6 :0 :0 :1 :1 :2 :0", "%3 :0 #f :1 #t :2 #f"),
        (
            "attrib",
            "$39 Some real reply following the attribute",
            "|1 $14 key-popularity *2 $7 key:123 :90 $39 Some real reply following the attribute",
        ),
        (
            "push",
            "-ERR RESP2 is not supported by this command",
            "$40 Some real reply following the push reply >2 $16 server-cpu-usage :42",
        ),
        ("verbatim", "$25 This is a verbatim\nstring", "=29 txt:This is a verbatim\nstring"),
        ("TRUE", ":1", "#t"),
        ("false", ":0", "#f"),
    ];
    for (name, two, three) in types {
        let call = format!("DEBUG PROTOCOL {name}");
        server.speak(Protocol::Resp2);
        check(&mut server, &[(&call, two)]);
        server.speak(Protocol::Resp3);
        check(&mut server, &[(&call, three)]);
    }
    assert!(
        server.say("DEBUG PROTOCOL x").starts_with("-ERR Wrong protocol type name. Please use one")
    );
}

#[test]
fn debug_describes_values() {
    let (mut server, _noting) = server(Noting::default());
    check(
        &mut server,
        &[
            ("SET a 1", "+OK"),
            ("SET b hello", "+OK"),
            ("APPEND c he", ":2"),
            ("APPEND c llo", ":5"),
            ("SET d 123456", "+OK"),
        ],
    );
    server.advance_ms(5000);
    let describe = |server: &mut Server, key: &str| {
        let line = server.say(&format!("DEBUG OBJECT {key}"));
        line.split_once(" refcount:").map_or_else(|| line.clone(), |(_, rest)| rest.to_owned())
    };
    let lru = (BEGINNING_MS / 1000) & 0xff_ffff;
    let rest = format!("lru:{lru} lru_seconds_idle:5");
    assert_eq!(
        describe(&mut server, "a"),
        format!("2147483647 encoding:int serializedlength:2 {rest}")
    );
    assert_eq!(describe(&mut server, "b"), format!("1 encoding:embstr serializedlength:6 {rest}"));
    assert_eq!(describe(&mut server, "c"), format!("1 encoding:raw serializedlength:6 {rest}"));
    assert_eq!(describe(&mut server, "d"), format!("1 encoding:int serializedlength:5 {rest}"));
    server.configure(|config| {
        config.memory.limit_bytes = 1 << 30;
        config.memory.policy = EvictionPolicy::AllKeysLru;
    });
    assert!(describe(&mut server, "a").starts_with("1 encoding:int"));
    check(&mut server, &[("DEBUG OBJECT none", "-ERR no such key")]);
}

#[test]
fn debug_populates() {
    let (mut server, _noting) = server(Noting::default());
    let positive = "-ERR value is out of range, must be positive";
    server.effects();
    check(
        &mut server,
        &[
            ("SET key:1 mine", "+OK"),
            ("DEBUG POPULATE 3", "+OK"),
            ("DBSIZE", ":3"),
            ("GET key:0", "$7 value:0"),
            ("GET key:1", "$4 mine"),
            ("DEBUG POPULATE 1 long 10", "+OK"),
            ("GET long:0", "$10 value:0\0\0\0"),
            ("DEBUG POPULATE 1 short 3", "+OK"),
            ("GET short:0", "$3 val"),
            ("DEBUG POPULATE 1 zero 0", "+OK"),
            ("GET zero:0", "$7 value:0"),
            ("DEBUG POPULATE x", positive),
            ("DEBUG POPULATE -1", positive),
            ("DEBUG POPULATE 1 p -1", positive),
            ("DEBUG POPULATE 1 p 99999999999999", positive),
        ],
    );
    assert_eq!(server.effects(), ["SELECT 0", "SET key:1 mine"], "nothing else is replicated");
}

#[test]
fn debug_shows_tables() {
    let (mut server, _noting) = server(Noting::default());
    check(
        &mut server,
        &[
            ("DEBUG HTSTATS 0", "$29 [Dictionary HT]\n[Expires HT]"),
            ("DEBUG POPULATE 1000", "+OK"),
            ("EXPIRE key:0 100", ":1"),
            ("DEBUG HTSTATS 16", "-ERR Out of range database"),
            ("DEBUG HTSTATS -1", "-ERR Out of range database"),
            ("DEBUG HTSTATS x", NO_INTEGER),
            ("DEBUG HTSTATS-KEY none", "-ERR no such key"),
            (
                "DEBUG HTSTATS-KEY key:0 a b",
                "-ERR The value stored at the specified key is not represented using an hash table",
            ),
        ],
    );
    let (short, full) = (server.say("DEBUG HTSTATS 0"), server.say("DEBUG HTSTATS 0 full"));
    assert!(short.contains("number of elements: 1000\n[Expires HT]"), "{short}");
    assert!(short.ends_with("number of elements: 1"), "{short}");
    assert!(
        full.contains("Chain length distribution:") && full.contains("max chain length:"),
        "{full}"
    );
    let size = short.split("table size: ").nth(1).and_then(|rest| rest.split('\n').next());
    let size: usize = size.and_then(|size| size.parse().ok()).expect("a number");
    assert!(1000 <= size, "{short}");
}

#[test]
fn alone_nothing_happens_to_the_process() {
    let mut server = Server::with(|_| {}, Box::new(Alone));
    check(&mut server, &[("SHUTDOWN NOSAVE", "-ERR Errors trying to SHUTDOWN. Check logs.")]);
}
