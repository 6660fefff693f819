//! Waits in process: who is served, in which order, and what is told of it. The replies are those of Redis 7.4 to the same calls.

use keyspace::AwaitedKeys;
use resp::Protocol;

use crate::Next;
use crate::testing::Server;

/// A server with so many clients beside the first.
fn server(clients: usize) -> Server {
    let mut server = Server::new();
    for _ in 0..clients {
        server.connect();
    }
    server
}

/// Has a client make a call that waits.
#[track_caller]
fn block(server: &mut Server, client: usize, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    let (answer, next) = server.call(client, &words);
    assert_eq!((String::from_utf8_lossy(&answer).as_ref(), next), ("", Next::Block), "{line}");
}

/// Nobody waits for anything.
#[track_caller]
fn assert_nobody_waits(server: &mut Server) {
    let none = AwaitedKeys { all: 0, minded: 0 };
    assert_eq!(server.engine.keyspace.awaited_keys(), none);
    let info = server.say("INFO clients");
    assert!(info.contains(" blocked_clients:0 "), "{info}");
}

#[test]
fn those_who_wait_are_served_in_the_order_in_which_they_came() {
    let mut server = server(3);
    block(&mut server, 1, "BLPOP k 0");
    block(&mut server, 2, "BRPOP other k 0");
    block(&mut server, 3, "BLPOP k 0");
    assert_eq!(server.say("RPUSH k a b"), ":2");
    assert_eq!(server.received(1), "*2 $1 k $1 a");
    assert_eq!(server.received(2), "*2 $1 k $1 b");
    assert_eq!(server.received(3), "");
    assert_eq!(server.say("EXISTS k"), ":0");
    assert_eq!(server.say("RPUSH k c d"), ":2");
    assert_eq!(server.received(3), "*2 $1 k $1 c");
    assert_eq!(server.say("LRANGE k 0 -1"), "*1 $1 d");
    assert_nobody_waits(&mut server);
}

#[test]
fn who_finds_something_does_not_wait() {
    let mut server = server(0);
    server.say("RPUSH l a b c d e f");
    server.say("ZADD z 1 a 2 b 3 c 4 d");
    assert_eq!(server.say("BLPOP none l 0"), "*2 $1 l $1 a");
    assert_eq!(server.say("BRPOP l none 0"), "*2 $1 l $1 f");
    assert_eq!(server.say("BLMPOP 0 2 none l RIGHT COUNT 2"), "*2 $1 l *2 $1 e $1 d");
    assert_eq!(server.say("BLMOVE l m LEFT RIGHT 0"), "$1 b");
    assert_eq!(server.say("BRPOPLPUSH l m 0"), "$1 c");
    assert_eq!(server.say("LRANGE m 0 -1"), "*2 $1 c $1 b");
    assert_eq!(server.say("BZPOPMIN none z 0"), "*3 $1 z $1 a $1 1");
    assert_eq!(server.say("BZPOPMAX z 0"), "*3 $1 z $1 d $1 4");
    assert_eq!(server.say("BZMPOP 0 1 z MIN COUNT 9"), "*2 $1 z *2 *2 $1 b $1 2 *2 $1 c $1 3");
}

#[test]
fn what_waits_is_answered_in_its_own_protocol_and_database() {
    let mut server = server(2);
    server.clients[1].protocol = Protocol::Resp3;
    server.say_to(1, "SELECT 3");
    block(&mut server, 1, "BZPOPMAX z 0");
    server.say("ZADD z 1 elsewhere");
    assert_eq!(server.received(1), "");
    server.say_to(2, "SELECT 3");
    server.say_to(2, "ZADD z 1.5 m");
    assert_eq!(server.received(1), "*3 $1 z $1 m ,1.5");
    block(&mut server, 1, "BLPOP l 0");
    assert_eq!(server.time_out(1), "_");
    assert_nobody_waits(&mut server);
}

#[test]
fn effects_are_those_of_the_command_that_does_not_wait_after_those_of_the_one_that_wakes() {
    let cases = [
        ("BLPOP k 0", "RPUSH k 1 2", "LPOP k"),
        ("BRPOP k m 0", "RPUSH k 1 2", "RPOP k"),
        ("BLMOVE k m LEFT RIGHT 0", "RPUSH k 1 2", "LMOVE k m LEFT RIGHT"),
        ("BRPOPLPUSH k m 0", "RPUSH k 1 2", "RPOPLPUSH k m"),
        ("BLMPOP 0 2 m k RIGHT COUNT 5", "RPUSH k 1 2", "RPOP k 2"),
        ("BZPOPMIN k 0", "ZADD k 1 a 2 b", "ZPOPMIN k"),
        ("BZPOPMAX k 0", "ZADD k 1 a 2 b", "ZPOPMAX k"),
        ("BZMPOP 0 1 k MAX COUNT 2", "ZADD k 1 a 2 b 3 c", "ZPOPMAX k 2"),
    ];
    for (waiting, waking, effect) in cases {
        let mut server = server(1);
        server.effects();
        block(&mut server, 1, waiting);
        server.say(waking);
        assert_eq!(server.effects(), ["SELECT 0", waking, effect], "{waiting}");
        assert_nobody_waits(&mut server);
    }
}

#[test]
fn what_a_served_client_moves_serves_others() {
    let mut server = server(3);
    block(&mut server, 1, "BLMOVE a b LEFT LEFT 0");
    block(&mut server, 2, "BLMOVE b c LEFT LEFT 0");
    block(&mut server, 3, "BLPOP c 0");
    server.effects();
    server.say("LPUSH a x");
    assert_eq!(server.received(1), "$1 x");
    assert_eq!(server.received(2), "$1 x");
    assert_eq!(server.received(3), "*2 $1 c $1 x");
    assert_eq!(server.say("DBSIZE"), ":0");
    let effects = ["SELECT 0", "LPUSH a x", "LMOVE a b LEFT LEFT", "LMOVE b c LEFT LEFT", "LPOP c"];
    assert_eq!(server.effects(), effects);
    assert_nobody_waits(&mut server);
}

#[test]
fn a_circle_of_moves_ends() {
    let mut server = server(3);
    block(&mut server, 1, "BLMOVE a b LEFT RIGHT 0");
    block(&mut server, 2, "BLMOVE b a LEFT RIGHT 0");
    block(&mut server, 3, "BLPOP a 0");
    server.say("RPUSH a e");
    assert_eq!(server.received(1), "$1 e");
    assert_eq!(server.received(2), "$1 e");
    assert_eq!(server.received(3), "*2 $1 a $1 e");
    block(&mut server, 1, "BLMOVE a a LEFT RIGHT 0");
    server.say("RPUSH a e f");
    assert_eq!(server.received(1), "$1 e");
    assert_eq!(server.say("LRANGE a 0 -1"), "*2 $1 f $1 e");
    assert_nobody_waits(&mut server);
}

#[test]
fn a_destination_of_another_type_is_an_error_and_the_next_is_served() {
    let mut server = server(2);
    block(&mut server, 1, "BLMOVE k d LEFT LEFT 0");
    block(&mut server, 2, "BLPOP k 0");
    server.say("SET d v");
    server.say("LPUSH k 1");
    assert!(server.received(1).starts_with("-WRONGTYPE"));
    assert_eq!(server.received(2), "*2 $1 k $1 1");
    // As long as there is nothing to move, nobody looks at the destination.
    block(&mut server, 1, "BLMOVE k d LEFT LEFT 0");
    assert_eq!(server.time_out(1), "*-1");
    assert_nobody_waits(&mut server);
}

#[test]
fn keys_of_another_type_wake_nobody_until_another_key_is_ready() {
    let mut server = server(2);
    block(&mut server, 1, "BLPOP b a 0");
    block(&mut server, 2, "BLPOP a b 0");
    server.say("SET b v");
    assert_eq!(server.received(1), "");
    server.say("RPUSH a 1");
    assert!(server.received(1).starts_with("-WRONGTYPE"), "the first of its keys is no list");
    assert_eq!(server.received(2), "*2 $1 a $1 1");
    assert_nobody_waits(&mut server);
}

#[test]
fn whatever_puts_a_list_at_a_key_wakes() {
    let cases = [
        ("RENAME src k", "1"),
        ("COPY src k", "1"),
        ("COPY src k REPLACE", "1"),
        ("LMOVE src k LEFT RIGHT", "1"),
        ("RPOPLPUSH src k", "3"),
        ("BLMOVE src k RIGHT RIGHT 0", "3"),
        ("LPUSH k x", "x"),
    ];
    for (waking, element) in cases {
        let mut server = server(1);
        server.say("RPUSH src 1 2 3");
        block(&mut server, 1, "BLPOP k 0");
        server.say(waking);
        assert_eq!(server.received(1), format!("*2 $1 k $1 {element}"), "{waking}");
    }
    let mut server = server(2);
    server.say_to(2, "SELECT 1");
    server.say_to(2, "RPUSH k 1 2 3");
    block(&mut server, 1, "BLPOP k 0");
    server.say_to(2, "MOVE k 0");
    assert_eq!(server.received(1), "*2 $1 k $1 1");
    server.say_to(2, "RPUSH q 1 2 3");
    block(&mut server, 1, "BLPOP q 0");
    server.say("SWAPDB 0 1");
    assert_eq!(server.received(1), "*2 $1 q $1 1");
    assert_nobody_waits(&mut server);
}

#[test]
fn a_pushed_element_that_is_gone_again_wakes_nobody() {
    let mut server = server(1);
    block(&mut server, 1, "BLPOP k 0");
    server.say("APPEND k v");
    assert_eq!(server.received(1), "");
    server.say("DEL k");
    server.say("FLUSHALL");
    assert_eq!(server.received(1), "");
    server.say("LPUSH k 1");
    assert_eq!(server.received(1), "*2 $1 k $1 1");
}

#[test]
fn a_wait_ends_in_time() {
    let mut server = server(1);
    for (call, reply) in [("BLPOP k m 1", "*-1"), ("BLMOVE k m LEFT LEFT 1", "*-1")] {
        block(&mut server, 1, call);
        assert_eq!(server.clients[1].wait_limit_ms(), Some(1000));
        assert_eq!(server.time_out(1), reply);
        server.say("RPUSH k 1");
        assert_eq!(server.received(1), "");
        assert_eq!(server.say("DEL k"), ":1");
        assert_nobody_waits(&mut server);
    }
}

#[test]
fn timeouts_are_read_as_redis_does() {
    let mut server = server(1);
    let out_of_range = "-ERR timeout is out of range";
    let no_float = "-ERR timeout is not a float or out of range";
    let refused = [
        ("abc", no_float),
        ("nan", no_float),
        ("\"\"", no_float),
        ("-1", "-ERR timeout is negative"),
        ("-inf", "-ERR timeout is negative"),
        ("inf", out_of_range),
        ("1e400", out_of_range),
        ("1e20", out_of_range),
        ("9223372036854775", out_of_range),
        ("9223372036854775807", out_of_range),
    ];
    for (timeout, error) in refused {
        assert_eq!(server.say(&format!("BLPOP k {timeout}")), error, "{timeout}");
        assert_eq!(server.say(&format!("BLMPOP {timeout} 1 k LEFT")), error, "{timeout}");
    }
    let limits = [
        ("0", None),
        ("-0.0001", None),
        ("0x10", Some(16_000)),
        ("0.0001", Some(1)),
        ("1e-400", Some(1)),
        ("0.001", Some(1)),
        ("1.0015", Some(1002)),
        ("12.5", Some(12_500)),
    ];
    for (timeout, limit) in limits {
        block(&mut server, 1, &format!("BLPOP k {timeout}"));
        assert_eq!(server.clients[1].wait_limit_ms(), limit, "{timeout}");
        server.time_out(1);
    }
}

#[test]
fn a_wait_can_be_ended_by_another_client() {
    let mut server = server(1);
    let id = server.clients[1].id();
    assert_eq!(server.say(&format!("CLIENT UNBLOCK {id}")), ":0");
    block(&mut server, 1, "BLPOP k 0");
    let listed = server.say("CLIENT LIST");
    assert!(listed.contains(" flags=b ") && listed.contains(" cmd=blpop "), "{listed}");
    let info = server.say("INFO clients");
    assert!(
        info.contains(" blocked_clients:1 ") && info.contains(" total_blocking_keys:1 "),
        "{info}"
    );
    assert_eq!(server.say(&format!("CLIENT UNBLOCK {id} TIMEOUT")), ":1");
    assert_eq!(server.received(1), "*-1");
    block(&mut server, 1, "BLMOVE k m LEFT LEFT 0");
    assert_eq!(server.say(&format!("CLIENT UNBLOCK {id} error")), ":1");
    assert_eq!(server.received(1), "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    assert_eq!(server.say(&format!("CLIENT UNBLOCK {id}")), ":0");
    server.say("LPUSH k 1");
    assert_eq!(server.received(1), "");
    assert_nobody_waits(&mut server);
    let statistics = server.say("INFO commandstats");
    assert!(statistics.contains("cmdstat_blpop:calls=1,"), "{statistics}");
    assert!(statistics.contains("cmdstat_blmove:calls=1,"), "{statistics}");
    assert!(server.say("INFO errorstats").contains("errorstat_UNBLOCKED:count=1"));
}

#[test]
fn who_goes_away_or_is_killed_takes_nothing() {
    let mut server = server(3);
    block(&mut server, 3, "BLPOP k m 0");
    block(&mut server, 2, "BLPOP k 0");
    block(&mut server, 1, "BLPOP k 0");
    server.disconnect(3);
    let id = server.clients[2].id();
    assert_eq!(server.say(&format!("CLIENT KILL ID {id}")), ":1");
    server.say("RPUSH k 1");
    assert_eq!(server.received(2), "");
    assert_eq!(server.received(1), "*2 $1 k $1 1");
    server.disconnect(2);
    assert_nobody_waits(&mut server);
}

#[test]
fn a_key_named_twice_is_one_key() {
    let mut server = server(1);
    block(&mut server, 1, "BLPOP k k 0");
    assert_eq!(server.engine.keyspace.awaited_keys().all, 1);
    server.say("RPUSH k 1 2");
    assert_eq!(server.received(1), "*2 $1 k $1 1");
    assert_eq!(server.say("LRANGE k 0 -1"), "*1 $1 2");
    assert_nobody_waits(&mut server);
}

#[test]
fn replies_that_are_not_wanted_are_not_sent() {
    let mut server = server(1);
    server.say_to(1, "CLIENT REPLY SKIP");
    block(&mut server, 1, "BLPOP k 0");
    server.say("RPUSH k 1");
    assert_eq!(server.received(1), "");
    assert_eq!(server.say_to(1, "PING"), "+PONG", "only that one was skipped");
    assert_eq!(server.say("EXISTS k"), ":0");
}

#[test]
fn nobody_waits_in_a_transaction() {
    let mut server = server(1);
    server.say_to(1, "MULTI");
    for call in ["BLPOP k 0", "BLMOVE k m LEFT LEFT 0", "BLMPOP 0 1 k LEFT", "BZPOPMIN k 0"] {
        assert_eq!(server.say_to(1, call), "+QUEUED");
    }
    assert_eq!(server.say_to(1, "EXEC"), "*4 *-1 $-1 *-1 *-1");
    assert_nobody_waits(&mut server);
}

#[test]
fn a_transaction_serves_when_all_of_it_is_done() {
    let mut server = server(3);
    block(&mut server, 1, "BLPOP a 0");
    block(&mut server, 2, "BLPOP b a 0");
    block(&mut server, 3, "BLPOP c 0");
    server.effects();
    server.say("MULTI");
    for call in ["LPUSH b 1", "LPUSH a 2", "LPUSH c 3", "DEL c"] {
        server.say(call);
    }
    server.say("EXEC");
    assert_eq!(server.received(1), "*2 $1 a $1 2");
    assert_eq!(server.received(2), "*2 $1 b $1 1");
    assert_eq!(server.received(3), "", "it is gone again");
    let effects = server.effects();
    let group = ["MULTI", "SELECT 0", "LPUSH b 1", "LPUSH a 2", "LPUSH c 3", "DEL c", "EXEC"];
    assert_eq!(effects[..7], group);
    assert_eq!(effects[7..], ["LPOP b", "LPOP a"]);
    // Of several keys the first in the order of the call, not of the transaction.
    block(&mut server, 1, "BLPOP x y 0");
    for call in ["MULTI", "LPUSH y 1", "LPUSH x 2", "EXEC"] {
        server.say(call);
    }
    assert_eq!(server.received(1), "*2 $1 x $1 2");
    assert_eq!(server.say("LLEN y"), ":1");
}

/// A reader of a group waits for a stream that it has read to the end.
const GROUP_READER: &str = "XREADGROUP GROUP g c BLOCK 0 STREAMS s >";

fn with_group() -> Server {
    let mut server = server(2);
    assert_eq!(server.say("XGROUP CREATE s g $ MKSTREAM"), "+OK");
    server
}

#[test]
fn readers_of_streams_all_get_what_is_new() {
    let mut server = server(3);
    server.say("XADD s 1-1 f v");
    block(&mut server, 1, "XREAD BLOCK 0 STREAMS s $");
    block(&mut server, 2, "XREAD BLOCK 0 COUNT 1 STREAMS other s 0 1-1");
    block(&mut server, 3, "XREAD BLOCK 0 STREAMS s 5-0");
    server.say("XADD s 2-1 f v");
    let entry = "*1 *2 $1 s *1 *2 $3 2-1 *2 $1 f $1 v";
    assert_eq!(server.received(1), entry);
    assert_eq!(server.received(2), entry);
    assert_eq!(server.received(3), "", "that is not new to it");
    server.say("DEL s");
    server.say("SET s v");
    server.say("DEL s");
    assert_eq!(server.received(3), "", "it waits for entries, whatever becomes of the key");
    server.say("XADD s 6-1 f v");
    assert_eq!(server.received(3), "*1 *2 $1 s *1 *2 $3 6-1 *2 $1 f $1 v");
    assert_nobody_waits(&mut server);
}

#[test]
fn one_reader_of_a_group_gets_what_is_new() {
    let mut server = with_group();
    block(&mut server, 1, GROUP_READER);
    block(&mut server, 2, "XREADGROUP GROUP g other BLOCK 0 STREAMS s >");
    for call in ["MULTI", "XADD s 5-1 f v", "XADD s 5-2 f v", "EXEC"] {
        server.say(call);
    }
    let entries = "*1 *2 $1 s *2 *2 $3 5-1 *2 $1 f $1 v *2 $3 5-2 *2 $1 f $1 v";
    assert_eq!(server.received(1), entries);
    assert_eq!(server.received(2), "");
    server.say("XADD s 6-1 f v");
    assert_eq!(server.received(2), "*1 *2 $1 s *1 *2 $3 6-1 *2 $1 f $1 v");
    assert_nobody_waits(&mut server);
}

#[test]
fn a_group_that_is_gone_is_an_error_to_those_who_wait() {
    const GONE: &str =
        "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option";
    let cases: [(&[&str], &str); 11] = [
        (&["DEL s"], GONE),
        (&["UNLINK s"], GONE),
        (&["XGROUP DESTROY s g"], GONE),
        (&["RENAME s other"], GONE),
        (&["MOVE s 1"], GONE),
        (&["PEXPIRE s -1"], GONE),
        (&["FLUSHALL"], GONE),
        (&["FLUSHDB"], GONE),
        (&["SWAPDB 0 1"], GONE),
        (&["XADD other 1-1 f v", "RENAME other s"], GONE),
        (&["SET s v"], "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ];
    for (calls, error) in cases {
        let mut server = with_group();
        block(&mut server, 1, GROUP_READER);
        for call in calls {
            server.say(call);
        }
        assert_eq!(server.received(1), error, "{calls:?}");
        assert_nobody_waits(&mut server);
    }
}

#[test]
fn a_group_that_is_there_again_serves() {
    let mut server = with_group();
    block(&mut server, 1, GROUP_READER);
    for call in ["MULTI", "DEL s", "XGROUP CREATE s g $ MKSTREAM", "XADD s 1-1 f v", "EXEC"] {
        server.say(call);
    }
    let entry = "*1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 v";
    assert_eq!(server.received(1), entry);
    block(&mut server, 1, GROUP_READER);
    for call in ["XADD other 1-1 f v", "XGROUP CREATE other g 0", "RENAME other s"] {
        server.say(call);
    }
    assert_eq!(server.received(1), entry);
    assert_nobody_waits(&mut server);
}

#[test]
fn a_group_that_is_set_back_serves_with_the_next_entry() {
    let mut server = with_group();
    for call in ["XADD s 1-1 f v", "XGROUP SETID s g $"] {
        server.say(call);
    }
    block(&mut server, 1, GROUP_READER);
    for call in ["XGROUP SETID s g 0", "XSETID s 1-5", "XDEL s 7-7", "XTRIM s MAXLEN 5"] {
        server.say(call);
        assert_eq!(server.received(1), "", "{call}");
    }
    server.say("XADD s 2-2 f v");
    let entries = "*1 *2 $1 s *2 *2 $3 1-1 *2 $1 f $1 v *2 $3 2-2 *2 $1 f $1 v";
    assert_eq!(server.received(1), entries);
}

#[test]
fn a_stream_that_expires_is_an_error_to_those_who_wait_for_its_group() {
    for looks in [true, false] {
        let mut server = with_group();
        server.effects();
        block(&mut server, 1, GROUP_READER);
        server.say("PEXPIRE s 100");
        server.advance_ms(200);
        if looks {
            server.say("GET s");
        } else {
            server.expire_actively(1_000_000);
        }
        assert!(server.received(1).starts_with("-NOGROUP"), "looks: {looks}");
        assert_nobody_waits(&mut server);
    }
}
