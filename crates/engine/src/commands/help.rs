//! HELP: what the subcommands of a container do.

use crate::Call;

/// Answers the lines of a container's HELP: a form of a call at the margin, below it, indented, what it does.
pub(super) fn reply(call: &mut Call<'_>, container: &str, lines: &[&'static str]) {
    call.reply.array(lines.len() + 3);
    let output = call.reply.output().tail();
    output.push(b'+');
    output.extend_from_slice(container.as_bytes());
    output.extend_from_slice(b" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n");
    lines.iter().for_each(|line| call.reply.simple(line));
    call.reply.simple("HELP");
    call.reply.simple("    Print this help.");
}
