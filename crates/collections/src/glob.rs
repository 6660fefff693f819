//! Patterns of KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL rules.
//!
//! `*` stands for any bytes, `?` for one, `[ab]`, `[a-z]` and `[^a]` for one of a class, and `\` takes the meaning from what
//! follows it. Every piece of a pattern but the star stands for exactly one byte. So a mismatch need only be retried at the last
//! star, one byte further on: time is at most the product of the two lengths, and there is no recursion.
//!
//! The corners are those of Redis: a class that is not closed ends with the pattern, `]` closes a class even as its first member, a
//! range may be written backwards, and the empty text matches the empty pattern only.

/// Whether letters of different case are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Case {
    /// They differ.
    Sensitive,
    /// ASCII letters are the same in either case.
    Insensitive,
}

/// Whether a text matches a pattern.
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut pattern, mut text) = (pattern, text);
    // What follows the last star, and where in the text it was tried last.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            if rest.is_empty() {
                return true;
            }
            pattern = rest;
            retry = Some((rest, text));
            continue;
        }
        let Some((&byte, rest)) = text.split_first() else {
            // A later try would have even less text.
            return pattern.is_empty();
        };
        if let Some(behind) = one(pattern, byte, case) {
            (pattern, text) = (behind, rest);
            continue;
        }
        let Some((behind_star, [_, further @ ..])) = retry else {
            return false;
        };
        retry = Some((behind_star, further));
        (pattern, text) = (behind_star, further);
    }
}

/// Matches one byte with the first piece of a pattern, which is no star; gives the rest of the pattern.
fn one(pattern: &[u8], byte: u8, case: Case) -> Option<&[u8]> {
    let (literal, rest) = match pattern {
        [] => return None,
        [b'?', rest @ ..] => return Some(rest),
        [b'[', b'^', class @ ..] => {
            let (is_member, rest) = class_has(class, byte, case);
            return (!is_member).then_some(rest);
        }
        [b'[', class @ ..] => {
            let (is_member, rest) = class_has(class, byte, case);
            return is_member.then_some(rest);
        }
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal, rest),
    };
    (fold(literal, case) == fold(byte, case)).then_some(rest)
}

/// Whether a class, which begins behind its bracket, has a byte; and what follows the class.
fn class_has(class: &[u8], byte: u8, case: Case) -> (bool, &[u8]) {
    let mut rest = class;
    let mut found = false;
    loop {
        rest = match rest {
            [] => return (found, rest),
            // An escaped member is compared as it is, whatever the case.
            [b'\\', member, behind @ ..] => {
                found |= *member == byte;
                behind
            }
            [b']', behind @ ..] => return (found, behind),
            [first, b'-', last, behind @ ..] => {
                // The ends are put in order before they are folded.
                let (low, high) = (*first.min(last), *first.max(last));
                found |= (fold(low, case)..=fold(high, case)).contains(&fold(byte, case));
                behind
            }
            [member, behind @ ..] => {
                found |= fold(*member, case) == fold(byte, case);
                behind
            }
        };
    }
}

fn fold(byte: u8, case: Case) -> u8 {
    match case {
        Case::Sensitive => byte,
        Case::Insensitive => byte.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        for text in matching {
            assert!(
                matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive),
                "{pattern} {text}"
            );
        }
        for text in others {
            assert!(
                !matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive),
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn patterns_mean_what_redis_means() {
        check("*", &["a", "abc"], &[""]);
        check("**", &["a"], &[""]);
        check("", &[""], &["a"]);
        check("*?*", &["a", "ab"], &[""]);
        check("h?llo", &["hello", "hallo"], &["hllo", "heello"]);
        check("h*llo", &["hllo", "heeeello", "hllollo"], &["hllol", "ello"]);
        check("h[ae]llo", &["hello", "hallo"], &["hillo"]);
        check("h[^e]llo", &["hallo", "h^llo"], &["hello"]);
        check("h[a-b]llo", &["hallo", "hbllo"], &["hcllo"]);
        check("h[b-a]llo", &["hallo", "hbllo"], &["hcllo"]);
        check("a\\*b", &["a*b"], &["aab", "a\\b"]);
        check("a\\", &["a\\"], &["a"]);
        check("abc*?", &["abcd"], &["abc"]);
        check("***c", &["c", "abc"], &["ab"]);
    }

    #[test]
    fn corners_of_classes_are_those_of_redis() {
        check("[a-]*", &["]", "^"], &["a]b", "a-b"]);
        check("a[]]b", &[], &["a]b", "a]"]);
        check("[^", &["a", "^"], &["ab", ""]);
        check("[", &[], &["[", "a"]);
        check("[]", &[], &["]", "a"]);
        check("[^]", &["a", "]"], &["ab"]);
        check("[\\]]", &["]"], &["\\", "a"]);
        check("[a^]", &["a", "^"], &["b"]);
        check("a[-]b", &["a-b"], &["ab"]);
        check("a[^-]*b", &["a*b", "a]xb"], &["a-b", "ab"]);
    }

    #[test]
    fn case_is_folded_if_asked() {
        let matches = |pattern: &str, text: &str| {
            matches(pattern.as_bytes(), text.as_bytes(), Case::Insensitive)
        };
        assert!(matches("MaxMemory*", "maxmemory-policy"));
        assert!(matches("[A-C]x", "bX"));
        assert!(!matches("[\\A]x", "ax"));
    }

    /// What a pattern means, in the plainest words, for pieces without classes and escapes.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                let mut tails = (0..=text.len()).filter_map(|skipped| text.get(skipped..));
                tails.any(|tail| naive(rest, tail))
            }
            ([b'?', rest @ ..], [_, text @ ..]) => naive(rest, text),
            ([literal, rest @ ..], [byte, text @ ..]) => literal == byte && naive(rest, text),
            ([_, ..], []) | ([], [_, ..]) => false,
        }
    }

    proptest! {
        #[test]
        fn stars_match_like_the_naive_rule(pattern in "[ab?*]{0,8}", text in "[ab]{1,10}") {
            let found = matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive);
            prop_assert_eq!(found, naive(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_a_pattern(pattern: Vec<u8>, text: Vec<u8>) {
            matches(&pattern, &text, Case::Sensitive);
            matches(&pattern, &text, Case::Insensitive);
        }
    }
}
