//! What is logged, where, and in which form.

use crate::directive::Directive;
use crate::field::{Choice, field};
use crate::text::Text;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// The least important lines that are written.
    pub level: LogLevel,
    /// The file; empty: standard output.
    pub file: Text,
    /// The form of a line.
    pub format: LogFormat,
    /// Whether lines go to syslog too.
    pub syslog: bool,
    /// What the server calls itself in syslog.
    pub syslog_identity: Text,
    /// The facility in syslog.
    pub syslog_facility: SyslogFacility,
    /// Whether data of users is kept out of logs.
    pub hide_user_data: bool,
}

/// How important a line must be to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What rarely matters.
    Verbose,
    /// What an operator wants to know.
    #[default]
    Notice,
    /// What an operator must know.
    Warning,
    /// No line at all.
    Nothing,
}

impl Choice for LogLevel {
    const WORDS: &'static [(&'static str, LogLevel)] = &[
        ("debug", LogLevel::Debug),
        ("verbose", LogLevel::Verbose),
        ("notice", LogLevel::Notice),
        ("warning", LogLevel::Warning),
        ("nothing", LogLevel::Nothing),
    ];
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// As Redis writes it.
    #[default]
    Plain,
    /// `key=value` pairs.
    Logfmt,
    /// A JSON object.
    Json,
}

impl Choice for LogFormat {
    const WORDS: &'static [(&'static str, LogFormat)] =
        &[("plain", LogFormat::Plain), ("logfmt", LogFormat::Logfmt), ("json", LogFormat::Json)];
}

/// A facility of syslog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are syslog's own")]
pub enum SyslogFacility {
    User,
    #[default]
    Local0,
    Local1,
    Local2,
    Local3,
    Local4,
    Local5,
    Local6,
    Local7,
}

impl Choice for SyslogFacility {
    const WORDS: &'static [(&'static str, SyslogFacility)] = &[
        ("user", SyslogFacility::User),
        ("local0", SyslogFacility::Local0),
        ("local1", SyslogFacility::Local1),
        ("local2", SyslogFacility::Local2),
        ("local3", SyslogFacility::Local3),
        ("local4", SyslogFacility::Local4),
        ("local5", SyslogFacility::Local5),
        ("local6", SyslogFacility::Local6),
        ("local7", SyslogFacility::Local7),
    ];
}

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::choice::<LogLevel>("loglevel", "notice", field!(logging.level)).live().about(
        "The least important lines that are written: `debug` is everything, `nothing` is silence.",
    ),
    Directive::text("logfile", "", field!(logging.file))
        .about("The file for the log. Empty: standard output, or nowhere when in the background."),
    Directive::choice::<LogFormat>("log-format", "plain", field!(logging.format)).ours().about(
        "The form of a line: `plain` is Redis's, `logfmt` is key=value pairs, `json` is an object. Only Ochre has it.",
    ),
    Directive::switch("syslog-enabled", "no", field!(logging.syslog))
        .about("Whether the log goes to syslog as well."),
    Directive::text("syslog-ident", "redis", field!(logging.syslog_identity))
        .about("What the server calls itself in syslog."),
    Directive::choice::<SyslogFacility>("syslog-facility", "local0", field!(logging.syslog_facility))
        .about("The facility in syslog."),
    Directive::switch("hide-user-data-from-log", "no", field!(logging.hide_user_data))
        .live()
        .about("Whether keys, values and the like are kept out of the log and of crash reports."),
];
