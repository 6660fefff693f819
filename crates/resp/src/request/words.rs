//! The words of a request, borrowed or owned.

use std::sync::Arc;

/// Where a word lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The position of its first byte.
    pub start: u32,
    /// The number of its bytes.
    pub len: u32,
}

/// Set in the `start` of a word that lies in no buffer: the rest is its place among those that were supplied.
const SUPPLIED: u32 = 1 << 31;

impl Span {
    /// The word that was supplied at this place.
    pub(super) fn supplied(place: u32) -> Span {
        Span { start: SUPPLIED | place, len: 0 }
    }

    /// The bytes of `buffer` that it covers, if they lie in it.
    pub fn of(self, buffer: &[u8]) -> Option<&[u8]> {
        buffer.get(self.start as usize..)?.get(..self.len as usize)
    }
}

/// The words of one request: the command's name and its arguments.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    buffer: &'a [u8],
    spans: &'a [Span],
    /// Long words that were received apart from the buffer.
    supplied: &'a [Arc<Vec<u8>>],
    /// They are all of a request, which is the buffer, and which encoding them gives.
    is_encoded: bool,
}

impl<'a> Words<'a> {
    /// The words that lie in `buffer` at `spans`.
    pub fn new(buffer: &'a [u8], spans: &'a [Span]) -> Words<'a> {
        Words { buffer, spans, supplied: &[], is_encoded: false }
    }

    /// The words of a request that is what encoding them gives.
    pub(super) fn as_encoded(request: &'a [u8], spans: &'a [Span]) -> Words<'a> {
        Words { buffer: request, spans, supplied: &[], is_encoded: true }
    }

    /// The same with words that were received apart.
    pub(super) fn with_supplied(self, supplied: &'a [Arc<Vec<u8>>]) -> Words<'a> {
        Words { supplied, ..self }
    }

    #[inline]
    fn resolve(&self, span: Span) -> Option<&'a [u8]> {
        if span.start & SUPPLIED == 0 {
            return span.of(self.buffer);
        }
        let place = (span.start & !SUPPLIED) as usize;
        self.supplied.get(place).map(|word| word.as_slice())
    }

    /// The number of words.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The word at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.resolve(*self.spans.get(index)?)
    }

    /// The first word.
    pub fn first(&self) -> Option<&'a [u8]> {
        self.get(0)
    }

    /// The words in order.
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator + Clone + use<'a> {
        let words = *self;
        self.spans.iter().map(move |span| words.resolve(*span).unwrap_or_default())
    }

    /// The words from the one at `count` on.
    #[inline]
    #[must_use]
    pub fn skip(&self, count: usize) -> Words<'a> {
        let spans = self.spans.get(count..).unwrap_or_default();
        Words { spans, is_encoded: false, ..*self }
    }

    /// The words before the one at `count`.
    #[must_use]
    pub fn take(&self, count: usize) -> Words<'a> {
        let spans = self.spans.get(..count).unwrap_or(self.spans);
        Words { spans, is_encoded: false, ..*self }
    }

    /// The words that were received apart from the buffer, which may be kept without being copied.
    pub fn supplied(&self) -> &'a [Arc<Vec<u8>>] {
        self.supplied
    }

    /// The bytes of the whole request, if the words are all of one that was sent as [`encode_words`](crate::value::encode_words) would
    /// have: to be passed on as it is. Most requests are; which is cheaper to see than to encode one.
    #[inline]
    pub fn as_sent(&self) -> Option<&'a [u8]> {
        if self.is_encoded { Some(self.buffer) } else { self.as_sent_if_encoded() }
    }

    /// The same where nobody has looked yet.
    fn as_sent_if_encoded(&self) -> Option<&'a [u8]> {
        let count = u8::try_from(self.spans.len()).ok().filter(|count| *count <= 9)?;
        let [b'*', digit, b'\r', b'\n', ..] = self.buffer else { return None };
        if *digit != b'0'.wrapping_add(count) || !self.supplied.is_empty() {
            return None;
        }
        let ends_line =
            |from: usize| self.buffer.get(from..).is_some_and(|rest| rest.starts_with(b"\r\n"));
        let mut end = 0;
        for span in self.spans {
            let start = span.start as usize;
            let after = start.checked_add(span.len as usize)?;
            // What follows a length and a word may be any two bytes in a request.
            if !ends_line(start.checked_sub(2)?) || !ends_line(after) {
                return None;
            }
            end = after.checked_add(2)?;
        }
        self.buffer.get(..end)
    }

    /// The number of bytes of all words together.
    pub fn bytes(&self) -> usize {
        self.iter().fold(0, |sum, word| sum.saturating_add(word.len()))
    }
}

impl std::fmt::Debug for Words<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = self.iter().map(|word| word.escape_ascii().to_string());
        formatter.debug_list().entries(words).finish()
    }
}

impl PartialEq for Words<'_> {
    fn eq(&self, other: &Words<'_>) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Words that hold their bytes themselves: a queued call, a call made by the server.
#[derive(Clone, Default)]
pub struct OwnedWords {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    supplied: Vec<Arc<Vec<u8>>>,
}

impl OwnedWords {
    /// The words, to read.
    pub fn as_words(&self) -> Words<'_> {
        Words::new(&self.bytes, &self.spans).with_supplied(&self.supplied)
    }

    /// Appends a word. Words beyond 2 GiB together are cut.
    pub fn push(&mut self, word: &[u8]) {
        const MOST: u32 = SUPPLIED.wrapping_sub(1);
        let start = u32::try_from(self.bytes.len()).unwrap_or(MOST);
        let room = MOST.saturating_sub(start);
        let len = u32::try_from(word.len()).unwrap_or(u32::MAX).min(room);
        self.bytes.extend_from_slice(word.get(..len as usize).unwrap_or_default());
        self.spans.push(Span { start, len });
    }

    /// Appends a word that may be kept without being copied: see [`Words::supplied`].
    pub fn push_shared(&mut self, word: Arc<Vec<u8>>) {
        let place = u32::try_from(self.supplied.len()).unwrap_or(0);
        self.spans.push(Span::supplied(place));
        self.supplied.push(word);
    }

    /// Forgets the words, and keeps the room for others.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.supplied.clear();
    }

    /// Gives back the room beyond so many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        self.bytes.shrink_to(bytes);
        self.spans.shrink_to(bytes >> 3);
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        let spans = self.spans.capacity().saturating_mul(size_of::<Span>());
        let supplied =
            self.supplied.iter().fold(0_usize, |sum, word| sum.saturating_add(word.capacity()));
        self.bytes.capacity().saturating_add(spans).saturating_add(supplied)
    }
}

impl<Word: AsRef<[u8]>> FromIterator<Word> for OwnedWords {
    fn from_iter<Iterable: IntoIterator<Item = Word>>(words: Iterable) -> OwnedWords {
        let mut owned = OwnedWords::default();
        for word in words {
            owned.push(word.as_ref());
        }
        owned
    }
}

impl From<Words<'_>> for OwnedWords {
    fn from(words: Words<'_>) -> OwnedWords {
        let is_here = |span: &&Span| span.start & SUPPLIED == 0;
        let bytes = words.spans.iter().filter(is_here);
        let bytes = bytes.fold(0_usize, |sum, span| sum.saturating_add(span.len as usize));
        let mut owned = OwnedWords {
            bytes: Vec::with_capacity(bytes),
            spans: Vec::with_capacity(words.len()),
            // Long ones are shared.
            supplied: words.supplied.to_vec(),
        };
        for span in words.spans {
            if is_here(&span) {
                owned.push(span.of(words.buffer).unwrap_or_default());
            } else {
                owned.spans.push(*span);
            }
        }
        owned
    }
}

impl std::fmt::Debug for OwnedWords {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_words().fmt(formatter)
    }
}

impl PartialEq for OwnedWords {
    fn eq(&self, other: &OwnedWords) -> bool {
        self.as_words() == other.as_words()
    }
}
