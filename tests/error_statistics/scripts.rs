//! Cases of scripts and functions.

use super::cases::{Case, State, Step, call, words};

/// Code that fails in all ways.
const CODE: &[&str] = &[
    // Calls that fail, and what becomes of their errors.
    "return redis.call('INCR','s')",
    "redis.call('INCR','s') return 1",
    "redis.pcall('INCR','s') return 1",
    "redis.pcall('INCR','s') redis.pcall('INCR','s') return 1",
    "pcall(redis.call,'INCR','s') return 1",
    "xpcall(function() redis.call('INCR','s') end, function(e) return e end) return 1",
    "local ok,e=pcall(redis.call,'INCR','s') error(e)",
    "local ok,e=pcall(redis.call,'INCR','s') error(e,0)",
    "local ok,e=pcall(redis.call,'INCR','s') return e",
    "local ok,e=pcall(redis.call,'INCR','s') return redis.error_reply(e)",
    "pcall(redis.call,'INCR','s') return {err='Z x'}",
    "return redis.pcall('INCR','s')",
    "local r=redis.pcall('INCR','s') r.err='MY other' return r",
    "local r=redis.pcall('INCR','s') r.ignore_error_stats_update=nil return r",
    "local r=redis.pcall('INCR','s') r.ignore_error_stats_update=false return r",
    "local r=redis.pcall('INCR','s') return redis.error_reply(r.err)",
    "local r=redis.pcall('INCR','s') error(r.err)",
    "return {1,redis.pcall('INCR','s')}",
    "return {redis.pcall('INCR','s'),redis.pcall('INCR','s')}",
    "return {redis.pcall('INCR','s'),{err='X y'}}",
    "return {{err='X y'},redis.pcall('INCR','s')}",
    "error(redis.pcall('INCR','s'))",
    "redis.pcall('LPUSH','s','b') redis.call('INCR','s')",
    "redis.pcall('LPUSH','s','a') redis.pcall('INCR','s') return redis.error_reply('MY x')",
    "redis.setresp(3) return redis.pcall('INCR','s')",
    "local co=coroutine.create(function() redis.call('INCR','s') end) local ok,e=coroutine.resume(co) return e",
    "coroutine.wrap(function() redis.call('INCR','s') end)()",
    "return redis.call('LPUSH','s','b')",
    "return redis.call('SELECT','99')",
    "return redis.call('SET','a','b','FOO')",
    "return redis.call('SORT','s')",
    "redis.call('XADD','xs','1-1','a','b') return redis.pcall('XADD','xs','1-1','a','b')",
    "return redis.pcall('XREADGROUP','GROUP','g','c','STREAMS','st','>')",
    "return redis.call('BLPOP','nolist','0')",
    "return redis.call('OBJECT','ENCODING','nokey')",
    // Calls that are refused.
    "return redis.call('SUBSCRIBE','a')",
    "return redis.pcall('SUBSCRIBE','a')",
    "redis.pcall('SUBSCRIBE','a') return 1",
    "return redis.call('EVAL','return 1','0')",
    "return redis.call('EXEC')",
    "return redis.call('MULTI')",
    "return redis.pcall('HELLO','3')",
    "return redis.pcall('AUTH','x')",
    "return redis.pcall('CONFIG','GET','x')",
    "return redis.call('DEBUG','SLEEP','0')",
    "return redis.call('NOSUCH','a')",
    "return redis.pcall('NOSUCH','a')",
    "redis.pcall('NOSUCH','a') return 1",
    "return redis.call('GET')",
    "return redis.pcall('GET')",
    "redis.pcall('GET') return 1",
    "return redis.call('CONFIG')",
    "return redis.call('CONFIG','NOSUCH')",
    "return redis.call()",
    "return redis.pcall()",
    "redis.pcall() return 1",
    "return redis.call('GET',{})",
    "return redis.pcall('GET',{})",
    "redis.pcall('GET',{}) return 1",
    "return redis.call('GET','s')",
    "return redis.call('SET','b','a')",
    "return redis.pcall('SET','b','a')",
    "return redis.call('PUBLISH','b','a')",
    // Errors of a script's own that are returned.
    "return redis.error_reply('MY err')",
    "return redis.error_reply('nocode')",
    "return redis.error_reply('')",
    "return redis.error_reply('-MY err')",
    "return redis.error_reply('X a\\0b')",
    "return redis.error_reply('X\\0b c')",
    "return redis.error_reply()",
    "return redis.error_reply({})",
    "return redis.status_reply({})",
    "return redis.status_reply('X\\0b c')",
    "pcall(redis.error_reply) return 1",
    "return {err='X y'}",
    "return {err='My'}",
    "return {err=''}",
    "return {err=' a b'}",
    "return {err='-a b'}",
    "return {err='a\\r\\nb c'}",
    "return {err='ERR x\\r\\n'}",
    "return {err='\\r\\nX y'}",
    "return {err='\\r\\n'}",
    "return {err='X y \\r\\n '}",
    "return {err='X a\\0b'}",
    "return {err=5}",
    "return {err='X y',ok='OK'}",
    "return {err='X y',source='a',line=3}",
    "return {ok='X y'}",
    "return {ok='\\r\\nX\\ry\\r\\n'}",
    "return {ok='X a\\0b'}",
    "return {err='X y', ignore_error_stats_update=true}",
    "return {err='X y', ignore_error_stats_update=false}",
    "return {err='X y', ignore_error_stats_update=0}",
    "return {err='X y', ignore_error_stats_update='a'}",
    "return {{err='X y'}}",
    "return {1,{err='X y'},{err='Z y'},{err='X q'}}",
    "return {{{err='X y'}}}",
    "return {{err='X y',ignore_error_stats_update=true},{err='X y',ignore_error_stats_update=true}}",
    "redis.setresp(3) return {map={a={err='X y'}}}",
    "redis.setresp(3) return {set={}}",
    "return {{err=string.rep('A',30)..' y'},{err=string.rep('A',31)..' y'}}",
    "return {{err='A#b y'},{err='A:b y'},{err='A=b y'},{err='A,b y'},{err='A/b y'},{err='A\\0b y'}}",
    "return {err='A\\tb y'}",
    "return {err='\\195\\164 y'}",
    // Errors of a script's own that are raised.
    "error('boom')",
    "error('boom',0)",
    "error('MY boom',0)",
    "error('X a\\0b')",
    "error({err='MY boom'})",
    "error({err='boom'})",
    "error({err=''})",
    "error({err='X a\\0b'})",
    "error({err='X y',source='a',line=3})",
    "error({err='MY boom', ignore_error_stats_update=true})",
    "error({err='MY boom', ignore_error_stats_update=false})",
    "error()",
    "error(5)",
    "error(redis.error_reply('MY boom'))",
    "local a=nil; return a.b",
    "return nosuch",
    "assert(false)",
    "assert(false,'msg')",
    "return redis.sha1hex()",
    "redis.log()",
    "redis.log(99,'x') return 1",
    "redis.setresp()",
    "redis.setresp(5)",
    "redis.set_repl(99)",
    "return cjson.decode('{')",
    "return redis.acl_check_cmd('NOSUCH')",
    "return redis.acl_check_cmd()",
    "return )",
];

/// What stands before code that says what it does.
const HEADERS: &[&str] = &[
    "",
    "#!lua\n",
    "#!lua flags=no-writes\n",
    "#!lua flags=allow-oom\n",
    "#!lua flags=allow-stale\n",
    "#!lua flags=no-writes,allow-stale\n",
];

/// Code that does what not every state allows.
const DEEDS: &[&str] = &[
    "return 1",
    "return redis.call('PING')",
    "return redis.call('GET','s')",
    "return redis.call('SET','s','b')",
    "return redis.pcall('SET','s','b')",
    "redis.pcall('SET','s','b') return 1",
];

/// How code is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Eval,
    ReadOnly,
    ByName,
    Queued,
    /// Queued before the state begins.
    QueuedBefore,
    Function,
    ReadOnlyFunction,
}

impl Way {
    const ALL: [Way; 7] = [
        Way::Eval,
        Way::ReadOnly,
        Way::ByName,
        Way::Queued,
        Way::QueuedBefore,
        Way::Function,
        Way::ReadOnlyFunction,
    ];

    fn case(self, state: State, header: &str, code: &str) -> Case {
        let source = format!("{header}{code}");
        let mut before = vec![words("SET s x")];
        let words_of =
            |name: &str, subject: &str| vec![name.to_owned(), subject.to_owned(), "0".to_owned()];
        let queued = |rest: Vec<Step>| [call("MULTI")].into_iter().chain(rest).collect();
        let eval = || Step::Call(words_of("EVAL", &source));
        let steps = match self {
            Way::Eval => vec![eval()],
            Way::ReadOnly => vec![Step::Call(words_of("EVAL_RO", &source))],
            Way::ByName => {
                before.push(vec!["SCRIPT".into(), "LOAD".into(), source.clone()]);
                vec![Step::Call(words_of("EVALSHA", "{name}"))]
            }
            Way::Queued => queued(vec![eval(), call("EXEC")]),
            Way::QueuedBefore => queued(vec![eval(), Step::Enter, call("EXEC")]),
            Way::Function | Way::ReadOnlyFunction => {
                let library = library(header, code);
                before.push(vec!["FUNCTION".into(), "LOAD".into(), "REPLACE".into(), library]);
                let name = if self == Way::Function { "FCALL" } else { "FCALL_RO" };
                vec![Step::Call(words_of(name, "f"))]
            }
        };
        Case { name: format!("{self:?} of {source} ({state:?})"), state, before, steps }
    }
}

/// A library with a function that says of itself what a script does with this header.
fn library(header: &str, code: &str) -> String {
    let flags: Vec<String> = header
        .trim_end()
        .split_once("flags=")
        .map(|(_, flags)| flags.split(',').map(|flag| format!("'{flag}'")).collect())
        .unwrap_or_default();
    format!(
        "#!lua name=l\nredis.register_function{{function_name='f',callback=function() {code} end,flags={{{}}}}}",
        flags.join(",")
    )
}

/// Whether it can be compiled and run in all ways.
fn is_code(code: &str) -> bool {
    code != "return )"
}

/// All code, in the ways that matter to it.
pub(super) fn by_code() -> Vec<Case> {
    let mut cases = Vec::new();
    for code in CODE {
        for way in [Way::Eval, Way::ByName, Way::Queued, Way::Function] {
            if is_code(code) || matches!(way, Way::Eval | Way::Queued) {
                cases.push(way.case(State::Usual, "", code));
            }
        }
        cases.push(Way::Eval.case(State::Restricted, "", code));
    }
    cases
}

/// Code that says what it does, in all states.
pub(super) fn by_state() -> Vec<Case> {
    let mut cases = Vec::new();
    for state in State::ALL {
        for way in Way::ALL {
            for header in HEADERS {
                for code in DEEDS {
                    cases.push(way.case(state, header, code));
                }
            }
        }
    }
    cases
}
