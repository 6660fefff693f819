//! Joinings as they go, in every way of cutting what the primary sends.

use proptest::prelude::*;

use super::{Agreement, Course, Introduction, Joining, Refused};
use crate::identity::ReplicationId;

const ID: [u8; 40] = *b"0123456789abcdef0123456789abcdef01234567";
const OTHER: [u8; 40] = *b"fedcba9876543210fedcba9876543210fedcba98";

fn id(text: &[u8]) -> ReplicationId {
    ReplicationId::parse(text).expect("it is an id")
}

fn introduction() -> Introduction {
    Introduction { port: 6380, ..Introduction::default() }
}

/// Plays all that a primary sends, cut at the given place; gives what was sent and how it ended.
fn play(
    introduction: &Introduction,
    input: &[u8],
    cut: usize,
) -> (Vec<u8>, Course, Option<Refused>) {
    let (mut handshake, mut sent) = Joining::begin(introduction.clone(), 0);
    let mut whole = Course::default();
    let (first, second) = input.split_at(cut);
    for piece in [first, second] {
        let mut course = Course::default();
        let outcome = handshake.receive(piece, 1, &mut course);
        sent.append(&mut course.reply);
        whole.lines.append(&mut course.lines);
        whole.consumed += course.consumed;
        whole.agreement = whole.agreement.or(course.agreement);
        if let Err(refused) = outcome {
            return (sent, whole, Some(refused));
        }
        if whole.agreement.is_some() {
            break;
        }
    }
    (sent, whole, None)
}

fn lines(course: &Course) -> Vec<&str> {
    course.lines.iter().map(|(_, line)| line.as_str()).collect()
}

#[test]
fn a_full_resync_is_agreed_on_wherever_the_answers_are_cut() {
    let mut input = b"+PONG\r\n+OK\r\n+OK\r\n\n\n+FULLRESYNC ".to_vec();
    input.extend_from_slice(&ID);
    input.extend_from_slice(b" 17\r\n");
    let end = input.len();
    input.extend_from_slice(b"$5\r\nREDIS");
    for cut in 0..=input.len() {
        let (sent, course, refused) = play(&introduction(), &input, cut);
        assert_eq!(refused, None);
        assert_eq!(course.agreement, Some(Agreement::Full { id: id(&ID), offset: 17 }));
        assert_eq!(course.consumed, end, "the payload is none of its business");
        assert_eq!(
            sent.escape_ascii().to_string(),
            "*1\\r\\n$4\\r\\nPING\\r\\n\
             *3\\r\\n$8\\r\\nREPLCONF\\r\\n$14\\r\\nlistening-port\\r\\n$4\\r\\n6380\\r\\n\
             *5\\r\\n$8\\r\\nREPLCONF\\r\\n$4\\r\\ncapa\\r\\n$3\\r\\neof\\r\\n$4\\r\\ncapa\\r\\n$6\\r\\npsync2\\r\\n\
             *3\\r\\n$5\\r\\nPSYNC\\r\\n$1\\r\\n?\\r\\n$2\\r\\n-1\\r\\n"
        );
        assert_eq!(
            lines(&course),
            [
                "Master replied to PING, replication can continue...",
                "Partial resynchronization not possible (no cached master)",
                "Full resync from master: 0123456789abcdef0123456789abcdef01234567:17",
            ]
        );
    }
}

#[test]
fn a_stream_goes_on_under_the_same_name_or_another() {
    let introduction = Introduction { has: Some((id(&ID), 99)), ..introduction() };
    for (answer, name) in [
        (&b""[..], None),
        (b" ", None),
        (b" 0123456789abcdef0123456789abcdef01234567", None),
        (b" fedcba9876543210fedcba9876543210fedcba98", Some(id(&OTHER))),
    ] {
        let input = [b"+PONG\r\n+OK\r\n+OK\r\n+CONTINUE", answer, b"\r\n"].concat();
        let (sent, course, refused) = play(&introduction, &input, 3);
        assert_eq!((refused, course.agreement), (None, Some(Agreement::Partial { id: name })));
        assert!(sent.ends_with(b"0123456789abcdef0123456789abcdef01234567\r\n$3\r\n100\r\n"));
    }
}

#[test]
fn it_logs_in_where_a_password_is_asked_for() {
    let with = |user: &[u8]| Introduction {
        user: user.to_vec(),
        password: b"secret".to_vec(),
        address: b"10.0.0.1".to_vec(),
        ..introduction()
    };
    let (sent, ..) = play(&with(b""), b"-NOAUTH Authentication required.\r\n", 0);
    assert!(memchr::memmem::find(&sent, b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n").is_some());
    assert!(memchr::memmem::find(&sent, b"$10\r\nip-address\r\n$8\r\n10.0.0.1\r\n").is_some());
    let (sent, ..) = play(&with(b"me"), b"+PONG\r\n", 0);
    assert!(
        memchr::memmem::find(&sent, b"*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\nsecret\r\n").is_some()
    );
    let refusal = b"+PONG\r\n-WRONGPASS invalid\r\n";
    let (.., refused) = play(&with(b""), refusal, 1);
    assert_eq!(
        refused.map(|refused| refused.to_string()).as_deref(),
        Some("Unable to AUTH to MASTER: -WRONGPASS invalid")
    );
}

#[test]
fn what_is_not_understood_ends_it_with_redis_log_line() {
    let after = |answer: &[u8]| {
        let input = [b"+PONG\r\n+OK\r\n-ERR unknown\r\n", answer].concat();
        let (_, course, refused) = play(&introduction(), &input, 5);
        assert!(
            lines(&course)
                .contains(&"(Non critical) Master does not understand REPLCONF capa: -ERR unknown")
        );
        refused.map(|refused| refused.to_string()).unwrap_or_default()
    };
    for (answer, line) in [
        (&b"+FULLRESYNC 12 7\r\n"[..], "Master replied with wrong +FULLRESYNC syntax."),
        (b"+FULLRESYNC\r\n", "Master replied with wrong +FULLRESYNC syntax."),
        (
            b"+FULLRESYNC 0123456789abcdef0123456789abcdef01234567 -7\r\n",
            "Master replied with wrong +FULLRESYNC syntax.",
        ),
        (b"+CONTINUE\r\n", "Master replied with wrong +CONTINUE syntax."),
        (
            b"-NOMASTERLINK Can't SYNC while not connected with my master\r\n",
            "Master is currently unable to PSYNC but should be in the future: -NOMASTERLINK Can\\'t SYNC while not connected with my master",
        ),
        (
            b"-ERR unknown command\r\n",
            "Master does not support PSYNC or is in error state (reply: -ERR unknown command)",
        ),
        (b"HTTP/1.1 400\r\n", "Unexpected reply to PSYNC from master: HTTP/1.1 400"),
    ] {
        assert_eq!(after(answer), line);
    }
    let (.., refused) = play(&introduction(), b"-ERR max number of clients reached\r\n", 0);
    assert_eq!(
        refused.map(|refused| refused.to_string()).as_deref(),
        Some("Error reply to PING from master: '-ERR max number of clients reached'")
    );
}

#[test]
fn a_primary_that_is_silent_is_overdue() {
    let (mut handshake, _) = Joining::begin(introduction(), 1000);
    assert!(!handshake.is_overdue(61_000, 60_000));
    assert!(handshake.is_overdue(61_001, 60_000));
    let heard = handshake.receive(b"\n", 50_000, &mut Course::default());
    assert_eq!(heard, Ok(()));
    assert!(!handshake.is_overdue(110_000, 60_000));
}

proptest! {
    /// Whatever is sent, in whatever pieces: an end is reached or more is waited for, within a bounded buffer.
    #[test]
    fn anything_may_be_sent(pieces in prop::collection::vec(
        prop_oneof![
            Just(b"+PONG\r\n".to_vec()),
            Just(b"+OK\r\n".to_vec()),
            Just(b"+FULLRESYNC ".to_vec()),
            Just(b"+CONTINUE ".to_vec()),
            Just(ID.to_vec()),
            prop::collection::vec(any::<u8>(), 0..300),
        ],
        0..20,
    )) {
        let (mut handshake, _) = Joining::begin(introduction(), 0);
        for piece in pieces {
            let mut course = Course::default();
            let outcome = handshake.receive(&piece, 1, &mut course);
            prop_assert!(course.consumed <= piece.len());
            prop_assert!(handshake.line.len() <= super::LINE_LIMIT);
            if outcome.is_err() || course.agreement.is_some() {
                break;
            }
            prop_assert_eq!(course.consumed, piece.len());
        }
    }
}
