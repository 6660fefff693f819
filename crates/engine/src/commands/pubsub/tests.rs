//! Publishing and subscribing in process.

use resp::Protocol;

use crate::testing::{BEGINNING_MS, Server};

/// A server whose clients 1 and 2 are there to listen.
fn server() -> Server {
    let mut server = Server::new();
    server.connect();
    server.connect();
    server
}

#[test]
fn messages_reach_subscribers() {
    let mut server = server();
    assert_eq!(
        server.say_to(1, "SUBSCRIBE a b a"),
        "*3 $9 subscribe $1 a :1 *3 $9 subscribe $1 b :2 *3 $9 subscribe $1 a :2"
    );
    assert_eq!(
        server.say_to(2, "PSUBSCRIBE a* ?"),
        "*3 $10 psubscribe $2 a* :1 *3 $10 psubscribe $1 ? :2"
    );
    assert_eq!(server.say("PUBLISH a hello"), ":3");
    let deliveries = server.deliveries();
    assert_eq!(deliveries[1], "*3 $7 message $1 a $5 hello");
    let (long, short) = ("*4 $8 pmessage $2 a* $1 a $5 hello", "*4 $8 pmessage $1 ? $1 a $5 hello");
    assert!([format!("{long} {short}"), format!("{short} {long}")].contains(&deliveries[2]));
    assert_eq!(server.say("PUBLISH c x"), ":1");
    assert_eq!(server.deliveries(), ["", "", "*4 $8 pmessage $1 ? $1 c $1 x"]);
    assert_eq!(server.say("PUBLISH nobody x"), ":0");
    assert_eq!(server.say("SPUBLISH a x"), ":0", "channels of shards are apart");
    assert_eq!(server.say_to(2, "PUNSUBSCRIBE ?"), "*3 $12 punsubscribe $1 ? :1");
    assert_eq!(
        server.say_to(1, "UNSUBSCRIBE a nothing"),
        "*3 $11 unsubscribe $1 a :1 *3 $11 unsubscribe $7 nothing :1"
    );
    assert_eq!(server.say("PUBLISH a x"), ":1");
    server.deliveries();
    assert_eq!(server.say_to(1, "UNSUBSCRIBE"), "*3 $11 unsubscribe $1 b :0");
    assert_eq!(server.say_to(1, "UNSUBSCRIBE"), "*3 $11 unsubscribe $-1 :0");
    assert_eq!(server.say_to(1, "PUNSUBSCRIBE"), "*3 $12 punsubscribe $-1 :0");
    assert_eq!(server.say_to(1, "SUNSUBSCRIBE"), "*3 $12 sunsubscribe $-1 :0");
}

#[test]
fn shard_channels_are_counted_apart() {
    let mut server = server();
    server.say_to(1, "SUBSCRIBE a");
    assert_eq!(
        server.say_to(1, "SSUBSCRIBE s t"),
        "*3 $10 ssubscribe $1 s :1 *3 $10 ssubscribe $1 t :2"
    );
    assert_eq!(server.say("SPUBLISH s x"), ":1");
    assert_eq!(server.deliveries()[1], "*3 $8 smessage $1 s $1 x");
    assert_eq!(server.say("PUBLISH s x"), ":0");
    assert_eq!(server.say("PUBSUB SHARDNUMSUB s u"), "*4 $1 s :1 $1 u :0");
    let listed = server.say("PUBSUB SHARDCHANNELS");
    assert!(listed == "*2 $1 s $1 t" || listed == "*2 $1 t $1 s", "{listed}");
    assert_eq!(server.say("PUBSUB SHARDCHANNELS t*"), "*1 $1 t");
}

#[test]
fn in_the_older_protocol_a_subscriber_only_listens() {
    let mut server = server();
    server.say_to(1, "SUBSCRIBE a");
    assert_eq!(server.say_to(1, "PING"), "*2 $4 pong $0");
    assert_eq!(server.say_to(1, "PING x"), "*2 $4 pong $1 x");
    assert_eq!(
        server.say_to(1, "CLIENT LIST"),
        "-ERR Can't execute 'client|list': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
    );
    assert!(server.say_to(1, "GET").starts_with("-ERR wrong number"));
    assert_eq!(server.say_to(1, "RESET"), "+RESET");
    assert_eq!(server.say_to(1, "GET a"), "$-1");
    assert_eq!(server.say("PUBLISH a x"), ":0");
    server.say_to(1, "SSUBSCRIBE s");
    assert!(server.say_to(1, "GET a").starts_with("-ERR Can't execute 'get'"));
    server.say_to(1, "SUNSUBSCRIBE");
    assert_eq!(server.say_to(1, "PING"), "+PONG");
}

#[test]
fn in_the_newer_protocol_messages_are_pushes() {
    let mut server = server();
    server.speak(Protocol::Resp3);
    assert_eq!(server.say("SUBSCRIBE a"), ">3 $9 subscribe $1 a :1");
    assert_eq!(server.say("GET x"), "_");
    assert_eq!(
        server.say("PUBLISH a x"),
        ":1 >3 $7 message $1 a $1 x",
        "its own come after the reply"
    );
    for line in ["MULTI", "PUBLISH a 1", "PUBLISH a 2", "GET x"] {
        server.say(line);
    }
    assert_eq!(server.say("EXEC"), "*3 :1 :1 _ >3 $7 message $1 a $1 1 >3 $7 message $1 a $1 2");
    assert_eq!(server.say("UNSUBSCRIBE"), ">3 $11 unsubscribe $1 a :0");
    assert_eq!(server.say("UNSUBSCRIBE"), ">3 $11 unsubscribe _ :0");
}

#[test]
fn what_came_before_is_delivered_before() {
    let mut server = server();
    server.say("PUBLISH a early");
    server.say_to(2, "SUBSCRIBE a");
    server.say("PUBLISH a 1");
    assert_eq!(server.say_to(1, "SUBSCRIBE a"), "*3 $9 subscribe $1 a :1", "nothing of before");
    server.say("PUBLISH a 2");
    assert_eq!(
        server.say_to(1, "UNSUBSCRIBE a"),
        "*3 $7 message $1 a $1 2 *3 $11 unsubscribe $1 a :0"
    );
    server.say("PUBLISH a 3");
    assert_eq!(
        server.say_to(2, "PING"),
        "*3 $7 message $1 a $1 1 *3 $7 message $1 a $1 2 *3 $7 message $1 a $1 3 *2 $4 pong $0"
    );
    assert_eq!(server.deliveries(), ["", "", ""], "nobody gets anything twice");
}

#[test]
fn wanting_no_replies_is_no_reason_to_miss_messages() {
    let mut server = server();
    server.say_to(1, "CLIENT REPLY OFF");
    assert_eq!(server.say_to(1, "SUBSCRIBE a"), "*3 $9 subscribe $1 a :1");
    assert_eq!(server.say_to(1, "PING"), "");
    server.say("PUBLISH a x");
    assert_eq!(server.deliveries()[1], "*3 $7 message $1 a $1 x");
    server.say_to(2, "CLIENT REPLY SKIP");
    assert_eq!(server.say_to(2, "SUBSCRIBE a"), "*3 $9 subscribe $1 a :1");
    assert_eq!(server.say_to(2, "PING"), "*2 $4 pong $0");
}

#[test]
fn who_is_gone_receives_nothing() {
    let mut server = server();
    server.say_to(1, "SUBSCRIBE a");
    server.say_to(1, "PSUBSCRIBE *");
    server.say_to(1, "SSUBSCRIBE s");
    server.say_to(2, "MONITOR");
    server.disconnect(2);
    server.disconnect(1);
    assert_eq!(server.say("PUBLISH a x"), ":0");
    assert_eq!(server.say("PUBSUB CHANNELS"), "*0");
    assert_eq!(server.say("PUBSUB NUMPAT"), ":0");
    assert_eq!(server.say("PUBSUB SHARDCHANNELS"), "*0");
    assert!(!server.worker.has_post());
}

#[test]
fn pubsub_tells_who_listens() {
    let mut server = server();
    server.say_to(1, "SUBSCRIBE a");
    server.say_to(2, "SUBSCRIBE a");
    server.say_to(1, "PSUBSCRIBE x* y*");
    server.say_to(2, "PSUBSCRIBE x*");
    assert_eq!(server.say("PUBSUB CHANNELS"), "*1 $1 a");
    assert_eq!(server.say("PUBSUB CHANNELS b*"), "*0");
    assert_eq!(server.say("PUBSUB NUMSUB a b"), "*4 $1 a :2 $1 b :0");
    assert_eq!(server.say("PUBSUB NUMPAT"), ":2");
    assert_eq!(
        server.say("PUBSUB CHANNELS x y"),
        "-ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP."
    );
    let line = server.say("CLIENT LIST ID 2");
    assert!(line.contains(" flags=P ") && line.contains(" sub=1 psub=2 ssub=0 "), "{line}");
    assert!(server.say("CLIENT LIST TYPE pubsub").contains("id=3 "));
    let information = server.say("INFO");
    for field in
        ["pubsub_clients:2", "pubsub_channels:1", "pubsub_patterns:2", "pubsubshard_channels:0"]
    {
        assert!(information.contains(field), "{field}");
    }
}

#[test]
fn publications_are_told_to_replicas_and_to_no_file() {
    let mut server = server();
    server.effects();
    server.say("PUBLISH a x");
    assert_eq!(server.effects(), Vec::<String>::new());
    server.replicated();
    server.say("PUBLISH a y");
    server.say("SPUBLISH a z");
    assert_eq!(server.replicated(), ["SELECT 0", "PUBLISH a y", "SPUBLISH a z"]);
    server.say("MULTI");
    server.say("SET k v");
    server.say("PUBLISH a b");
    server.say("EXEC");
    assert_eq!(server.replicated(), ["MULTI", "SET k v", "PUBLISH a b", "EXEC"]);
    assert_eq!(server.effects(), ["SELECT 0", "SET k v"]);
}

/// What the first listener hears of these calls, in one line.
fn notifications(classes: &str, lines: &[&str]) -> String {
    let mut server = server();
    let set = ["CONFIG", "SET", "notify-keyspace-events", classes];
    assert_eq!(server.answer(&set), b"+OK\r\n");
    server.say_to(1, "PSUBSCRIBE *");
    for line in lines {
        if *line == "wait" {
            server.advance_ms(2);
        } else if *line == "search" {
            server.expire_actively(1_000_000_000);
        } else {
            server.say(line);
        }
    }
    let heard = server.deliveries()[1].replace("*4 $8 pmessage $1 * ", "");
    let words = heard.split(' ').filter(|word| !word.starts_with('$'));
    words.collect::<Vec<_>>().join(" ").replace("@0__", "")
}

#[test]
fn changes_of_keys_are_told() {
    assert_eq!(notifications("", &["SET a 1"]), "");
    assert_eq!(notifications("A", &["SET a 1"]), "", "neither K nor E");
    assert_eq!(notifications("K$", &["SET a 1", "DEL a"]), "__keyspace:a set");
    assert_eq!(notifications("Eg", &["SET a 1", "DEL a"]), "__keyevent:del a");
    assert_eq!(notifications("KEA", &["SET a 1"]), "__keyspace:a set __keyevent:set a");
    assert_eq!(
        notifications("EA", &["SET a 1 EX 10", "RENAME a b", "GET nothing"]),
        "__keyevent:set a __keyevent:expire a __keyevent:rename_from a __keyevent:rename_to b"
    );
    assert_eq!(
        notifications("En", &["MSET a 1 b 2", "SET a 2"]),
        "__keyevent:new a __keyevent:new b"
    );
    assert_eq!(
        notifications("En$", &["MSET a 1 b 2"]),
        "__keyevent:new a __keyevent:set a __keyevent:new b __keyevent:set b"
    );
    assert_eq!(
        notifications("Em", &["GET a", "SET a 1", "GET a", "TTL b", "OBJECT ENCODING b"]),
        "__keyevent:keymiss a __keyevent:keymiss b"
    );
    assert_eq!(
        notifications("EA", &["SET a 1 PX 1", "wait", "GET a"]),
        "__keyevent:set a __keyevent:expire a __keyevent:expired a"
    );
    assert_eq!(notifications("Ex", &["SET a 1 PX 1", "wait", "search"]), "__keyevent:expired a");
    assert_eq!(
        notifications("EA", &["MULTI", "SET a 1", "DEL a", "EXEC"]),
        "__keyevent:set a __keyevent:del a"
    );
    assert_eq!(notifications("EA", &["SELECT 3", "SET a 1"]), "__keyevent@3__:set a");
}

#[test]
fn calls_are_shown() {
    let mut server = server();
    let shown = |server: &mut Server| server.deliveries()[1].replace(" [0 ] ", " ");
    assert_eq!(server.say_to(1, "MONITOR"), "+OK");
    let line = server.say("CLIENT LIST ID 2");
    assert!(line.contains(" flags=O "), "{line}");
    server.deliveries();
    let time = format!("+{}.000000", BEGINNING_MS / 1000);
    server.say("SET a \"b\\");
    assert_eq!(shown(&mut server), format!(r#"{time} "SET" "a" "\"b\\""#));
    server.say("NOSUCH a");
    server.say("GET");
    server.say("CONFIG GET port");
    assert_eq!(shown(&mut server), "", "neither what is refused nor what administrators do");
    server.say("INCR a");
    assert_eq!(shown(&mut server), format!(r#"{time} "INCR" "a""#), "though it failed");
    server.say("AUTH me secret");
    assert_eq!(shown(&mut server), format!(r#"{time} "AUTH" "(redacted)" "(redacted)""#));
    for line in ["MULTI", "GET a", "EXEC"] {
        server.say(line);
    }
    assert_eq!(shown(&mut server), format!(r#"{time} "MULTI" {time} "GET" "a" {time} "EXEC""#));
    assert_eq!(server.say_to(1, "PING").replace(" [0 ] ", " "), format!(r#"+PONG {time} "PING""#));
    server.say_to(1, "RESET");
    server.say("GET a");
    assert_eq!(server.deliveries()[1], "");
}
