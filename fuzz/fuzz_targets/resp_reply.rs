//! Any bytes that a server sends are decoded or refused without a panic; what is decoded encodes to
//! the same bytes, and no beginning of it is a value of its own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use resp::Value;
use resp::number::{self, LongDouble};

fuzz_target!(|input: &[u8]| {
    // The readers of numbers see bytes of clients too.
    if let Some(value) = number::parse_double(input) {
        let mut text = Vec::new();
        number::write_double(value, &mut text);
        assert_eq!(number::parse_double(&text).map(f64::to_bits), Some(value.to_bits()));
    }
    if let Some(value) = LongDouble::parse(input) {
        let mut text = Vec::new();
        value.write_to(&mut text);
        assert!(LongDouble::parse(&text).is_some());
    }
    if let Ok(Some((value, length))) = Value::decode(input) {
        let mut encoded = Vec::new();
        value.encode(&mut encoded);
        assert_eq!(encoded, input[..length]);
        assert_eq!(Value::decode(&input[..length / 2]), Ok(None));
    }
});
