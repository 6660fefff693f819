//! What a directive is: one entry of the table.
//!
//! An entry stands beside the field it sets (see the modules by subject) and says everything about its directive;
//! reading files, CONFIG GET, SET and REWRITE, defaults, error texts and the annotated `ochre.conf` all follow from it.

use std::fmt;

use crate::Config;
use crate::field::{Choice, Field};
use crate::number::{Bounds, Unit};
use crate::text::Text;
use crate::words::{quoted, split};

/// One directive of the configuration file.
pub struct Directive {
    /// Its name, in lower case.
    pub name: &'static str,
    /// The older name that means the same, if there is one.
    pub alias: Option<&'static str>,
    /// What it is when nobody sets it, as it would be written in a file; see [`Directive::default_for`].
    default: DefaultValue,
    /// When it may be changed.
    pub change: Change,
    /// Whether CONFIG GET with a pattern leaves it out: a knob for tests and for debugging.
    pub hidden: bool,
    /// Whether its value only refers to what is set, as the name of a file does: setting it to the same again is a change.
    pub volatile: bool,
    /// Whether its value is a secret that must not be logged.
    pub sensitive: bool,
    /// Whether this server does what it says.
    pub availability: Availability,
    /// What it does, in a sentence or two.
    pub about: &'static str,
    /// Whose directive it is.
    pub origin: Origin,
    /// What a number that was accepted is silently made into.
    adjust: fn(i128) -> i128,
    pub(crate) kind: Kind,
}

/// When a directive may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// While the server runs.
    Live,
    /// While the server runs, if `enable-protected-configs` allows it to this client.
    Protected,
    /// Only at startup, in the file or on the command line.
    Startup,
    /// Only at startup; besides, it is no setting that CONFIG GET could show.
    FileOnly,
}

/// Whose directive it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Redis has it.
    Redis,
    /// Only Ochre has it.
    Ochre,
}

/// Whether this server does what a directive says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It works.
    Works,
    /// It is accepted everywhere and changes nothing here; the text says why that does no harm.
    NoEffect(&'static str),
    /// The feature it belongs to is not built yet. Setting it at run time is an error, unless to what it is.
    NotBuilt {
        /// The feature, as the subject of "... is not built yet".
        feature: &'static str,
        /// What becomes of a value in the file that is not the default.
        in_file: InFile,
    },
}

/// What becomes of a directive in the file whose feature is not built yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFile {
    /// It tunes a feature that is off, so it is taken and has no effect.
    Accepted,
    /// It asks for what the server cannot do, so the server does not start.
    Refused,
}

/// The shape of a directive's value, for documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `yes` or `no`.
    Switch,
    /// A number from the first to the second, inclusive.
    Number(Unit, i128, i128),
    /// One of these words.
    Choice(Vec<&'static str>),
    /// Any text.
    Text,
    /// Words in a form of its own, which the string sketches.
    Words(&'static str),
}

#[derive(Clone, Copy, Debug)]
enum DefaultValue {
    Text(&'static str),
    /// The number of cores, within the bounds of the directive.
    Cores,
}

pub(crate) enum Kind {
    Switch { field: Field<bool>, check: fn(bool) -> Result<(), String> },
    Number(Bounds, Field<i128>),
    Choice { words: fn() -> Vec<&'static str>, field: Field<&'static str> },
    Text { field: Field<Text>, check: fn(&[u8]) -> Result<(), String> },
    Words(Words),
}

/// A directive with a syntax of its own.
pub(crate) struct Words {
    /// A sketch of the syntax, for documentation.
    pub(crate) sketch: &'static str,
    pub(crate) count: WordCount,
    pub(crate) set: fn(&mut Config, &[Text], Occasion) -> Result<(), String>,
    /// The value as CONFIG GET answers it.
    pub(crate) print: fn(&Config) -> Vec<u8>,
    /// The lines of a file that say it, each without the directive's name, with its words quoted where needed.
    pub(crate) lines: fn(&Config) -> Vec<Vec<u8>>,
    /// Whether each of these lines sets something of its own, so that one that says the default can be left out.
    pub(crate) lines_are_independent: bool,
}

/// How many words a directive takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WordCount {
    Exactly(usize),
    /// Any number; a single word that has blanks in it is taken apart.
    Any,
    /// At least so many, and none is taken apart.
    AtLeast(usize),
}

/// What a value is set by. Directives that add up over lines tell the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// The first line of a file with that directive.
    FirstLine,
    /// Another line with it.
    FurtherLine,
    /// CONFIG SET, or a default.
    Live,
}

impl Directive {
    const fn new(name: &'static str, default: &'static str, kind: Kind) -> Directive {
        Directive {
            name,
            alias: None,
            default: DefaultValue::Text(default),
            change: Change::Startup,
            hidden: false,
            volatile: false,
            sensitive: false,
            availability: Availability::Works,
            about: "",
            origin: Origin::Redis,
            adjust: |number| number,
            kind,
        }
    }

    pub(crate) const fn switch(
        name: &'static str,
        default: &'static str,
        field: Field<bool>,
    ) -> Directive {
        Directive::new(name, default, Kind::Switch { field, check: |_| Ok(()) })
    }

    pub(crate) const fn checked_switch(
        name: &'static str,
        default: &'static str,
        check: fn(bool) -> Result<(), String>,
        field: Field<bool>,
    ) -> Directive {
        Directive::new(name, default, Kind::Switch { field, check })
    }

    pub(crate) const fn number(
        name: &'static str,
        default: &'static str,
        range: std::ops::RangeInclusive<i128>,
        field: Field<i128>,
    ) -> Directive {
        Directive::new(name, default, Kind::Number(Bounds { unit: Unit::Count, range }, field))
    }

    /// A number that is written in another unit than a plain count.
    pub(crate) const fn quantity(
        name: &'static str,
        default: &'static str,
        unit: Unit,
        range: std::ops::RangeInclusive<i128>,
        field: Field<i128>,
    ) -> Directive {
        Directive::new(name, default, Kind::Number(Bounds { unit, range }, field))
    }

    pub(crate) const fn choice<C: Choice>(
        name: &'static str,
        default: &'static str,
        field: Field<&'static str>,
    ) -> Directive {
        let words = || C::WORDS.iter().map(|(word, _)| *word).collect();
        Directive::new(name, default, Kind::Choice { words, field })
    }

    pub(crate) const fn text(
        name: &'static str,
        default: &'static str,
        field: Field<Text>,
    ) -> Directive {
        Directive::new(name, default, Kind::Text { field, check: |_| Ok(()) })
    }

    pub(crate) const fn checked_text(
        name: &'static str,
        default: &'static str,
        check: fn(&[u8]) -> Result<(), String>,
        field: Field<Text>,
    ) -> Directive {
        Directive::new(name, default, Kind::Text { field, check })
    }

    pub(crate) const fn words(
        name: &'static str,
        default: &'static str,
        words: Words,
    ) -> Directive {
        Directive::new(name, default, Kind::Words(words))
    }

    /// It can be changed while the server runs.
    pub(crate) const fn live(mut self) -> Directive {
        self.change = Change::Live;
        self
    }

    /// It can be changed while the server runs if `enable-protected-configs` says so.
    pub(crate) const fn protected(mut self) -> Directive {
        self.change = Change::Protected;
        self
    }

    pub(crate) const fn file_only(mut self) -> Directive {
        self.change = Change::FileOnly;
        self
    }

    pub(crate) const fn alias(mut self, alias: &'static str) -> Directive {
        self.alias = Some(alias);
        self
    }

    pub(crate) const fn hidden(mut self) -> Directive {
        self.hidden = true;
        self
    }

    /// Its value refers to something else that may change.
    pub(crate) const fn volatile(mut self) -> Directive {
        self.volatile = true;
        self
    }

    pub(crate) const fn sensitive(mut self) -> Directive {
        self.sensitive = true;
        self
    }

    /// The default is the number of cores.
    pub(crate) const fn by_cores(mut self) -> Directive {
        self.default = DefaultValue::Cores;
        self
    }

    /// It is a directive of Ochre that Redis does not have.
    pub(crate) const fn ours(mut self) -> Directive {
        self.origin = Origin::Ochre;
        self
    }

    /// What a number that was accepted is silently made into.
    pub(crate) const fn adjusted(mut self, adjust: fn(i128) -> i128) -> Directive {
        self.adjust = adjust;
        self
    }

    pub(crate) const fn no_effect(mut self, why: &'static str) -> Directive {
        self.availability = Availability::NoEffect(why);
        self
    }

    /// It tunes a feature that is not built yet.
    pub(crate) const fn not_built(mut self, feature: &'static str) -> Directive {
        self.availability = Availability::NotBuilt { feature, in_file: InFile::Accepted };
        self
    }

    /// It turns on a feature that is not built yet.
    pub(crate) const fn refused(mut self, feature: &'static str) -> Directive {
        self.availability = Availability::NotBuilt { feature, in_file: InFile::Refused };
        self
    }

    pub(crate) const fn about(mut self, text: &'static str) -> Directive {
        self.about = text;
        self
    }

    /// What the directive is when nobody sets it, on a machine with that many cores.
    pub fn default_for(&self, cores: u16) -> String {
        match self.default {
            DefaultValue::Text(text) => text.to_owned(),
            DefaultValue::Cores => match &self.kind {
                Kind::Number(bounds, _) => {
                    i128::from(cores).clamp(*bounds.range.start(), *bounds.range.end()).to_string()
                }
                Kind::Switch { .. } | Kind::Choice { .. } | Kind::Text { .. } | Kind::Words(_) => {
                    cores.to_string()
                }
            },
        }
    }

    /// The default in words, where it depends on the machine.
    pub fn default_follows_cores(&self) -> bool {
        matches!(self.default, DefaultValue::Cores)
    }

    /// The shape of its value.
    pub fn shape(&self) -> Shape {
        match &self.kind {
            Kind::Switch { .. } => Shape::Switch,
            Kind::Number(bounds, _) => {
                let adjusted = |bound: &i128| (self.adjust)(*bound);
                let (low, high) = (adjusted(bounds.range.start()), adjusted(bounds.range.end()));
                Shape::Number(bounds.unit, low, high)
            }
            Kind::Choice { words, .. } => Shape::Choice(words()),
            Kind::Text { .. } => Shape::Text,
            Kind::Words(words) => Shape::Words(words.sketch),
        }
    }

    /// Its value as CONFIG GET answers it.
    pub fn print(&self, config: &Config) -> Vec<u8> {
        match &self.kind {
            Kind::Switch { field, .. } => yes_or_no((field.read)(config)).into(),
            Kind::Number(bounds, field) => bounds.print((field.read)(config)).into_bytes(),
            Kind::Choice { field, .. } => (field.read)(config).into(),
            Kind::Text { field, .. } => (field.read)(config).as_bytes().into(),
            Kind::Words(words) => (words.print)(config),
        }
    }

    /// The lines of a file that say its value, each without its name.
    pub(crate) fn lines(&self, config: &Config) -> Vec<Vec<u8>> {
        match &self.kind {
            Kind::Switch { .. } | Kind::Choice { .. } => vec![self.print(config)],
            Kind::Number(bounds, field) => {
                vec![bounds.print_for_file((field.read)(config)).into_bytes()]
            }
            Kind::Text { field, .. } => {
                let text = (field.read)(config);
                if text.is_empty() && self.default_for(config.cores()).is_empty() {
                    Vec::new()
                } else {
                    vec![quoted(text.as_bytes())]
                }
            }
            Kind::Words(words) => (words.lines)(config),
        }
    }

    pub(crate) fn lines_are_independent(&self) -> bool {
        matches!(&self.kind, Kind::Words(words) if words.lines_are_independent)
    }

    /// Whether it is set to its default.
    pub fn is_default(&self, config: &Config) -> bool {
        self.print(config) == self.print(&Config::new(config.cores()))
    }

    /// Sets it to its default.
    pub(crate) fn set_default(&self, config: &mut Config) -> Result<(), String> {
        let default = self.default_for(config.cores());
        if default.is_empty() && matches!(self.kind, Kind::Words(_)) {
            // The field has it already, and a syntax of its own may have no empty form.
            return Ok(());
        }
        let words = [Text::from(default.as_str())];
        self.set(config, &words, Occasion::Live)
    }

    /// Sets it from its words in a file or from CONFIG SET. The error is the text that the user sees.
    pub(crate) fn set(
        &self,
        config: &mut Config,
        words: &[Text],
        occasion: Occasion,
    ) -> Result<(), String> {
        let word = match (&self.kind, words) {
            (Kind::Words(own), _) => return own.set(config, words, occasion),
            (_, [word]) => word.as_bytes(),
            _ => return Err(WRONG_COUNT.to_owned()),
        };
        match &self.kind {
            Kind::Switch { field, check } => {
                let on = switch(word)?;
                check(on)?;
                (field.write)(config, on);
            }
            Kind::Number(bounds, field) => {
                (field.write)(config, (self.adjust)(bounds.parse(word)?));
            }
            Kind::Choice { words, field } => (field.write)(config, choose(&words(), word)?),
            Kind::Text { field, check } => {
                check(word)?;
                (field.write)(config, word.into());
            }
            Kind::Words(_) => {}
        }
        Ok(())
    }
}

impl fmt::Debug for Directive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Directive({})", self.name)
    }
}

impl Words {
    fn set(&self, config: &mut Config, words: &[Text], occasion: Occasion) -> Result<(), String> {
        match (self.count, words) {
            (WordCount::Any, [word]) => (self.set)(config, &take_apart(word, occasion)?, occasion),
            (WordCount::Exactly(count), _) if words.len() != count => Err(WRONG_COUNT.to_owned()),
            (WordCount::AtLeast(count), _) if words.len() < count => Err(WRONG_COUNT.to_owned()),
            (WordCount::Any | WordCount::Exactly(_) | WordCount::AtLeast(_), _) => {
                (self.set)(config, words, occasion)
            }
        }
    }
}

/// The words in the one word that was given for several. CONFIG SET separates them by single blanks, a file as it does a line.
fn take_apart(word: &Text, occasion: Occasion) -> Result<Vec<Text>, String> {
    match (occasion, word.as_bytes()) {
        (Occasion::Live, b"") => Ok(Vec::new()),
        (Occasion::Live, word) => Ok(word.split(|byte| *byte == b' ').map(Text::from).collect()),
        (Occasion::FirstLine | Occasion::FurtherLine, b"") => Ok(vec![word.clone()]),
        (Occasion::FirstLine | Occasion::FurtherLine, word) => {
            split(word).map_err(|_| UNBALANCED.to_owned())
        }
    }
}

pub(crate) const UNBALANCED: &str = "Unbalanced quotes in configuration line";

pub(crate) const WRONG_COUNT: &str = "wrong number of arguments";

fn switch(word: &[u8]) -> Result<bool, String> {
    if word.eq_ignore_ascii_case(b"yes") {
        Ok(true)
    } else if word.eq_ignore_ascii_case(b"no") {
        Ok(false)
    } else {
        Err("argument must be 'yes' or 'no'".to_owned())
    }
}

pub(crate) fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// The one of `words` that is meant.
pub(crate) fn choose(words: &[&'static str], word: &[u8]) -> Result<&'static str, String> {
    words
        .iter()
        .copied()
        .find(|known| word.eq_ignore_ascii_case(known.as_bytes()))
        .ok_or_else(|| format!("argument(s) must be one of the following: {}", words.join(", ")))
}
