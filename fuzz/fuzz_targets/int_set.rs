//! Bytes from outside are refused, or they are a set of integers that can be walked, searched and changed.
//! The first eight bytes are an integer to be added and removed; the rest is given its header too.
#![no_main]

use collections::IntSet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((value, bytes)) = input.split_first_chunk::<8>() else {
        return;
    };
    let value = i64::from_le_bytes(*value);
    // As they are; and with a header that says the truth, which mutations rarely find.
    try_all(bytes.to_vec(), value);
    for width in [2, 4, 8_u8] {
        let count = bytes.len() / usize::from(width);
        let mut whole = vec![width, 0, 0, 0];
        whole.extend_from_slice(&u32::try_from(count).unwrap_or(0).to_le_bytes());
        whole.extend_from_slice(&bytes[..count * usize::from(width)]);
        try_all(whole, value);
    }
});

fn try_all(bytes: Vec<u8>, value: i64) {
    let Ok(mut set) = IntSet::from_bytes_checked(bytes.clone()) else {
        return;
    };
    assert_eq!(set.as_bytes(), bytes);
    let values: Vec<i64> = set.as_ref().iter().collect();
    assert!(values.is_sorted_by(|this, next| this < next));
    assert!(set.as_ref().iter().rev().eq(values.iter().rev().copied()));
    assert!(values.iter().all(|value| set.as_ref().contains(*value)));
    let was_there = values.binary_search(&value).is_ok();
    assert_eq!(set.as_ref().contains(value), was_there);
    assert_eq!(set.insert(value), !was_there);
    assert_eq!(IntSet::from_bytes_checked(set.as_bytes().to_vec()).as_ref(), Ok(&set));
    assert!(set.remove(value));
    assert_eq!(set.len(), values.len() - usize::from(was_there));
}
