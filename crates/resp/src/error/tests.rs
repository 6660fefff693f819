//! The lines of the errors. Those that quote the client were taken from Redis 7.0.15 and 7.4.1.

use super::*;
use crate::request::OwnedWords;

#[track_caller]
fn check(error: &ReplyError, line: &str) {
    assert_eq!(error.to_string(), line);
    let mut written = Vec::new();
    error.write_to(&mut written);
    assert_eq!(written, line.as_bytes());
}

#[test]
fn lines_begin_with_their_code() {
    check(&ReplyError::Syntax, "ERR syntax error");
    check(&ReplyError::message("no such user"), "ERR no such user");
    check(&ReplyError::coded("NOAUTH Authentication required."), "NOAUTH Authentication required.");
    check(
        &ReplyError::WrongArity("config|get"),
        "ERR wrong number of arguments for 'config|get' command",
    );
    assert_eq!(ReplyError::WrongType.code(), "WRONGTYPE");
    assert_eq!(ReplyError::message("no such user").code(), "ERR");
    assert_eq!(ReplyError::coded("NOAUTH Authentication required.").code(), "NOAUTH");
    assert_eq!(ReplyError::quoting(*b"BUSY").code(), "ERR", "of one word");
    let long = |bytes| ReplyError::quoting([&b"A".repeat(bytes)[..], b" is long"].concat());
    assert_eq!((long(30).code().len(), &*long(31).code()), (30, "ERR"));
    assert_eq!(ReplyError::quoting(*b"A\r\nerror").code(), "A", "it ends with the line");
    assert_eq!(ReplyError::WrongArity("get").code(), "ERR");
}

#[test]
fn no_error_breaks_out_of_its_line() {
    check(&ReplyError::Message("a\r\n+OK\n".to_owned().into()), "ERR a  +OK ");
    check(&ReplyError::unknown_subcommand("config", b"f\ro"), UNKNOWN_WITH_CR);
}

const UNKNOWN_WITH_CR: &str = "ERR unknown subcommand 'f o'. Try CONFIG HELP.";

#[track_caller]
fn check_unknown(words: &[&[u8]], expected: &str) {
    let words: OwnedWords = words.iter().collect();
    check(&ReplyError::unknown_command(words.as_words()), expected);
}

#[test]
fn unknown_commands_are_quoted_as_far_as_redis_quotes_them() {
    check_unknown(&[b"foo"], "ERR unknown command 'foo', with args beginning with: ");
    check_unknown(
        &[b"foo", b"a\n", b"b"],
        "ERR unknown command 'foo', with args beginning with: 'a ' 'b' ",
    );
    check_unknown(
        &[b"fo\0ob", b"a\0b"],
        "ERR unknown command 'fo', with args beginning with: 'a' ",
    );
    let long = |count: usize| "a".repeat(count);
    for (count, rest) in [(123, "'bb' "), (124, "'b' "), (125, "")] {
        let first = long(count);
        let line = format!("ERR unknown command 'foo', with args beginning with: '{first}' {rest}");
        check_unknown(&[b"foo", first.as_bytes(), b"bbb", b"c"], &line);
    }
    let (name, a, b) = ("f".repeat(200), long(100), "b".repeat(100));
    let line = format!(
        "ERR unknown command '{}', with args beginning with: '{a}' '{}' ",
        "f".repeat(128),
        "b".repeat(25)
    );
    check_unknown(&[name.as_bytes(), a.as_bytes(), b.as_bytes()], &line);
}

#[test]
fn an_error_is_small() {
    assert!(size_of::<ReplyError>() <= 32);
    assert!(size_of::<Result<(), ReplyError>>() <= 32);
}
