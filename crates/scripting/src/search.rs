//! `string.find`, `match`, `gmatch` and `gsub`: as the interpreter has them, but that they can be interrupted.
//!
//! They are native functions in its own manner (see [`stack`](crate::stack)). Whatever takes long is done by a [`Matcher`], which
//! raises no error and is gone when something is raised.
#![expect(unsafe_code, reason = "native functions of the interpreter")]

use std::ffi::c_int;
use std::mem::MaybeUninit;

use memchr::memmem;
use mlua::ffi::lua_State;
use mlua::{Function, Lua};

use crate::bridge::native;
use crate::interrupt;
use crate::pattern::{Capture, Captures, Extent, Matcher, Wrong};
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

/// What is looked for, and where.
#[derive(Clone, Copy)]
struct Search {
    text: Place,
    pattern: Place,
    /// Whether a `^` at the beginning of the pattern is one.
    may_be_anchored: bool,
}

/// Of the arguments of a function.
const ARGUMENTS: Search = Search { text: TEXT, pattern: PATTERN, may_be_anchored: true };

/// A match: where it begins and ends.
type Found = (usize, usize);

impl Search {
    /// Whether it matches only where it is told to begin.
    fn is_anchored(self, stack: &Stack<'_>) -> bool {
        self.may_be_anchored && bytes(stack, self.pattern).first() == Some(&b'^')
    }

    /// The first match from `start` on. Raises an error if the pattern is wrong, and ends the script if that may not go on.
    fn run(self, stack: &mut Stack<'_>, start: usize, captures: &mut Captures) -> Option<Found> {
        let is_anchored = self.is_anchored(stack);
        let pattern = bytes(stack, self.pattern);
        let pattern = pattern.get(usize::from(is_anchored)..).unwrap_or_default();
        let goes_on = || interrupt::may_go_on(stack);
        let mut matcher = Matcher::new(bytes(stack, self.text), pattern, captures, &goes_on);
        let found = matcher.find(start, is_anchored);
        drop(matcher);
        found.unwrap_or_else(|wrong| complain(stack, wrong))
    }

    /// Pushes what was captured; if that is nothing, the whole match, unless that is left out. How many there are.
    fn push_captures(
        self,
        stack: &mut Stack<'_>,
        captures: &Captures,
        whole: Option<Found>,
    ) -> c_int {
        let captures = captures.as_slice();
        if captures.is_empty()
            && let Some((start, end)) = whole
        {
            stack.push_part(self.text, start..end);
            return 1;
        }
        let count = c_int::try_from(captures.len()).unwrap_or(c_int::MAX);
        stack.require_room(count, c"too many captures");
        for capture in captures {
            self.push_capture(stack, *capture);
        }
        count
    }

    fn push_capture(self, stack: &mut Stack<'_>, capture: Capture) {
        let Capture { start, extent } = capture;
        match extent {
            Extent::Open => complain(stack, Wrong::Unfinished),
            Extent::Position => push_count(stack, start.saturating_add(1)),
            Extent::Bytes(length) => {
                stack.push_part(self.text, start..start.saturating_add(length));
            }
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
    stack.require_string(TEXT);
    stack.require_string(PATTERN);
    let start = start(stack.optional_integer(3, 1), stack.length(TEXT));
    let pattern = bytes(&stack, PATTERN);
    if wants_place && (stack.truth(PLAIN) || !has_special(pattern)) {
        let rest = bytes(&stack, TEXT).get(start..).unwrap_or_default();
        let found = memmem::find(rest, pattern).map(|skipped| {
            let at = start.saturating_add(skipped);
            (at, at.saturating_add(pattern.len()))
        });
        return match found {
            Some(found) => push_place(&mut stack, found),
            None => push_nothing(&mut stack),
        };
    }
    let mut captures = Captures::new();
    let Some(found) = ARGUMENTS.run(&mut stack, start, &mut captures) else {
        return push_nothing(&mut stack);
    };
    if !wants_place {
        return ARGUMENTS.push_captures(&mut stack, &captures, Some(found));
    }
    let pushed = push_place(&mut stack, found);
    pushed.saturating_add(ARGUMENTS.push_captures(&mut stack, &captures, None))
}

/// Where the search for the next match begins, of those bound to [`next_match`].
const NEXT: c_int = 3;

unsafe extern "C-unwind" fn every_match(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    let mut stack = unsafe { of_native(state) };
    stack.require_string(TEXT);
    stack.require_string(PATTERN);
    stack.truncate(PATTERN);
    stack.push_number(0.0);
    stack.push_function(next_match, NEXT);
    1
}

/// What `gmatch` gives: the captures of each match in turn, and nothing after the last.
unsafe extern "C-unwind" fn next_match(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    let mut stack = unsafe { of_native(state) };
    let search =
        Search { text: Stack::bound(TEXT), pattern: Stack::bound(PATTERN), may_be_anchored: false };
    let Seen::Number(next) = stack.see(Stack::bound(NEXT)) else { return 0 };
    let mut captures = Captures::new();
    let Some((start, end)) = search.run(&mut stack, count_of(next), &mut captures) else {
        return 0;
    };
    // An empty match is not found again.
    push_count(&mut stack, end.saturating_add(usize::from(start == end)));
    stack.rebind(NEXT);
    search.push_captures(&mut stack, &captures, Some((start, end)))
}

unsafe extern "C-unwind" fn substitute(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    let mut stack = unsafe { of_native(state) };
    stack.require_string(TEXT);
    stack.require_string(PATTERN);
    let len = stack.length(TEXT);
    let limit = stack.optional_integer(4, i64::try_from(len).unwrap_or(0).saturating_add(1));
    let replacement = match stack.see(REPLACEMENT) {
        Seen::String(_) | Seen::Number(_) => Replacement::Text,
        Seen::Table => Replacement::Table,
        _ if stack.has_function(REPLACEMENT) => Replacement::Function,
        _ => return stack.refuse(REPLACEMENT, c"string/function/table expected"),
    };
    if replacement == Replacement::Text {
        stack.require_string(REPLACEMENT);
    }
    #[expect(clippy::cast_possible_truncation, reason = "as the interpreter has it")]
    let limit = limit as i32;
    let mut buffer = MaybeUninit::uninit();
    let mut result = Growing::begin(&mut stack, &mut buffer);
    let mut captures = Captures::new();
    let is_anchored = ARGUMENTS.is_anchored(&stack);
    let (mut at, mut count) = (0_usize, 0_i32);
    while count < limit {
        let Some((start, end)) = ARGUMENTS.run(&mut stack, at, &mut captures) else { break };
        count = count.saturating_add(1);
        result.add_part(&mut stack, TEXT, at..start);
        replacement.add(&mut stack, &mut result, &captures, (start, end));
        at = end;
        if start == end {
            // An empty match is not found again.
            result.add_part(&mut stack, TEXT, end..end.saturating_add(1).min(len));
            at = end.saturating_add(1);
        }
        if is_anchored || len < at {
            break;
        }
    }
    result.add_part(&mut stack, TEXT, at.min(len)..len);
    result.push();
    stack.push_number(f64::from(count));
    2
}

/// What a match is replaced by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replacement {
    /// This, with what was captured where it says so.
    Text,
    /// What this table has for it.
    Table,
    /// What this function makes of it.
    Function,
}

impl Replacement {
    fn add(
        self,
        stack: &mut Stack<'_>,
        result: &mut Growing<'_>,
        captures: &Captures,
        (start, end): Found,
    ) {
        match self {
            Replacement::Text => return add_text(stack, result, captures, (start, end)),
            Replacement::Table => {
                match captures.as_slice().first() {
                    Some(capture) => ARGUMENTS.push_capture(stack, *capture),
                    None => stack.push_part(TEXT, start..end),
                }
                stack.look_up(REPLACEMENT);
            }
            Replacement::Function => {
                stack.push_copy(REPLACEMENT);
                let count = ARGUMENTS.push_captures(stack, captures, Some((start, end)));
                stack.call(count, 1);
            }
        }
        let last = stack.len();
        match stack.see(last) {
            Seen::String(_) | Seen::Number(_) => result.add_last(stack),
            Seen::Nil | Seen::Boolean(false) => {
                // It stays as it was.
                stack.truncate(last.saturating_sub(1));
                result.add_part(stack, TEXT, start..end);
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
    captures: &Captures,
    (start, end): Found,
) {
    let length = stack.length(REPLACEMENT);
    let mut at = 0_usize;
    while at < length {
        let rest = bytes(stack, REPLACEMENT).get(at..).unwrap_or_default();
        let plain = memchr::memchr(b'%', rest).unwrap_or(rest.len());
        // At its end there is a zero.
        let symbol = rest.get(plain.saturating_add(1)).copied().unwrap_or(0);
        let is_over = plain == rest.len();
        let escape = at.saturating_add(plain);
        result.add_part(stack, REPLACEMENT, at..escape);
        if is_over {
            return;
        }
        at = escape.saturating_add(2);
        match symbol.checked_sub(b'1').map(usize::from) {
            _ if symbol == b'0' => result.add_part(stack, TEXT, start..end),
            Some(number) if symbol.is_ascii_digit() => match captures.as_slice().get(number) {
                Some(capture) => {
                    ARGUMENTS.push_capture(stack, *capture);
                    result.add_last(stack);
                }
                None if number == 0 => result.add_part(stack, TEXT, start..end),
                None => complain(stack, Wrong::CaptureIndex),
            },
            _ => result.add_byte(symbol),
        }
    }
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
        Wrong::Stopped => interrupt::end(stack),
    })
}

/// The bytes of a string.
fn bytes<'s>(stack: &'s Stack<'_>, place: Place) -> &'s [u8] {
    match stack.see(place) {
        Seen::String(bytes) => bytes,
        _ => &[],
    }
}

/// Whether a pattern is more than a text, as far as it goes.
fn has_special(pattern: &[u8]) -> bool {
    pattern.iter().take_while(|byte| **byte != 0).any(|byte| b"^$*+?.([%-".contains(byte))
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
fn push_place(stack: &mut Stack<'_>, (start, end): Found) -> c_int {
    push_count(stack, start.saturating_add(1));
    push_count(stack, end);
    2
}

fn push_nothing(stack: &mut Stack<'_>) -> c_int {
    stack.push_nil();
    1
}
