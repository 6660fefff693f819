//! The process itself: workers, the background, timers, the title, how it ends.

use super::bounds::NATURAL_32;
use crate::Config;
use crate::directive::{Directive, Occasion, WRONG_COUNT, WordCount, Words, choose};
use crate::field::{Choice, field};
use crate::number::lenient_integer;
use crate::text::Text;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a directive of its own that is yes or no"
)]
pub struct Process {
    /// The number of workers.
    pub io_threads: u16,
    /// No effect: every worker reads its own connections.
    pub io_threads_do_reads: bool,
    /// Whether the server goes to the background.
    pub daemonize: bool,
    /// The file to hold the process ID; empty: none, or the usual one in the background.
    pub pid_file: Text,
    /// Who started the server and wants to hear when it is ready.
    pub supervised: Supervisor,
    /// Whether the log starts with the banner even where it goes to no terminal.
    pub always_show_logo: bool,
    /// Whether the process title says what the server does.
    pub set_title: bool,
    /// What the process title says.
    pub title_template: Text,
    /// How often a second the timers run.
    pub hz: u32,
    /// Whether the timers run more often when there are many clients.
    pub dynamic_hz: bool,
    /// Seconds that a shutdown waits for replicas.
    pub shutdown_timeout_s: u32,
    /// How SIGINT ends the server.
    pub shutdown_on_sigint: ShutdownOptions,
    /// How SIGTERM ends the server.
    pub shutdown_on_sigterm: ShutdownOptions,
    /// Whether a crash leaves a report in the log.
    pub crash_log: bool,
    /// No effect: a crash report here makes no memory test.
    pub crash_memory_check: bool,
    /// Whether a panic ends with `exit` instead of `abort`.
    pub exit_on_panic: bool,
    /// Whether and how the kernel is told which process to kill when memory runs out.
    pub oom_score_adjust: OomScoreAdjust,
    /// The adjustments for a primary, a replica, and a child.
    pub oom_score_values: [i32; 3],
    /// The cores for the workers.
    pub server_cpus: Text,
    /// The cores for background work.
    pub background_cpus: Text,
    /// The cores for rewriting the append-only file.
    pub aof_rewrite_cpus: Text,
    /// The cores for saving.
    pub save_cpus: Text,
    /// No effect: huge pages do no harm to a server that does not fork.
    pub disable_huge_pages: bool,
    /// No effect: the allocator looks after itself.
    pub allocator_thread: bool,
    /// Names of startup checks to skip.
    pub ignore_warnings: Text,
    /// The locale by which text is sorted.
    pub locale: Text,
    /// Milliseconds after which a stuck event loop reports where it is; 0: never.
    pub watchdog_period_ms: u32,
}

/// Who started the server and wants to hear when it is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supervisor {
    /// Upstart: the process stops itself once.
    Upstart,
    /// systemd: a message to its notification socket.
    Systemd,
    /// Whichever of them the environment names.
    Auto,
    /// Nobody.
    #[default]
    None,
}

impl Choice for Supervisor {
    const WORDS: &'static [(&'static str, Supervisor)] = &[
        ("upstart", Supervisor::Upstart),
        ("systemd", Supervisor::Systemd),
        ("auto", Supervisor::Auto),
        ("no", Supervisor::None),
    ];
}

/// Whether and how the kernel is told which process to kill when memory runs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OomScoreAdjust {
    /// Not at all.
    #[default]
    No,
    /// The values are added to the score at the start.
    Relative,
    /// The values are the score.
    Absolute,
}

impl Choice for OomScoreAdjust {
    const WORDS: &'static [(&'static str, OomScoreAdjust)] = &[
        ("no", OomScoreAdjust::No),
        // The same as `relative`, and the word for it that is answered.
        ("yes", OomScoreAdjust::Relative),
        ("relative", OomScoreAdjust::Relative),
        ("absolute", OomScoreAdjust::Absolute),
    ];
}

/// How a signal ends the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownOptions {
    /// Whether to save first.
    pub save: SaveFirst,
    /// Whether to go without waiting for replicas.
    pub now: bool,
    /// Whether to go even when saving fails.
    pub force: bool,
}

/// Whether a shutdown saves first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveFirst {
    /// If there are save points.
    #[default]
    IfSavePoints,
    /// Yes.
    Save,
    /// No.
    NoSave,
}

const PINNING: &str = "pinning threads to cores";

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::number("io-threads", "", 1..=128, field!(process.io_threads)).by_cores().about(
        "The number of workers. Each is a thread with an event loop that reads, executes and answers for its own clients. \
         With 1 the server is single-threaded. If it is not set, it is the number of cores.",
    ),
    Directive::switch("io-threads-do-reads", "no", field!(process.io_threads_do_reads))
        .no_effect("every worker reads from its own connections")
        .about("Whether threads read from clients too."),
    Directive::switch("daemonize", "no", field!(process.daemonize))
        .about("Whether the server goes to the background."),
    Directive::text("pidfile", "", field!(process.pid_file)).about(
        "The file to hold the process ID. Empty: none, or /var/run/redis.pid when in the background.",
    ),
    Directive::choice::<Supervisor>("supervised", "no", field!(process.supervised)).about(
        "Who is told when the server is ready: `systemd` through NOTIFY_SOCKET, `upstart` by stopping once, \
         `auto` as the environment suggests, or `no` one.",
    ),
    Directive::switch("always-show-logo", "no", field!(process.always_show_logo))
        .about("Whether the log starts with the banner even if it does not go to a terminal."),
    Directive::switch("set-proc-title", "yes", field!(process.set_title))
        .about("Whether the title of the process says what the server does."),
    Directive::checked_text(
        "proc-title-template",
        "{title} {listen-addr} {server-mode}",
        check_title_template,
        field!(process.title_template),
    )
    .live()
    .about(
        "What the process title says. In braces may stand: title, listen-addr, server-mode, port, tls-port, unixsocket, config-file.",
    ),
    Directive::number("hz", "10", NATURAL_32, field!(process.hz)).adjusted(|hz| hz.clamp(1, 500)).live().about(
        "How often a second the timers run: expiry, closing idle clients and the like.",
    ),
    Directive::switch("dynamic-hz", "yes", field!(process.dynamic_hz))
        .live()
        .about("Whether the timers run more often while there are very many clients."),
    Directive::number("shutdown-timeout", "10", NATURAL_32, field!(process.shutdown_timeout_s))
        .live()
        .about("Seconds that a shutdown waits for replicas that lag behind."),
    Directive::words(
        "shutdown-on-sigint",
        "default",
        Words {
            sketch: "default | [save | nosave] [now] [force]",
            count: WordCount::Any,
            set: |config, words, _| set_shutdown(&mut config.process.shutdown_on_sigint, words),
            print: |config| print_shutdown(config.process.shutdown_on_sigint),
            lines: |config| vec![print_shutdown(config.process.shutdown_on_sigint)],
            lines_are_independent: false,
        },
    )
    .live()
    .about(
        "How SIGINT ends the server, in the words of the SHUTDOWN command. `default` saves if there are save points.",
    ),
    Directive::words(
        "shutdown-on-sigterm",
        "default",
        Words {
            sketch: "default | [save | nosave] [now] [force]",
            count: WordCount::Any,
            set: |config, words, _| set_shutdown(&mut config.process.shutdown_on_sigterm, words),
            print: |config| print_shutdown(config.process.shutdown_on_sigterm),
            lines: |config| vec![print_shutdown(config.process.shutdown_on_sigterm)],
            lines_are_independent: false,
        },
    )
    .live()
    .about("How SIGTERM ends the server, in the same words."),
    Directive::switch("crash-log-enabled", "yes", field!(process.crash_log))
        .live()
        .about("Whether a crash leaves a report in the log."),
    Directive::switch("crash-memcheck-enabled", "yes", field!(process.crash_memory_check))
        .live()
        .no_effect("a crash report comes without a test of the memory")
        .about("Whether the report of a crash tests the memory."),
    Directive::switch("use-exit-on-panic", "no", field!(process.exit_on_panic))
        .live()
        .hidden()
        .about("Whether a panic ends the process by exit rather than abort."),
    Directive::choice::<OomScoreAdjust>("oom-score-adj", "no", field!(process.oom_score_adjust))
        .live()
        .about(
            "Whether the kernel is told how gladly to kill this process when memory runs out: by values that are added to the \
             score at the start (`relative` or `yes`), or that are the score (`absolute`).",
        ),
    Directive::words(
        "oom-score-adj-values",
        "0 200 800",
        Words {
            sketch: "primary replica child",
            count: WordCount::Any,
            set: set_oom_values,
            print: |config| print_oom_values(config),
            lines: |config| vec![print_oom_values(config)],
            lines_are_independent: false,
        },
    )
    .live()
    .about("The adjustments, -2000 to 2000, for a primary, a replica and a background child."),
    Directive::text("server-cpulist", "", field!(process.server_cpus))
        .alias("server_cpulist")
        .not_built(PINNING)
        .about("The cores on which workers run, such as 0-3,8."),
    Directive::text("bio-cpulist", "", field!(process.background_cpus))
        .alias("bio_cpulist")
        .not_built(PINNING)
        .about("The cores for background work."),
    Directive::text("aof-rewrite-cpulist", "", field!(process.aof_rewrite_cpus))
        .alias("aof_rewrite_cpulist")
        .not_built(PINNING)
        .about("The cores for rewriting the append-only file."),
    Directive::text("bgsave-cpulist", "", field!(process.save_cpus))
        .alias("bgsave_cpulist")
        .not_built(PINNING)
        .about("The cores for saving in the background."),
    Directive::switch("disable-thp", "yes", field!(process.disable_huge_pages))
        .no_effect("huge pages hurt servers that fork, and this one does not")
        .about("Whether the process opts out of transparent huge pages."),
    Directive::switch("jemalloc-bg-thread", "yes", field!(process.allocator_thread))
        .live()
        .no_effect("the allocator returns memory as it is configured at build time")
        .about("Whether the allocator returns unused memory from a thread of its own."),
    Directive::text("ignore-warnings", "", field!(process.ignore_warnings))
        .live()
        .no_effect("there is no such check")
        .about("Names of startup checks that do not stop the server."),
    Directive::text("locale-collate", "", field!(process.locale))
        .live()
        .about("The locale by which text is compared when it is sorted: `C`, `POSIX` or `C.UTF-8`, which are one: by its bytes. Empty: the same."),
    Directive::number("watchdog-period", "0", NATURAL_32, field!(process.watchdog_period_ms))
        .adjusted(|period| if period == 0 { 0 } else { period.max(200) })
        .live()
        .hidden()
        .about("Milliseconds after which an event loop that is stuck reports where, at least 200. 0: never."),
];

/// Whether there is a locale of that name. Text is sorted by its bytes, which is what these mean.
pub fn is_locale(name: &Text) -> bool {
    matches!(name.as_bytes(), b"" | b"C" | b"POSIX" | b"C.UTF-8" | b"C.utf8")
}

/// The names that a title template may hold, and whether what stands for them is never empty.
const TITLE_VARIABLES: &[(&str, bool)] = &[
    ("title", false),
    ("listen-addr", true),
    ("server-mode", false),
    ("port", true),
    ("tls-port", true),
    ("unixsocket", false),
    ("config-file", true),
];

/// A template must name known variables and come out as more than blanks even where some of them are empty.
fn check_title_template(template: &[u8]) -> Result<(), String> {
    if title_is_sure(template) == Some(true) {
        Ok(())
    } else {
        Err("template format is invalid or contains unknown variables".to_owned())
    }
}

/// Whether a template never comes out empty; `None` if it is malformed. A doubled `{` stands for itself.
fn title_is_sure(mut template: &[u8]) -> Option<bool> {
    let mut sure = false;
    loop {
        match template {
            [] => return Some(sure),
            [b'{', b'{', rest @ ..] => (sure, template) = (true, rest),
            [b'{', rest @ ..] => {
                let end = rest.iter().position(|byte| *byte == b'}')?;
                let (name, rest) = rest.split_at_checked(end)?;
                let (_, never_empty) =
                    TITLE_VARIABLES.iter().find(|(known, _)| known.as_bytes() == name)?;
                sure |= never_empty;
                template = rest.get(1..)?;
            }
            [byte, rest @ ..] => {
                sure |= *byte != b' ';
                template = rest;
            }
        }
    }
}

const SHUTDOWN_WORDS: &[&str] = &["default", "save", "nosave", "now", "force"];

fn set_shutdown(options: &mut ShutdownOptions, words: &[Text]) -> Result<(), String> {
    let (mut save, mut no_save, mut now, mut force) = (false, false, false, false);
    if words.is_empty() {
        choose(SHUTDOWN_WORDS, b"")?;
    }
    for word in words {
        match choose(SHUTDOWN_WORDS, word.as_bytes())? {
            "save" => save = true,
            "nosave" => no_save = true,
            "now" => now = true,
            "force" => force = true,
            _ => {}
        }
    }
    let save = match (save, no_save) {
        (true, true) => {
            return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".to_owned());
        }
        (true, false) => SaveFirst::Save,
        (false, true) => SaveFirst::NoSave,
        (false, false) => SaveFirst::IfSavePoints,
    };
    *options = ShutdownOptions { save, now, force };
    Ok(())
}

fn print_shutdown(options: ShutdownOptions) -> Vec<u8> {
    let save = match options.save {
        SaveFirst::IfSavePoints => None,
        SaveFirst::Save => Some("save"),
        SaveFirst::NoSave => Some("nosave"),
    };
    let words = [save, options.now.then_some("now"), options.force.then_some("force")];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    if words.is_empty() { b"default".to_vec() } else { words.join(" ").into_bytes() }
}

fn set_oom_values(config: &mut Config, words: &[Text], _: Occasion) -> Result<(), String> {
    let [primary, replica, child] = words else {
        return Err(WRONG_COUNT.to_owned());
    };
    let parse = |word: &Text| {
        lenient_integer(word.as_bytes())
            .and_then(|number| i32::try_from(number).ok())
            .filter(|number| (-2000..=2000).contains(number))
            .ok_or_else(|| {
                "Invalid oom-score-adj-values, elements must be between -2000 and 2000.".to_owned()
            })
    };
    config.process.oom_score_values = [parse(primary)?, parse(replica)?, parse(child)?];
    Ok(())
}

fn print_oom_values(config: &Config) -> Vec<u8> {
    config.process.oom_score_values.map(|value| value.to_string()).join(" ").into_bytes()
}
