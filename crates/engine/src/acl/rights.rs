//! What a user may do, prepared for being asked at every call, and what its clients remember of it.
//!
//! Most calls are allowed, and most of those whatever their words are: the user may run the command, with all keys or the command has none. Of
//! the others most have one key, on which alone it depends; the pattern that allows it is often the one that allowed the last. Which commands
//! these are is found out once for each change of a user ([`Standing`]). A session remembers that and the pattern ([`Rights`]), for
//! as long as no user changes. Only what is not found allowed in these ways is checked by the rules themselves ([`User::check`]),
//! which say why it is not.

use std::sync::Arc;

use command::CommandId;
use resp::Words;

use super::user::User;
use super::{Account, Commands, Denied, Reason};
use crate::command_table::Callable;

/// A user between two changes.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(super) user: Arc<User>,
    /// Commands whose calls are allowed whatever their words are; those for which there is no bit are looked at each time.
    always: Bits,
    /// Commands whose calls are allowed if a pattern of the user's own allows their only key.
    by_key: Bits,
}

/// Bits by the id of a command.
type Bits = [u64; 8];

/// What a client's session remembers of its user.
#[derive(Debug, Default)]
pub(crate) struct Rights {
    /// Of all users, when it was taken; none has this before it was.
    version: u64,
    standing: Option<Arc<Standing>>,
    /// The place among the user's key patterns of the one that allowed a key last.
    matched: usize,
}

impl Standing {
    pub(super) fn new(user: User, commands: &Commands) -> Standing {
        let bits = |is_one: &dyn Fn(&Callable) -> bool| {
            let mut bits = Bits::default();
            for callable in commands.iter().filter(|callable| is_one(callable)) {
                if let Some(word) = bits.get_mut(usize::from(callable.id) / 64) {
                    *word |= 1 << (callable.id % 64);
                }
            }
            bits
        };
        Standing {
            always: bits(&|callable| user.allows_always(callable)),
            by_key: bits(&|callable| user.allows_by_key(callable)),
            user: Arc::new(user),
        }
    }
}

#[inline]
fn has(bits: &Bits, id: CommandId) -> bool {
    bits.get(usize::from(id) / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
}

impl Rights {
    /// Takes those of a user now; `version` is that of all users, from before.
    #[cold]
    pub(super) fn renew(&mut self, account: &Account, version: u64) {
        *self = Rights { version, standing: Some(account.standing.load_full()), matched: 0 };
    }

    /// Whether they are those of this version.
    #[inline]
    pub(super) fn is_of(&self, version: u64) -> bool {
        self.version == version
    }

    /// Whether they are those of this version, and the user may make any call of a command.
    #[inline]
    pub(crate) fn always_allow(&self, version: u64, callable: &Callable) -> bool {
        self.is_of(version) && self.standing.as_ref().is_some_and(|it| has(&it.always, callable.id))
    }

    /// Whether the user may make a call.
    #[inline]
    pub(super) fn check(&mut self, callable: &Callable, words: Words<'_>) -> Result<(), Denied> {
        let always = self.standing.as_ref().is_some_and(|it| has(&it.always, callable.id));
        if always || self.allows_key(callable, words) {
            return Ok(());
        }
        check_by_rules(self.standing.as_deref(), callable, words)
    }

    /// Whether the user may make a call since a pattern allows its key.
    #[inline(never)]
    fn allows_key(&mut self, callable: &Callable, words: Words<'_>) -> bool {
        let (Some(standing), Some(position)) = (&self.standing, callable.one_key) else {
            return false;
        };
        has(&standing.by_key, callable.id)
            && words
                .get(position.index)
                .is_some_and(|key| standing.user.allows_key(key, position.flags, &mut self.matched))
    }
}

#[cold]
fn check_by_rules(
    standing: Option<&Standing>,
    callable: &Callable,
    words: Words<'_>,
) -> Result<(), Denied> {
    match standing {
        Some(standing) => standing.user.check(callable, words),
        None => Err(Denied { reason: Reason::Command, position: 0 }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use command::{KeyPositions, Search};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use resp::OwnedWords;

    use super::*;
    use crate::Engine;
    use crate::acl::AccessControl;
    use crate::testing::Server;

    /// Rules about commands, keys and channels, in the user's own set or in parentheses.
    fn rule() -> impl Strategy<Value = String> {
        let commands = select(vec![
            "+@all",
            "-@all",
            "+@read",
            "-@read",
            "+@write",
            "-@write",
            "+@pubsub",
            "-@dangerous",
            "+get",
            "-get",
            "+set",
            "-set",
            "+mget",
            "+select|0",
            "+config|get",
            "-config",
            "+publish",
            "+eval",
            "+sort",
            "+ping",
        ]);
        let keys = ("~|%R~|%W~|%RW~", "[ab*?\\[\\]^\\\\-]{0,4}")
            .prop_map(|(sign, pattern)| sign + &pattern);
        let others = select(vec![
            "~*",
            "allkeys",
            "resetkeys",
            "&*",
            "&a*",
            "resetchannels",
            "~a*",
            "%R~b*",
        ]);
        let plain = prop_oneof![4 => commands.prop_map(str::to_owned), 3 => keys, 2 => others.prop_map(str::to_owned)];
        let set = vec(plain.clone(), 1..4).prop_map(|rules| format!("({})", rules.join(" ")));
        prop_oneof![5 => plain, 1 => set]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// What is prepared and remembered allows and refuses what the rules do, and for the same reason, whatever was asked before.
        #[test]
        fn what_is_remembered_decides_as_the_rules_do(
            rules in vec(rule(), 0..12),
            arguments in vec(vec("[ab]{0,3}|a[ab]{7,9}|GET|STREAMS|1", 0..5), 1..5),
        ) {
            static ENGINE: LazyLock<&Engine> = LazyLock::new(|| Server::new().engine);
            let commands = &ENGINE.commands;
            let users = AccessControl::new(commands);
            for rule in rules {
                // Some make no sense after others.
                let _refused = users.set(b"u", &[rule], false, commands);
            }
            let Some(account) = users.find(b"u") else { return Ok(()) };
            let mut rights = Rights::default();
            for callable in commands {
                for arguments in &arguments {
                    let name = callable.name().split('|');
                    let words: OwnedWords = name.chain(arguments.iter().map(String::as_str)).collect();
                    let words = words.as_words();
                    if let Some(key) = callable.one_key.filter(|key| key.index < words.len()) {
                        let mut keys = KeyPositions::new();
                        let found = callable.command.find_keys(words, Search::Keys, &mut keys);
                        prop_assert_eq!((keys.to_vec(), found), (vec![key], Ok(())));
                    }
                    let plain = account.user().check(callable, words);
                    let remembered = users.check(Some(&account), &mut rights, callable, words);
                    prop_assert_eq!(remembered, plain, "{} {:?}", callable.name(), arguments);
                }
            }
        }
    }

    #[test]
    fn a_change_is_seen_by_whoever_remembers() {
        let server = Server::new();
        let commands = &server.engine.commands;
        let users = AccessControl::new(commands);
        let words: OwnedWords = ["GET", "key"].iter().collect();
        let words = words.as_words();
        let get = commands.find_call(words).expect("it is one");
        let mut rights = Rights::default();
        let mut may = |users: &AccessControl| users.check(None, &mut rights, get, words).is_ok();
        assert!(may(&users));
        for (rule, allowed) in
            [("-get", false), ("+get", true), ("resetkeys", false), ("~k*", true), ("-@all", false)]
        {
            users.set(b"default", &[rule], false, commands).expect("it is a rule");
            assert_eq!((may(&users), may(&users)), (allowed, allowed), "{rule}");
        }
        users
            .load(b"user default on nopass +get %R~key\n", "path", false, commands)
            .expect("it is a user");
        assert!(may(&users));
    }
}
