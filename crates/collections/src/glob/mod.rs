//! Glob patterns, as in KEYS, SCAN, CONFIG GET and PSUBSCRIBE.
//!
//! | in the pattern | matches                                                          |
//! |----------------|------------------------------------------------------------------|
//! | `*`            | any bytes, also none                                             |
//! | `?`            | one byte                                                         |
//! | `[ab]`, `[a-z]`| one byte of the class; the ends of a range may be in either order |
//! | `[^a]`         | one byte that is not of the class                                |
//! | `\x`           | `x` itself, also inside a class                                  |
//!
//! There are no errors; what looks malformed has a meaning, and clients rely on Redis's:
//! - A class without its `]` reaches to the end of the pattern. `[]` has no members and `[^]` has all.
//! - A range takes the byte behind its `-` whatever it is, also a `]` or a `\`. Its ends are compared as signed numbers.
//! - A `\` at the end of the pattern is a plain byte.
//! - An empty text is matched by the empty pattern alone, not by `*`. (Commands for which `*` means everything look for it before.)
//! - More than a thousand `*` (those in a row count once, and the last of the pattern does not count) match nothing.
//!
//! Every element but `*` takes exactly one byte. Therefore, when what follows a `*` has matched up to the next `*`,
//! moving the first one on cannot help, and only the latest `*` is ever tried again: the time is at most the product of both
//! lengths, whatever the pattern.

/// Whether letters match those of the other case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Every byte is itself only.
    Sensitive,
    /// ASCII letters are compared in lower case.
    Ignored,
}

/// Whether the pattern matches the whole text.
pub fn glob_matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut pattern, mut text) = (pattern, text);
    // Behind the latest `*`: the pattern, and the first text that has not been tried with it.
    let mut retry: Option<(&[u8], &[u8])> = None;
    let mut stars = 0_usize;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = without_stars(rest);
            if pattern.is_empty() {
                return true;
            }
            stars = stars.saturating_add(1);
            if MOST_STARS < stars {
                return false;
            }
            retry = Some((pattern, text));
        }
        let Some((&byte, text_behind)) = text.split_first() else {
            // With the text used up, less of it for the pattern's rest would not do either.
            return pattern.is_empty();
        };
        match element(pattern, byte, case) {
            Some(pattern_behind) => (pattern, text) = (pattern_behind, text_behind),
            None => match retry {
                Some((behind_star, [_, untried @ ..])) => {
                    (pattern, text) = (behind_star, untried);
                    retry = Some((behind_star, untried));
                }
                Some((_, [])) | None => return false,
            },
        }
    }
}

/// If the first element of the pattern, which is not a `*`, matches the byte, what is behind it. An empty pattern matches no byte.
#[inline]
fn element(pattern: &[u8], byte: u8, case: Case) -> Option<&[u8]> {
    match pattern {
        [] => None,
        [b'?', behind @ ..] => Some(behind),
        [b'[', b'^', class @ ..] => {
            let (is_member, behind) = class_contains(class, byte, case);
            (!is_member).then_some(behind)
        }
        [b'[', class @ ..] => {
            let (is_member, behind) = class_contains(class, byte, case);
            is_member.then_some(behind)
        }
        [b'\\', literal, behind @ ..] | [literal, behind @ ..] => {
            is_equal(*literal, byte, case).then_some(behind)
        }
    }
}

/// Whether the byte is of the class, which starts behind its `[` or `[^`, and what is behind its end.
fn class_contains(class: &[u8], byte: u8, case: Case) -> (bool, &[u8]) {
    let mut is_member = false;
    let mut class = class;
    loop {
        class = match class {
            [] => return (is_member, class),
            [b'\\', literal, behind @ ..] => {
                // The one place where case never counts as different: escaped bytes of a class are compared as they are.
                is_member |= *literal == byte;
                behind
            }
            [b']', behind @ ..] => return (is_member, behind),
            [first, b'-', last, behind @ ..] => {
                is_member |= range_contains(*first, *last, byte, case);
                behind
            }
            [literal, behind @ ..] => {
                is_member |= is_equal(*literal, byte, case);
                behind
            }
        };
    }
}

fn range_contains(first: u8, last: u8, byte: u8, case: Case) -> bool {
    let fold = |byte: u8| match case {
        Case::Sensitive => byte.cast_signed(),
        Case::Ignored => byte.to_ascii_lowercase().cast_signed(),
    };
    // The ends are put in order before the case is folded; for a range like `[Z-a]` that makes a difference.
    let (low, high) =
        if first.cast_signed() <= last.cast_signed() { (first, last) } else { (last, first) };
    (fold(low)..=fold(high)).contains(&fold(byte))
}

#[inline]
fn is_equal(literal: u8, byte: u8, case: Case) -> bool {
    match case {
        Case::Sensitive => literal == byte,
        Case::Ignored => literal.eq_ignore_ascii_case(&byte),
    }
}

fn without_stars(pattern: &[u8]) -> &[u8] {
    let mut pattern = pattern;
    while let [b'*', rest @ ..] = pattern {
        pattern = rest;
    }
    pattern
}

/// Redis gives up on a pattern with more, to bound its recursion.
const MOST_STARS: usize = 1000;

#[cfg(test)]
mod tests;
