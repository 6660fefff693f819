//! ACL SAVE and LOAD: users in a file.

use command::{Command as Declaration, Group};
use resp::ReplyError;

use super::{ADMINISTRATION, BY_USERS, TO_ALL_NODES};
use crate::command_table::{Command, Handler, Outcome};
use crate::{Call, Next};

pub(super) static SAVE: Command = Declaration {
    summary: "Writes all users to the file of users.",
    complexity: BY_USERS,
    flags: ADMINISTRATION,
    tips: TO_ALL_NODES,
    ..Declaration::new("ACL|SAVE", Group::Server, "6.0.0", Handler::Keys(save))
};

pub(super) static LOAD: Command = Declaration {
    summary: "Replaces all users by those in the file of users.",
    complexity: BY_USERS,
    flags: ADMINISTRATION,
    ..Declaration::new("ACL|LOAD", Group::Server, "6.0.0", Handler::Keys(load))
};

const NO_FILE: ReplyError = ReplyError::message(
    "This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER \
     command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store \
     users in the Redis configuration.",
);

fn save(call: &mut Call<'_>) -> Outcome {
    let path = &call.config.security.acl_file;
    if path.is_empty() {
        return Err(NO_FILE);
    }
    if call.engine.save_users(path).is_err() {
        return Err(ReplyError::message(
            "There was an error trying to save the ACLs. Please check the server logs for more information",
        ));
    }
    call.reply.ok();
    Ok(())
}

fn load(call: &mut Call<'_>) -> Outcome {
    let path = &call.config.security.acl_file;
    if path.is_empty() {
        return Err(NO_FILE);
    }
    let gone = call
        .engine
        .load_users(path)
        .map_err(|errors| ReplyError::quoting([b"ERR ", &*errors].concat()))?;
    for client in call.engine.clients.all() {
        let user = client.labels.lock().user.to_vec();
        if !gone.contains(&user) {
            continue;
        }
        if client.id == call.session.id() {
            call.next = Next::Close;
        } else {
            call.engine.clients.kill(&client, &*call.engine.host);
        }
    }
    call.engine.host.wake_workers();
    call.reply.ok();
    Ok(())
}
