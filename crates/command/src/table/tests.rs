use super::{Name, Table, capitals, short};
use crate::{Command, Group};

static GET: Command<char> = Command::new("GET", Group::String, "1.0.0", 'g');
static SET: Command<char> = Command::new("SET", Group::String, "1.0.0", 's');
static LONG: Command<char> = Command::new("GEORADIUSBYMEMBER_RO", Group::Geo, "3.2.10", 'l');
/// The same length, first and last eight bytes.
static LIKE: Command<char> = Command::new("GEORADIUSXXMEMBER_RO", Group::Geo, "3.2.10", 'x');
static CONFIG: Command<char> =
    Command::container("CONFIG", Group::Server, "2.0.0", &[&CONFIG_GET, &CONFIG_SET]);
static CONFIG_GET: Command<char> = Command::new("CONFIG|GET", Group::Server, "2.0.0", 'G');
static CONFIG_SET: Command<char> = Command::new("CONFIG|SET", Group::Server, "2.0.0", 'S');

fn table() -> Table<char> {
    Table::new(&[&[&GET, &CONFIG], &[&SET, &LONG, &LIKE]])
}

#[track_caller]
fn check(table: &Table<char>, name: &str, expected: Option<char>) {
    assert_eq!(table.find_full(name.as_bytes()).and_then(|entry| entry.run), expected, "{name}");
}

#[test]
fn names_are_found_in_any_case() {
    let table = table();
    check(&table, "get", Some('g'));
    check(&table, "GeT", Some('g'));
    check(&table, "config|get", Some('G'));
    check(&table, "Config|Set", Some('S'));
    check(&table, "georadiusbymember_ro", Some('l'));
    check(&table, "georadiusxxmember_ro", Some('x'));
}

#[test]
fn other_names_are_not() {
    let table = table();
    for name in [
        "",
        "ge",
        "gett",
        "get\0",
        "\0get",
        "gev",
        "get|get",
        "config|",
        "config|sat",
        "config|get|",
        "set|",
        "georadiusyymember_ro",
        "georadiusbymember_rO\0",
    ] {
        check(&table, name, None);
    }
    assert!(table.find(&vec![b'g'; 1 << 16]).is_none());
}

#[test]
fn ids_are_dense_and_containers_come_before_their_subcommands() {
    let table = table();
    let names: Vec<_> = table.iter().map(|entry| (entry.id, entry.name())).collect();
    assert_eq!(
        names,
        [
            (0, "get"),
            (1, "config"),
            (2, "config|get"),
            (3, "config|set"),
            (4, "set"),
            (5, "georadiusbymember_ro"),
            (6, "georadiusxxmember_ro")
        ]
    );
    let config = table.get(1).unwrap();
    let subcommands: Vec<_> = table.subcommands(config).iter().map(|entry| entry.id).collect();
    assert_eq!(subcommands, [2, 3]);
    assert!(table.subcommands(table.get(4).unwrap()).is_empty());
    assert_eq!(table.commands().count(), 5);
    assert_eq!(table.get(7).map(|entry| entry.id), None);
}

#[test]
fn a_renamed_command_has_only_its_new_name() {
    let mut table = table();
    assert!(table.rename(b"config", b"b840fc02d524045429941cc15f59e41cb7be6c52"));
    check(&table, "config", None);
    check(&table, "config|get", None);
    check(&table, "B840FC02d524045429941cc15f59e41cb7be6c52|get", Some('G'));
    check(&table, "B840FC02d524045429941cc15f59e41cb7be6c53|get", None);
    assert_eq!(table.get(1).unwrap().name(), "config");

    assert!(table.rename(b"SET", b""));
    check(&table, "set", None);
    check(&table, "", None);

    assert!(!table.rename(b"set", b"other"));
    assert!(!table.rename(b"get", b"GET"));
    check(&table, "get", Some('g'));

    assert!(table.rename(b"get", b"set"));
    check(&table, "set", Some('g'));
}

#[test]
fn capitals_are_those_of_ascii() {
    for byte in 0..=u8::MAX {
        for place in 0..8 {
            let mut bytes = [b'z', 0x80, b'{', b'`', b'a', 0xFF, 0x7F, 0];
            bytes[place] = byte;
            let expected = u64::from_le_bytes(bytes.map(|byte| byte.to_ascii_uppercase()));
            assert_eq!(capitals(u64::from_le_bytes(bytes)), expected);
        }
    }
}

#[test]
fn short_names_are_padded_with_zeros() {
    let letters = b"abcdefg";
    for length in 0..=letters.len() {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(&letters[..length]);
        assert_eq!(short(&letters[..length]), u64::from_le_bytes(bytes), "{length}");
    }
}

#[test]
fn a_subcommand_is_no_command() {
    assert_ne!(Name::of(b"get", None), Name::of(b"get", Some(0)));
    assert_ne!(Name::of(b"get", Some(0)), Name::of(b"get", Some(1)));
}
