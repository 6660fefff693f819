//! What arguments are drawn from: few keys, so that commands meet, and values at the edges of
//! what the commands tell apart.

use harness::Random;

/// One of a few keys; some share a hash tag, one is binary, one is empty.
pub(super) fn key(random: &mut Random) -> Vec<u8> {
    const KEYS: &[&[u8]] = &[
        b"a",
        b"b",
        b"c",
        b"d",
        b"{tag}1",
        b"{tag}2",
        b"user:1000:name",
        b"bin\x00\xff\r\n",
        b"",
        b"a-key-that-is-a-good-deal-longer-than-any-of-the-others-and-fills-a-cache-line",
    ];
    random.pick(KEYS).to_vec()
}

/// Between one key and `most`.
pub(super) fn keys(random: &mut Random, most: usize) -> Vec<Vec<u8>> {
    (0..=random.below(most)).map(|_| key(random)).collect()
}

/// A string value of any kind.
pub(super) fn value(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 | 1 => integer(random),
        2 => float(random),
        3 => Vec::new(),
        4 => {
            // Around the lengths at which encodings change, and two that are long.
            let length =
                random.pick(&[1, 7, 12, 20, 31, 32, 43, 44, 45, 46, 63, 64, 200, 5000, 20_000]);
            let first = random.below(26);
            let letters = b"abcdefghijklmnopqrstuvwxyz";
            (0..length).map(|at| letters[(first + at * 7) % letters.len()]).collect()
        }
        5 => (0..random.below(12)).map(|_| random.number().to_le_bytes()[0]).collect(),
        6 => b"the quick brown fox".to_vec(),
        _ => b"hello".to_vec(),
    }
}

/// What may be an integer, or nearly is one.
pub(super) fn integer(random: &mut Random) -> Vec<u8> {
    const INTEGERS: &[&str] = &[
        "0",
        "1",
        "-1",
        "2",
        "7",
        "10",
        "42",
        "-100",
        "9999",
        "10000",
        "123456789",
        "2147483647",
        "2147483648",
        "-2147483649",
        "4294967296",
        "9223372036854775807",
        "9223372036854775806",
        "-9223372036854775808",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "00",
        "01",
        "-0",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "0x10",
        "1e3",
        "-",
        "",
    ];
    random.pick(INTEGERS).as_bytes().to_vec()
}

/// What may be a floating point number, or nearly is one.
pub(super) fn float(random: &mut Random) -> Vec<u8> {
    const FLOATS: &[&str] = &[
        "0",
        "1",
        "-1",
        "0.1",
        "-0.1",
        "3.0",
        "10.5",
        "1e10",
        "1.5e-5",
        "123456789.123456789",
        "5.0e3",
        "-2.5",
        "1e17",
        "1e300",
        "1e-300",
        "0.30000000000000004",
        "inf",
        "-inf",
        "nan",
        "infinity",
        "+1.5",
        ".5",
        "5.",
        "1.5abc",
        " 1.5",
        "0x1p3",
        "1e",
        "",
    ];
    random.pick(FLOATS).as_bytes().to_vec()
}

/// A position in a string, or nearly one.
pub(super) fn offset(random: &mut Random) -> Vec<u8> {
    const OFFSETS: &[&str] = &[
        "0",
        "1",
        "2",
        "5",
        "10",
        "45",
        "100",
        "-1",
        "-2",
        "-5",
        "-100",
        "1000",
        "4294967296",
        "536870911",
        "536870912",
        "9223372036854775807",
        "-9223372036854775808",
        "x",
        "",
    ];
    random.pick(OFFSETS).as_bytes().to_vec()
}

/// A place to write at: small, so that no case makes hundreds of megabytes, or far out of bounds.
pub(super) fn write_offset(random: &mut Random) -> Vec<u8> {
    const OFFSETS: &[&str] =
        &["0", "1", "3", "10", "44", "50", "1000", "-1", "536870912", "9223372036854775807", "x"];
    random.pick(OFFSETS).as_bytes().to_vec()
}

/// A time to live: past, far off or nonsense, so that nothing expires while the case runs, for the
/// two servers would not be at the same step.
pub(super) fn time_to_live(random: &mut Random) -> Vec<u8> {
    const TIMES: &[&str] = &[
        "100000",
        "100000",
        "200000",
        "1000000",
        "150000",
        "0",
        "-1",
        "-100000",
        "9223372036854775807",
        "9223372036854775",
        "9223372036854776",
        "-9223372036854775808",
        "x",
        "",
        "1.5",
    ];
    random.pick(TIMES).as_bytes().to_vec()
}

/// A time at which to expire, in the unit of `seconds` or of milliseconds.
pub(super) fn expiry_time(random: &mut Random, seconds: bool) -> Vec<u8> {
    let far = if seconds { "33177117420" } else { "33177117420000" };
    let farther = if seconds { "33177117421" } else { "33177117421000" };
    let times = [far, far, farther, "1", "0", "-1", "9223372036854775807", "9223372036854776", "x"];
    random.pick(&times).as_bytes().to_vec()
}

/// A glob pattern.
pub(super) fn pattern(random: &mut Random) -> Vec<u8> {
    const PATTERNS: &[&[u8]] = &[
        b"*",
        b"?",
        b"a*",
        b"*a*",
        b"{tag}*",
        b"{tag}?",
        b"[ab]",
        b"[^ab]",
        b"[a-c]",
        b"[c-a]",
        b"user:*:name",
        b"*name",
        b"",
        b"a",
        b"\\a",
        b"[",
        b"[a",
        b"[\\a]",
        b"**a**",
        b"bin*",
        b"*\xff*",
        b"[^",
        b"\\",
        b"a-key*line",
    ];
    random.pick(PATTERNS).to_vec()
}

/// A word that does not belong where it is put.
pub(super) fn odd(random: &mut Random) -> Vec<u8> {
    const ODD: &[&[u8]] = &[
        b"",
        b"0",
        b"-1",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"9223372036854775808",
        b"nonsense",
        b"NX",
        b"XX",
        b"GET",
        b"KEEPTTL",
        b"EX",
        b"COUNT",
        b"MATCH",
        b"1e5",
        b"nan",
        b"\r\n",
        b"\x00",
        b"a",
    ];
    random.pick(ODD).to_vec()
}

/// The same letters in another case.
pub(super) fn other_case(word: &[u8], random: &mut Random) -> Vec<u8> {
    match random.below(2) {
        0 => word.to_ascii_lowercase(),
        _ => word
            .iter()
            .enumerate()
            .map(|(at, byte)| if at % 2 == 0 { byte.to_ascii_lowercase() } else { *byte })
            .collect(),
    }
}

/// Builds a command word by word.
pub(super) struct Words(Vec<Vec<u8>>);

impl Words {
    /// Begins with the words between the spaces of `line`.
    pub(super) fn new(line: &str) -> Words {
        Words(line.split(' ').map(|word| word.as_bytes().to_vec()).collect())
    }

    /// Adds a word.
    pub(super) fn word(mut self, word: impl Into<Vec<u8>>) -> Words {
        self.0.push(word.into());
        self
    }

    /// Adds several words.
    pub(super) fn words(mut self, words: impl IntoIterator<Item = Vec<u8>>) -> Words {
        self.0.extend(words);
        self
    }

    /// Adds the words of `line` in one of `times` cases.
    pub(super) fn maybe(mut self, random: &mut Random, times: usize, line: &str) -> Words {
        if random.one_in(times) {
            self.0.extend(line.split(' ').map(|word| word.as_bytes().to_vec()));
        }
        self
    }

    /// The step.
    pub(super) fn call(self) -> super::Step {
        super::Step::Call(self.0)
    }
}
