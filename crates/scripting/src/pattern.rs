//! Patterns of Lua 5.1, matched step by step.
//!
//! A pattern can ask for more steps than anybody has time for, and whoever matches it must be able to stop. So this takes one step
//! after the other, and now and then asks whether it may go on. What could have gone otherwise is kept as a list of [`Choice`]s: when
//! nothing matches any more, the last one is taken back. There is at most one for each item of the pattern, so that neither a
//! long text nor a long pattern needs a deep stack.
//!
//! A pattern ends at its first zero byte, and what is wrong with it is an error only where matching comes to it: both as in Lua.
//!
//! Nothing here is the interpreter's, and nothing raises its errors.

use smallvec::SmallVec;

/// The most captures of a pattern.
const CAPTURES: usize = 32;
/// Steps between two questions whether to go on: a fraction of a millisecond.
const STEPS: usize = 1 << 16;
/// Choices that take no allocation.
const FEW: usize = 16;

const ESCAPE: u8 = b'%';

/// Why a match was given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wrong {
    EndsWithEscape,
    MissingBracket,
    MissingSetOfFrontier,
    Unbalanced,
    TooManyCaptures,
    NoCaptureToClose,
    CaptureIndex,
    Unfinished,
    /// It was told to stop.
    Stopped,
}

/// A part of the text that was captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Capture {
    pub(crate) start: usize,
    pub(crate) extent: Extent,
}

/// How far a capture reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Extent {
    /// Its end is not reached yet.
    Open,
    Bytes(usize),
    /// It is the position itself.
    Position,
}

/// What was captured by the last match, and how soon it is asked again whether to go on. It needs no dropping, and is kept from
/// one match to the next.
pub(crate) struct Captures {
    list: [Capture; CAPTURES],
    len: usize,
    /// Until the next question.
    steps: usize,
}

impl Captures {
    pub(crate) fn new() -> Captures {
        let nothing = Capture { start: 0, extent: Extent::Open };
        Captures { list: [nothing; CAPTURES], len: 0, steps: STEPS }
    }

    pub(crate) fn as_slice(&self) -> &[Capture] {
        self.list.get(..self.len).unwrap_or_default()
    }
}

/// Something that could go otherwise.
#[derive(Clone, Copy)]
enum Choice {
    /// An item has taken as much as it could, up to here; it could take less, down to `least`.
    Less { at: usize, least: usize, next: usize },
    /// An item has taken as little as it could; it could take one more.
    More { at: usize, item: usize, next: usize },
    /// An item was taken; it could be left out.
    Without { at: usize, next: usize },
    /// A capture was begun.
    Begun,
    /// This capture was ended.
    Ended(usize),
}

/// What a step comes to.
enum Step {
    /// Matching goes on here, in the text and in the pattern.
    To(usize, usize),
    /// All of the pattern has matched, up to here.
    Done(usize),
    Failed,
}

/// A pattern and the text in which it is looked for.
pub(crate) struct Matcher<'a> {
    text: &'a [u8],
    pattern: &'a [u8],
    captures: &'a mut Captures,
    choices: SmallVec<[Choice; FEW]>,
    goes_on: &'a dyn Fn() -> bool,
}

impl<'a> Matcher<'a> {
    /// `goes_on` is asked now and then.
    pub(crate) fn new(
        text: &'a [u8],
        pattern: &'a [u8],
        captures: &'a mut Captures,
        goes_on: &'a dyn Fn() -> bool,
    ) -> Matcher<'a> {
        Matcher { text, pattern, captures, choices: SmallVec::new(), goes_on }
    }

    /// The first match at `start` or behind it, or only there: where it begins and ends.
    pub(crate) fn find(
        &mut self,
        start: usize,
        anchored: bool,
    ) -> Result<Option<(usize, usize)>, Wrong> {
        for at in start..=self.text.len() {
            if let Some(end) = self.match_at(at)? {
                return Ok(Some((at, end)));
            }
            if anchored {
                break;
            }
        }
        Ok(None)
    }

    /// Where a match ends that begins here.
    fn match_at(&mut self, start: usize) -> Result<Option<usize>, Wrong> {
        self.captures.len = 0;
        self.choices.clear();
        let (mut at, mut item) = (start, 0);
        loop {
            self.count(1)?;
            match self.step(at, item)? {
                Step::To(next, after) => (at, item) = (next, after),
                Step::Done(end) => return Ok(Some(end)),
                Step::Failed => match self.retreat()? {
                    Some(other) => (at, item) = other,
                    None => return Ok(None),
                },
            }
        }
    }

    #[inline]
    fn count(&mut self, steps: usize) -> Result<(), Wrong> {
        match self.captures.steps.checked_sub(steps) {
            Some(left) => self.captures.steps = left,
            None => {
                self.captures.steps = STEPS;
                if !(self.goes_on)() {
                    return Err(Wrong::Stopped);
                }
            }
        }
        Ok(())
    }

    /// Goes back to the last choice and takes what is left of it.
    fn retreat(&mut self) -> Result<Option<(usize, usize)>, Wrong> {
        while let Some(choice) = self.choices.pop() {
            self.count(1)?;
            match choice {
                Choice::Less { at, least, next } => {
                    let at = at.saturating_sub(1);
                    if least < at {
                        self.choices.push(Choice::Less { at, least, next });
                    }
                    return Ok(Some((at, next)));
                }
                Choice::More { at, item, next } => {
                    if self.takes(at, item, next)? {
                        let at = at.saturating_add(1);
                        self.choices.push(Choice::More { at, item, next });
                        return Ok(Some((at, next)));
                    }
                }
                Choice::Without { at, next } => return Ok(Some((at, next))),
                Choice::Begun => self.captures.len = self.captures.len.saturating_sub(1),
                Choice::Ended(number) => {
                    if let Some(capture) = self.captures.list.get_mut(number) {
                        capture.extent = Extent::Open;
                    }
                }
            }
        }
        Ok(None)
    }

    fn step(&mut self, at: usize, item: usize) -> Result<Step, Wrong> {
        match self.symbol(item) {
            0 => Ok(Step::Done(at)),
            b'(' => self.begin_capture(at, item),
            b')' => self.end_capture(at, item),
            b'$' if self.symbol(item.saturating_add(1)) == 0 => {
                Ok(if at == self.text.len() { Step::Done(at) } else { Step::Failed })
            }
            ESCAPE => match self.symbol(item.saturating_add(1)) {
                b'b' => self.balance(at, item.saturating_add(2)),
                b'f' => self.frontier(at, item.saturating_add(2)),
                digit @ b'0'..=b'9' => self.repeat_capture(at, item, digit),
                _ => self.single(at, item),
            },
            _ => self.single(at, item),
        }
    }

    /// A byte of the pattern; zero at its end.
    fn symbol(&self, place: usize) -> u8 {
        self.pattern.get(place).copied().unwrap_or(0)
    }

    /// An item that matches one byte, and how often it may.
    fn single(&mut self, at: usize, item: usize) -> Result<Step, Wrong> {
        let end = self.end_of_single(item)?;
        let next = end.saturating_add(1);
        Ok(match self.symbol(end) {
            b'?' => {
                if self.is_taken(at, item, end) {
                    self.choices.push(Choice::Without { at, next });
                    Step::To(at.saturating_add(1), next)
                } else {
                    Step::To(at, next)
                }
            }
            b'*' => self.take_most(at, at, item, end)?,
            b'+' if self.is_taken(at, item, end) => {
                self.take_most(at.saturating_add(1), at.saturating_add(1), item, end)?
            }
            b'+' => Step::Failed,
            b'-' => {
                self.choices.push(Choice::More { at, item, next });
                Step::To(at, next)
            }
            _ if self.is_taken(at, item, end) => Step::To(at.saturating_add(1), end),
            _ => Step::Failed,
        })
    }

    fn take_most(
        &mut self,
        least: usize,
        at: usize,
        item: usize,
        end: usize,
    ) -> Result<Step, Wrong> {
        let rest = self.text.get(at..).unwrap_or_default();
        let taken = rest.iter().take_while(|byte| self.matches_single(**byte, item, end)).count();
        self.count(taken)?;
        let (at, next) = (at.saturating_add(taken), end.saturating_add(1));
        if least < at {
            self.choices.push(Choice::Less { at, least, next });
        }
        Ok(Step::To(at, next))
    }

    /// Whether an item takes one more byte; `next` is what comes after it and its `-`.
    fn takes(&mut self, at: usize, item: usize, next: usize) -> Result<bool, Wrong> {
        self.count(1)?;
        Ok(self.is_taken(at, item, next.saturating_sub(1)))
    }

    fn is_taken(&self, at: usize, item: usize, end: usize) -> bool {
        self.text.get(at).is_some_and(|byte| self.matches_single(*byte, item, end))
    }

    fn matches_single(&self, byte: u8, item: usize, end: usize) -> bool {
        match self.symbol(item) {
            b'.' => true,
            ESCAPE => is_of_class(byte, self.symbol(item.saturating_add(1))),
            b'[' => self.is_in_set(byte, item, end.saturating_sub(1)),
            literal => byte == literal,
        }
    }

    /// Where an item ends that matches one byte.
    fn end_of_single(&self, item: usize) -> Result<usize, Wrong> {
        let after = item.saturating_add(1);
        match self.symbol(item) {
            ESCAPE if self.symbol(after) == 0 => Err(Wrong::EndsWithEscape),
            ESCAPE => Ok(after.saturating_add(1)),
            b'[' => self.end_of_set(after),
            _ => Ok(after),
        }
    }

    /// The same for a set; `place` is behind its bracket.
    fn end_of_set(&self, mut place: usize) -> Result<usize, Wrong> {
        if self.symbol(place) == b'^' {
            place = place.saturating_add(1);
        }
        // A bracket that comes first is one of the set.
        let first = place;
        loop {
            match self.symbol(place) {
                0 => return Err(Wrong::MissingBracket),
                b']' if first < place => return Ok(place.saturating_add(1)),
                ESCAPE if self.symbol(place.saturating_add(1)) != 0 => {
                    place = place.saturating_add(2);
                }
                _ => place = place.saturating_add(1),
            }
        }
    }

    /// Whether a byte is in the set between these brackets.
    fn is_in_set(&self, byte: u8, open: usize, close: usize) -> bool {
        let mut place = open.saturating_add(1);
        let is_negated = self.symbol(place) == b'^';
        if is_negated {
            place = place.saturating_add(1);
        }
        while place < close {
            let (symbol, after) = (self.symbol(place), self.symbol(place.saturating_add(1)));
            let upper = place.saturating_add(2);
            let is_in = if symbol == ESCAPE {
                place = upper;
                is_of_class(byte, after)
            } else if after == b'-' && upper < close {
                place = upper.saturating_add(1);
                (symbol..=self.symbol(upper)).contains(&byte)
            } else {
                place = place.saturating_add(1);
                byte == symbol
            };
            if is_in {
                return !is_negated;
            }
        }
        is_negated
    }

    fn begin_capture(&mut self, at: usize, item: usize) -> Result<Step, Wrong> {
        let is_position = self.symbol(item.saturating_add(1)) == b')';
        let extent = if is_position { Extent::Position } else { Extent::Open };
        let Captures { list, len, .. } = &mut *self.captures;
        let capture = list.get_mut(*len).ok_or(Wrong::TooManyCaptures)?;
        *capture = Capture { start: at, extent };
        *len = len.saturating_add(1);
        self.choices.push(Choice::Begun);
        Ok(Step::To(at, item.saturating_add(if is_position { 2 } else { 1 })))
    }

    fn end_capture(&mut self, at: usize, item: usize) -> Result<Step, Wrong> {
        let captured = self.captures.as_slice();
        let last = captured.iter().rposition(|capture| capture.extent == Extent::Open);
        let number = last.ok_or(Wrong::NoCaptureToClose)?;
        if let Some(capture) = self.captures.list.get_mut(number) {
            capture.extent = Extent::Bytes(at.saturating_sub(capture.start));
        }
        self.choices.push(Choice::Ended(number));
        Ok(Step::To(at, item.saturating_add(1)))
    }

    /// `%1`: what was captured, once more.
    fn repeat_capture(&mut self, at: usize, item: usize, digit: u8) -> Result<Step, Wrong> {
        let number = usize::from(digit).checked_sub(usize::from(b'1'));
        let capture = number.and_then(|number| self.captures.as_slice().get(number)).copied();
        let Capture { start, extent } = capture.ok_or(Wrong::CaptureIndex)?;
        let length = match extent {
            Extent::Open => return Err(Wrong::CaptureIndex),
            // No text is like a position.
            Extent::Position => return Ok(Step::Failed),
            Extent::Bytes(length) => length,
        };
        self.count(length)?;
        let captured = self.text.get(start..start.saturating_add(length)).unwrap_or_default();
        if self.text.get(at..).unwrap_or_default().starts_with(captured) {
            Ok(Step::To(at.saturating_add(length), item.saturating_add(2)))
        } else {
            Ok(Step::Failed)
        }
    }

    /// `%bxy`: from an x to the y that balances it. `item` is behind the `%b`.
    fn balance(&mut self, at: usize, item: usize) -> Result<Step, Wrong> {
        let (open, close) = (self.symbol(item), self.symbol(item.saturating_add(1)));
        if open == 0 || close == 0 {
            return Err(Wrong::Unbalanced);
        }
        let mut rest = self.text.get(at..).unwrap_or_default().iter();
        if rest.next() != Some(&open) {
            return Ok(Step::Failed);
        }
        let mut depth = 1_usize;
        for (length, &byte) in (2_usize..).zip(rest) {
            if byte == close {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    self.count(length)?;
                    return Ok(Step::To(at.saturating_add(length), item.saturating_add(2)));
                }
            } else if byte == open {
                depth = depth.saturating_add(1);
            }
        }
        self.count(self.text.len().saturating_sub(at))?;
        Ok(Step::Failed)
    }

    /// `%f[set]`: between a byte that is not in the set and one that is; beyond both ends of the text there are zeros.
    fn frontier(&mut self, at: usize, item: usize) -> Result<Step, Wrong> {
        if self.symbol(item) != b'[' {
            return Err(Wrong::MissingSetOfFrontier);
        }
        let end = self.end_of_single(item)?;
        let byte = |place: Option<usize>| {
            place.and_then(|place| self.text.get(place)).copied().unwrap_or(0)
        };
        let close = end.saturating_sub(1);
        let is_frontier = !self.is_in_set(byte(at.checked_sub(1)), item, close)
            && self.is_in_set(byte(Some(at)), item, close);
        Ok(if is_frontier { Step::To(at, end) } else { Step::Failed })
    }
}

/// Whether a byte is of a class, such as `a` for letters and `A` for all else; what names no class stands for itself.
fn is_of_class(byte: u8, class: u8) -> bool {
    let is_in = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b' ' | b'\t'..=b'\r'),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return byte == class,
    };
    is_in != class.is_ascii_uppercase()
}
