//! Replies in both protocols. The bytes are those of Redis 7.4.1's DEBUG PROTOCOL and of commands
//! that reply so.

use super::*;

#[track_caller]
fn check(write: impl Fn(&mut Reply<'_>), resp2: &[u8], resp3: &[u8]) {
    for (protocol, expected) in [(Protocol::Resp2, resp2), (Protocol::Resp3, resp3)] {
        let mut output = Output::new();
        output.push(b"before ");
        write(&mut Reply::new(&mut output, protocol));
        assert_eq!(
            output.as_slice().unwrap().escape_ascii().to_string(),
            [b"before ", expected].concat().escape_ascii().to_string(),
            "{protocol:?}"
        );
    }
}

#[track_caller]
fn check_same(write: impl Fn(&mut Reply<'_>), expected: &[u8]) {
    check(write, expected, expected);
}

#[test]
fn integers() {
    for number in [0, 9, 10, 99, 100, 101, 300, 999, 1000, 12345, -1, -10, i64::MIN, i64::MAX] {
        check_same(|reply| reply.integer(number), format!(":{number}\r\n").as_bytes());
        let text = number.to_string();
        let bulk = format!("${}\r\n{text}\r\n", text.len());
        check_same(|reply| reply.bulk_integer(number), bulk.as_bytes());
    }
    check_same(|reply| reply.unsigned(u64::MAX), b":18446744073709551615\r\n");
}

#[test]
fn strings_of_any_length() {
    for length in (0..1100).chain([16_383, 16_384, 100_000]) {
        let bytes = vec![b'x'; length];
        let expected = [format!("${length}\r\n").as_bytes(), &bytes, b"\r\n"].concat();
        check_same(|reply| reply.bulk(&bytes), &expected);
    }
    check_same(|reply| reply.bulk(b"\r\n\0"), b"$3\r\n\r\n\0\r\n");
}

#[test]
fn statuses_and_errors() {
    check_same(|reply| reply.simple("OK"), b"+OK\r\n");
    check_same(
        |reply| {
            reply.ok();
        },
        b"+OK\r\n",
    );
    check_same(|reply| reply.simple("PONG"), b"+PONG\r\n");
    check_same(|reply| reply.error(&ReplyError::NoSuchKey), b"-ERR no such key\r\n");
}

#[test]
fn what_differs_between_the_protocols() {
    check(
        |reply| {
            reply.null();
        },
        b"$-1\r\n",
        b"_\r\n",
    );
    check(
        |reply| {
            reply.null_array();
        },
        b"*-1\r\n",
        b"_\r\n",
    );
    check(|reply| reply.boolean(true), b":1\r\n", b"#t\r\n");
    check(|reply| reply.boolean(false), b":0\r\n", b"#f\r\n");
    check(|reply| reply.double(3.25), b"$4\r\n3.25\r\n", b",3.25\r\n");
    check(|reply| reply.double(-0.0), b"$2\r\n-0\r\n", b",-0\r\n");
    check(|reply| reply.double(f64::NEG_INFINITY), b"$4\r\n-inf\r\n", b",-inf\r\n");
    check(
        |reply| reply.big_number("1234567999999999999999999999999999999"),
        b"$37\r\n1234567999999999999999999999999999999\r\n",
        b"(1234567999999999999999999999999999999\r\n",
    );
    check(
        |reply| reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"$25\r\nThis is a verbatim\nstring\r\n",
        b"=29\r\ntxt:This is a verbatim\nstring\r\n",
    );
    check(|reply| reply.array(3), b"*3\r\n", b"*3\r\n");
    check(|reply| reply.map(3), b"*6\r\n", b"%3\r\n");
    check(|reply| reply.set(3), b"*3\r\n", b"~3\r\n");
    check(|reply| reply.push(2), b"*2\r\n", b">2\r\n");
    check(
        |reply| assert_eq!(reply.attribute(1), reply.protocol() == Protocol::Resp3),
        b"",
        b"|1\r\n",
    );
}

#[test]
fn headers_that_come_later() {
    check(
        |reply| {
            let outer = reply.deferred_array();
            for count in 0..12 {
                let inner = reply.deferred_map();
                for _ in 0..count {
                    reply.bulk(b"k");
                    reply.integer(1);
                }
                reply.close(inner, count);
            }
            reply.close(outer, 12);
        },
        &aggregate_of_maps(|count| format!("*{}\r\n", count * 2)),
        &aggregate_of_maps(|count| format!("%{count}\r\n")),
    );
    check(
        |reply| {
            let set = reply.deferred_set();
            reply.close(set, 0);
        },
        b"*0\r\n",
        b"~0\r\n",
    );
}

fn aggregate_of_maps(header: impl Fn(usize) -> String) -> Vec<u8> {
    let maps = (0..12).map(|count| header(count) + &"$1\r\nk\r\n:1\r\n".repeat(count));
    ("*12\r\n".to_owned() + &maps.collect::<String>()).into_bytes()
}

#[test]
fn long_values_are_shared_and_deferred_headers_go_before_them() {
    let mut output = Output::new();
    let short = Arc::new(vec![b's'; SHARED_BYTES - 1]);
    let long = Arc::new(vec![b'l'; SHARED_BYTES]);
    let mut reply = Reply::new(&mut output, Protocol::Resp2);
    let deferred = reply.deferred_array();
    reply.bulk_shared(Arc::clone(&short));
    reply.bulk_shared(Arc::clone(&long));
    reply.close(deferred, 2);
    assert_eq!((Arc::strong_count(&short), Arc::strong_count(&long)), (1, 2));
    let mut slices = [std::io::IoSlice::new(b""); 4];
    assert_eq!(output.io_slices(&mut slices), 3);
    let head = [b"*2\r\n$16383\r\n".as_slice(), &short, b"\r\n$16384\r\n"].concat();
    assert_eq!(*slices[0], head);
    assert_eq!(slices[1].as_ptr(), long.as_ptr());
    assert_eq!(*slices[2], *b"\r\n");
}

#[test]
fn what_a_command_began_can_be_taken_back() {
    let mut output = Output::new();
    output.push(b"+OK\r\n");
    let mark = output.mark();
    let mut reply = Reply::new(&mut output, Protocol::Resp3);
    reply.array(2);
    reply.bulk_shared(Arc::new(vec![b'l'; SHARED_BYTES]));
    reply.output().truncate(mark);
    reply.error(&ReplyError::Syntax);
    assert_eq!(output.as_slice(), Some(b"+OK\r\n-ERR syntax error\r\n".as_slice()));
}
