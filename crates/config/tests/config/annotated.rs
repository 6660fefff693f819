//! The annotated `ochre.conf` at the root of the repository is what the table says, and loads.

use std::path::Path;

use ochre_config::{Availability, Change, Config, Source, annotated_file, directives, find, load};

use crate::world::World;

#[test]
fn the_file_at_the_root_follows_from_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ochre.conf");
    let expected = annotated_file();
    if std::env::var_os("OCHRE_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "ochre.conf is out of date: run this test with OCHRE_BLESS=1");
}

#[test]
fn it_says_the_defaults_and_nothing_to_be_noticed() {
    let loaded =
        load(&Source::file(annotated_file().as_bytes()), 3, &mut World::default()).unwrap();
    assert_eq!(loaded.config, Config::new(3));
    assert_eq!(loaded.notices, Vec::<String>::new());
}

#[test]
fn every_line_in_a_comment_says_the_default_too() {
    let file = annotated_file();
    let mut uncommented = String::new();
    for line in file.lines() {
        let said =
            line.strip_prefix('#').filter(|said| !said.starts_with([' ', '#'])).unwrap_or(line);
        let named = find(said.split(' ').next().unwrap().as_bytes());
        let has_default = named.is_some_and(|named| {
            named.directive.change != Change::FileOnly
                && !named.directive.default_follows_cores()
                && !said.contains('|')
        });
        if has_default {
            uncommented.push_str(said);
            uncommented.push('\n');
        }
    }
    assert!(directives().count() - 10 < uncommented.lines().count());
    let loaded = load(&Source::file(uncommented.as_bytes()), 3, &mut World::default()).unwrap();
    assert_eq!(loaded.config, Config::new(3));
}

#[test]
fn every_directive_is_in_it_and_explained() {
    let file = annotated_file();
    for directive in directives() {
        let name = directive.name;
        let line =
            file.lines().any(|line| line.trim_start_matches('#').starts_with(&format!("{name} ")));
        assert!(line, "{name}");
        assert!(directive.about.ends_with('.') && directive.about.is_ascii(), "{name}");
        if let Availability::NoEffect(why) = directive.availability {
            assert!(!why.is_empty() && !why.ends_with('.'), "{name}");
        }
    }
}
