//! Streams against a plain model: a map of entries.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may fail"
)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

type Model = BTreeMap<StreamId, Vec<Vec<u8>>>;

const ALL: (StreamId, StreamId) = (StreamId::MIN, StreamId::MAX);

#[derive(Clone, Debug)]
enum Operation {
    /// How much greater the ID is than the last one, and the fields.
    Add(StreamId, Vec<Vec<u8>>),
    /// The entry at this place, if it is one, or else that which is not there.
    Delete(usize),
    TrimLen(u64),
    TrimId(usize),
    Approximate(u64, u64),
    Range(usize, usize),
    /// To the group, so many.
    Deliver(usize),
    /// The last ID goes back as far as it can.
    SetLastId,
    Reload,
}

fn fields() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let usual = prop_oneof![
        Just(vec![b"f".to_vec(), b"v".to_vec()]),
        (0..200_u32).prop_map(|number| vec![b"f".to_vec(), number.to_string().into_bytes()]),
        Just([&b"a"[..], b"1", b"b", b"-77"].map(<[u8]>::to_vec).to_vec()),
    ];
    let long = prop::collection::vec(any::<u8>(), 0..300);
    let any = prop::collection::vec(prop_oneof![long, Just(b"7".to_vec())], 1..4)
        .prop_map(|half| half.iter().flat_map(|part| [part.clone(), part.clone()]).collect());
    prop_oneof![4 => usual, 1 => any]
}

fn step() -> impl Strategy<Value = StreamId> {
    prop_oneof![
        6 => (0..3_u64).prop_map(|sequence| StreamId::new(0, sequence + 1)),
        3 => (1..1000_u64, 0..3_u64).prop_map(|(ms, sequence)| StreamId::new(ms, sequence)),
        1 => (0..1_u64 << 40, any::<u64>()).prop_map(|(ms, sequence)| StreamId::new(ms + 1, sequence)),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        20 => (step(), fields()).prop_map(|(step, fields)| Operation::Add(step, fields)),
        6 => any::<usize>().prop_map(Operation::Delete),
        1 => (0..60_u64).prop_map(Operation::TrimLen),
        1 => any::<usize>().prop_map(Operation::TrimId),
        1 => (0..60_u64, 0..30_u64).prop_map(|(len, limit)| Operation::Approximate(len, limit)),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Operation::Range(from, to)),
        6 => (0..20_usize).prop_map(Operation::Deliver),
        1 => Just(Operation::SetLastId),
        1 => Just(Operation::Reload),
    ]
}

fn add(log: &mut Log, id: StreamId, fields: &[Vec<u8>], limits: NodeLimits) {
    log.add(id, fields.iter().map(Vec::as_slice), limits).unwrap();
}

fn contents(entry: Entry<'_>) -> (StreamId, Vec<Vec<u8>>) {
    let id = entry.id();
    let count = entry.field_count();
    let fields: Vec<Vec<u8>> =
        entry.fields().flat_map(|(name, value)| [name.to_vec(), value.to_vec()]).collect();
    assert_eq!(fields.len(), count * 2);
    (id, fields)
}

/// The ID at a place, or one beside it.
fn pick(model: &Model, place: usize) -> StreamId {
    let id = model.keys().nth(place % (model.len() + 1)).copied().unwrap_or_default();
    match place % 3 {
        0 => id.next().unwrap_or(id),
        1 => id.previous().unwrap_or(id),
        _ => id,
    }
}

fn apply(stream: &mut Stream, model: &mut Model, operation: &Operation, limits: NodeLimits) {
    let log = stream.log_mut();
    match operation {
        Operation::Add(step, fields) => {
            let last = log.last_id();
            let id = if step.ms == 0 {
                StreamId::new(last.ms, last.sequence.saturating_add(step.sequence))
            } else {
                StreamId::new(last.ms + step.ms, step.sequence)
            };
            if last < id {
                add(log, id, fields, limits);
                model.insert(id, fields.clone());
            }
        }
        Operation::Delete(place) => {
            let id = pick(model, *place);
            assert_eq!(log.delete(id), model.remove(&id).is_some());
        }
        Operation::TrimLen(len) => {
            let trim = Trim { to: Threshold::Len(*len), approximate: false, limit: 0 };
            let excess = model.len().saturating_sub(usize::try_from(*len).unwrap());
            assert_eq!(log.trim(&trim), excess as u64);
            (0..excess).for_each(|_| drop(model.pop_first()));
        }
        Operation::TrimId(place) => {
            let least = pick(model, *place);
            let trim = Trim { to: Threshold::Id(least), approximate: false, limit: 0 };
            let stay = model.split_off(&least);
            assert_eq!(log.trim(&trim), model.len() as u64);
            *model = stay;
        }
        Operation::Approximate(len, limit) => {
            let trim = Trim { to: Threshold::Len(*len), approximate: true, limit: *limit };
            let nodes = log.node_count();
            let removed = log.trim(&trim);
            (0..removed).for_each(|_| drop(model.pop_first()));
            assert!(removed == 0 || log.node_count() < nodes, "whole nodes go");
            assert!(removed == 0 || *len <= log.len(), "no more than asked for");
            assert!(*limit == 0 || removed <= *limit);
        }
        Operation::Range(from, to) => {
            let (from, to) = (pick(model, *from), pick(model, *to));
            let expected = || model.iter().filter(|(id, _)| from <= **id && **id <= to);
            let expected = || expected().map(|(id, fields)| (*id, fields.clone()));
            assert!(log.range(from, to).map(contents).eq(expected()));
            let backward: Vec<_> = log.range_backward(from, to).map(contents).collect();
            assert!(backward.into_iter().rev().eq(expected()));
        }
        Operation::Deliver(count) => {
            let (log, group) = stream.group_mut(b"g").unwrap();
            let delivered: Vec<Entry<'_>> = log.not_delivered(group).take(*count).collect();
            for entry in delivered {
                log.note_delivery(group, &entry);
            }
        }
        Operation::SetLastId => {
            let last_node = log.nodes.last().map(|(id, _)| id);
            let last = model.keys().next_back().max(last_node).copied().unwrap_or_default();
            log.set_last_id(last.max(log.max_deleted_id()));
        }
        Operation::Reload => *stream = Stream::from_parts(stream.to_parts()).unwrap(),
    }
}

fn agree(log: &Log, model: &Model) {
    assert_eq!(log.len(), model.len() as u64);
    let expected = || model.iter().map(|(id, fields)| (*id, fields.clone()));
    assert!(log.range(ALL.0, ALL.1).map(contents).eq(expected()));
    assert_eq!(log.first_id(), model.keys().next().copied().unwrap_or_default());
    assert_eq!(log.last_entry_id(), model.keys().next_back().copied());
    let probe = pick(model, model.len());
    assert_eq!(
        log.entry(probe).map(contents),
        model.get(&probe).map(|fields| (probe, fields.clone()))
    );
    let masters: BTreeSet<[u8; 16]> = log.nodes.iter().map(|(id, _)| id.to_bytes()).collect();
    assert_eq!(log.radix_nodes(), radix_size(&masters));
}

/// The nodes of a radix tree, counted one by one.
fn radix_size(keys: &BTreeSet<[u8; 16]>) -> u64 {
    fn below(keys: &[&[u8]]) -> u64 {
        let shared =
            (0..keys[0].len()).take_while(|&at| keys.iter().all(|key| key[at] == keys[0][at]));
        let shared = shared.count();
        let stretch = u64::from(0 < shared);
        let rest: Vec<&[u8]> = keys.iter().map(|key| &key[shared..]).collect();
        if rest[0].is_empty() {
            return stretch + 1;
        }
        let branches = rest.chunk_by(|one, other| one[0] == other[0]);
        let branches =
            branches.map(|branch| below(&branch.iter().map(|key| &key[1..]).collect::<Vec<_>>()));
        stretch + 1 + branches.sum::<u64>()
    }
    if keys.is_empty() {
        1
    } else {
        below(&keys.iter().map(<[u8; 16]>::as_slice).collect::<Vec<_>>())
    }
}

proptest! {
    #[test]
    fn log_agrees_with_model(
        operations in prop::collection::vec(operation(), 0..150),
        bytes in prop_oneof![Just(0_u64), Just(4096), Just(100)],
        entries in prop_oneof![Just(0_u64), Just(1), Just(5), Just(100)],
    ) {
        let mut stream = Stream::default();
        stream.add_group(b"g", Group::default());
        let mut model = Model::new();
        for operation in &operations {
            apply(&mut stream, &mut model, operation, NodeLimits { bytes, entries });
            agree(stream.log(), &model);
            let (log, group) = stream.group_mut(b"g").unwrap();
            let from = group.last_delivered.next().unwrap();
            prop_assert!(log.not_delivered(group).map(contents).eq(log.range(from, ALL.1).map(contents)));
        }
    }

    /// Bytes from outside are refused or walked through, whatever they are.
    #[test]
    fn corrupted_nodes_do_no_harm(
        operations in prop::collection::vec(operation(), 1..30),
        changes in prop::collection::vec((any::<usize>(), any::<usize>(), any::<u8>()), 1..4),
        cut in any::<bool>(),
    ) {
        let mut stream = Stream::default();
        stream.add_group(b"g", Group::default());
        let mut model = Model::new();
        for operation in &operations {
            apply(&mut stream, &mut model, operation, NodeLimits { bytes: 0, entries: 5 });
        }
        let mut parts = stream.to_parts();
        for (node, at, value) in changes {
            let Some(count) = std::num::NonZero::new(parts.nodes.len()) else { return Ok(()) };
            let (_, bytes) = &mut parts.nodes[node % count];
            let at = at % bytes.len();
            bytes[at] = value;
            if cut && 10 < at {
                bytes.truncate(at);
                let total = u32::try_from(bytes.len()).unwrap();
                bytes[..4].copy_from_slice(&total.to_le_bytes());
            }
        }
        if let Ok(mut loaded) = Stream::from_parts(parts) {
            let log = loaded.log_mut();
            let forward: Vec<_> = log.range(ALL.0, ALL.1).map(contents).collect();
            let mut backward: Vec<_> = log.range_backward(ALL.0, ALL.1).map(contents).collect();
            backward.reverse();
            prop_assert_eq!(&forward, &backward);
            prop_assert_eq!(forward.len() as u64, log.len());
            for (id, _) in forward.iter().step_by(2) {
                prop_assert!(log.delete(*id));
            }
            log.trim(&Trim { to: Threshold::Len(1), approximate: false, limit: 0 });
            if let Some(id) = log.last_id().next() {
                add(log, id, &[b"f".to_vec(), b"v".to_vec()], NodeLimits { bytes: 0, entries: 0 });
            }
            prop_assert!(log.len() <= 2);
        }
    }

    #[test]
    fn group_agrees_with_model(
        operations in prop::collection::vec((0..6_u8, 0..20_u64, 0..4_usize), 0..200),
    ) {
        const NAMES: [&[u8]; 4] = [b"ann", b"bob", b"", b"eve"];
        let mut group = Group::default();
        let mut model: BTreeMap<StreamId, (&[u8], u64)> = BTreeMap::new();
        let mut names: BTreeSet<&[u8]> = BTreeSet::new();
        for (operation, number, name) in operations {
            let (id, name) = (StreamId::new(number, 0), NAMES[name]);
            match operation {
                0..=2 => {
                    let found = group.find_consumer(name);
                    prop_assert_eq!(found.is_some(), names.contains(name));
                    let consumer = found.unwrap_or_else(|| group.add_consumer(name, 5));
                    names.insert(name);
                    group.set_pending(id, Pending { consumer, delivered_ms: 0, deliveries: number });
                    model.insert(id, (name, number));
                }
                3 | 4 => {
                    let known = group.acknowledge(id).map(|known| known.deliveries);
                    prop_assert_eq!(known, model.remove(&id).map(|(_, deliveries)| deliveries));
                }
                _ => {
                    let count = model.values().filter(|(owner, _)| *owner == name).count();
                    let removed = names.remove(name).then_some(count);
                    prop_assert_eq!(group.remove_consumer(name), removed);
                    model.retain(|_, (owner, _)| *owner != name);
                }
            }
            let all = || ALL.0..=ALL.1;
            let of = |known: Pending| (group.consumer_name(known.consumer), known.deliveries);
            let pending = group.pending_in(all()).map(|(id, known)| (id, of(known)));
            prop_assert!(pending.eq(model.iter().map(|(id, known)| (*id, *known))));
            prop_assert!(group.consumers().map(|(_, consumer)| consumer.name()).eq(names.iter().copied()));
            for (index, consumer) in group.consumers() {
                let owned = model.iter().filter(|(_, (owner, _))| *owner == consumer.name());
                let listed = group.pending_for(index, all()).map(|(id, _)| id);
                prop_assert!(listed.eq(owned.map(|(id, _)| *id)));
            }
        }
    }

    #[test]
    fn ids_survive_their_bytes(ms in any::<u64>(), sequence in any::<u64>()) {
        let id = StreamId::new(ms, sequence);
        prop_assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
        let text = format!("{ms}-{sequence}");
        prop_assert_eq!(&*id.text(), text.as_bytes());
        prop_assert_eq!(id.next().and_then(StreamId::previous), id.next().map(|_| id));
    }
}

/// What a real server has for the same entries (its DUMP, with its frame taken off).
#[test]
fn nodes_are_those_of_redis() {
    let mut log = Log::default();
    let limits = NodeLimits { bytes: 4096, entries: 100 };
    let text =
        |parts: &[&str]| parts.iter().map(|part| part.as_bytes().to_vec()).collect::<Vec<_>>();
    add(&mut log, StreamId::new(5, 1), &text(&["f", "v", "g", "7"]), limits);
    add(&mut log, StreamId::new(5, 9), &text(&["f", "w", "g", "-1"]), limits);
    add(&mut log, StreamId::new(6, 0), &text(&["h", "x"]), limits);
    assert!(log.delete(StreamId::new(5, 9)));
    let bytes = log.nodes.first().unwrap().1.as_bytes();
    assert_eq!(
        bytes.escape_ascii().to_string(),
        r"A\x00\x00\x00\x19\x00\x02\x01\x01\x01\x02\x01\x81f\x02\x81g\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x07\x01\x05\x01\x03\x01\x00\x01\x08\x01\x81w\x02\xdf\xff\x02\x05\x01\x00\x01\x01\x01\xdf\xff\x02\x01\x01\x81h\x02\x81x\x02\x06\x01\xff"
    );
}

#[test]
fn parts_that_contradict_each_other_are_refused() {
    let mut stream = Stream::default();
    let limits = NodeLimits { bytes: 0, entries: 2 };
    for ms in 1..=5 {
        add(stream.log_mut(), StreamId::new(ms, 0), &[b"f".to_vec(), b"v".to_vec()], limits);
    }
    let mut group = Group::new(StreamId::new(2, 0), None);
    let consumer = group.add_consumer(b"ann", 7);
    group.set_pending(StreamId::new(1, 0), Pending { consumer, delivered_ms: 1, deliveries: 1 });
    assert!(stream.add_group(b"g", group));
    let good = stream.to_parts();
    assert!(Stream::from_parts(good.clone()).is_ok());
    let refused = |change: fn(&mut Parts)| {
        let mut parts = good.clone();
        change(&mut parts);
        Stream::from_parts(parts).err()
    };
    let id = |ms| StreamId::new(ms, 0);
    assert_eq!(refused(|parts| parts.len = 4), Some(CorruptStream::Len { said: 4, actual: 5 }));
    assert_eq!(refused(|parts| parts.nodes.swap(0, 1)), Some(CorruptStream::Order(id(1))));
    let zero = |parts: &mut Parts| parts.nodes[0].0 = StreamId::MIN;
    assert_eq!(refused(zero), Some(CorruptStream::Order(StreamId::MIN)));
    assert_eq!(refused(|parts| parts.last_id.ms = 4), Some(CorruptStream::LastId(id(5))));
    assert_eq!(refused(|parts| parts.nodes[0].1[6] = 3), Some(CorruptStream::Node(id(1))));
    assert_eq!(
        refused(|parts| parts.groups[0].consumers[0].pending.clear()),
        Some(CorruptStream::Pending(id(1)))
    );
    assert_eq!(
        refused(|parts| parts.groups[0].pending.clear()),
        Some(CorruptStream::Pending(id(1)))
    );
    let twice = |parts: &mut Parts| parts.groups.push(parts.groups[0].clone());
    assert_eq!(refused(twice), Some(CorruptStream::Duplicate));
    assert!(matches!(
        refused(|parts| parts.nodes[1].1.truncate(9)),
        Some(CorruptStream::ListPack(_, _))
    ));
}

/// A million tiny entries take no more than in Redis, which needs about 21 bytes for each.
#[test]
fn entries_are_small() {
    let mut stream = Stream::default();
    let limits = NodeLimits { bytes: 4096, entries: 100 };
    for number in 0..100_000_u64 {
        let id = StreamId::new(1_700_000_000_000 + number / 3, number % 3);
        stream.log_mut().add(id, [&b"f"[..], b"v"].into_iter(), limits).unwrap();
    }
    let bytes = stream.to_ref().memory_bytes(0, &|bytes| bytes.next_multiple_of(16));
    assert!(bytes < 2_100_000, "{bytes}");
}
