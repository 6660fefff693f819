//! What the differential test cannot see: effects, changes and forms.

use crate::testing::Server;

fn server() -> Server {
    let mut server = Server::new();
    server.effects();
    server
}

#[test]
fn effects_are_the_calls_but_for_lmpop() {
    let mut server = server();
    for line in [
        "RPUSH a 1 2 3 4 5 6",
        "LPOP a 2",
        "LMOVE a b LEFT RIGHT",
        "RPOPLPUSH a a",
        "LREM a 0 4",
        "LTRIM a 0 0",
        "LSET b 0 x",
        "LINSERT b BEFORE x y",
    ] {
        server.say(line);
        let effects = server.effects();
        assert_eq!(effects.last().map(String::as_str), Some(line));
    }
    assert_eq!(server.say("LMPOP 3 none b a RIGHT COUNT 5"), "*2 $1 b *2 $1 x $1 y");
    assert_eq!(server.effects(), ["RPOP b 2"]);
    assert_eq!(server.say("LMPOP 2 b a LEFT"), "*2 $1 a *1 $1 6");
    assert_eq!(server.effects(), ["LPOP a 1"]);
    assert_eq!(server.say("KEYS *"), "*0");
}

#[test]
fn what_changes_nothing_has_no_effect() {
    let mut server = server();
    server.say("RPUSH a 1 2 3");
    server.effects();
    for line in [
        "LTRIM a 0 -1",
        "LPUSHX b 1",
        "LPOP a 0",
        "LPOP b",
        "LMOVE b a LEFT LEFT",
        "LINSERT a BEFORE 7 7",
        "LREM a 0 7",
        "LSET a 3 x",
        "LMPOP 1 b LEFT",
    ] {
        server.say(line);
        assert_eq!(server.effects(), [""; 0], "{line}");
    }
}

#[test]
fn every_element_is_a_change() {
    let mut server = server();
    for (line, changes) in [
        ("RPUSH a 1 2 3 1 1 1", 6),
        ("LPUSHX a 1", 1),
        ("LMOVE a b LEFT LEFT", 1),
        ("LREM a 3 1", 3),
        ("LTRIM a 0 -1", 0),
        ("LTRIM a 1 1", 2),
        ("RPUSH a 1 2 3", 3),
        ("RPOP a 3", 3),
        ("LSET a 0 x", 1),
        ("LINSERT a AFTER x y", 1),
    ] {
        let before = server.changes();
        server.say(line);
        assert_eq!(server.changes() - before, changes, "{line}");
    }
}

#[test]
fn the_form_follows_the_configuration() {
    let mut server = server();
    server.configure(|config| config.data_structures.list_node_size = 4);
    for (line, encoding) in [
        ("RPUSH a 1 2 3 4", "listpack"),
        ("RPUSH a 5", "quicklist"),
        ("RPOP a", "quicklist"),
        ("RPOP a", "quicklist"),
        ("RPOP a", "listpack"),
        ("RPUSH a 3 4 5 6 7 8", "quicklist"),
        ("LTRIM a 6 -1", "listpack"),
    ] {
        server.say(line);
        let answer = server.say("OBJECT ENCODING a");
        assert!(answer.ends_with(encoding), "{line}: {answer}");
    }
}
