//! The requests found in one round of parsing.

use std::sync::Arc;

use super::words::{Span, Words};
use crate::limits::{BATCH_INLINE_BYTES, BATCH_REQUESTS, BATCH_SPANS};

/// The complete requests of one parse, and where their words lie. A worker needs one, for all its
/// connections: a parse clears it and keeps its room.
#[derive(Debug, Default)]
pub struct Batch {
    requests: Vec<Request>,
    pub(super) spans: Vec<Span>,
    /// The words of the inline requests, unquoted.
    pub(super) inline: Vec<u8>,
    /// The words of the first request that were received apart.
    pub(super) supplied: Vec<Arc<Vec<u8>>>,
    consumed: usize,
}

#[derive(Debug, Clone, Copy)]
struct Request {
    /// Where its spans count from: in the buffer, or in the batch's inline bytes.
    base: usize,
    is_inline: bool,
    /// Its bytes are those that encoding its words gives.
    is_as_encoded: bool,
    /// Where its spans begin, after those of the request before, and where they end.
    spans: (usize, usize),
    /// The position in the buffer just after it.
    end: usize,
}

impl Batch {
    /// An empty batch; reserves nothing.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// The number of requests.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether it holds no request.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The words of the request at `index`; `buffer` is the one that was parsed. A batch has no
    /// words for a request that it does not hold.
    #[inline]
    pub fn words<'a>(&'a self, index: usize, buffer: &'a [u8]) -> Words<'a> {
        let Some(request) = self.requests.get(index) else {
            return Words::new(&[], &[]);
        };
        let spans = self.spans.get(request.spans.0..request.spans.1).unwrap_or_default();
        if request.is_as_encoded {
            let bytes = buffer.get(request.base..request.end).unwrap_or_default();
            return Words::as_encoded(bytes, spans);
        }
        let bytes = if request.is_inline { &self.inline } else { buffer };
        let words = Words::new(bytes.get(request.base..).unwrap_or_default(), spans);
        if index == 0 { words.with_supplied(&self.supplied) } else { words }
    }

    /// The word at `position` of the request at `index`: that of its [words](Batch::words), for who needs no other.
    #[inline]
    pub fn word<'a>(&'a self, index: usize, position: usize, buffer: &'a [u8]) -> Option<&'a [u8]> {
        let request = self.requests.get(index)?;
        if !request.is_as_encoded {
            return self.words(index, buffer).get(position);
        }
        let place = request.spans.0.wrapping_add(position);
        if request.spans.1 <= place {
            return None;
        }
        // None of them was received apart.
        let span = self.spans.get(place)?;
        let start = request.base.wrapping_add(span.start as usize);
        buffer.get(start..start.wrapping_add(span.len as usize))
    }

    /// The arguments of the first request that were received apart (see
    /// [`RequestParser::supply`](super::RequestParser::supply)); only that one can have some.
    pub fn supplied(&self) -> &[Arc<Vec<u8>>] {
        &self.supplied
    }

    /// The position in the buffer just after the request at `index`: where to go on if what comes
    /// after it must wait.
    pub fn end(&self, index: usize) -> usize {
        self.requests.get(index).map_or(self.consumed, |request| request.end)
    }

    /// The position in the buffer up to which the parse needs it no more once the requests are
    /// executed: the next parse begins there. Beyond [`Batch::end`] of the last request lie empty
    /// requests at most.
    pub fn consumed(&self) -> usize {
        self.consumed
    }

    /// Forgets the requests, and gives back room that only a rare big request needs.
    pub fn clear(&mut self) {
        self.requests.clear();
        self.spans.clear();
        self.inline.clear();
        self.supplied.clear();
        self.requests.shrink_to(BATCH_REQUESTS);
        self.spans.shrink_to(BATCH_SPANS);
        self.inline.shrink_to(BATCH_INLINE_BYTES);
    }

    /// Adds the request whose spans were appended last.
    pub(super) fn finish(&mut self, base: usize, is_inline: bool, end: usize) {
        let spans = self.next_spans();
        self.requests.push(Request { base, is_inline, is_as_encoded: false, spans, end });
        self.consumed = end;
    }

    /// The same for one whose bytes are those that encoding its words gives.
    #[inline]
    pub(super) fn finish_as_encoded(&mut self, base: usize, end: usize) {
        let spans = self.next_spans();
        self.requests.push(Request { base, is_inline: false, is_as_encoded: true, spans, end });
        self.consumed = end;
    }

    /// Those after the spans of the last request.
    #[inline]
    fn next_spans(&self) -> (usize, usize) {
        (self.requests.last().map_or(0, |before| before.spans.1), self.spans.len())
    }

    pub(super) fn consume(&mut self, end: usize) {
        self.consumed = end;
    }
}
