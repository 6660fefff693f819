//! Decoding: every type, every cut, hostile bytes.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(input: &[u8], value: &Value) {
    assert_eq!(decode(input), Ok(Some((value.clone(), input.len()))));
    for cut in 0..input.len() {
        assert_eq!(decode(&input[..cut]), Ok(None), "cut at {cut}");
    }
    let mut encoded = Vec::new();
    value.encode(&mut encoded);
    assert_eq!(encoded, input);
}

#[test]
fn every_type() {
    check(b"+OK\r\n", &Value::Simple(b"OK".to_vec()));
    check(b"-ERR no\r\n", &Value::Error(b"ERR no".to_vec()));
    check(b":-42\r\n", &Value::Integer(-42));
    check(b"$3\r\na\r\n\r\n", &Value::Bulk(b"a\r\n".to_vec()));
    check(b"$-1\r\n", &Value::NullBulk);
    check(b"*-1\r\n", &Value::NullArray);
    check(b"_\r\n", &Value::Null);
    check(b"#t\r\n", &Value::Boolean(true));
    check(b"#f\r\n", &Value::Boolean(false));
    check(b",1.5e+20\r\n", &Value::Double(b"1.5e+20".to_vec()));
    check(b"(123456789012345678901\r\n", &Value::BigNumber(b"123456789012345678901".to_vec()));
    check(b"!5\r\nERR x\r\n", &Value::BulkError(b"ERR x".to_vec()));
    check(b"=7\r\ntxt:abc\r\n", &Value::Verbatim { format: *b"txt", text: b"abc".to_vec() });
    let one_and_x = vec![Value::Integer(1), Value::from("x")];
    check(b"*2\r\n:1\r\n$1\r\nx\r\n", &Value::Array(one_and_x.clone()));
    check(b"~2\r\n:1\r\n$1\r\nx\r\n", &Value::Set(one_and_x.clone()));
    check(b">2\r\n:1\r\n$1\r\nx\r\n", &Value::Push(one_and_x));
    let pair = vec![(Value::Integer(1), Value::from("x"))];
    check(b"%1\r\n:1\r\n$1\r\nx\r\n", &Value::Map(pair.clone()));
    check(
        b"|1\r\n:1\r\n$1\r\nx\r\n_\r\n",
        &Value::Attribute { pairs: pair, value: Box::new(Value::Null) },
    );
}

#[test]
fn bytes_that_are_no_reply() {
    let number = |text: &[u8]| DecodeError::Number(text.to_vec());
    let malformed = |text: &[u8]| DecodeError::Malformed(text.to_vec());
    for (input, error) in [
        (b"x".as_slice(), DecodeError::UnknownType(b'x')),
        (b":1\n", DecodeError::LineEnding),
        (b":1\rx", DecodeError::LineEnding),
        (b":01\r\n", number(b"01")),
        (b":\r\n", number(b"")),
        (b"$-2\r\n", number(b"-2")),
        (b"*-2\r\n", number(b"-2")),
        (b"%-1\r\n", number(b"-1")),
        (b"$99999999999\r\n", DecodeError::Length),
        (b"$1\r\nabc", DecodeError::LineEnding),
        (b"#x\r\n", malformed(b"x")),
        (b"_x\r\n", malformed(b"x")),
        (b"=3\r\ntxt\r\n", malformed(b"3")),
    ] {
        assert_eq!(decode(input), Err(error), "{}", input.escape_ascii());
    }
    assert_eq!(decode(&b"*1\r\n".repeat(VALUE_DEPTH)), Err(DecodeError::Depth));
    assert_eq!(decode(&b"*1\r\n".repeat(VALUE_DEPTH - 1)), Ok(None));
    assert_eq!(decode(&vec![b'+'; VALUE_LINE_BYTES + 2]), Err(DecodeError::Length));
    // What was announced is not reserved.
    assert_eq!(decode(b"*9223372036854775807\r\n"), Ok(None));
    assert_eq!(decode(b"%9223372036854775807\r\n*4294967296\r\n"), Ok(None));
}

#[test]
fn what_a_value_is() {
    assert_eq!(Value::Double(b"-inf".to_vec()).as_double(), Some(f64::NEG_INFINITY));
    assert_eq!(Value::from("1.5").as_double(), Some(1.5));
    assert_eq!(Value::Integer(3).as_double(), Some(3.0));
    assert_eq!(Value::Integer(3).as_integer(), Some(3));
    assert_eq!(Value::Set(vec![Value::Null]).as_array(), Some([Value::Null].as_slice()));
    assert!(Value::NullArray.is_null() && !Value::Integer(0).is_null());
    assert!(Value::from(&ReplyError::Syntax).is_error());
    assert_eq!(Value::Simple(b"OK".to_vec()).as_text().as_deref(), Some("OK"));
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(
        any::<u8>().prop_filter("no line ending", |b| !b"\r\n".contains(b)),
        0..12,
    )
}

fn value() -> impl Strategy<Value = Value> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let leaf = prop_oneof![
        line().prop_map(Value::Simple),
        line().prop_map(Value::Error),
        any::<i64>().prop_map(Value::Integer),
        bytes().prop_map(Value::Bulk),
        Just(Value::NullBulk),
        Just(Value::NullArray),
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        line().prop_map(Value::Double),
        line().prop_map(Value::BigNumber),
        bytes().prop_map(Value::BulkError),
        (any::<[u8; 3]>(), bytes()).prop_map(|(format, text)| Value::Verbatim { format, text }),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let values = prop::collection::vec(inner.clone(), 0..6);
        let pairs = prop::collection::vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            values.clone().prop_map(Value::Array),
            values.clone().prop_map(Value::Set),
            values.prop_map(Value::Push),
            pairs.clone().prop_map(Value::Map),
            (pairs, inner)
                .prop_map(|(pairs, value)| Value::Attribute { pairs, value: Box::new(value) }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same_at_every_cut(value in value(), after in line()) {
        let mut input = Vec::new();
        value.encode(&mut input);
        let length = input.len();
        for cut in 0..length {
            prop_assert_eq!(decode(&input[..cut]), Ok(None));
            prop_assert_eq!(super::length(&input[..cut]), Ok(None));
        }
        input.extend_from_slice(&after);
        prop_assert_eq!(super::length(&input), Ok(Some(length)));
        prop_assert_eq!(decode(&input), Ok(Some((value, length))));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(
        input in prop::collection::vec(
            prop_oneof![prop::sample::select(b"+-:$*_#,(!=%~>|0123456789\r\ntf".to_vec()), any::<u8>()],
            0..60,
        )
    ) {
        if let Ok(Some((value, length))) = decode(&input) {
            prop_assert_eq!(super::length(&input), Ok(Some(length)));
            prop_assert!(length <= input.len());
            let mut encoded = Vec::new();
            value.encode(&mut encoded);
            prop_assert_eq!(&encoded, &input[..length]);
        }
    }
}
