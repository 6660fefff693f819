//! Bytes from outside are refused, or they are a list pack that can be walked both ways, searched and changed.
//! The first two bytes choose an element and what is done to it; the rest is given its header.
#![no_main]

use collections::list_pack::{Element, Encoded, ListPack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [index, count, bytes @ ..] = input else {
        return;
    };
    // As they are; and with a header that says the truth, which mutations rarely find.
    try_all(bytes.to_vec(), i64::from(index.cast_signed()), usize::from(*count));
    let mut whole = Vec::new();
    whole.extend_from_slice(&u32::try_from(bytes.len() + 7).unwrap_or(0).to_le_bytes());
    whole.extend_from_slice(&u16::MAX.to_le_bytes());
    whole.extend_from_slice(bytes);
    whole.push(0xff);
    try_all(whole, i64::from(index.cast_signed()), usize::from(*count));
});

fn try_all(bytes: Vec<u8>, index: i64, count: usize) {
    let Ok(mut pack) = ListPack::from_bytes_checked(bytes) else {
        return;
    };
    let elements = contents(&pack);
    let mut backward = pack.as_ref().iter().rev().map(Element::to_vec).collect::<Vec<_>>();
    backward.reverse();
    assert_eq!(elements, backward);
    assert_eq!(elements.len(), pack.len());
    if let Some(string) = elements.last() {
        let found = pack.as_ref().find(string, 0).map(|position| pack.as_ref().element(position));
        assert!(found.is_some_and(|element| element.equals(string)));
    }
    let Some(position) = pack.as_ref().nth(index) else {
        return;
    };
    let back = pack.clone().split_off(position);
    assert_eq!(contents(&back)[..], elements[elements.len() - back.len()..]);
    pack.replace_encoded(position, count, &[Encoded::of(b"12"), Encoded::of(b"abc")]);
    pack.remove(position, 1);
    pack.push_front(b"");
    let bytes = pack.clone().into_bytes();
    assert_eq!(ListPack::from_bytes_checked(bytes).as_ref(), Ok(&pack));
}

fn contents(pack: &ListPack) -> Vec<Vec<u8>> {
    pack.as_ref().iter().map(Element::to_vec).collect()
}
