//! Writing a value in the newest form that a version reads.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each function is called with the forms of its own type"
)]

use collections::hash::HashRef;
use collections::list::{ListRef, NodeContent};
use collections::set::SetRef;
use collections::sorted_set::{Direction, SortedSetRef};
use collections::{Encoding, ObjectRef, list_pack};

use super::{ValueRef, stream};
use crate::rdb::{ValueType, Version, Writer};

/// The form in which a value is written.
pub fn value_type(value: ValueRef<'_>, version: Version) -> ValueType {
    let object = match value {
        ValueRef::Bytes(_) | ValueRef::Integer(_) => return ValueType::String,
        ValueRef::Object(object) => object,
    };
    match object {
        ObjectRef::List(_) => ValueType::ListQuickList2,
        ObjectRef::Set(set) => match set.encoding() {
            Encoding::IntSet => ValueType::SetIntSet,
            Encoding::ListPack if Version::REDIS_7_2 <= version => ValueType::SetListPack,
            _ => ValueType::Set,
        },
        ObjectRef::Hash(hash) => match hash.encoding() {
            Encoding::ListPack => ValueType::HashListPack,
            _ if version < Version::REDIS_7_4 => ValueType::Hash,
            Encoding::ListPackEx => ValueType::HashListPackEx,
            _ if hash.next_expiry().is_some() => ValueType::HashMetadata,
            _ => ValueType::Hash,
        },
        ObjectRef::SortedSet(set) => match set.encoding() {
            Encoding::ListPack => ValueType::SortedSetListPack,
            _ => ValueType::SortedSet2,
        },
        ObjectRef::Stream(_) if version < Version::REDIS_7_2 => ValueType::StreamListPacks2,
        ObjectRef::Stream(_) => ValueType::StreamListPacks3,
    }
}

/// Writes a value in the form that [`value_type`] gives for it.
pub fn write(value: ValueRef<'_>, version: Version, writer: &mut Writer) {
    write_in_pieces(value, version, writer, usize::MAX, &mut |_| {});
}

/// Like [`write`]; whenever there are `piece` bytes or more, between two elements, calls `drain`, which may take them.
pub fn write_in_pieces(
    value: ValueRef<'_>,
    version: Version,
    writer: &mut Writer,
    piece: usize,
    drain: &mut dyn FnMut(&mut Writer),
) {
    let form = value_type(value, version);
    let mut pieces = Pieces { writer, piece, drain };
    match value {
        ValueRef::Bytes(bytes) => pieces.writer.string(bytes),
        ValueRef::Integer(number) => pieces.writer.integer(number),
        ValueRef::Object(ObjectRef::List(list)) => write_list(list, &mut pieces),
        ValueRef::Object(ObjectRef::Set(set)) => write_set(set, form, &mut pieces),
        ValueRef::Object(ObjectRef::Hash(hash)) => write_hash(hash, form, &mut pieces),
        ValueRef::Object(ObjectRef::SortedSet(set)) => write_sorted_set(set, &mut pieces),
        ValueRef::Object(ObjectRef::Stream(stream)) => {
            stream::write(stream, form == ValueType::StreamListPacks3, &mut pieces);
        }
    }
}

/// A writer that is emptied now and then.
pub(super) struct Pieces<'w> {
    writer: &'w mut Writer,
    piece: usize,
    drain: &'w mut dyn FnMut(&mut Writer),
}

impl<'w> Pieces<'w> {
    /// Of a writer that is never emptied.
    pub(super) fn all(writer: &'w mut Writer, drain: &'w mut dyn FnMut(&mut Writer)) -> Pieces<'w> {
        Pieces { writer, piece: usize::MAX, drain }
    }

    /// For the next element.
    #[inline]
    pub(super) fn next(&mut self) -> &mut Writer {
        if self.piece <= self.writer.bytes().len() {
            (self.drain)(self.writer);
        }
        self.writer
    }
}

fn write_list(list: ListRef<'_>, pieces: &mut Pieces<'_>) {
    /// Marks of what a node holds.
    const PLAIN: u64 = 1;
    const PACKED: u64 = 2;
    pieces.next().length(list.node_count() as u64);
    for node in list.nodes() {
        let writer = pieces.next();
        match node {
            NodeContent::Plain(bytes) => {
                writer.length(PLAIN);
                writer.string(&bytes);
            }
            NodeContent::Packed(bytes) => {
                writer.length(PACKED);
                writer.string(&bytes);
            }
        }
    }
}

fn write_element(element: list_pack::Element<'_>, writer: &mut Writer) {
    match element {
        list_pack::Element::Bytes(bytes) => writer.string(bytes),
        list_pack::Element::Integer(number) => writer.integer(number),
    }
}

fn write_set(set: SetRef<'_>, form: ValueType, pieces: &mut Pieces<'_>) {
    let writer = pieces.next();
    match set {
        SetRef::Integers(integers) => writer.string(integers.as_bytes()),
        SetRef::Pack(pack) if form == ValueType::SetListPack => writer.string(pack.as_bytes()),
        SetRef::Pack(_) | SetRef::Table(_) => {
            writer.length(set.len() as u64);
            set.iter().for_each(|member| write_element(member, pieces.next()));
        }
    }
}

fn write_hash(hash: HashRef<'_>, form: ValueType, pieces: &mut Pieces<'_>) {
    let writer = pieces.next();
    let first_expiry = hash.next_expiry();
    match (form, hash.packed()) {
        (ValueType::HashListPack, Some((_, bytes))) => writer.string(bytes),
        (ValueType::HashListPackEx, Some((_, bytes))) => {
            writer.milliseconds(first_expiry.unwrap_or(0));
            writer.string(bytes);
        }
        (ValueType::HashMetadata, _) => {
            let first = first_expiry.unwrap_or(0);
            writer.milliseconds(first);
            writer.length(hash.len() as u64);
            for field in hash {
                let writer = pieces.next();
                let after =
                    field.expiry.map_or(0, |expiry| expiry.saturating_sub(first).saturating_add(1));
                writer.length(u64::try_from(after).unwrap_or(0));
                write_element(field.name, writer);
                write_element(field.value, writer);
            }
        }
        _ => {
            writer.length(hash.len() as u64);
            for field in hash {
                let writer = pieces.next();
                write_element(field.name, writer);
                write_element(field.value, writer);
            }
        }
    }
}

fn write_sorted_set(set: SortedSetRef<'_>, pieces: &mut Pieces<'_>) {
    let writer = pieces.next();
    if let Some((_, bytes)) = set.packed() {
        writer.string(bytes);
        return;
    }
    writer.length(set.len() as u64);
    // From the greatest on, so that who reads it can put each in front of the others.
    for (member, score) in set.range(0..set.len(), Direction::Descending) {
        let writer = pieces.next();
        write_element(member, writer);
        writer.double(score);
    }
}
