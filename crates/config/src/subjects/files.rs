//! Other files that belong to the configuration.

use crate::directive::{Directive, WordCount, Words};

/// The directive that reads another file. Loading handles it by itself, since it needs the caller's files.
pub(crate) const INCLUDE: &str = "include";

pub(crate) const DIRECTIVES: &[Directive] = &[Directive::words(
    INCLUDE,
    "",
    Words {
        sketch: "path",
        count: WordCount::Exactly(1),
        set: |_, _, _| Ok(()),
        print: |_| Vec::new(),
        lines: |_| Vec::new(),
            lines_are_independent: false,
        },
)
.file_only()
.about(
    "Reads another file at this place; a pattern such as conf.d/*.conf reads every file that fits, by name. \
     What stands later wins, so include other files first to override them here, or last to be overridden by them.",
)];
