//! Reading a value of any form.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each function is called with the forms of its own type"
)]

use std::cmp::Ordering;
use std::io::Read;

use collections::hash::{self, Hash};
use collections::list::{List, SavedNode};
use collections::list_pack::{Element, ListPack};
use collections::set::Set;
use collections::sorted_set::{self, SortedSet};
use collections::{Collection, Encoding, IntSet};

use super::{Limits, Value, packed, stream};
use crate::rdb::{Reader, ValueType};
use crate::{Corrupt, Error};

/// Reads a value of the given form, which may come from anybody.
pub fn read<R: Read>(
    form: ValueType,
    reader: &mut Reader<R>,
    limits: &Limits,
) -> Result<Value, Error> {
    read_with(form, reader, limits, Care::Deep)
}

/// How closely packed collections are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Care {
    /// Whether each part is where it belongs: for files with a checksum.
    #[default]
    Shallow,
    /// Also whether members are there twice, which would be wrong but harmless.
    Deep,
}

/// Reads a value of the given form.
pub fn read_with<R: Read>(
    form: ValueType,
    reader: &mut Reader<R>,
    limits: &Limits,
    care: Care,
) -> Result<Value, Error> {
    let object = match form {
        ValueType::String => return Ok(Value::String(reader.string()?)),
        ValueType::List
        | ValueType::ListZipList
        | ValueType::ListQuickList
        | ValueType::ListQuickList2 => read_list(form, reader, limits)?.into_object(),
        ValueType::SetListPack => {
            packed_set(list_pack(reader)?, reader, limits, care)?.into_object()
        }
        ValueType::SetIntSet => read_int_set(reader, limits)?.into_object(),
        ValueType::Set => read_set(reader, limits)?.into_object(),
        ValueType::SortedSetListPack => {
            packed_sorted_set(list_pack(reader)?, reader, limits, care)?.into_object()
        }
        ValueType::SortedSetZipList => {
            packed_sorted_set(repacked(reader)?, reader, limits, Care::Deep)?.into_object()
        }
        ValueType::SortedSet | ValueType::SortedSet2 => {
            read_sorted_set(form, reader, limits)?.into_object()
        }
        ValueType::HashListPack => {
            packed_hash(list_pack(reader)?, reader, limits, care)?.into_object()
        }
        ValueType::HashZipList => {
            packed_hash(repacked(reader)?, reader, limits, Care::Deep)?.into_object()
        }
        ValueType::Hash
        | ValueType::HashZipMap
        | ValueType::HashMetadataBeforeRelease
        | ValueType::HashMetadata
        | ValueType::HashOfValkey => read_hash(form, reader, limits)?.into_object(),
        ValueType::HashListPackEx | ValueType::HashListPackExBeforeRelease => {
            read_triples(form, reader, limits, care)?.into_object()
        }
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

/// How many elements are prepared for, when there are said to be so many: what is said may be wrong, so there is a bound.
fn expected(count: u64) -> usize {
    const MOST: usize = 1 << 16;
    usize::try_from(count).unwrap_or(MOST).min(MOST)
}

/// Reads a list pack, which may be empty.
fn any_list_pack<R: Read>(reader: &mut Reader<R>) -> Result<ListPack, Error> {
    let bytes = reader.string()?;
    ListPack::from_bytes_checked(bytes).map_err(|_| reader.corrupt(Corrupt::Packed("listpack")))
}

fn list_pack<R: Read>(reader: &mut Reader<R>) -> Result<ListPack, Error> {
    let pack = any_list_pack(reader)?;
    if pack.is_empty() {
        return Err(reader.corrupt(Corrupt::Empty));
    }
    Ok(pack)
}

fn zip_list<R: Read>(reader: &mut Reader<R>) -> Result<Vec<Vec<u8>>, Error> {
    let bytes = reader.string()?;
    packed::zip_list(&bytes).ok_or_else(|| reader.corrupt(Corrupt::Packed("ziplist")))
}

/// Reads a ziplist as a list pack.
fn repacked<R: Read>(reader: &mut Reader<R>) -> Result<ListPack, Error> {
    let elements = zip_list(reader)?;
    if elements.is_empty() {
        return Err(reader.corrupt(Corrupt::Empty));
    }
    Ok(pack_of(&elements))
}

fn pack_of(elements: &[Vec<u8>]) -> ListPack {
    let mut pack = ListPack::new();
    for element in elements {
        pack.push_back(element);
    }
    pack
}

fn read_list<R: Read>(
    form: ValueType,
    reader: &mut Reader<R>,
    limits: &Limits,
) -> Result<List, Error> {
    let mut nodes = Vec::new();
    match form {
        ValueType::List => {
            let mut list = List::default();
            let mut element = Vec::new();
            for _ in 0..some(reader)? {
                reader.replace_string(&mut element)?;
                list.push(
                    collections::list::End::Tail,
                    [element.as_slice()].into_iter(),
                    limits.list,
                );
            }
            return Ok(list);
        }
        ValueType::ListZipList => nodes.push(SavedNode::Packed(pack_of(&zip_list(reader)?))),
        ValueType::ListQuickList => {
            for _ in 0..some(reader)? {
                nodes.push(SavedNode::Packed(pack_of(&zip_list(reader)?)));
            }
        }
        _ => {
            for _ in 0..some(reader)? {
                nodes.push(match reader.count()? {
                    1 => SavedNode::Plain(reader.string()?),
                    // Of a list without elements all is read, before that is said.
                    2 => SavedNode::Packed(any_list_pack(reader)?),
                    _ => return Err(reader.corrupt(Corrupt::Packed("quicklist"))),
                });
            }
        }
    }
    let list = List::from_nodes(nodes, limits.list);
    if list.is_empty() { Err(reader.corrupt(Corrupt::Empty)) } else { Ok(list) }
}

fn read_int_set<R: Read>(reader: &mut Reader<R>, limits: &Limits) -> Result<Set, Error> {
    let bytes = reader.string()?;
    let integers =
        IntSet::from_bytes_checked(bytes).map_err(|_| reader.corrupt(Corrupt::Packed("intset")))?;
    if integers.is_empty() {
        return Err(reader.corrupt(Corrupt::Empty));
    }
    if integers.len() <= limits.set.integers {
        return Ok(Set::from_integers(integers));
    }
    let mut set = Set::with_capacity(integers.len());
    for integer in integers.as_ref() {
        set.add_integer(integer, limits.set);
    }
    Ok(set)
}

fn read_set<R: Read>(reader: &mut Reader<R>, limits: &Limits) -> Result<Set, Error> {
    let count = some(reader)?;
    let mut set = Set::default();
    if limits.set.members.max(limits.set.integers) < expected(count) {
        set = Set::with_capacity(expected(count));
    }
    let mut member = Vec::new();
    for _ in 0..count {
        reader.replace_string(&mut member)?;
        if !set.add(&member, limits.set) {
            return Err(reader.corrupt(Corrupt::Duplicate));
        }
    }
    Ok(set)
}

fn read_sorted_set<R: Read>(
    form: ValueType,
    reader: &mut Reader<R>,
    limits: &Limits,
) -> Result<SortedSet, Error> {
    let limits = limits.sorted_set;
    let count = some(reader)?;
    let set = if count <= expected(count) as u64 {
        read_members(form, reader, limits, expected(count))?
    } else {
        let mut set = SortedSet::default();
        set.expect_members(usize::MAX, limits);
        let mut member = Vec::new();
        for _ in 0..count {
            reader.replace_string(&mut member)?;
            let score = read_score(form, reader)?;
            set.insert(&member, score, limits);
        }
        set
    };
    if Collection::to_ref(&set).len() as u64 == count {
        Ok(set)
    } else {
        Err(reader.corrupt(Corrupt::Duplicate))
    }
}

/// Reads the members of a sorted set that is not very large: they are gathered first, since files have them from the last to the first, and
/// to build a set the other way round is faster. And a small one does not tell -0 from 0, so the form is chosen when all are known.
fn read_members<R: Read>(
    form: ValueType,
    reader: &mut Reader<R>,
    limits: sorted_set::Limits,
    count: usize,
) -> Result<SortedSet, Error> {
    let mut bytes = Vec::new();
    let mut members = Vec::new();
    let mut longest = 0;
    for _ in 0..count {
        let begin = bytes.len();
        reader.append_string(&mut bytes)?;
        members.push((begin..bytes.len(), read_score(form, reader)?));
        longest = longest.max(bytes.len().saturating_sub(begin));
    }
    let mut set = SortedSet::with_capacity(count, longest, limits);
    for (place, score) in members.into_iter().rev() {
        set.insert(bytes.get(place).unwrap_or_default(), score, limits);
    }
    Ok(set)
}

fn read_score<R: Read>(form: ValueType, reader: &mut Reader<R>) -> Result<f64, Error> {
    let score = match form {
        ValueType::SortedSet => reader.double_as_text()?,
        _ => reader.double()?,
    };
    if score.is_nan() { Err(reader.corrupt(Corrupt::Number("a score"))) } else { Ok(score) }
}

/// A score as packed collections have it.
#[expect(clippy::cast_precision_loss, reason = "an integer that was a double")]
fn score_of(score: Element<'_>) -> Option<f64> {
    match score {
        Element::Integer(score) => Some(score as f64),
        Element::Bytes(text) => str::from_utf8(text).ok()?.parse().ok(),
    }
}

/// Whether one of some elements is there twice.
fn has_duplicate<'a>(elements: impl Iterator<Item = Element<'a>>) -> bool {
    let mut all: Vec<Vec<u8>> = elements.map(Element::to_vec).collect();
    all.sort_unstable();
    all.array_windows().any(|[this, next]| this == next)
}

fn packed_set<R: Read>(
    pack: ListPack,
    reader: &Reader<R>,
    limits: &Limits,
    care: Care,
) -> Result<Set, Error> {
    let members = pack.as_ref().iter();
    if care == Care::Deep && has_duplicate(members.clone()) {
        return Err(reader.corrupt(Corrupt::Duplicate));
    }
    if pack.len() <= limits.set.members {
        return Ok(Set::from_packed(Encoding::ListPack, pack.into_bytes()));
    }
    let mut set = Set::with_capacity(pack.len());
    let mut decimal = itoa::Buffer::new();
    for member in members {
        if !set.add(member.bytes(&mut decimal), limits.set) {
            return Err(reader.corrupt(Corrupt::Duplicate));
        }
    }
    Ok(set)
}

fn packed_sorted_set<R: Read>(
    pack: ListPack,
    reader: &Reader<R>,
    limits: &Limits,
    care: Care,
) -> Result<SortedSet, Error> {
    if !pack.len().is_multiple_of(2) {
        return Err(reader.corrupt(Corrupt::Packed("sorted set")));
    }
    let members = pack.len() / 2;
    if care == Care::Deep && has_duplicate(pack.as_ref().iter().step_by(2)) {
        return Err(reader.corrupt(Corrupt::Duplicate));
    }
    let is_ordered = is_ordered(&pack).ok_or_else(|| reader.corrupt(Corrupt::Number("a score")))?;
    if is_ordered && members <= limits.sorted_set.entries {
        return Ok(SortedSet::from_packed(Encoding::ListPack, pack.into_bytes()));
    }
    let longest = if is_ordered { 0 } else { usize::MAX };
    let mut set = SortedSet::with_capacity(members, longest, limits.sorted_set);
    let mut elements = pack.as_ref().iter();
    let mut decimal = itoa::Buffer::new();
    while let (Some(member), Some(score)) = (elements.next(), elements.next()) {
        let score = score_of(score).unwrap_or(0.0);
        set.insert(member.bytes(&mut decimal), score, limits.sorted_set);
    }
    if Collection::to_ref(&set).len() == members {
        Ok(set)
    } else {
        Err(reader.corrupt(Corrupt::Duplicate))
    }
}

/// Whether members with their scores are in order; nothing if a score is none.
fn is_ordered(pack: &ListPack) -> Option<bool> {
    let mut elements = pack.as_ref().iter();
    let mut before: Option<(Element<'_>, f64)> = None;
    let mut is_ordered = true;
    while let (Some(member), Some(score)) = (elements.next(), elements.next()) {
        let score = score_of(score).filter(|score| !score.is_nan())?;
        if let Some((before, lower)) = before {
            let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
            is_ordered &= match lower.partial_cmp(&score)? {
                Ordering::Less => true,
                Ordering::Equal => before.bytes(&mut one) < member.bytes(&mut other),
                Ordering::Greater => false,
            };
        }
        before = Some((member, score));
    }
    Some(is_ordered)
}

fn packed_hash<R: Read>(
    pack: ListPack,
    reader: &Reader<R>,
    limits: &Limits,
    care: Care,
) -> Result<Hash, Error> {
    if !pack.len().is_multiple_of(2) {
        return Err(reader.corrupt(Corrupt::Packed("hash")));
    }
    let fields = pack.len() / 2;
    if care == Care::Deep && has_duplicate(pack.as_ref().iter().step_by(2)) {
        return Err(reader.corrupt(Corrupt::Duplicate));
    }
    if fields <= limits.hash.fields {
        return Ok(Hash::from_packed(Encoding::ListPack, pack.into_bytes()));
    }
    let mut hash = Hash::new();
    hash.prepare(fields, std::iter::empty(), limits.hash);
    let mut elements = pack.as_ref().iter();
    let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
    while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
        let field = (name.bytes(&mut one), value.bytes(&mut other), None);
        add_field(&mut hash, field, reader, limits)?;
    }
    Ok(hash)
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
            let count = some(reader)?;
            let (mut name, mut value) = (Vec::new(), Vec::new());
            hash.prepare(expected(count), std::iter::empty(), limits.hash);
            for _ in 0..count {
                reader.replace_string(&mut name)?;
                reader.replace_string(&mut value)?;
                add_field(&mut hash, (&name, &value, None), reader, limits)?;
            }
        }
        ValueType::HashMetadata | ValueType::HashMetadataBeforeRelease => {
            read_with_metadata(form, &mut hash, reader, limits)?;
        }
        ValueType::HashZipMap => {
            let bytes = reader.string()?;
            let pairs =
                packed::zip_map(&bytes).ok_or_else(|| reader.corrupt(Corrupt::Packed("zipmap")))?;
            for (name, value) in pairs {
                add_field(&mut hash, (&name, &value, None), reader, limits)?;
            }
        }
        _ => read_with_times(&mut hash, reader, limits)?,
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
    hash.prepare_expiry();
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

/// Reads fields each of which has its expiry behind it, or -1.
fn read_with_times<R: Read>(
    hash: &mut Hash,
    reader: &mut Reader<R>,
    limits: &Limits,
) -> Result<(), Error> {
    for _ in 0..some(reader)? {
        let name = reader.string()?;
        let value = reader.string()?;
        let expiry = Some(reader.milliseconds()?).filter(|time| *time != -1);
        if expiry.is_some_and(|time| time < 0) {
            return Err(reader.corrupt(Corrupt::Number("an expiry")));
        }
        add_field(hash, (&name, &value, expiry), reader, limits)?;
    }
    Ok(())
}

/// Reads fields of which each is a name, a value and an expiry, or 0 for none.
fn read_triples<R: Read>(
    form: ValueType,
    reader: &mut Reader<R>,
    limits: &Limits,
    care: Care,
) -> Result<Hash, Error> {
    if form == ValueType::HashListPackEx {
        reader.milliseconds()?;
    }
    let pack = list_pack(reader)?;
    if !pack.len().is_multiple_of(3) {
        return Err(reader.corrupt(Corrupt::Packed("hash")));
    }
    if care == Care::Deep && has_duplicate(pack.as_ref().iter().step_by(3)) {
        return Err(reader.corrupt(Corrupt::Duplicate));
    }
    if pack.len() / 3 <= limits.hash.fields && expire_in_order(&pack) {
        return Ok(Hash::from_packed(Encoding::ListPackEx, pack.into_bytes()));
    }
    let mut hash = Hash::new();
    let mut elements = pack.as_ref().iter();
    let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
    while let (Some(name), Some(value), Some(expiry)) =
        (elements.next(), elements.next(), elements.next())
    {
        let expiry: Option<i64> = match expiry {
            Element::Integer(expiry) => Some(expiry),
            Element::Bytes(text) => str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
        };
        let expiry = expiry.filter(|expiry| 0 <= *expiry);
        let expiry = expiry.ok_or_else(|| reader.corrupt(Corrupt::Number("an expiry")))?;
        let expiry = (expiry != 0).then_some(expiry);
        let field = (name.bytes(&mut one), value.bytes(&mut other), expiry);
        add_field(&mut hash, field, reader, limits)?;
    }
    hash.prepare_expiry();
    Ok(hash)
}

/// Whether fields that expire come first, in the order in which they do.
fn expire_in_order(pack: &ListPack) -> bool {
    let expiries = pack.as_ref().iter().skip(2).step_by(3);
    let expiries: Option<Vec<i64>> = expiries
        .map(|expiry| match expiry {
            // Those that do not expire are behind all others.
            Element::Integer(0) => Some(i64::MAX),
            Element::Integer(expiry) => Some(expiry).filter(|expiry| 0 < *expiry),
            Element::Bytes(_) => None,
        })
        .collect();
    expiries.is_some_and(|expiries| expiries.is_sorted())
}
