//! Any bytes that a client sends are parsed without a panic, and the same comes out however they
//! arrive. The first two bytes choose the sizes of the chunks and whether the client is a stranger.
#![no_main]

use libfuzzer_sys::fuzz_target;
use resp::{Batch, ParseStatus, ProtocolError, RequestLimits, RequestParser};

fuzz_target!(|input: &[u8]| {
    let [size, stranger, bytes @ ..] = input else {
        return;
    };
    let limits =
        RequestLimits { bulk_bytes: 1 << 20, inline_bytes: 256, authenticated: stranger % 2 == 0 };
    let size = usize::from(*size).max(1);
    let whole = parse(std::iter::once(bytes), &limits, usize::MAX);
    let chunked = parse(bytes.chunks(size), &limits, 1 + size % 3);
    assert_eq!(whole, chunked);
});

type Outcome = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

/// Parses as a server does: reads a chunk, takes the requests out, drops their bytes.
fn parse<'a>(
    chunks: impl Iterator<Item = &'a [u8]>,
    limits: &RequestLimits,
    at_most: usize,
) -> Outcome {
    let mut parser = RequestParser::new();
    let mut batch = Batch::new();
    let mut buffer = Vec::new();
    let mut requests = Vec::new();
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        let mut from = 0;
        loop {
            let status = parser.parse(&buffer, from, &mut batch, limits, at_most);
            for index in 0..batch.len() {
                let words = batch.words(index, &buffer);
                assert!(!words.is_empty());
                requests.push(words.iter().map(<[u8]>::to_vec).collect());
            }
            assert!(from <= batch.consumed() && batch.consumed() <= buffer.len());
            from = batch.consumed();
            match status {
                ParseStatus::Full => {}
                ParseStatus::NeedsInput { .. } => break,
                ParseStatus::Failed(error) => return (requests, Some(error)),
            }
        }
        buffer.drain(..from);
    }
    (requests, None)
}
