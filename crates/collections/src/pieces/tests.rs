//! Collections that change at random between the pieces: what was written is what was there at the beginning.

#![expect(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "tests may fail")]

use proptest::prelude::*;

use super::Piece;
use crate::hash::{self, Hash};
use crate::list::{self, End, List, NodeContent, Side};
use crate::list_pack::{Element, ListPackRef};
use crate::set::{self, Set};
use crate::sorted_set::{self, SortedSet};
use crate::stream::{NodeLimits, Stream, StreamId};
use crate::{Collection, Object};

const LIST: list::Limits = list::Limits { node_size: 3, compress_depth: 1 };
const SET: set::Limits = set::Limits { integers: 2, members: 2, member_bytes: 8 };
const HASH: hash::Limits = hash::Limits { fields: 2, bytes: 8 };
const SORTED: sorted_set::Limits = sorted_set::Limits { entries: 2, value_bytes: 8 };
const NODE: NodeLimits = NodeLimits { bytes: 4096, entries: 3 };

fn name(number: u64) -> Vec<u8> {
    format!("name:{number}").into_bytes()
}

fn filled(kind: u8, count: u64) -> Object {
    match kind {
        0 => {
            let names: Vec<Vec<u8>> = (0..count).map(name).collect();
            let mut list = List::default();
            list.push(End::Tail, names.iter().map(Vec::as_slice), LIST);
            Object::List(list)
        }
        1 => {
            let mut set = Set::default();
            (0..count).for_each(|number| {
                set.add(&name(number), SET);
            });
            Object::Set(set)
        }
        2 => {
            let mut hash = Hash::new();
            for number in 0..count {
                hash.set(&name(number), &name(number + 1), hash::SetExpiry::Clear, HASH);
                if number % 3 == 0 {
                    hash.set_expiry(&name(number), Some(1000 + number.cast_signed()));
                }
            }
            Object::Hash(hash)
        }
        3 => {
            let mut set = SortedSet::default();
            for number in 0..count {
                set.insert(&name(number), f64::from(u32::try_from(number).unwrap() % 7), SORTED);
            }
            Object::SortedSet(set)
        }
        _ => {
            let mut stream = Stream::default();
            (1..=count).for_each(|number| add_entry(&mut stream, number));
            Object::Stream(stream)
        }
    }
}

fn add_entry(stream: &mut Stream, number: u64) {
    let fields = [name(number), name(number * 2)];
    let fields = fields.iter().map(Vec::as_slice);
    // One that is not greater than the last is refused.
    let _refused = stream.log_mut().add(StreamId::new(number, 0), fields, NODE);
}

/// All that a file would hold of it, in an order of its own where the order means nothing.
fn contents(object: &Object) -> Vec<Vec<u8>> {
    let mut whole = object.clone();
    let mut written = Vec::new();
    assert!(whole.begin_pieces().is_some(), "it is big");
    while whole.next_piece(1, &mut |piece| note(piece, &mut written)) {}
    sorted(object, written)
}

fn sorted(object: &Object, mut written: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if !matches!(object, Object::List(_) | Object::Stream(_)) {
        written.sort();
    }
    written
}

fn note(piece: &Piece<'_>, written: &mut Vec<Vec<u8>>) {
    match piece {
        Piece::Node(NodeContent::Packed(bytes)) => {
            written.extend(ListPackRef::from_trusted(bytes).iter().map(Element::to_vec));
        }
        Piece::Node(NodeContent::Plain(bytes)) => written.push(bytes.to_vec()),
        Piece::Member(member) => written.push(member.to_vec()),
        Piece::Field { name, value, expiry } => {
            written.push([*name, b"=", *value, format!("{expiry:?}").as_bytes()].concat());
        }
        Piece::Scored(member, score) => {
            written.push([*member, score.to_string().as_bytes()].concat());
        }
        Piece::Entries(id, pack) => written.push([&id.to_bytes(), *pack].concat()),
    }
}

/// So that whoever reads a file can put each member in front of the others.
#[test]
fn a_sorted_set_is_written_from_its_end() {
    let mut object = filled(3, 100);
    assert!(object.begin_pieces().is_some());
    let mut scores = Vec::new();
    let mut note = |piece: &Piece<'_>| {
        if let Piece::Scored(_, score) = piece {
            scores.push(*score);
        }
    };
    while object.next_piece(1, &mut note) {}
    assert_eq!(scores.len(), 100);
    assert!(scores.is_sorted_by(|one, next| next <= one));
}

/// A change that `seed` chooses.
fn change(object: &mut Object, seed: u64) {
    let target = name(seed / 8 % 60);
    let number = seed / 8;
    match object {
        Object::List(list) => change_list(list, seed % 10, number, &target),
        Object::Set(set) => match seed % 8 {
            0..=2 => {
                set.add(&target, SET);
            }
            3..=5 => {
                set.remove(&target);
            }
            6 => {
                set.pop(|| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            }
            _ => {
                set.pop_several(3, SET, || seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            }
        },
        Object::Hash(hash) => match seed % 8 {
            0..=2 => {
                hash.set(&target, &name(number), hash::SetExpiry::Clear, HASH);
            }
            3 | 4 => {
                hash.remove(&target);
            }
            5 => {
                hash.set_expiry(&target, Some(2000));
            }
            6 => {
                hash.set_expiry(&target, None);
            }
            _ => {
                hash.remove_expired(1010);
            }
        },
        Object::SortedSet(set) => match seed % 8 {
            0..=3 => {
                set.insert(&target, f64::from(u32::try_from(number % 11).unwrap()), SORTED);
            }
            4 | 5 => {
                set.remove(&target);
            }
            6 => {
                // Behind all others, as it must be.
                let refs = Collection::to_ref(set);
                let last = refs.len().checked_sub(1).and_then(|last| refs.at(last));
                let score = last.map_or(0.0, |(_, score)| score) + 1.0;
                set.push(format!("pushed:{score}").as_bytes(), score, SORTED);
            }
            _ => {
                let start = usize::try_from(number % 20).unwrap();
                set.remove_ranks(start..start + 3);
            }
        },
        Object::Stream(stream) => match seed % 8 {
            0..=3 => add_entry(stream, 100 + number),
            4..=6 => {
                stream.log_mut().delete(StreamId::new(number % 60, 0));
            }
            _ => {
                let max = stream.log().len().saturating_sub(4);
                let to = crate::stream::Threshold::Len(max);
                stream.log_mut().trim(&crate::stream::Trim { to, approximate: false, limit: 0 });
            }
        },
    }
}

fn change_list(list: &mut List, what: u64, number: u64, target: &[u8]) {
    let index = usize::try_from(number % 60).unwrap();
    let (end, side) = match number % 2 {
        0 => (End::Head, Side::Before),
        _ => (End::Tail, Side::After),
    };
    // Larger than a node may be, sometimes.
    let element = if number.is_multiple_of(5) { vec![b'x'; 9000] } else { name(number) };
    match what {
        0 | 1 => list.push(end, std::iter::once(&*element), LIST),
        2 => {
            list.pop(end, LIST, |_| ());
        }
        3 | 4 => {
            list.set(index.try_into().unwrap(), &element, LIST);
        }
        5 | 6 => {
            list.insert(target, side, &element, LIST);
        }
        7 => {
            list.remove_equal(target, end, 2, LIST);
        }
        8 => list.remove_range(index, index % 9, LIST),
        _ => {
            list.rotate(end, End::Tail, LIST, |_| ());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 400 }))]
    #[test]
    fn what_is_written_is_what_was_there(
        kind in 0..5_u8,
        count in 40..120_u64,
        before in prop::collection::vec(0..4000_u64, 0..20),
        steps in prop::collection::vec((any::<bool>(), 0..4000_u64), 0..200),
    ) {
        let mut object = filled(kind, count);
        for seed in before {
            change(&mut object, seed);
        }
        let expected = contents(&object);
        prop_assert!(!expected.is_empty());
        let head = object.begin_pieces();
        prop_assert!(head.is_some() && object.is_in_pieces());
        let mut written = Vec::new();
        let mut more = true;
        for (changes, seed) in steps {
            if changes {
                change(&mut object, seed);
            } else if more {
                let budget = usize::try_from(seed).unwrap();
                more = object.next_piece(budget, &mut |piece| note(piece, &mut written));
            }
        }
        // A copy has nothing to do with it, and it may be moved.
        prop_assert!(!object.clone().is_in_pieces());
        let mut object = Box::new(object);
        while more {
            more = object.next_piece(200, &mut |piece| note(piece, &mut written));
        }
        prop_assert!(!object.is_in_pieces());
        prop_assert_eq!(sorted(&object, written), expected);
    }
}
