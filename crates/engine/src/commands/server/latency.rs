//! LATENCY: what took long, and how long commands take.

use command::argument::{Argument, string};
use command::{Command as Declaration, Group};
use resp::ReplyError;

use super::{ADMINISTRATION, doctor};
use crate::Call;
use crate::command_table::{Callable, Command, Handler, Outcome};
use crate::commands::help;
use crate::latency::{cumulative, graph as draw};
use crate::statistics::Numbers;

pub(super) static LATENCY: Command = Declaration {
    summary: "A container for commands about latency.",
    ..Declaration::container(
        "LATENCY",
        Group::Server,
        "2.8.13",
        &[&DOCTOR, &GRAPH, &HELP, &HISTOGRAM, &HISTORY, &LATEST, &RESET],
    )
};

static DOCTOR: Command = Declaration {
    summary: "Returns what the latency monitor's samples say, for people.",
    ..declaration("LATENCY|DOCTOR", "2.8.13", &[], doctor)
};

static GRAPH: Command = Declaration {
    summary: "Returns the latency monitor's samples of an event as a graph of characters.",
    ..declaration("LATENCY|GRAPH", "2.8.13", &[string("event")], graph)
};

static HELP: Command = help::declare("LATENCY|HELP", Group::Server, "2.8.13");

static HISTOGRAM: Command = Declaration {
    summary: "Returns how the durations of commands are distributed.",
    complexity: "O(N), where N is the number of commands asked for.",
    ..declaration(
        "LATENCY|HISTOGRAM",
        "7.0.0",
        &[string("command").optional().multiple()],
        histogram,
    )
};

static HISTORY: Command = Declaration {
    summary: "Returns the latency monitor's samples of an event.",
    ..declaration("LATENCY|HISTORY", "2.8.13", &[string("event")], history)
};

static LATEST: Command = Declaration {
    summary: "Returns the latency monitor's latest sample of every event.",
    ..declaration("LATENCY|LATEST", "2.8.13", &[], latest)
};

static RESET: Command = Declaration {
    summary: "Forgets the latency monitor's samples of some events, or of all.",
    tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
    ..declaration("LATENCY|RESET", "2.8.13", &[string("event").optional().multiple()], reset)
};

const fn declaration(
    name: &'static str,
    since: &'static str,
    arguments: &'static [Argument],
    run: fn(&mut Call<'_>) -> Outcome,
) -> Command {
    Declaration {
        flags: ADMINISTRATION,
        arguments,
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        ..Declaration::new(name, Group::Server, since, Handler::Keys(run))
    }
}

fn histogram(call: &mut Call<'_>) -> Outcome {
    call.settle_statistics();
    let commands = &call.engine.commands;
    let mut wanted: Vec<&Callable> = Vec::new();
    if call.arguments.is_empty() {
        wanted.extend(commands.iter());
    }
    for name in call.arguments.rest().iter() {
        if let Some(command) = commands.find_full(name) {
            wanted.push(command);
            wanted.extend(commands.subcommands(command));
        }
    }
    let numbers = Numbers::sum(call.engine.statistics.iter());
    let found = wanted.into_iter().filter_map(|command| {
        let durations = numbers.commands.get(usize::from(command.id))?.latency.as_ref()?;
        Some((command.name(), durations))
    });
    let map = call.reply.deferred_map();
    let mut shown = 0;
    for (name, durations) in found {
        shown += 1;
        let steps = cumulative(durations);
        call.reply.bulk(name.as_bytes());
        call.reply.map(2);
        call.reply.bulk(b"calls");
        call.reply.unsigned(durations.calls());
        call.reply.bulk(b"histogram_usec");
        call.reply.map(steps.len());
        for (microseconds, count) in steps {
            call.reply.unsigned(microseconds);
            call.reply.unsigned(count);
        }
    }
    call.reply.close(map, shown);
    Ok(())
}

fn latest(call: &mut Call<'_>) -> Outcome {
    let events = call.engine.latency.all();
    call.reply.array(events.len());
    for (event, series) in events {
        let (time_s, latency_ms) =
            series.samples.back().map_or((0, 0), |sample| (sample.time_s, sample.latency_ms));
        call.reply.array(4);
        call.reply.bulk(event.as_bytes());
        call.reply.integer(time_s);
        call.reply.unsigned(latency_ms);
        call.reply.unsigned(series.worst_ms);
    }
    Ok(())
}

fn history(call: &mut Call<'_>) -> Outcome {
    let event = call.arguments.string()?;
    let samples =
        call.engine.latency.series(event).map_or_else(Default::default, |(_, it)| it.samples);
    call.reply.array(samples.len());
    for sample in samples {
        call.reply.array(2);
        call.reply.integer(sample.time_s);
        call.reply.unsigned(sample.latency_ms);
    }
    Ok(())
}

fn reset(call: &mut Call<'_>) -> Outcome {
    let latency = &call.engine.latency;
    let forgotten = if call.arguments.is_empty() {
        latency.clear()
    } else {
        call.arguments.rest().iter().filter(|event| latency.forget(event)).count()
    };
    call.reply.unsigned(forgotten as u64);
    Ok(())
}

fn graph(call: &mut Call<'_>) -> Outcome {
    let event = call.arguments.string()?;
    let Some((name, series)) = call.engine.latency.series(event) else {
        let line = [b"ERR No samples available for event '", event, b"'"];
        return Err(ReplyError::quoting(line.concat()));
    };
    let text = draw(name, &series, call.now_us / 1_000_000);
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn doctor(call: &mut Call<'_>) -> Outcome {
    let text = doctor::latency(&call.engine.latency.all(), call.config, call.now_us / 1_000_000);
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
