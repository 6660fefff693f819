//! Against registers in a plain array, against what Redis makes, and with bytes from anybody.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "what the tests draw is small"
)]

use proptest::prelude::*;

use super::{
    Corrupt, Encoding, Foreign, HEADER, Histogram, HyperLogLogRef, Place, REGISTERS, Registers,
    add, add_dense, cache, dense, empty, make_dense, merge,
};

/// What the directive has without a configuration.
const LIMIT: usize = 3000;

fn registers_of(bytes: &[u8]) -> Registers {
    let mut registers = [0; REGISTERS];
    HyperLogLogRef::new(bytes).unwrap().merge_into(&mut registers).unwrap();
    registers
}

fn places() -> impl Strategy<Value = Vec<Place>> {
    let place = |index: std::ops::Range<u16>| {
        let counts = prop_oneof![9 => 1..4_u8, 1 => 1..=51_u8, 4 => Just(1)];
        (index, counts).prop_map(|(index, count)| Place { index, count })
    };
    let last = u16::try_from(REGISTERS).unwrap();
    prop_oneof![
        // Close together, so that runs are split and merged.
        proptest::collection::vec(place(0..40), 0..200),
        proptest::collection::vec(place(last - 5..last), 0..20),
        proptest::collection::vec(place(0..last), 0..60),
        proptest::collection::vec(place(0..last), 0..3000),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn registers_are_those_of_an_array(
        batches in proptest::collection::vec(places(), 1..4),
        limit in prop_oneof![Just(LIMIT), 0..400_usize],
    ) {
        let mut model = [0_u8; REGISTERS];
        let mut bytes = empty();
        let mut other = empty();
        make_dense(&mut other).unwrap();
        for batch in batches {
            let mut changes = 0;
            for place in &batch {
                let register = &mut model[usize::from(place.index)];
                changes += u64::from(*register < place.count);
                *register = (*register).max(place.count);
            }
            let added = add(&mut bytes, batch.iter().copied(), limit);
            prop_assert_eq!((added.changes, added.corrupt), (changes, false));
            prop_assert_eq!(add_dense(&mut other, batch.iter().copied()), changes);
        }
        prop_assert!(registers_of(&bytes) == model);
        prop_assert!(registers_of(&other) == model);
        let value = HyperLogLogRef::new(&bytes).unwrap();
        if value.encoding() == Encoding::Sparse {
            prop_assert!(bytes.len() <= limit.max(empty().len()));
            prop_assert!(model.iter().all(|&count| count <= 32));
        }
        let estimate = Histogram::of(&model).estimate();
        prop_assert_eq!(value.estimate(), Ok(estimate));
        prop_assert_eq!(HyperLogLogRef::new(&other).unwrap().estimate(), Ok(estimate));
        prop_assert_eq!(value.cached(), None);
        cache(&mut bytes, estimate);
        prop_assert_eq!(HyperLogLogRef::new(&bytes).unwrap().cached(), Some(estimate));
    }

    #[test]
    fn values_merge_into_their_union(one in places(), other in places(), is_dense: bool) {
        let mut first = empty();
        add(&mut first, one.iter().copied(), LIMIT);
        let mut second = empty();
        add(&mut second, other.iter().copied(), LIMIT);
        let mut union = registers_of(&first);
        HyperLogLogRef::new(&second).unwrap().merge_into(&mut union).unwrap();
        let encoding = if is_dense { Encoding::Dense } else { Encoding::Sparse };
        prop_assert_eq!(merge(&mut first, &union, encoding, LIMIT), Ok(()));
        prop_assert!(registers_of(&first) == union);
        let found = HyperLogLogRef::new(&first).unwrap().encoding();
        prop_assert!(!is_dense || found == Encoding::Dense);
        add(&mut second, one, LIMIT);
        prop_assert!(registers_of(&second) == union);
    }

    /// No bytes lead to a panic, or to a value that is not what it was taken for.
    #[test]
    fn any_bytes_are_checked(
        encoding in 0..3_u8,
        registers in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            // Now and then nearly right.
            proptest::collection::vec(prop_oneof![Just(0x7f), Just(0xff), Just(0x3f)], 0..8),
        ],
        places in places(),
        fill in 0..2_usize,
    ) {
        let mut bytes = empty();
        bytes.truncate(HEADER);
        bytes[4] = encoding;
        bytes.extend(registers);
        if encoding == 0 && fill == 1 {
            bytes.resize(HEADER + dense::BYTES, 0x5a);
        }
        let Ok(value) = HyperLogLogRef::new(&bytes) else {
            prop_assert!(encoding != 1);
            return Ok(());
        };
        let estimate = value.estimate();
        let merged = value.merge_into(&mut [0; REGISTERS]);
        prop_assert_eq!(merged.is_err(), estimate.is_err());
        let mut dense = bytes.clone();
        prop_assert_eq!(make_dense(&mut dense).is_err(), estimate.is_err());
        if let Some(runs) = value.runs() {
            prop_assert!(runs.count() <= bytes.len());
        }
        let added = add(&mut bytes, places, LIMIT);
        if estimate.is_ok() {
            prop_assert!(!added.corrupt);
            prop_assert!(HyperLogLogRef::new(&bytes).unwrap().estimate().is_ok());
        }
    }
}

#[test]
fn what_is_too_short_or_too_long_is_corrupt() {
    for (registers, corrupt) in [
        (b"\x7f\xff".as_slice(), false),
        (b"", true),
        (b"\x7f", true),
        (b"\x7f\xfe", true),
        (b"\x7f\xfe\x00", false),
        (b"\x7f\xff\x00", true),
        (b"\x80\x7f\xfe", false),
        (b"\x83\x7f\xff", true),
        (b"\x7f\xff\x7f\xff\x7f\xff\x7f\xff\x7f\xff", true),
    ] {
        let mut bytes = empty();
        bytes.truncate(HEADER);
        bytes.extend_from_slice(registers);
        let value = HyperLogLogRef::new(&bytes).unwrap();
        assert_eq!(value.estimate().is_err(), corrupt, "{registers:x?}");
        assert_eq!(value.merge_into(&mut [0; REGISTERS]).is_err(), corrupt, "{registers:x?}");
        let before = bytes.clone();
        assert_eq!(make_dense(&mut bytes).is_err(), corrupt, "{registers:x?}");
        assert_eq!(corrupt, bytes == before, "{registers:x?}");
    }
    let mut cut = empty();
    cut.truncate(HEADER);
    let end = Place { index: 0, count: 1 };
    assert!(add(&mut cut, [end], LIMIT).corrupt);
    assert_eq!(merge(&mut cut, &[0; REGISTERS], Encoding::Dense, LIMIT), Err(Corrupt));
}

#[test]
fn other_strings_are_foreign() {
    let mut dense = empty();
    make_dense(&mut dense).unwrap();
    assert!(HyperLogLogRef::new(&dense).is_ok());
    assert_eq!(HyperLogLogRef::new(&dense[1..]).unwrap_err(), Foreign);
    assert_eq!(HyperLogLogRef::new(&dense[..dense.len() - 1]).unwrap_err(), Foreign);
    assert_eq!(HyperLogLogRef::new(b"HYLL").unwrap_err(), Foreign);
    let mut wrong = empty();
    wrong[4] = 2;
    assert_eq!(HyperLogLogRef::new(&wrong).unwrap_err(), Foreign);
    wrong[4] = 1;
    wrong[0] = b'h';
    assert_eq!(HyperLogLogRef::new(&wrong).unwrap_err(), Foreign);
}

/// The bytes that redis-server 7.4.1 has after these PFADDs.
#[test]
fn bytes_are_those_of_redis() {
    let mut bytes = empty();
    for element in ["1", "2", "3", "4", "5", "a", "b", "c", "hello"] {
        let added = add(&mut bytes, [Place::of(element.as_bytes())], LIMIT);
        assert_eq!(added.changes, 1, "{element}");
    }
    let expected = b"HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80A\xee\x84H#\x80SQ\x80C\x8b\x80C\n\x80F\xdb\x80F\xc8\x84Jb\x8cA\x97\x80BZ";
    assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string());
    assert_eq!(HyperLogLogRef::new(&bytes).unwrap().estimate(), Ok(9));
}

/// The standard error is 0.81 %: five times that is not exceeded by these.
#[test]
fn estimates_are_close() {
    let mut bytes = empty();
    let mut next = 1_000;
    for number in 1..=300_000_u32 {
        add(&mut bytes, [Place::of(&number.to_le_bytes())], LIMIT);
        if number == next {
            let estimate = HyperLogLogRef::new(&bytes).unwrap().estimate().unwrap();
            let error = estimate.abs_diff(u64::from(number));
            assert!(error * 100 <= u64::from(number) * 4, "{estimate} for {number}");
            next *= 3;
        }
    }
}
