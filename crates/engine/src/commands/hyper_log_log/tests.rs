//! What is not compared with a real server: effects, and what corrupt values leave behind.

use crate::testing::Server;

/// The effects of a call, without the choice of a database.
fn effects(server: &mut Server) -> Vec<String> {
    server.effects().into_iter().filter(|effect| !effect.starts_with("SELECT")).collect()
}

#[test]
fn only_changes_are_told() {
    let mut server = Server::new();
    server.effects();
    for (call, told) in [
        ("PFADD h a b c", true),
        ("PFADD h b a", false),
        ("PFADD h", false),
        ("PFADD new", true),
        // The first one notes what it has found.
        ("PFCOUNT h", true),
        ("PFCOUNT h", false),
        ("PFCOUNT h new", false),
        ("PFCOUNT none", false),
        ("PFDEBUG DECODE h", false),
        ("PFDEBUG TODENSE h", true),
        ("PFDEBUG TODENSE h", false),
        ("PFADD h b a", false),
        ("PFADD h d", true),
        ("PFMERGE h new", true),
    ] {
        server.say(call);
        let expected: &[String] = if told { &[call.to_owned()] } else { &[] };
        assert_eq!(effects(&mut server), expected, "{call}");
    }
    assert_eq!(server.say("PFCOUNT h"), ":4");
}

/// A value whose registers end early takes elements of those that it has, and then says that it is corrupt.
#[test]
fn elements_before_the_fault_are_added_and_told() {
    let mut server = Server::new();
    server.effects();
    let mut value = b"HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80".to_vec();
    value.extend_from_slice(b"\x5f\xff");
    server.answer(&[b"SET".as_slice(), b"h", &value]);
    effects(&mut server);
    let corrupt = "-INVALIDOBJ Corrupted HLL object detected";
    assert_eq!(server.say("PFCOUNT h"), corrupt);
    assert_eq!(server.say("PFCOUNT h h"), corrupt);
    assert_eq!(server.say("PFMERGE h h"), corrupt);
    assert_eq!(server.say("PFDEBUG TODENSE h"), corrupt);
    assert_eq!(server.say("PFDEBUG GETREG h"), corrupt);
    assert!(effects(&mut server).is_empty());
    // Of these, some lie in the first half of the registers and some in the other.
    let answers: Vec<String> =
        (0..20).map(|element| server.say(&format!("PFADD h {element}"))).collect();
    assert!(answers.iter().any(|answer| answer == corrupt), "{answers:?}");
    assert!(answers.iter().any(|answer| answer == ":1"), "{answers:?}");
    let told = effects(&mut server).len();
    assert_eq!(told, answers.iter().filter(|answer| *answer == ":1").count());
}

#[test]
fn the_sparse_form_ends_where_the_configuration_says() {
    let mut server = Server::new();
    server.configure(|config| config.data_structures.hyper_log_log_sparse_bytes = 100);
    let mut is_dense = false;
    for element in 0..100 {
        server.say(&format!("PFADD h {element}"));
        let length: usize = server.say("STRLEN h")[1..].parse().expect("a length");
        let dense = server.say("PFDEBUG ENCODING h") == "+dense";
        assert_eq!(dense, 100 < length, "{length}");
        assert!(dense || !is_dense, "it stays dense");
        is_dense = dense;
    }
    assert!(is_dense);
}

#[test]
fn the_test_of_itself_passes() {
    assert_eq!(Server::new().say("PFSELFTEST"), "+OK");
}
