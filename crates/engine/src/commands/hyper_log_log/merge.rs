//! Unions: PFMERGE.

use collections::hyper_log_log::{self, Encoding, REGISTERS};
use command::argument::key;
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::SetExpiry;

use super::{CORRUPT, sparse_limit, value_of};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static PFMERGE: Command = Declaration {
    summary: "Merges HyperLogLogs into the one at a key, which is created if it is not there.",
    complexity: "O(N), where N is the number of HyperLogLogs, each of which takes long.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[
        KeySpec::read_write(1).accesses().inserts(),
        KeySpec::read_only(2).to_last().accesses(),
    ],
    arguments: &[key("destkey"), key("sourcekey").spec(1).optional().multiple()],
    ..Declaration::new("PFMERGE", Group::HyperLogLog, "2.8.9", Handler::Keys(pfmerge))
};

fn pfmerge(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let keys = arguments.rest();
    let destination = arguments.string()?;
    let limit_bytes = sparse_limit(call);

    let mut registers = [0; REGISTERS];
    let mut encoding = Encoding::Sparse;
    for key in keys.iter() {
        if let Some(entry) = call.keys.read(key) {
            let value = value_of(entry)?;
            if value.encoding() == Encoding::Dense {
                encoding = Encoding::Dense;
            }
            value.merge_into(&mut registers).map_err(|_| CORRUPT)?;
        }
    }
    let merge =
        |bytes: &mut Vec<u8>| hyper_log_log::merge(bytes, &registers, encoding, limit_bytes);
    if call.keys.look(destination).is_some() {
        // It was read without an error above, so it is not corrupt.
        call.keys.edit_string(destination, merge).map_err(|_| CORRUPT)?;
    } else {
        let mut bytes = hyper_log_log::empty();
        merge(&mut bytes).map_err(|_| CORRUPT)?;
        call.keys.put_made(destination, bytes, SetExpiry::Clear);
    }
    call.modified(destination, events::ADD_TO_HYPER_LOG_LOG);
    call.reply.ok();
    Ok(())
}
