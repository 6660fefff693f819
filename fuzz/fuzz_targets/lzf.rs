//! Compressed bytes from outside are refused or become what they should; what is compressed here comes back. The first two
//! bytes are the length that the rest claims to become.
#![no_main]

use collections::lzf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [low, high, bytes @ ..] = input else {
        return;
    };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    if let Ok(output) = lzf::decompress(bytes, length) {
        assert_eq!(output.len(), length);
    }
    assert!(lzf::decompress(bytes, usize::MAX).is_err());
    let compressed = lzf::compress(bytes, bytes.len() * 2 + 10).expect("it grows by less");
    assert_eq!(lzf::decompress(&compressed, bytes.len()).as_deref(), Ok(bytes));
});
