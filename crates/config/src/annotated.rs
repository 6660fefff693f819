//! The annotated `ochre.conf`: every directive with what it does, its type and its default, from the table.
//!
//! Directives that work and have a default stand as lines that say it; all others stand in comments. The copy at the
//! root of the repository is compared with [`annotated_file`] by a test, which writes it anew with `OCHRE_BLESS=1`.

use std::fmt::Write as _;

use crate::Config;
use crate::directive::{Availability, Change, Directive, Origin, Shape};
use crate::number::Unit;
use crate::subjects::SUBJECTS;

/// The annotated configuration file.
pub fn annotated_file() -> String {
    let config = Config::new(1);
    let mut file = HEADER.to_owned();
    for subject in SUBJECTS {
        let title = subject.title.to_uppercase();
        let _ = write!(file, "\n{}\n# {title}\n{}\n", "#".repeat(WIDTH), "#".repeat(WIDTH));
        for directive in subject.directives {
            file.push('\n');
            wrap(&mut file, directive.about);
            wrap(&mut file, &facts(directive));
            for line in lines(directive, &config) {
                file.push_str(&line);
                file.push('\n');
            }
        }
    }
    file
}

const HEADER: &str = "\
# The configuration of Ochre, with every directive. It is that of Redis 7.4 and a little more.
#
# Start the server with it:  ochre-server /path/to/ochre.conf
# Or set directives there:   ochre-server --port 7000 --maxmemory 1gb
#
# A line is a name and its values. Names may be in upper or lower case. A value with blanks stands in quotes;
# in double quotes \\n, \\r, \\t, \\\" and \\xHH stand for bytes. A line that starts with # is a comment.
# Sizes may have a unit: 1k is 1000 bytes and 1kb is 1024, likewise m and mb, g and gb.
#
# A line that starts with # and no blank shows a default, or how to write the directive if it has none.
# \"Live\" directives can be changed by CONFIG SET while the server runs, and CONFIG REWRITE writes them here.
# This file follows from the table of directives in the sources.
";

/// Lines are not longer than this.
const WIDTH: usize = 100;

fn wrap(file: &mut String, text: &str) {
    let mut length = 0_usize;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let with_word = length.saturating_add(word.len()).saturating_add(1);
        if length == 0 || WIDTH < with_word {
            file.push_str(if length == 0 { "#" } else { "\n#" });
            length = 1;
        }
        file.push(' ');
        file.push_str(word);
        length = length.saturating_add(word.len()).saturating_add(1);
    }
    file.push('\n');
}

/// Its type, when it can be changed, its other name, and whether it works.
fn facts(directive: &Directive) -> String {
    let mut facts = format!("[{}; ", shape(directive));
    facts.push_str(match directive.change {
        Change::Live => "live",
        Change::Protected => "live if enable-protected-configs allows",
        Change::Startup => "at the start only",
        Change::FileOnly => "at the start only; may be repeated",
    });
    if let Some(alias) = directive.alias {
        let _ = write!(facts, "; also called {alias}");
    }
    if directive.hidden {
        facts.push_str("; for tests");
    }
    if directive.origin == Origin::Ochre {
        facts.push_str("; not in Redis");
    }
    facts.push(']');
    match directive.availability {
        Availability::Works => {}
        Availability::NoEffect(why) => {
            let _ = write!(facts, " It has no effect: {why}.");
        }
        Availability::NotBuilt { feature, .. } => {
            let _ = write!(facts, " Not yet: {feature} is not built.");
        }
    }
    facts
}

fn shape(directive: &Directive) -> String {
    match directive.shape() {
        Shape::Switch => "yes or no".to_owned(),
        Shape::Choice(words) => words.join(" | "),
        Shape::Text => "text".to_owned(),
        Shape::Words(sketch) => sketch.to_owned(),
        Shape::Number(unit, low, high) => {
            let kind = match unit {
                Unit::Count => "number",
                Unit::Bytes => "bytes",
                Unit::BytesOrPercent => "bytes or N%",
                Unit::Octal => return format!("octal number, {low:o} to {high:o}"),
            };
            // A bound that is only the end of an integer type tells a reader nothing.
            let has_low = i128::from(i32::MIN) < low;
            let has_high = high < i128::from(i32::MAX);
            match (has_low, has_high) {
                (true, true) => format!("{kind}, {low} to {high}"),
                (true, false) => format!("{kind}, at least {low}"),
                (false, _) => kind.to_owned(),
            }
        }
    }
}

/// The lines that say the default, or in a comment how it is written.
fn lines(directive: &Directive, config: &Config) -> Vec<String> {
    let name = directive.name;
    if directive.default_follows_cores() {
        return vec![format!("#{name} 4")];
    }
    let values = directive.lines(config);
    if values.is_empty() {
        let sketch = match directive.shape() {
            Shape::Words(sketch) => sketch,
            Shape::Switch | Shape::Number(..) | Shape::Choice(_) | Shape::Text => "\"\"",
        };
        return vec![format!("#{name} {sketch}")];
    }
    let comment = if directive.availability == Availability::Works { "" } else { "#" };
    let line = |value: &Vec<u8>| format!("{comment}{name} {}", String::from_utf8_lossy(value));
    values.iter().map(line).collect()
}
