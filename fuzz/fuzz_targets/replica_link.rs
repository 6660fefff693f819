//! Whatever a primary sends to a replica, in whatever pieces: the handshake and the payload of a full resync end the same way, without a
//! panic. The first byte chooses the sizes of the pieces.
#![no_main]

use std::convert::Infallible;

use libfuzzer_sys::fuzz_target;
use replication::full_sync::FullSync;
use replication::joining::{Agreement, Course, Introduction, Joining, Refused};

fuzz_target!(|input: &[u8]| {
    let [size, bytes @ ..] = input else { return };
    let size = usize::from(*size).max(1);
    assert_eq!(shake_hands(&[bytes]), shake_hands(&bytes.chunks(size).collect::<Vec<_>>()));
    assert_eq!(receive(&[bytes]), receive(&bytes.chunks(size).collect::<Vec<_>>()));
});

type Ended = (Vec<u8>, Vec<String>, Option<Agreement>, Option<Refused>, usize);

fn shake_hands(pieces: &[&[u8]]) -> Ended {
    let introduction = Introduction { password: b"secret".to_vec(), ..Introduction::default() };
    let (mut joining, mut sent) = Joining::begin(introduction, 0);
    let (mut lines, mut consumed) = (Vec::new(), 0);
    for piece in pieces {
        let mut course = Course::default();
        let outcome = joining.receive(piece, 0, &mut course);
        assert!(course.consumed <= piece.len());
        consumed += course.consumed;
        sent.append(&mut course.reply);
        lines.extend(course.lines.into_iter().map(|(_, line)| line));
        if let Err(refused) = outcome {
            // How much of a bad line was looked at depends on the pieces.
            return (sent, lines, None, Some(refused), 0);
        }
        if course.agreement.is_some() {
            return (sent, lines, course.agreement, None, consumed);
        }
    }
    (sent, lines, None, None, consumed)
}

fn receive(pieces: &[&[u8]]) -> (Vec<u8>, Vec<u8>, bool, Option<String>) {
    let mut sync = FullSync::new();
    let (mut payload, mut behind) = (Vec::new(), Vec::new());
    for piece in pieces {
        let count = match sync.announce(piece) {
            Ok((count, _)) => count,
            Err(broken) => return (payload, behind, false, Some(broken.to_string())),
        };
        let rest = &piece[count..];
        let Ok(taken) = sync.receive(rest, |bytes| {
            payload.extend_from_slice(bytes);
            Ok::<(), Infallible>(())
        });
        behind.extend_from_slice(&rest[taken..]);
    }
    if !sync.is_done() {
        // What may be the beginning of the mark is kept back, however it came.
        assert!(behind.is_empty());
    }
    (payload, behind, sync.is_done(), None)
}
