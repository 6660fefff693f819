//! HELP of commands that contain others: a line for each subcommand and what it does, from the declarations.

use command::{Command as Declaration, Flags, Group};
use resp::ReplyError;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

/// The declaration of a HELP. Its `name` is the full one: `CLIENT|HELP`.
pub(super) const fn declare(name: &'static str, group: Group, since: &'static str) -> Command {
    Declaration {
        summary: "Prints this help.",
        flags: Flags::LOADING.and(Flags::STALE),
        ..Declaration::new(name, group, since, Handler::Keys(help))
    }
}

/// The error for a subcommand that is called with too many words, where its arity alone does not tell.
pub(super) fn wrong_subcommand_call(call: &Call<'_>) -> ReplyError {
    let word = |index| call.words.get(index).unwrap_or_default();
    let subcommand = word(1);
    let subcommand = subcommand.get(..QUOTED_BYTES).unwrap_or(subcommand);
    let container = word(0).to_ascii_uppercase();
    let line = [
        b"ERR unknown subcommand or wrong number of arguments for '",
        subcommand,
        b"'. Try ",
        &container,
        b" HELP.",
    ];
    ReplyError::quoting(line.concat())
}

/// So much of a subcommand is quoted.
const QUOTED_BYTES: usize = 128;
/// Characters of a line of explanation: with its margin it fits into a terminal of 80.
const WIDTH: usize = 74;

fn help(call: &mut Call<'_>) -> Outcome {
    let container = call.callable.container.and_then(|id| call.engine.commands.get(id));
    let Some(container) = container else {
        // Only subcommands are declared as help.
        return Err(ReplyError::Syntax);
    };
    let lines = lines(container.command);
    call.reply.array(lines.len());
    for line in lines {
        call.reply.raw(format!("+{line}\r\n").as_bytes());
    }
    Ok(())
}

fn lines(container: &'static Command) -> Vec<String> {
    let mut lines = vec![format!(
        "{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        container.name
    )];
    if container.run.is_some() {
        lines.push("(no subcommand)".to_owned());
        explain(container.summary, &mut lines);
    }
    for subcommand in container.subcommands {
        let call = format!("{} {}", subcommand.own_name(), subcommand.syntax());
        lines.push(call.trim_end().to_owned());
        explain(subcommand.summary, &mut lines);
    }
    lines
}

/// Appends a sentence as lines with a margin.
fn explain(summary: &str, lines: &mut Vec<String>) {
    const MARGIN: &str = "   ";
    let mut line = MARGIN.to_owned();
    for word in summary.split(' ') {
        if WIDTH < line.len() + word.len() {
            lines.push(std::mem::replace(&mut line, MARGIN.to_owned()));
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push(line);
}
