//! Reading a value of any form.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each function is called with the forms of its own type"
)]

use std::io::Read;

use collections::hash::{self, Hash};
use collections::list::{List, SavedNode};
use collections::list_pack::{Element, ListPack};
use collections::set::Set;
use collections::sorted_set::SortedSet;
use collections::{Collection, IntSet};

use super::{Limits, Value, packed, stream};
use crate::rdb::{Reader, ValueType};
use crate::{Corrupt, Error};

/// Reads a value of the given form.
pub fn read<R: Read>(
    form: ValueType,
    reader: &mut Reader<R>,
    limits: &Limits,
) -> Result<Value, Error> {
    let object = match form {
        ValueType::String => return Ok(Value::String(reader.string()?)),
        ValueType::List
        | ValueType::ListZipList
        | ValueType::ListQuickList
        | ValueType::ListQuickList2 => read_list(form, reader, limits)?.into_object(),
        ValueType::Set | ValueType::SetIntSet | ValueType::SetListPack => {
            read_set(form, reader, limits)?.into_object()
        }
        ValueType::SortedSet
        | ValueType::SortedSet2
        | ValueType::SortedSetZipList
        | ValueType::SortedSetListPack => read_sorted_set(form, reader, limits)?.into_object(),
        ValueType::Hash
        | ValueType::HashZipMap
        | ValueType::HashZipList
        | ValueType::HashListPack
        | ValueType::HashMetadataBeforeRelease
        | ValueType::HashListPackExBeforeRelease
        | ValueType::HashMetadata
        | ValueType::HashListPackEx => read_hash(form, reader, limits)?.into_object(),
        ValueType::StreamListPacks | ValueType::StreamListPacks2 | ValueType::StreamListPacks3 => {
            stream::read(form, reader)?.into_object()
        }
        ValueType::ModuleBeforeRelease | ValueType::Module2 => {
            return Err(reader.corrupt(Corrupt::Module));
        }
    };
    Ok(Value::Object(object))
}

/// Reads a number of elements, of which there must be some.
fn some<R: Read>(reader: &mut Reader<R>) -> Result<u64, Error> {
    match reader.count()? {
        0 => Err(reader.corrupt(Corrupt::Empty)),
        count => Ok(count),
    }
}

fn list_pack<R: Read>(reader: &mut Reader<R>) -> Result<ListPack, Error> {
    let bytes = reader.string()?;
    let pack = ListPack::from_bytes_checked(bytes)
        .map_err(|_| reader.corrupt(Corrupt::Packed("listpack")))?;
    if pack.is_empty() {
        return Err(reader.corrupt(Corrupt::Empty));
    }
    Ok(pack)
}

fn zip_list<R: Read>(reader: &mut Reader<R>) -> Result<Vec<Vec<u8>>, Error> {
    let bytes = reader.string()?;
    packed::zip_list(&bytes).ok_or_else(|| reader.corrupt(Corrupt::Packed("ziplist")))
}

fn elements(pack: &ListPack) -> Vec<Vec<u8>> {
    pack.as_ref().iter().map(Element::to_vec).collect()
}

fn read_list<R: Read>(
    form: ValueType,
    reader: &mut Reader<R>,
    limits: &Limits,
) -> Result<List, Error> {
    let pack_of = |elements: Vec<Vec<u8>>| {
        let mut pack = ListPack::new();
        for element in &elements {
            pack.push_back(element);
        }
        SavedNode::Packed(pack)
    };
    let mut nodes = Vec::new();
    match form {
        ValueType::List => {
            let mut list = List::default();
            for _ in 0..some(reader)? {
                let element = reader.string()?;
                list.push(
                    collections::list::End::Tail,
                    [element.as_slice()].into_iter(),
                    limits.list,
                );
            }
            return Ok(list);
        }
        ValueType::ListZipList => nodes.push(pack_of(zip_list(reader)?)),
        ValueType::ListQuickList => {
            for _ in 0..some(reader)? {
                nodes.push(pack_of(zip_list(reader)?));
            }
        }
        _ => {
            for _ in 0..some(reader)? {
                nodes.push(match reader.count()? {
                    1 => SavedNode::Plain(reader.string()?),
                    2 => SavedNode::Packed(list_pack(reader)?),
                    _ => return Err(reader.corrupt(Corrupt::Packed("quicklist"))),
                });
            }
        }
    }
    let list = List::from_nodes(nodes, limits.list);
    if list.is_empty() { Err(reader.corrupt(Corrupt::Empty)) } else { Ok(list) }
}

fn read_set<R: Read>(
    form: ValueType,
    reader: &mut Reader<R>,
    limits: &Limits,
) -> Result<Set, Error> {
    let mut set = Set::default();
    match form {
        ValueType::SetIntSet => {
            let bytes = reader.string()?;
            let integers = IntSet::from_bytes_checked(bytes)
                .map_err(|_| reader.corrupt(Corrupt::Packed("intset")))?;
            if integers.is_empty() {
                return Err(reader.corrupt(Corrupt::Empty));
            }
            if integers.len() <= limits.set.integers {
                return Ok(Set::from_integers(integers));
            }
            for integer in integers.as_ref() {
                set.add_integer(integer, limits.set);
            }
        }
        ValueType::SetListPack => {
            for member in elements(&list_pack(reader)?) {
                if !set.add(&member, limits.set) {
                    return Err(reader.corrupt(Corrupt::Duplicate));
                }
            }
        }
        _ => {
            for _ in 0..some(reader)? {
                let member = reader.string()?;
                if !set.add(&member, limits.set) {
                    return Err(reader.corrupt(Corrupt::Duplicate));
                }
            }
        }
    }
    Ok(set)
}

fn read_sorted_set<R: Read>(
    form: ValueType,
    reader: &mut Reader<R>,
    limits: &Limits,
) -> Result<SortedSet, Error> {
    let mut set = SortedSet::default();
    let mut members = 0_usize;
    let mut add = |reader: &Reader<R>, member: &[u8], score: f64| {
        if score.is_nan() {
            return Err(reader.corrupt(Corrupt::Number("a score")));
        }
        set.insert(member, score, limits.sorted_set);
        members = members.saturating_add(1);
        Ok(())
    };
    match form {
        ValueType::SortedSet | ValueType::SortedSet2 => {
            for _ in 0..some(reader)? {
                let member = reader.string()?;
                let score = match form {
                    ValueType::SortedSet => reader.double_as_text()?,
                    _ => reader.double()?,
                };
                add(reader, &member, score)?;
            }
        }
        _ => {
            let elements = match form {
                ValueType::SortedSetZipList => zip_list(reader)?,
                _ => elements(&list_pack(reader)?),
            };
            let (pairs, rest) = elements.as_chunks::<2>();
            if !rest.is_empty() || pairs.is_empty() {
                return Err(reader.corrupt(Corrupt::Packed("sorted set")));
            }
            for [member, score] in pairs {
                let score =
                    resp_double(score).ok_or_else(|| reader.corrupt(Corrupt::Number("a score")))?;
                add(reader, member, score)?;
            }
        }
    }
    if Collection::to_ref(&set).len() == members {
        Ok(set)
    } else {
        Err(reader.corrupt(Corrupt::Duplicate))
    }
}

/// A score as text.
fn resp_double(text: &[u8]) -> Option<f64> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// Adds a field that is not there yet.
fn add_field<R: Read>(
    hash: &mut Hash,
    (name, value, expiry): (&[u8], &[u8], Option<i64>),
    reader: &Reader<R>,
    limits: &Limits,
) -> Result<(), Error> {
    if !hash.set(name, value, hash::SetExpiry::Clear, limits.hash) {
        return Err(reader.corrupt(Corrupt::Duplicate));
    }
    if expiry.is_some() {
        hash.set_expiry(name, expiry);
    }
    Ok(())
}

fn read_hash<R: Read>(
    form: ValueType,
    reader: &mut Reader<R>,
    limits: &Limits,
) -> Result<Hash, Error> {
    let mut hash = Hash::new();
    match form {
        ValueType::Hash => {
            for _ in 0..some(reader)? {
                let name = reader.string()?;
                let value = reader.string()?;
                add_field(&mut hash, (&name, &value, None), reader, limits)?;
            }
        }
        ValueType::HashMetadata | ValueType::HashMetadataBeforeRelease => {
            read_with_metadata(form, &mut hash, reader, limits)?;
        }
        ValueType::HashListPackEx | ValueType::HashListPackExBeforeRelease => {
            read_triples(form, &mut hash, reader, limits)?;
        }
        ValueType::HashZipMap => {
            let bytes = reader.string()?;
            let pairs =
                packed::zip_map(&bytes).ok_or_else(|| reader.corrupt(Corrupt::Packed("zipmap")))?;
            for (name, value) in pairs {
                add_field(&mut hash, (&name, &value, None), reader, limits)?;
            }
        }
        _ => {
            let elements = match form {
                ValueType::HashZipList => zip_list(reader)?,
                _ => elements(&list_pack(reader)?),
            };
            let (pairs, rest) = elements.as_chunks::<2>();
            if !rest.is_empty() {
                return Err(reader.corrupt(Corrupt::Packed("hash")));
            }
            for [name, value] in pairs {
                add_field(&mut hash, (name, value, None), reader, limits)?;
            }
        }
    }
    if hash.is_empty() { Err(reader.corrupt(Corrupt::Empty)) } else { Ok(hash) }
}

/// Reads fields each of which has its expiry in front, counted from the first one's.
fn read_with_metadata<R: Read>(
    form: ValueType,
    hash: &mut Hash,
    reader: &mut Reader<R>,
    limits: &Limits,
) -> Result<(), Error> {
    let first = if form == ValueType::HashMetadata { reader.milliseconds()? } else { 1 };
    for _ in 0..some(reader)? {
        let after = reader.count()?;
        let name = reader.string()?;
        let value = reader.string()?;
        let expiry = match i64::try_from(after) {
            Ok(0) => None,
            Ok(after) => Some(first.saturating_add(after).saturating_sub(1)),
            Err(_) => return Err(reader.corrupt(Corrupt::Number("an expiry"))),
        };
        add_field(hash, (&name, &value, expiry), reader, limits)?;
    }
    Ok(())
}

/// Reads fields of which each is a name, a value and an expiry, or 0 for none.
fn read_triples<R: Read>(
    form: ValueType,
    hash: &mut Hash,
    reader: &mut Reader<R>,
    limits: &Limits,
) -> Result<(), Error> {
    if form == ValueType::HashListPackEx {
        reader.milliseconds()?;
    }
    let elements = elements(&list_pack(reader)?);
    let (triples, rest) = elements.as_chunks::<3>();
    if !rest.is_empty() {
        return Err(reader.corrupt(Corrupt::Packed("hash")));
    }
    for [name, value, expiry] in triples {
        let expiry: i64 = str::from_utf8(expiry)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| reader.corrupt(Corrupt::Number("an expiry")))?;
        let expiry = (expiry != 0).then_some(expiry);
        add_field(hash, (name, value, expiry), reader, limits)?;
    }
    hash.prepare_expiry();
    Ok(())
}
