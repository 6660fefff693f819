//! What is not compared with a real server: operations that it lacks, effects, and where nothing may change.

use crate::testing::Server;

#[test]
fn newer_operations_combine() {
    let mut server = Server::new();
    server.answer(&[b"SET".as_slice(), b"{t}x", b"\xf0\xff"]);
    server.answer(&[b"SET".as_slice(), b"{t}y", b"\xcc"]);
    server.answer(&[b"SET".as_slice(), b"{t}z", b"\xaa\x0f\x01"]);
    let mut check = |operation: &str, expected: &[u8]| {
        let call = format!("BITOP {operation} {{t}}d {{t}}x {{t}}y {{t}}z");
        assert_eq!(server.say(&call), ":3", "{operation}");
        let answer = server.answer(&["GET", "{t}d"]);
        let bulk = [b"$3\r\n", expected, b"\r\n"].concat();
        assert_eq!(answer, bulk, "{operation}");
    };
    check("DIFF", b"\x10\xf0\x00");
    check("diff1", b"\x0e\x00\x01");
    check("ANDOR", b"\xe0\x0f\x00");
    check("ONE", b"\x16\xf0\x01");
    for operation in ["DIFF", "diff1", "ANDOR"] {
        let error = format!(
            "-ERR BITOP {} must be called with at least two source keys.",
            operation.to_uppercase()
        );
        assert_eq!(server.say(&format!("BITOP {operation} {{t}}d {{t}}x")), error);
    }
    assert_eq!(server.say("BITOP ONE {t}d {t}y"), ":1");
    assert_eq!(server.answer(&["GET", "{t}d"]), b"$1\r\n\xcc\r\n");
}

#[test]
fn calls_that_change_nothing_are_not_told() {
    let mut server = Server::new();
    server.effects();
    for (call, told) in [
        ("SETBIT b 7 1", true),
        ("SETBIT b 7 1", false),
        ("SETBIT b 3 0", false),
        ("SETBIT b 8 0", true),
        ("GETBIT b 100", false),
        ("BITFIELD b SET u8 0 1", false),
        ("BITFIELD b GET u8 0", false),
        ("BITFIELD b OVERFLOW FAIL INCRBY u2 0 9", false),
        ("BITFIELD b INCRBY u8 0 1", true),
        ("BITFIELD new OVERFLOW FAIL INCRBY u2 0 9", true),
        ("BITOP OR none nothing", false),
        ("BITOP OR b nothing", true),
    ] {
        server.say(call);
        let expected: &[String] = if told { &[call.to_owned()] } else { &[] };
        let effects: Vec<String> =
            server.effects().into_iter().filter(|effect| !effect.starts_with("SELECT")).collect();
        assert_eq!(effects, expected, "{call}");
    }
}

#[test]
fn strings_that_replies_share_are_not_changed() {
    let mut server = Server::new();
    let long = "x".repeat(5000);
    server.answer(&["SET", "long", &long]);
    server.answer(&["COPY", "long", "copy"]);
    assert_eq!(server.say("SETBIT long 0 1"), ":0");
    assert_eq!(server.say("BITCOUNT copy"), ":20000");
    assert_eq!(server.say("BITCOUNT long"), ":20001");
}

#[test]
fn the_limit_on_lengths_is_one_on_offsets() {
    let mut server = Server::new();
    server.configure(|config| config.limits.bulk_bytes = 1 << 20);
    let error = "-ERR bit offset is not an integer or out of range";
    assert_eq!(server.say("SETBIT b 8388607 1"), ":0");
    assert_eq!(server.say("SETBIT b 8388608 1"), error);
    assert_eq!(server.say("GETBIT b 8388608"), error);
    assert_eq!(server.say("BITFIELD b GET u8 8388608"), error);
    assert_eq!(server.say("BITFIELD b SET u8 #1048576 1"), error);
    // Redis multiplies in 64 bits, where this would be offset 0.
    assert_eq!(server.say("BITFIELD b GET u8 #4611686018427387904"), error);
}
