//! Lists against a plain sequence, with limits so low that every form and every split and merge comes about.

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
    Push(End, Vec<Vec<u8>>),
    Pop(End),
    PopMany(End, usize),
    Rotate(End, End),
    Set(usize, Vec<u8>),
    Insert(usize, Side, Vec<u8>),
    InsertAbsent(Vec<u8>),
    RemoveRange(usize, usize),
    Trim(usize, usize),
    RemoveEqual(usize, End, usize),
    SaveAndLoad,
}

fn copy(element: Element<'_>) -> Vec<u8> {
    element.to_vec()
}

fn end() -> impl Strategy<Value = End> {
    prop::sample::select(vec![End::Head, End::Tail])
}

fn side() -> impl Strategy<Value = Side> {
    prop::sample::select(vec![Side::Before, Side::After])
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0_u32..30).prop_map(|number| number.to_string().into_bytes()),
        4 => "[ab]{0,4}".prop_map(String::into_bytes),
        4 => ("[ab]", 100_usize..2000).prop_map(|(letter, times)| letter.repeat(times).into_bytes()),
        2 => prop::collection::vec(any::<u8>(), 40..60),
        1 => (4080_usize..4110).prop_map(|length| vec![b'x'; length]),
        1 => (8185_usize..8200).prop_map(|length| vec![b'y'; length]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (end(), prop::collection::vec(element(), 1..6)).prop_map(|(end, elements)| Step::Push(end, elements)),
        2 => end().prop_map(Step::Pop),
        1 => (end(), 1_usize..20).prop_map(|(end, count)| Step::PopMany(end, count)),
        1 => (end(), end()).prop_map(|(from, to)| Step::Rotate(from, to)),
        3 => (any::<usize>(), element()).prop_map(|(at, element)| Step::Set(at, element)),
        4 => (any::<usize>(), side(), element()).prop_map(|(at, side, element)| Step::Insert(at, side, element)),
        1 => element().prop_map(Step::InsertAbsent),
        1 => (any::<usize>(), 0_usize..20).prop_map(|(at, count)| Step::RemoveRange(at, count)),
        1 => (0_usize..6, 0_usize..6).prop_map(|(head, tail)| Step::Trim(head, tail)),
        2 => (any::<usize>(), end(), 1_usize..5).prop_map(|(at, end, most)| Step::RemoveEqual(at, end, most)),
        1 => Just(Step::SaveAndLoad),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    (prop::sample::select(vec![-1, -2, 0, 1, 2, 3, 7, 128]), 0_u32..4)
        .prop_map(|(node_size, compress_depth)| Limits { node_size, compress_depth })
}

fn pop_many(list: &mut List, end: End, count: usize, limits: Limits) -> Vec<Vec<u8>> {
    let mut popped = Vec::new();
    for _ in 0..count {
        popped.extend(list.pop(end, limits, copy));
    }
    popped
}

fn apply(step: Step, list: &mut List, model: &mut Vec<Vec<u8>>, limits: Limits) {
    let len = model.len();
    match step {
        Step::Push(end, elements) => {
            list.push(end, elements.iter().map(Vec::as_slice), limits);
            for element in elements {
                match end {
                    End::Head => model.insert(0, element),
                    End::Tail => model.push(element),
                }
            }
        }
        step @ (Step::Pop(_) | Step::Rotate(..) | Step::PopMany(..)) => {
            apply_at_ends(&step, list, model, limits);
        }
        step @ (Step::Set(..) | Step::Insert(..) | Step::InsertAbsent(_)) => {
            apply_inside(step, list, model, limits);
        }
        Step::RemoveRange(at, count) => {
            let at = at % (len + 2);
            list.remove_range(at, count, limits);
            model.drain(at.min(len)..(at + count).min(len));
        }
        Step::Trim(head, tail) => {
            let range = head.min(len)..len.saturating_sub(tail).max(head.min(len));
            list.trim(range.clone(), limits);
            *model = model[range].to_vec();
        }
        Step::RemoveEqual(at, end, most) => {
            let element = if len == 0 { b"0".to_vec() } else { model[at % len].clone() };
            let mut indexes: Vec<usize> =
                (0..len).filter(|index| model[*index] == element).collect();
            if end == End::Tail {
                indexes.reverse();
            }
            indexes.truncate(most);
            assert_eq!(list.remove_equal(&element, end, most, limits), indexes.len());
            indexes.sort_unstable();
            for index in indexes.into_iter().rev() {
                model.remove(index);
            }
        }
        Step::SaveAndLoad => {
            let nodes = list.to_ref().nodes().map(|content| match content {
                NodeContent::Packed(bytes) => SavedNode::Packed(
                    ListPack::from_bytes_checked(bytes.into_owned()).expect("it is well-formed"),
                ),
                NodeContent::Plain(bytes) => SavedNode::Plain(bytes.into_owned()),
            });
            let loaded = List::from_nodes(nodes.collect::<Vec<_>>(), limits);
            *list = loaded;
        }
    }
}

fn apply_at_ends(step: &Step, list: &mut List, model: &mut Vec<Vec<u8>>, limits: Limits) {
    let len = model.len();
    match *step {
        Step::Pop(end) => {
            let expected = match end {
                End::Head => (0 < len).then(|| model.remove(0)),
                End::Tail => model.pop(),
            };
            assert_eq!(list.pop(end, limits, copy), expected);
        }
        Step::Rotate(from, to) => {
            let element = match from {
                End::Head => (0 < len).then(|| model.remove(0)),
                End::Tail => model.pop(),
            };
            assert_eq!(list.rotate(from, to, limits, <[u8]>::to_vec), element);
            match to {
                End::Head => model.splice(0..0, element).for_each(drop),
                End::Tail => model.extend(element),
            }
        }
        Step::PopMany(end, count) => {
            let popped = pop_many(list, end, count, limits);
            let count = count.min(len);
            let expected: Vec<Vec<u8>> = match end {
                End::Head => model.drain(..count).collect(),
                End::Tail => model.drain(len - count..).rev().collect(),
            };
            assert_eq!(popped, expected);
        }
        Step::Set(..)
        | Step::Push(..)
        | Step::Insert(..)
        | Step::InsertAbsent(_)
        | Step::RemoveRange(..)
        | Step::Trim(..)
        | Step::RemoveEqual(..)
        | Step::SaveAndLoad => {}
    }
}

fn apply_inside(step: Step, list: &mut List, model: &mut Vec<Vec<u8>>, limits: Limits) {
    let len = model.len();
    match step {
        Step::Set(at, element) => {
            let index = i64::try_from(at % (2 * len + 3)).expect("small")
                - i64::try_from(len).expect("small")
                - 1;
            let expected = range::index_of(index, len);
            assert_eq!(list.set(index, &element, limits), expected.is_some());
            if let Some(index) = expected {
                model[index] = element;
            }
        }
        Step::Insert(at, side, element) if 0 < len => {
            let pivot = model[at % len].clone();
            let index = model.iter().position(|other| *other == pivot).expect("it is there");
            assert!(list.insert(&pivot, side, &element, limits));
            model.insert(index + usize::from(side == Side::After), element);
        }
        Step::InsertAbsent(element) => {
            assert!(!list.insert(b"absent", Side::After, &element, limits));
        }
        Step::Insert(..)
        | Step::Push(..)
        | Step::Pop(_)
        | Step::PopMany(..)
        | Step::Rotate(..)
        | Step::RemoveRange(..)
        | Step::Trim(..)
        | Step::RemoveEqual(..)
        | Step::SaveAndLoad => {}
    }
}

fn contents(list: ListRef<'_>, start: usize, from: End) -> Vec<Vec<u8>> {
    let mut elements = Vec::new();
    list.visit(start, from, |element| {
        elements.push(element.to_vec());
        ControlFlow::<()>::Continue(())
    });
    elements
}

#[track_caller]
fn check(list: &List, model: &[Vec<u8>]) {
    let whole = list.to_ref();
    assert_eq!(whole.len(), model.len());
    assert_eq!(whole.is_empty(), model.is_empty());
    assert_eq!(list.is_empty(), model.is_empty());
    assert_eq!(contents(whole, 0, End::Head), model);
    if let Some(last) = model.len().checked_sub(1) {
        let mut backward = contents(whole, last, End::Tail);
        backward.reverse();
        assert_eq!(backward, model);
    }
    match list {
        List::Pack(pack) => {
            assert_eq!(whole.encoding(), Encoding::ListPack);
            assert_eq!(pack.len(), model.len());
        }
        List::Quick(quick) => {
            assert_eq!(whole.encoding(), Encoding::QuickList);
            quick.check();
        }
    }
}

proptest! {
    #[test]
    fn behaves_like_a_sequence(limits in limits(), steps in prop::collection::vec(step(), 1..80)) {
        let (mut list, mut model) = (List::default(), Vec::new());
        for step in steps {
            apply(step, &mut list, &mut model, limits);
            check(&list, &model);
        }
        let len = i64::try_from(model.len()).expect("small");
        for index in -len - 1..=len {
            let expected = range::index_of(index, model.len()).map(|index| &model[index]);
            let found = list.to_ref().with(index, copy);
            prop_assert_eq!(found.as_ref(), expected);
        }
        for start in 0..model.len() {
            prop_assert_eq!(&contents(list.to_ref(), start, End::Head)[..], &model[start..]);
            let mut backward = contents(list.to_ref(), start, End::Tail);
            backward.reverse();
            prop_assert_eq!(&backward[..], &model[..=start]);
        }
    }

    #[test]
    fn limits_may_change_at_any_time(
        steps in prop::collection::vec((limits(), step()), 1..60),
    ) {
        let (mut list, mut model) = (List::default(), Vec::new());
        for (limits, step) in steps {
            apply(step, &mut list, &mut model, limits);
            check(&list, &model);
        }
    }
}

const PLAIN: Limits = Limits { node_size: -2, compress_depth: 0 };

#[test]
fn a_long_list_takes_little_more_than_its_elements() {
    let mut list = List::default();
    for index in 0..100_000_u32 {
        let element = format!("element:{index:08}");
        list.push(End::Tail, std::iter::once(element.as_bytes()), PLAIN);
    }
    let bytes = list.to_ref().memory_bytes(0, &crate::list_pack::allocation_size);
    // 16 bytes, one for the length on either side, and what the nodes take.
    assert!(bytes < 100_000 * 185 / 10, "{bytes}");
    assert_eq!(list.to_ref().with(50_000, copy).as_deref(), Some(&b"element:00050000"[..]));
}

#[test]
fn popping_keeps_memory_near_what_is_needed() {
    for end in [End::Head, End::Tail] {
        let mut list = List::default();
        for index in 0..20_000_u32 {
            list.push(End::Tail, std::iter::once(format!("element:{index:08}").as_bytes()), PLAIN);
        }
        while 10 < list.to_ref().len() {
            list.pop(end, PLAIN, |_| ());
        }
        let bytes = list.to_ref().memory_bytes(0, &crate::list_pack::allocation_size);
        assert!(bytes < 1000, "{bytes}");
        assert_eq!(list.to_ref().encoding(), Encoding::ListPack);
    }
}

#[test]
fn the_middle_is_compressed() {
    let limits = Limits { node_size: -2, compress_depth: 1 };
    let mut list = List::default();
    for index in 0..10_000_u32 {
        list.push(End::Head, std::iter::once(format!("element:{index:08}").as_bytes()), limits);
    }
    let bytes = list.to_ref().memory_bytes(0, &crate::list_pack::allocation_size);
    assert!(bytes < 100_000, "{bytes}");
    assert_eq!(list.to_ref().with(5000, copy).as_deref(), Some(&b"element:00004999"[..]));
}
