//! INFO: the server's report on itself.

use command::argument::string;
use command::{Categories, Command as Declaration, Flags, Group};

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::information::{Facts, KeySizes, Selection};

pub(super) static INFO: Command = Declaration {
    summary: "Tells about the server: what it is, what it does, what it counts.",
    complexity: "O(1)",
    flags: Flags::LOADING.and(Flags::STALE),
    categories: Categories::DANGEROUS,
    arguments: &[string("section").optional().multiple()],
    history: &[("7.0.0", "Takes several sections.")],
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    ..Declaration::new("INFO", Group::Server, "1.0.0", Handler::Roaming(info))
};

fn info(call: &mut Call<'_>) -> Outcome {
    let selection = Selection::named(call.arguments.rest());
    call.settle_statistics();
    call.engine.vitals.note_sizes(&call.keys.sizes());
    let facts = Facts::new(call.engine, call.now_us);
    let text = if selection.asks_for_key_sizes() {
        facts.with_key_sizes(KeySizes::survey(&mut call.keys)).text(selection)
    } else {
        facts.text(selection)
    };
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
