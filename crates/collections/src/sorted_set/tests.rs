//! Sorted sets against an ordered set and a map of the standard library, in both forms and across the switch.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test that panics has failed; scores are exact"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use proptest::prelude::*;

use super::*;

#[derive(Default, Debug)]
struct Model {
    scores: BTreeMap<Vec<u8>, f64>,
}

/// A score that can be ordered; none is NaN, and 0 and -0 are the same.
#[derive(PartialEq, PartialOrd, Clone, Copy, Debug)]
struct Score(f64);

impl Eq for Score {}

#[expect(clippy::derive_ord_xor_partial_ord, reason = "none is NaN")]
impl Ord for Score {
    fn cmp(&self, other: &Score) -> std::cmp::Ordering {
        self.0.partial_cmp(&other.0).unwrap()
    }
}

impl Model {
    fn ordered(&self) -> BTreeSet<(Score, &[u8])> {
        self.scores.iter().map(|(member, score)| (Score(*score), member.as_slice())).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Vec<u8>, f64),
    Add(Vec<u8>, f64),
    Remove(Vec<u8>),
    RemoveRanks(prop::sample::Index, usize),
    Fill(u32),
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0_u32..60).prop_map(|number| number.to_string().into_bytes()),
        (0_u32..60).prop_map(|number| format!("m{number}").into_bytes()),
        prop::collection::vec(any::<u8>(), 0..3),
        Just(vec![b'x'; 65]),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-3_i32..4).prop_map(f64::from),
        Just(0.1),
        Just(-0.0),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(1e300),
        Just(4e18),
        Just(5e18),
        Just(-9.3e18),
        Just(123_456_789_012_345.6),
        prop::num::f64::NORMAL,
    ]
}

/// What an interpreter of the machine has time for.
const CASES: u32 = if cfg!(miri) { 4 } else { 256 };
const STEPS: usize = if cfg!(miri) { 16 } else { 80 };
const MEMBERS: usize = if cfg!(miri) { 60 } else { 300 };
const MOST_FILLED: u32 = if cfg!(miri) { 60 } else { 300 };

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (member(), score()).prop_map(|(member, score)| Step::Insert(member, score)),
        3 => (member(), score()).prop_map(|(member, score)| Step::Add(member, score)),
        3 => member().prop_map(Step::Remove),
        1 => (any::<prop::sample::Index>(), 0_usize..20)
            .prop_map(|(index, count)| Step::RemoveRanks(index, count)),
        1 => (0..MOST_FILLED).prop_map(Step::Fill),
    ]
}

fn insert(set: &mut SortedSet, model: &mut Model, limits: Limits, member: &[u8], score: f64) {
    let expected = match model.scores.insert(member.to_vec(), score) {
        None => Upsert::Added,
        Some(previous) if previous == score => Upsert::Left,
        Some(_) => Upsert::Changed,
    };
    assert_eq!(set.insert(member, score, limits), expected);
}

fn run(set: &mut SortedSet, model: &mut Model, limits: Limits, step: Step) {
    match step {
        Step::Insert(member, score) => insert(set, model, limits, &member, score),
        Step::Add(member, score) => {
            let previous = model.scores.get(&member).copied();
            let sum = previous.unwrap_or(0.0) + score;
            let mut seen = None;
            let upsert = set.upsert(&member, limits, |present| {
                seen = present;
                (!sum.is_nan()).then_some(sum)
            });
            assert_eq!(seen, previous);
            if sum.is_nan() {
                assert_eq!(upsert, Upsert::Left);
            } else {
                model.scores.insert(member, sum);
            }
        }
        Step::Remove(member) => {
            assert_eq!(set.remove(&member), model.scores.remove(&member));
        }
        Step::RemoveRanks(index, count) => {
            if !model.scores.is_empty() {
                let start = index.index(model.scores.len());
                let gone = model.ordered().into_iter().skip(start).take(count);
                let gone: Vec<Vec<u8>> = gone.map(|(_, member)| member.to_vec()).collect();
                for member in &gone {
                    model.scores.remove(member);
                }
                set.remove_ranks(start..start + count);
            }
        }
        Step::Fill(count) => {
            for number in 0..count {
                let member = format!("filler {number}");
                insert(set, model, limits, member.as_bytes(), f64::from(number % 7));
            }
        }
    }
}

fn compare(set: &SortedSet, model: &Model) {
    let reader = set.to_ref();
    let ordered = model.ordered();
    assert_eq!(reader.len(), ordered.len());
    let ours = |(member, score): (Element<'_>, f64)| (Score(score), member.to_vec());
    let theirs = |(score, member): &(Score, &[u8])| (*score, member.to_vec());
    assert!(reader.iter().map(ours).eq(ordered.iter().map(theirs)));
    let backwards = reader.range(0..reader.len(), Direction::Descending);
    assert!(backwards.map(ours).eq(ordered.iter().rev().map(theirs)));
    for (rank, (score, member)) in ordered.iter().enumerate() {
        assert_eq!(reader.score(member), Some(score.0));
        assert_eq!(reader.rank(member), Some((rank, score.0)));
        assert_eq!(reader.at(rank).map(ours), Some((*score, member.to_vec())));
    }
    assert_eq!(reader.score(b"not there"), None);
    assert_eq!(reader.rank(b"not there"), None);
    assert!(reader.at(ordered.len()).is_none());
    let mut scanned = BTreeMap::new();
    let mut cursor = 0;
    loop {
        cursor = reader.scan(cursor, |member, score| {
            scanned.insert(member.to_vec(), score);
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned, model.scores);
    match &set.form {
        Form::Ranked(ranked) => ranked.check(),
        Form::Packed(_) => {
            let (encoding, bytes) = set.packed().unwrap();
            let copy = SortedSet::from_packed(encoding, bytes.to_vec());
            assert!(copy.to_ref().iter().eq(reader.iter()));
        }
    }
}

fn bound() -> impl Strategy<Value = Bound<f64>> {
    prop_oneof![
        score().prop_map(Bound::Included),
        score().prop_map(Bound::Excluded),
        Just(Bound::Unbounded),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    prop_oneof![
        Just(Limits { entries: 128, value_bytes: 64 }),
        Just(Limits { entries: 10, value_bytes: 64 }),
        Just(Limits { entries: 0, value_bytes: 64 }),
        Just(Limits { entries: 1000, value_bytes: 1 }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn the_model_agrees(limits in limits(), steps in prop::collection::vec(step(), 0..STEPS)) {
        let (mut set, mut model) = (SortedSet::default(), Model::default());
        for step in steps {
            run(&mut set, &mut model, limits, step);
        }
        compare(&set, &model);
        compare(&set.clone(), &model);
        let many = limits.entries < model.scores.len();
        let long = model.scores.keys().any(|member| limits.value_bytes < member.len());
        if many || long {
            prop_assert_eq!(set.to_ref().encoding(), Encoding::SkipList);
        }
    }

    #[test]
    fn ranges_by_score(
        limits in limits(),
        elements in prop::collection::btree_map(member(), score(), 0..MEMBERS),
        min in bound(),
        max in bound(),
    ) {
        let mut set = SortedSet::default();
        for (member, score) in &elements {
            set.insert(member, *score, limits);
        }
        let wanted = ScoreRange { min, max };
        let inside = |score: f64| !wanted.is_after(score) && !wanted.is_before(score);
        let expected = elements.values().filter(|score| inside(**score)).count();
        let ranks = set.to_ref().ranks_by_score(&wanted);
        prop_assert_eq!(ranks.len(), expected);
        for (_, score) in set.to_ref().range(ranks.clone(), Direction::Descending) {
            prop_assert!(inside(score));
        }
        set.remove_ranks(ranks);
        prop_assert!(set.to_ref().iter().all(|(_, score)| !inside(score)));
    }

    #[test]
    fn ranges_by_member(
        limits in limits(),
        members in prop::collection::btree_set(member(), 0..MEMBERS),
        min in member(),
        max in member(),
        excluded: (bool, bool),
    ) {
        let mut set = SortedSet::default();
        for member in &members {
            set.insert(member, 2.5, limits);
        }
        let bound = |member, is_excluded| {
            if is_excluded { LexBound::Excluded(member) } else { LexBound::Included(member) }
        };
        let wanted = LexRange { min: bound(&min, excluded.0), max: bound(&max, excluded.1) };
        let inside = |member: &[u8]| !wanted.is_after(member) && !wanted.is_before(member);
        let expected: Vec<&Vec<u8>> = members.iter().filter(|member| inside(member)).collect();
        for direction in [Direction::Ascending, Direction::Descending] {
            let ranks = set.to_ref().ranks_by_lex(&wanted, direction);
            let found = set.to_ref().range(ranks, Direction::Ascending);
            let found: Vec<Vec<u8>> = found.map(|(member, _)| member.to_vec()).collect();
            prop_assert!(found.iter().eq(expected.iter().copied()));
        }
        let all = LexRange { min: LexBound::Least, max: LexBound::Greatest };
        let ranks = set.to_ref().ranks_by_lex(&all, Direction::Ascending);
        prop_assert_eq!(ranks.len(), members.len());
        let none = LexRange { min: LexBound::Greatest, max: LexBound::Least };
        prop_assert!(set.to_ref().ranks_by_lex(&none, Direction::Ascending).is_empty());
    }
}

#[test]
fn scores_are_kept_in_a_list_pack_as_redis_keeps_them() {
    let limits = Limits { entries: 128, value_bytes: 64 };
    let mut set = SortedSet::default();
    for (member, score) in [(b"a", 3.0), (b"b", 0.1), (b"c", 1e20), (b"d", f64::NEG_INFINITY)] {
        set.insert(member, score, limits);
    }
    let (_, bytes) = set.packed().unwrap();
    let elements = ListPackRef::from_trusted(bytes).iter().map(Element::to_vec);
    let expected: Vec<&[u8]> = vec![b"d", b"-inf", b"b", b"0.1", b"a", b"3", b"c", b"1e+20"];
    assert!(elements.eq(expected.into_iter().map(<[u8]>::to_vec)));
    set.insert(b"e", -0.0, limits);
    assert_eq!(set.to_ref().score(b"e").map(f64::to_bits), Some(0));
}

#[test]
fn what_is_expected_decides_on_the_form() {
    let limits = Limits { entries: 3, value_bytes: 4 };
    let encoding = |set: &SortedSet| set.to_ref().encoding();
    assert_eq!(encoding(&SortedSet::with_capacity(3, 4, limits)), Encoding::ListPack);
    assert_eq!(encoding(&SortedSet::with_capacity(4, 4, limits)), Encoding::SkipList);
    assert_eq!(encoding(&SortedSet::with_capacity(3, 5, limits)), Encoding::SkipList);
    let mut set = SortedSet::default();
    set.expect_members(3, limits);
    assert_eq!(encoding(&set), Encoding::ListPack);
    for (number, member) in [b"a", b"b", b"c"].into_iter().enumerate() {
        set.push(member, [0.0, 1.0, 2.0][number], limits);
    }
    assert_eq!(encoding(&set), Encoding::ListPack);
    set.push(b"d", 3.0, limits);
    assert_eq!((encoding(&set), set.to_ref().len()), (Encoding::SkipList, 4));
    set.remove_ranks(0..100);
    assert!(set.is_empty());
}

#[test]
#[cfg_attr(miri, ignore = "it measures memory of many members")]
fn a_million_members_take_less_than_66_bytes_each() {
    // A hundredth of them, the members as long.
    const MEMBERS: usize = 10_000;
    let limits = Limits { entries: 128, value_bytes: 64 };
    let mut set = SortedSet::default();
    let mut random = 1_u64;
    for number in 0..MEMBERS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let score = f64::from(u32::try_from(random >> 32).unwrap());
        set.insert(format!("member:{number:09}").as_bytes(), score, limits);
    }
    let bytes = set.to_ref().memory_bytes(MEMBERS, &|bytes| bytes.next_multiple_of(8));
    assert!(bytes < 66 * MEMBERS, "{} bytes each", bytes / MEMBERS);
}
