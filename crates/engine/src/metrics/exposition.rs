//! The text form of `OpenMetrics`.

use std::fmt::{Display, Write as _};

use crate::durations::Durations;

/// A text under construction: families of samples, one after the other.
pub(super) struct Exposition {
    text: String,
    /// Of the family that samples are added to.
    name: String,
}

/// What a family's samples are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Information,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Information => "info",
        }
    }
}

/// Before every name.
const PREFIX: &str = "ochre_";

impl Exposition {
    pub(super) fn new() -> Exposition {
        Exposition { text: String::with_capacity(64 << 10), name: String::new() }
    }

    /// Begins a family.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        self.name = [PREFIX, name].concat();
        let (name, kind) = (&self.name, kind.word());
        write(&mut self.text, format_args!("# TYPE {name} {kind}\n# HELP {name} {help}\n"));
    }

    /// A family of one sample: a number that INFO tells.
    pub(super) fn field(&mut self, name: &str, number: &str, is_counter: bool) {
        let help = format!("The field {name} of INFO.");
        let name = name.strip_prefix(PREFIX).unwrap_or(name);
        if is_counter {
            self.family(name.strip_prefix("total_").unwrap_or(name), Kind::Counter, &help);
            self.sample("_total", &[], number);
        } else {
            self.family(name, Kind::Gauge, &help);
            self.sample("", &[], number);
        }
    }

    /// A sample of the family.
    pub(super) fn sample(&mut self, ending: &str, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(&self.name);
        self.text.push_str(ending);
        for (place, (name, value)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            write(&mut self.text, format_args!("{before}{name}=\"{}\"", Escaped(value)));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        write(&mut self.text, format_args!(" {value}\n"));
    }

    /// The samples of a histogram of nanoseconds, in seconds; `sum_ns` is what all of them come to.
    pub(super) fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        durations: &Durations,
        sum_ns: u64,
    ) {
        let labelled = |limit: &str| {
            let mut all: Vec<(String, String)> =
                labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            all.push(("le".to_owned(), limit.to_owned()));
            all
        };
        let mut bucket = |limit: &str, count: u64| {
            let all = labelled(limit);
            let all: Vec<(&str, &str)> = all.iter().map(|(name, it)| (&**name, &**it)).collect();
            self.sample("_bucket", &all, count);
        };
        for step in 0..STEPS {
            // Whatever is not told apart from the step counts as being within it.
            let highest = durations.last_alike(FIRST_STEP_NS << step);
            let seconds = crate::vitals::float(highest) / 1e9;
            bucket(&seconds.to_string(), durations.calls_within(highest));
        }
        bucket("+Inf", durations.calls());
        self.sample("_count", labels, durations.calls());
        self.sample("_sum", labels, crate::vitals::float(sum_ns) / 1e9);
    }

    /// The text, complete.
    pub(super) fn finish(mut self) -> String {
        self.text.push_str("# EOF\n");
        self.text
    }
}

/// The first step of histograms; each is twice the one before.
const FIRST_STEP_NS: u64 = 1024;
/// To about a second.
const STEPS: u32 = 21;

/// The value of a label, as it stands between quotes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => formatter.write_str("\\\\")?,
                '"' => formatter.write_str("\\\"")?,
                '\n' => formatter.write_str("\\n")?,
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

fn write(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _written = text.write_fmt(what);
}
