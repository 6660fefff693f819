//! Users in a file, one a line: `user`, its name, and its rules.

use std::collections::BTreeMap;
use std::fmt::Write as _;

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
        let words = config::words::split(line).unwrap_or_default();
        if words.is_empty() {
            if !line.trim_ascii().is_empty() {
                // Writing to a string cannot fail.
                let _told = write!(errors, "{path}:{number}: unbalanced quotes in acl line. ");
            }
            continue;
        }
        let words: Vec<&[u8]> = words.iter().map(config::Text::as_bytes).collect();
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
            _ => format!(
                "{path}:{number}: line should start with user keyword followed by the username. "
            ),
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
        let Err(error) = user.apply(rule.trim_ascii(), commands) else { continue };
        if error == RuleError::UnknownName {
            let rule = String::from_utf8_lossy(&rule);
            told.push(format!("Error in applying operation '{rule}': {error}. "));
        } else if !std::mem::replace(&mut is_wrong, true) {
            told.push(format!("{error}. "));
        }
    }
    told
}
