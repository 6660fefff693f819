//! `string.find`, `match`, `gmatch` and `gsub`: as the interpreter has them, but that they can be interrupted.
//!
//! They are native functions in its own manner (see [`stack`](crate::stack)). Whatever takes long is done by a [`Matcher`], which
//! raises no error and is gone when something is raised.
#![expect(unsafe_code, reason = "native functions of the interpreter")]

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ops::Range;

use memchr::memmem;
use mlua::ffi::lua_State;
use mlua::{Function, Lua};

use crate::bridge::native;
use crate::interrupt;
use crate::pattern::{Capture, Captured, Captures, Matcher, Wrong};
use crate::stack::{Growing, Place, Seen, Stack, of_native};

/// The functions, by name.
pub(crate) fn functions(lua: &Lua) -> mlua::Result<[(&'static str, Function); 4]> {
    Ok([
        ("find", native(lua, find, (), 0)?),
        ("match", native(lua, first_match, (), 0)?),
        ("gmatch", native(lua, every_match, (), 0)?),
        ("gsub", native(lua, substitute, (), 0)?),
    ])
}

const TEXT: Place = 1;
const PATTERN: Place = 2;
const REPLACEMENT: Place = 3;

/// What is looked for, and in which text. Both are strings on the stack, which stay there.
#[derive(Clone, Copy)]
struct Search<'a> {
    text: &'a [u8],
    pattern: &'a [u8],
    /// It matches only where it is told to begin.
    is_anchored: bool,
}

impl<'a> Search<'a> {
    /// One whose pattern may begin with a `^`.
    fn new(text: &'a [u8], pattern: &'a [u8]) -> Search<'a> {
        match pattern.strip_prefix(b"^") {
            Some(pattern) => Search { text, pattern, is_anchored: true },
            None => Search { text, pattern, is_anchored: false },
        }
    }

    /// The first match from `start` on. Raises an error if the pattern is wrong, and ends the script if that may not go on.
    fn run(
        self,
        stack: &mut Stack<'_>,
        start: usize,
        captures: &mut Captures,
    ) -> Option<Range<usize>> {
        let goes_on = || interrupt::may_go_on(stack);
        let mut matcher = Matcher::new(self.text, self.pattern, captures, &goes_on);
        let found = matcher.find(start, self.is_anchored);
        drop(matcher);
        found.unwrap_or_else(|wrong| complain(stack, wrong))
    }

    fn part(self, part: Range<usize>) -> &'a [u8] {
        self.text.get(part).unwrap_or_default()
    }

    /// Pushes what was captured; if that is nothing, the whole match, unless that is left out. How many there are.
    fn push_captures(
        self,
        stack: &mut Stack<'_>,
        captures: &Captures,
        whole: Option<Range<usize>>,
    ) -> c_int {
        let captures = captures.as_slice();
        if captures.is_empty()
            && let Some(whole) = whole
        {
            stack.push_string(self.part(whole));
            return 1;
        }
        let count = c_int::try_from(captures.len()).unwrap_or(c_int::MAX);
        if 1 < count {
            stack.require_room(count, c"too many captures");
        }
        for capture in captures {
            self.push_capture(stack, *capture);
        }
        count
    }

    fn push_capture(self, stack: &mut Stack<'_>, capture: Capture) {
        match capture.captured() {
            Ok(Captured::Part(part)) => stack.push_string(self.part(part)),
            Ok(Captured::Position(before)) => push_count(stack, before.saturating_add(1)),
            Err(wrong) => complain(stack, wrong),
        }
    }
}

unsafe extern "C-unwind" fn find(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    find_first(unsafe { of_native(state) }, true)
}

unsafe extern "C-unwind" fn first_match(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    find_first(unsafe { of_native(state) }, false)
}

/// Gives what the first match has captured. If it is asked for that, the place of the match comes first, and a text without special
/// characters is looked for as it stands.
fn find_first(mut stack: Stack<'_>, wants_place: bool) -> c_int {
    /// Has the pattern taken as it stands.
    const PLAIN: Place = 4;
    // SAFETY: nothing takes the arguments away.
    let text = unsafe { stack.require_string(TEXT) };
    // SAFETY: as above.
    let pattern = unsafe { stack.require_string(PATTERN) };
    let start = start(stack.optional_integer(3, 1), text.len());
    if wants_place && (stack.truth(PLAIN) || !has_special(pattern)) {
        let rest = text.get(start..).unwrap_or_default();
        return match find_plain(rest, pattern) {
            Some(skipped) => {
                let at = start.saturating_add(skipped);
                push_place(&mut stack, at..at.saturating_add(pattern.len()))
            }
            None => push_nothing(&mut stack),
        };
    }
    let search = Search::new(text, pattern);
    let mut captures = Captures::new();
    let Some(found) = search.run(&mut stack, start, &mut captures) else {
        return push_nothing(&mut stack);
    };
    if !wants_place {
        return search.push_captures(&mut stack, &captures, Some(found));
    }
    let pushed = push_place(&mut stack, found);
    pushed.saturating_add(search.push_captures(&mut stack, &captures, None))
}

/// Where to begin to look for the next match, of what is bound to [`next_match`].
const NEXT: c_int = 3;

unsafe extern "C-unwind" fn every_match(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    let mut stack = unsafe { of_native(state) };
    for place in [TEXT, PATTERN] {
        // SAFETY: its bytes are not used here.
        let _is_there = unsafe { stack.require_string(place) };
    }
    stack.truncate(PATTERN);
    stack.push_number(0.0);
    stack.push_function(next_match, NEXT);
    1
}

/// What `gmatch` gives: the captures of each match in turn, and nothing after the last.
unsafe extern "C-unwind" fn next_match(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    let mut stack = unsafe { of_native(state) };
    let Seen::Number(next) = stack.see(Stack::bound(NEXT)) else { return 0 };
    // SAFETY: they stay bound.
    let text = unsafe { stack.require_string(Stack::bound(TEXT)) };
    // SAFETY: as above.
    let pattern = unsafe { stack.require_string(Stack::bound(PATTERN)) };
    let search = Search { text, pattern, is_anchored: false };
    let mut captures = Captures::new();
    let Some(found) = search.run(&mut stack, count_of(next), &mut captures) else { return 0 };
    // An empty match is not found again.
    push_count(&mut stack, found.end.saturating_add(usize::from(found.is_empty())));
    stack.rebind(NEXT);
    search.push_captures(&mut stack, &captures, Some(found))
}

unsafe extern "C-unwind" fn substitute(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    let mut stack = unsafe { of_native(state) };
    // SAFETY: nothing takes the arguments away.
    let text = unsafe { stack.require_string(TEXT) };
    // SAFETY: as above.
    let pattern = unsafe { stack.require_string(PATTERN) };
    let len = text.len();
    let limit = stack.optional_integer(4, i64::try_from(len).unwrap_or(0).saturating_add(1));
    let replacement = match stack.see(REPLACEMENT) {
        Seen::String(_) | Seen::Number(_) => {
            // SAFETY: as above.
            Replacement::Text(unsafe { stack.require_string(REPLACEMENT) })
        }
        Seen::Table => Replacement::Table,
        _ if stack.has_function(REPLACEMENT) => Replacement::Function,
        _ => return stack.refuse(REPLACEMENT, c"string/function/table expected"),
    };
    #[expect(clippy::cast_possible_truncation, reason = "as the interpreter has it")]
    let limit = limit as i32;
    let search = Search::new(text, pattern);
    let mut buffer = MaybeUninit::uninit();
    let mut result = Growing::begin(&mut stack, &mut buffer);
    let mut captures = Captures::new();
    let (mut at, mut count) = (0_usize, 0_i32);
    while count < limit {
        let Some(found) = search.run(&mut stack, at, &mut captures) else { break };
        count = count.saturating_add(1);
        result.add(search.part(at..found.start));
        replacement.add(&mut stack, &mut result, search, &captures, found.clone());
        at = found.end;
        if found.is_empty() {
            // It is not found again.
            result.add(search.part(at..at.saturating_add(1)));
            at = at.saturating_add(1);
        }
        if search.is_anchored || len < at {
            break;
        }
    }
    result.add(search.part(at.min(len)..len));
    result.push();
    stack.push_number(f64::from(count));
    2
}

/// What a match is replaced by.
#[derive(Clone, Copy)]
enum Replacement<'a> {
    /// This, with what was captured where it says so.
    Text(&'a [u8]),
    /// What the table has for it.
    Table,
    /// What the function makes of it.
    Function,
}

impl Replacement<'_> {
    fn add(
        self,
        stack: &mut Stack<'_>,
        result: &mut Growing<'_>,
        search: Search<'_>,
        captures: &Captures,
        found: Range<usize>,
    ) {
        match self {
            Replacement::Text(text) => {
                return add_text(stack, result, (text, search), captures, found);
            }
            Replacement::Table => {
                match captures.as_slice().first() {
                    Some(capture) => search.push_capture(stack, *capture),
                    None => stack.push_string(search.part(found.clone())),
                }
                stack.look_up(REPLACEMENT);
            }
            Replacement::Function => {
                stack.push_copy(REPLACEMENT);
                let count = search.push_captures(stack, captures, Some(found.clone()));
                stack.call(count, 1);
            }
        }
        let last = stack.len();
        match stack.see(last) {
            Seen::String(_) | Seen::Number(_) => result.add_last(),
            Seen::Nil | Seen::Boolean(false) => {
                // It stays as it was.
                stack.truncate(last.saturating_sub(1));
                result.add(search.part(found));
            }
            _ => {
                stack.push_place();
                stack.push_string(b"invalid replacement value (a ");
                stack.push_kind(last);
                stack.push_string(b")");
                stack.join(4);
                stack.raise_last();
            }
        }
    }
}

/// Adds the text that a match is replaced by, with `%0` for the match and `%1` to `%9` for what was captured.
fn add_text(
    stack: &mut Stack<'_>,
    result: &mut Growing<'_>,
    (text, search): (&[u8], Search<'_>),
    captures: &Captures,
    found: Range<usize>,
) {
    let mut rest = text;
    while let Some(plain) = memchr::memchr(b'%', rest) {
        result.add(rest.get(..plain).unwrap_or_default());
        // At its end there is a zero.
        let symbol = rest.get(plain.saturating_add(1)).copied().unwrap_or(0);
        rest = rest.get(plain.saturating_add(2)..).unwrap_or_default();
        let number = usize::from(symbol).checked_sub(usize::from(b'1'));
        if !symbol.is_ascii_digit() {
            result.add(&[symbol]);
            continue;
        }
        match number.map(|number| (number, captures.as_slice().get(number))) {
            Some((_, Some(capture))) => {
                search.push_capture(stack, *capture);
                result.add_last();
            }
            None | Some((0, None)) => result.add(search.part(found.clone())),
            Some((_, None)) => complain(stack, Wrong::CaptureIndex),
        }
    }
    result.add(rest);
}

/// Raises an error that tells what is wrong with a pattern.
fn complain(stack: &mut Stack<'_>, wrong: Wrong) -> ! {
    stack.raise(match wrong {
        Wrong::EndsWithEscape => c"malformed pattern (ends with '%')",
        Wrong::MissingBracket => c"malformed pattern (missing ']')",
        Wrong::MissingSetOfFrontier => c"missing '[' after '%f' in pattern",
        Wrong::Unbalanced => c"unbalanced pattern",
        Wrong::TooManyCaptures => c"too many captures",
        Wrong::NoCaptureToClose => c"invalid pattern capture",
        Wrong::CaptureIndex => c"invalid capture index",
        Wrong::Unfinished => c"unfinished capture",
        Wrong::TooComplex => c"pattern too complex",
        Wrong::Stopped => interrupt::end(stack),
    })
}

/// Where a text is found in another one.
fn find_plain(text: &[u8], wanted: &[u8]) -> Option<usize> {
    /// From here on it pays to prepare a search, however often the first byte occurs.
    const LONG: usize = 1 << 10;
    let Some(first) = wanted.first() else { return Some(0) };
    if LONG < text.len() {
        return memmem::find(text, wanted);
    }
    memchr::memchr_iter(*first, text)
        .find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(wanted)))
}

/// Whether a pattern is more than a text, as far as it goes.
fn has_special(pattern: &[u8]) -> bool {
    let is_special = |byte: &u8| {
        matches!(byte, b'^' | b'$' | b'*' | b'+' | b'?' | b'.' | b'(' | b'[' | b'%' | b'-')
    };
    pattern.iter().take_while(|byte| **byte != 0).any(is_special)
}

/// Where to begin in a text of this length: numbers count from 1, and negative ones from its end.
fn start(number: i64, len: usize) -> usize {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_front = if number < 0 { number.saturating_add(len).saturating_add(1) } else { number };
    usize::try_from(from_front.saturating_sub(1).clamp(0, len)).unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "no string is that long")]
fn push_count(stack: &mut Stack<'_>, count: usize) {
    stack.push_number(count as f64);
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was a count")]
fn count_of(number: f64) -> usize {
    number as usize
}

/// Pushes where a match begins, from 1, and where it ends.
fn push_place(stack: &mut Stack<'_>, found: Range<usize>) -> c_int {
    push_count(stack, found.start.saturating_add(1));
    push_count(stack, found.end);
    2
}

fn push_nothing(stack: &mut Stack<'_>) -> c_int {
    stack.push_nil();
    1
}
