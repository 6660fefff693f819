//! Reading elements by their index: LINDEX, LRANGE and LLEN.

use std::ops::ControlFlow;

use collections::List;
use collections::list::{End, ListRef, index_range};
use command::argument::{integer, key};
use command::{Command as Declaration, Flags, Group, KeySpec};

use super::reply_element;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static LLEN: Command = Declaration {
    summary: "Returns the length of a list.",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1)],
    arguments: &[key("key")],
    ..Declaration::new("LLEN", Group::List, "1.0.0", Handler::Keys(llen))
};

fn llen(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;

    let length = call.keys.read_as::<List>(key)?.map_or(0, ListRef::len);
    call.reply.unsigned(length as u64);
    Ok(())
}

pub(super) static LINDEX: Command = Declaration {
    summary: "Returns the element of a list with an index; negative ones count from the tail.",
    complexity: "O(N), where N is the number of nodes between the element and the nearer end; O(1) at the ends.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[key("key"), integer("index")],
    ..Declaration::new("LINDEX", Group::List, "1.0.0", Handler::Keys(lindex))
};

fn lindex(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let index = arguments.integer();

    let found = match call.keys.read_as::<List>(key)? {
        Some(list) => {
            let reply = &mut call.reply;
            list.with(index?, |element| reply_element(reply, element))
        }
        // Without a list the index does not matter.
        None => None,
    };
    if found.is_none() {
        call.reply.null();
    }
    Ok(())
}

pub(super) static LRANGE: Command = Declaration {
    summary: "Returns the elements of a list between two indexes, the last one included; negative ones count from the tail.",
    complexity: "O(S + N), where S is the number of nodes between the first element and the nearer end, and N the number of elements.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[key("key"), integer("start"), integer("stop")],
    ..Declaration::new("LRANGE", Group::List, "1.0.0", Handler::Keys(lrange))
};

fn lrange(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let start = arguments.integer()?;
    let stop = arguments.integer()?;

    let Some(list) = call.keys.read_as::<List>(key)? else {
        call.reply.array(0);
        return Ok(());
    };
    let range = index_range(start, stop, list.len());
    let mut left = range.len();
    call.reply.array(left);
    if 0 < left {
        let reply = &mut call.reply;
        list.visit(range.start, End::Head, |element| {
            reply_element(reply, element);
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
    Ok(())
}
