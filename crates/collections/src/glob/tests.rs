//! Patterns whose meaning is settled by what Redis answers, and random ones against a plain recursive matcher.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(pattern: &[u8], matching: &[&[u8]], others: &[&[u8]]) {
    for text in matching {
        assert!(
            glob_matches(pattern, text, Case::Sensitive),
            "{:?}",
            text.escape_ascii().to_string()
        );
    }
    for text in others {
        assert!(
            !glob_matches(pattern, text, Case::Sensitive),
            "{:?}",
            text.escape_ascii().to_string()
        );
    }
}

#[test]
fn plain_and_wild() {
    check(b"", &[b""], &[b"a"]);
    check(b"abc", &[b"abc"], &[b"", b"ab", b"abcd", b"abC"]);
    check(b"h?llo", &[b"hello", b"h\nllo"], &[b"hllo", b"heello"]);
    check(b"h*llo", &[b"hllo", b"heello", b"hllollo"], &[b"hell", b"ahllo"]);
    check(b"*a*b*", &[b"ab", b"xaxbx", b"aab"], &[b"ba", b"a", b"b"]);
    check(b"a**?", &[b"ab", b"abc"], &[b"a"]);
    check(b"*", &[b"a", b"\xff\0"], &[b""]);
    check(b"**", &[b"a"], &[b""]);
}

#[test]
fn classes() {
    check(b"[ab]c", &[b"ac", b"bc"], &[b"cc", b"c", b"abc"]);
    check(b"[^ab]", &[b"c", b"^"], &[b"a", b""]);
    check(b"[a^]", &[b"a", b"^"], &[b"b"]);
    check(b"[a-c]", &[b"a", b"b", b"c"], &[b"d", b"-"]);
    check(b"[c-a]", &[b"b"], &[b"d", b"-"]);
    check(b"[a\\]]", &[b"a", b"]"], &[b"\\"]);
    check(b"[-a]", &[b"-", b"a"], &[b"b"]);
    check(b"[a-\xff]", &[b"0", b"a", b"\xff"], &[b"b", b"\xfe"]);
}

#[test]
fn malformed_patterns_have_a_meaning() {
    check(b"[", &[], &[b"[", b"a", b""]);
    check(b"[^", &[b"a"], &[b"", b"ab"]);
    check(b"[]", &[], &[b"]", b"[", b"a"]);
    check(b"[^]", &[b"a", b"]"], &[b"", b"ab"]);
    check(b"[]a]", &[], &[b"a", b"]", b"]a]", b"a]"]);
    check(b"[ab", &[b"a", b"b"], &[b"[ab", b"c"]);
    check(b"[a-]", &[b"a", b"^", b"]"], &[b"-", b"b"]);
    check(b"[a-", &[b"a", b"-"], &[b"b"]);
    check(b"a\\", &[b"a\\"], &[b"a"]);
    check(b"[a\\", &[b"a", b"\\"], &[b"b"]);
    check(b"\\*\\?\\[\\\\\\a", &[b"*?[\\a"], &[b"xx[\\a"]);
}

#[test]
fn case() {
    check_case(b"MaxMemory*", b"maxmemory-policy", true);
    check_case(b"[A-C]x", b"bX", true);
    check_case(b"[bC]", b"B", true);
    check_case(b"\\A", b"a", true);
    // An escaped member of a class is the exception.
    check_case(b"[\\A]", b"a", false);
    check_case(b"[\\a]", b"A", false);
    // The ends of `[Z-a]` are in order and become `[z-a]`, which is empty.
    check_case(b"[Z-a]", b"z", false);
    check_case(b"[z-A]", b"c", true);
    check_case(b"\xc4", b"\xe4", false);
}

#[track_caller]
fn check_case(pattern: &[u8], text: &[u8], is_match: bool) {
    assert_eq!(glob_matches(pattern, text, Case::Ignored), is_match);
}

#[test]
fn no_pattern_takes_long() {
    let text = [b'a'; 10_000];
    let mut pattern = b"a*".repeat(900);
    pattern.push(b'b');
    assert!(!glob_matches(&pattern, &text, Case::Sensitive));
    pattern.push(b'*');
    assert!(!glob_matches(&pattern, &text, Case::Sensitive));
    pattern.insert(0, b'*');
    assert!(!glob_matches(&pattern, &text, Case::Sensitive));
    let class = [b"*[".as_slice(), &[b'b'; 1_000], b"]"].concat();
    assert!(!glob_matches(&class, &text, Case::Sensitive));
}

#[test]
fn a_thousand_stars_is_the_limit() {
    let text = [b'a'; 3_000];
    let pattern = b"*a".repeat(1_000);
    assert!(glob_matches(&pattern, &text, Case::Sensitive));
    assert!(glob_matches(&[&pattern, b"**".as_slice()].concat(), &text, Case::Sensitive));
    assert!(!glob_matches(&b"*a".repeat(1_001), &text, Case::Sensitive));
}

/// The definition as it is said, with all the time in the world.
fn slow(pattern: &[u8], text: &[u8], case: Case) -> bool {
    match pattern {
        [b'*', rest @ ..] => {
            slow(rest, text, case)
                || text.split_first().is_some_and(|(_, text)| slow(pattern, text, case))
        }
        _ => match text {
            [] => pattern.is_empty(),
            [byte, text @ ..] => {
                element(pattern, *byte, case).is_some_and(|rest| slow(rest, text, case))
            }
        },
    }
}

proptest! {
    #[test]
    fn agrees_with_the_definition(
        pattern in prop::collection::vec(prop::sample::select(b"aAbB[]^-\\**?".as_slice()), 0..10),
        text in prop::collection::vec(prop::sample::select(b"aAbB[]^-\\".as_slice()), 1..10),
        case in prop::sample::select(vec![Case::Sensitive, Case::Ignored]),
    ) {
        prop_assert_eq!(glob_matches(&pattern, &text, case), slow(&pattern, &text, case));
    }

    #[test]
    fn any_bytes_are_a_pattern(
        pattern in prop::collection::vec(any::<u8>(), 0..100),
        text in prop::collection::vec(any::<u8>(), 1..100),
    ) {
        prop_assert_eq!(glob_matches(&pattern, &text, Case::Sensitive), slow(&pattern, &text, Case::Sensitive));
        let escaped: Vec<u8> = text.iter().flat_map(|byte| [b'\\', *byte]).collect();
        prop_assert!(glob_matches(&escaped, &text, Case::Sensitive));
    }
}
