//! Patterns of Lua 5.1, matched step by step.
//!
//! A pattern can ask for more steps than anybody has time for, and whoever matches it must be able to stop. So this takes one step
//! after the other, and now and then asks whether it may go on. What could have gone otherwise is kept as a list of [`Choice`]s: when
//! nothing matches any more, the last one is taken back. There is at most one for each item of the pattern, so that neither a
//! long text nor a long pattern needs a deep stack; a pattern with more of them than memory should be spent on is refused.
//!
//! A pattern ends at its first zero byte, and what is wrong with it is an error only where matching comes to it: both as in Lua.
//!
//! Nothing here is the interpreter's, and nothing raises its errors.

use std::ops::Range;

use smallvec::SmallVec;

/// The most captures of a pattern.
const CAPTURES: usize = 32;
/// Steps between two questions whether to go on: a fraction of a millisecond.
const STEPS: usize = 1 << 16;
/// Choices that take no allocation.
const FEW: usize = 16;
/// The most choices: some megabytes, which the memory of the script does not know of.
const MOST_CHOICES: usize = 1 << 18;

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
    /// There were too many choices.
    TooComplex,
    /// It was told to stop.
    Stopped,
}

/// A part of the text that was captured. No string of the interpreter's has more than 2 GiB.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Capture {
    start: u32,
    extent: Extent,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Extent {
    /// Its end is not reached yet.
    Open,
    End(u32),
    /// It is the position itself.
    Position,
}

/// What a capture gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Captured {
    Part(Range<usize>),
    /// So many bytes are before it.
    Position(usize),
}

impl Capture {
    pub(crate) fn captured(self) -> Result<Captured, Wrong> {
        let start = self.start as usize;
        match self.extent {
            Extent::Open => Err(Wrong::Unfinished),
            Extent::End(end) => Ok(Captured::Part(start..end as usize)),
            Extent::Position => Ok(Captured::Position(start)),
        }
    }
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

/// Something that could go otherwise. `must` is the byte with which alone it can go on.
#[derive(Clone, Copy)]
enum Choice {
    /// An item has taken as much as it could; before here it could take less, down to `least`.
    Less { at: usize, least: usize, next: usize, must: Option<u8> },
    /// An item has taken as little as it could, up to here; it could take one more.
    More { at: usize, single: Single, next: usize, must: Option<u8> },
    /// An item was taken; it could be left out.
    Without { at: usize, next: usize },
    /// A capture was begun.
    Begun,
    /// This capture was ended.
    Ended(usize),
}

/// What matches one byte.
#[derive(Clone, Copy)]
enum Single {
    Any,
    Byte(u8),
    /// Those of a class, or all others.
    Class {
        has: fn(&u8) -> bool,
        is_negated: bool,
    },
    /// What is between these brackets.
    Set {
        open: usize,
        close: usize,
    },
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

    /// The first match at `start` or behind it, or only there.
    pub(crate) fn find(
        &mut self,
        start: usize,
        anchored: bool,
    ) -> Result<Option<Range<usize>>, Wrong> {
        self.captures.len = 0;
        let must = if anchored { None } else { self.must(0) };
        let mut at = start;
        while at <= self.text.len() {
            if let Some(byte) = must {
                let rest = self.text.get(at..).unwrap_or_default();
                match memchr::memchr(byte, rest) {
                    Some(skipped) => at = at.saturating_add(skipped),
                    None => break,
                }
            }
            if let Some(end) = self.match_at(at)? {
                return Ok(Some(at..end));
            }
            if anchored {
                break;
            }
            at = at.saturating_add(1);
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
            let step = self.step(at, item)?;
            if MOST_CHOICES < self.choices.len() {
                return Err(Wrong::TooComplex);
            }
            match step {
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
        if let Some(left) = self.captures.steps.checked_sub(steps) {
            self.captures.steps = left;
            return Ok(());
        }
        self.captures.steps = STEPS;
        if (self.goes_on)() { Ok(()) } else { Err(Wrong::Stopped) }
    }

    /// Goes back to the last choice and takes what is left of it.
    fn retreat(&mut self) -> Result<Option<(usize, usize)>, Wrong> {
        while let Some(choice) = self.choices.pop() {
            self.count(1)?;
            match choice {
                Choice::Less { at, least, next, must } => {
                    if let Some(at) = self.last_before(at, least, must)? {
                        if least < at {
                            self.choices.push(Choice::Less { at, least, next, must });
                        }
                        return Ok(Some((at, next)));
                    }
                }
                Choice::More { at, single, next, must } => {
                    if let Some(at) = self.first_behind(at, single, must)? {
                        self.choices.push(Choice::More { at, single, next, must });
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

    /// The last place before `at`, and not before `least`, where there is the byte that must be.
    fn last_before(
        &mut self,
        at: usize,
        least: usize,
        must: Option<u8>,
    ) -> Result<Option<usize>, Wrong> {
        let Some(byte) = must else {
            return Ok(at.checked_sub(1).filter(|at| least <= *at));
        };
        let part = self.text.get(least..at).unwrap_or_default();
        let found = memchr::memrchr(byte, part);
        self.count(found.map_or(part.len(), |kept| part.len().saturating_sub(kept)))?;
        Ok(found.map(|kept| least.saturating_add(kept)))
    }

    /// The first place behind `at`, as far as every byte until there is one of an item's, where there is the byte that must be.
    fn first_behind(
        &mut self,
        at: usize,
        single: Single,
        must: Option<u8>,
    ) -> Result<Option<usize>, Wrong> {
        let rest = self.text.get(at..).unwrap_or_default();
        let Some(byte) = must else {
            let is_one = rest.first().is_some_and(|byte| self.takes(single, *byte));
            return Ok(is_one.then_some(at.saturating_add(1)));
        };
        let after = rest.get(1..).unwrap_or_default();
        let mut pairs = rest.iter().zip(after).take_while(|(taken, _)| self.takes(single, **taken));
        let skipped = pairs.position(|(_, next)| *next == byte);
        self.count(skipped.unwrap_or(rest.len()))?;
        Ok(skipped.map(|skipped| at.saturating_add(skipped).saturating_add(1)))
    }

    /// The byte with which alone matching can go on at this item of the pattern, and go wrong in no other way.
    fn must(&self, mut item: usize) -> Option<u8> {
        let mut open = None;
        while self.symbol(item) == b')' {
            // To end a capture takes nothing, if there is one to end.
            let is_open = |capture: &&Capture| capture.extent == Extent::Open;
            let left =
                open.unwrap_or_else(|| self.captures.as_slice().iter().filter(is_open).count());
            open = Some(left.checked_sub(1)?);
            item = item.saturating_add(1);
        }
        let byte = self.symbol(item);
        let is_itself = !matches!(byte, 0 | b'(' | b')' | b'$' | b'.' | b'[' | ESCAPE);
        let may_lack = matches!(self.symbol(item.saturating_add(1)), b'?' | b'*' | b'-');
        (is_itself && !may_lack).then_some(byte)
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
        let single = self.single_at(item, end);
        let repetition = self.symbol(end);
        if repetition == b'*' {
            return self.take_most(at, at, single, next);
        }
        if repetition == b'-' {
            let must = self.must(next);
            self.choices.push(Choice::More { at, single, next, must });
            let is_hopeless = must.is_some() && self.text.get(at).copied() != must;
            return Ok(if is_hopeless { Step::Failed } else { Step::To(at, next) });
        }
        let is_taken = self.text.get(at).is_some_and(|byte| self.takes(single, *byte));
        let after = at.saturating_add(1);
        match repetition {
            b'?' if is_taken => {
                self.choices.push(Choice::Without { at, next });
                Ok(Step::To(after, next))
            }
            b'?' => Ok(Step::To(at, next)),
            _ if !is_taken => Ok(Step::Failed),
            b'+' => self.take_most(after, after, single, next),
            _ => Ok(Step::To(after, end)),
        }
    }

    fn take_most(
        &mut self,
        least: usize,
        at: usize,
        single: Single,
        next: usize,
    ) -> Result<Step, Wrong> {
        let rest = self.text.get(at..).unwrap_or_default();
        let taken = match single {
            Single::Any => rest.len(),
            Single::Byte(own) => rest.iter().take_while(|byte| **byte == own).count(),
            Single::Class { has, is_negated } => {
                rest.iter().take_while(|byte| has(byte) != is_negated).count()
            }
            Single::Set { open, close } => {
                rest.iter().take_while(|byte| self.is_in_set(**byte, open, close)).count()
            }
        };
        self.count(taken)?;
        let at = at.saturating_add(taken);
        let must = self.must(next);
        if least < at {
            self.choices.push(Choice::Less { at, least, next, must });
        }
        let is_hopeless = must.is_some() && self.text.get(at).copied() != must;
        Ok(if is_hopeless { Step::Failed } else { Step::To(at, next) })
    }

    /// The item that lies here.
    fn single_at(&self, item: usize, end: usize) -> Single {
        match self.symbol(item) {
            b'.' => Single::Any,
            b'[' => Single::Set { open: item, close: end.saturating_sub(1) },
            ESCAPE => class(self.symbol(item.saturating_add(1))),
            byte => Single::Byte(byte),
        }
    }

    #[inline]
    fn takes(&self, single: Single, byte: u8) -> bool {
        match single {
            Single::Any => true,
            Single::Byte(own) => byte == own,
            Single::Class { has, is_negated } => has(&byte) != is_negated,
            Single::Set { open, close } => self.is_in_set(byte, open, close),
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
                self.takes(class(after), byte)
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
        let start = short(at);
        let Captures { list, len, .. } = &mut *self.captures;
        let capture = list.get_mut(*len).ok_or(Wrong::TooManyCaptures)?;
        *capture = Capture { start, extent };
        *len = len.saturating_add(1);
        self.choices.push(Choice::Begun);
        Ok(Step::To(at, item.saturating_add(if is_position { 2 } else { 1 })))
    }

    fn end_capture(&mut self, at: usize, item: usize) -> Result<Step, Wrong> {
        let captured = self.captures.as_slice();
        let last = captured.iter().rposition(|capture| capture.extent == Extent::Open);
        let number = last.ok_or(Wrong::NoCaptureToClose)?;
        if let Some(capture) = self.captures.list.get_mut(number) {
            capture.extent = Extent::End(short(at));
        }
        self.choices.push(Choice::Ended(number));
        Ok(Step::To(at, item.saturating_add(1)))
    }

    /// `%1`: what was captured, once more.
    fn repeat_capture(&mut self, at: usize, item: usize, digit: u8) -> Result<Step, Wrong> {
        let number = usize::from(digit).checked_sub(usize::from(b'1'));
        let capture = number.and_then(|number| self.captures.as_slice().get(number)).copied();
        let part = match capture.ok_or(Wrong::CaptureIndex)?.captured() {
            Ok(Captured::Part(part)) => part,
            // No text is like a position.
            Ok(Captured::Position(_)) => return Ok(Step::Failed),
            Err(_) => return Err(Wrong::CaptureIndex),
        };
        let length = part.len();
        self.count(length)?;
        let captured = self.text.get(part).unwrap_or_default();
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
    fn frontier(&self, at: usize, item: usize) -> Result<Step, Wrong> {
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

/// The class of this name, in lower case for its bytes and in upper case for all others; what names no class is itself.
fn class(name: u8) -> Single {
    let has: fn(&u8) -> bool = match name.to_ascii_lowercase() {
        b'a' => u8::is_ascii_alphabetic,
        b'c' => u8::is_ascii_control,
        b'd' => u8::is_ascii_digit,
        b'l' => u8::is_ascii_lowercase,
        b'p' => u8::is_ascii_punctuation,
        b's' => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
        b'u' => u8::is_ascii_uppercase,
        b'w' => u8::is_ascii_alphanumeric,
        b'x' => u8::is_ascii_hexdigit,
        b'z' => |byte| *byte == 0,
        _ => return Single::Byte(name),
    };
    Single::Class { has, is_negated: name.is_ascii_uppercase() }
}

/// A place in a text.
fn short(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
