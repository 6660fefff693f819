//! Everything against a list of bits.

#![expect(clippy::expect_used, reason = "a panic is how a test fails")]
#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "what the tests draw is small"
)]

use proptest::prelude::*;

use super::{
    FieldType, Operation, Overflow, bit, combine, count, count_in, position, position_in,
    read_field, set_bit, write_field,
};

fn bits_of(bytes: &[u8]) -> Vec<bool> {
    let bits = |byte: &u8| (0..8).map(|place| byte & (0x80 >> place) != 0).collect::<Vec<_>>();
    bytes.iter().flat_map(bits).collect()
}

/// Strings that are short, or long enough for every loop, with long runs of equal bits among them.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let run = (any::<u8>(), 0..4_usize, prop_oneof![0..4_usize, 60..70_usize, 1000..1100_usize]);
    proptest::collection::vec(run, 0..6).prop_map(|runs| {
        let mut bytes = Vec::new();
        for (byte, kind, length) in runs {
            let byte = match kind {
                0 => 0,
                1 => u8::MAX,
                _ => byte,
            };
            bytes.extend(std::iter::repeat_n(byte, length));
        }
        bytes
    })
}

fn positions() -> impl Strategy<Value = u64> {
    prop_oneof![0..40_u64, 400..700_u64, 0..40_000_u64, Just(u64::MAX), Just(1 << 32)]
}

fn index(position: u64) -> usize {
    usize::try_from(position).expect("it was drawn small")
}

proptest! {
    #[test]
    fn bits_are_those_of_a_list(mut bytes in bytes(), at in positions(), on: bool) {
        let mut model = bits_of(&bytes);
        let there = usize::try_from(at).ok().and_then(|at| model.get(at)).copied();
        prop_assert_eq!(bit(&bytes, at), there.unwrap_or(false));
        set_bit(&mut bytes, at, on);
        if there.is_some() {
            model[index(at)] = on;
        }
        prop_assert_eq!(bits_of(&bytes), model);
    }

    #[test]
    fn counts_are_those_of_a_list(bytes in bytes(), start in positions(), end in positions()) {
        let model = bits_of(&bytes);
        let ones = |bits: &[bool]| bits.iter().filter(|&&bit| bit).count() as u64;
        prop_assert_eq!(count(&bytes), ones(&model));
        let length = model.len() as u64;
        let (from, to) = (index(start.min(length)), index(end.min(length)));
        prop_assert_eq!(count_in(&bytes, start..end), model.get(from..to).map_or(0, ones));
    }

    #[test]
    fn positions_are_those_in_a_list(
        bytes in bytes(),
        start in positions(),
        end in positions(),
        value: bool,
    ) {
        let model = bits_of(&bytes);
        let first = |bits: &[bool]| bits.iter().position(|&bit| bit == value).map(|at| at as u64);
        prop_assert_eq!(position(&bytes, value), first(&model));
        let length = model.len() as u64;
        let (from, to) = (index(start.min(length)), index(end.min(length)));
        let expected = model.get(from..to).and_then(first).map(|at| at + from as u64);
        prop_assert_eq!(position_in(&bytes, start..end, value), expected);
    }

    #[test]
    fn combinations_are_those_of_lists(
        sources in proptest::collection::vec(
            prop_oneof![bytes(), proptest::collection::vec(any::<u8>(), 0..9000)],
            0..5,
        ),
    ) {
        let longest = sources.iter().map(Vec::len).max().unwrap_or(0) * 8;
        let models: Vec<Vec<bool>> = sources
            .iter()
            .map(|source| {
                let mut bits = bits_of(source);
                bits.resize(longest, false);
                bits
            })
            .collect();
        let borrowed: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
        for operation in ALL {
            let expected: Vec<bool> = (0..longest)
                .map(|at| expected(operation, &models.iter().map(|bits| bits[at]).collect::<Vec<_>>()))
                .collect();
            prop_assert_eq!(bits_of(&combine(operation, &borrowed)), expected, "{:?}", operation);
        }
    }

    #[test]
    fn fields_are_the_numbers_that_were_written(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..20),
        signed: bool,
        bits in 1..=64_u8,
        at in 0..170_u64,
        value: i64,
    ) {
        let Some(field) = FieldType::new(signed, bits) else {
            prop_assert!(!signed && bits == 64);
            return Ok(());
        };
        let mut model = bits_of(&bytes);
        let number = |model: &[bool]| {
            let bit = |place: u64| model.get(index(at + place)).copied().unwrap_or(false);
            let bits = u64::from(bits);
            let magnitude = (0..bits).fold(0_i128, |sum, place| sum * 2 + i128::from(bit(place)));
            if signed && bit(0) { magnitude - (1 << bits) } else { magnitude }
        };
        prop_assert_eq!(i128::from(read_field(&bytes, field, at)), number(&model));
        let value = field.fit(value, 0, Overflow::Wrap).expect("wrapping always fits");
        write_field(&mut bytes, field, at, value);
        for place in 0..bits {
            if let Some(bit) = model.get_mut(index(at) + usize::from(place)) {
                *bit = value >> (bits - 1 - place) & 1 == 1;
            }
        }
        prop_assert_eq!(bits_of(&bytes), model);
        if index(at) + usize::from(bits) <= bytes.len() * 8 {
            prop_assert_eq!(read_field(&bytes, field, at), value);
        }
    }

    #[test]
    fn sums_stay_within_the_type(signed: bool, bits in 1..=64_u8, value: i64, increment: i64) {
        let Some(field) = FieldType::new(signed, bits) else { return Ok(()) };
        let (least, most) = if signed {
            (-(1_i128 << (bits - 1)), (1 << (bits - 1)) - 1)
        } else {
            (0, (1_i128 << bits) - 1)
        };
        let value = field.fit(value, 0, Overflow::Wrap).expect("wrapping always fits");
        prop_assert!((least..=most).contains(&i128::from(value)));
        let sum = i128::from(value) + i128::from(increment);
        let fits = (least..=most).contains(&sum);
        let saturated = i64::try_from(sum.clamp(least, most)).ok();
        prop_assert_eq!(field.fit(value, increment, Overflow::Saturate), saturated);
        let wrapped = (sum - least).rem_euclid(1 << bits) + least;
        let wrapped = i64::try_from(wrapped).ok();
        prop_assert_eq!(field.fit(value, increment, Overflow::Wrap), wrapped);
        let kept = if fits { saturated } else { None };
        prop_assert_eq!(field.fit(value, increment, Overflow::Fail), kept);
    }
}

const ALL: [Operation; 8] = [
    Operation::And,
    Operation::Or,
    Operation::Xor,
    Operation::Not,
    Operation::Difference,
    Operation::ReverseDifference,
    Operation::AndOr,
    Operation::One,
];

fn expected(operation: Operation, bits: &[bool]) -> bool {
    let others = bits[1..].iter().any(|&bit| bit);
    match operation {
        Operation::And => bits.iter().all(|&bit| bit),
        Operation::Or => bits[0] || others,
        Operation::Xor => bits.iter().fold(false, |sum, &bit| sum ^ bit),
        Operation::Not => !bits[0],
        Operation::Difference => bits[0] && !others,
        Operation::ReverseDifference => others && !bits[0],
        Operation::AndOr => bits[0] && others,
        Operation::One => bits.iter().filter(|&&bit| bit).count() == 1,
    }
}

/// The lowest numbers there are count as too high for a narrow type, as in Redis.
#[test]
fn the_lowest_numbers_count_as_too_high() {
    let field = FieldType::new(true, 8).expect("there is such a type");
    assert_eq!(field.fit(i64::MIN, 0, Overflow::Saturate), Some(127));
    assert_eq!(field.fit(i64::MIN + 127, 0, Overflow::Saturate), Some(127));
    assert_eq!(field.fit(i64::MIN + 128, 0, Overflow::Saturate), Some(-128));
    assert_eq!(field.fit(-129, 0, Overflow::Saturate), Some(-128));
}

#[test]
fn negative_numbers_are_large_as_unsigned_ones() {
    let field = FieldType::new(false, 8).expect("there is such a type");
    assert_eq!(field.fit(-1, 0, Overflow::Saturate), Some(255));
    assert_eq!(field.fit(-1, 0, Overflow::Fail), None);
    assert_eq!(field.fit(-1, 0, Overflow::Wrap), Some(255));
}
