//! ACL SETUSER, GETUSER, DELUSER, LIST and USERS: users are made, changed, shown and removed.

use command::argument::string;
use command::{Command as Declaration, Group};
use resp::ReplyError;

use super::{ADMINISTRATION, BY_USERS, TO_ALL_NODES, USERNAME};
use crate::acl::{DEFAULT_USER, Refused, User, is_user_name, merge_selectors};
use crate::command_table::{Command, Handler, Outcome};
use crate::{Call, Next};

const HISTORY: &[(&str, &str)] = &[
    ("6.2.0", "There are patterns of channels."),
    ("7.0.0", "There are selectors, and patterns of keys for reading and for writing."),
];

pub(super) static SETUSER: Command = Declaration {
    summary: "Makes a user, or changes what it may do.",
    complexity: "O(N), where N is the number of rules.",
    flags: ADMINISTRATION,
    history: HISTORY,
    tips: TO_ALL_NODES,
    arguments: &[USERNAME, string("rule").optional().multiple()],
    ..Declaration::new("ACL|SETUSER", Group::Server, "6.0.0", Handler::Keys(set))
};

pub(super) static GETUSER: Command = Declaration {
    summary: "Shows a user: how it proves who it is, and what it may do.",
    complexity: "O(N), where N is the number of its rules.",
    flags: ADMINISTRATION,
    history: HISTORY,
    arguments: &[USERNAME],
    ..Declaration::new("ACL|GETUSER", Group::Server, "6.0.0", Handler::Keys(show))
};

pub(super) static DELUSER: Command = Declaration {
    summary: "Removes users, and ends their connections.",
    complexity: "O(N), where N is the number of connections.",
    flags: ADMINISTRATION,
    tips: TO_ALL_NODES,
    arguments: &[USERNAME.multiple()],
    ..Declaration::new("ACL|DELUSER", Group::Server, "6.0.0", Handler::Keys(remove))
};

pub(super) static LIST: Command = Declaration {
    summary: "Shows all users in the form of the configuration file.",
    complexity: BY_USERS,
    flags: ADMINISTRATION,
    ..Declaration::new("ACL|LIST", Group::Server, "6.0.0", Handler::Keys(list))
};

pub(super) static USERS: Command = Declaration {
    summary: "Returns the names of all users.",
    complexity: BY_USERS,
    flags: ADMINISTRATION,
    ..Declaration::new("ACL|USERS", Group::Server, "6.0.0", Handler::Keys(names))
};

fn set(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let name = arguments.string()?;
    if !is_user_name(name) {
        return Err(ReplyError::message("Usernames can't contain spaces or null characters"));
    }
    let rules = merge_selectors(std::iter::from_fn(|| arguments.next_word()))?;
    call.engine.set_user(name, &rules).map_err(|Refused { rule, why }| {
        let text = why.to_string();
        let parts = [b"ERR Error in ACL SETUSER modifier '", &*rule, b"': ", text.as_bytes()];
        ReplyError::quoting(parts.concat())
    })?;
    // Those who listen to what they may not listen to any more are closed by their workers.
    call.engine.host.wake_workers();
    call.reply.ok();
    Ok(())
}

/// Ends a connection; that of the caller after its reply.
fn end(call: &mut Call<'_>, client: &crate::clients::ClientRecord) {
    if client.id == call.session.id() {
        call.next = Next::Close;
    } else {
        call.engine.clients.kill(client, &*call.engine.host);
    }
}

fn show(call: &mut Call<'_>) -> Outcome {
    let name = call.arguments.string()?;
    let Some(account) = call.engine.acl.find(name) else {
        call.reply.null();
        return Ok(());
    };
    let user = account.user();
    let reply = &mut call.reply;
    reply.map(6);
    reply.bulk(b"flags");
    reply.set(user.flags().count());
    user.flags().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(user.passwords().len());
    user.passwords().iter().for_each(|digits| reply.bulk(digits));
    show_selectors(call, &user);
    Ok(())
}

fn show_selectors(call: &mut Call<'_>, user: &User) {
    let reply = &mut call.reply;
    for (place, selector) in user.selectors().iter().enumerate() {
        if place == 1 {
            reply.bulk(b"selectors");
            reply.array(user.selectors().len() - 1);
        }
        if 0 < place {
            reply.map(3);
        }
        reply.bulk(b"commands");
        reply.bulk(&selector.shown_commands());
        reply.bulk(b"keys");
        reply.bulk(&selector.shown_keys());
        reply.bulk(b"channels");
        reply.bulk(&selector.shown_channels());
    }
    if user.selectors().len() == 1 {
        reply.bulk(b"selectors");
        reply.array(0);
    }
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let names: Vec<&[u8]> = std::iter::from_fn(|| arguments.next_word()).collect();
    if names.contains(&DEFAULT_USER) {
        return Err(ReplyError::message("The 'default' user cannot be removed"));
    }
    let mut removed = 0;
    for name in names {
        if call.engine.remove_user(name) {
            removed += 1;
            for client in call.engine.clients.all() {
                if *client.labels.lock().user == *name {
                    end(call, &client);
                }
            }
        }
    }
    call.reply.integer(removed);
    Ok(())
}

fn list(call: &mut Call<'_>) -> Outcome {
    let accounts = call.engine.acl.all();
    call.reply.array(accounts.len());
    for account in accounts {
        call.reply.bulk(&account.describe());
    }
    Ok(())
}

fn names(call: &mut Call<'_>) -> Outcome {
    let accounts = call.engine.acl.all();
    call.reply.array(accounts.len());
    for account in accounts {
        call.reply.bulk(&account.name);
    }
    Ok(())
}
