//! What is a request and what is not.

use super::*;

fn parse(input: &[u8]) -> (Vec<Vec<Vec<u8>>>, usize, ParseStatus) {
    let mut batch = Batch::new();
    let mut parser = RequestParser::new();
    let status = parser.parse(input, 0, &mut batch, &RequestLimits::default(), usize::MAX);
    let requests = (0..batch.len())
        .map(|index| batch.words(index, input).iter().map(<[u8]>::to_vec).collect())
        .collect();
    (requests, batch.consumed(), status)
}

#[test]
fn multibulk_and_inline_requests_in_a_row() {
    let input = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nset 'a b' \"\\x41\"\r\n*0\r\n\r\n*1\r\n$10\r\n0123456789\r\n";
    let (requests, consumed, status) = parse(input);
    assert_eq!(status, ParseStatus::NeedsInput { missing: 0 });
    assert_eq!(consumed, input.len());
    assert_eq!(
        requests,
        [
            vec![b"GET".to_vec(), b"k".to_vec()],
            vec![b"set".to_vec(), b"a b".to_vec(), b"A".to_vec()],
            vec![b"0123456789".to_vec()]
        ]
    );
}
