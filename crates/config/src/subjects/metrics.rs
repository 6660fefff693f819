//! What the server tells those who watch it.

use super::bounds::PORT;
use super::network::{bind_line, joined};
use crate::Config;
use crate::directive::{Directive, Occasion, WordCount, Words};
use crate::field::field;
use crate::text::Text;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The TCP port for HTTP; 0: none.
    pub port: u16,
    /// The addresses to listen on, in the form of `bind`.
    pub bind: Vec<Text>,
}

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::number("metrics-port", "0", PORT, field!(metrics.port)).live().ours().about(
        "A TCP port where HTTP answers: /metrics in the form of OpenMetrics, /healthz and /readyz for probes. Whoever reaches it sees what INFO \
         tells, without a password. 0: none.",
    ),
    Directive::words(
        "metrics-bind",
        "127.0.0.1",
        Words {
            sketch: "address ...",
            count: WordCount::Any,
            set: set_bind,
            print: |config| joined(&config.metrics.bind),
            lines: |config| vec![bind_line(&config.metrics.bind)],
            lines_are_independent: false,
        },
    )
    .live()
    .ours()
    .about("The addresses to listen on for that, in the form of `bind`."),
];

fn set_bind(config: &mut Config, words: &[Text], _: Occasion) -> Result<(), String> {
    if words.iter().any(Text::is_empty) || words.is_empty() {
        return Err("metrics-bind needs an address".to_owned());
    }
    config.metrics.bind = words.to_vec();
    Ok(())
}
