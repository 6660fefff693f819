//! Payloads in both framings, in every way of cutting them.

use std::convert::Infallible;

use proptest::prelude::*;

use super::{Broken, Framing, FullSync};

const MARK: &[u8; 40] = b"aabaabaab6789abcdef0123456789abcdef01234";

/// Receives pieces; gives the payload and what follows it.
fn receive(pieces: &[&[u8]]) -> Result<(Vec<u8>, Vec<u8>, bool), Broken> {
    let mut sync = FullSync::new();
    let (mut payload, mut behind) = (Vec::new(), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        let (count, _) = sync.announce(rest)?;
        rest = &rest[count..];
        let taken = sync.receive(rest, |bytes| {
            payload.extend_from_slice(bytes);
            Ok::<(), Infallible>(())
        });
        let Ok(taken) = taken;
        rest = &rest[taken..];
        behind.extend_from_slice(rest);
        assert!(rest.is_empty() || sync.is_done(), "all is taken but what follows");
    }
    assert_eq!(sync.received(), payload.len() as u64);
    Ok((payload, behind, sync.is_done()))
}

/// Receives all in two pieces, cut at each place, and byte by byte.
fn check(input: &[u8], payload: &[u8], behind: &[u8]) {
    for cut in 0..=input.len() {
        let (first, second) = input.split_at(cut);
        let got = receive(&[first, second]);
        assert_eq!(got, Ok((payload.to_vec(), behind.to_vec(), true)), "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(receive(&bytes), Ok((payload.to_vec(), behind.to_vec(), true)));
}

#[test]
fn a_payload_of_known_length_ends_there() {
    check(b"\n\n$5\r\nREDIS*1\r\n", b"REDIS", b"*1\r\n");
    check(b"$0\r\nx", b"", b"x");
}

#[test]
fn a_payload_with_a_mark_ends_before_it() {
    let input = [b"\r\n$EOF:", &MARK[..], b"\r\n", b"REDISaab", MARK, b"*1\r\n"].concat();
    check(&input, b"REDISaab", b"*1\r\n");
    let input = [b"$EOF:", &MARK[..], b"\r\n", MARK].concat();
    check(&input, b"", b"");
    // The beginning of a mark again and again.
    let nearly = [&MARK[..39], &MARK[..39], &MARK[..20], b"aab"].concat();
    let input = [b"$EOF:", &MARK[..], b"\r\n", &*nearly, MARK, b"behind"].concat();
    check(&input, &nearly, b"behind");
}

#[test]
fn what_is_no_payload_is_told_as_redis_tells_it() {
    for (input, line) in [
        (&b"-ERR no disk\r\n"[..], "MASTER aborted replication with an error: ERR no disk"),
        (
            b"HTTP/1.1\r\n",
            "Bad protocol from MASTER, the first byte is not '$' (we received 'HTTP/1.1'), are you sure the host and port are right?",
        ),
        (
            b"$-1\r\n",
            "Bad protocol from MASTER, the first byte is not '$' (we received '$-1'), are you sure the host and port are right?",
        ),
        (
            b"$EOF:12\r\n",
            "Bad protocol from MASTER, the first byte is not '$' (we received '$EOF:12'), are you sure the host and port are right?",
        ),
    ] {
        for cut in 0..input.len() {
            let (first, second) = input.split_at(cut);
            let broken = receive(&[first, second]).map_err(|broken| broken.to_string());
            assert_eq!(broken, Err(line.to_owned()));
        }
    }
    assert_eq!(receive(&[&[b'$'; 2000]]), Err(Broken::LongLine));
}

#[test]
fn the_framing_is_told_once() {
    let mut sync = FullSync::new();
    assert_eq!(sync.announce(b"\n$1"), Ok((3, None)));
    assert_eq!(sync.announce(b"7\r\nabc"), Ok((3, Some(Framing::Length(17)))));
    assert_eq!(sync.announce(b"abc"), Ok((0, None)));
}

proptest! {
    /// Any payload comes out as it went in, in any pieces.
    #[test]
    fn payloads_survive_any_cuts(
        parts in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..60),
                (0..40_usize).prop_map(|count| MARK[..count].to_vec()),
            ],
            0..12,
        ),
        sizes in prop::collection::vec(1..50_usize, 1..40),
        marked in any::<bool>(),
    ) {
        let payload = parts.concat();
        prop_assume!(memchr::memmem::find(&[&*payload, &MARK[..39]].concat(), MARK).is_none());
        let input = if marked {
            [b"$EOF:", &MARK[..], b"\r\n", &*payload, MARK, b"+rest"].concat()
        } else {
            [format!("\n${}\r\n", payload.len()).as_bytes(), &*payload, b"+rest"].concat()
        };
        let mut pieces = Vec::new();
        let mut rest = &*input;
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at(rest.len().min(*size));
            pieces.push(piece);
            rest = behind;
        }
        prop_assert_eq!(receive(&pieces), Ok((payload, b"+rest".to_vec(), true)));
    }

    /// Whatever is sent, the buffer stays small.
    #[test]
    fn anything_may_be_sent(pieces in prop::collection::vec(
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            Just([b"$EOF:", &MARK[..], b"\r\n"].concat()),
            Just(MARK.to_vec()),
        ],
        0..12,
    )) {
        let mut sync = FullSync::new();
        for piece in pieces {
            let Ok((count, _)) = sync.announce(&piece) else { break };
            let Ok(_) = sync.receive(&piece[count..], |_| Ok::<(), Infallible>(()));
            prop_assert!(sync.kept.len() <= super::LINE_LIMIT);
        }
    }
}
