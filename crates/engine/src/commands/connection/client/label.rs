//! CLIENT ID, GETNAME, SETNAME, SETINFO: what a client is called.

use command::argument::{one_of, string};
use command::{Command as Declaration, Group};
use resp::ReplyError;

use super::OWN;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static ID: Command = Declaration {
    summary: "Returns the id of the connection, which no other one ever has.",
    flags: OWN,
    ..Declaration::new("CLIENT|ID", Group::Connection, "5.0.0", Handler::Keys(id))
};

pub(super) static GETNAME: Command = Declaration {
    summary: "Returns the name of the connection.",
    flags: OWN,
    ..Declaration::new("CLIENT|GETNAME", Group::Connection, "2.6.9", Handler::Keys(name))
};

pub(super) static SETNAME: Command = Declaration {
    summary: "Gives the connection a name, or takes it away with an empty one.",
    flags: OWN,
    arguments: &[string("connection-name")],
    tips: TO_ALL_NODES,
    ..Declaration::new("CLIENT|SETNAME", Group::Connection, "2.6.9", Handler::Keys(set_name))
};

pub(super) static SETINFO: Command = Declaration {
    summary: "Says which library the client is made with.",
    flags: OWN,
    arguments: &[one_of(
        "attr",
        &[string("libname").after("LIB-NAME"), string("libver").after("LIB-VER")],
    )],
    tips: TO_ALL_NODES,
    ..Declaration::new("CLIENT|SETINFO", Group::Connection, "7.2.0", Handler::Keys(set_info))
};

const TO_ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

fn id(call: &mut Call<'_>) -> Outcome {
    call.reply.unsigned(call.session.id());
    Ok(())
}

fn name(call: &mut Call<'_>) -> Outcome {
    let labels = call.session.record.labels.lock();
    if labels.name.is_empty() {
        call.reply.null();
    } else {
        call.reply.bulk(&labels.name);
    }
    Ok(())
}

fn set_name(call: &mut Call<'_>) -> Outcome {
    let name = call.arguments.string()?;
    check_label("Client names", name)?;
    call.session.record.labels.lock().name = name.into();
    call.reply.ok();
    Ok(())
}

fn set_info(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let attribute = arguments.string()?;
    let value = arguments.string()?;
    let is_name = attribute.eq_ignore_ascii_case(b"LIB-NAME");
    if !is_name && !attribute.eq_ignore_ascii_case(b"LIB-VER") {
        let line = [b"ERR Unrecognized option '", attribute, b"'"].concat();
        return Err(ReplyError::quoting(line));
    }
    check_label(&String::from_utf8_lossy(attribute), value)?;
    let mut labels = call.session.record.labels.lock();
    let label = if is_name { &mut labels.library_name } else { &mut labels.library_version };
    *label = value.into();
    call.reply.ok();
    Ok(())
}

/// Refuses what would break a line of CLIENT LIST: anything but printable ASCII without spaces.
pub(in super::super) fn check_label(what: &str, label: &[u8]) -> Result<(), ReplyError> {
    if label.iter().all(u8::is_ascii_graphic) {
        return Ok(());
    }
    let line = format!("ERR {what} cannot contain spaces, newlines or special characters.");
    Err(ReplyError::Coded(line.into()))
}
