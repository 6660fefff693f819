//! What is a request and what is not. The answers were asked of Redis 7.0.15 and 7.4.1 on raw
//! sockets, where they agree.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::value::encode_request;

/// A connection as a server keeps it: it reads, parses, takes the requests out and drops their
/// bytes from its buffer.
struct Connection {
    parser: RequestParser,
    buffer: Vec<u8>,
    batch: Batch,
    limits: RequestLimits,
    at_most: usize,
    requests: Vec<Vec<Vec<u8>>>,
}

impl Connection {
    fn new() -> Connection {
        Connection {
            parser: RequestParser::new(),
            buffer: Vec::new(),
            batch: Batch::new(),
            limits: RequestLimits::default(),
            at_most: usize::MAX,
            requests: Vec::new(),
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<usize, ProtocolError> {
        self.buffer.extend_from_slice(bytes);
        let mut from = 0;
        loop {
            let (batch, limits) = (&mut self.batch, &self.limits);
            let status = self.parser.parse(&self.buffer, from, batch, limits, self.at_most);
            let mut end = from;
            for index in 0..self.batch.len() {
                assert!(end < self.batch.end(index), "a request takes bytes");
                end = self.batch.end(index);
                let words = self.batch.words(index, &self.buffer);
                for position in 0..words.len().min(9) {
                    assert_eq!(self.batch.word(index, position, &self.buffer), words.get(position));
                }
                self.requests.push(words.iter().map(<[u8]>::to_vec).collect());
            }
            assert!(end <= self.batch.consumed());
            assert!(self.batch.len() <= self.at_most);
            from = self.batch.consumed();
            match status {
                ParseStatus::Full => {}
                ParseStatus::Failed(error) => return Err(error),
                ParseStatus::NeedsInput { missing } => {
                    self.buffer.drain(..from);
                    return Ok(missing);
                }
            }
        }
    }
}

type Outcome = (Vec<Vec<Vec<u8>>>, Result<(), ProtocolError>);

fn parse_in(chunks: &[&[u8]], at_most: usize) -> Outcome {
    let mut connection = Connection { at_most, ..Connection::new() };
    for chunk in chunks {
        if let Err(error) = connection.read(chunk) {
            return (connection.requests, Err(error));
        }
    }
    (connection.requests, Ok(()))
}

/// Parses at once, one request at a time, in bytes and in two parts: always the same comes out.
#[track_caller]
fn parse(input: &[u8]) -> Outcome {
    let outcome = parse_in(&[input], usize::MAX);
    assert_eq!(parse_in(&[input], 1), outcome, "one request at a time");
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(parse_in(&bytes, usize::MAX), outcome, "byte by byte");
    if input.len() < 1000 {
        for cut in 0..input.len() {
            let (before, after) = input.split_at(cut);
            assert_eq!(parse_in(&[before, after], usize::MAX), outcome, "cut at {cut}");
        }
    }
    outcome
}

#[track_caller]
fn check(input: &[u8], requests: &[&[&[u8]]]) {
    let (found, result) = parse(input);
    assert_eq!(result, Ok(()), "{}", input.escape_ascii());
    assert_eq!(found, requests, "{}", input.escape_ascii());
}

#[track_caller]
fn check_error(input: &[u8], error: ProtocolError) {
    let (found, result) = parse(input);
    assert_eq!(result, Err(error), "{}", input.get(..80).unwrap_or(input).escape_ascii());
    assert_eq!(found, [[b"PING"]; 0]);
}

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

fn before_ping(input: &[u8]) -> Vec<u8> {
    [input, PING].concat()
}

#[test]
fn multibulk_and_inline_requests_in_a_row() {
    let input = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nset 'a b' \"\\x41\"\r\n*0\r\n\r\n*1\r\n$10\r\n0123456789\r\n";
    check(input, &[&[b"GET", b"k"], &[b"set", b"a b", b"A"], &[b"0123456789"]]);
}

#[test]
fn requests_without_words_are_passed_over() {
    for input in
        ["*0\r\n", "*-1\r\n", "*-5\r\n", "*-9223372036854775808\r\n", "\r\n", "\n", " \t \r\n"]
    {
        check(input.as_bytes(), &[]);
        check(&before_ping(input.repeat(3).as_bytes()), &[&[b"PING"]]);
    }
}

#[test]
fn lengths_of_every_size() {
    for length in (0..30).chain([98, 99, 100, 101, 998, 999, 1000, 1001, 9999, 10_000, 100_000]) {
        let word = vec![b'x'; length];
        let mut input = Vec::new();
        encode_request(&[&word, b"".as_slice(), &word], &mut input);
        let expected: &[&[&[u8]]] = &[&[&word, b"", &word]];
        if length < 1001 {
            check(&input, expected);
        }
        assert_eq!(parse_in(&[&input], usize::MAX).0, expected);
    }
    let longest = vec![b'x'; 10_000_000];
    let mut input = Vec::new();
    encode_request(&[&longest], &mut input);
    assert_eq!(parse_in(&[&input], usize::MAX).0, [[longest]]);
}

#[test]
fn line_endings_are_not_looked_at() {
    check(b"*1\rx$4\rxPINGxx*1\r\n$4\r\nPINGPING\n", &[&[b"PING"], &[b"PING"], &[b"NG"]]);
}

#[test]
fn counts_that_are_none() {
    for count in [
        "",
        "-0",
        "+1",
        "01",
        " 1",
        "1 ",
        "abc",
        "2147483648",
        "9223372036854775808",
        "-9223372036854775809",
        "1\n",
    ] {
        check_error(format!("*{count}\r\n").as_bytes(), ProtocolError::InvalidCount);
    }
    // The line ends at the first CR: the next one begins with the digit.
    check_error(b"*1\r$4\r\nPING\r\n", ProtocolError::ExpectedDollar(b'4'));
    check(b"*2147483647\r\n", &[]);
    check(b"*1048577\r\n$4\r\nPING\r\n", &[]);
}

#[test]
fn lengths_that_are_none() {
    for length in
        ["", "-1", "-10", "-0", "04", "+4", " 4", "4x", "536870913", "9223372036854775808"]
    {
        let input = format!("*2\r\n${length}\r\n");
        check_error(input.as_bytes(), ProtocolError::InvalidLength);
    }
    check(b"*1\r\n$536870912\r\n", &[]);
}

#[test]
fn arguments_that_do_not_begin_with_a_dollar() {
    for byte in [b'x', b'\r', b'\n', b':', 0xff, b'\''] {
        let input = [b"*1\r\n", [byte].as_slice(), b"\r\n"].concat();
        check_error(&input, ProtocolError::ExpectedDollar(byte));
    }
    // Whether it does is seen only when the line is complete.
    check(b"*1\r\nxabc", &[]);
    let (requests, result) = parse(&[PING, b"*1\r\nfoo\r\n", PING].concat());
    assert_eq!(requests, [[b"PING"]]);
    assert_eq!(result, Err(ProtocolError::ExpectedDollar(b'f')));
}

#[test]
fn a_nul_hides_the_rest_of_its_line() {
    for input in [b"*1\0\r\n".as_slice(), b"*1\r\n\0\r\n", b"PI\0NG\r\n", b"*1\r\n$4\0\r\n"] {
        check(&before_ping(input), &[]);
    }
    check_error(
        &[b"*1\0\r\n".as_slice(), &vec![b'1'; 65536]].concat(),
        ProtocolError::CountTooLong,
    );
}

#[test]
fn lines_without_end() {
    let run =
        |first: &[u8], length: usize, last: &[u8]| [first, &vec![b'1'; length], last].concat();
    check(&run(b"", 65536, b""), &[]);
    check_error(&run(b"", 65537, b""), ProtocolError::InlineTooLong);
    check(&run(b"*", 65535, b""), &[]);
    check_error(&run(b"*", 65535, b"\r\n"), ProtocolError::InvalidCount);
    check_error(&run(b"*", 65536, b""), ProtocolError::CountTooLong);
    check(&run(b"*1\r\n$", 65535, b""), &[]);
    check_error(&run(b"*1\r\n$", 65535, b"\r\n"), ProtocolError::InvalidLength);
    check_error(&run(b"*1\r\n$", 65536, b""), ProtocolError::LengthTooLong);
    check_error(&run(b"*1\r\nx", 65536, b""), ProtocolError::LengthTooLong);
    let word = vec![b'1'; 65531];
    check(&run(b"ECHO ", 65531, b"\n"), &[&[b"ECHO", &word]]);
    check_error(&run(b"ECHO ", 65532, b"\n"), ProtocolError::InlineTooLong);
}

#[test]
fn inline_words() {
    check(b"PING\r\nPING\n", &[&[b"PING"], &[b"PING"]]);
    for (line, word) in [
        (r#""a\x41\n\r\t\b\a" "#, b"aA\n\r\t\x08\x07".as_slice()),
        (r"'a\'b'", b"a'b"),
        (r"'a\nb'", b"a\\nb"),
        (r"a\nb", b"a\\nb"),
        (r#"a"b c""#, b"ab c"),
        (r#""a\"b\\""#, b"a\"b\\"),
        (r#""\x4g\q""#, b"x4gq"),
        (r#""\xAb\xfF""#, b"\xab\xff"),
        (r#""""#, b""),
        ("''", b""),
        ("a\r", b"a"),
        ("\x0b\x0cx", b"x"),
        ("\"x\"\x0b", b"x"),
        ("x\x0bz", b"x\x0bz"),
        ("*1", b"*1"),
    ] {
        check(format!("echo {line}\r\n").as_bytes(), &[&[b"echo", word]]);
    }
    check(b"echo \xff\r\n", &[&[b"echo", b"\xff"]]);
    check(b"echo a\rb\r\n", &[&[b"echo", b"a", b"b"]]);
    check(b" *1\r\n\"echo\" hi\n", &[&[b"*1"], &[b"echo", b"hi"]]);
}

#[test]
fn inline_quotes_that_do_not_fit() {
    for line in
        [r#"echo "abc"#, r#"echo "a"b"#, "echo 'a", "echo 'a'b", r#"echo "a\"#, r"'\'", "\"a\"\0"]
    {
        if line.contains('\0') {
            check(format!("{line}\r\n").as_bytes(), &[]);
        } else {
            check_error(format!("{line}\r\n").as_bytes(), ProtocolError::UnbalancedQuotes);
        }
    }
}

#[test]
fn a_stranger_may_send_little() {
    let mut connection = Connection::new();
    connection.limits.authenticated = false;
    let mut read = |bytes: &[u8]| {
        connection.parser = RequestParser::new();
        connection.buffer.clear();
        connection.read(bytes)
    };
    assert_eq!(read(b"*10\r\n$16384\r\n"), Ok(16386));
    assert_eq!(read(b"*11\r\n"), Err(ProtocolError::UnauthenticatedCount));
    assert_eq!(read(b"*1\r\n$16385\r\n"), Err(ProtocolError::UnauthenticatedLength));
    assert_eq!(read(b"*1\r\n$16385\r\nabcdefghij"), Err(ProtocolError::UnauthenticatedLength));
    assert_eq!(read(b"*1\r\n$536870913\r\n"), Err(ProtocolError::InvalidLength));
    assert_eq!(read(b"*2147483648\r\n"), Err(ProtocolError::InvalidCount));
    assert_eq!(read(b"a b c d e f g h i j k l m n\r\n"), Ok(0));
}

#[test]
fn a_lower_limit_of_arguments_holds() {
    for length in [5_usize, 20, 500, 5000, 50_000_000] {
        let mut connection = Connection::new();
        connection.limits.bulk_bytes = length - 1;
        let input = format!("*1\r\n${length}\r\n0123456789");
        assert_eq!(connection.read(input.as_bytes()), Err(ProtocolError::InvalidLength));
        let mut connection = Connection::new();
        connection.limits.bulk_bytes = length;
        connection.read(input.as_bytes()).unwrap();
    }
}

#[test]
fn error_replies_quote_the_byte_as_it_came() {
    let line = |error: ProtocolError| {
        let mut line = Vec::new();
        crate::ReplyError::from(error).write_to(&mut line);
        line
    };
    let expected = b"ERR Protocol error: expected '$', got '\xff'";
    assert_eq!(line(ProtocolError::ExpectedDollar(0xff)), expected);
    let expected = b"ERR Protocol error: expected '$', got ' '";
    assert_eq!(line(ProtocolError::ExpectedDollar(b'\r')), expected);
    let expected = b"ERR Protocol error: too big mbulk count string";
    assert_eq!(line(ProtocolError::CountTooLong), expected);
}

#[test]
fn what_is_missing_is_told() {
    let mut connection = Connection::new();
    assert_eq!(connection.read(b"*2\r\n$3\r\nSET\r\n$1000"), Ok(0));
    assert_eq!(connection.read(b"000\r\nab"), Ok(1_000_000));
    assert_eq!(connection.read(&vec![b'x'; 999_999]), Ok(1));
    assert_eq!(connection.read(b"\n"), Ok(0));
    assert_eq!(connection.requests[0][1].len(), 1_000_000);
}

#[test]
fn nothing_is_reserved_for_what_was_only_announced() {
    let mut connection = Connection::new();
    assert_eq!(connection.read(b"*2147483647\r\n$3\r\nSET\r\n$536870912\r\n"), Ok(536_870_914));
    assert!(connection.parser.memory() < 1000, "{} bytes", connection.parser.memory());
}

#[test]
fn room_for_a_big_request_is_given_back() {
    let mut connection = Connection::new();
    let mut input = Vec::new();
    encode_request(&vec!["word"; 100_000], &mut input);
    let (before, after) = input.split_at(input.len() / 2);
    connection.read(before).unwrap();
    assert!(300_000 <= connection.parser.memory());
    connection.read(after).unwrap();
    assert!(connection.parser.memory() <= 512);
    connection.read(PING).unwrap();
    assert_eq!(connection.requests[0].len(), 100_000);
    assert_eq!(connection.requests[1], [b"PING"]);
}

/// Were a parse to look at all of the request again, these would be 10^12 steps and more.
#[test]
fn byte_by_byte_is_linear() {
    let mut connection = Connection::new();
    let mut input = Vec::new();
    encode_request(&vec!["word"; 100_000], &mut input);
    input.extend_from_slice(&[b"*1\r\n$0".as_slice(), &vec![b'0'; 60_000], b"\r\n"].concat());
    let mut result = Ok(0);
    // The buffer is the request alone, so nothing is moved when bytes are dropped.
    for byte in input {
        result = connection.read(&[byte]);
    }
    assert_eq!(result, Err(ProtocolError::InvalidLength));
    assert_eq!(connection.requests[0].len(), 100_000);
}

#[test]
fn a_parse_goes_on_where_the_batch_ended() {
    let input = PING.repeat(5);
    let mut parser = RequestParser::new();
    let mut batch = Batch::new();
    let limits = RequestLimits::default();
    assert_eq!(parser.parse(&input, 0, &mut batch, &limits, 2), ParseStatus::Full);
    assert_eq!((batch.len(), batch.consumed()), (2, 2 * PING.len()));
    assert_eq!(batch.end(0), PING.len());
    // Only the first one was executed: its successor is parsed again.
    let status = parser.parse(&input, batch.end(0), &mut batch, &limits, 10);
    assert_eq!(status, ParseStatus::NeedsInput { missing: 0 });
    assert_eq!((batch.len(), batch.consumed()), (4, input.len()));
    assert_eq!(parser.parse(&input, 0, &mut batch, &limits, 0), ParseStatus::Full);
    assert_eq!((batch.len(), batch.consumed()), (0, 0));
    assert!(batch.words(7, &input).is_empty());
}

#[test]
fn words_and_owned_words() {
    let owned: OwnedWords = ["SET", "key", "value"].into_iter().collect();
    let words = owned.as_words();
    assert_eq!(words.len(), 3);
    assert_eq!(words.first(), Some(b"SET".as_slice()));
    assert_eq!(words.get(3), None);
    assert_eq!(words.bytes(), 11);
    assert_eq!(words.skip(1).first(), Some(b"key".as_slice()));
    assert!(words.skip(3).is_empty() && words.skip(4).is_empty());
    assert_eq!(words.take(2).iter().next_back(), Some(b"key".as_slice()));
    assert_eq!(words.take(9), words);
    assert_eq!(OwnedWords::from(words.skip(1)), ["key", "value"].into_iter().collect());
    assert_eq!(format!("{words:?}"), r#"["SET", "key", "value"]"#);
}

#[derive(Debug, Clone)]
enum Sent {
    Multibulk(Vec<Vec<u8>>),
    Inline(Vec<Vec<u8>>),
    Empty(&'static str),
}

impl Sent {
    fn encode(&self, output: &mut Vec<u8>) {
        match self {
            Sent::Multibulk(words) => encode_request(words, output),
            Sent::Inline(words) => {
                for word in words {
                    output.push(b'"');
                    for byte in word {
                        output.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
                    }
                    output.extend_from_slice(b"\" ");
                }
                output.extend_from_slice(b"\r\n");
            }
            Sent::Empty(text) => output.extend_from_slice(text.as_bytes()),
        }
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let words = || {
        let short = prop::collection::vec(any::<u8>(), 0..12);
        let long = (90_usize..120).prop_map(|length| vec![b'x'; length]);
        prop::collection::vec(prop_oneof![9 => short, 1 => long], 1..14)
    };
    prop_oneof![
        4 => words().prop_map(Sent::Multibulk),
        1 => words().prop_map(Sent::Inline),
        1 => prop::sample::select(vec!["\r\n", "\n", "*0\r\n", "*-1\r\n", "  \r\n"]).prop_map(Sent::Empty),
    ]
}

proptest! {
    #[test]
    fn any_split_of_any_requests_gives_the_same(
        sent in prop::collection::vec(sent(), 0..8),
        sizes in prop::collection::vec(1_usize..40, 1..20),
        at_most in 1_usize..4,
    ) {
        let mut input = Vec::new();
        let mut expected = Vec::new();
        for request in &sent {
            request.encode(&mut input);
            if let Sent::Multibulk(words) | Sent::Inline(words) = request {
                expected.push(words.clone());
            }
        }
        let mut chunks = Vec::new();
        let mut rest = input.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at((*size).min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        prop_assert_eq!(parse_in(&[&input], usize::MAX), (expected.clone(), Ok(())));
        prop_assert_eq!(parse_in(&chunks, at_most), (expected, Ok(())));
    }

    #[test]
    fn any_bytes_are_parsed_or_refused_alike_however_they_come(
        input in prop::collection::vec(
            prop_oneof![
                3 => prop::sample::select(b"*$\r\n0123-'\"\\x \0".to_vec()).prop_map(|byte| vec![byte]),
                2 => prop::sample::select(vec!["\r\n", "*1\r\n", "*2\r\n", "$1\r\n", "$10\r\n"])
                    .prop_map(|text| text.as_bytes().to_vec()),
                1 => any::<u8>().prop_map(|byte| vec![byte]),
            ],
            0..40,
        ).prop_map(|parts| parts.concat()),
        cut in any::<prop::sample::Index>(),
    ) {
        let outcome = parse_in(&[&input], usize::MAX);
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        prop_assert_eq!(&parse_in(&bytes, 1), &outcome);
        let (before, after) = input.split_at(cut.index(input.len() + 1));
        prop_assert_eq!(&parse_in(&[before, after], usize::MAX), &outcome);
    }
}

/// The same as [`Connection`], for a server that receives arguments of at least `long` bytes apart.
fn parse_with_long_arguments(input: &[u8], piece: usize, long: usize) -> Outcome {
    let (mut parser, mut batch, limits) =
        (RequestParser::new(), Batch::new(), RequestLimits::default());
    let mut buffer: Vec<u8> = Vec::new();
    let mut apart: Option<(Vec<u8>, usize)> = None;
    let mut requests = Vec::new();
    for piece in input.chunks(piece) {
        buffer.extend_from_slice(piece);
        if let Some((bytes, length)) = &mut apart {
            // What was read belongs to the argument first.
            let header = buffer.len() - piece.len();
            let count = (*length - bytes.len()).min(piece.len());
            bytes.extend(buffer.drain(header..header + count));
            if bytes.len() < *length {
                continue;
            }
            parser.supply(Arc::new(apart.take().expect("it is there").0));
        }
        let mut from = 0;
        loop {
            let status = parser.parse(&buffer, from, &mut batch, &limits, 2);
            for index in 0..batch.len() {
                let words = batch.words(index, &buffer);
                let owned = OwnedWords::from(words);
                assert!(owned.as_words() == words && owned.as_words().bytes() == words.bytes());
                requests.push(words.iter().map(<[u8]>::to_vec).collect());
            }
            from = batch.consumed();
            match status {
                ParseStatus::Full => {}
                ParseStatus::Failed(error) => return (requests, Err(error)),
                ParseStatus::NeedsInput { .. } => break,
            }
        }
        buffer.drain(..from);
        if let Some(length) = parser.argument_under_way().filter(|length| long <= *length) {
            let start = parser.parsed();
            if buffer.len() - start < length {
                apart = Some((buffer.split_off(start), length));
            }
        }
    }
    (requests, Ok(()))
}

#[test]
fn an_argument_received_apart_is_the_very_buffer() {
    let (mut parser, mut batch) = (RequestParser::new(), Batch::new());
    let limits = RequestLimits::default();
    let mut input = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\n".to_vec();
    parser.parse(&input, 0, &mut batch, &limits, 9);
    assert_eq!(parser.argument_under_way(), Some(1000));
    assert_eq!(parser.parsed(), input.len());
    let argument = Arc::new(vec![b'x'; 1000]);
    parser.supply(Arc::clone(&argument));
    assert_eq!(parser.argument_under_way(), None, "it is there");
    assert_eq!(parser.supplied_bytes(), 1000);
    input.extend_from_slice(b"\r");
    let status = parser.parse(&input, 0, &mut batch, &limits, 9);
    assert_eq!(status, ParseStatus::NeedsInput { missing: 1 });
    assert_eq!(parser.argument_under_way(), None);
    input.extend_from_slice(b"\n*1\r\n$4\r\nPING\r\n");
    parser.parse(&input, 0, &mut batch, &limits, 9);
    assert_eq!(batch.len(), 2);
    let word = batch.words(0, &input).get(2).expect("the value");
    assert_eq!(word.as_ptr(), argument.as_ptr());
    assert_eq!(batch.words(1, &input).get(0), Some(b"PING".as_slice()));
    assert_eq!(batch.supplied().len(), 1);
    batch.clear();
    assert_eq!(Arc::strong_count(&argument), 1, "nobody else holds it");
}

proptest! {
    #[test]
    fn where_long_arguments_are_received_makes_no_difference(
        requests in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..5), 0..6
        ),
        piece in 1_usize..40,
        long in 0_usize..50,
    ) {
        let mut input = Vec::new();
        for request in &requests {
            encode_request(request, &mut input);
        }
        let (parsed, outcome) = parse_with_long_arguments(&input, piece, long);
        prop_assert_eq!(outcome, Ok(()));
        prop_assert_eq!(parsed, requests);
    }
}

#[test]
fn a_request_is_passed_on_as_it_was_sent_only_if_it_is_what_would_be_encoded() {
    let limits = RequestLimits::default();
    let cases: [(&[u8], bool); 7] = [
        (b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", true),
        (b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n", true),
        (b"*2\rx$3\r\nGET\r\n$1\r\nk\r\n", false),
        (b"*2\r\n$3\rxGET\r\n$1\r\nk\r\n", false),
        (b"*2\r\n$3\r\nGETxx$1\r\nk\r\n", false),
        (b"*2\r\n$3\r\nGET\r\n$1\r\nk\rx", false),
        (b"\"*2\\r\\n$3\\r\\nGET\\r\\n\" k\r\n", false),
    ];
    for (input, is_as_sent) in cases {
        let (mut parser, mut batch) = (RequestParser::new(), Batch::new());
        let twice = [input, input].concat();
        parser.parse(&twice, 0, &mut batch, &limits, 9);
        assert_eq!(batch.len(), 2, "{}", input.escape_ascii());
        for index in 0..2 {
            let words = batch.words(index, &twice);
            assert_eq!(words.as_sent(), is_as_sent.then_some(input), "{}", input.escape_ascii());
            assert_eq!(words.skip(1).as_sent(), None, "it is a part of one");
            assert_eq!(words.take(1).as_sent(), None, "it is a part of one");
            assert_eq!(OwnedWords::from(words).as_words().as_sent(), None, "it was not sent");
        }
    }
}

proptest! {
    #[test]
    fn what_was_sent_is_what_would_be_encoded(
        requests in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 1..12), 1..6
        ),
    ) {
        let mut input = Vec::new();
        for request in &requests {
            encode_request(request, &mut input);
        }
        let (mut parser, mut batch) = (RequestParser::new(), Batch::new());
        parser.parse(&input, 0, &mut batch, &RequestLimits::default(), 9);
        prop_assert_eq!(batch.len(), requests.len());
        for (index, request) in requests.iter().enumerate() {
            let words = batch.words(index, &input);
            for position in 0..=words.len() {
                prop_assert_eq!(batch.word(index, position, &input), words.get(position));
            }
            let mut encoded = Vec::new();
            crate::value::encode_words(words, &mut encoded);
            prop_assert_eq!(words.as_sent().is_some(), request.len() <= 9);
            prop_assert!(words.as_sent().is_none_or(|sent| sent == encoded));
        }
    }
}

proptest! {
    /// Short requests are found in another way if they come as a whole.
    #[test]
    fn a_wrong_byte_of_short_requests_is_seen_however_they_come(
        requests in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..14), 1..5), 1..4
        ),
        place: prop::sample::Index,
        byte in prop::sample::select(b"*$019:/\r\n\0-x".to_vec()),
    ) {
        let mut input = Vec::new();
        for request in &requests {
            encode_request(request, &mut input);
        }
        prop_assert_eq!(parse(&input), (requests, Ok(())));
        let place = place.index(input.len());
        input[place] = byte;
        let (found, _) = parse(&input);
        prop_assert!(found.len() <= input.len());
    }
}
