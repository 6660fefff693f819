//! Bytes from outside are refused, or they are the nodes of a stream that can be walked both ways, read by a group and trimmed.
//! The input is a sequence of nodes: two bytes of length, two of the ID, one that is not used, and the elements of a list pack, which get their header.
#![no_main]

use collections::Stream;
use collections::stream::{Group, NodeLimits, Parts, StreamId, Threshold, Trim};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut parts = Parts { last_id: StreamId::MAX, ..Parts::default() };
    let mut rest = input;
    while let [short, long, ms, sequence, tail @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*short, *long])).min(tail.len());
        let (elements, behind) = tail.split_at(length);
        let id = StreamId::new(u64::from(*ms), u64::from(*sequence));
        parts.nodes.push((id, with_header(elements)));
        rest = behind;
    }
    // How many entries there are is not for the fuzzer to guess.
    for len in 0..64 {
        parts.len = len;
        if let Ok(stream) = Stream::from_parts(parts.clone()) {
            try_all(stream, parts.nodes.last().map_or(StreamId::MIN, |(id, _)| *id));
        }
    }
});

fn with_header(elements: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(elements.len() + 7);
    whole.extend_from_slice(&u32::try_from(elements.len() + 7).unwrap_or(0).to_le_bytes());
    whole.extend_from_slice(&u16::MAX.to_le_bytes());
    whole.extend_from_slice(elements);
    whole.push(0xff);
    whole
}

fn try_all(mut stream: Stream, last_node: StreamId) {
    let log = stream.log();
    let ids: Vec<StreamId> =
        log.range(StreamId::MIN, StreamId::MAX).map(|entry| entry.id()).collect();
    let mut backward: Vec<StreamId> =
        log.range_backward(StreamId::MIN, StreamId::MAX).map(|entry| entry.id()).collect();
    backward.reverse();
    assert_eq!(ids, backward);
    assert_eq!(ids.len() as u64, log.len());
    for id in &ids {
        let entry = log.entry(*id);
        let counts = entry.map(|entry| (entry.field_count(), entry.fields().count()));
        assert!(counts.is_some_and(|(said, actual)| said == actual));
    }
    stream.add_group(b"g", Group::default());
    if let Some((log, group)) = stream.group_mut(b"g") {
        for id in &ids {
            let next = log.not_delivered(group).next();
            assert_eq!(next.as_ref().map(|entry| entry.id()), Some(*id));
            if let Some(entry) = next {
                log.note_delivery(group, &entry);
            }
        }
    }
    let log = stream.log_mut();
    for id in ids.iter().step_by(2) {
        assert!(log.delete(*id));
    }
    log.set_last_id(ids.last().copied().unwrap_or_default().max(last_node));
    log.trim(&Trim { to: Threshold::Len(1), approximate: false, limit: 0 });
    assert!(log.len() <= 1);
    let limits = NodeLimits { bytes: 4096, entries: 100 };
    if let Some(id) = log.last_id().next() {
        let added = log.add(id, [&b"field"[..], b"value"].into_iter(), limits);
        assert!(added.is_ok());
    }
    let parts = stream.to_parts();
    assert!(Stream::from_parts(parts).is_ok());
}
