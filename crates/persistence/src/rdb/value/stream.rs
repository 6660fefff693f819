//! Streams: their nodes, what is known of them, and their groups.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each function is called with the forms of its own type"
)]

use std::io::Read;

use collections::Stream;
use collections::stream::{ConsumerParts, GroupParts, Parts, StreamId, StreamRef};

use super::write::Pieces;
use crate::rdb::{Reader, ValueType, Writer};
use crate::{Corrupt, Error};

/// Writes a stream; `with_activity` if the version knows when consumers were active.
pub(super) fn write(stream: StreamRef<'_>, with_activity: bool, pieces: &mut Pieces<'_>) {
    let parts = stream.to_parts_without_nodes();
    pieces.next().length(stream.log().node_count() as u64);
    for (id, pack) in stream.nodes() {
        let writer = pieces.next();
        writer.string(&id.to_bytes());
        writer.string(pack);
    }
    write_behind_nodes(&parts, stream.log().first_id(), with_activity, pieces);
}

/// Writes what comes behind the nodes.
pub(in crate::rdb) fn write_rest(
    parts: &Parts,
    first_id: StreamId,
    with_activity: bool,
    writer: &mut Writer,
) {
    write_behind_nodes(parts, first_id, with_activity, &mut Pieces::all(writer, &mut |_| {}));
}

fn write_behind_nodes(
    parts: &Parts,
    first_id: StreamId,
    with_activity: bool,
    pieces: &mut Pieces<'_>,
) {
    let writer = pieces.next();
    writer.length(parts.len);
    write_id(parts.last_id, writer);
    write_id(first_id, writer);
    write_id(parts.max_deleted_id, writer);
    writer.length(parts.entries_added.unwrap_or(parts.len));
    writer.length(parts.groups.len() as u64);
    for group in &parts.groups {
        write_group(group, with_activity, pieces);
    }
}

fn write_id(id: StreamId, writer: &mut Writer) {
    writer.length(id.ms);
    writer.length(id.sequence);
}

fn write_group(group: &GroupParts, with_activity: bool, pieces: &mut Pieces<'_>) {
    let writer = pieces.next();
    writer.string(&group.name);
    write_id(group.last_delivered, writer);
    // -1 where it is not known.
    writer.length(group.entries_read.unwrap_or(-1).cast_unsigned());
    writer.length(group.pending.len() as u64);
    for (id, delivered_ms, deliveries) in &group.pending {
        let writer = pieces.next();
        writer.raw(&id.to_bytes());
        writer.milliseconds(*delivered_ms);
        writer.length(*deliveries);
    }
    pieces.next().length(group.consumers.len() as u64);
    for consumer in &group.consumers {
        let writer = pieces.next();
        writer.string(&consumer.name);
        writer.milliseconds(consumer.seen_ms);
        if with_activity {
            writer.milliseconds(consumer.active_ms.unwrap_or(-1));
        }
        writer.length(consumer.pending.len() as u64);
        consumer.pending.iter().for_each(|id| pieces.next().raw(&id.to_bytes()));
    }
}

/// Reads a stream of the given form.
pub(super) fn read<R: Read>(form: ValueType, reader: &mut Reader<R>) -> Result<Stream, Error> {
    let mut parts = Parts::default();
    for _ in 0..reader.count()? {
        let id = reader.string()?;
        let id = <[u8; 16]>::try_from(id.as_slice()).map_err(|_| {
            reader.corrupt(Corrupt::Stream("the ID of a node is not 16 bytes long"))
        })?;
        parts.nodes.push((StreamId::from_bytes(id), reader.string()?));
    }
    parts.len = reader.count()?;
    parts.last_id = read_id(reader)?;
    if form != ValueType::StreamListPacks {
        // The first ID follows from the nodes.
        read_id(reader)?;
        parts.max_deleted_id = read_id(reader)?;
        parts.entries_added = Some(reader.count()?);
    }
    for _ in 0..reader.count()? {
        parts.groups.push(read_group(form, reader)?);
    }
    Stream::from_parts(parts)
        .map_err(|_| reader.corrupt(Corrupt::Stream("its parts do not belong together")))
}

fn read_id<R: Read>(reader: &mut Reader<R>) -> Result<StreamId, Error> {
    Ok(StreamId::new(reader.count()?, reader.count()?))
}

fn read_group<R: Read>(form: ValueType, reader: &mut Reader<R>) -> Result<GroupParts, Error> {
    let name = reader.string()?;
    let last_delivered = read_id(reader)?;
    let entries_read = match form {
        ValueType::StreamListPacks => None,
        _ => Some(reader.count()?.cast_signed()).filter(|read| 0 <= *read),
    };
    let mut pending = Vec::new();
    for _ in 0..reader.count()? {
        let id = StreamId::from_bytes(reader.array()?);
        pending.push((id, reader.milliseconds()?, reader.count()?));
    }
    let mut consumers = Vec::new();
    for _ in 0..reader.count()? {
        consumers.push(read_consumer(form, reader)?);
    }
    Ok(GroupParts { name, last_delivered, entries_read, pending, consumers })
}

fn read_consumer<R: Read>(form: ValueType, reader: &mut Reader<R>) -> Result<ConsumerParts, Error> {
    let name = reader.string()?;
    let seen_ms = reader.milliseconds()?;
    let active_ms = match form {
        // Not written yet: to have been seen meant to have been active.
        ValueType::StreamListPacks | ValueType::StreamListPacks2 => Some(seen_ms),
        _ => Some(reader.milliseconds()?).filter(|active| *active != -1),
    };
    let mut pending = Vec::new();
    for _ in 0..reader.count()? {
        pending.push(StreamId::from_bytes(reader.array()?));
    }
    Ok(ConsumerParts { name, seen_ms, active_ms, pending })
}
