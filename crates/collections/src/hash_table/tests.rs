//! The table against a model, and the promises that are not about single calls.

use super::*;

fn hash(value: u64) -> u64 {
    fold(fold(value ^ 0x9e37_79b9_7f4a_7c15) ^ 0xe703_7ed1_a0b4_28db)
}

/// Both halves of a product, one on the other.
#[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
fn fold(value: u64) -> u64 {
    let product = u128::from(value) * 0xa076_1d64_78bd_642f;
    (product >> 64) as u64 ^ product as u64
}

#[test]
fn holds_what_was_inserted_at_any_size() {
    let mut table = HashTable::new();
    for value in 0..20_000_u64 {
        table.insert_unique(hash(value), value, &|value: &u64| hash(*value));
        if value % 997 == 0 {
            assert!(
                (0..=value)
                    .all(|held| table.find(hash(held), |element| *element == held).is_some())
            );
        }
    }
    for value in 0..20_000_u64 {
        assert_eq!(table.remove(hash(value), |element| *element == value), Some(value));
        assert_eq!(table.find(hash(value), |element| *element == value), None);
        if value % 997 == 0 {
            assert!(
                (value + 1..20_000)
                    .all(|held| table.find(hash(held), |element| *element == held).is_some())
            );
        }
    }
    assert_eq!(table.memory_bytes(), 0);
}
