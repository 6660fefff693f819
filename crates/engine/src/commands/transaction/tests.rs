//! Transactions in process.

use resp::Protocol;

use crate::testing::Server;

#[test]
fn calls_are_queued_and_run_as_one() {
    let mut server = Server::new();
    assert_eq!(server.say("MULTI"), "+OK");
    assert_eq!(server.say("SET a 1"), "+QUEUED");
    assert_eq!(server.say("INCR a"), "+QUEUED");
    assert!(server.say("NOSUCH a").starts_with("-ERR unknown command 'NOSUCH'"));
    assert_eq!(server.say("EXEC"), "-EXECABORT Transaction discarded because of previous errors.");
    assert_eq!(server.say("GET a"), "$-1");
    for line in ["MULTI", "SET a 1", "INCR a", "APPEND a x", "INCR a", "GET a"] {
        server.say(line);
    }
    let errors = server.numbers().error_replies;
    assert_eq!(
        server.say("EXEC"),
        "*5 +OK :2 :2 -ERR value is not an integer or out of range $2 2x"
    );
    assert_eq!(server.numbers().error_replies, errors + 1);
    assert_eq!(server.say("EXEC"), "-ERR EXEC without MULTI");
}

#[test]
fn what_cannot_be_in_a_transaction_is_refused() {
    let mut server = Server::new();
    assert_eq!(server.say("DISCARD"), "-ERR DISCARD without MULTI");
    server.say("MULTI");
    assert_eq!(server.say("MULTI"), "-ERR MULTI calls can not be nested");
    assert_eq!(server.say("WATCH a"), "-ERR WATCH inside MULTI is not allowed");
    assert_eq!(server.say("PING"), "+QUEUED");
    assert_eq!(server.say("EXEC"), "*1 +PONG", "neither of them breaks it");
    server.say("MULTI");
    assert_eq!(server.say("SHUTDOWN"), "-ERR Command not allowed inside a transaction");
    assert_eq!(server.say("EXEC"), "-EXECABORT Transaction discarded because of previous errors.");
    server.say("MULTI");
    assert_eq!(
        server.say("EXEC x"),
        "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command"
    );
    assert_eq!(server.say("EXEC"), "-ERR EXEC without MULTI");
    server.say("MULTI");
    server.say("SET a 1");
    assert_eq!(server.say("DISCARD"), "+OK");
    assert_eq!(server.say("EXISTS a"), ":0");
    server.say("MULTI");
    assert_eq!(server.say("RESET"), "+RESET");
    assert_eq!(server.say("PING"), "+PONG");
}

#[test]
fn effects_are_wrapped_once() {
    let mut server = Server::new();
    server.effects();
    for line in ["MULTI", "SET a 1", "GET a", "MSET b 1 c 2", "SELECT 1", "SET d 1 EX 10", "EXEC"] {
        server.say(line);
    }
    assert_eq!(
        server.effects(),
        [
            "MULTI",
            "SELECT 0",
            "SET a 1",
            "MSET b 1 c 2",
            "SELECT 1",
            "SET d 1 PXAT 1700000010000",
            "EXEC"
        ]
    );
    for line in ["MULTI", "GET d", "SET d 2", "EXEC"] {
        server.say(line);
    }
    assert_eq!(server.effects(), ["SET d 2"], "one effect needs no wrapping");
}

#[test]
fn everything_can_be_reached_in_a_transaction() {
    let mut server = Server::new();
    server.say("MSET a 1 b 2");
    for line in [
        "MULTI",
        "DBSIZE",
        "FLUSHALL",
        "DBSIZE",
        "SET c 1",
        "KEYS *",
        "RANDOMKEY",
        "SCAN 0 COUNT 1000",
        "SWAPDB 0 1",
        "DBSIZE",
    ] {
        server.say(line);
    }
    let answer = server.say("EXEC");
    assert!(answer.starts_with("*9 :2 +OK :0 +OK *1 $1 c $1 c *2 "), "{answer}");
    assert!(answer.ends_with(" +OK :0"), "{answer}");
}

/// `act` is done by another client between WATCH and EXEC, by the first one before it.
fn runs(before: &[&str], act: impl FnOnce(&mut Server)) -> bool {
    let mut server = Server::new();
    let other = server.connect();
    for line in before {
        server.say_to(other, line);
    }
    assert_eq!(server.say("WATCH w v"), "+OK");
    act(&mut server);
    server.say("MULTI");
    server.say("PING");
    let answer = server.say("EXEC");
    assert!(answer == "*1 +PONG" || answer == "*-1", "{answer}");
    assert!(server.watched_keys() == 0, "EXEC unwatches");
    answer == "*1 +PONG"
}

#[test]
fn watching_sees_every_change() {
    let by = |line: &'static str| move |server: &mut Server| drop(server.say_to(1, line));
    assert!(runs(&[], |_| {}));
    assert!(runs(&["SET w 1"], by("GET w")));
    assert!(runs(&["SET w 1"], by("SET other 1")));
    assert!(!runs(&[], by("SET w 1")));
    assert!(!runs(&["SET w 1"], by("SET w 1")));
    assert!(!runs(&["SET w 1"], by("DEL w")));
    assert!(!runs(&["SET w 1"], by("UNLINK w")));
    assert!(runs(&[], by("DEL w")));
    assert!(!runs(&["SET w 1"], by("EXPIRE w 100")));
    assert!(!runs(&["SET w 1"], by("RENAME w x")));
    assert!(!runs(&["SET x 1"], by("RENAME x w")));
    assert!(!runs(&["SET v 1"], by("MOVE v 1")));
    assert!(!runs(&["SET v 1"], by("FLUSHALL")));
    assert!(!runs(&["SET v 1"], by("FLUSHDB")));
    assert!(runs(&["SET x 1"], by("FLUSHALL")), "neither was there");
    assert!(!runs(&["SET v 1"], by("SWAPDB 0 1")));
    assert!(runs(&["SET x 1"], by("SWAPDB 0 1")));
    assert!(runs(&["SET w 1"], by("SWAPDB 1 2")));
    assert!(runs(&[], |server| {
        server.say_to(1, "SELECT 1");
        server.say_to(1, "SET w 1");
    }));
    assert!(!runs(&[], |server| {
        server.say_to(1, "SELECT 1");
        server.say_to(1, "SET w 1");
        server.say_to(1, "SWAPDB 1 0");
    }));
    assert!(!runs(&[], |server| drop(server.say("SET w 1"))), "its own change is one, too");
    assert!(!runs(&[], |server| {
        server.say_to(1, "MULTI");
        server.say_to(1, "SET w 1");
        server.say_to(1, "EXEC");
    }));
    assert!(runs(&[], |server| {
        server.say_to(1, "SET w 1");
        server.say("UNWATCH");
    }));
    assert!(runs(&[], |server| {
        server.say_to(1, "SET w 1");
        server.say("MULTI");
        server.say("DISCARD");
    }));
}

#[test]
fn expiry_is_a_change_unless_it_came_first() {
    let expire = |server: &mut Server| server.advance_ms(2);
    let expire_and = |line: &'static str| {
        move |server: &mut Server| {
            server.advance_ms(2);
            server.say_to(1, line);
        }
    };
    assert!(!runs(&["SET w 1 PX 1"], expire), "though nobody has removed it yet");
    assert!(!runs(&["SET w 1 PX 1"], expire_and("GET w")));
    assert!(!runs(&["SET w 1 PX 1"], |server| {
        server.advance_ms(2);
        server.expire_actively(1_000_000_000);
    }));
    // Expired before it is watched, and still there.
    let watched_late = |act: &dyn Fn(&mut Server)| {
        let mut server = Server::new();
        server.connect();
        server.say("SET w 1 PX 1");
        server.advance_ms(2);
        server.say("WATCH w");
        act(&mut server);
        server.say("MULTI");
        server.say("PING");
        server.say("EXEC") == "*1 +PONG"
    };
    assert!(watched_late(&|_| {}));
    assert!(watched_late(&|server| drop(server.say_to(1, "GET w"))));
    assert!(watched_late(&|server| drop(server.say_to(1, "FLUSHALL"))));
    assert!(watched_late(&|server| drop(server.say_to(1, "DEL w"))));
    assert!(watched_late(&|server| server.expire_actively(1_000_000_000)));
    assert!(!watched_late(&|server| drop(server.say_to(1, "SET w 1"))));
}

#[test]
fn a_client_shows_its_transaction() {
    let mut server = Server::new();
    let other = server.connect();
    let shown = |server: &mut Server| server.say_to(1, "CLIENT LIST ID 1");
    server.say("WATCH a b a");
    assert!(shown(&mut server).contains(" multi=-1 watch=2 "));
    server.say_to(other, "SET a 1");
    let line = shown(&mut server);
    assert!(line.contains("flags=d ") && line.contains(" watch=0 "), "{line}");
    server.say("MULTI");
    server.say("GET a");
    let line = shown(&mut server);
    assert!(line.contains("flags=xd ") && line.contains(" multi=1 "), "{line}");
    assert!(!line.contains("multi-mem=0"), "{line}");
    server.speak(Protocol::Resp3);
    assert_eq!(server.say("EXEC"), "_");
    let line = shown(&mut server);
    assert!(line.contains("flags=N ") && line.contains(" multi=-1 watch=0 "), "{line}");
}

#[test]
fn who_is_gone_watches_nothing() {
    let mut server = Server::new();
    let other = server.connect();
    server.say_to(other, "WATCH a b c");
    assert!(server.watched_keys() == 3);
    server.disconnect(other);
    assert!(server.watched_keys() == 0);
}

#[test]
fn queued_calls_are_counted_as_calls() {
    let mut server = Server::new();
    for line in ["MULTI", "SET a 1", "INCR a", "LCS a", "EXEC"] {
        server.say(line);
    }
    for line in ["MULTI", "SET a 1", "INCR a", "EXEC"] {
        server.say(line);
    }
    let numbers = server.numbers();
    let calls = |name: &[u8]| {
        let id = server.engine.commands.find(name).expect("it is there").id;
        let counted = &numbers.commands[usize::from(id)];
        (counted.calls, counted.failed, counted.rejected)
    };
    assert_eq!(calls(b"set"), (1, 0, 0));
    assert_eq!(calls(b"lcs"), (0, 0, 1));
    assert_eq!(calls(b"exec"), (2, 1, 0));
    assert_eq!(calls(b"multi"), (2, 0, 0));
}

/// A key that is named twice is watched once, and what is watched in another database is another key.
#[test]
fn many_keys_are_watched_at_the_cost_of_each() {
    const KEYS: usize = 50_000;
    let mut server = Server::new();
    let names: Vec<String> = (0..KEYS).map(|number| format!("key:{number}")).collect();
    let mut words = vec!["WATCH".to_owned()];
    words.extend(names.iter().chain(&names).cloned());
    assert_eq!(server.answer(&words), b"+OK\r\n");
    assert_eq!(server.watched_keys(), KEYS);
    server.say("SELECT 1");
    server.say("WATCH key:1");
    assert_eq!(server.watched_keys(), KEYS + 1);
    server.say("UNWATCH");
    assert_eq!(server.watched_keys(), 0);
}
