//! Bytes from outside are refused, or they are a `HyperLogLog` that can be counted, merged and added to, and that is the same one
//! in either encoding. The first four bytes choose the limit of the sparse form and an element.
#![no_main]

use collections::hyper_log_log::{
    self, Encoding, HyperLogLogRef, Place, REGISTERS, Registers, make_dense,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first_chunk::<4>() else {
        return;
    };
    // As they are; and with a header that says the truth, which mutations rarely find.
    try_all(bytes.to_vec(), choice);
    for encoding in [0, 1] {
        let mut whole = hyper_log_log::empty();
        whole.truncate(16);
        whole[4] = encoding;
        whole.extend_from_slice(bytes);
        if encoding == 0 {
            whole.resize(16 + hyper_log_log::dense::BYTES, 0);
        }
        try_all(whole, choice);
    }
});

fn try_all(mut bytes: Vec<u8>, choice: &[u8; 4]) {
    let Ok(value) = HyperLogLogRef::new(&bytes) else {
        return;
    };
    let limit_bytes = usize::from(choice[0]) * 16;
    let place = Place::of(choice);
    let estimate = value.estimate();
    let mut registers = [0; REGISTERS];
    let merged = value.merge_into(&mut registers);
    assert_eq!(estimate.is_err(), merged.is_err());
    let mut dense = bytes.clone();
    assert_eq!(make_dense(&mut dense).is_err(), estimate.is_err());
    if estimate.is_err() {
        // Some elements may still find their registers.
        let _ = hyper_log_log::add(&mut bytes, [place], limit_bytes);
        return;
    }
    assert!(registers_of(&dense) == registers);
    let added = hyper_log_log::add(&mut bytes, [place], limit_bytes);
    assert!(!added.corrupt);
    assert_eq!(added.changes, hyper_log_log::add_dense(&mut dense, [place]));
    assert!(registers_of(&bytes) == registers_of(&dense));
    let mut union = hyper_log_log::empty();
    let all = registers_of(&bytes);
    assert!(hyper_log_log::merge(&mut union, &all, Encoding::Sparse, limit_bytes).is_ok());
    assert!(registers_of(&union) == all);
}

fn registers_of(bytes: &[u8]) -> Registers {
    let mut registers = [0; REGISTERS];
    let value = HyperLogLogRef::new(bytes).expect("it was one before");
    value.merge_into(&mut registers).expect("it was whole before");
    registers
}
