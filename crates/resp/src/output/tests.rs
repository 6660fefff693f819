//! An output against a model: the plain bytes that it stands for.

use proptest::prelude::*;

use super::*;

fn pending(output: &Output) -> Vec<u8> {
    let mut slices = [IoSlice::new(b""); 64];
    let mut bytes = Vec::new();
    let filled = output.io_slices(&mut slices);
    for slice in &slices[..filled] {
        assert!(!slice.is_empty(), "an empty slice is a wasted one");
        bytes.extend_from_slice(slice);
    }
    bytes
}

#[test]
fn small_replies_lie_in_one_piece_and_their_room_is_used_again() {
    let mut output = Output::new();
    output.push(b"+OK\r\n");
    output.tail().extend_from_slice(b":1\r\n");
    assert_eq!(output.as_slice(), Some(b"+OK\r\n:1\r\n".as_slice()));
    let room = output.tail().capacity();
    output.advance(4);
    assert_eq!(output.as_slice(), Some(b"\n:1\r\n".as_slice()));
    output.advance(5);
    assert!(output.is_empty());
    assert_eq!(output.tail().capacity(), room);
    output.shrink_to(0);
    assert_eq!(output.memory(), 0);
}

#[test]
fn a_shared_value_is_not_copied_and_is_let_go_when_sent() {
    let mut output = Output::new();
    let value = Arc::new(vec![b'v'; 100]);
    output.push(b"<");
    output.push_shared(Arc::clone(&value));
    output.push(b">");
    let mut slices = [IoSlice::new(b""); 3];
    assert_eq!(output.io_slices(&mut slices), 3);
    assert_eq!(slices[1].as_ptr(), value.as_ptr());
    assert_eq!(output.io_slices(&mut [IoSlice::new(b""); 2]), 2);
    assert!(output.memory() >= 102);
    output.advance(100);
    assert_eq!(Arc::strong_count(&value), 2);
    output.advance(1);
    assert_eq!(Arc::strong_count(&value), 1);
    assert_eq!(output.as_slice(), Some(b">".as_slice()));
}

#[test]
fn truncation_takes_back_shared_values_and_cuts_them() {
    let mut output = Output::new();
    let start = output.mark();
    output.push(b"a");
    output.push_shared(Arc::new(b"bcd".to_vec()));
    output.truncate(start);
    assert!(output.is_empty());
    output.push_shared(Arc::new(b"bcd".to_vec()));
    let after = output.mark();
    output.advance(1);
    output.push_shared(Arc::new(b"ef".to_vec()));
    output.push(b"g");
    output.truncate(after);
    assert_eq!(pending(&output), b"cd");
    output.truncate(start);
    assert_eq!(pending(&output), b"", "what is sent can't be taken back");
    assert_eq!(output.mark(), Mark(1));
}

#[test]
fn the_sent_bytes_of_a_slow_reader_do_not_pile_up() {
    let mut output = Output::new();
    output.push(&[b'x'; 1000]);
    for _ in 0..10_000 {
        output.push(&[b'x'; 100]);
        output.advance(100);
    }
    assert_eq!(output.len(), 1000);
    assert!(output.memory() < 10_000, "{} bytes held", output.memory());
}

#[test]
fn a_long_output_is_many_runs() {
    let mut output = Output::new();
    for _ in 0..100 {
        output.push(&[b'x'; 600]);
        output.divide(1000);
    }
    assert_eq!(output.len(), 60_000);
    assert!(output.memory() < 70_000, "{} bytes held", output.memory());
    output.advance(59_999);
    assert_eq!(pending(&output), b"x");
}

#[derive(Debug, Clone)]
enum Step {
    Push(Vec<u8>),
    Share(Vec<u8>),
    Advance(usize),
    Mark,
    Truncate(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Divide(usize),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..8);
    prop_oneof![
        4 => bytes().prop_map(Step::Push),
        3 => bytes().prop_map(Step::Share),
        2 => (0_usize..12).prop_map(Step::Advance),
        4 => Just(Step::Mark),
        1 => any::<prop::sample::Index>().prop_map(Step::Truncate),
        2 => (any::<prop::sample::Index>(), bytes()).prop_map(|(index, bytes)| Step::Insert(index, bytes)),
        1 => (0_usize..6).prop_map(Step::Divide),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    #[test]
    fn an_output_is_the_bytes_that_it_stands_for(steps in prop::collection::vec(step(), 0..60)) {
        let mut output = Output::new();
        let mut all: Vec<u8> = Vec::new();
        let mut sent = 0;
        let mut marks: Vec<(Mark, usize)> = Vec::new();
        for step in steps {
            match step {
                Step::Push(bytes) => {
                    output.push(&bytes);
                    all.extend_from_slice(&bytes);
                }
                Step::Share(bytes) => {
                    all.extend_from_slice(&bytes);
                    output.push_shared(Arc::new(bytes));
                }
                Step::Advance(count) => {
                    output.advance(count);
                    sent = (sent + count).min(all.len());
                }
                Step::Mark => marks.push((output.mark(), all.len())),
                Step::Truncate(index) => {
                    if !marks.is_empty() {
                        let (mark, position) = marks[index.index(marks.len())];
                        output.truncate(mark);
                        all.truncate(position.max(sent));
                        marks.retain(|(_, end)| *end <= all.len());
                    }
                }
                Step::Insert(index, bytes) => {
                    marks.retain(|(_, end)| sent <= *end);
                    if !marks.is_empty() {
                        let (mark, position) = marks[index.index(marks.len())];
                        output.insert(mark, &bytes);
                        all.splice(position..position, bytes);
                        marks.retain(|(_, end)| *end <= position);
                    }
                }
                Step::Divide(limit) => output.divide(limit),
                Step::Clear => {
                    output.clear();
                    sent = all.len();
                }
            }
            prop_assert_eq!(output.len(), all.len() - sent);
            prop_assert_eq!(output.is_empty(), all.len() == sent);
            prop_assert_eq!(pending(&output), &all[sent..]);
        }
    }
}
