//! Fetching from memory what calls will look up in one collection, while others run.
//!
//! A lookup in a big collection waits for memory two to four times, one after the other. Of several lookups that are known ahead, all take
//! each step before any takes the next, so that they wait together.

use crate::ObjectRef;
use crate::hashing::hash;
use crate::set::SetRef;

/// How many lookups overlap: enough to hide the latency of memory, few enough for what they load to stay in the first cache.
const AHEAD: usize = 16;

impl ObjectRef<'_> {
    /// Starts to load what lookups of these elements will read, in order; in a sorted set also what tells their places, if these are wanted.
    /// Does nothing for what is small, or has no elements that are looked up by name.
    pub fn look_ahead<'e>(self, mut elements: impl Iterator<Item = &'e [u8]>, with_places: bool) {
        let is_big = match self {
            ObjectRef::Set(set) => matches!(set, SetRef::Table(_)),
            ObjectRef::Hash(hash) => hash.packed().is_none(),
            ObjectRef::SortedSet(set) => set.packed().is_none(),
            ObjectRef::List(_) | ObjectRef::Stream(_) => false,
        };
        if !is_big {
            return;
        }
        loop {
            let mut group: [(u64, &[u8]); AHEAD] = [(0, &[]); AHEAD];
            let count = group
                .iter_mut()
                .zip(&mut elements)
                .map(|(place, element)| *place = (hash(element), element))
                .count();
            let sought = group.iter().take(count).copied();
            let hashes = sought.clone().map(|(hash, _)| hash);
            match self {
                ObjectRef::Set(SetRef::Table(table)) => table.look_ahead(hashes),
                ObjectRef::Hash(hash) => hash.look_ahead(hashes),
                ObjectRef::SortedSet(set) => set.look_ahead(sought, with_places),
                ObjectRef::Set(_) | ObjectRef::List(_) | ObjectRef::Stream(_) => {}
            }
            if count < AHEAD {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::collection::Collection;
    use crate::hash::SetExpiry;
    use crate::{Hash, List, Object, Set, SortedSet, hash, set, sorted_set};

    /// Elements that are there and others, more of them than are looked up at a time.
    fn names() -> Vec<String> {
        (0..500).map(|number| format!("element:{number}")).collect()
    }

    fn look_ahead(object: &Object) {
        let names = names();
        for with_places in [false, true] {
            for count in [0, 1, 16, 17, 500] {
                let elements = names.iter().take(count).map(String::as_bytes);
                object.to_ref().look_ahead(elements, with_places);
            }
        }
    }

    #[test]
    fn any_collection_can_be_looked_into_ahead() {
        for count in [0, 3, 300] {
            let mut objects = vec![List::default().into_object()];
            let (mut set, mut hash, mut scored) =
                (Set::default(), Hash::default(), SortedSet::default());
            let of_set = set::Limits { integers: 10, members: 10, member_bytes: 64 };
            let of_hash = hash::Limits { fields: 10, bytes: 64 };
            let of_scored = sorted_set::Limits { entries: 10, value_bytes: 64 };
            for (name, score) in names().iter().take(count).zip(0_u32..) {
                set.add(name.as_bytes(), of_set);
                hash.set(name.as_bytes(), b"value", SetExpiry::Clear, of_hash);
                scored.insert(name.as_bytes(), f64::from(score), of_scored);
            }
            objects.extend([set.into_object(), hash.into_object(), scored.into_object()]);
            objects.iter().for_each(look_ahead);
        }
    }
}
