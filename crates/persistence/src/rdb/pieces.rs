//! Writing the record of a big collection in pieces, as they come.
//!
//! A collection that goes on changing while it is saved gives its elements bit by bit, not in one go and, of sets, hashes and
//! sorted sets, in no certain order ([`collections::pieces`]). The format minds neither: a record says first how many there are, and
//! whoever reads it brings them into order.

use collections::list::NodeContent;
use collections::pieces::{Head, Piece};

use super::file::Eviction;
use super::value::stream;
use super::{ValueType, Version, Writer};

/// Writes the pieces of one record.
#[derive(Clone, Copy, Debug)]
pub struct Encoder {
    form: ValueType,
    first_expiry: i64,
}

impl Encoder {
    /// Writes what comes before the elements.
    pub fn begin(
        key: &[u8],
        expiry_ms: Option<i64>,
        eviction: Eviction,
        head: &Head,
        version: Version,
        writer: &mut Writer,
    ) -> Encoder {
        super::file::encode_modifiers(expiry_ms, eviction, writer);
        let form = form(head, version);
        writer.byte(form.to_byte());
        writer.string(key);
        let mut first_expiry = 0;
        let count = match head {
            Head::List(count) | Head::Set(count) | Head::SortedSet(count) => *count,
            Head::Hash { fields, first_expiry: first } => {
                first_expiry = first.unwrap_or(0);
                if form == ValueType::HashMetadata {
                    writer.milliseconds(first_expiry);
                }
                *fields
            }
            Head::Stream { nodes, .. } => *nodes,
        };
        writer.length(count as u64);
        Encoder { form, first_expiry }
    }

    /// Writes an element.
    pub fn piece(&self, piece: &Piece<'_>, writer: &mut Writer) {
        /// Marks of what a node of a list holds.
        const PLAIN: u64 = 1;
        const PACKED: u64 = 2;
        match piece {
            Piece::Node(NodeContent::Plain(bytes)) => {
                writer.length(PLAIN);
                writer.string(bytes);
            }
            Piece::Node(NodeContent::Packed(bytes)) => {
                writer.length(PACKED);
                writer.string(bytes);
            }
            Piece::Member(member) => writer.string(member),
            Piece::Field { name, value, expiry } => {
                if self.form == ValueType::HashMetadata {
                    let after = expiry.map_or(0, |expiry| {
                        expiry.saturating_sub(self.first_expiry).saturating_add(1)
                    });
                    writer.length(u64::try_from(after).unwrap_or(0));
                }
                writer.string(name);
                writer.string(value);
            }
            Piece::Scored(member, score) => {
                writer.string(member);
                writer.double(*score);
            }
            Piece::Entries(id, pack) => {
                writer.string(&id.to_bytes());
                writer.string(pack);
            }
        }
    }

    /// Writes what comes behind the elements.
    pub fn end(&self, head: &Head, writer: &mut Writer) {
        if let Head::Stream { first_id, parts, .. } = head {
            stream::write_rest(parts, *first_id, self.form == ValueType::StreamListPacks3, writer);
        }
    }
}

/// The form in which it is written.
fn form(head: &Head, version: Version) -> ValueType {
    match head {
        Head::List(_) => ValueType::ListQuickList2,
        Head::Set(_) => ValueType::Set,
        Head::Hash { first_expiry: Some(_), .. } if Version::REDIS_7_4 <= version => {
            ValueType::HashMetadata
        }
        Head::Hash { .. } => ValueType::Hash,
        Head::SortedSet(_) => ValueType::SortedSet2,
        Head::Stream { .. } if version < Version::REDIS_7_2 => ValueType::StreamListPacks2,
        Head::Stream { .. } => ValueType::StreamListPacks3,
    }
}
