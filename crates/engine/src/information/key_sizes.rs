//! The section of INFO about how large values are: for each database and type, how many have about so many bytes or elements.
//!
//! They are counted when they are asked for, one shard after the other. Nothing is kept of them, so no write pays for it; who asks
//! waits for as long as a walk through all keys takes.

use collections::ObjectRef;
use keyspace::{EntryRef, ValueRef, View};

use super::{Facts, Fields};

/// Sizes are told apart by their highest bit; the first step is that of empty values.
const STEPS: usize = usize::BITS as usize + 1;

/// What is counted, in the order in which it is told.
const NAMES: [&str; 5] =
    ["strings_sizes", "lists_items", "sets_items", "zsets_items", "hashes_items"];

/// The sizes of a database's values: how many there are of each name and step.
#[derive(Clone, Debug)]
pub(crate) struct KeySizes([[u64; STEPS]; NAMES.len()]);

impl KeySizes {
    /// The sizes of all values, by database. The view roams.
    pub(crate) fn survey(view: &mut View<'_>) -> Vec<KeySizes> {
        let mut sizes = vec![KeySizes([[0; STEPS]; NAMES.len()]); view.databases()];
        view.survey(&mut |database, entry| {
            if let Some(sizes) = sizes.get_mut(database) {
                sizes.count(entry);
            }
        });
        sizes
    }

    fn count(&mut self, entry: EntryRef<'_>) {
        let (kind, size) = match entry.value() {
            ValueRef::String(string) => (0, string.len()),
            ValueRef::Object(ObjectRef::List(list)) => (1, list.len()),
            ValueRef::Object(ObjectRef::Set(set)) => (2, set.len()),
            ValueRef::Object(ObjectRef::SortedSet(set)) => (3, set.len()),
            ValueRef::Object(ObjectRef::Hash(hash)) => (4, hash.len()),
            ValueRef::Object(ObjectRef::Stream(_)) => return,
        };
        self.0[kind][step(size)] += 1;
    }
}

/// 0 for nothing, else the number of the highest bit, counted from 1.
fn step(size: usize) -> usize {
    (usize::BITS - size.leading_zeros()) as usize
}

/// The least size of a step: `512`, `1K`, `2M`.
fn label(step: usize) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    match step.checked_sub(1) {
        None => "0".to_owned(),
        Some(power) => format!("{}{}", 1_u32 << (power % 10), UNITS[power / 10]),
    }
}

pub(super) fn section(facts: &Facts<'_>, fields: &mut Fields) {
    for (number, sizes) in facts.key_sizes.iter().enumerate() {
        for (name, counts) in NAMES.iter().zip(&sizes.0) {
            let told: Vec<String> = counts
                .iter()
                .enumerate()
                .filter(|(_, count)| **count != 0)
                .map(|(step, count)| format!("{}={count}", label(step)))
                .collect();
            if !told.is_empty() {
                fields.line(format_args!("db{number}_distrib_{name}:{}", told.join(",")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{label, step};
    use crate::testing::Server;

    #[test]
    fn steps_double() {
        let labels: Vec<String> =
            [0, 1, 2, 3, 4, 511, 512, 1024, 2047, 1 << 20, usize::MAX].map(step).map(label).into();
        assert_eq!(labels, ["0", "1", "2", "2", "4", "256", "512", "1K", "1K", "1M", "8E"]);
    }

    #[test]
    fn values_of_all_types_are_counted() {
        let mut server = Server::new();
        for call in [
            "SET a 123",
            "SET b 1234",
            "SETRANGE c 2000 x",
            "RPUSH l 1 2 3",
            "SADD s 1",
            "ZADD z 1 a 2 b",
            "HSET h f v",
            "XADD x * f v",
            "SELECT 3",
            "SET d 1",
        ] {
            server.say(call);
        }
        let answer = server.answer(&["INFO", "keysizes"]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let lines: Vec<&str> = text.lines().skip(1).filter(|line| !line.is_empty()).collect();
        let expected = [
            "# Keysizes",
            "db0_distrib_strings_sizes:2=1,4=1,1K=1",
            "db0_distrib_lists_items:2=1",
            "db0_distrib_sets_items:1=1",
            "db0_distrib_zsets_items:2=1",
            "db0_distrib_hashes_items:1=1",
            "db3_distrib_strings_sizes:1=1",
        ];
        assert_eq!(lines, expected);
        let all = server.answer(&["INFO", "everything"]);
        assert!(!String::from_utf8_lossy(&all).contains("distrib"), "it is told by name only");
    }
}
