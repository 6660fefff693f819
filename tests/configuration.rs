//! `redis.conf`, the command line, standard input, and CONFIG.

use std::fs;

use harness::{Launch, Oracle, Server, Value, Version};

use crate::subject;

/// The value of a directive.
#[track_caller]
fn setting(server: &Server, name: &str) -> String {
    let reply = server.client().run(&format!("CONFIG GET {name}"));
    let values = reply.as_array().unwrap_or_default();
    assert_eq!(values.len(), 2, "CONFIG GET {name}: {reply:?}");
    values[1].as_text().unwrap_or_default()
}

/// A start that is refused, with this exit code and these words in what is printed.
#[track_caller]
fn refused(launch: &Launch, words: &[&str]) {
    let ended = launch.run_to_end();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    for word in words {
        assert!(ended.log.contains(word), "no {word:?} in\n{}", ended.log);
    }
}

#[test]
fn a_file_is_read_with_quotes_comments_and_units() {
    let server = subject::launch()
        .line("# a comment")
        .line("   maxmemory   100mb   ")
        .line("\tMaxMemory-Policy allkeys-lru")
        .line("requirepass \"a \\x41 \\\"b\\\"\"")
        .line("logfile ''")
        .line("")
        .line("client-output-buffer-limit pubsub 64mb 16mb 90")
        .start();
    let mut client = server.client();
    assert_eq!(client.call(&["AUTH", "a A \"b\""]).as_text().as_deref(), Some("OK"));
    let mut check = |name: &str, expected: &str| {
        let reply = client.call(&["CONFIG", "GET", name]);
        let value = reply.as_array().and_then(|values| values.get(1)).and_then(Value::as_text);
        assert_eq!(value.as_deref(), Some(expected), "{name}");
    };
    check("maxmemory", "104857600");
    check("maxmemory-policy", "allkeys-lru");
    check("requirepass", "a A \"b\"");
    check(
        "client-output-buffer-limit",
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 67108864 16777216 90",
    );
}

#[test]
fn files_are_included_and_what_comes_last_holds() {
    let server = subject::launch()
        .file("one.conf", "timeout 11\ninclude two.conf\n")
        .file("two.conf", "tcp-keepalive 22\n")
        .file("many-a.conf", "hash-max-listpack-entries 33\n")
        .file("many-b.conf", "hash-max-listpack-entries 44\n")
        .line("timeout 1")
        .line("include one.conf")
        .line("include many-*.conf")
        .line("maxmemory-samples 6")
        .arguments("--maxmemory-samples 7 --lfu-log-factor 8")
        .start();
    assert_eq!(setting(&server, "timeout"), "11");
    assert_eq!(setting(&server, "tcp-keepalive"), "22");
    assert_eq!(setting(&server, "hash-max-listpack-entries"), "44");
    assert_eq!(setting(&server, "maxmemory-samples"), "7");
    assert_eq!(setting(&server, "lfu-log-factor"), "8");
}

#[test]
fn arguments_alone_are_enough() {
    let server = subject::launch()
        .without_file()
        .arguments("--timeout 5 --save --maxmemory 1mb --bind 127.0.0.1 --appendonly no")
        .start();
    assert_eq!(setting(&server, "timeout"), "5");
    assert_eq!(setting(&server, "maxmemory"), "1048576");
    assert_eq!(setting(&server, "save"), "");
}

#[test]
fn standard_input_is_read_when_asked() {
    let server = subject::launch().argument("-").input("timeout 9\nmaxmemory-samples 4\n").start();
    assert_eq!(setting(&server, "timeout"), "9");
    assert_eq!(setting(&server, "maxmemory-samples"), "4");
}

#[test]
fn old_names_work() {
    let server = subject::launch()
        .line("slave-serve-stale-data no")
        .line("hash-max-ziplist-entries 77")
        .line("slave-priority 3")
        .start();
    assert_eq!(setting(&server, "replica-serve-stale-data"), "no");
    assert_eq!(setting(&server, "hash-max-listpack-entries"), "77");
    assert_eq!(setting(&server, "replica-priority"), "3");
    let mut client = server.client();
    assert_eq!(client.run("CONFIG SET hash-max-ziplist-value 9").as_text().as_deref(), Some("OK"));
    assert_eq!(setting(&server, "hash-max-ziplist-value"), "9");
}

#[test]
fn a_bad_file_ends_the_start_with_the_line_and_the_reason() {
    let bad = |line: &str, reason: &str| {
        let shown = format!(">>> '{line}'");
        let words =
            ["FATAL CONFIG FILE ERROR", "Reading the configuration file, at line", &shown, reason];
        refused(&subject::launch().line(line), &words);
    };
    bad("nonsense 1", "Bad directive or wrong number of arguments");
    bad("timeout", "wrong number of arguments");
    bad("timeout 1 2", "wrong number of arguments");
    bad("timeout x", "argument couldn't be parsed into an integer");
    bad("timeout -1", "argument must be between 0 and 2147483647 inclusive");
    bad("databases 0", "argument must be between 1 and 2147483647 inclusive");
    bad("appendonly maybe", "argument must be 'yes' or 'no'");
    bad("maxmemory 1zb", "argument must be a memory value");
    bad("maxmemory-policy nonsense", "argument(s) must be one of the following: volatile-lru");
    bad("requirepass \"unbalanced", "Unbalanced quotes in configuration line");
    bad("client-output-buffer-limit normal 1 2", "Wrong number of arguments in buffer limit");
    bad("save x y", "Invalid save parameters");
}

#[test]
fn a_missing_file_ends_the_start() {
    refused(
        &subject::launch().without_file().arguments("--include missing.conf"),
        &["config file", "missing.conf", "No such file or directory"],
    );
}

#[test]
fn config_set_takes_all_or_nothing() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut client = server.client();
        assert_eq!(
            client.run("CONFIG SET timeout 5 maxmemory-samples 9").as_text().as_deref(),
            Some("OK")
        );
        let refused = client.run("CONFIG SET timeout 6 maxmemory-samples x");
        assert!(refused.is_error(), "{refused:?}");
        assert_eq!(setting(&server, "timeout"), "5");
        assert_eq!(setting(&server, "maxmemory-samples"), "9");
    });
}

/// Nonsense for every directive there is: an error or, where anything goes, success; and a server that goes on.
#[test]
fn nonsense_for_every_directive_is_survived() {
    let server = subject::launch().start();
    let mut client = server.client();
    let reply = client.run("CONFIG GET *");
    let names: Vec<String> = reply
        .as_array()
        .unwrap_or_default()
        .iter()
        .step_by(2)
        .filter_map(Value::as_text)
        // To move or to hide the server is not what this is about.
        .filter(|name| {
            ![
                "port",
                "bind",
                "dir",
                "requirepass",
                "tls-port",
                "masterauth",
                "masteruser",
                "logfile",
            ]
            .contains(&name.as_str())
        })
        .collect();
    assert!(100 < names.len(), "only {} directives", names.len());
    let nonsense: [&[u8]; 7] =
        [b"", b"-1", b"99999999999999999999", b"\x00\xff", b"a b c", b"yes no", b"1e9"];
    for name in &names {
        for value in nonsense {
            client.call(&[b"CONFIG", b"SET".as_slice(), name.as_bytes(), value]);
        }
    }
    // `maxclients` and the like may have been set to what refuses new connections.
    assert_eq!(client.run("PING").as_text().as_deref(), Some("PONG"));
}

#[test]
fn rewriting_keeps_comments_and_writes_what_changed() {
    subject::with_each_worker_count(|launch| {
        let server = launch
            .line("# keep this comment")
            .line("timeout 3")
            .line("maxmemory-samples 7")
            .start();
        let mut client = server.client();
        client.run("CONFIG SET timeout 4 lfu-log-factor 12 maxmemory-samples 5");
        assert_eq!(client.run("CONFIG REWRITE").as_text().as_deref(), Some("OK"));
        let text = fs::read_to_string(server.configuration()).expect("the file is there");
        for line in ["# keep this comment", "timeout 4", "lfu-log-factor 12"] {
            assert!(text.lines().any(|found| found == line), "no {line:?} in\n{text}");
        }
        assert!(!text.contains("timeout 3"), "{text}");
        // What was written is read again as what it was.
        let elsewhere: Vec<&str> = text.lines().filter(|line| !line.starts_with("port")).collect();
        let again = subject::launch().line(elsewhere.join("\n")).start();
        assert_eq!(setting(&again, "timeout"), "4");
        assert_eq!(setting(&again, "maxmemory-samples"), "5");
    });
}

/// In the words of a real server that cannot do it either: Debian's is built with the allocator of the system.
#[test]
fn active_defragmentation_is_refused() {
    let oracle = Oracle::find(Version::V70).expect("a real server");
    for launch in [subject::launch(), oracle.launch()] {
        let words = "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified Jemalloc like the one \
                     shipped by default with the Redis source distribution";
        refused(&launch.clone().line("activedefrag yes"), &["FATAL CONFIG FILE ERROR", words]);
        let server = launch.line("activedefrag no").line("active-defrag-cycle-max 30").start();
        let mut client = server.client();
        let reply = client.run("CONFIG SET activedefrag yes").as_text().unwrap_or_default();
        let start = "ERR CONFIG SET failed (possibly related to argument 'activedefrag') - ";
        assert_eq!(reply, format!("{start}{words}"));
        for call in ["CONFIG SET activedefrag no", "CONFIG SET active-defrag-ignore-bytes 1mb"] {
            assert_eq!(client.run(call).as_text().as_deref(), Some("OK"), "{call}");
        }
    }
}

#[test]
fn without_a_file_there_is_nothing_to_rewrite() {
    let server = subject::launch().without_file().arguments("--bind 127.0.0.1").start();
    let reply = server.client().run("CONFIG REWRITE");
    assert_eq!(reply.as_text().as_deref(), Some("ERR The server is running without a config file"));
}

#[test]
fn protected_mode_is_on_unless_a_password_or_an_address_is_given() {
    let server = subject::launch().start();
    assert_eq!(setting(&server, "protected-mode"), "yes");
}
