//! Users in a file, one a line: `user`, its name, and its rules.

use std::collections::BTreeMap;

use super::{Commands, RuleError, User, merge_selectors};

/// All users of a file, by name; or what is wrong, for each line.
pub(super) fn parse(
    text: &[u8],
    path: &str,
    allows_all_channels: bool,
    commands: &Commands,
) -> Result<BTreeMap<Vec<u8>, User>, String> {
    let mut users = BTreeMap::new();
    let mut errors = String::new();
    for (line, number) in text.split(|byte| *byte == b'\n').zip(1_usize..) {
        let line = trim(line, b" \t\r\n");
        if line.is_empty() {
            continue;
        }
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let told = match words.as_slice() {
            [b"user", name, ..] if users.contains_key(*name) => {
                let name = String::from_utf8_lossy(name);
                format!("WARNING: Duplicate user '{name}' found on line {number}. ")
            }
            [b"user", name, rules @ ..] => {
                let mut user = User::new(allows_all_channels);
                let told = follow(&mut user, rules, commands);
                users.insert(name.to_vec(), user);
                let lines = told.into_iter().map(|told| format!("{path}:{number}: {told}"));
                lines.collect::<Vec<_>>().concat()
            }
            _ => {
                format!("{path}:{number} should start with user keyword followed by the username. ")
            }
        };
        errors.push_str(&told);
    }
    if errors.is_empty() {
        return Ok(users);
    }
    errors.push_str(
        "WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
    );
    Err(errors)
}

/// Follows rules; what is wrong with them. Of what may be a consequence of something else only the first is told.
fn follow(user: &mut User, rules: &[&[u8]], commands: &Commands) -> Vec<String> {
    let Ok(rules) = merge_selectors(rules.iter().copied()) else {
        return vec!["Unmatched parenthesis in selector definition.".to_owned()];
    };
    let mut told = Vec::new();
    let mut is_wrong = false;
    for rule in rules {
        let rule = trim(&rule, b"\t\r\n");
        let Err(error) = user.apply(rule, commands) else { continue };
        if error == RuleError::UnknownName {
            let rule = String::from_utf8_lossy(rule);
            told.push(format!("Error in applying operation '{rule}': {error}. "));
        } else if !std::mem::replace(&mut is_wrong, true) {
            told.push(format!("{error}. "));
        }
    }
    told
}

/// What is left without these bytes at both ends.
fn trim<'t>(text: &'t [u8], blanks: &[u8]) -> &'t [u8] {
    let is_kept = |byte: &u8| !blanks.contains(byte);
    let Some(start) = text.iter().position(is_kept) else { return &[] };
    let end = text.iter().rposition(is_kept).unwrap_or(start);
    &text[start..=end]
}
