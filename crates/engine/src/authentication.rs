//! Who a client is: users and their passwords, and what follows for its session.
//!
//! Passwords are compared with the users of this moment: a client that changes its password may use it at once.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use config::{Config, Text};
use resp::{ReplyError, Words};

use crate::Engine;
use crate::acl::{
    Account, Context, DEFAULT_USER, Denied, Entry, Reason, Refused, Rights, first_word_rules,
    is_user_name, merge_selectors,
};
use crate::call::Call;
use crate::command_table::Callable;
use crate::host::LogLevel;
use crate::pubsub::Space;
use crate::session::Session;

const WRONG_PASSWORD: ReplyError =
    ReplyError::coded("WRONGPASS invalid username-password pair or user is disabled.");

impl Engine {
    /// Whether clients have to say who they are.
    pub fn asks_password(&self) -> bool {
        self.acl.asks_password()
    }

    /// Whether a client that has told nothing yet may call commands.
    pub fn trusts_newcomers(&self) -> bool {
        !self.asks_password()
    }

    /// Whether there is a user of this name.
    pub(crate) fn has_user(&self, name: &[u8]) -> bool {
        self.acl.find(name).is_some()
    }

    /// Checks a call against the rights of whoever makes it.
    #[inline]
    pub(crate) fn check_rights(
        &self,
        session: &mut Session,
        callable: &Callable,
        words: Words<'_>,
    ) -> Result<(), Denied> {
        if session.obeyed {
            return Ok(());
        }
        self.acl.check(session.account.as_ref(), &mut session.rights, callable, words)
    }

    /// Notes that a call was refused.
    #[cold]
    pub(crate) fn note_denied(
        &self,
        config: &Config,
        now_ms: i64,
        session: &Session,
        (denied, context): (Denied, Context),
        callable: &Callable,
        words: Words<'_>,
    ) {
        let object = match denied.reason {
            Reason::Command => callable.name().as_bytes(),
            Reason::Key | Reason::Channel | Reason::Authentication => {
                words.get(denied.position).unwrap_or_default()
            }
        };
        let user = session.user_name().to_vec();
        self.log_denied(config, now_ms, session, (denied.reason, context), object.to_vec(), user);
    }

    fn log_denied(
        &self,
        config: &Config,
        now_ms: i64,
        session: &Session,
        (reason, context): (Reason, Context),
        object: Vec<u8>,
        user: Vec<u8>,
    ) {
        let entry = Entry {
            count: 1,
            reason,
            context,
            object,
            user,
            client: session.record.describe(now_ms, &self.commands, None),
            id: 0,
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        self.acl.log.push(entry, config.security.acl_log_length);
    }

    /// Makes or changes a user.
    pub(crate) fn set_user<R: AsRef<[u8]>>(&self, name: &[u8], rules: &[R]) -> Result<(), Refused> {
        let outcome = self.acl.set(name, rules, self.allows_all_channels(), &self.commands);
        let refused = outcome.as_ref().err().map(|refused| &*refused.rule);
        self.warn_of_first_words(rules.iter().map(AsRef::as_ref), refused);
        outcome?;
        self.acl.note_change();
        Ok(())
    }

    /// Tells the log of rules that allow a command by its first argument, up to the one that was refused.
    fn warn_of_first_words<'r>(
        &self,
        rules: impl Iterator<Item = &'r [u8]>,
        refused: Option<&[u8]>,
    ) {
        for rule in rules.take_while(|rule| Some(*rule) != refused) {
            for offender in first_word_rules(rule, &self.commands) {
                let offender = String::from_utf8_lossy(&offender);
                self.host.log(
                    LogLevel::Warning,
                    &format!(
                        "Deprecation warning: Allowing a first arg of an otherwise blocked command is a misuse of ACL \
                         and may get disabled in the future (offender: {offender})"
                    ),
                );
            }
        }
    }

    /// The `user` lines that CONFIG REWRITE writes: those that were read, if no user has changed since; none if there is a file
    /// of users.
    pub(crate) fn user_lines(&self, config: &Config) -> Vec<Vec<Text>> {
        if !config.security.acl_file.is_empty() {
            return Vec::new();
        }
        if !self.acl.has_changed() {
            return config.security.users.clone();
        }
        let words = |line: Vec<u8>| {
            let words = line.split(|byte| *byte == b' ').skip(1);
            words.map(|word| Text::from(word.to_vec())).collect()
        };
        self.acl.all().iter().map(|account| words(account.describe())).collect()
    }

    /// Removes a user; whether there was one.
    pub(crate) fn remove_user(&self, name: &[u8]) -> bool {
        self.acl.note_change();
        self.acl.remove(name).is_some()
    }

    /// Whether new users may use all channels.
    pub(crate) fn allows_all_channels(&self) -> bool {
        self.config().security.acl_pub_sub_default == config::security::ChannelDefault::All
    }

    /// Writes all users to a file.
    pub(crate) fn save_users(&self, path: &Text) -> Result<(), ()> {
        let text = self.acl.describe();
        self.host.replace_file(path.as_path(), &text).map_err(|error| {
            self.host.log(
                LogLevel::Warning,
                &format!("Saving ACLs to {}: {error}", path.to_string_lossy()),
            );
        })
    }

    /// Replaces all users by those in a file; gives the names of those that are there no more. Or none, and tells what is wrong.
    pub(crate) fn load_users(&self, path: &Text) -> Result<BTreeSet<Vec<u8>>, Vec<u8>> {
        let shown = path.to_string_lossy();
        let text = self.host.read_file(path.as_path()).map_err(|error| {
            // As the system calls it, without the number.
            let reason = error.to_string();
            let reason = reason.split(" (os error").next().unwrap_or_default();
            format!("Error loading ACLs, opening file '{shown}': {reason}").into_bytes()
        })?;
        self.acl.load(&text, &shown, self.allows_all_channels(), &self.commands)
    }

    /// Has the users as the configuration says: the password of the default user, its `user` lines, or the file that it names.
    pub fn prepare_users(&self) -> Result<(), String> {
        let config = self.config();
        let security = &config.security;
        self.acl.set_default_password(security.password.as_bytes(), &self.commands);
        if security.acl_file.is_empty() {
            return security
                .users
                .iter()
                .try_for_each(|line| self.declare_user(line))
                .inspect_err(|error| {
                    self.host.log(LogLevel::Warning, error);
                })
                .map_err(|_| "Critical error while loading ACLs. Exiting.".to_owned());
        }
        if !security.users.is_empty() {
            return Err("Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is \
                        invalid. This setup is very likely to lead to configuration errors and security holes, please \
                        define either an ACL file or declare users directly in your redis.conf, but not both."
                .to_owned());
        }
        self.load_users(&security.acl_file).map(drop).map_err(|errors| {
            let errors = String::from_utf8_lossy(&errors);
            format!("Aborting Redis startup because of ACL errors: {errors}")
        })
    }

    /// Makes the user of a `user` line. What there was of the default user before does not count.
    fn declare_user(&self, line: &[Text]) -> Result<(), String> {
        let mut words = line.iter().map(Text::as_bytes);
        let name = words.next().unwrap_or_default();
        if !is_user_name(name) {
            return Err("Spaces not allowed in ACL usernames".to_owned());
        }
        let mut rules = merge_selectors(words)
            .map_err(|_| "Unmatched parenthesis in selector definition.".to_owned())?;
        if name == DEFAULT_USER {
            rules.insert(0, b"reset".to_vec());
        }
        self.set_user(name, &rules).map_err(|Refused { rule, why }| {
            let [rule, name] = [&rule, name].map(String::from_utf8_lossy);
            format!("Error loading ACL rule '{rule}' for the user named '{name}': {why}")
        })
    }

    /// Whether a client may listen to all that it listens to.
    pub(crate) fn may_listen(&self, session: &Session) -> bool {
        let account = session.account.as_ref().unwrap_or_else(|| self.acl.default());
        let may = |space, is_pattern| {
            session.subscribed(space).iter().all(|name| account.may_listen(name, is_pattern))
        };
        may(Space::Channel, false) && may(Space::Pattern, true) && may(Space::Shard, false)
    }
}

impl Session {
    /// The name of the user that it acts as.
    pub(crate) fn user_name(&self) -> &[u8] {
        self.account.as_ref().map_or(DEFAULT_USER, |account| account.name.as_slice())
    }

    /// It acts as a user from here on.
    fn act_as(&mut self, account: Arc<Account>) {
        self.record.labels.lock().user = Cow::Owned(account.name.clone());
        self.account = Some(account);
        self.rights = Rights::default();
        self.authenticated = true;
    }

    /// It acts as the default user.
    pub(crate) fn act_as_default(&mut self) {
        self.account = None;
        self.rights = Rights::default();
        self.record.labels.lock().user = Cow::Borrowed(DEFAULT_USER);
    }
}

impl Call<'_> {
    /// Makes the client act as a user, if the password is right.
    pub(crate) fn authenticate(&mut self, user: &[u8], password: &[u8]) -> Result<(), ReplyError> {
        if let Some(account) = self.engine.acl.authenticate(user, password) {
            self.session.act_as(account);
            return Ok(());
        }
        let is_in_transaction = self.session.is_in_transaction();
        let context = if is_in_transaction { Context::Transaction } else { Context::Client };
        let object = self.words.first().unwrap_or_default().to_vec();
        let about = (Reason::Authentication, context);
        let now_ms = self.now_ms();
        self.engine.log_denied(self.config, now_ms, self.session, about, object, user.to_vec());
        Err(WRONG_PASSWORD)
    }

    /// Makes the client act as the default user, if the password is right.
    pub(crate) fn authenticate_by_password(&mut self, password: &[u8]) -> Result<(), ReplyError> {
        /// For clients that are configured with a password for a server that is not.
        const NONE_SET: ReplyError = ReplyError::message(
            "AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        );
        if self.engine.acl.default().user().needs_no_password {
            return Err(NONE_SET);
        }
        self.authenticate(DEFAULT_USER, password)
    }
}
