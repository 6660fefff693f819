//! What is sent: a batch of requests as bytes, in which only the digits of the keys change.
//!
//! ```text
//! *3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$64\r\nxxxx...\r\n     the same for each of the batch
//!                           ^^^^^^^^^^^^ rewritten before each send
//! ```
//!
//! Keys look like those of `redis-benchmark`, so that either can read what the other has written.

use crate::options::{Keys, Options};

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Ping,
    Set,
    Get,
    Incr,
    Mget,
    /// Ten SETs in a transaction.
    Multi,
    /// A message to the channel to which [`Options::subscribers`] listen.
    Publish,
    /// What the command line tells.
    Own,
}

/// What SET writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// So many bytes.
    Bytes(usize),
    /// The number of the key and [`FIRST_INTEGER`].
    Integers,
}

/// Above the integers of which a server may keep one shared copy.
const FIRST_INTEGER: u64 = 100_000_000_000;

/// Digits of a key: those of `redis-benchmark`.
const DIGITS: usize = 12;

/// Keys before their digits are written.
const KEY: &[u8] = b"key:000000000000";
const COUNTER: &[u8] = b"counter:000000000000";

/// What stands for the digits of a key in a request of one's own, as for `redis-benchmark`.
pub(crate) const PLACEHOLDER: &[u8] = b"__rand_int__";

/// Where messages are published.
pub(crate) const CHANNEL: &[u8] = b"channel";

/// SETs of one transaction.
const SETS: usize = 10;

/// Keys of one MGET.
const MGET_KEYS: usize = 10;

impl Test {
    /// Those that have a name.
    pub(crate) const ALL: [Test; 7] =
        [Test::Ping, Test::Set, Test::Get, Test::Incr, Test::Mget, Test::Multi, Test::Publish];

    pub(crate) fn named(name: &str) -> Option<Test> {
        Test::ALL.into_iter().find(|test| test.name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Test::Ping => "PING",
            Test::Set => "SET",
            Test::Get => "GET",
            Test::Incr => "INCR",
            Test::Mget => "MGET",
            Test::Multi => "MULTI",
            Test::Publish => "PUBLISH",
            Test::Own => "own",
        }
    }
}

impl Test {
    /// How many replies a request has.
    pub(crate) fn replies(self) -> usize {
        if self == Test::Multi { SETS + 2 } else { 1 }
    }
}

/// The requests of one batch.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Where each request ends.
    ends: Vec<usize>,
    /// Where the digits of keys stand.
    keys: Vec<usize>,
    /// Where the digits of integer values stand, one for each of `keys`; empty if values are bytes.
    values: Vec<usize>,
}

impl Batch {
    pub(crate) fn new(options: &Options, test: Test) -> Batch {
        let mut batch =
            Batch { bytes: Vec::new(), ends: Vec::new(), keys: Vec::new(), values: Vec::new() };
        for _ in 0..options.pipeline {
            batch.push_request(options, test);
            batch.ends.push(batch.bytes.len());
        }
        batch
    }

    /// Rewrites the keys, and returns the bytes of the first `count` requests.
    pub(crate) fn prepare(&mut self, count: usize, numbers: &mut Numbers) -> &[u8] {
        if let Keys::One = numbers.keys {
            return &self.bytes[..self.ends[count - 1]];
        }
        let end = self.ends[count - 1];
        for (index, &at) in self.keys.iter().take_while(|&&at| at < end).enumerate() {
            let number = numbers.next();
            write_digits(&mut self.bytes[at..at + DIGITS], number);
            if let Some(&at) = self.values.get(index) {
                write_digits(&mut self.bytes[at..at + DIGITS], FIRST_INTEGER + number);
            }
        }
        &self.bytes[..end]
    }

    fn push_request(&mut self, options: &Options, test: Test) {
        match test {
            Test::Ping => {
                self.push_count(1);
                self.push_word(b"PING");
            }
            Test::Multi => {
                self.push_count(1);
                self.push_word(b"MULTI");
                (0..SETS).for_each(|_| self.push_request(options, Test::Set));
                self.push_count(1);
                self.push_word(b"EXEC");
            }
            Test::Publish => {
                self.push_count(3);
                self.push_word(b"PUBLISH");
                self.push_word(CHANNEL);
                self.push_word(&options.message());
            }
            Test::Set => {
                self.push_count(if options.expiry_s.is_some() { 5 } else { 3 });
                self.push_word(b"SET");
                self.push_key(KEY);
                match options.values {
                    Values::Bytes(length) => self.push_word(&vec![b'x'; length]),
                    Values::Integers => {
                        self.push_word(FIRST_INTEGER.to_string().as_bytes());
                        self.values.push(self.bytes.len() - DIGITS - 2);
                    }
                }
                if let Some(seconds) = options.expiry_s {
                    self.push_word(b"EX");
                    self.push_word(seconds.to_string().as_bytes());
                }
            }
            Test::Get => {
                self.push_count(2);
                self.push_word(b"GET");
                self.push_key(KEY);
            }
            Test::Incr => {
                self.push_count(2);
                self.push_word(b"INCR");
                // Keys of their own, as in `redis-benchmark`: those of SET hold no numbers.
                self.push_key(COUNTER);
            }
            Test::Mget => {
                self.push_count(1 + MGET_KEYS);
                self.push_word(b"MGET");
                (0..MGET_KEYS).for_each(|_| self.push_key(KEY));
            }
            Test::Own => {
                self.push_count(options.words.len());
                options.words.iter().for_each(|word| self.push_pattern(word));
            }
        }
    }

    fn push_count(&mut self, count: usize) {
        self.bytes.extend_from_slice(format!("*{count}\r\n").as_bytes());
    }

    fn push_word(&mut self, word: &[u8]) {
        self.bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        self.bytes.extend_from_slice(word);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn push_pattern(&mut self, word: &[u8]) {
        self.push_word(word);
        let begin = self.bytes.len() - word.len() - 2;
        self.keys.extend(memchr::memmem::find_iter(word, PLACEHOLDER).map(|at| begin + at));
    }

    fn push_key(&mut self, pattern: &[u8]) {
        self.push_word(pattern);
        self.keys.push(self.bytes.len() - DIGITS - 2);
    }
}

/// The numbers of the keys to come.
#[derive(Clone, Debug)]
pub(crate) struct Numbers {
    keys: Keys,
    state: u64,
    /// Between two numbers of a sequence, so that threads take turns.
    step: u64,
}

impl Numbers {
    /// The numbers for thread `thread` of `threads`.
    pub(crate) fn new(options: &Options, thread: u64, threads: u64) -> Numbers {
        let state = match options.keys {
            Keys::Sequential { first } => first + thread,
            Keys::One | Keys::Random(_) => {
                // Xorshift never leaves 0.
                (options.seed + thread).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
            }
        };
        Numbers { keys: options.keys, state, step: threads }
    }

    fn next(&mut self) -> u64 {
        match self.keys {
            Keys::One => 0,
            Keys::Sequential { .. } => {
                let number = self.state;
                self.state += self.step;
                number
            }
            Keys::Random(count) => {
                self.state ^= self.state << 13;
                self.state ^= self.state >> 7;
                self.state ^= self.state << 17;
                // The high half of a product spreads over the range without a division.
                let wide = u128::from(self.state.wrapping_mul(0x2545_f491_4f6c_dd1d));
                u64::try_from((wide * u128::from(count)) >> 64).unwrap_or(0)
            }
        }
    }
}

fn write_digits(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(keys: Keys) -> Options {
        Options { pipeline: 2, keys, ..Options::default() }
    }

    fn text(options: &Options, test: Test, count: usize) -> String {
        let mut numbers = Numbers::new(options, 0, 1);
        let mut batch = Batch::new(options, test);
        String::from_utf8(batch.prepare(count, &mut numbers).to_vec()).unwrap()
    }

    #[test]
    fn a_batch_holds_its_requests() {
        let options = options(Keys::Sequential { first: 41 });
        assert_eq!(
            text(&options, Test::Get, 2),
            "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000041\r\n*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000042\r\n"
        );
        assert_eq!(
            text(&options, Test::Set, 1),
            "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000041\r\n$3\r\nxxx\r\n"
        );
    }

    #[test]
    fn the_digits_of_a_request_of_ones_own_are_written() {
        let words = ["MSET", "a__rand_int__", "__rand_int__b"];
        let words = words.map(|word| word.as_bytes().to_vec()).to_vec();
        let options = Options { words, ..options(Keys::Sequential { first: 7 }) };
        assert_eq!(
            text(&options, Test::Own, 1),
            "*3\r\n$4\r\nMSET\r\n$13\r\na000000000007\r\n$13\r\n000000000008b\r\n"
        );
    }

    #[test]
    fn a_transaction_is_one_request() {
        let options = options(Keys::Sequential { first: 0 });
        let text = text(&options, Test::Multi, 1);
        assert!(text.starts_with("*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n"), "{text}");
        assert!(text.ends_with("\r\n*1\r\n$4\r\nEXEC\r\n"), "{text}");
        assert_eq!(text.matches('*').count(), Test::Multi.replies());
    }

    #[test]
    fn integers_and_times_to_live_are_written() {
        let options = Options {
            values: Values::Integers,
            expiry_s: Some(9),
            ..options(Keys::Sequential { first: 5 })
        };
        assert_eq!(
            text(&options, Test::Set, 1),
            "*5\r\n$3\r\nSET\r\n$16\r\nkey:000000000005\r\n$12\r\n100000000005\r\n$2\r\nEX\r\n$1\r\n9\r\n"
        );
    }

    #[test]
    fn random_keys_cover_their_range() {
        let options = options(Keys::Random(10));
        let mut numbers = Numbers::new(&options, 3, 4);
        let mut seen = [false; 10];
        for _ in 0..1000 {
            seen[usize::try_from(numbers.next()).unwrap()] = true;
        }
        assert_eq!(seen, [true; 10]);
    }
}
