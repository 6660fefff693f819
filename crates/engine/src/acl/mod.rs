//! Users and what they may do: the access control list.
//!
//! All users are known to all workers. A session holds the [`Account`] of its user, and remembers what it may do ([`Rights`]) until a user
//! changes: each call compares the number of changes, so a change holds for all clients at once. Most calls then ask one bit.
//!
//! The rules and their texts are Redis's; [`User`] and its [`Selector`]s read and show them.

mod file;
mod log;
mod rights;
mod rule;
mod selector;
mod user;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};

use arc_swap::ArcSwap;
use command::Table;
use parking_lot::Mutex;
use resp::{ReplyError, Words};

use crate::command_table::{Callable, Handler};
pub(crate) use log::{Context, Entry, Log};
pub(crate) use rights::Rights;
use rights::Standing;
pub(crate) use rule::RuleError;
use selector::Kind;
pub(crate) use selector::first_word_rules;
pub(crate) use user::User;

/// All commands.
pub(crate) type Commands = Table<Handler>;

/// The user that a client is before it says who it is.
pub(crate) const DEFAULT_USER: &[u8] = b"default";

/// All users.
#[derive(Debug)]
pub(crate) struct AccessControl {
    default: Arc<Account>,
    /// By name.
    accounts: Mutex<BTreeMap<Vec<u8>, Arc<Account>>>,
    /// Rises with every change, after it was made. Never 0, which sessions that remember nothing have.
    version: AtomicU64,
    /// Clients have changed users, not only the password of the default one.
    has_changed: AtomicBool,
    pub(crate) log: Log,
}

/// A user, as its clients hold it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: Vec<u8>,
    standing: ArcSwap<Standing>,
}

/// Why a call is refused. Those that are compared come in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Reason {
    Command,
    Key,
    /// A wrong password.
    Authentication,
    Channel,
}

/// What is not allowed about a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Denied {
    pub(crate) reason: Reason,
    /// The word that is the reason.
    pub(crate) position: usize,
}

impl Reason {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Authentication => "auth",
            Reason::Channel => "channel",
        }
    }

    fn place(self) -> usize {
        match self {
            Reason::Authentication => 0,
            Reason::Command => 1,
            Reason::Key => 2,
            Reason::Channel => 3,
        }
    }
}

impl Denied {
    /// What a client is told, without a code.
    pub(crate) fn text(self, user: &[u8], callable: &Callable) -> Vec<u8> {
        match self.reason {
            Reason::Key => b"No permissions to access a key".to_vec(),
            Reason::Channel => b"No permissions to access a channel".to_vec(),
            Reason::Command | Reason::Authentication => self.detailed_text(user, callable, b""),
        }
    }

    /// What somebody is told who may know.
    pub(crate) fn detailed_text(self, user: &[u8], callable: &Callable, word: &[u8]) -> Vec<u8> {
        let (verb, object, kind): (&[u8], &[u8], &[u8]) = match self.reason {
            Reason::Key => (b"access", word, b"key"),
            Reason::Channel => (b"access", word, b"channel"),
            Reason::Command | Reason::Authentication => {
                (b"run", callable.name().as_bytes(), b"command")
            }
        };
        let parts =
            [b"User ", user, b" has no permissions to ", verb, b" the '", object, b"' ", kind];
        parts.concat()
    }
}

impl Account {
    fn new(name: &[u8], user: User, commands: &Commands) -> Account {
        let standing = ArcSwap::from_pointee(Standing::new(user, commands));
        Account { name: name.to_vec(), standing }
    }

    /// The line that makes the same user in a file.
    pub(crate) fn describe(&self) -> Vec<u8> {
        [b"user ", self.name.as_slice(), b" ", &*self.user().describe()].concat()
    }

    /// The user as it is now.
    pub(crate) fn user(&self) -> Arc<User> {
        Arc::clone(&self.standing.load().user)
    }

    /// Whether it may make a call, by its rules themselves. A call that is made asks [`AccessControl::check`].
    pub(crate) fn check(&self, callable: &Callable, words: Words<'_>) -> Result<(), Denied> {
        self.user().check(callable, words)
    }

    /// Whether it may listen to what a client of its has subscribed to.
    pub(crate) fn may_listen(&self, name: &[u8], is_pattern: bool) -> bool {
        let kind = if is_pattern { Kind::Pattern } else { Kind::Channel };
        self.standing.load().user.allows_channel(name, kind)
    }

    /// Who does so changes the version of all users afterwards: until then, what was before may be remembered.
    fn replace(&self, user: User, commands: &Commands) {
        self.standing.store(Arc::new(Standing::new(user, commands)));
    }
}

/// A rule that was refused, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refused {
    pub(crate) rule: Vec<u8>,
    pub(crate) why: RuleError,
}

impl AccessControl {
    /// One user that may do everything.
    pub(crate) fn new(commands: &Commands) -> AccessControl {
        let default = Arc::new(Account::new(DEFAULT_USER, User::unlimited(commands), commands));
        let accounts = BTreeMap::from([(DEFAULT_USER.to_vec(), Arc::clone(&default))]);
        AccessControl {
            default,
            accounts: Mutex::new(accounts),
            version: AtomicU64::new(1),
            has_changed: AtomicBool::new(false),
            log: Log::default(),
        }
    }

    /// The user that clients are before they say who they are.
    #[inline]
    pub(crate) fn default(&self) -> &Arc<Account> {
        &self.default
    }

    /// Whether a client may make a call that acts as `account`, or as the default user; `rights` are what it remembers, and are renewed
    /// if users have changed since.
    #[inline]
    pub(crate) fn check(
        &self,
        account: Option<&Arc<Account>>,
        rights: &mut Rights,
        callable: &Callable,
        words: Words<'_>,
    ) -> Result<(), Denied> {
        let version = self.version();
        if !rights.is_of(version) {
            // The version was read before: what is remembered is never older than it says.
            *rights = Rights::of(account.unwrap_or(&self.default), version);
        }
        rights.check(callable, words)
    }

    /// The user of a name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<Arc<Account>> {
        self.accounts.lock().get(name).cloned()
    }

    /// Rises with every change.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Acquire)
    }

    /// Clients, or the configuration, have changed users.
    pub(crate) fn note_change(&self) {
        self.has_changed.store(true, Release);
    }

    /// Whether users are others than the directive for a password alone makes them.
    pub(crate) fn has_changed(&self) -> bool {
        self.has_changed.load(Acquire)
    }

    /// All users as lines of a file.
    pub(crate) fn describe(&self) -> Vec<u8> {
        let lines = self.all().into_iter().map(|account| [&*account.describe(), b"\n"].concat());
        lines.collect::<Vec<_>>().concat()
    }

    /// Replaces all users by those in a text; gives the names of those that are there no more.
    pub(crate) fn load(
        &self,
        text: &[u8],
        path: &str,
        allows_all_channels: bool,
        commands: &Commands,
    ) -> Result<BTreeSet<Vec<u8>>, Vec<u8>> {
        let mut users = file::parse(text, path, allows_all_channels, commands)?;
        let default = users.remove(DEFAULT_USER).unwrap_or_else(|| User::unlimited(commands));
        let mut accounts = self.accounts.lock();
        self.default.replace(default, commands);
        let is_gone = |name: &Vec<u8>| name.as_slice() != DEFAULT_USER && !users.contains_key(name);
        let gone: BTreeSet<Vec<u8>> =
            accounts.keys().filter(|name| is_gone(name)).cloned().collect();
        accounts.retain(|name, _| !gone.contains(name));
        for (name, user) in users {
            if let Some(account) = accounts.get(&name) {
                account.replace(user, commands);
            } else {
                let account = Arc::new(Account::new(&name, user, commands));
                accounts.insert(name, account);
            }
        }
        self.version.fetch_add(1, Release);
        Ok(gone)
    }

    /// All users, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Account>> {
        self.accounts.lock().values().cloned().collect()
    }

    /// Makes or changes a user: by all the rules, or by none if one is refused. Channels are what `acl-pubsub-default` says.
    pub(crate) fn set<R: AsRef<[u8]>>(
        &self,
        name: &[u8],
        rules: &[R],
        allows_all_channels: bool,
        commands: &Commands,
    ) -> Result<(), Refused> {
        let mut accounts = self.accounts.lock();
        let known = accounts.get(name);
        let mut user = known
            .map_or_else(|| User::new(allows_all_channels), |account| User::clone(&account.user()));
        user.set_channel_default(allows_all_channels);
        for rule in rules {
            let rule = rule.as_ref();
            user.apply(rule, commands).map_err(|why| Refused { rule: rule.to_vec(), why })?;
        }
        match known {
            Some(account) => account.replace(user, commands),
            None => {
                accounts.insert(name.to_vec(), Arc::new(Account::new(name, user, commands)));
            }
        }
        self.version.fetch_add(1, Release);
        Ok(())
    }

    /// Takes out a user; its clients are the caller's to close.
    pub(crate) fn remove(&self, name: &[u8]) -> Option<Arc<Account>> {
        self.accounts.lock().remove(name)
    }

    /// Sets the only password of the default user, or that it needs none.
    pub(crate) fn set_default_password(&self, password: &[u8], commands: &Commands) {
        let rule = if password.is_empty() { b"nopass".to_vec() } else { [b">", password].concat() };
        let rules = [b"resetpass".to_vec(), rule];
        let set = self.set(DEFAULT_USER, &rules, false, commands);
        debug_assert!(set.is_ok(), "these are rules");
    }

    /// Whether clients have to say who they are.
    pub(crate) fn asks_password(&self) -> bool {
        let user = &self.default.standing.load().user;
        !user.needs_no_password || !user.is_enabled
    }

    /// The user, if the password is right.
    pub(crate) fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<Arc<Account>> {
        self.find(name).filter(|account| account.standing.load().user.accepts(password))
    }
}

/// Whether a user may have that name.
pub(crate) fn is_user_name(name: &[u8]) -> bool {
    !name.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, 0 | 0x0b))
}

/// Whether a user can be declared by these words, a name and rules, in a configuration file; if not, why, in Redis's words.
pub(crate) fn check_declaration(
    words: &[&[u8]],
    is_known: bool,
    allows_all_channels: bool,
    commands: &Commands,
) -> Result<(), String> {
    let refused = |word: &[u8], why: &dyn std::fmt::Display| {
        Err(format!("Error in user declaration '{}': {why}", String::from_utf8_lossy(word)))
    };
    let Some((name, rules)) = words.split_first() else { return Ok(()) };
    if is_known {
        return refused(
            name,
            &"Duplicate user found. A user can only be defined once in config files",
        );
    }
    // The word that is told is not the rule, but stands as many words after the first of the line.
    let told = |index: usize| match index.checked_sub(1) {
        None => b"user".as_slice(),
        Some(index) => words.get(index).copied().unwrap_or_default(),
    };
    let Ok(rules) = merge_selectors(rules.iter().copied()) else {
        return refused(told(0), &RuleError::UnknownName);
    };
    let mut user = User::new(allows_all_channels);
    for (index, rule) in rules.iter().enumerate() {
        match user.apply(rule, commands) {
            Ok(()) | Err(RuleError::UnknownName) => {}
            Err(why) => return refused(told(index), &why),
        }
    }
    Ok(())
}

/// Joins the words of selectors, which begin and end with parentheses, as they came from a client.
pub(crate) fn merge_selectors<'w>(
    words: impl Iterator<Item = &'w [u8]>,
) -> Result<Vec<Vec<u8>>, ReplyError> {
    let mut merged: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for word in words {
        match open.take() {
            None if word.starts_with(b"(") && !word.ends_with(b")") => {
                open = Some((word, word.to_vec()));
            }
            None => merged.push(word.to_vec()),
            Some((first, mut joined)) => {
                joined.push(b' ');
                joined.extend_from_slice(word);
                if word.ends_with(b")") {
                    merged.push(joined);
                } else {
                    open = Some((first, joined));
                }
            }
        }
    }
    match open {
        None => Ok(merged),
        Some((first, _)) => {
            let parts: [&[u8]; 3] =
                [b"ERR Unmatched parenthesis in acl selector starting at '", first, b"'."];
            Err(ReplyError::quoting(parts.concat()))
        }
    }
}
