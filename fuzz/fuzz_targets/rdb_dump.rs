//! Bytes from outside are refused, or they are the type and the value of a DUMP payload: one that can be written, read again as
//! the same, and changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use persistence::rdb::value::read;
use persistence::rdb::{Reader, ValueType};

#[path = "../values.rs"]
mod values;

fuzz_target!(|input: &[u8]| {
    let Some((form, bytes)) = input.split_first() else { return };
    let Some(form) = ValueType::from_byte(*form) else { return };
    let Ok(value) = read(form, &mut Reader::new(bytes), &values::LIMITS) else { return };
    values::try_all(value);
});
