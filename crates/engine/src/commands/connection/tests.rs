//! The connection family, in process: replies as Redis 7.4 gives them, and what they change.

use std::sync::atomic::Ordering::Relaxed;

use resp::{Batch, Output, Protocol, RequestLimits, RequestParser};

use crate::clients::Peer;
use crate::host::Alone;
use crate::session::Session;
use crate::testing::Server;
use crate::{Next, Time};

const OPTIONS_OF_NAMES: &str =
    "-ERR Client names cannot contain spaces, newlines or special characters.";
const NOAUTH: &str = "-NOAUTH Authentication required.";
const WRONGPASS: &str = "-WRONGPASS invalid username-password pair or user is disabled.";

#[track_caller]
fn check(server: &mut Server, cases: &[(&str, &str)]) {
    for (call, expected) in cases {
        assert_eq!(server.say(call), *expected, "{call}");
    }
}

fn with_password() -> Server {
    Server::with(
        |config| config.security.password = config::Text::from("secret").into(),
        Box::new(Alone),
    )
}

/// What a client is answered to calls that it sends at once, one to a line.
fn pipeline(server: &mut Server, client: usize, calls: &str) -> String {
    let (mut input, mut batch, mut output) = (Vec::new(), Batch::new(), Output::new());
    for call in calls.lines() {
        let words: Vec<&str> = call.split_whitespace().collect();
        resp::value::encode_request(&words, &mut input);
    }
    RequestParser::new().parse(&input, 0, &mut batch, &RequestLimits::default(), usize::MAX);
    server.worker.begin_round(Time { unix_us: server.now_ms * 1000 });
    server.worker.run(&mut server.clients[client], &batch, &input, &mut output);
    server.worker.end_round();
    let bytes = output.as_slice().unwrap_or_default();
    String::from_utf8_lossy(bytes).trim_end().replace("\r\n", " ")
}

/// A client from an address; its place.
fn connect_from(server: &mut Server, address: &str, local_address: &str) -> usize {
    let peer = Peer {
        address: address.to_owned(),
        local_address: local_address.to_owned(),
        descriptor: 9,
        is_unix: address.starts_with('/'),
    };
    let record = server.engine.clients.add(peer, 0, server.now_ms);
    server.clients.push(Session::new(record, true));
    server.clients.len() - 1
}

fn is_alive(server: &Server, client: usize) -> bool {
    let record = &server.clients[client].record;
    let alive = !record.killed.load(Relaxed);
    assert_eq!(server.engine.clients.find(record.id).is_some(), alive);
    alive
}

#[test]
fn somebody_is_there() {
    check(
        &mut Server::new(),
        &[
            ("PING", "+PONG"),
            ("PING \"\"", "$0"),
            ("PING a b", "-ERR wrong number of arguments for 'ping' command"),
            ("ECHO a", "$1 a"),
            ("ECHO", "-ERR wrong number of arguments for 'echo' command"),
            ("ECHO a b", "-ERR wrong number of arguments for 'echo' command"),
        ],
    );
}

#[test]
fn databases_are_selected_by_number() {
    let too_big = "-ERR value is out of range, value must between -2147483648 and 2147483647";
    let not_integer = "-ERR value is not an integer or out of range";
    let mut server = Server::new();
    check(
        &mut server,
        &[
            ("SELECT 15", "+OK"),
            ("SELECT 16", "-ERR DB index is out of range"),
            ("SELECT -1", "-ERR DB index is out of range"),
            ("SELECT -2147483648", "-ERR DB index is out of range"),
            ("SELECT 2147483648", too_big),
            ("SELECT 99999999999", too_big),
            ("SELECT 9999999999999999999999", not_integer),
            ("SELECT x", not_integer),
            ("SELECT 01", not_integer),
            ("SELECT \"\"", not_integer),
            ("SET k v", "+OK"),
            ("SELECT 0", "+OK"),
            ("GET k", "$-1"),
        ],
    );
    assert_eq!(pipeline(&mut server, 0, "SELECT 15\nGET k\nSELECT 0\nGET k"), "+OK $1 v +OK $-1");
}

#[test]
fn without_a_password_anybody_is_the_default_user() {
    let none_set = "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";
    check(
        &mut Server::new(),
        &[
            ("AUTH", "-ERR wrong number of arguments for 'auth' command"),
            ("AUTH x", none_set),
            ("AUTH \"\"", none_set),
            ("AUTH default x", "+OK"),
            ("AUTH default \"\"", "+OK"),
            ("AUTH DEFAULT x", WRONGPASS),
            ("AUTH bob x", WRONGPASS),
            ("AUTH \"\" \"\"", WRONGPASS),
            ("AUTH a b c", "-ERR syntax error"),
        ],
    );
}

#[test]
fn a_password_is_asked_of_newcomers() {
    let hello = "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time";
    let mut server = with_password();
    check(
        &mut server,
        &[
            ("PING", NOAUTH),
            ("GET k", NOAUTH),
            ("COMMAND", NOAUTH),
            ("CLIENT ID", NOAUTH),
            ("FOO", "-ERR unknown command 'FOO', with args beginning with:"),
            ("CLIENT FOO", "-ERR unknown subcommand 'FOO'. Try CLIENT HELP."),
            ("GET", "-ERR wrong number of arguments for 'get' command"),
            ("RESET", "+RESET"),
            ("HELLO", hello),
            ("HELLO 3", hello),
            ("HELLO 5", "-NOPROTO unsupported protocol version"),
            ("HELLO x", "-ERR Protocol version is not an integer or out of range"),
            ("HELLO 2 SETNAME a", hello),
            ("HELLO 2 SETNAME \x01", OPTIONS_OF_NAMES),
            ("HELLO 2 FOO", "-ERR Syntax error in HELLO option 'FOO'"),
            ("HELLO 2 AUTH default", "-ERR Syntax error in HELLO option 'AUTH'"),
            ("HELLO 2 AUTH default bad", WRONGPASS),
            ("HELLO 3 AUTH default bad SETNAME \x01", OPTIONS_OF_NAMES),
            ("HELLO 3 AUTH default secret SETNAME \x01", OPTIONS_OF_NAMES),
            ("PING", NOAUTH),
            ("AUTH bad", WRONGPASS),
            ("AUTH default bad", WRONGPASS),
            ("AUTH bob secret", WRONGPASS),
            ("PING", NOAUTH),
            ("AUTH secret", "+OK"),
            ("PING", "+PONG"),
            ("AUTH bad", WRONGPASS),
            ("PING", "+PONG"),
            ("RESET", "+RESET"),
            ("PING", NOAUTH),
            ("AUTH default secret", "+OK"),
            ("PING", "+PONG"),
            ("QUIT", "+OK"),
        ],
    );
    assert_eq!(server.clients[0].protocol, Protocol::Resp2);
    let codes = server.numbers().errors;
    assert_eq!(codes.get("WRONGPASS"), Some(&5));
}

#[test]
fn a_new_password_is_for_new_clients() {
    let mut server = Server::new();
    server.configure(|config| config.security.password = config::Text::from("secret").into());
    assert_eq!(server.say("PING"), "+PONG");
    let newcomer = server.connect();
    assert_eq!(server.say_to(newcomer, "PING"), NOAUTH);
    assert_eq!(server.say_to(newcomer, "AUTH secret"), "+OK");
    server.configure(|config| config.security.password = config::Text::from("other").into());
    check(&mut server, &[("AUTH secret", WRONGPASS), ("PING", "+PONG"), ("AUTH other", "+OK")]);
    assert_eq!(server.say_to(newcomer, "PING"), "+PONG");
    assert_eq!(server.say_to(newcomer, "RESET"), "+RESET");
    assert_eq!(server.say_to(newcomer, "PING"), NOAUTH);
}

#[test]
fn hello_tells_what_it_talks_to() {
    let mut server = Server::new();
    let greeting = |header: &str, protocol: u8| {
        format!(
            "{header} $6 server $5 redis $7 version $5 7.4.1 $5 proto :{protocol} $2 id :1 $4 mode $10 standalone $4 role $6 master $7 modules *0"
        )
    };
    assert_eq!(server.say("HELLO"), greeting("*14", 2));
    assert_eq!(server.say("HELLO 3"), greeting("%7", 3));
    assert_eq!(server.say("HELLO"), greeting("%7", 3));
    assert_eq!(server.say("GET nothing"), "_");
    assert_eq!(server.say("HELLO 2 AUTH default x SETNAME foo"), greeting("*14", 2));
    assert_eq!(server.say("HELLO 2 SETNAME a setname b"), greeting("*14", 2));
    assert_eq!(server.say("CLIENT GETNAME"), "$1 b");
    check(
        &mut server,
        &[
            ("HELLO 3 AUTH bob x SETNAME c", WRONGPASS),
            ("HELLO 3 SETNAME c FOO", "-ERR Syntax error in HELLO option 'FOO'"),
            ("HELLO 3 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'"),
            ("HELLO 2 AUTH default AUTH default x", "-ERR Syntax error in HELLO option 'default'"),
            ("HELLO 4", "-NOPROTO unsupported protocol version"),
            ("HELLO -1", "-NOPROTO unsupported protocol version"),
            ("HELLO 02", "-ERR Protocol version is not an integer or out of range"),
            ("HELLO SETNAME x", "-ERR Protocol version is not an integer or out of range"),
            ("CLIENT GETNAME", "$1 b"),
            ("GET nothing", "$-1"),
        ],
    );
    assert_eq!(server.answer(&["HELLO", "2", "SETNAME", ""])[..3], *b"*14");
    assert_eq!(server.say("CLIENT GETNAME"), "$-1");
}

#[test]
fn quit_is_the_last_call() {
    let mut server = Server::new();
    assert_eq!(server.call(0, &["QUIT", "now"]), (b"+OK\r\n".to_vec(), Next::Close));
    assert_eq!(pipeline(&mut server, 0, "QUIT\nSET k v"), "+OK");
    assert_eq!(server.say("GET k"), "$-1");
    assert_eq!(pipeline(&mut server, 0, "CLIENT REPLY OFF\nQUIT"), "");
}

#[test]
fn reset_forgets_all_but_the_library() {
    let mut server = Server::new();
    let setup = "CLIENT SETNAME x\nSELECT 3\nCLIENT NO-EVICT ON\nCLIENT NO-TOUCH ON\nCLIENT SETINFO LIB-NAME lib\nHELLO 3\nCLIENT REPLY OFF";
    pipeline(&mut server, 0, setup);
    assert_eq!(server.say("RESET"), "+RESET");
    let line = server.say("CLIENT INFO");
    for field in ["name= ", "flags=N ", "db=0 ", "resp=2 ", "lib-name=lib "] {
        assert!(line.contains(field), "{field} in {line}");
    }
    assert!(line.starts_with('$'), "RESP2: {line}");
    assert!(!server.clients[0].no_touch);
    assert_eq!(server.say("RESET x"), "-ERR wrong number of arguments for 'reset' command");
}

#[test]
fn labels_are_printable_and_without_spaces() {
    let mut server = Server::new();
    check(
        &mut server,
        &[
            ("CLIENT GETNAME", "$-1"),
            ("CLIENT SETNAME a~", "+OK"),
            ("CLIENT GETNAME", "$2 a~"),
            ("CLIENT SETNAME \"\"", "+OK"),
            ("CLIENT GETNAME", "$-1"),
            ("CLIENT SETINFO lib-name x", "+OK"),
            ("CLIENT SETINFO LIB-VER 1.2", "+OK"),
            ("CLIENT SETINFO foo 1", "-ERR Unrecognized option 'foo'"),
            ("CLIENT ID", ":1"),
            ("CLIENT ID x", "-ERR wrong number of arguments for 'client|id' command"),
            ("CLIENT", "-ERR wrong number of arguments for 'client' command"),
        ],
    );
    for bad in ["a b", "a\n", "\x7f", "\u{e4}", " "] {
        let answer = server.answer(&["CLIENT", "SETNAME", bad]);
        assert_eq!(String::from_utf8_lossy(&answer).trim_end(), OPTIONS_OF_NAMES, "{bad:?}");
        let answer = server.answer(&["CLIENT", "SETINFO", "lib-Ver", bad]);
        let expected = "-ERR lib-Ver cannot contain spaces, newlines or special characters.";
        assert_eq!(String::from_utf8_lossy(&answer).trim_end(), expected, "{bad:?}");
    }
    let line = server.say("CLIENT INFO");
    assert!(line.ends_with(" lib-name=x lib-ver=1.2"), "{line}");
}

#[test]
fn a_client_sees_itself_as_it_is() {
    let mut server = Server::new();
    server.advance_ms(61_500);
    let expected = "id=1 addr= laddr= fd=0 name= age=61 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 watch=0 qbuf=26 qbuf-free=0 argv-mem=10 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=10 events=r cmd=client|info user=default redir=-1 resp=2 lib-name= lib-ver=\n";
    let answer = server.answer(&["CLIENT", "INFO"]);
    assert_eq!(answer, format!("${}\r\n{expected}\r\n", expected.len()).into_bytes());

    server.speak(Protocol::Resp3);
    let expected = expected.replace("resp=2", "resp=3").replace("|info", "|list");
    let answer = server.answer(&["CLIENT", "LIST"]);
    assert_eq!(answer, format!("={}\r\ntxt:{expected}\r\n", expected.len() + 4).into_bytes());

    let line =
        pipeline(&mut server, 0, "SELECT 7\nCLIENT NO-EVICT ON\nCLIENT NO-TOUCH ON\nCLIENT INFO");
    for field in ["db=7 ", "flags=eT ", "obl=15 ", "rbp=15 ", "argv-mem=10 "] {
        assert!(line.contains(field), "{field} in {line}");
    }
}

#[test]
fn a_client_sees_others_as_they_were_after_their_last_batch() {
    let mut server = Server::new();
    let other = connect_from(&mut server, "/tmp/socket:0", "/tmp/socket:0");
    let line = server.say("CLIENT LIST ID 2");
    assert!(line.contains("id=2 addr=/tmp/socket:0 laddr=/tmp/socket:0 fd=9 "), "{line}");
    assert!(line.contains(" flags=U ") && line.contains(" cmd=NULL "), "{line}");
    pipeline(&mut server, other, "HELLO 3 SETNAME joe\nSELECT 2\nGET k");
    server.advance_ms(10_000);
    let line = server.say("CLIENT LIST ID 2");
    for field in ["name=joe ", "db=2 ", "cmd=get ", "resp=3 ", "idle=10 ", "age=10 ", "qbuf=0 "] {
        assert!(line.contains(field), "{field} in {line}");
    }
}

#[test]
fn lists_are_of_all_of_a_type_or_of_ids() {
    let mut server = Server::new();
    server.connect();
    let ids = |answer: String| -> Vec<String> {
        let fields = answer.split(['\n', ' ']).filter_map(|field| field.strip_prefix("id="));
        fields.map(str::to_owned).collect()
    };
    assert_eq!(ids(server.say("CLIENT LIST")), ["1", "2"]);
    assert_eq!(ids(server.say("CLIENT LIST type NORMAL")), ["1", "2"]);
    assert_eq!(ids(server.say("CLIENT LIST ID 2 1 7 2 -3")), ["2", "1", "2"]);
    for kind in ["master", "slave", "replica", "PubSub"] {
        assert_eq!(server.say(&format!("CLIENT LIST TYPE {kind}")), "$0", "{kind}");
    }
    check(
        &mut server,
        &[
            ("CLIENT LIST TYPE foo", "-ERR Unknown client type 'foo'"),
            ("CLIENT LIST TYPE", "-ERR syntax error"),
            ("CLIENT LIST TYPE normal x", "-ERR syntax error"),
            ("CLIENT LIST ID", "-ERR syntax error"),
            ("CLIENT LIST ID 1 x", "-ERR Invalid client ID"),
            ("CLIENT LIST FOO", "-ERR syntax error"),
        ],
    );
}

#[test]
fn kill_refuses_what_it_does_not_understand() {
    check(
        &mut Server::new(),
        &[
            ("CLIENT KILL", "-ERR wrong number of arguments for 'client|kill' command"),
            ("CLIENT KILL 127.0.0.1:1", "-ERR No such client"),
            ("CLIENT KILL ID", "-ERR No such client"),
            ("CLIENT KILL ID x", "-ERR client-id should be greater than 0"),
            ("CLIENT KILL ID 0", "-ERR client-id should be greater than 0"),
            ("CLIENT KILL ID x SKIPME", "-ERR client-id should be greater than 0"),
            ("CLIENT KILL ID 7 SKIPME", "-ERR syntax error"),
            ("CLIENT KILL ID 9999", ":0"),
            ("CLIENT KILL TYPE foo", "-ERR Unknown client type 'foo'"),
            ("CLIENT KILL USER x", "-ERR No such user 'x'"),
            ("CLIENT KILL SKIPME foo", "-ERR syntax error"),
            ("CLIENT KILL FOO bar", "-ERR syntax error"),
            ("CLIENT KILL an-option-longer-than-any-other bar", "-ERR syntax error"),
            ("CLIENT KILL MAXAGE x", "-ERR maxage is not an integer or out of range"),
            ("CLIENT KILL MAXAGE 0", "-ERR maxage should be greater than 0"),
            ("CLIENT KILL MAXAGE -1 SKIPME no", "-ERR maxage should be greater than 0"),
            ("CLIENT KILL a b c", "-ERR syntax error"),
        ],
    );
}

#[test]
fn kill_closes_whoever_meets_all_conditions() {
    let mut server = Server::new();
    let first = connect_from(&mut server, "1.1.1.1:1", "9.9.9.9:9");
    let second = connect_from(&mut server, "1.1.1.1:2", "9.9.9.9:9");
    server.advance_ms(5000);
    let third = connect_from(&mut server, "1.1.1.1:3", "9.9.9.9:8");
    assert_eq!(server.say("CLIENT KILL ADDR 1.1.1.1:1 LADDR 9.9.9.9:8"), ":0");
    assert_eq!(server.say("CLIENT KILL ID 2 ADDR 1.1.1.1:2"), ":0");
    assert_eq!(server.say("CLIENT KILL ID 2 ADDR 1.1.1.1:1 USER default TYPE normal"), ":1");
    assert_eq!((is_alive(&server, first), is_alive(&server, second)), (false, true));
    assert_eq!(server.say("CLIENT KILL ID 2"), ":0", "it is dead already");
    assert_eq!(server.say("CLIENT KILL MAXAGE 6"), ":0");
    assert_eq!(server.say("CLIENT KILL MAXAGE 5"), ":1");
    assert_eq!((is_alive(&server, second), is_alive(&server, third)), (false, true));
    assert_eq!(server.say("CLIENT KILL 1.1.1.1:3"), "+OK");
    assert!(!is_alive(&server, third));
}

#[test]
fn a_client_that_kills_itself_is_answered_first() {
    let mut server = Server::new();
    assert_eq!(server.say("CLIENT KILL ID 1"), ":0");
    assert_eq!(server.say("CLIENT KILL TYPE normal SKIPME yes"), ":0");
    let killed = server.call(0, &["CLIENT", "KILL", "ID", "1", "SKIPME", "no"]);
    assert_eq!(killed, (b":1\r\n".to_vec(), Next::Close));
    let own = connect_from(&mut server, "1.1.1.1:1", "");
    let killed = server.call(own, &["CLIENT", "KILL", "1.1.1.1:1"]);
    assert_eq!(killed, (b"+OK\r\n".to_vec(), Next::Close));
    assert_eq!(pipeline(&mut server, own, "CLIENT KILL 1.1.1.1:1\nSET k v"), "+OK");
    assert_eq!(server.say("GET k"), "$-1");
}

#[test]
fn replies_are_switched_off_and_skipped() {
    let mut server = Server::new();
    for (calls, expected) in [
        ("CLIENT REPLY ON\nPING", "+OK +PONG"),
        ("CLIENT REPLY SKIP\nPING\nPING x", "$1 x"),
        ("CLIENT REPLY SKIP\nCLIENT REPLY SKIP\nPING\nPING x", "$1 x"),
        ("CLIENT REPLY SKIP\nCLIENT REPLY ON\nPING", "+OK +PONG"),
        ("CLIENT REPLY SKIP\nCLIENT REPLY foo\nPING", "+PONG"),
        ("CLIENT REPLY SKIP\nFOO\nPING", "+PONG"),
        ("CLIENT REPLY SKIP\nGET\nPING", "+PONG"),
        ("CLIENT REPLY foo", "-ERR syntax error"),
        ("CLIENT REPLY OFF\nPING\nFOO\nCLIENT REPLY SKIP\nPING\nCLIENT REPLY foo", ""),
        // The one before was left off.
        ("PING\nCLIENT REPLY ON\nPING", "+OK +PONG"),
        ("CLIENT REPLY OFF\nRESET\nPING", "+RESET +PONG"),
    ] {
        assert_eq!(pipeline(&mut server, 0, calls), expected, "{calls}");
        // The same in a round for each.
        let singly: Vec<String> = calls.lines().map(|call| server.say(call)).collect();
        if calls.starts_with("PING") {
            continue;
        }
        let singly: Vec<&str> =
            singly.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
        assert_eq!(singly.join(" "), expected, "{calls}");
    }
}

#[test]
fn pauses_have_a_time_and_a_mode() {
    check(
        &mut Server::new(),
        &[
            ("CLIENT PAUSE", "-ERR wrong number of arguments for 'client|pause' command"),
            ("CLIENT PAUSE x", "-ERR timeout is not an integer or out of range"),
            ("CLIENT PAUSE -1", "-ERR timeout is negative"),
            ("CLIENT PAUSE 9223372036854775807", "-ERR timeout is out of range"),
            ("CLIENT PAUSE x foo", "-ERR CLIENT PAUSE mode must be WRITE or ALL"),
            (
                "client pause 1 all x",
                "-ERR unknown subcommand or wrong number of arguments for 'pause'. Try CLIENT HELP.",
            ),
            ("CLIENT PAUSE 0", "+OK"),
            ("CLIENT UNPAUSE", "+OK"),
            ("CLIENT UNPAUSE x", "-ERR wrong number of arguments for 'client|unpause' command"),
        ],
    );
}

#[test]
fn a_pause_of_writes_holds_back_writes() {
    let mut server = Server::new();
    let other = server.connect();
    assert_eq!(server.say("SET k v"), "+OK");
    assert_eq!(server.say("CLIENT PAUSE 1000 write"), "+OK");
    assert_eq!(server.call(other, &["SET", "k", "w"]), (Vec::new(), Next::Postpone));
    assert_eq!(server.say_to(other, "SET k"), "-ERR wrong number of arguments for 'set' command");
    assert_eq!(pipeline(&mut server, other, "GET k\nSET k w\nPING"), "$1 v");
    server.advance_ms(999);
    assert_eq!(server.call(other, &["SET", "k", "w"]).1, Next::Postpone);
    server.advance_ms(1);
    assert_eq!(server.say_to(other, "SET k w"), "+OK");
}

#[test]
fn a_pause_of_all_holds_back_all() {
    let mut server = Server::new();
    assert_eq!(pipeline(&mut server, 0, "CLIENT PAUSE 1000\nPING"), "+OK");
    for call in ["PING", "HELLO", "RESET", "QUIT", "CLIENT UNPAUSE"] {
        let words: Vec<&str> = call.split(' ').collect();
        assert_eq!(server.call(0, &words), (Vec::new(), Next::Postpone), "{call}");
    }
    assert_eq!(server.say("FOO"), "-ERR unknown command 'FOO', with args beginning with:");
    server.engine.pause.end();
    assert_eq!(server.say("PING"), "+PONG");
}

#[test]
fn unpause_lets_writes_go_on() {
    let mut server = Server::new();
    assert_eq!(server.say("CLIENT PAUSE 1000000 WRITE"), "+OK");
    assert_eq!(server.call(0, &["SET", "k", "v"]).1, Next::Postpone);
    assert_eq!(pipeline(&mut server, 0, "CLIENT UNPAUSE\nSET k v"), "+OK +OK");
}

/// Not even time writes while writes are paused.
#[test]
fn expired_keys_are_only_hidden_in_a_pause() {
    let mut server = Server::new();
    assert!(server.effects().is_empty());
    assert_eq!(server.say("SET k v PX 100"), "+OK");
    assert_eq!(server.effects().len(), 2, "SELECT and SET");
    // In one round with the pause, and in rounds after it began.
    server.advance_ms(101);
    assert_eq!(pipeline(&mut server, 0, "CLIENT PAUSE 5000 WRITE\nGET k"), "+OK $-1");
    assert_eq!(server.say("GET k"), "$-1");
    server.expire_actively(1_000_000_000);
    assert_eq!((server.effects().len(), server.say("DBSIZE")), (0, ":1".to_owned()));
    server.advance_ms(5000);
    assert_eq!(server.say("GET k"), "$-1");
    assert_eq!(
        (server.effects(), server.say("DBSIZE")),
        (vec!["DEL k".to_owned()], ":0".to_owned())
    );
}

#[test]
fn nobody_is_unblocked() {
    let reason = "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
    check(
        &mut Server::new(),
        &[
            ("CLIENT UNBLOCK", "-ERR wrong number of arguments for 'client|unblock' command"),
            ("CLIENT UNBLOCK x", "-ERR value is not an integer or out of range"),
            ("CLIENT UNBLOCK 1", ":0"),
            ("CLIENT UNBLOCK -1 timeout", ":0"),
            ("CLIENT UNBLOCK 1 ERROR", ":0"),
            ("CLIENT UNBLOCK x foo", reason),
            (
                "CLIENT UNBLOCK 1 error x",
                "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.",
            ),
        ],
    );
}

#[test]
fn switches_are_on_or_off() {
    let mut server = Server::new();
    check(
        &mut server,
        &[
            ("CLIENT NO-EVICT on", "+OK"),
            ("CLIENT NO-EVICT foo", "-ERR syntax error"),
            ("CLIENT NO-TOUCH ON", "+OK"),
            ("CLIENT NO-TOUCH foo", "-ERR syntax error"),
        ],
    );
    assert!(server.clients[0].no_touch);
    check(&mut server, &[("CLIENT NO-EVICT OFF", "+OK"), ("CLIENT NO-TOUCH off", "+OK")]);
    assert!(!server.clients[0].no_touch);
    assert!(server.say("CLIENT INFO").contains(" flags=N "));
}

#[test]
fn help_has_a_line_for_each_subcommand() {
    let mut server = Server::new();
    let answer = server.answer(&["CLIENT", "HELP"]);
    let text = String::from_utf8(answer).expect("help is text");
    let (count, lines) = text.split_once("\r\n").expect("an array has a header");
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(count, format!("*{}", lines.len()));
    assert_eq!(lines[0], "+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    assert!(lines.contains(&"+PAUSE timeout [WRITE|ALL]"), "{lines:#?}");
    assert_eq!(lines[lines.len() - 2..], ["+HELP", "+    Prints this help."]);
    assert!(lines.iter().all(|line| line.starts_with('+')), "{lines:#?}");
    let names = lines.iter().filter(|line| !line.starts_with("+ "));
    let table = &server.engine.commands;
    let container = table.find(b"client").expect("there is such a command");
    assert_eq!(names.count() - 1, table.subcommands(container).len());
}
