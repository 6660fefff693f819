//! Users in a file, one a line: `user`, its name, and its rules.

use std::collections::BTreeMap;

use super::{Commands, RuleError, User, is_user_name, merge_selectors};

/// All users of a file, by name; or what is wrong, for each line.
pub(super) fn parse(
    text: &[u8],
    path: &str,
    allows_all_channels: bool,
    commands: &Commands,
) -> Result<BTreeMap<Vec<u8>, User>, Vec<u8>> {
    let mut users = BTreeMap::new();
    let mut errors = Vec::new();
    for (line, number) in text.split(|byte| *byte == b'\n').zip(1_usize..) {
        let line = trim(line, b" \t\r\n");
        if line.is_empty() {
            continue;
        }
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        match words.as_slice() {
            [b"user", name, ..] if !is_user_name(name) => {
                let place = format!("'{path}:{number}: username '");
                errors
                    .extend([place.as_bytes(), name, b"' contains invalid characters. "].concat());
            }
            [b"user", name, ..] if users.contains_key(*name) => {
                let place = format!("' found on line {number}. ");
                errors.extend([b"WARNING: Duplicate user '", *name, place.as_bytes()].concat());
            }
            [b"user", name, rules @ ..] => {
                let mut user = User::new(allows_all_channels);
                for told in follow(&mut user, rules, commands) {
                    errors.extend([format!("{path}:{number}: ").as_bytes(), &*told].concat());
                }
                users.insert(name.to_vec(), user);
            }
            _ => errors.extend_from_slice(
                format!(
                    "{path}:{number} should start with user keyword followed by the username. "
                )
                .as_bytes(),
            ),
        }
    }
    if errors.is_empty() {
        return Ok(users);
    }
    errors.extend_from_slice(
        b"WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
    );
    Err(errors)
}

/// Follows rules; what is wrong with them. Of what may be a consequence of something else only the first is told.
fn follow(user: &mut User, rules: &[&[u8]], commands: &Commands) -> Vec<Vec<u8>> {
    let Ok(rules) = merge_selectors(rules.iter().copied()) else {
        return vec![b"Unmatched parenthesis in selector definition.".to_vec()];
    };
    let mut told = Vec::new();
    let mut is_wrong = false;
    for rule in rules {
        let rule = trim(&rule, b"\t\r\n");
        let Err(error) = user.apply(rule, commands) else { continue };
        let text = error.to_string();
        if error == RuleError::UnknownName {
            let parts = [b"Error in applying operation '", rule, b"': ", text.as_bytes(), b". "];
            told.push(parts.concat());
        } else if !std::mem::replace(&mut is_wrong, true) {
            told.push([text.as_bytes(), b". "].concat());
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
