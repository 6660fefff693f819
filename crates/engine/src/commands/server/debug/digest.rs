//! DEBUG DIGEST and DEBUG DIGEST-VALUE: whether two servers have equal data.

use keyspace::{EntryRef, ExpiryMode, StringRef};
use persistence::digest::{Dataset, Digest, Scores};
use persistence::rdb::value::ValueRef;

use crate::Call;
use crate::command_table::Outcome;

/// The digest of all databases.
pub(super) fn everything(call: &mut Call<'_>) -> Outcome {
    let mode = regardless_of_expiry(call);
    let mut data = Dataset::new(Scores::Short);
    let present = call.keys.database();
    for database in 0..call.keys.databases() {
        // There are far fewer.
        let number = u32::try_from(database).unwrap_or(u32::MAX);
        call.keys.select(database);
        call.keys.for_each(&mut |entry| {
            data.key(number, entry.key(), value(entry), entry.expiry().is_some());
        });
    }
    call.keys.select(present);
    call.keys.round.expiry = mode;
    call.reply.raw(format!("+{}\r\n", data.digest()).as_bytes());
    Ok(())
}

/// The digests of the values at some keys: zeros where there is none.
pub(super) fn values(call: &mut Call<'_>) -> Outcome {
    let mode = regardless_of_expiry(call);
    call.reply.array(call.arguments.len());
    while let Some(key) = call.arguments.next_word() {
        let mut digest = Digest::default();
        if let Some(entry) = call.keys.peek(key) {
            digest.value(value(entry), entry.expiry().is_some(), Scores::Short);
        }
        call.reply.raw(format!("+{digest}\r\n").as_bytes());
    }
    call.keys.round.expiry = mode;
    Ok(())
}

/// What has expired but is there is data like any other.
fn regardless_of_expiry(call: &mut Call<'_>) -> ExpiryMode {
    std::mem::replace(&mut call.keys.round.expiry, ExpiryMode::Ignore)
}

fn value(entry: EntryRef<'_>) -> ValueRef<'_> {
    match entry.value() {
        keyspace::ValueRef::String(StringRef::Integer(number)) => ValueRef::Integer(number),
        keyspace::ValueRef::String(StringRef::Bytes(bytes)) => ValueRef::Bytes(bytes),
        keyspace::ValueRef::String(StringRef::Shared(shared)) => ValueRef::Bytes(shared),
        keyspace::ValueRef::Object(object) => ValueRef::Object(object),
    }
}
