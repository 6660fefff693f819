//! Configuration files and command lines that cannot be read: what is printed, compared with a real Redis 7.4.
//!
//! A server that finds nothing wrong would start, so every case ends in a line that is wrong.

use std::path::PathBuf;

use ochre_config::command_line::{self, Request};
use ochre_config::{
    Availability, Change, Config, InFile, LoadError, Source, Text, directives, load,
};

use crate::oracle;
use crate::world::World;

/// The line that ends every case.
const WRONG: &str = "zzz y";

/// What we print for a file and a command line: on standard error, or in the log with the prefix taken off.
fn ours(arguments: &[&str], file: &str, input: &str) -> String {
    let Request::Serve(command_line) = command_line::parse(arguments) else {
        panic!("{arguments:?}");
    };
    let input = if command_line.standard_input { input } else { "" };
    let source = Source::of(&command_line, file.as_bytes().to_vec(), input.as_bytes().to_vec());
    match load(&source, 1, &mut World::default()) {
        Ok(_) => "nothing is wrong".to_owned(),
        Err(LoadError::ConfigFile(error)) => error.report("Redis 7.4.1"),
        Err(LoadError::Include(error)) => error.to_string(),
    }
}

fn theirs(program: &PathBuf, arguments: &[&str], input: &str) -> String {
    let Some(ended) = oracle::refuse(program, arguments, input.as_bytes()) else {
        return "nothing is wrong".to_owned();
    };
    assert_eq!(ended.code, Some(1), "{arguments:?} {input}");
    if ended.error.is_empty() {
        let line = ended.output.lines().last().unwrap_or_default().to_owned();
        return line.split_once(" # ").map_or(line.as_str(), |(_, text)| text).to_owned();
    }
    ended.error
}

/// Where Redis differs on purpose: the line, and why.
const OTHER_LINES: &[(&str, &str)] =
    &[("save \"'1 2\"", "Redis takes a value whose quotes do not match for none at all")];

#[test]
fn a_line_that_redis_gets_wrong_is_refused() {
    for (line, why) in OTHER_LINES {
        assert!(ours(&["-"], "", line).contains("Unbalanced quotes"), "{why}");
    }
}

/// Runs cases on as many threads as make sense and returns those that `differs` finds a difference in.
fn differences<Case: Sync>(
    cases: &[Case],
    differs: impl Fn(&Case) -> Option<String> + Sync,
) -> Vec<String> {
    let differs = &differs;
    std::thread::scope(|scope| {
        let threads: Vec<_> = cases
            .chunks(cases.len().div_ceil(2))
            .map(|part| scope.spawn(move || part.iter().filter_map(differs).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[track_caller]
fn none(differences: &[String]) {
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

fn differs_in_file(program: &PathBuf, text: &str) -> Option<String> {
    let text = format!("{text}\n{WRONG}\n");
    let (found, expected) = (ours(&["-"], "", &text), theirs(program, &["-"], &text));
    let on_purpose = found.contains("is not built into this server yet");
    (found != expected && !on_purpose).then(|| format!("{text:?}: {found} instead of {expected}"))
}

#[test]
fn a_wrong_line_is_reported_as_redis_does() {
    let Some(program) = oracle::program() else { return };
    none(&differences(LINES, |line| differs_in_file(&program, line)));
}

/// Those that CONFIG SET changes are compared there.
#[test]
fn a_wrong_value_of_every_directive_is_reported_as_redis_does() {
    let Some(program) = oracle::program() else { return };
    let mut lines = Vec::new();
    for directive in directives().filter(|directive| directive.change != Change::FileOnly) {
        for name in std::iter::once(directive.name).chain(directive.alias) {
            if !matches!(name, "daemonize" | "log-format") {
                lines.push(name.to_owned());
                lines.push(format!("{name} a \"\""));
            }
            if directive.change == Change::Startup && name != "log-format" {
                let values =
                    ["foo", "-1", "0", "1001", "99999999999999999999", "7x", "010", "\"1 2\""];
                lines.extend(values.map(|value| format!("{name} {value}")));
            }
        }
    }
    none(&differences(&lines, |line| differs_in_file(&program, line)));
}

#[test]
fn a_wrong_command_line_is_reported_as_redis_does() {
    let Some(program) = oracle::program() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let files = [
        ("FILE", path("whole.conf", "hz 10\n# c\nhz 11\n"), "hz 10\n# c\nhz 11\n"),
        ("CUT", path("cut.conf", "hz 10\n# c\nhz 11"), "hz 10\n# c\nhz 11"),
        ("EMPTY", path("empty.conf", ""), ""),
    ];
    let cases: Vec<(String, String, String)> = COMMAND_LINES
        .iter()
        .flat_map(|arguments| {
            let inputs = if arguments.contains('-') {
                ["", "timeout 1\n\ntimeout 2\n"].as_slice()
            } else {
                &[""]
            };
            inputs.iter().map(|input| ((*arguments).to_owned(), (*input).to_owned(), String::new()))
        })
        .collect();
    none(&differences(&cases, |(line, input, _)| {
        let mut file = "";
        let arguments: Vec<&str> = line
            .split('|')
            .map(|argument| match files.iter().find(|(name, ..)| *name == argument) {
                Some((_, path, text)) => {
                    file = text;
                    path.as_str()
                }
                None => argument,
            })
            .collect();
        let (found, expected) =
            (ours(&arguments, file, input), theirs(&program, &arguments, input));
        let on_purpose = found.contains("is not built into this server yet");
        (found != expected && !on_purpose).then(|| format!("{line}: {found} instead of {expected}"))
    }));
}

/// Arguments, separated by `|`.
const COMMAND_LINES: &[&str] = &[
    "--port|abc",
    "FILE|--port|abc",
    "CUT|--port|abc",
    "EMPTY|--port|abc",
    "-|--port|abc",
    "FILE|-|--port|abc",
    "FILE|--port|abc|-",
    "--port|abc|-",
    "--requirepass|-|--zzz",
    "--port",
    "--port|--hz",
    "--hz|10|--port",
    "--save|--port|1|--zzz|y",
    "--save||--zzz|y",
    "--save||--port|x",
    "--zzz|--save",
    "--Save|--zzz|y",
    "--client-output-buffer-limit|pubsub|1|2|3|--zzz|y",
    "--client-output-buffer-limit|pubsub 1 2 3|--zzz|y",
    "--client-output-buffer-limit|pubsub 1 2|--zzz|y",
    "--save|3600 1 x|--zzz|y",
    "--a|b|--c",
    "--port|1|2",
    "--port 1|--zzz|y",
    "--port 1|2",
    "FILE|x|--port|1",
    "--port|1|hz|x",
    "--requirepass|a b|--zzz|y",
    "--requirepass|a\"b|--zzz|y",
    "--requirepass|--x|--zzz|y",
    "--requirepass|--x y|--zzz|y",
    "--requirepass||--zzz|y",
    "--requirepass|a'b c|d|--zzz|y",
    "--requirepass|\"a b\"|--zzz|y",
    "--bind|127.0.0.1|-::1|--zzz|y",
    "--bind|127.0.0.1 -::1|--zzz|y",
    "--port|1|-h",
    "--port|1|--version|--zzz",
    "--|--zzz|y",
    "-x",
    "-x|--port|x",
    "--hz|--hz|10",
    "|--port|x",
    "--port|",
    "--port| ",
    "--port|1|--port|x",
    "--port|\n",
    "--port|\u{1}\t\\\u{e9}",
    "--loglevel|verbose|-|--zzz|y",
    "--HZ|x",
    "--hz=10",
    "--zzz",
    "---hz|x",
    "--hz|10 |x",
    "--slave-priority|x",
    "--notify-keyspace-events|KE A",
    "--rename-command|get|\"\"|--zzz|y",
    "--rename-command|get||--zzz|y",
    "--rename-command|nope|x",
    "--loadmodule|x|--y|1",
    "--save|''|--zzz|y",
    "--save|\"\"|--zzz|y",
    "--save \"\" --hz x",
    "FILE|FILE|--hz|x",
    "--hz 10 --port x",
    "--shutdown-on-sigint|nosave force|--zzz|y",
    "--shutdown-on-sigint|nosave|force|--zzz|y",
    "--shutdown-on-sigint \"nosave force\"|--zzz|y",
    "--appendonly|no|--save|--bind|a|b|--zzz|y",
    "--appendonly|--save|--hz|x",
    "--maxmemory|1 gb",
    "--proc-title-template|{title} {port}|--zzz|y",
    "--proc-title-template|{nope}",
    "--hz 'x",
    "--hz|'x",
    "--include|/nope/x",
    "--include|/nope/*|--zzz|y",
    "--logfile|/nope/x",
    "--dir|/nope",
    "--dir|/|--zzz|y",
    "--unixsocketperm|800",
    "--unixsocketperm|1000",
    "--io-threads|0",
    "--databases|0",
    "--oom-score-adj-values|1|2|--zzz|y",
];

/// Lines of a file.
const LINES: &[&str] = &[
    "unixsocketperm 777",
    "unixsocketperm 778",
    "unixsocketperm 1000",
    "unixsocketperm -1",
    "unixsocketperm 0777",
    "unixsocketperm \"\"",
    "unixsocketperm \" 7\"",
    "unixsocketperm +7",
    "unixsocketperm 7x",
    "unixsocketperm 77777777777777777777777777",
    "include",
    "include /nope/x",
    "include /nope/*",
    "include a b",
    "INCLUDE",
    "rename-command",
    "rename-command get",
    "rename-command get x y",
    "rename-command nope x",
    "rename-command get set",
    "rename-command GET SET",
    "rename-command get \"\"",
    "rename-command get \"\"\nrename-command get x",
    "rename-command get X\nrename-command get Y",
    "rename-command get Z\nrename-command set GET",
    "rename-command get Z\nrename-command Z Y",
    "rename-command get get",
    "Rename-Command nope x",
    "loadmodule",
    "user",
    "user default on nopass ~* &* +@all",
    "user default on nopass sanitize-payload ~* &* +@all",
    "sentinel",
    "sentinel x",
    "sentinel monitor a 1 1 1",
    "slaveof",
    "slaveof no one",
    "slaveof NO ONE",
    "slaveof a 65536",
    "replicaof a x",
    "save \"1  2\" x",
    "save \" 1 2\"",
    "save \"1\\t2\"",
    "save \"'1 2'\"",
    "save \" \"",
    "bind \" \"",
    "client-output-buffer-limit \" \"",
    "shutdown-on-sigterm \"save  force\"",
    "shutdown-on-sigterm \" \"",
    "oom-score-adj-values \"'1' 2 3 \"",
    "oom-score-adj-values \"\"",
    "latency-tracking-info-percentiles \"1  2\"",
    "replicaof \"'a b' 1\"",
    "replicaof \"\"",
    "replicaof \" \"",
    "unixsocketperm \" 7 \"",
    "unixsocketperm -0",
    "unixsocketperm \" \"",
    "client-output-buffer-limit \"\" normal 1 1",
    "replicaof a -1",
    "replicaof a 1 2",
    "replicaof \"\" 1",
    "list-max-ziplist-entries 1",
    "list-max-ziplist-entries",
    "list-max-ziplist-entries 1 2",
    "LIST-max-ziplist-value x",
    "lua-replicate-commands yes",
    "lua-replicate-commands",
    "hash-max-zipmap-entries 1",
    "vm-enabled no",
    "activerehashing",
    "glueoutputbuf",
    "slave-announce-ip a",
    "save",
    "save \"\"",
    "save 1",
    "save \"1 \"",
    "save 0 1",
    "save 1 2 \"\"",
    "save \"\" \"\"",
    "SAVE x",
    "save 1 -1",
    "save x 1",
    "nope",
    "nope x",
    "port",
    "port 1 2",
    "port \"1",
    "port '1",
    "port \"1\"x",
    "port \"1\" x",
    "port '1'",
    "port \"\\x31\"",
    "port \"\\x3\"",
    "port \"\\1\"",
    "port \"\\",
    "port '\\'",
    "port '\\''",
    "port \\x31",
    "port\t1",
    "port\u{b}1",
    "\tport 1  ",
    "\u{c}port 1",
    "  # foo",
    "#foo",
    "port 1 # comment",
    "logfile \"\"",
    "logfile /nope/x",
    "bind",
    "bind \"\"",
    "bind 1 2 3",
    "bind 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "bind 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "bind \"1 2\"",
    "bind \"1  2\"",
    "bind 1 \"\"",
    "client-output-buffer-limit normal 1 2 3",
    "client-output-buffer-limit \"normal 1 2 3\"",
    "client-output-buffer-limit normal 1 2",
    "client-output-buffer-limit",
    "client-output-buffer-limit \"\"",
    "client-output-buffer-limit x 1 2 3",
    "client-output-buffer-limit normal 1 2 x",
    "latency-tracking-info-percentiles",
    "latency-tracking-info-percentiles \"\"",
    "latency-tracking-info-percentiles 1 x",
    "latency-tracking-info-percentiles 101",
    "oom-score-adj-values 1 2 3",
    "oom-score-adj-values \"1 2 3\"",
    "oom-score-adj-values",
    "notify-keyspace-events",
    "notify-keyspace-events \"\"",
    "notify-keyspace-events KE A",
    "notify-keyspace-events x1",
    "shutdown-on-sigterm",
    "shutdown-on-sigterm now force",
    "shutdown-on-sigterm \"now force\"",
    "shutdown-on-sigterm save nosave",
    "dir",
    "dir \"\"",
    "dir /nope",
    "dir /",
    "dir / /",
    "requirepass \"a b\"",
    "requirepass \"\"",
    "requirepass a b",
    "masterauth \"\"",
    "hz 0",
    "hz 501",
    "databases 0",
    "appendfilename a/b",
    "appendfilename \"\"",
    "appenddirname a/b",
    "appenddirname \"\"",
    "appenddirname a\\b",
    "dbfilename \"\"",
    "dbfilename a/b",
    "tcp-backlog -1",
    "io-threads 0",
    "io-threads 129",
    "port ''1",
    "foo\" bar",
    "\"port\" 1",
    "'port' 1",
    "\"PORT\" x",
    "\"\"",
    "\"\" x",
    "''",
    "proc-title-template \"\"",
    "cluster-announce-hostname a_b",
    "cluster-announce-human-nodename a*b",
    "maxmemory-clients 101%",
    "maxmemory-clients 5%",
    "slowlog-log-slower-than -2",
    "crash-log-enabled Yes",
    "foo.bar",
    "a.b.c",
    "port 1\r",
    "port 1\r\r\n\r",
    "\r",
    "port \"1\r",
    "maxmemory 1mbb",
    "syslog-facility daemon",
    "syslog-facility LOCAL3",
    "supervised x",
    "enable-debug-command maybe",
    "aclfile",
    "replica-priority x",
    "SLAVE-priority x",
];

#[test]
fn what_is_not_built_is_refused_where_it_matters_and_noted_elsewhere() {
    for directive in directives() {
        let Availability::NotBuilt { feature, in_file } = directive.availability else { continue };
        let values = [
            "yes",
            "7",
            "no",
            "a",
            "1 1",
            "K",
            "5%",
            "a 1",
            "1 2 3",
            "local",
            "allchannels",
            "always",
            "ignore",
            "swapdb",
            "4096",
            "panic",
            "hostname",
            "optional",
        ];
        let mut tried = 0;
        for value in values {
            let line = format!("{} {value}", directive.name);
            match load(&Source::file(line.as_bytes()), 1, &mut World::default()) {
                Ok(loaded) => {
                    let is_default = loaded.config == Config::new(1);
                    assert_eq!(is_default, loaded.notices.is_empty(), "{line}");
                    assert!(is_default || in_file == InFile::Accepted, "{line}");
                    tried += usize::from(!is_default);
                }
                Err(LoadError::ConfigFile(error)) => {
                    let refused =
                        error.message == format!("{feature} is not built into this server yet");
                    assert!(!refused || in_file == InFile::Refused, "{line}");
                    tried += usize::from(refused);
                }
                Err(error) => panic!("{line}: {error}"),
            }
        }
        assert_ne!(tried, 0, "none of these values is another one for {}", directive.name);
    }
}

#[test]
fn included_files_are_read_in_place() {
    let mut world = World {
        files: vec![
            ("/a/1.conf", "hz 20\ninclude /a/deep"),
            ("/a/2.conf", "timeout 7\n"),
            ("/a/deep", "hz 21\nsave \"\"\n"),
            ("/loop", "include /loop"),
            ("/wrong", "hz 1\n\nhz x"),
        ],
        ..World::default()
    };
    let mut read = |text: &str| load(&Source::file(text.as_bytes()), 1, &mut world);
    let config = read("hz 30\ninclude /a/*.conf\ntimeout 8\n").unwrap().config;
    assert_eq!((config.process.hz, config.network.timeout_s), (21, 8));
    // The line is that of the file it stands in.
    assert_eq!(
        read("include /wrong").unwrap_err().to_string(),
        "argument couldn't be parsed into an integer"
    );
    let LoadError::ConfigFile(error) = read("# a\ninclude /wrong").unwrap_err() else { panic!() };
    assert_eq!(error.place.unwrap().line, 3);
    assert!(read("include /loop").unwrap_err().to_string().contains("include each other"));
    assert_eq!(
        read("include /b").unwrap_err().to_string(),
        "Fatal error, can't open config file '/b': No such file or directory"
    );
}

#[test]
fn the_first_words_of_a_command_line_may_ask_for_something_else() {
    let parse = |arguments: &[&str]| command_line::parse(arguments);
    for version in ["-v", "--version"] {
        assert_eq!(parse(&[version]), Request::Version);
        assert_eq!(parse(&[version, "x"]), Request::Version);
    }
    assert_eq!(parse(&["-h"]), Request::Help);
    assert_eq!(parse(&["--help", "--port", "1"]), Request::Help);
    assert_eq!(parse(&["--test-memory", "5"]), Request::TestMemory(b"5".to_vec()));
    assert_eq!(parse(&["--test-memory"]), Request::TestMemoryHelp);
    assert_eq!(parse(&["--test-memory", "5", "6"]), Request::TestMemoryHelp);
    assert_eq!(parse(&["--check-system"]), Request::CheckSystem);
    let Request::Serve(line) = parse(&["a.conf", "--sentinel", "--save", "--port", "7", "-"])
    else {
        panic!()
    };
    assert_eq!(line.config_file, Some(b"a.conf".to_vec()));
    assert!(line.sentinel && line.standard_input);
    let no_arguments: [&str; 0] = [];
    let Request::Serve(line) = command_line::parse(&no_arguments) else { panic!() };
    assert_eq!(line, command_line::CommandLine::default());
}

#[test]
fn save_lines_add_up_and_an_empty_one_takes_them_back() {
    let points = |text: &str| {
        let loaded = load(&Source::file(text.as_bytes()), 1, &mut World::default()).unwrap();
        let points = loaded.config.persistence.save_points;
        points.iter().map(|point| (point.seconds, point.changes)).collect::<Vec<_>>()
    };
    assert_eq!(points(""), [(3600, 1), (300, 100), (60, 10_000)]);
    assert_eq!(points("save 1 2"), [(1, 2)]);
    assert_eq!(points("save 1 2\nsave 3 4 5 6"), [(1, 2), (3, 4), (5, 6)]);
    assert_eq!(points("save 1 2\nsave \"\"\nsave 3 4"), [(3, 4)]);
    assert!(points("save \"\"").is_empty());
}

#[test]
fn values_arrive_in_their_fields() {
    let text = "bind 10.0.0.1 -::1 *\nunixsocketperm 770\nmaxmemory 2gb\nmaxmemory-policy ALLKEYS-lfu\n\
        client-output-buffer-limit normal 1kb 2kb 3\nclient-output-buffer-limit pubsub 4 5 6\nmaxmemory-clients 5%\n\
        rename-command CONFIG \"\"\nrename-command get \"my get\"\nlog-format json\nrequirepass \"\\xff x\"\nshutdown-on-sigterm nosave now\n\
        slowlog-log-slower-than -1\nslave-priority 5\nlatency-tracking-info-percentiles 1 2.5\n";
    let config = load(&Source::file(text.as_bytes()), 64, &mut World::default()).unwrap().config;
    assert_eq!(config.network.bind, ["10.0.0.1", "-::1", "*"].map(Text::from));
    let parsed: Vec<_> =
        config.network.bind.iter().map(ochre_config::network::BindAddress::parse).collect();
    assert_eq!(
        parsed.iter().map(|address| address.optional).collect::<Vec<_>>(),
        [false, true, false]
    );
    assert_eq!(parsed[2].host, ochre_config::network::BindHost::AnyV4);
    assert_eq!(config.network.unix_socket_mode, 0o770);
    assert_eq!(config.memory.limit_bytes, 2 << 30);
    assert_eq!(config.memory.policy, ochre_config::memory::EvictionPolicy::AllKeysLfu);
    assert_eq!(config.memory.clients_limit.limit_bytes(2000), Some(100));
    let limits = config.limits.output_buffer;
    assert_eq!(
        (limits.normal.hard_bytes, limits.normal.soft_s, limits.pub_sub.soft_bytes),
        (1024, 3, 5)
    );
    assert_eq!(config.security.renamed_commands[0], ("CONFIG".into(), "".into()));
    assert_eq!(config.security.renamed_commands[1].1.as_bytes(), b"my get");
    assert_eq!(config.logging.format, ochre_config::logging::LogFormat::Json);
    assert_eq!(config.security.password.as_bytes(), b"\xff x");
    assert!(config.process.shutdown_on_sigterm.now);
    assert_eq!(config.latency.slow_log_threshold_us, -1);
    assert_eq!(config.replication.priority, 5);
    assert_eq!(config.latency.percentiles, [1.0, 2.5]);
    assert_eq!(config.process.io_threads, 64);
    assert_eq!(Config::new(1000).process.io_threads, 128);
    assert_eq!(Config::new(0).process.io_threads, 1);
}
