//! Any bytes are read as a file of commands to an end: no panic, no memory beyond what the bytes can justify, and places that
//! lie within the file, the beginning of space behind its content among them. What was read without a complaint and is written again is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use persistence::aof::{Item, ReadError, Reader, filler_offset, is_torn};

fuzz_target!(|input: &[u8]| {
    let filler = filler_offset(&mut std::io::Cursor::new(input)).expect("bytes in memory can be read");
    let content = usize::try_from(filler).ok().and_then(|filler| input.get(..filler));
    let content = content.expect("it lies within");
    let half = content.len() / 2;
    let _guess = is_torn(&content[half..], half as u64);
    let mut reader = Reader::new(input, 0);
    let mut written = Vec::new();
    loop {
        match reader.next() {
            Ok(None) => break,
            Ok(Some(Item::Command)) => {
                let words: Vec<&[u8]> = reader.words().iter().collect();
                assert!(!words.is_empty());
                resp::value::encode_request(&words, &mut written);
            }
            Ok(Some(Item::Timestamp(_) | Item::Checksum | Item::Annotation)) => {}
            Err(ReadError::Truncated { offset } | ReadError::Corrupt { offset, .. }) => {
                assert!(offset <= input.len() as u64);
                return;
            }
            Err(ReadError::Io(error)) => panic!("bytes in memory can be read: {error}"),
        }
    }
    assert_eq!(reader.offset(), input.len() as u64);
    let mut again = Reader::new(written.as_slice(), 0);
    while again.next().expect("it was written just now").is_some() {}
});
