//! Reading the words of a call in order.
//!
//! [`Arguments`] is small and `Copy`: a handler takes its own, reads word after word, and may look
//! ahead with a copy. Every reader returns the reply for the case that the word is not what it should
//! be, so that a handler is a sequence of `?`.
//!
//! ```
//! use ochre_command::Arguments;
//! use resp::{OwnedWords, ReplyError};
//!
//! fn expiry(mut arguments: Arguments<'_>) -> Result<(&[u8], Option<i64>), ReplyError> {
//!     let key = arguments.string()?;
//!     let mut seconds = None;
//!     while let Some(word) = arguments.peek_keyword() {
//!         arguments.skip();
//!         match &*word {
//!             b"EX" => seconds = Some(arguments.integer()?),
//!             b"KEEPTTL" => seconds = None,
//!             _ => return Err(ReplyError::Syntax),
//!         }
//!     }
//!     arguments.finish()?;
//!     Ok((key, seconds))
//! }
//!
//! let words: OwnedWords = ["k", "ex", "10"].into_iter().collect();
//! assert_eq!(expiry(Arguments::new(words.as_words())), Ok((&b"k"[..], Some(10))));
//! ```

use resp::number::{parse_double, parse_integer};
use resp::{ReplyError, Words};

/// The words of a call that have not been read yet.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    words: Words<'a>,
}

impl<'a> Arguments<'a> {
    /// Reads `words`, which don't begin with the name of the command.
    #[inline]
    pub fn new(words: Words<'a>) -> Arguments<'a> {
        Arguments { words }
    }

    /// How many words are left.
    #[inline]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether no word is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words that are left.
    #[inline]
    pub fn rest(&self) -> Words<'a> {
        self.words
    }

    /// The next word, without passing over it.
    #[inline]
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.words.first()
    }

    /// The next word in capitals, without passing over it; nothing if none is left, or if no keyword
    /// is that long.
    #[inline]
    pub fn peek_keyword(&self) -> Option<Keyword> {
        Keyword::new(self.peek()?)
    }

    /// Whether the next word is `keyword` (in capitals), in any case.
    #[inline]
    pub fn keyword_is(&self, keyword: &[u8]) -> bool {
        self.peek().is_some_and(|word| word.eq_ignore_ascii_case(keyword))
    }

    /// Passes over the next word if it is `keyword` (in capitals), and tells whether it was.
    #[inline]
    pub fn accept(&mut self, keyword: &[u8]) -> bool {
        let accepted = self.keyword_is(keyword);
        if accepted {
            self.skip();
        }
        accepted
    }

    /// Passes over `keyword` (in capitals); a syntax error if the next word is another.
    #[inline]
    pub fn expect(&mut self, keyword: &[u8]) -> Result<(), ReplyError> {
        if self.accept(keyword) { Ok(()) } else { Err(ReplyError::Syntax) }
    }

    /// Passes over a word that was peeked at.
    #[inline]
    pub fn skip(&mut self) {
        self.words = self.words.skip(1);
    }

    /// The next word, if there is one.
    #[inline]
    pub fn next_word(&mut self) -> Option<&'a [u8]> {
        let word = self.words.first()?;
        self.skip();
        Some(word)
    }

    /// The next word; a syntax error if there is none.
    #[inline]
    pub fn string(&mut self) -> Result<&'a [u8], ReplyError> {
        self.next_word().ok_or(ReplyError::Syntax)
    }

    /// The next word in capitals; a syntax error if there is none, or if no keyword is that long.
    #[inline]
    pub fn keyword(&mut self) -> Result<Keyword, ReplyError> {
        Keyword::new(self.string()?).ok_or(ReplyError::Syntax)
    }

    /// The next word as a 64-bit integer, written as the server itself would write it: no plus sign,
    /// no leading zeros or spaces.
    #[inline]
    pub fn integer(&mut self) -> Result<i64, ReplyError> {
        self.integer_or(ReplyError::NotInteger)
    }

    /// The same, with an error of the command's own.
    #[inline]
    pub fn integer_or(&mut self, error: ReplyError) -> Result<i64, ReplyError> {
        parse_integer(self.string()?).ok_or(error)
    }

    /// The next word as an integer that is not negative; the error for a negative one is `negative`.
    #[inline]
    pub fn unsigned_or(&mut self, negative: ReplyError) -> Result<u64, ReplyError> {
        u64::try_from(self.integer()?).map_err(|_| negative)
    }

    /// The next word as an integer that is not negative.
    #[inline]
    pub fn unsigned(&mut self) -> Result<u64, ReplyError> {
        self.unsigned_or(NOT_POSITIVE)
    }

    /// The next word as an integer of at least `least`; the error for a smaller one, and for what is
    /// no integer, is `error`.
    #[inline]
    pub fn at_least(&mut self, least: i64, error: ReplyError) -> Result<i64, ReplyError> {
        parse_integer(self.string()?).filter(|&number| least <= number).ok_or(error)
    }

    /// The next word as a number, infinite ones among them.
    #[inline]
    pub fn double(&mut self) -> Result<f64, ReplyError> {
        self.double_or(ReplyError::NotFloat)
    }

    /// The same, with an error of the command's own.
    #[inline]
    pub fn double_or(&mut self, error: ReplyError) -> Result<f64, ReplyError> {
        parse_double(self.string()?).filter(|number| !number.is_nan()).ok_or(error)
    }

    /// The next word as `parse` reads it, else `error`.
    #[inline]
    pub fn parsed<T>(
        &mut self,
        parse: impl FnOnce(&'a [u8]) -> Option<T>,
        error: ReplyError,
    ) -> Result<T, ReplyError> {
        parse(self.string()?).ok_or(error)
    }

    /// The next `count` words, read apart from those that follow them; a syntax error if there are
    /// fewer.
    #[inline]
    pub fn split(&mut self, count: usize) -> Result<Arguments<'a>, ReplyError> {
        if self.len() < count {
            return Err(ReplyError::Syntax);
        }
        let head = Arguments { words: self.words.take(count) };
        self.words = self.words.skip(count);
        Ok(head)
    }

    /// A syntax error if a word is left.
    #[inline]
    pub fn finish(&self) -> Result<(), ReplyError> {
        if self.is_empty() { Ok(()) } else { Err(ReplyError::Syntax) }
    }
}

/// A word in capitals, on the stack.
#[derive(Clone, Copy)]
pub struct Keyword {
    bytes: [u8; Keyword::LIMIT],
    length: usize,
}

impl Keyword {
    /// No keyword of any command is longer.
    pub const LIMIT: usize = 24;

    /// `word` in capitals; nothing if it is longer than any keyword.
    #[inline]
    pub fn new(word: &[u8]) -> Option<Keyword> {
        let mut bytes = [0; Keyword::LIMIT];
        bytes.get_mut(..word.len())?.copy_from_slice(word);
        bytes.make_ascii_uppercase();
        Some(Keyword { bytes, length: word.len() })
    }
}

impl std::ops::Deref for Keyword {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl std::fmt::Debug for Keyword {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.escape_ascii())
    }
}

const NOT_POSITIVE: ReplyError = ReplyError::message("value is out of range, must be positive");

#[cfg(test)]
mod tests {
    use resp::{OwnedWords, ReplyError};

    use super::{Arguments, Keyword};

    fn words(words: &[&str]) -> OwnedWords {
        words.iter().collect()
    }

    fn read<'a, T>(
        words: &'a OwnedWords,
        read: impl FnOnce(&mut Arguments<'a>) -> Result<T, ReplyError>,
    ) -> Result<T, ReplyError> {
        read(&mut Arguments::new(words.as_words()))
    }

    #[test]
    fn integers_are_strict() {
        assert_eq!(read(&words(&["-12"]), Arguments::integer), Ok(-12));
        assert_eq!(read(&words(&["9223372036854775807"]), Arguments::integer), Ok(i64::MAX));
        for word in ["", "+1", "01", " 1", "1 ", "1.0", "9223372036854775808", "-0", "x"] {
            assert_eq!(
                read(&words(&[word]), Arguments::integer),
                Err(ReplyError::NotInteger),
                "{word:?}"
            );
        }
        assert_eq!(read(&words(&[]), Arguments::integer), Err(ReplyError::Syntax));
    }

    #[test]
    fn bounds_have_errors_of_their_own() {
        let positive = ReplyError::message("value is out of range, must be positive");
        assert_eq!(read(&words(&["0"]), Arguments::unsigned), Ok(0));
        assert_eq!(read(&words(&["-1"]), Arguments::unsigned), Err(positive));
        assert_eq!(read(&words(&["x"]), Arguments::unsigned), Err(ReplyError::NotInteger));
        let error = ReplyError::message("must be positive");
        assert_eq!(read(&words(&["1"]), |words| words.at_least(1, error.clone())), Ok(1));
        assert_eq!(
            read(&words(&["0"]), |words| words.at_least(1, error.clone())),
            Err(error.clone())
        );
        assert_eq!(read(&words(&["x"]), |words| words.at_least(1, error.clone())), Err(error));
    }

    #[test]
    fn doubles_are_never_nan() {
        assert_eq!(read(&words(&["-inf"]), Arguments::double), Ok(f64::NEG_INFINITY));
        assert_eq!(read(&words(&["1e3"]), Arguments::double), Ok(1000.0));
        for word in ["nan", "-nan", "", "1 ", "x"] {
            assert_eq!(
                read(&words(&[word]), Arguments::double),
                Err(ReplyError::NotFloat),
                "{word:?}"
            );
        }
    }

    #[test]
    fn keywords_are_in_capitals_and_short() {
        assert_eq!(&*Keyword::new(b"withScores").unwrap(), b"WITHSCORES");
        assert_eq!(&*Keyword::new(b"").unwrap(), b"");
        assert!(Keyword::new(&[b'x'; Keyword::LIMIT]).is_some());
        assert!(Keyword::new(&[b'x'; Keyword::LIMIT + 1]).is_none());
    }

    #[test]
    fn words_are_passed_one_by_one() {
        let owned: OwnedWords = ["store", "k", "a", "b"].iter().collect();
        let mut words = Arguments::new(owned.as_words());
        let ahead = words;
        assert!(!words.accept(b"LIMIT"));
        assert!(words.accept(b"STORE"));
        assert_eq!(words.expect(b"X"), Err(ReplyError::Syntax));
        assert_eq!(words.string(), Ok(&b"k"[..]));
        assert_eq!(words.split(3).map(|rest| rest.len()), Err(ReplyError::Syntax));
        let mut pair = words.split(2).unwrap();
        assert_eq!((pair.next_word(), pair.next_word()), (Some(&b"a"[..]), Some(&b"b"[..])));
        assert_eq!((pair.next_word(), pair.peek().is_none()), (None, true));
        assert_eq!(words.finish(), Ok(()));
        assert_eq!((ahead.len(), ahead.finish()), (4, Err(ReplyError::Syntax)));
        assert_eq!(ahead.rest().get(1), Some(&b"k"[..]));
    }
}
