//! Sets against plain ones, in every form and over every change of form.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "likewise")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { integers: 12, members: 8, member_bytes: 6 };

type Model = BTreeSet<Vec<u8>>;
type Visit<'v> = dyn FnMut(Element<'_>) + 'v;

fn members() -> impl Strategy<Value = Vec<u8>> {
    const SPECIAL: [&str; 9] = [
        "",
        "-0",
        "007",
        "+1",
        "1.0",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "seven bytes and more",
    ];
    prop_oneof![
        6 => (-15..15_i32).prop_map(|number| number.to_string().into_bytes()),
        2 => (0..15_u8).prop_map(|letter| vec![b'a' + letter]),
        1 => prop::sample::select(&SPECIAL[..]).prop_map(|word| word.as_bytes().to_vec()),
        1 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
    ]
}

fn integers() -> impl Strategy<Value = Vec<u8>> {
    (-15..15_i32).prop_map(|number| number.to_string().into_bytes())
}

/// Sets that begin as all integers as often as not.
fn sets() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop_oneof![
        prop::collection::vec(integers(), 0..40),
        prop::collection::vec(members(), 0..40),
        prop::collection::vec(integers(), 100..400),
        (0..300_u32, 0..300_u32).prop_map(|(from, count)| {
            (from..from + count).map(|number| format!("member:{number}").into_bytes()).collect()
        }),
    ]
}

fn built(members: &[Vec<u8>]) -> (Set, Model) {
    let mut set = Set::new();
    let mut model = Model::new();
    for member in members {
        assert_eq!(set.add(member, LIMITS), model.insert(member.clone()));
    }
    (set, model)
}

fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn contents(set: SetRef<'_>) -> Model {
    let listed: Vec<Vec<u8>> = set.iter().map(Element::to_vec).collect();
    let model: Model = listed.iter().cloned().collect();
    assert_eq!(listed.len(), model.len(), "each member once");
    assert_eq!(set.len(), model.len());
    assert_eq!(set.is_empty(), model.is_empty());
    model
}

/// The form that Redis gives a set to which members are added one after the other.
fn expected_encoding(members: &[Vec<u8>]) -> Encoding {
    let mut encoding = Encoding::IntSet;
    let mut present = Model::new();
    for member in members {
        if !present.insert(member.clone()) {
            continue;
        }
        let is_integer = integer_of(member).is_some();
        let longest = present.iter().map(Vec::len).max().unwrap();
        let is_small = present.len() <= LIMITS.members && member.len() <= LIMITS.member_bytes;
        encoding = if encoding == Encoding::IntSet && is_integer {
            let fits = present.len() <= LIMITS.integers;
            if fits { Encoding::IntSet } else { Encoding::HashTable }
        } else if encoding == Encoding::IntSet && is_small && longest <= LIMITS.member_bytes
            || encoding == Encoding::ListPack && is_small
        {
            Encoding::ListPack
        } else {
            Encoding::HashTable
        };
    }
    encoding
}

proptest! {
    #[test]
    fn as_a_plain_set(added in sets(), others in prop::collection::vec(members(), 0..30)) {
        let (mut set, mut model) = built(&added);
        prop_assert_eq!(set.to_ref().encoding(), expected_encoding(&added));
        prop_assert_eq!(contents(set.to_ref()), model.clone());
        let (bytes, again) = (set.packed().map(|(encoding, bytes)| (encoding, bytes.to_vec())), set.clone());
        if let Some((encoding, bytes)) = bytes {
            prop_assert_eq!(contents(Set::packed_ref(encoding, &bytes)), model.clone());
            prop_assert_eq!(contents(Set::from_packed(encoding, bytes.clone()).to_ref()), model.clone());
            prop_assert_eq!(again.into_packed().unwrap(), (encoding, bytes));
        } else {
            prop_assert!(again.into_packed().is_err());
        }
        for member in added.iter().chain(&others) {
            prop_assert_eq!(set.to_ref().contains(member), model.contains(member));
            let element = integer_of(member).map_or(Element::Bytes(member), Element::Integer);
            prop_assert_eq!(set.to_ref().contains_element(element), model.contains(member));
        }
        let encoding = set.to_ref().encoding();
        for member in others.iter().chain(added.iter().step_by(2)) {
            prop_assert_eq!(set.remove(member), model.remove(member));
        }
        prop_assert_eq!(set.to_ref().encoding(), encoding, "a removal changes no form");
        prop_assert_eq!(contents(set.to_ref()), model);
    }

    #[test]
    fn added_together_as_one_by_one(
        first in sets(),
        second in sets(),
        hinted in any::<bool>(),
    ) {
        let (mut set, mut model) = built(&first);
        if hinted && let Some(member) = second.first() {
            set.prepare(member, second.len(), LIMITS);
        }
        let before = model.len();
        model.extend(second.iter().cloned());
        let added = set.add_all(second.iter().map(Vec::as_slice), LIMITS);
        prop_assert_eq!(added, model.len() - before);
        prop_assert_eq!(contents(set.to_ref()), model);
    }

    #[test]
    fn algebra_of_plain_sets(members in prop::collection::vec(sets(), 1..7), limit in 0..30_usize) {
        let (built, models): (Vec<Set>, Vec<Model>) = members.iter().map(|set| built(set)).unzip();
        let sets: Vec<SetRef<'_>> = built.iter().map(Set::to_ref).collect();
        let (first, others) = models.split_first().unwrap();
        let in_all: Model =
            first.iter().filter(|member| others.iter().all(|other| other.contains(*member))).cloned().collect();
        let in_any: Model = models.iter().flatten().cloned().collect();
        let in_first: Model =
            first.iter().filter(|member| !others.iter().any(|other| other.contains(*member))).cloned().collect();

        let listed = |visit: &dyn Fn(&mut Visit<'_>)| {
            let mut listed = Vec::new();
            visit(&mut |member| listed.push(member.to_vec()));
            let model: Model = listed.iter().cloned().collect();
            assert_eq!(listed.len(), model.len(), "each member once");
            model
        };
        prop_assert_eq!(&listed(&|visit| { algebra::intersect(&sets, usize::MAX, visit); }), &in_all);
        prop_assert_eq!(&listed(&|visit| algebra::unite(&sets, visit)), &in_any);
        prop_assert_eq!(&listed(&|visit| algebra::subtract(sets[0], &sets[1..], visit)), &in_first);
        prop_assert_eq!(algebra::intersect(&sets, limit, |_| {}), in_all.len().min(limit));

        let intersection = algebra::intersection(&sets, LIMITS);
        prop_assert_eq!(&contents(intersection.to_ref()), &in_all);
        if in_all.len() <= LIMITS.integers && in_all.iter().all(|member| integer_of(member).is_some()) {
            prop_assert_eq!(intersection.to_ref().encoding(), Encoding::IntSet);
        }
        let union = algebra::union(&sets, LIMITS);
        prop_assert_eq!(&contents(union.to_ref()), &in_any);
        prop_assert_eq!(contents(algebra::difference(sets[0], &sets[1..], LIMITS).to_ref()), in_first);
    }

    #[test]
    fn popped_are_gone(added in sets(), count in 0..500_usize, seed in any::<u64>()) {
        let (mut set, mut model) = built(&added);
        let mut random = random(seed);
        let sampled = {
            let mut sampled = Vec::new();
            set.to_ref().sample(count, &mut random, |member| sampled.push(member.to_vec()));
            sampled
        };
        let expected = count.min(model.len());
        prop_assert_eq!(sampled.len(), expected);
        prop_assert_eq!(sampled.iter().collect::<BTreeSet<_>>().len(), expected);
        prop_assert!(sampled.iter().all(|member| model.contains(member)));

        let popped = set.pop_several(count, LIMITS, &mut random);
        prop_assert_eq!(popped.len(), expected);
        for member in &popped {
            prop_assert!(model.remove(&member.element().to_vec()));
        }
        prop_assert_eq!(contents(set.to_ref()), model.clone());
        while let Some(member) = set.to_ref().random(&mut random) {
            prop_assert!(model.contains(&member.to_vec()));
            let popped = set.pop(&mut random).unwrap();
            prop_assert!(model.remove(&popped.element().to_vec()));
        }
        prop_assert!(model.is_empty() && set.is_empty() && set.pop(&mut random).is_none());
    }
}

/// Each member, and each pair, comes as often as any other.
#[test]
fn samples_are_fair() {
    const ROUNDS: u32 = 20_000;
    let mut random = random(3);
    let words = |count: u8| (0..count).map(|number| vec![b'a' + number]).collect::<Vec<_>>();
    let numbers = (0..8_u8).map(|number| number.to_string().into_bytes()).collect::<Vec<_>>();
    for members in [words(8), words(20), numbers] {
        let (set, _) = built(&members);
        let (mut singles, mut pairs) = (BTreeMap::new(), BTreeMap::new());
        for _ in 0..ROUNDS {
            let single = set.to_ref().random(&mut random).unwrap().to_vec();
            *singles.entry(single).or_insert(0_u32) += 1;
            let mut pair = BTreeSet::new();
            set.to_ref().sample(2, &mut random, |member| {
                pair.insert(member.to_vec());
            });
            *pairs.entry(pair).or_insert(0_u32) += 1;
        }
        let of = u32::try_from(members.len()).unwrap();
        check_even(singles.values(), of, ROUNDS);
        check_even(pairs.values(), of * (of - 1) / 2, ROUNDS);
    }
}

#[track_caller]
fn check_even<'a>(counts: impl ExactSizeIterator<Item = &'a u32>, kinds: u32, rounds: u32) {
    assert_eq!(counts.len(), kinds as usize);
    let expected = rounds / kinds;
    for count in counts {
        // Five and a half standard deviations.
        let most = f64::from(expected).sqrt() * 5.5;
        assert!(f64::from(count.abs_diff(expected)) <= most, "{count} instead of about {expected}");
    }
}

#[test]
fn what_is_left_of_many_is_small_again() {
    let members: Vec<Vec<u8>> =
        (0..1000).map(|number: u32| number.to_string().into_bytes()).collect();
    let (mut set, _) = built(&members);
    set.pop_several(300, LIMITS, random(1));
    assert_eq!(set.to_ref().encoding(), Encoding::HashTable);
    set.pop_several(695, LIMITS, random(1));
    assert_eq!((set.to_ref().encoding(), set.len()), (Encoding::ListPack, 5));
}

#[test]
fn a_million_members_take_little_memory() {
    let mut set = Set::new();
    let members: Vec<Vec<u8>> =
        (0..100_000).map(|number: u32| format!("member:{number:09}").into_bytes()).collect();
    set.add_all(members.iter().map(Vec::as_slice), LIMITS);
    let exact = |bytes| bytes;
    let all = set.to_ref().memory_bytes(usize::MAX, &exact);
    assert!(all <= 100_000 * 31, "{all}");
    assert_eq!(set.to_ref().memory_bytes(5, &exact), all, "all members are of one length");
    assert_eq!(set.to_ref().effort(), 100_000);
}

#[test]
fn a_scan_shows_members_that_stay() {
    let members: Vec<Vec<u8>> =
        (0..500).map(|number: u32| format!("m{number}").into_bytes()).collect();
    let (mut set, _) = built(&members);
    let (mut cursor, mut seen, mut calls) = (0, Model::new(), 0);
    loop {
        let SetRef::Table(table) = set.to_ref() else { unreachable!("too many for another form") };
        cursor = table.members().scan(cursor, |member| {
            seen.insert(member.bytes().to_vec());
        });
        if cursor == 0 {
            break;
        }
        calls += 1;
        // The table shrinks and grows meanwhile.
        if calls % 2 == 0 {
            members.iter().skip(250).for_each(|member| assert!(set.remove(member)));
        } else {
            set.add_all(members.iter().map(Vec::as_slice), LIMITS);
        }
        if calls % 2 == 0 {
            set.add_all(members.iter().map(Vec::as_slice), LIMITS);
        }
    }
    assert!(members.iter().take(250).all(|member| seen.contains(member)));
}
