//! Entries as clients see them: the ID, and an array of fields and values in turn.

use collections::list_pack::Element;
use collections::stream::{Entry, StreamId};
use resp::Reply;

/// Replies an entry.
#[inline]
pub(super) fn reply_entry(reply: &mut Reply<'_>, entry: Entry<'_>) {
    reply.array(2);
    reply_id(reply, entry.id());
    reply.array(entry.field_count().saturating_mul(2));
    for (name, value) in entry.fields() {
        reply_element(reply, name);
        reply_element(reply, value);
    }
}

/// Replies so many of the entries, as an array; `each` sees them.
#[inline]
pub(super) fn reply_entries<'e>(
    reply: &mut Reply<'_>,
    entries: impl Iterator<Item = Entry<'e>>,
    limit: usize,
    mut each: impl FnMut(&Entry<'_>),
) {
    let header = reply.deferred_array();
    let mut count = 0;
    for entry in entries.take(limit) {
        count += 1;
        each(&entry);
        reply_entry(reply, entry);
    }
    reply.close(header, count);
}

/// Replies an ID.
#[inline]
pub(super) fn reply_id(reply: &mut Reply<'_>, id: StreamId) {
    reply.bulk(&id.text());
}

#[inline]
fn reply_element(reply: &mut Reply<'_>, element: Element<'_>) {
    match element {
        Element::Bytes(bytes) => reply.bulk(bytes),
        Element::Integer(number) => reply.bulk_integer(number),
    }
}
