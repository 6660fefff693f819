//! The whole table: finding a directive by name, and answering CONFIG GET.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::Config;
use crate::directive::{Change, Directive};
use crate::subjects::SUBJECTS;

/// Every directive, in the order of the annotated file.
pub fn directives() -> impl Iterator<Item = &'static Directive> {
    SUBJECTS.iter().flat_map(|subject| subject.directives)
}

/// A directive under one of its names.
#[derive(Clone, Copy)]
pub struct Named {
    /// The name it was found by, in lower case: its own, or the older one.
    pub name: &'static str,
    /// What it is.
    pub directive: &'static Directive,
}

/// The directive of that name, in any case, or of that older name.
pub fn find(name: &[u8]) -> Option<Named> {
    /// Longer than any name, so that a huge one costs nothing.
    const LONGEST_NAME: usize = 64;
    if LONGEST_NAME < name.len() {
        return None;
    }
    BY_NAME.get(name.to_ascii_lowercase().as_slice()).copied()
}

static BY_NAME: LazyLock<HashMap<&'static [u8], Named>> = LazyLock::new(|| {
    directives()
        .flat_map(|directive| {
            std::iter::once(directive.name)
                .chain(directive.alias)
                .map(move |name| (name.as_bytes(), Named { name, directive }))
        })
        .collect()
});

/// Answers CONFIG GET: names with values, sorted by name, each once.
///
/// A pattern without wildcards names one directive, in any case and even a hidden one, and the answer spells it as the
/// pattern does. `matches` is asked whether a pattern with wildcards fits a name, without regard to case.
pub fn get(
    config: &Config,
    patterns: &[&[u8]],
    matches: impl Fn(&[u8], &[u8]) -> bool,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found: Vec<(&'static str, Vec<u8>, &'static Directive)> = Vec::new();
    let add = |found: &mut Vec<(&'static str, Vec<u8>, &'static Directive)>,
               named: Named,
               spelling: &[u8]| {
        if named.directive.change != Change::FileOnly
            && found.iter().all(|(name, ..)| *name != named.name)
        {
            found.push((named.name, spelling.to_vec(), named.directive));
        }
    };
    for pattern in patterns {
        if !pattern.iter().any(|byte| matches!(byte, b'[' | b'*' | b'?')) {
            if let Some(named) = find(pattern) {
                add(&mut found, named, pattern);
            }
            continue;
        }
        for named in BY_NAME.values() {
            if !named.directive.hidden && matches(pattern, named.name.as_bytes()) {
                add(&mut found, *named, named.name.as_bytes());
            }
        }
    }
    found.sort_unstable_by_key(|(name, ..)| *name);
    found.into_iter().map(|(_, spelling, directive)| (spelling, directive.print(config))).collect()
}
