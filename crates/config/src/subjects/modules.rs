//! Modules, which this server does not load.

use crate::directive::{Directive, WordCount, Words};

const FEATURE: &str = "loading modules";

pub(crate) const DIRECTIVES: &[Directive] = &[Directive::words(
    "loadmodule",
    "",
    Words {
        sketch: "path argument ...",
        count: WordCount::AtLeast(1),
        set: |_, _, _| Err(format!("{FEATURE} is not built into this server yet")),
        print: |_| Vec::new(),
        lines: |_| Vec::new(),
        lines_are_independent: false,
    },
)
.file_only()
.refused(FEATURE)
.about("A module to load at the start, with its arguments.")];
