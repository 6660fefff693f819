//! What there is: FUNCTION LIST and FUNCTION STATS.

use std::sync::atomic::Ordering::Relaxed;

use collections::glob::{Case, glob_matches};
use command::argument::{string, token};
use command::{Arguments, Command as Declaration, Flags, Group};
use resp::{Reply, ReplyError};

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::functions::{Function, Library};

pub(super) static LIST: Command = Declaration {
    summary: "Returns the libraries and their functions.",
    complexity: "O(N), where N is the number of functions.",
    flags: Flags::NO_SCRIPT,
    arguments: &[
        string("library-name-pattern").after("LIBRARYNAME").optional(),
        token("withcode", "WITHCODE").optional(),
    ],
    tips: &["nondeterministic_output_order"],
    ..Declaration::new("FUNCTION|LIST", Group::Scripting, "7.0.0", Handler::Keys(list))
};

/// Which libraries are asked for, and whether with their code.
#[derive(Default)]
struct Request<'a> {
    pattern: Option<&'a [u8]>,
    with_code: bool,
}

impl<'a> Request<'a> {
    fn parse(mut arguments: Arguments<'a>) -> Result<Request<'a>, ReplyError> {
        let mut request = Request::default();
        while let Some(word) = arguments.peek() {
            if !request.with_code && arguments.accept(b"WITHCODE") {
                request.with_code = true;
            } else if request.pattern.is_none() && arguments.accept(b"LIBRARYNAME") {
                const NOT_GIVEN: ReplyError =
                    ReplyError::message("library name argument was not given");
                request.pattern = Some(arguments.next_word().ok_or(NOT_GIVEN)?);
            } else {
                return Err(ReplyError::quoting([b"ERR Unknown argument ", word].concat()));
            }
        }
        Ok(request)
    }
}

fn list(call: &mut Call<'_>) -> Outcome {
    let request = Request::parse(call.arguments)?;
    let reply = &mut call.reply;
    call.engine.functions.look(|state| {
        let asked = |name: &str| {
            request
                .pattern
                .is_none_or(|pattern| glob_matches(pattern, name.as_bytes(), Case::Ignored))
        };
        let libraries = || state.libraries().iter().filter(|(name, _)| asked(name));
        reply.array(libraries().count());
        for (name, library) in libraries() {
            tell_library(name, library, request.with_code, reply);
        }
    });
    Ok(())
}

fn tell_library(name: &str, library: &Library, with_code: bool, reply: &mut Reply<'_>) {
    reply.map(if with_code { 4 } else { 3 });
    reply.bulk(b"library_name");
    reply.bulk(name.as_bytes());
    reply.bulk(b"engine");
    reply.bulk(b"LUA");
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    library.functions.iter().for_each(|function| tell_function(function, reply));
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.code);
    }
}

fn tell_function(function: &Function, reply: &mut Reply<'_>) {
    let registered = &function.registered;
    reply.map(3);
    reply.bulk(b"name");
    reply.bulk(registered.name.as_bytes());
    reply.bulk(b"description");
    match &registered.description {
        Some(description) => reply.bulk(description),
        None => reply.null(),
    }
    reply.bulk(b"flags");
    reply.set(registered.flags.names().count());
    registered.flags.names().for_each(|name| reply.simple(name));
}

pub(super) static STATS: Command = Declaration {
    summary: "Returns the function that is running, and how many there are.",
    complexity: "O(1)",
    flags: Flags::NO_SCRIPT.and(Flags::ALLOW_BUSY),
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    ..Declaration::new("FUNCTION|STATS", Group::Scripting, "7.0.0", Handler::Keys(stats))
};

fn stats(call: &mut Call<'_>) -> Outcome {
    let late = call.engine.late_function()?;
    let figures = call.engine.functions.figures();
    let reply = &mut call.reply;
    let counts = [
        ("libraries_count", figures.libraries.load(Relaxed)),
        ("functions_count", figures.functions.load(Relaxed)),
    ];
    reply.map(2);
    reply.bulk(b"running_script");
    match late {
        None => reply.null(),
        Some((name, words, duration_ms)) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(name.as_bytes());
            reply.bulk(b"command");
            let words = words.as_words();
            reply.array(words.len());
            words.iter().for_each(|word| reply.bulk(word));
            reply.bulk(b"duration_ms");
            reply.unsigned(duration_ms);
        }
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(counts.len());
    for (name, count) in counts {
        reply.bulk(name.as_bytes());
        reply.unsigned(count as u64);
    }
    Ok(())
}
