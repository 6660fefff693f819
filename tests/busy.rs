//! Scripts that run for long: every worker says so, and they can be ended.

use std::thread;
use std::time::{Duration, Instant};

use harness::{Client, Launch, Server, Value, wait_until};

use crate::subject;

const BUSY: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const ENDLESS: &str = "while true do end";

fn launch(launch: Launch) -> Server {
    launch.line("busy-reply-threshold 50").start()
}

/// What a client is sent, line endings shown as spaces.
fn received(client: &mut Client) -> String {
    let bytes = client.read_reply_bytes().expect("a reply comes");
    String::from_utf8_lossy(&bytes).trim_end().replace("\r\n", " ")
}

fn say(client: &mut Client, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    client.send(&words).expect("can be sent");
    received(client)
}

/// Begins a script in a client's call, and waits until the server is busy with it.
fn begin(client: &mut Client, witness: &mut Client, script: &str) {
    client.send(&["EVAL", script, "0"]).expect("can be sent");
    assert!(wait_until(|| say(witness, "PING") == BUSY), "the script is not noticed");
}

/// Clients of all workers.
fn crowd(server: &Server) -> Vec<Client> {
    (0..8).map(|_| server.client()).collect()
}

#[test]
fn an_endless_script_is_ended_by_any_client() {
    subject::with_each_worker_count(|subject| {
        let server = launch(subject);
        let (mut caller, mut crowd) = (server.client(), crowd(&server));
        assert_eq!(
            say(&mut crowd[0], "SCRIPT KILL"),
            "-NOTBUSY No scripts in execution right now."
        );
        for killer in 0..crowd.len() {
            begin(&mut caller, &mut crowd[0], ENDLESS);
            for client in &mut crowd {
                for line in [
                    "GET k",
                    "PING",
                    "FLUSHALL",
                    "CLIENT ID",
                    "INFO",
                    "EVAL return(1) 0",
                    "SHUTDOWN",
                ] {
                    assert_eq!(say(client, line), BUSY, "{line}");
                }
            }
            let mut late = server.client();
            assert_eq!(say(&mut late, "SET k 1"), BUSY, "to one that came later");
            assert_eq!(say(&mut crowd[killer], "SCRIPT KILL"), "+OK");
            assert_eq!(
                received(&mut caller),
                "-ERR Script killed by user with SCRIPT KILL... script: \
                 694a5fe1ddb97a4c6a1bf299d9537c7d3d0f84e7, on @user_script:1."
            );
            for client in crowd.iter_mut().chain([&mut caller, &mut late]) {
                assert!(wait_until(|| say(client, "SET k 1") == "+OK"), "all is as before");
                assert_eq!(say(client, "EVAL return(redis.call('GET','k')) 0"), "$1 1");
            }
        }
        let log = server.log();
        assert!(log.contains(
            "milliseconds. You can try killing the script using the SCRIPT KILL command. Script name is: \
             694a5fe1ddb97a4c6a1bf299d9537c7d3d0f84e7."
        ));
        assert!(log.contains("Slow script detected: still in execution after "));
        assert!(log.contains("Lua script killed by user with SCRIPT KILL."));
    });
}

/// Patterns for which there is always one more thing to try.
#[test]
fn a_pattern_without_an_end_is_ended() {
    const CALLS: [&str; 4] = [
        "return (TEXT):find(PATTERN)",
        "return (TEXT):match('^' .. PATTERN)",
        "for found in (TEXT):gmatch(PATTERN) do end",
        "return pcall(function() return (TEXT):gsub(PATTERN, '') end)",
    ];
    subject::with_each_worker_count(|subject| {
        let server = launch(subject);
        let (mut caller, mut other) = (server.client(), server.client());
        for call in CALLS {
            let script =
                call.replace("TEXT", "('a'):rep(9000)").replace("PATTERN", "('.-'):rep(20) .. 'b'");
            begin(&mut caller, &mut other, &script);
            assert_eq!(say(&mut other, "GET k"), BUSY);
            assert_eq!(say(&mut other, "SCRIPT KILL"), "+OK");
            let told = received(&mut caller);
            assert!(told.starts_with("-ERR Script killed by user with SCRIPT KILL"), "{told}");
            assert!(wait_until(|| say(&mut other, "SET k 1") == "+OK"), "all is as before");
        }
    });
}

#[test]
fn calls_that_touch_no_key_are_answered_meanwhile() {
    subject::with_each_worker_count(|subject| {
        let server = launch(subject);
        let (mut caller, mut crowd) = (server.client(), crowd(&server));
        say(&mut crowd[1], "MULTI");
        say(&mut crowd[2], "WATCH k");
        begin(
            &mut caller,
            &mut crowd[0],
            "while true do pcall(function() while true do end end) end",
        );
        assert_eq!(say(&mut crowd[1], "SET k 1"), BUSY);
        let aborted = format!("-EXECABORT Transaction discarded because of: {}", &BUSY[1..]);
        assert_eq!(say(&mut crowd[1], "EXEC"), aborted);
        for client in &mut crowd[3..] {
            for (line, answer) in [
                ("MULTI", "+OK"),
                ("GET k", BUSY),
                ("EXEC", &*aborted),
                ("MULTI", "+OK"),
                ("DISCARD", "+OK"),
                ("UNWATCH", "+OK"),
                ("SELECT 1", BUSY),
                ("AUTH a b c", "-ERR syntax error"),
                ("NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: "),
                ("GET", "-ERR wrong number of arguments for 'get' command"),
                ("FUNCTION KILL", ""),
                ("RESET", "+RESET"),
            ] {
                if !answer.is_empty() {
                    assert_eq!(say(client, line).trim_end(), answer.trim_end(), "{line}");
                }
            }
        }
        // To leave takes no gate, either.
        drop(crowd.remove(2));
        let mut client = server.client();
        assert_eq!(say(&mut client, "QUIT"), "+OK");
        assert!(client.closes());
        assert_eq!(say(&mut crowd[0], "SCRIPT KILL"), "+OK");
        assert!(received(&mut caller).starts_with("-ERR Script killed by user"));
        assert!(wait_until(|| {
            let info = crowd[0].run("INFO clients").as_text().unwrap_or_default();
            info.contains("watching_clients:0") && info.contains("connected_clients:8")
        }));
    });
}

#[test]
fn what_has_written_is_not_killed() {
    subject::with_each_worker_count(|subject| {
        let mut server = launch(subject);
        let (mut caller, mut crowd) = (server.client(), crowd(&server));
        begin(&mut caller, &mut crowd[0], "redis.call('SET', 'k', 1) while true do end");
        for client in &mut crowd {
            assert_eq!(
                say(client, "SCRIPT KILL"),
                "-UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait \
                 the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."
            );
        }
        assert_eq!(say(&mut crowd[3], "SHUTDOWN SAVE"), BUSY);
        crowd[3].send(&["SHUTDOWN", "NOSAVE"]).expect("can be sent");
        assert!(server.wait_for_end().success());
    });
}

/// Scripts that end by themselves after the threshold.
#[test]
fn scripts_that_take_long_do_not_harm() {
    subject::with_each_worker_count(|subject| {
        let server = subject.line("busy-reply-threshold 1").start();
        thread::scope(|scope| {
            for place in 0..3 {
                let server = &server;
                scope.spawn(move || {
                    let mut client = server.client();
                    let script = "for i = 1, 3000000 do end return redis.call('INCR', KEYS[1])";
                    let key = format!("count:{place}");
                    let mut done = 0;
                    while done < 10 {
                        let answer = client.call(&["EVAL", script, "1", &key]);
                        if !answer.is_error() {
                            done += 1;
                            assert_eq!(answer, Value::Integer(done));
                        }
                    }
                });
            }
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut client = server.client();
                    let mut done = 0;
                    while done < 300 {
                        let answer = say(&mut client, "INCR plain");
                        done += usize::from(answer.starts_with(':'));
                        assert!(answer.starts_with(':') || answer == BUSY, "{answer}");
                    }
                });
            }
        });
        assert!(wait_until(|| say(&mut server.client(), "GET plain") == "$3 900"));
    });
}

#[test]
fn functions_are_ended_in_their_own_way() {
    const BUSY: &str =
        "-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
    const LIBRARY: &str =
        "#!lua name=l\nredis.register_function('f', function() while true do end end)";
    subject::with_each_worker_count(|subject| {
        let server = launch(subject);
        let (mut caller, mut crowd) = (server.client(), crowd(&server));
        assert!(!caller.call(&["FUNCTION", "LOAD", LIBRARY]).is_error());
        caller.send(&["FCALL", "f", "0"]).expect("can be sent");
        assert!(wait_until(|| say(&mut crowd[0], "PING") == BUSY));
        for client in &mut crowd {
            assert_eq!(say(client, "SCRIPT KILL"), BUSY);
            let stats = say(client, "FUNCTION STATS");
            let running = "*4 $14 running_script *6 $4 name $1 f $7 command *3 $5 FCALL $1 f $1 0 $11 duration_ms :";
            assert!(stats.starts_with(running), "{stats}");
        }
        assert_eq!(say(&mut crowd[3], "FUNCTION KILL"), "+OK");
        let answer = received(&mut caller);
        assert!(answer.starts_with("-ERR Script killed by user with FUNCTION KILL"), "{answer}");
        assert!(wait_until(|| say(&mut crowd[0], "PING") == "+PONG"));
    });
}

/// A transaction that runs a script is ended like the script.
#[test]
fn a_script_in_a_transaction_is_ended() {
    subject::with_each_worker_count(|subject| {
        let server = launch(subject);
        let (mut caller, mut witness) = (server.client(), server.client());
        for words in [&["MULTI"][..], &["SET", "k", "1"], &["EVAL", ENDLESS, "0"], &["GET", "k"]] {
            caller.send(words).expect("can be sent");
            received(&mut caller);
        }
        caller.send(&["EXEC"]).expect("can be sent");
        assert!(wait_until(|| say(&mut witness, "PING") == BUSY));
        assert_eq!(say(&mut witness, "SCRIPT KILL"), "+OK");
        let answer = received(&mut caller);
        assert!(
            answer.starts_with("*3 +OK -ERR Script killed by user with SCRIPT KILL"),
            "{answer}"
        );
        assert!(answer.ends_with(" $1 1"), "{answer}");
    });
}

/// And no thread is made ready for a snapshot that can't begin.
#[test]
fn a_replica_gets_its_data_when_the_script_has_ended() {
    let is_made_ready = |server: &Server| {
        let tasks =
            std::fs::read_dir(format!("/proc/{}/task", server.process_id())).expect("it runs");
        tasks.flatten().any(|task| {
            std::fs::read_to_string(task.path().join("comm"))
                .is_ok_and(|name| name == "full-sync\n")
        })
    };
    // So long there is to begin the script.
    let server = launch(subject::launch().line("repl-diskless-sync-delay 2"));
    let (mut caller, mut witness) = (server.client(), server.client());
    assert_eq!(say(&mut witness, "SET k v"), "+OK");
    let replica = subject::launch().line(format!("replicaof 127.0.0.1 {}", server.port())).start();
    server.wait_for_log("asks for synchronization");
    begin(&mut caller, &mut witness, ENDLESS);
    let begun = Instant::now();
    assert!(wait_until(|| Duration::from_secs(2) <= begun.elapsed()), "until it is due");
    while begun.elapsed() < Duration::from_secs(3) {
        assert!(!is_made_ready(&server));
    }
    assert_eq!(say(&mut witness, "SCRIPT KILL"), "+OK");
    let mut reader = replica.client();
    assert!(wait_until(|| say(&mut reader, "GET k") == "$1 v"), "{}", server.log());
}

/// Their timers are overdue all the time: they may not look again and again whether they can go off.
#[test]
fn workers_rest_while_a_script_keeps_them_out() {
    let cycles = |client: &mut Client| -> u64 {
        let reply = client.run("INFO stats");
        let text = reply.as_text().expect("INFO answers text");
        let line = text.lines().find_map(|line| line.strip_prefix("eventloop_cycles:"));
        line.and_then(|count| count.parse().ok()).expect("it is counted")
    };
    let server = launch(subject::launch().workers(4));
    let mut client = server.client();
    let before = cycles(&mut client);
    let script = "local e = os.clock() + 0.5 while os.clock() < e do end";
    client.call(&["EVAL", script, "0"]);
    let rounds = cycles(&mut client) - before;
    assert!(rounds < 20_000, "{rounds} rounds");
}
