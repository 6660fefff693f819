use proptest::prelude::*;

use super::*;

type Command = Vec<Vec<u8>>;

fn items(bytes: &[u8]) -> (Vec<Item>, Vec<Command>, Result<(), ReadError>) {
    let mut reader = Reader::new(bytes, 0);
    let (mut items, mut commands) = (Vec::new(), Vec::new());
    loop {
        match reader.next() {
            Ok(None) => return (items, commands, Ok(())),
            Err(error) => return (items, commands, Err(error)),
            Ok(Some(item)) => {
                if item == Item::Command {
                    commands.push(reader.words().iter().map(<[u8]>::to_vec).collect());
                }
                items.push(item);
            }
        }
    }
}

fn encoded(commands: &[Command]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for command in commands {
        resp::value::encode_request(command, &mut bytes);
    }
    bytes
}

#[test]
fn commands_and_annotations_are_told_apart() {
    let mut bytes =
        b"*1\r\n$4\r\nPING\r\n#TS:1700000000\r\n# anything\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n"
            .to_vec();
    let checksum = crate::crc64::checksum(&bytes);
    bytes.extend_from_slice(&checksum_line(checksum));
    let (items, commands, outcome) = items(&bytes);
    assert!(outcome.is_ok());
    let expected = [
        Item::Command,
        Item::Timestamp(1_700_000_000),
        Item::Annotation,
        Item::Command,
        Item::Checksum,
    ];
    assert_eq!(items, expected);
    assert_eq!(commands, [vec![b"PING".to_vec()], vec![b"GET".to_vec(), Vec::new()]]);
}

#[test]
fn a_truncated_file_is_cut_where_its_last_command_begins() {
    let long = vec![b'x'; 100_000];
    let bytes = encoded(&[vec![b"PING".to_vec()], vec![b"SET".to_vec(), b"k".to_vec(), long]]);
    let first = encoded(&[vec![b"PING".to_vec()]]).len();
    for end in (first + 1..bytes.len()).step_by(97).chain(bytes.len() - 3..bytes.len()) {
        let (items, _, outcome) = items(&bytes[..end]);
        assert_eq!(items, [Item::Command]);
        let Err(ReadError::Truncated { offset }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(offset, first as u64);
    }
}

#[test]
fn what_is_no_command_is_told_with_its_place() {
    let good = encoded(&[vec![b"PING".to_vec()]]);
    let bad: [(&[u8], Fault); 9] = [
        (b"\0\0\0\0", Fault::NoCommand(0)),
        (b"PING\r\n", Fault::NoCommand(b'P')),
        (b"*0\r\n", Fault::Number),
        (b"*-1\r\n", Fault::Number),
        (b"*1\n$4\r\nPING\r\n", Fault::LineEnding),
        (b"*1\r\n:4\r\nPING\r\n", Fault::NoArgument(b':')),
        (b"*1\r\n$x\r\nPING\r\n", Fault::Number),
        (b"*1\r\n$3\r\nPING\r\n", Fault::LineEnding),
        (b"*1\r\n$99999999999\r\n", Fault::Number),
    ];
    for (bytes, expected) in bad {
        let (_, _, outcome) = items(&[&good, bytes].concat());
        let Err(ReadError::Corrupt { offset, fault }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((offset, fault), (good.len() as u64, expected), "{:?}", bytes.escape_ascii());
    }
    let (_, _, outcome) = items(&[b"#".as_slice(), &[b'x'; 2000], b"\r\n"].concat());
    assert!(matches!(outcome, Err(ReadError::Corrupt { offset: 0, fault: Fault::Line })));
}

#[test]
fn a_flipped_bit_before_a_checksum_is_found() {
    let mut bytes = encoded(&[vec![b"SET".to_vec(), b"key".to_vec(), b"value".to_vec()]]);
    let line = checksum_line(crate::crc64::checksum(&bytes));
    bytes.extend_from_slice(&line);
    let verified = bytes.len() as u64;
    let again = bytes.clone();
    bytes.extend_from_slice(&again);
    let mut reader = Reader::new(bytes.as_slice(), 0);
    while reader.next().expect("all is well").is_some() {}
    assert_eq!(reader.unverified_offset(), bytes.len() as u64);
    for place in again.len()..bytes.len() - line.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            let mut reader = Reader::new(flipped.as_slice(), 0);
            let error = loop {
                match reader.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("bit {bit} of byte {place} was flipped and nobody saw it"),
                    Err(error) => break error,
                }
            };
            assert_eq!(reader.unverified_offset(), verified, "{error}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_back(
        commands in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..5), 0..20)
    ) {
        let (_, read, outcome) = items(&encoded(&commands));
        prop_assert!(outcome.is_ok());
        prop_assert_eq!(read, commands);
    }

    #[test]
    fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (_, _, outcome) = items(&bytes);
        if let Err(ReadError::Truncated { offset } | ReadError::Corrupt { offset, .. }) = outcome {
            prop_assert!(offset <= bytes.len() as u64);
        }
    }

    #[test]
    fn any_name_survives_the_manifest(name in prop::collection::vec(any::<u8>(), 1..30), number in 1_u64..1000) {
        prop_assume!(!name.contains(&b'/') && !name.contains(&b'\\'));
        let file = FileInfo { name, number };
        let manifest = Manifest {
            base: Some(file.clone()),
            history: vec![file.clone()],
            incremental: vec![file],
        };
        prop_assert_eq!(Manifest::parse(&manifest.text()), Ok(manifest));
    }

    #[test]
    fn any_text_is_a_manifest_or_is_not(text in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(manifest) = Manifest::parse(&text) {
            prop_assert_eq!(Manifest::parse(&[b"#\n", manifest.text().as_slice()].concat()), Ok(manifest));
        }
    }
}

#[test]
fn a_manifest_as_redis_writes_it() {
    let text = b"file \"my file.aof.1.base.rdb\" seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n";
    let mut manifest = Manifest::parse(text).expect("it is one");
    assert_eq!(manifest.text(), text);
    assert_eq!(manifest.add_incremental(b"a"), b"a.2.incr.aof");
    assert_eq!(manifest.replace_base(b"a", false, 1), b"a.2.base.aof");
    let expected = "file a.2.base.aof seq 2 type b\nfile \"my file.aof.1.base.rdb\" seq 1 type h\n\
                    file appendonly.aof.1.incr.aof seq 1 type h\nfile a.2.incr.aof seq 2 type i\n";
    assert_eq!(String::from_utf8(manifest.text()), Ok(expected.to_owned()));
    // Later versions may say more.
    assert!(Manifest::parse(b"# c\nfile a seq 1 type b startoffset 5\n").is_ok());
}

#[test]
fn what_is_wrong_with_a_manifest_is_told_as_redis_does() {
    let long = [b"file ".as_slice(), &[b'x'; 1024], b" seq 1 type b\n"].concat();
    let cases: [(&[u8], usize, &str); 13] = [
        (b"", 0, "Found an empty AOF manifest"),
        (b"\n", 1, INVALID),
        (b"file a seq 1 type b\nfile a seq 1\n", 2, INVALID),
        (b"file a seq 1 type b x\n", 1, INVALID),
        (b"file a seq 0 type b\n", 1, INVALID),
        (b"file a seq x type b\n", 1, INVALID),
        (b"file \"a seq 1 type b\n", 1, INVALID),
        (b"file a seq 1 type b", 1, "The AOF manifest file contains too long line"),
        (&long, 1, "The AOF manifest file contains too long line"),
        (b"file /a seq 1 type b\n", 1, "File can't be a path, just a filename"),
        (b"file a seq 1 type x\n", 1, "Unknown AOF file type"),
        (b"file a seq 1 type b\nfile b seq 2 type b\n", 2, "Found duplicate base file information"),
        (b"file a seq 2 type i\nfile b seq 2 type i\n", 2, "Found a non-monotonic sequence number"),
    ];
    for (text, line_number, what) in cases {
        let error = Manifest::parse(text).expect_err("it is none");
        assert_eq!((error.line_number, error.what), (line_number, what));
    }
}

const INVALID: &str = "Invalid AOF manifest file format";
