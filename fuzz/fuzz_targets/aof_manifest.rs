//! Any text is a manifest or is refused; what is one comes back when it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use persistence::aof::Manifest;

fuzz_target!(|input: &[u8]| {
    let Ok(manifest) = Manifest::parse(input) else { return };
    let mut text = b"#\n".to_vec();
    text.extend_from_slice(&manifest.text());
    // A name that was written briefly may not fit into a line when it is quoted.
    if text.split(|byte| *byte == b'\n').all(|line| line.len() < 1024) {
        assert_eq!(Manifest::parse(&text).as_ref(), Ok(&manifest));
    }
});
