//! The words of a request, borrowed or owned.

/// Where a word lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The position of its first byte.
    pub start: u32,
    /// The number of its bytes.
    pub len: u32,
}

impl Span {
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
}

impl<'a> Words<'a> {
    /// The words that lie in `buffer` at `spans`.
    pub fn new(buffer: &'a [u8], spans: &'a [Span]) -> Words<'a> {
        Words { buffer, spans }
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
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index)?.of(self.buffer)
    }

    /// The first word.
    pub fn first(&self) -> Option<&'a [u8]> {
        self.get(0)
    }

    /// The words in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator + use<'a> {
        let buffer = self.buffer;
        self.spans.iter().map(move |span| span.of(buffer).unwrap_or_default())
    }

    /// The words from the one at `count` on.
    #[must_use]
    pub fn skip(&self, count: usize) -> Words<'a> {
        Words { buffer: self.buffer, spans: self.spans.get(count..).unwrap_or_default() }
    }

    /// The words before the one at `count`.
    #[must_use]
    pub fn take(&self, count: usize) -> Words<'a> {
        Words { buffer: self.buffer, spans: self.spans.get(..count).unwrap_or(self.spans) }
    }

    /// The number of bytes of all words together.
    pub fn bytes(&self) -> usize {
        self.spans.iter().fold(0, |sum, span| sum.saturating_add(span.len as usize))
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
}

impl OwnedWords {
    /// The words, to read.
    pub fn as_words(&self) -> Words<'_> {
        Words::new(&self.bytes, &self.spans)
    }

    /// Appends a word. Words beyond 4 GiB together are cut.
    pub fn push(&mut self, word: &[u8]) {
        let start = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let room = u32::MAX.saturating_sub(start);
        let len = u32::try_from(word.len()).unwrap_or(u32::MAX).min(room);
        self.bytes.extend_from_slice(word.get(..len as usize).unwrap_or_default());
        self.spans.push(Span { start, len });
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        let spans = self.spans.capacity().saturating_mul(size_of::<Span>());
        self.bytes.capacity().saturating_add(spans)
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
        let mut owned = OwnedWords {
            bytes: Vec::with_capacity(words.bytes()),
            spans: Vec::with_capacity(words.len()),
        };
        for word in words.iter() {
            owned.push(word);
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
