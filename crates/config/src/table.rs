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
#[derive(Clone, Copy, Debug)]
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::directive::{Kind, Occasion};
    use crate::text::Text;

    fn settings() -> impl Iterator<Item = &'static Directive> {
        directives().filter(|directive| directive.change != Change::FileOnly)
    }

    #[test]
    fn names_are_unique_and_in_lower_case() {
        let names: Vec<_> = directives()
            .flat_map(|directive| std::iter::once(directive.name).chain(directive.alias))
            .collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        for name in names {
            assert_eq!(name, name.to_ascii_lowercase());
            assert_eq!(
                find(name.to_ascii_uppercase().as_bytes()).map(|named| named.name),
                Some(name)
            );
        }
    }

    #[test]
    fn every_bound_of_a_number_fits_its_field() {
        let mut config = Config::new(1);
        for directive in settings() {
            if let Kind::Number(bounds, _) = &directive.kind {
                for bound in [*bounds.range.start(), *bounds.range.end()] {
                    let text = bounds.print(bound);
                    directive.set(&mut config, &[text.as_str().into()], Occasion::Live).unwrap();
                    let adjusted = directive.print(&config);
                    directive.set(&mut config, &[adjusted.clone().into()], Occasion::Live).unwrap();
                    assert_eq!(directive.print(&config), adjusted, "{}", directive.name);
                    let is_adjusted =
                        ["hz", "watchdog-period", "repl-backlog-size"].contains(&directive.name);
                    assert!(is_adjusted || adjusted == text.into_bytes(), "{}", directive.name);
                }
            }
        }
    }

    #[test]
    fn every_word_of_a_choice_is_held() {
        let mut config = Config::new(1);
        for directive in settings() {
            if let Kind::Choice { words, .. } = &directive.kind {
                for word in words() {
                    directive.set(&mut config, &[word.into()], Occasion::Live).unwrap();
                    // `yes` and `relative` are the same, and the first is answered.
                    let expected = if word == "relative" { "yes" } else { word };
                    assert_eq!(directive.print(&config), expected.as_bytes(), "{}", directive.name);
                }
            }
        }
    }

    #[test]
    fn every_default_is_what_it_says() {
        for cores in [1, 8] {
            let config = Config::new(cores);
            for directive in settings() {
                let mut copy = config.clone();
                let printed = directive.print(&config);
                if !printed.is_empty() {
                    directive.set(&mut copy, &[Text::from(printed)], Occasion::Live).unwrap();
                }
                assert_eq!(copy, config, "{}", directive.name);
                assert!(directive.is_default(&config), "{}", directive.name);
            }
        }
    }
}
