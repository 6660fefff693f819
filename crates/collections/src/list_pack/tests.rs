#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test that panics has failed"
)]

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    PushInteger(i64),
    Insert(usize, Vec<u8>),
    InsertSeveral(usize, Vec<Vec<u8>>),
    Replace(usize, Vec<u8>),
    ReplaceSeveral(usize, usize, Vec<Vec<u8>>),
    Remove(usize, usize),
    SplitOff(usize),
    Append(Vec<Vec<u8>>),
}

fn string() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..20),
        1 => prop::collection::vec(any::<u8>(), 50..140),
        1 => (prop::sample::select(vec![63_usize, 64, 4095, 4096, 16_377, 16_378, 16_379]), any::<u8>())
            .prop_map(|(length, byte)| vec![byte; length]),
        6 => integer().prop_map(|integer| integer.to_string().into_bytes()),
        1 => "[-+ 0]?[0-9]{1,21}".prop_map(String::into_bytes),
    ]
}

fn integer() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        -5000_i64..5000,
        (0_u32..64, -1_i64..=1, any::<bool>()).prop_map(|(bits, more, negative)| {
            let magnitude = 1_i64.wrapping_shl(bits).wrapping_add(more);
            if negative { magnitude.wrapping_neg() } else { magnitude }
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let several = || prop::collection::vec(string(), 0..5);
    prop_oneof![
        4 => string().prop_map(Step::PushBack),
        4 => string().prop_map(Step::PushFront),
        1 => integer().prop_map(Step::PushInteger),
        2 => (any::<usize>(), string()).prop_map(|(at, string)| Step::Insert(at, string)),
        1 => (any::<usize>(), several()).prop_map(|(at, strings)| Step::InsertSeveral(at, strings)),
        2 => (any::<usize>(), string()).prop_map(|(at, string)| Step::Replace(at, string)),
        1 => (any::<usize>(), 0_usize..5, several())
            .prop_map(|(at, count, strings)| Step::ReplaceSeveral(at, count, strings)),
        2 => (any::<usize>(), 0_usize..5).prop_map(|(at, count)| Step::Remove(at, count)),
        1 => any::<usize>().prop_map(Step::SplitOff),
        1 => several().prop_map(Step::Append),
    ]
}

fn nth(pack: &ListPack, index: usize) -> Option<Position> {
    pack.as_ref().nth(i64::try_from(index).expect("small"))
}

fn encoded(strings: &[Vec<u8>]) -> Vec<Encoded<'_>> {
    strings.iter().map(|string| Encoded::of(string)).collect()
}

fn apply(step: Step, pack: &mut ListPack, model: &mut Vec<Vec<u8>>) {
    let len = model.len();
    let index = |at: usize| at % (len + 1);
    match step {
        Step::PushBack(string) => {
            pack.push_back(&string);
            model.push(string);
        }
        Step::PushFront(string) => {
            pack.push_front(&string);
            model.insert(0, string);
        }
        Step::PushInteger(integer) => {
            pack.push_back_integer(integer);
            model.push(integer.to_string().into_bytes());
        }
        Step::Insert(at, string) => {
            let at = index(at);
            if let Some(position) = nth(pack, at) {
                pack.insert(position, &string);
                assert!(pack.as_ref().element(position).equals(&string));
                model.insert(at, string);
            }
        }
        Step::InsertSeveral(at, strings) => {
            let at = index(at);
            pack.insert_encoded(nth(pack, at), &encoded(&strings));
            model.splice(at..at, strings);
        }
        Step::Replace(at, string) => {
            let at = index(at);
            if let Some(position) = nth(pack, at) {
                pack.replace(position, &string);
                model[at] = string;
            }
        }
        Step::ReplaceSeveral(at, count, strings) => {
            let at = index(at);
            if let Some(position) = nth(pack, at) {
                pack.replace_encoded(position, count, &encoded(&strings));
                model.splice(at..len.min(at + count), strings);
            }
        }
        Step::Remove(at, count) => {
            let at = index(at);
            if let Some(position) = nth(pack, at) {
                let next = pack.remove(position, count);
                model.drain(at..len.min(at + count));
                assert_eq!(next.is_some(), at < model.len());
                assert_eq!(next, nth(pack, at));
            }
        }
        Step::SplitOff(at) => {
            let at = index(at);
            if let Some(position) = nth(pack, at) {
                let back = pack.split_off(position);
                check(&back, &model.split_off(at));
            }
        }
        Step::Append(strings) => {
            let other = strings.iter().map(Vec::as_slice).collect::<ListPack>();
            pack.append(&other);
            model.extend(strings);
        }
    }
}

#[track_caller]
fn check(pack: &ListPack, model: &[Vec<u8>]) {
    assert_eq!(validate::check(pack.as_bytes()).map(|count| count as usize), Ok(pack.len()));
    let whole = pack.as_ref();
    assert_eq!(pack.len(), model.len());
    assert_eq!(pack.is_empty(), model.is_empty());
    assert_eq!(whole.len(), model.len());
    assert_eq!(whole.is_empty(), model.is_empty());
    let forward = whole.iter().map(Element::to_vec).collect::<Vec<_>>();
    assert_eq!(forward, model);
    let mut backward = whole.iter().rev().map(Element::to_vec).collect::<Vec<_>>();
    backward.reverse();
    assert_eq!(backward, model);
    for element in whole {
        assert_eq!(element.len(), element.to_vec().len());
    }
    assert!(pack.memory_bytes() <= allocation_size(pack.total_bytes()).max(2 * pack.total_bytes()));
}

proptest! {
    #[test]
    fn behaves_like_a_vector(steps in prop::collection::vec(step(), 1..60)) {
        let (mut pack, mut model) = (ListPack::new(), Vec::new());
        for step in steps {
            apply(step, &mut pack, &mut model);
            check(&pack, &model);
        }
        let len = i64::try_from(model.len()).expect("small");
        for index in -len - 2..len + 2 {
            let expected = if index < 0 { index + len } else { index };
            let expected = usize::try_from(expected).ok().and_then(|index| model.get(index));
            let found = pack.as_ref().nth(index).map(|position| pack.as_ref().element(position).to_vec());
            prop_assert_eq!(found.as_ref(), expected);
        }
        for skip in 0..3 {
            for string in &model {
                let found = pack.as_ref().find(string, skip);
                let expected = model.iter().step_by(skip + 1).position(|other| other == string);
                prop_assert_eq!(found, expected.and_then(|index| nth(&pack, index * (skip + 1))));
            }
        }
    }

    #[test]
    fn positions_lead_both_ways(strings in prop::collection::vec(string(), 1..30)) {
        let pack = strings.iter().map(Vec::as_slice).collect::<ListPack>();
        let whole = pack.as_ref();
        let mut position = whole.first().expect("not empty");
        prop_assert_eq!(whole.previous(position), None);
        for (index, string) in strings.iter().enumerate() {
            prop_assert_eq!(nth(&pack, index), Some(position));
            prop_assert!(whole.element(position).equals(string));
            prop_assert_eq!(whole.iter_from(position).count(), strings.len() - index);
            prop_assert_eq!(whole.iter_to(position).rev().count(), index + 1);
            let Some(next) = whole.next(position) else {
                prop_assert_eq!(index + 1, strings.len());
                break;
            };
            prop_assert_eq!(whole.previous(next), Some(position));
            position = next;
        }
        prop_assert_eq!(whole.last(), Some(position));
    }

    #[test]
    fn an_integer_is_what_prints_as_it_was_written(string in string()) {
        let expected = std::str::from_utf8(&string)
            .ok()
            .and_then(|text| text.parse::<i64>().ok())
            .filter(|integer| integer.to_string().as_bytes() == string);
        prop_assert_eq!(integer_of(&string), expected);
    }

    #[test]
    fn damage_is_noticed_or_harmless(
        strings in prop::collection::vec(string(), 0..10),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = strings.iter().map(Vec::as_slice).collect::<ListPack>().into_bytes();
        for (index, byte) in damage {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(pack) = ListPack::from_bytes_checked(bytes) {
            let model = pack.as_ref().iter().map(Element::to_vec).collect::<Vec<_>>();
            check(&pack, &model);
        }
    }
}

/// As real servers write them: the value of a list dumped by Redis 7.4.
#[test]
fn bytes_of_redis() {
    let mut pack = ListPack::new();
    for string in ["a", "1", "127", "128", "-1", "4095", "-4096", "4096", "40000", "-8388608"] {
        pack.push_back(string.as_bytes());
    }
    pack.push_back(b"9223372036854775807");
    pack.push_back(b"9223372036854775808");
    let expected: &[u8] = &[
        0x47, 0, 0, 0, 12, 0, 0x81, b'a', 2, 1, 1, 0x7f, 1, 0xc0, 0x80, 2, 0xdf, 0xff, 2, 0xcf,
        0xff, 2, 0xd0, 0, 2, 0xf1, 0, 0x10, 3, 0xf2, 0x40, 0x9c, 0, 4, 0xf2, 0, 0, 0x80, 4, 0xf4,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 9, 0x93,
    ];
    assert_eq!(&pack.as_bytes()[..expected.len()], expected);
    assert_eq!(&pack.as_bytes()[expected.len()..], b"9223372036854775808\x14\xff");
}

#[test]
fn more_elements_than_the_header_can_count() {
    let mut pack = ListPack::new();
    for index in 0..70_000_i64 {
        pack.push_back_integer(index);
    }
    assert_eq!(pack.len(), 70_000);
    assert_eq!(&pack.as_bytes()[4..6], &[0xff, 0xff]);
    assert_eq!(validate::check(pack.as_bytes()).map(|count| count as usize), Ok(pack.len()));
    let position = pack.as_ref().nth(60_000).expect("there are more");
    assert_eq!(pack.as_ref().element(position), Element::Integer(60_000));
    pack.remove(position, 9000);
    assert_eq!(&pack.as_bytes()[4..6], &61_000_u16.to_le_bytes());
    assert_eq!(pack.as_ref().iter().next_back(), Some(Element::Integer(69_999)));
}

#[test]
fn errors_say_what_is_wrong() {
    let check = |bytes: &[u8]| ListPack::from_bytes_checked(bytes.to_vec()).map(|_| ());
    assert_eq!(check(&[]), Err(Corrupt::Size(0)));
    assert_eq!(check(&[7, 0, 0, 0, 0, 0, 0]), Err(Corrupt::End));
    assert_eq!(check(&[8, 0, 0, 0, 0, 0, END]), Err(Corrupt::TotalBytes { said: 8, actual: 7 }));
    assert_eq!(check(&[7, 0, 0, 0, 1, 0, END]), Err(Corrupt::Count { said: 1, actual: 0 }));
    assert_eq!(check(&[9, 0, 0, 0, 1, 0, 0xfe, 1, END]), Err(Corrupt::Element(6)));
    assert_eq!(check(&[9, 0, 0, 0, 1, 0, 0xbf, 1, END]), Err(Corrupt::Element(6)));
    assert_eq!(check(&[9, 0, 0, 0, 1, 0, 1, 2, END]), Err(Corrupt::BackLength(6)));
    assert_eq!(check(&[9, 0, 0, 0, 1, 0, 1, 1, END]), Ok(()));
}

/// However large, a queue and a stack at the front move only what they must: the memory stays near what is needed, and positions
/// and contents are right all along.
#[test]
fn a_queue_stays_in_its_memory() {
    let mut pack = ListPack::new();
    let mut model = std::collections::VecDeque::new();
    for round in 0_i64..20_000 {
        let string = format!("element {round}").into_bytes();
        match round % 10_000 {
            0..400 => {
                pack.push_back(&string);
                model.push_back(string);
            }
            400..4000 => {
                pack.push_back(&string);
                model.push_back(string);
                let first = pack.as_ref().first().expect("not empty");
                pack.remove(first, 1);
                model.pop_front();
            }
            4000..4400 => {
                pack.push_front(&string);
                model.push_front(string);
            }
            4400..8000 => {
                pack.push_front(&string);
                model.push_front(string);
                let last = pack.as_ref().last().expect("not empty");
                pack.remove(last, 1);
                model.pop_back();
            }
            _ => {
                if let Some(first) = pack.as_ref().first() {
                    pack.remove(first, 1);
                    model.pop_front();
                }
            }
        }
        if round % 97 == 0 {
            check(&pack, model.make_contiguous());
        }
    }
    check(&pack, model.make_contiguous());
}
