//! What makes room and when, and what becomes of keys that nobody asks for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use config::Config;
use config::memory::EvictionPolicy as Policy;
use keyspace::Garbage;
use resp::Value;

use crate::host::{
    AllocatorReport, Alone, ConfigurationFile, CrashKind, Host, LogLevel, ProcessReport,
    ShutdownRefused, ShutdownRequest,
};
use crate::pause::PauseKind;
use crate::testing::Server;

const LIMIT: usize = 1_000_000;

/// A process whose memory is too full for as many looks as a test says.
#[derive(Clone, Default)]
struct Scale {
    /// So many looks before those find room.
    calm: Arc<AtomicUsize>,
    looks: Arc<AtomicUsize>,
    reclaimed: Arc<AtomicUsize>,
    /// Objects that wait to be freed.
    pending: Arc<AtomicUsize>,
}

impl Scale {
    /// Has it take the removal of `keys` keys, each followed by a look, until the memory is below the limit.
    fn needs(&self, keys: usize) {
        let first_look = 1;
        self.looks.store(first_look + keys, Ordering::Relaxed);
    }

    fn is_full_for_good(&self) {
        self.looks.store(usize::MAX, Ordering::Relaxed);
    }
}

impl Host for Scale {
    fn used_memory(&self) -> usize {
        let take_one = |looks: usize| looks.checked_sub(1);
        if self.calm.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one).is_ok() {
            return LIMIT;
        }
        let full = self.looks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one).is_ok();
        if full { LIMIT + 1 } else { LIMIT }
    }

    fn reclaim(&self, garbage: Garbage) {
        self.reclaimed.fetch_add(garbage.objects(), Ordering::Relaxed);
    }
    fn reclaimed(&self) -> (usize, usize) {
        (self.pending.load(Ordering::Relaxed), self.reclaimed.load(Ordering::Relaxed))
    }
    fn reset_reclaimed(&self) {
        self.reclaimed.store(0, Ordering::Relaxed);
    }
    fn close_client(&self, worker: usize, client: crate::clients::ClientId) {
        Alone.close_client(worker, client);
    }
    fn wake_workers(&self) {}
    fn wake_worker(&self, _worker: usize) {}
    fn log(&self, level: LogLevel, message: &str) {
        Alone.log(level, message);
    }
    fn sleep(&self, microseconds: u64) {
        Alone.sleep(microseconds);
    }
    fn shut_down(
        &self,
        request: ShutdownRequest,
        engine: &crate::Engine,
        view: &mut keyspace::View<'_>,
    ) -> Result<(), ShutdownRefused> {
        Alone.shut_down(request, engine, view)
    }
    fn crash(&self, kind: CrashKind) {
        Alone.crash(kind);
    }
    fn apply(
        &self,
        changed: &[&'static str],
        config: &Config,
    ) -> Result<(), crate::host::NotApplied> {
        Alone.apply(changed, config)
    }
    fn configuration_file(&self) -> Option<&dyn ConfigurationFile> {
        None
    }
    fn process(&self) -> ProcessReport {
        Alone.process()
    }
    fn allocator(&self) -> AllocatorReport {
        Alone.allocator()
    }
    fn purge_memory(&self) {}
    fn draw_id(&self) -> String {
        Alone.draw_id()
    }
    fn block_bytes(&self, bytes: usize) -> usize {
        Alone.block_bytes(bytes)
    }
    fn allocator_text(&self) -> Vec<u8> {
        Alone.allocator_text()
    }
}

fn server(policy: Policy) -> (Server, Scale) {
    let scale = Scale::default();
    let configured = |config: &mut Config| {
        config.memory.limit_bytes = LIMIT as u64;
        config.memory.policy = policy;
    };
    (Server::with(configured, Box::new(scale.clone())), scale)
}

/// Adds keys `prefix:0` and so on; those of a volatile kind expire in a second, two, three, ...
fn fill(server: &mut Server, prefix: &str, count: usize, volatile: bool) {
    for number in 0..count {
        assert_eq!(server.say(&format!("SET {prefix}:{number} x")), "+OK");
        if volatile {
            assert_eq!(server.say(&format!("EXPIRE {prefix}:{number} {}", number + 1)), ":1");
        }
    }
}

fn keys(server: &mut Server, pattern: &str) -> BTreeSet<String> {
    let answer = server.answer(&["KEYS", pattern]);
    let Ok(Some((list, _))) = Value::decode(&answer) else { panic!("KEYS answers a list") };
    list.as_array().unwrap_or_default().iter().filter_map(Value::as_text).collect()
}

/// The number in a key's name.
fn number(key: &str) -> usize {
    key.rsplit(':').next().and_then(|digits| digits.parse().ok()).expect("keys end in numbers")
}

#[test]
fn without_eviction_commands_that_need_memory_fail() {
    let (mut server, scale) = server(Policy::NoEviction);
    fill(&mut server, "k", 3, true);
    scale.is_full_for_good();
    let refused = "-OOM command not allowed when used memory > 'maxmemory'.";
    assert_eq!(server.say("SET k:0 x"), refused);
    assert_eq!(server.say("COPY k:0 k:9"), refused);
    assert_eq!(server.say("GET k:0"), "$1 x");
    assert_eq!(server.say("EXPIRE k:0 10"), ":1");
    assert_eq!(server.say("RENAME k:0 k:1"), "+OK");
    assert_eq!(server.say("DEL k:1 k:2"), ":2");
    assert_eq!(server.numbers().evicted_keys, 0);
    scale.needs(0);
    server.say("PING");
    assert_eq!(server.say("SET k:0 x"), "+OK");
}

#[test]
fn any_keys_make_room_under_allkeys_policies() {
    for policy in [Policy::AllKeysLru, Policy::AllKeysLfu, Policy::AllKeysRandom] {
        let (mut server, scale) = server(policy);
        fill(&mut server, "plain", 50, false);
        fill(&mut server, "volatile", 50, true);
        scale.needs(40);
        assert_eq!(server.say("SET new x"), "+OK", "{policy:?}");
        assert_eq!(server.say("DBSIZE"), ":61", "{policy:?}");
        assert_eq!(server.numbers().evicted_keys, 40);
        scale.needs(61);
        assert_eq!(server.say("SET new x"), "+OK", "{policy:?}");
        assert_eq!(server.say("DBSIZE"), ":1", "{policy:?}");
        scale.is_full_for_good();
        assert!(server.say("SET new x").starts_with("-OOM"), "{policy:?} evicts the last key, too");
        assert_eq!(server.say("DBSIZE"), ":0", "{policy:?}");
    }
}

#[test]
fn only_keys_that_expire_make_room_under_volatile_policies() {
    let policies =
        [Policy::VolatileLru, Policy::VolatileLfu, Policy::VolatileRandom, Policy::VolatileTtl];
    for policy in policies {
        let (mut server, scale) = server(policy);
        fill(&mut server, "plain", 200, false);
        fill(&mut server, "volatile", 30, true);
        scale.needs(20);
        assert_eq!(server.say("SET new x"), "+OK", "{policy:?}");
        assert_eq!(keys(&mut server, "plain:*").len(), 200, "{policy:?}");
        assert_eq!(keys(&mut server, "volatile:*").len(), 10, "{policy:?}");
        // Those left in the pool must not be evicted once they no longer expire.
        for key in keys(&mut server, "volatile:*") {
            server.say(&format!("PERSIST {key}"));
        }
        scale.is_full_for_good();
        assert!(server.say("SET new y").starts_with("-OOM"), "{policy:?}");
        assert_eq!(server.say("DBSIZE"), ":211", "{policy:?}");
    }
}

#[test]
fn the_longest_unused_go_first() {
    for (policy, volatile) in [(Policy::AllKeysLru, false), (Policy::VolatileLru, true)] {
        let (mut server, scale) = server(policy);
        fill(&mut server, "k", 1000, volatile);
        for number in 0..1000 {
            server.say(&format!("EXPIRE k:{number} 100000"));
        }
        server.advance_ms(100_000);
        for number in 500..1000 {
            server.say(&format!("GET k:{number}"));
        }
        scale.needs(300);
        assert_eq!(server.say("PING"), "+PONG");
        let left = keys(&mut server, "*");
        assert_eq!(left.len(), 700);
        let recent = left.iter().filter(|key| 500 <= number(key)).count();
        assert!(490 <= recent, "{policy:?} left {recent} of 500 that were just used");
    }
}

#[test]
fn the_least_used_go_first() {
    for (policy, volatile) in [(Policy::AllKeysLfu, false), (Policy::VolatileLfu, true)] {
        let (mut server, scale) = server(policy);
        fill(&mut server, "k", 1000, volatile);
        for number in (500..1000).cycle().take(500 * 100) {
            server.say(&format!("GET k:{number}"));
        }
        scale.needs(300);
        assert_eq!(server.say("PING"), "+PONG");
        let left = keys(&mut server, "*");
        assert_eq!(left.len(), 700);
        let used = left.iter().filter(|key| 500 <= number(key)).count();
        assert!(480 <= used, "{policy:?} left {used} of 500 that are used much");
    }
}

#[test]
fn the_next_to_expire_go_first() {
    let (mut server, scale) = server(Policy::VolatileTtl);
    fill(&mut server, "k", 1000, true);
    scale.needs(200);
    server.say("PING");
    let left = keys(&mut server, "*");
    assert_eq!(left.len(), 800);
    let late = left.iter().filter(|key| 500 <= number(key)).count();
    assert!(490 <= late, "left {late} of the 500 that expire last");
}

#[test]
fn a_key_that_was_used_since_it_was_sampled_stays() {
    let (mut server, scale) = server(Policy::AllKeysLru);
    // Each round looks at all keys, so the order is exact.
    server.configure(|config| config.memory.samples = 64);
    fill(&mut server, "k", 16, false);
    server.advance_ms(100_000);
    scale.needs(1);
    server.say("PING");
    server.advance_ms(100_000);
    let kept: Vec<String> = keys(&mut server, "*").into_iter().take(8).collect();
    for key in &kept {
        server.say(&format!("GET {key}"));
    }
    scale.needs(7);
    server.say("PING");
    assert_eq!(keys(&mut server, "*"), kept.into_iter().collect());
}

#[test]
fn all_databases_make_room() {
    for policy in [Policy::AllKeysLru, Policy::AllKeysRandom, Policy::VolatileTtl] {
        let (mut server, scale) = server(policy);
        fill(&mut server, "k", 10, true);
        for number in 0..10 {
            assert_eq!(server.say(&format!("COPY k:{number} k:{number} DB 9")), ":1");
        }
        scale.needs(20);
        server.say("PING");
        assert_eq!(server.say("DBSIZE"), ":0", "{policy:?}");
        server.say("SWAPDB 0 9");
        assert_eq!(server.say("DBSIZE"), ":0", "{policy:?}");
        // Where there were none before.
        fill(&mut server, "k", 10, true);
        server.say("SWAPDB 0 5");
        scale.needs(10);
        server.say("SWAPDB 0 5");
        assert_eq!(server.say("DBSIZE"), ":0", "{policy:?}");
    }
}

#[test]
fn evictions_are_effects() {
    let (mut server, scale) = server(Policy::VolatileTtl);
    fill(&mut server, "k", 3, true);
    server.effects();
    scale.needs(2);
    server.say("SET other x");
    assert_eq!(server.effects(), ["SELECT 0", "DEL k:0", "DEL k:1", "SET other x"]);
    server.configure(|config| config.memory.lazy_eviction = true);
    scale.needs(1);
    server.say("GET other");
    assert_eq!(server.effects(), ["UNLINK k:2"]);
}

#[test]
fn big_values_are_freed_elsewhere_only_if_asked() {
    let (mut server, scale) = server(Policy::AllKeysRandom);
    let big = vec![b'x'; 2_000_000];
    for (lazy, reclaimed) in [(false, 0), (true, 1)] {
        server.configure(|config| config.memory.lazy_eviction = lazy);
        server.answer(&[&b"SET"[..], b"k", &big]);
        scale.needs(1);
        server.say("PING");
        assert_eq!(server.say("DBSIZE"), ":0");
        assert_eq!(scale.reclaimed.load(Ordering::Relaxed), reclaimed);
    }
    let mut reclaimed_by = |call: &str| {
        server.answer(&[&b"SET"[..], b"k", &big]);
        server.say("SET small x");
        scale.reclaimed.store(0, Ordering::Relaxed);
        server.say(call);
        scale.reclaimed.load(Ordering::Relaxed)
    };
    assert_eq!(reclaimed_by("DEL k small"), 0);
    assert_eq!(reclaimed_by("UNLINK k small"), 1);
    assert_eq!(reclaimed_by("FLUSHALL"), 0);
    assert_eq!(reclaimed_by("FLUSHALL SYNC"), 0);
    assert_eq!(reclaimed_by("FLUSHDB ASYNC"), 2);
    server.configure(|config| {
        config.memory.lazy_user_del = true;
        config.memory.lazy_user_flush = true;
    });
    let mut reclaimed_by = |call: &str| {
        server.answer(&[&b"SET"[..], b"k", &big]);
        server.say("SET small x");
        scale.reclaimed.store(0, Ordering::Relaxed);
        server.say(call);
        scale.reclaimed.load(Ordering::Relaxed)
    };
    assert_eq!(reclaimed_by("DEL k small"), 1);
    assert_eq!(reclaimed_by("FLUSHALL"), 2);
    assert_eq!(reclaimed_by("FLUSHALL SYNC"), 0);
}

#[test]
fn memory_that_is_about_to_be_freed_is_waited_for() {
    let (mut server, scale) = server(Policy::AllKeysRandom);
    scale.is_full_for_good();
    scale.pending.store(1, Ordering::Relaxed);
    assert_eq!(server.say("SET k x"), "+OK");
    assert_eq!(server.say("PING"), "+PONG");
    assert_eq!(server.say("DBSIZE"), ":0", "it was evicted");
    scale.pending.store(0, Ordering::Relaxed);
    assert!(server.say("SET k x").starts_with("-OOM"));
}

#[test]
fn eviction_takes_no_longer_than_it_may() {
    let (mut server, scale) = server(Policy::AllKeysRandom);
    fill(&mut server, "k", 2000, false);
    scale.is_full_for_good();
    assert_eq!(server.say("SET new x"), "+OK", "it goes on with the next calls");
    let evicted = server.numbers().evicted_keys;
    assert!((1..1000).contains(&evicted), "{evicted}");
    server.configure(|config| config.memory.eviction_tenacity = 100);
    assert!(server.say("SET new x").starts_with("-OOM"));
    assert_eq!(server.numbers().evicted_keys, 2001);
}

#[test]
fn nothing_is_evicted_while_writes_are_paused() {
    let (mut server, scale) = server(Policy::AllKeysRandom);
    fill(&mut server, "k", 10, false);
    server.engine.pause.begin(PauseKind::Writes, server.now_ms + 1000, server.now_ms);
    scale.needs(5);
    assert_eq!(server.say("DBSIZE"), ":10");
    server.advance_ms(1000);
    scale.needs(5);
    assert_eq!(server.say("DBSIZE"), ":5");
}

/// Lets the search for expired keys go on for long enough that every key is looked at.
fn expire_all(server: &mut Server) {
    for _ in 0..200 {
        server.expire_actively(1_000_000);
    }
}

#[test]
fn keys_expire_without_being_asked_for() {
    let mut server = Server::new();
    for number in 0..20_000 {
        server.say(&format!("SET k:{number} x"));
        server.say(&format!("PEXPIRE k:{number} {}", 1000 + number % 2 * 1_000_000));
    }
    server.effects();
    expire_all(&mut server);
    assert_eq!(server.say("DBSIZE"), ":20000");
    server.advance_ms(1001);
    expire_all(&mut server);
    assert_eq!(server.say("DBSIZE"), ":10000");
    let numbers = server.numbers();
    assert_eq!(numbers.expired_keys, 10_000);
    assert_eq!((numbers.keyspace_hits, numbers.keyspace_misses), (0, 0));
    let effects = server.effects();
    assert_eq!(effects.len(), 1 + 10_000);
    assert!(effects[1..].iter().all(|effect| effect.starts_with("DEL k:")));
    let average_ms = server.engine.vitals.databases()[0].average_life_ms;
    assert!((900_000.0..=1_001_000.0).contains(&average_ms), "{average_ms}");
}

#[test]
fn few_expired_keys_are_found_among_many_others() {
    let mut server = Server::new();
    for number in 0..10_000 {
        server.say(&format!("SET k:{number} x"));
        let life_ms = if number % 50 == 0 { 1000 } else { 1_000_000 };
        server.say(&format!("PEXPIRE k:{number} {life_ms}"));
    }
    server.advance_ms(1001);
    expire_all(&mut server);
    assert_eq!(server.numbers().expired_keys, 200);
    assert!(server.engine.vitals.stale_percent() < 10.0);
}

#[test]
fn keys_of_all_databases_expire() {
    let mut server = Server::new();
    server.configure(|config| config.memory.lazy_expire = true);
    for database in 1..16 {
        server.say("SET k x");
        server.say("PEXPIRE k 10");
        server.say(&format!("MOVE k {database}"));
    }
    server.advance_ms(11);
    server.effects();
    expire_all(&mut server);
    assert_eq!(server.numbers().expired_keys, 15);
    assert_eq!(server.effects().iter().filter(|effect| *effect == "UNLINK k").count(), 15);
}

#[test]
fn the_search_ends_when_its_time_is_up() {
    let mut server = Server::new();
    fill(&mut server, "k", 5000, false);
    for number in 0..5000 {
        server.say(&format!("PEXPIRE k:{number} 10"));
    }
    server.advance_ms(11);
    // The clock of the tests goes on by 1000 with each step.
    server.expire_actively(10_000);
    let numbers = server.numbers();
    assert!((100..1000).contains(&numbers.expired_keys), "{}", numbers.expired_keys);
    assert_eq!(numbers.expired_time_cap_reached, 1);
    assert!(0 < numbers.expire_cycle_us);
    let before = numbers.expired_keys;
    server.configure(|config| config.memory.active_expire_effort = 10);
    server.expire_actively(10_000);
    let harder = server.numbers().expired_keys - before;
    assert!(before * 2 < harder, "{before} at an effort of 1, {harder} at 10");
    server.expire_actively(u64::MAX / 100);
    assert!(4900 <= server.numbers().expired_keys);
    assert_eq!(server.numbers().expired_time_cap_reached, 2);
}

#[test]
fn the_search_can_be_switched_off() {
    let mut server = Server::new();
    fill(&mut server, "k", 10, true);
    server.advance_ms(100_000);
    server.engine.switches.active_expiry.store(false, Ordering::Relaxed);
    expire_all(&mut server);
    assert_eq!(server.numbers().expired_keys, 0);
    server.engine.switches.active_expiry.store(true, Ordering::Relaxed);
    server.engine.pause.begin(PauseKind::Writes, server.now_ms + 1000, server.now_ms);
    expire_all(&mut server);
    assert_eq!(server.numbers().expired_keys, 0, "time stands still while writes are paused");
    assert_eq!(server.say("GET k:0"), "$-1");
    server.advance_ms(1000);
    expire_all(&mut server);
    assert_eq!(server.numbers().expired_keys, 10);
}

#[test]
fn scripts_and_functions_respect_the_memory_limit() {
    let (mut server, scale) = server(Policy::NoEviction);
    let oom = "-OOM command not allowed when used memory > 'maxmemory'.";
    let library = "#!lua name=lib
        redis.register_function('set', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
        redis.register_function{function_name='read', callback=function(keys) return redis.call('GET', keys[1]) end,
            flags={'no-writes'}}";
    server.engine.functions.load_code(library.as_bytes()).expect("it can be loaded");
    scale.is_full_for_good();
    let eval = |server: &mut Server, script: &str| {
        String::from_utf8_lossy(&server.answer(&["EVAL", script, "0"]))
            .trim_end()
            .replace("\r\n", " ")
    };
    assert_eq!(eval(&mut server, "return 1"), ":1");
    assert_eq!(eval(&mut server, "#!lua\nreturn 1"), oom);
    assert_eq!(eval(&mut server, "#!lua flags=no-writes\nreturn 1"), ":1");
    assert_eq!(eval(&mut server, "#!lua flags=allow-oom\nreturn redis.call('SET', 'a', 1)"), "+OK");
    let refused = eval(&mut server, "return redis.call('SET', 'a', 1)");
    assert!(refused.starts_with(&format!("{oom} script: ")), "{refused}");
    assert_eq!(eval(&mut server, "return redis.pcall('SET', 'a', 1)"), oom);
    assert_eq!(eval(&mut server, "redis.call('DEL', 'a') return redis.call('SET', 'a', 1)"), "+OK");
    assert_eq!(server.say("FCALL set 1 a 1"), oom);
    assert_eq!(server.say("FCALL read 1 a"), "$1 1");
    assert_eq!(server.say("FUNCTION LOAD x"), oom);
}

#[test]
fn what_is_evicted_in_the_middle_of_a_batch_is_told_after_what_was_written_before() {
    const CALLS: usize = 6;
    for calm in 0..CALLS {
        let (mut server, scale) = server(Policy::AllKeysRandom);
        server.effects();
        let mut input = Vec::new();
        for number in 0..CALLS {
            resp::value::encode_request(&["SET", &format!("k:{number}"), "x"], &mut input);
        }
        scale.calm.store(calm, Ordering::Relaxed);
        scale.needs(1);
        server.send(0, &input);
        let effects = server.effects();
        let removed = effects
            .iter()
            .position(|effect| effect.starts_with("UNLINK") || effect.starts_with("DEL"));
        // At the first call there is nothing to evict.
        assert_eq!(removed, (0 < calm).then_some(1 + calm), "{effects:?}");
        let mut copy = Server::new();
        for effect in &effects {
            copy.say(effect);
        }
        assert_eq!(copy.contents(), server.contents(), "{effects:?}");
    }
}
