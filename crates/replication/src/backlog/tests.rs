//! The backlog against a model that keeps all bytes.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// So many bytes; with room for a block, if it is one of those that workers fill.
    Append(usize, bool),
    Trim {
        wanted: u64,
        held: Option<u16>,
    },
    Read {
        from: u16,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let length =
        prop_oneof![4 => 0..200_usize, 2 => 10_000..100_000_usize, 1 => 500_000..600_000_usize];
    let step = prop_oneof![
        4 => (length, any::<bool>()).prop_map(|(length, in_room)| Step::Append(length, in_room)),
        1 => (0..900_000_u64, proptest::option::of(any::<u16>()))
            .prop_map(|(wanted, held)| Step::Trim { wanted, held }),
        2 => any::<u16>().prop_map(|from| Step::Read { from }),
    ];
    proptest::collection::vec(step, 1..120)
}

/// All bytes that follow an offset, as a replica would be sent them.
fn read(backlog: &Backlog, from: u64) -> Vec<u8> {
    let mut read = Vec::new();
    loop {
        let mut slices = [IoSlice::new(&[]); 3];
        let filled = backlog.slices(from + read.len() as u64, &mut slices);
        if filled == 0 {
            return read;
        }
        for slice in &slices[..filled] {
            assert!(!slice.is_empty(), "a slice of nothing is of no use");
            read.extend_from_slice(slice);
        }
    }
}

proptest! {
    #[test]
    fn what_is_kept_is_what_was_appended(begin in 0..1000_u64, steps in steps()) {
        let mut backlog = Backlog::new(begin);
        let mut all: Vec<u8> = Vec::new();
        for step in steps {
            match step {
                Step::Append(length, in_room) => {
                    let length = if in_room { length.min(BLOCK_BYTES) } else { length };
                    let mut piece = Vec::with_capacity(if in_room { BLOCK_BYTES } else { length });
                    piece.extend((0..length).map(|index| (all.len() + index).to_le_bytes()[0] ^ 0x5a));
                    all.extend_from_slice(&piece);
                    let room = backlog.append(piece);
                    prop_assert!(room.is_empty());
                    prop_assert!(!in_room || room.capacity() == BLOCK_BYTES);
                }
                Step::Trim { wanted, held } => {
                    let held = held.map(|held| begin + u64::from(held) % (all.len() as u64 + 1));
                    let (start, end) = (backlog.start(), backlog.end());
                    backlog.trim(wanted, held);
                    prop_assert!(start <= backlog.start() && backlog.end() == end);
                    // Nothing is lost that somebody needs.
                    prop_assert!(wanted.min(end - start) <= backlog.len());
                    prop_assert!(held.is_none_or(|held| held < start || backlog.covers(held)));
                    // And little more than that is kept.
                    let needed = (end - held.unwrap_or(end).max(start)).max(wanted);
                    prop_assert!(backlog.len() <= needed + 600_000);
                }
                Step::Read { from } => {
                    let from = begin + u64::from(from) % (all.len() as u64 + 2);
                    let expected = if backlog.covers(from) {
                        &all[usize::try_from(from - begin).unwrap()..]
                    } else {
                        &[]
                    };
                    prop_assert_eq!(read(&backlog, from), expected);
                }
            }
            let blocks = backlog.blocks.iter().map(|block| &block.bytes).chain(&backlog.spare);
            let room: usize = blocks.map(Vec::capacity).sum();
            prop_assert_eq!(backlog.room, room);
            prop_assert_eq!(backlog.end(), begin + all.len() as u64);
            prop_assert_eq!(backlog.is_empty(), backlog.start() == backlog.end());
        }
    }
}

#[test]
fn small_pieces_share_blocks_and_long_ones_are_not_copied() {
    let mut backlog = Backlog::new(0);
    for _ in 0..1000 {
        assert_eq!(backlog.append(vec![b'x'; 10]).capacity(), 10, "the room is given back");
    }
    assert!(backlog.memory() < 100_000, "{}", backlog.memory());
    let long = vec![b'y'; BLOCK_BYTES + 1];
    let place = long.as_ptr();
    backlog.append(long);
    let mut slices = [IoSlice::new(&[])];
    assert_eq!(backlog.slices(10_000, &mut slices), 1);
    assert_eq!(slices[0].as_ptr(), place);
    // What was filled in part has no more room than it needs, and what is appended next goes into another.
    assert!(backlog.memory() < 10_000 + 2 * BLOCK_BYTES, "{}", backlog.memory());
    backlog.append(vec![b'z'; 10]);
    assert_eq!(read(&backlog, 10_000 + BLOCK_BYTES as u64), b"yzzzzzzzzzz");
}

#[test]
fn a_piece_that_fills_a_block_becomes_one_for_one_that_was_forgotten() {
    let mut backlog = Backlog::new(0);
    let full = || {
        let mut piece = Vec::with_capacity(BLOCK_BYTES);
        piece.resize(BLOCK_BYTES - 100, b'f');
        piece
    };
    let first = full();
    let place = first.as_ptr();
    let other = backlog.append(first);
    assert_ne!(other.as_ptr(), place, "it is kept");
    let mut slices = [IoSlice::new(&[])];
    assert_eq!(backlog.slices(0, &mut slices), 1);
    assert_eq!(slices[0].as_ptr(), place);
    backlog.append(full());
    backlog.trim(1, None);
    let room = backlog.append(full());
    assert_eq!(room.as_ptr(), place, "nobody needs it any more");
}

#[test]
fn few_blocks_are_not_full() {
    for between in [10, BLOCK_BYTES / 2, FULL_BYTES - 1] {
        let mut backlog = Backlog::new(0);
        for _ in 0..20 {
            let mut full = Vec::with_capacity(BLOCK_BYTES);
            full.resize(BLOCK_BYTES, b'f');
            backlog.append(full);
            let mut rest = Vec::with_capacity(BLOCK_BYTES);
            rest.resize(between, b'r');
            backlog.append(rest);
        }
        let most = backlog.blocks.len() / (FULL_BLOCKS + 1) + 1;
        let count = backlog.blocks.iter().filter(|block| !is_full(&block.bytes)).count();
        assert!(count <= most, "{count} of {}", backlog.blocks.len());
    }
}

#[test]
fn a_slow_replica_keeps_what_it_needs() {
    let mut backlog = Backlog::new(5);
    for _ in 0..10 {
        backlog.append(vec![0; BLOCK_BYTES]);
    }
    backlog.trim(1, Some(6));
    assert_eq!(backlog.start(), 5);
    assert!(backlog.covers(5) && !backlog.covers(4), "it never had that");
    backlog.trim(1, None);
    assert_eq!(backlog.len(), BLOCK_BYTES as u64);
    assert!(!backlog.covers(backlog.end() + 1), "nobody can be ahead");
}
