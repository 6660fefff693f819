//! Scripts in a server.

use crate::Next;
use crate::testing::{Server, hasten};

fn answer(server: &mut Server, words: &[&str]) -> String {
    String::from_utf8_lossy(&server.answer(words)).into_owned()
}

fn eval(server: &mut Server, script: &str) -> String {
    answer(server, &["EVAL", script, "1", "key", "one"]).trim_end().replace("\r\n", " ")
}

#[test]
fn scripts_call_commands() {
    let mut server = Server::new();
    assert_eq!(eval(&mut server, "return redis.call('SET', KEYS[1], ARGV[1])"), "+OK");
    assert_eq!(eval(&mut server, "return redis.call('GET', KEYS[1])"), "$3 one");
    assert_eq!(
        eval(
            &mut server,
            "return {redis.call('APPEND', KEYS[1], '!'), redis.call('STRLEN', 'other')}"
        ),
        "*2 :4 :0"
    );
    let name = scripting::name_of(b"return(1)");
    assert_eq!(server.say("SCRIPT LOAD return(1)"), format!("$40 {name}"));
    assert_eq!(
        server.say(&format!("EVALSHA {} 0", scripting::name_of(b"return(1)").to_uppercase())),
        ":1"
    );
    assert_eq!(server.say("SCRIPT FLUSH"), "+OK");
    assert_eq!(
        server.say(&format!("EVALSHA {} 0", scripting::name_of(b"return(1)"))),
        "-NOSCRIPT No matching script. Please use EVAL."
    );
}

#[test]
fn errors_are_told_with_the_script_and_the_line() {
    let mut server = Server::new();
    server.say("SET key x");
    let script = "redis.call('set','k','x') return redis.call('incr','k')";
    assert_eq!(
        eval(&mut server, script),
        "-ERR value is not an integer or out of range script: 5196d59bd105cba5312bca0f4eabdcac6b7917a1, on @user_script:1."
    );
    for (script, error) in [
        ("return redis.call('nosuch')", "Unknown Redis command called from script"),
        ("return redis.call('get')", "Wrong number of args calling Redis command from script"),
        (
            "return redis.call('eval', 'return 1', 0)",
            "This Redis command is not allowed from script",
        ),
        ("return redis.call('multi')", "This Redis command is not allowed from script"),
    ] {
        let expected = format!(
            "-ERR {error} script: {}, on @user_script:1.",
            scripting::name_of(script.as_bytes())
        );
        assert_eq!(eval(&mut server, script), expected);
    }
    assert!(eval(&mut server, "return +").starts_with(
        "-ERR Error compiling script (new function): user_script:1: unexpected symbol"
    ));
}

#[test]
fn a_script_that_only_reads_cannot_write() {
    let mut server = Server::new();
    let write = "return redis.call('SET', 'k', '1')";
    let refused = answer(&mut server, &["EVAL_RO", write, "0"]);
    assert!(
        refused.starts_with("-ERR Write commands are not allowed from read-only scripts. script:"),
        "{refused}"
    );
    let flagged = format!("#!lua flags=no-writes\n{write}");
    let refused = answer(&mut server, &["EVAL", &flagged, "0"]);
    assert!(refused.ends_with("on @user_script:2.\r\n"), "{refused}");
    assert_eq!(
        answer(&mut server, &["EVAL_RO", "#!lua\nreturn 1", "0"]),
        "-ERR Can not execute a script with write flag using *_ro command.\r\n"
    );
    for (script, error) in [
        ("#!lua", "Invalid script shebang"),
        ("#!py\nreturn 1", "Unexpected engine in script shebang: #!py"),
        ("#!lua foo=1\nreturn 1", "Unknown lua shebang option: foo=1"),
        ("#!lua flags=foo\nreturn 1", "Unexpected flag in script shebang: foo"),
    ] {
        assert_eq!(answer(&mut server, &["EVAL", script, "0"]), format!("-ERR {error}\r\n"));
    }
}

#[test]
fn what_a_script_has_done_is_one_effect() {
    let mut server = Server::new();
    server.engine.effects.listen();
    eval(
        &mut server,
        "redis.call('SET', 'a', '1') redis.call('INCR', 'a') redis.call('SELECT', 3) redis.call('SET', 'b', '2')",
    );
    let effects = String::from_utf8_lossy(&server.engine.effects.take()).replace("\r\n", " ");
    assert_eq!(
        effects,
        "*1 $5 MULTI *2 $6 SELECT $1 0 *3 $3 SET $1 a $1 1 *2 $4 INCR $1 a *2 $6 SELECT $1 3 *3 $3 SET $1 b $1 2 *1 $4 EXEC "
    );
    // The client's database is what it was.
    assert_eq!(server.say("GET b"), "$-1");
    eval(&mut server, "redis.set_repl(redis.REPL_NONE) redis.call('SET', 'a', '1')");
    assert_eq!(server.engine.effects.take(), b"");
}

#[test]
fn the_number_of_keys_is_checked() {
    let mut server = Server::new();
    assert_eq!(
        answer(&mut server, &["EVAL", "return 1", "2"]),
        "-ERR Number of keys can't be greater than number of args\r\n"
    );
    assert_eq!(
        answer(&mut server, &["EVAL", "return 1", "-1"]),
        "-ERR Number of keys can't be negative\r\n"
    );
    assert_eq!(
        answer(&mut server, &["EVAL", "return 1", "x"]),
        "-ERR value is not an integer or out of range\r\n"
    );
}

/// A script may write, unless it says that it does not.
#[test]
fn scripts_wait_while_writes_are_paused() {
    let mut server = Server::new();
    let library = "#!lua name=l\nredis.register_function('f', function() return 1 end)";
    server.answer(&["FUNCTION", "LOAD", library]);
    server.answer(&["SCRIPT", "LOAD", "return 1"]);
    let name = scripting::name_of(b"return 1");
    let reads = "#!lua flags=no-writes\nreturn 1";
    server.say("CLIENT PAUSE 1000 WRITE");
    for words in [["EVAL", "return 1", "0"], ["EVALSHA", &name, "0"], ["FCALL", "f", "0"]] {
        assert_eq!(server.call(0, &words).1, Next::Postpone, "{words:?}");
    }
    for words in [["EVAL_RO", "return 1", "0"], ["EVAL", reads, "0"]] {
        assert_eq!(answer(&mut server, &words), ":1\r\n", "{words:?}");
    }
    server.say("CLIENT UNPAUSE");
    server.say("MULTI");
    answer(&mut server, &["EVAL", "return 1", "0"]);
    let other = server.connect();
    server.answer_to(other, &["CLIENT", "PAUSE", "1000", "WRITE"]);
    assert_eq!(server.call(0, &["EXEC"]).1, Next::Postpone);
    server.answer_to(other, &["CLIENT", "UNPAUSE"]);
    assert_eq!(server.say("EXEC"), "*1 :1");
}

/// All else in a script sees one moment, but one that waits for a time must see it come.
#[test]
fn time_goes_on_in_a_script() {
    let mut server = Server::new();
    let before = server.say("TIME");
    hasten(100_000_000);
    let wait = "local begin = redis.call('TIME')[1] local turns = 0
        while redis.call('TIME')[1] - begin < 2 and turns < 1000 do turns = turns + 1 end return turns < 1000";
    let waited = eval(&mut server, wait);
    hasten(1000);
    assert_eq!(waited, ":1");
    assert_eq!(server.say("TIME"), before, "outside it is that of the round");
}
