//! Who may do what.

use super::bounds::NATURAL_64;
use crate::Config;
use crate::directive::{Directive, WordCount, Words};
use crate::field::{Choice, field};
use crate::text::{Secret, Text};
use crate::words::quoted_if_needed;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// The password of the default user; empty: none.
    pub password: Secret,
    /// Who may change protected directives.
    pub protected_configs: Permission,
    /// Who may call DEBUG.
    pub debug_command: Permission,
    /// Who may call MODULE.
    pub module_command: Permission,
    /// Commands under other names, in the order of the file: the old name, and the new one, which is empty if there is none.
    pub renamed_commands: Vec<(Text, Text)>,
    /// The words of each `user` line: a name, and rules.
    pub users: Vec<Vec<Text>>,
    /// The file with the users; empty: none.
    pub acl_file: Text,
    /// How many refused calls ACL LOG holds.
    pub acl_log_length: u64,
    /// The channels that a new user may use.
    pub acl_pub_sub_default: ChannelDefault,
}

/// Who may use something dangerous.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permission {
    /// Nobody.
    #[default]
    Nobody,
    /// Everybody.
    Everybody,
    /// Clients on this machine: through the Unix socket or the loopback address.
    Local,
}

impl Permission {
    /// Whether a client may, that is on this machine or not.
    pub fn allows(self, client_is_local: bool) -> bool {
        match self {
            Permission::Nobody => false,
            Permission::Everybody => true,
            Permission::Local => client_is_local,
        }
    }
}

impl Choice for Permission {
    const WORDS: &'static [(&'static str, Permission)] =
        &[("no", Permission::Nobody), ("yes", Permission::Everybody), ("local", Permission::Local)];
}

/// The channels that a new user may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelDefault {
    /// All of them.
    All,
    /// None.
    #[default]
    None,
}

impl Choice for ChannelDefault {
    const WORDS: &'static [(&'static str, ChannelDefault)] =
        &[("allchannels", ChannelDefault::All), ("resetchannels", ChannelDefault::None)];
}

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::text("requirepass", "", field!(security.password))
        .live()
        .sensitive()
        .about("The password of the default user. Empty: none is asked for."),
    Directive::choice::<Permission>(
        "enable-protected-configs",
        "no",
        field!(security.protected_configs),
    )
    .about(
        "Who may change protected directives, such as `dir`, by CONFIG SET: nobody (`no`), everybody (`yes`), or clients on this machine (`local`).",
    ),
    Directive::choice::<Permission>("enable-debug-command", "no", field!(security.debug_command))
        .about("Who may call DEBUG, in the same words."),
    Directive::choice::<Permission>("enable-module-command", "no", field!(security.module_command))
        .about("Who may call MODULE, in the same words."),
    Directive::words(
        "rename-command",
        "",
        Words {
            sketch: "command new-name",
            count: WordCount::Exactly(2),
            set: |config, words, _| {
                if let [old, new] = words {
                    config.security.renamed_commands.push((old.clone(), new.clone()));
                }
                Ok(())
            },
            print: |_| Vec::new(),
            lines: |_| Vec::new(),
            lines_are_independent: false,
        },
    )
    .file_only()
    .about("Gives a command another name, or takes it away with the empty name \"\". Users with fewer rights are the better way."),
    Directive::words(
        "user",
        "",
        Words {
            sketch: "name rule ...",
            count: WordCount::AtLeast(1),
            set: |config, words, _| {
                config.security.users.push(words.to_vec());
                Ok(())
            },
            print: |_| Vec::new(),
            lines: user_lines,
            lines_are_independent: false,
        },
    )
    .file_only()
    .about("A user and what it may do, in the words of ACL SETUSER."),
    Directive::text("aclfile", "", field!(security.acl_file))
        .about("A file with the users, one a line, instead of `user` lines here. Empty: none."),
    Directive::number("acllog-max-len", "128", NATURAL_64, field!(security.acl_log_length))
        .live()
        .about("How many refused calls ACL LOG holds."),
    Directive::choice::<ChannelDefault>(
        "acl-pubsub-default",
        "resetchannels",
        field!(security.acl_pub_sub_default),
    )
    .live()
    .about("The channels that a new user may use: all of them, or none."),
];

/// The lines that make the same users again.
fn user_lines(config: &Config) -> Vec<Vec<u8>> {
    let quoted = |words: &Vec<Text>| {
        let words: Vec<Vec<u8>> =
            words.iter().map(|word| quoted_if_needed(word.as_bytes())).collect();
        words.join(&b' ')
    };
    config.security.users.iter().map(quoted).collect()
}
