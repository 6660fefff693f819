//! What a server holds: every key of every database that cases use, with type, encoding, value and time to live.

use std::collections::BTreeMap;
use std::io;

use harness::{Client, Value, Version};

use super::{differences, tolerance};

/// The databases that cases write to.
const DATABASES: [&str; 4] = ["0", "1", "2", "15"];

/// How much two times to live may differ, in milliseconds: the servers got the command
/// one after the other.
const SLACK_MS: i64 = 5000;

/// Everything in a server.
#[derive(Debug)]
pub(super) struct Snapshot(BTreeMap<(&'static str, Vec<u8>), Entry>);

#[derive(Debug)]
struct Entry {
    kind: Value,
    encoding: Value,
    ttl_ms: i64,
    value: Value,
}

/// Reads all of it.
pub(super) fn snapshot(client: &mut Client) -> io::Result<Snapshot> {
    let mut entries = BTreeMap::new();
    for database in DATABASES {
        client.try_call(&["SELECT", database])?;
        let keys = client.try_call(&["KEYS", "*"])?;
        for key in keys.as_array().unwrap_or_default().iter().filter_map(Value::as_bytes) {
            let entry = entry(client, key)?;
            entries.insert((database, key.to_vec()), entry);
        }
    }
    client.try_call(&["SELECT", "0"])?;
    Ok(Snapshot(entries))
}

fn entry(client: &mut Client, key: &[u8]) -> io::Result<Entry> {
    client.send(&[b"TYPE".as_slice(), key])?;
    client.send(&[b"OBJECT".as_slice(), b"ENCODING", key])?;
    client.send(&[b"PTTL".as_slice(), key])?;
    let kind = client.reply()?;
    let encoding = client.reply()?;
    let ttl_ms = client.reply()?.as_integer().unwrap_or(i64::MIN);
    let value = client.try_call(&reading(&kind, key))?;
    Ok(Entry { kind, encoding, ttl_ms, value })
}

/// The command that returns the whole value.
fn reading<'a>(kind: &Value, key: &'a [u8]) -> Vec<&'a [u8]> {
    match kind.as_bytes().unwrap_or_default() {
        b"list" => vec![b"LRANGE", key, b"0", b"-1"],
        b"set" => vec![b"SMEMBERS", key],
        b"zset" => vec![b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"],
        b"hash" => vec![b"HGETALL", key],
        b"stream" => vec![b"XRANGE", key, b"-", b"+"],
        _ => vec![b"GET", key],
    }
}

impl Snapshot {
    /// The first difference: what it is about, and both sides of it.
    pub(super) fn difference(
        &self,
        other: &Snapshot,
        version: Version,
    ) -> Option<(String, String, String)> {
        let keys = self.0.keys().chain(other.0.keys());
        for key in keys {
            let name = format!("database {} key {}", key.0, key.1.escape_ascii());
            match (self.0.get(key), other.0.get(key)) {
                (Some(ours), Some(theirs)) if ours.same(theirs, version) => {}
                (ours, theirs) => return Some((name, shown(ours), shown(theirs))),
            }
        }
        None
    }
}

impl Entry {
    fn same(&self, other: &Entry, version: Version) -> bool {
        self.kind == other.kind
            && (self.encoding == other.encoding || differences::in_encoding(version, &self.kind))
            && (tolerance::same(&reading(&self.kind, b""), &self.value, &other.value)
                || differences::in_digits(version, &self.kind, &self.value, &other.value))
            && (self.ttl_ms < 0) == (other.ttl_ms < 0)
            && self.ttl_ms.abs_diff(other.ttl_ms) <= SLACK_MS.unsigned_abs()
    }
}

fn shown(entry: Option<&Entry>) -> String {
    entry.map_or_else(|| "no such key".to_owned(), |entry| format!("{entry:?}"))
}
