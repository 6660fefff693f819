//! The libraries that scripts find (`cjson`, `cmsgpack`, `struct`), beside those of Redis 7.4: random values and random bad input,
//! results and errors compared byte for byte. Tables are shown with their fields in order, since each interpreter has its own.

use harness::{Client, Oracle, Random, Version};

use crate::subject;

/// Calls of each kind; `OCHRE_ROUNDS` tries more.
const CALLS: u64 = 1500;

/// A function that shows any value; tables by the order of what is shown of their fields.
const SHOW: &str = "local function show(v)
  local t = type(v)
  if t == 'table' then
    local r = {}
    for k, x in pairs(v) do r[#r + 1] = show(k) .. '=' .. show(x) end
    table.sort(r)
    return '{' .. table.concat(r, ',') .. '}'
  elseif t == 'userdata' then return 'null'
  elseif t == 'number' then return v ~= v and 'nan' or string.format('%.17g', v)
  else return t .. ':' .. tostring(v) end
end
";

fn rounds(default: u64) -> u64 {
    std::env::var("OCHRE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn seed() -> u64 {
    std::env::var("OCHRE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_260)
}

/// Runs scripts made up by `make` on both servers: the body, and its arguments.
#[track_caller]
pub(crate) fn compare(make: impl Fn(&mut Random) -> (String, Vec<Vec<u8>>)) {
    compare_rounds(rounds(CALLS), make);
}

/// The same, so many times.
#[track_caller]
pub(crate) fn compare_rounds(count: u64, make: impl Fn(&mut Random) -> (String, Vec<Vec<u8>>)) {
    let oracle = Oracle::find(Version::V74).expect("the oracle is installed").launch().start();
    let server = subject::launch().start();
    let mut clients: [Client; 2] = [server.client(), oracle.client()];
    let mut random = Random::from_seed(seed());
    for round in 0..count {
        let (body, arguments) = make(&mut random);
        let script = format!("{SHOW}{body}");
        let mut words: Vec<&[u8]> = vec![b"EVAL", script.as_bytes(), b"0"];
        words.extend(arguments.iter().map(Vec::as_slice));
        let [ours, theirs] = clients.each_mut().map(|client| client.call(&words));
        let shown: Vec<_> = arguments.iter().map(|word| word.escape_ascii().to_string()).collect();
        assert_eq!(ours, theirs, "round {round}: {body}\n{shown:?}");
    }
}

/// Text that is JSON, or nearly.
fn json(random: &mut Random, depth: usize) -> Vec<u8> {
    let mut text = Vec::new();
    append_json(random, depth, &mut text);
    text
}

fn append_json(random: &mut Random, depth: usize, text: &mut Vec<u8>) {
    let kinds = if depth == 0 { 6 } else { 9 };
    match random.below(kinds) {
        0 => text.extend_from_slice(random.pick(&[&b"true"[..], b"false", b"null"])),
        1 | 2 => text.extend_from_slice(number(random).as_bytes()),
        3..=5 => append_string(random, text),
        6 | 7 => {
            text.push(b'[');
            for place in 0..random.below(4) {
                if place != 0 {
                    text.push(b',');
                }
                append_json(random, depth - 1, text);
            }
            text.push(b']');
        }
        _ => {
            // A field at most: the order of several is not told.
            text.push(b'{');
            if !random.one_in(4) {
                append_string(random, text);
                text.push(b':');
                append_json(random, depth - 1, text);
            }
            text.push(b'}');
        }
    }
    if random.one_in(6) {
        text.push(b' ');
    }
}

fn append_string(random: &mut Random, text: &mut Vec<u8>) {
    text.push(b'"');
    for _ in 0..random.below(5) {
        let piece: &[u8] = random.pick(&[
            &b"a"[..],
            b"/",
            b"\\/",
            b"\\n",
            b"\\\"",
            b"\\\\",
            b"\\u0041",
            b"\\u00e9",
            b"\\ud83d\\ude00",
            b"\\u0000",
            b"\xff",
            b"\x7f",
            b"\x01",
            b"\xc3\xa9",
            b"\\b\\f\\r\\t",
        ]);
        text.extend_from_slice(piece);
    }
    text.push(b'"');
}

fn number(random: &mut Random) -> String {
    let digits = random.number();
    match random.below(8) {
        0 => (digits % 10).to_string(),
        1 => format!("-{}", digits % 100_000),
        2 => digits.to_string(),
        3 => format!("0.{digits}"),
        4 => format!("{}e{}", digits % 1000, digits / 7 % 40),
        5 => format!("{}.{}e-{}", digits % 10, digits / 13, digits / 7 % 320),
        6 => format!("{}e300", digits % 10_000_000),
        _ => random
            .pick(&["0", "-0", "1e14", "99999999999999", "1e15", "0.1", "4294967296"])
            .to_owned(),
    }
}

/// Changes some bytes.
fn spoil(random: &mut Random, text: &mut Vec<u8>, alphabet: &[u8]) {
    for _ in 0..random.below(3) {
        let byte = alphabet[random.below(alphabet.len())];
        let place = random.below(text.len() + 1);
        match random.below(3) {
            0 => text.insert(place, byte),
            1 if place < text.len() => text[place] = byte,
            _ if place < text.len() => drop(text.remove(place)),
            _ => {}
        }
    }
}

const JSON_BYTES: &[u8] = b"{}[]:,\"\\u0019.eE+-xXtrfnaNIi\0\xff /\n'";

#[test]
fn json_is_decoded_alike() {
    compare(|random| {
        let depth = random.below(5);
        let mut text = json(random, depth);
        spoil(random, &mut text, JSON_BYTES);
        let strict = if random.one_in(3) {
            "cjson.decode_invalid_numbers(false) "
        } else {
            "cjson.decode_invalid_numbers(true) "
        };
        let depth = if random.one_in(5) {
            "local c = cjson.new() c.decode_max_depth(2) return show(c.decode(ARGV[1]))"
        } else {
            "return show(cjson.decode(ARGV[1]))"
        };
        (format!("{strict}local v = (function() {depth} end)() return v"), vec![text])
    });
}

#[test]
fn json_is_encoded_alike() {
    compare(|random| {
        let depth = random.below(5);
        let text = json(random, depth);
        let precision = 1 + random.below(14);
        let settings = random.pick(&[
            "",
            "c.encode_sparse_array(true)",
            "c.encode_sparse_array(false, 1, 1)",
            "c.encode_max_depth(3)",
            "c.encode_invalid_numbers(true)",
            "c.encode_invalid_numbers('null')",
        ]);
        let change = random.pick(&[
            "",
            "if type(v) == 'table' and v[1] ~= nil then v[7] = 1 end",
            "if type(v) == 'table' and v[1] ~= nil then v[30] = 1 end",
            "if type(v) == 'table' and v[1] ~= nil then v[#v + 1] = 1/0 end",
            "if type(v) == 'table' and v[1] ~= nil then v[#v + 1] = print and 1 end",
            "v = {v, function() end}",
            "v = {[true] = v}",
            "v = {[1.5] = v}",
            "v = {[1e300] = v}",
        ]);
        let body = format!(
            "local c = cjson.new() c.encode_number_precision({precision}) {settings} local v = cjson.decode(ARGV[1]) {change} \
             local text = c.encode(v) return text"
        );
        (body, vec![text])
    });
}

#[test]
fn message_pack_is_packed_alike() {
    compare(|random| {
        let depth = random.below(6);
        let (one, other) = (json(random, depth), json(random, 1));
        let body = "local text = cmsgpack.pack(cjson.decode(ARGV[1]), cjson.decode(ARGV[2])) \
                    return {text, show(cmsgpack.unpack(text))}";
        (body.to_owned(), vec![one, other])
    });
}

#[test]
fn message_pack_is_unpacked_alike() {
    compare(|random| {
        let mut text: Vec<u8> = Vec::new();
        for _ in 0..random.below(12) {
            let tag = random.pick(&[
                0x00_u8, 0x7f, 0x80, 0x81, 0x82, 0x90, 0x91, 0x93, 0xa0, 0xa1, 0xa3, 0xc0, 0xc1,
                0xc2, 0xc3, 0xc4, 0xc7, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3,
                0xd4, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff,
            ]);
            text.push(tag);
            let more = if random.one_in(3) { random.below(9) } else { 0 };
            for _ in 0..more {
                let byte = if random.one_in(2) { 0 } else { random.below(256) };
                text.push(u8::try_from(byte).unwrap_or(0));
            }
        }
        let limit = random.pick(&["0", "1", "2", "3", "-1", "'2'", "1.5", "nil", "{}"]);
        let offset = random.pick(&["0", "1", "2", "5", "-1", "100", "nil", "'1'", "'x'"]);
        let body = match random.below(4) {
            0 => format!("return show({{cmsgpack.unpack_limit(ARGV[1], {limit}, {offset})}})"),
            1 => format!("return show({{cmsgpack.unpack_one(ARGV[1], {offset})}})"),
            _ => "return show({cmsgpack.unpack(ARGV[1])})".to_owned(),
        };
        (body, vec![text])
    });
}

/// A format of `struct`, mostly a good one.
fn format_of(random: &mut Random) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..random.below(7) {
        let option: &[u8] = random.pick(&[
            &b"b"[..],
            b"B",
            b"h",
            b"H",
            b"l",
            b"L",
            b"T",
            b"i",
            b"I",
            b"i1",
            b"i3",
            b"I5",
            b"i8",
            b"i9",
            b"i16",
            b"I32",
            b"i33",
            b"i0",
            b"f",
            b"d",
            b"s",
            b"c",
            b"c0",
            b"c2",
            b"c9",
            b"x",
            b" ",
            b">",
            b"<",
            b"!",
            b"!2",
            b"!4",
            b"!16",
            b"!3",
            b"!0",
            b"z",
            b"%",
            b"\0",
            b"\xff",
            b"7",
            b"Bc0",
            b"c99999999999",
        ]);
        // What is wrong is rare, so that something comes before it.
        let is_odd = matches!(
            option,
            b"i33" | b"!3" | b"!0" | b"z" | b"%" | b"\0" | b"\xff" | b"7" | b"c99999999999"
        );
        if !is_odd || random.one_in(6) {
            text.extend_from_slice(option);
        }
    }
    text
}

#[test]
fn structures_are_packed_alike() {
    compare(|random| {
        let count = random.below(8);
        let arguments: Vec<&str> = (0..count)
            .map(|_| {
                random.pick(&[
                    "1",
                    "-1",
                    "255",
                    "-129",
                    "70000",
                    "2^31",
                    "2^32+5",
                    "2^53",
                    "2^63",
                    "-2^63",
                    "2^64",
                    "1e300",
                    "-1e300",
                    "0/0",
                    "1/0",
                    "-1/0",
                    "1.5",
                    "-2.7",
                    "'12'",
                    "'0x10'",
                    "'a'",
                    "'abc'",
                    "'a\\0b'",
                    "('x'):rep(40)",
                    "nil",
                    "{}",
                    "true",
                    "0.1",
                    "1e-310",
                    "3.4e38",
                    "''",
                ])
            })
            .collect();
        let body = format!(
            "local text = struct.pack(ARGV[1]{}{}) return text",
            if arguments.is_empty() { "" } else { ", " },
            arguments.join(", ")
        );
        (body, vec![format_of(random)])
    });
}

#[test]
fn structures_are_unpacked_alike() {
    compare(|random| {
        let data: Vec<u8> = (0..random.below(60))
            .map(|_| random.pick(&[0_u8, 1, 2, 3, 0x7f, 0x80, 0xff, b'a', b'5', 0x3f, 0xf0]))
            .collect();
        let place = random.pick(&[
            "", ", 1", ", 2", ", 5", ", 0", ", -1", ", 100", ", nil", ", '3'", ", 'x'", ", 2^40",
        ]);
        let body = if random.one_in(4) {
            "local size = struct.size(ARGV[1]) return size".to_owned()
        } else {
            format!("return show({{struct.unpack(ARGV[1], ARGV[2]{place})}})")
        };
        (body, vec![format_of(random), data])
    });
}

#[test]
fn settings_are_changed_alike() {
    compare(|random| {
        let name = random.pick(&[
            "encode_sparse_array",
            "encode_max_depth",
            "decode_max_depth",
            "encode_number_precision",
            "encode_keep_buffer",
            "encode_invalid_numbers",
            "decode_invalid_numbers",
            "new",
            "encode",
            "decode",
        ]);
        let arguments: Vec<&str> = (0..random.below(5))
            .map(|_| {
                random.pick(&[
                    "nil",
                    "true",
                    "false",
                    "'on'",
                    "'off'",
                    "'null'",
                    "'x'",
                    "''",
                    "1",
                    "0",
                    "-1",
                    "14",
                    "15",
                    "2.7",
                    "'7'",
                    "99999999999",
                    "{}",
                    "2^31",
                    "'a\\0b'",
                    "'1'",
                ])
            })
            .collect();
        let body = format!(
            "local c = cjson.new() local r = {{c.{name}({})}} for i = 1, 3 do r[i] = type(r[i]) == 'table' and 't' or show(r[i]) end return r",
            arguments.join(", ")
        );
        (body, Vec::new())
    });
}
