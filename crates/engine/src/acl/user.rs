//! A user: how it proves who it is, and what it may do.

use command::KeyPosition;
use resp::Words;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::rule::RuleError;
use super::selector::{Kind, Selector};
use super::{Commands, Denied};
use crate::command_table::Callable;

/// The digest of a password, in hexadecimal digits.
type Digits = [u8; 64];

/// A user.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a rule of its own")]
pub(crate) struct User {
    pub(crate) is_enabled: bool,
    /// Any password is right.
    pub(crate) needs_no_password: bool,
    /// What it restores is checked deeply. That is always done; only what was said is noted.
    checks_payloads: bool,
    /// In the order in which they were added.
    passwords: Vec<Digits>,
    /// The first is the user's own; the others stand in parentheses.
    selectors: Vec<Selector>,
    /// For selectors to come.
    allows_all_channels: bool,
}

impl User {
    /// One that may do nothing, but for channels if that is asked for.
    pub(super) fn new(allows_all_channels: bool) -> User {
        User {
            is_enabled: false,
            needs_no_password: false,
            checks_payloads: true,
            passwords: Vec::new(),
            selectors: vec![Selector::new(allows_all_channels)],
            allows_all_channels,
        }
    }

    /// One that may do everything, without a password.
    pub(super) fn unlimited(commands: &Commands) -> User {
        let mut user = User::new(false);
        for rule in ["+@all", "~*", "&*", "on", "nopass"] {
            let followed = user.apply(rule.as_bytes(), commands);
            debug_assert!(followed.is_ok(), "these are rules");
        }
        user
    }

    /// Follows a rule. `allows_all_channels` says what a new selector may do.
    pub(super) fn apply(&mut self, rule: &[u8], commands: &Commands) -> Result<(), RuleError> {
        let is = |text: &str| rule.eq_ignore_ascii_case(text.as_bytes());
        if is("on") || is("off") {
            self.is_enabled = is("on");
        } else if is("nopass") || is("resetpass") {
            self.needs_no_password = is("nopass");
            self.passwords.clear();
        } else if is("sanitize-payload") || is("skip-sanitize-payload") {
            self.checks_payloads = is("sanitize-payload");
        } else if is("clearselectors") {
            self.selectors.truncate(1);
        } else if is("reset") {
            *self = User::new(self.allows_all_channels);
        } else {
            return match rule {
                [] => Ok(()),
                [b'>', password @ ..] => {
                    self.add_password(digest(password));
                    Ok(())
                }
                [b'#', digits @ ..] => {
                    self.add_password(parse_digits(digits)?);
                    Ok(())
                }
                [b'<', password @ ..] => self.remove_password(&digest(password)),
                [b'!', digits @ ..] => self.remove_password(&parse_digits(digits)?),
                [b'(', rules @ .., b')'] => self.add_selector(rules, commands),
                _ => match self.selectors.first_mut() {
                    Some(own) => own.apply(rule, commands),
                    None => Err(RuleError::Syntax),
                },
            };
        }
        Ok(())
    }

    fn add_password(&mut self, digits: Digits) {
        if !self.passwords.contains(&digits) {
            self.passwords.push(digits);
        }
        self.needs_no_password = false;
    }

    fn remove_password(&mut self, digits: &Digits) -> Result<(), RuleError> {
        let place = self.passwords.iter().position(|known| known == digits);
        self.passwords.remove(place.ok_or(RuleError::NoSuchPassword)?);
        Ok(())
    }

    fn add_selector(&mut self, rules: &[u8], commands: &Commands) -> Result<(), RuleError> {
        let mut selector = Selector::new(self.allows_all_channels);
        // Quotes that do not end leave no rule.
        for rule in config::words::split(rules).unwrap_or_default() {
            selector.apply(rule.as_bytes(), commands)?;
        }
        self.selectors.push(selector);
        Ok(())
    }

    /// Says which channels selectors to come allow: `acl-pubsub-default`.
    pub(super) fn set_channel_default(&mut self, allows_all_channels: bool) {
        self.allows_all_channels = allows_all_channels;
    }

    /// Whether it may make all calls of a command, whatever their words are.
    pub(super) fn allows_always(&self, callable: &Callable) -> bool {
        self.selectors.iter().any(|selector| selector.allows_always(callable))
    }

    /// Whether it may make a call with this only key. `matched` is where a pattern allowed a key before, and says where one does now.
    pub(super) fn allows_one_key(
        &self,
        callable: &Callable,
        words: Words<'_>,
        key: KeyPosition,
        matched: &mut usize,
    ) -> bool {
        let allows = |selector: &Selector| selector.allows_one_key(callable, words, key, matched);
        self.selectors.iter().any(allows)
    }

    /// Whether a password is right. All are compared, whichever is.
    pub(super) fn accepts(&self, password: &[u8]) -> bool {
        let given = digest(password);
        let found = self
            .passwords
            .iter()
            .fold(Choice::from(0), |found, known| found | known.as_slice().ct_eq(given.as_slice()));
        self.is_enabled && (self.needs_no_password || bool::from(found))
    }

    /// Whether it may make a call; if not, the reason that most rules leave.
    pub(super) fn check(&self, callable: &Callable, words: Words<'_>) -> Result<(), Denied> {
        let mut relevant: Option<Denied> = None;
        for selector in &self.selectors {
            match selector.check(callable, words) {
                Ok(()) => return Ok(()),
                Err(denied) => relevant = relevant.max(Some(denied)),
            }
        }
        relevant.map_or(Ok(()), Err)
    }

    /// Whether it may listen to what it has subscribed to.
    pub(super) fn allows_channel(&self, channel: &[u8], kind: Kind) -> bool {
        self.selectors.iter().any(|selector| selector.allows_channel(channel, kind))
    }

    /// Its selectors, its own first.
    pub(crate) fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// The digests of its passwords.
    pub(crate) fn passwords(&self) -> &[Digits] {
        &self.passwords
    }

    /// What else is set, as it is shown.
    pub(crate) fn flags(&self) -> impl Iterator<Item = &'static str> {
        let flags = [
            (self.is_enabled, "on"),
            (!self.is_enabled, "off"),
            (self.needs_no_password, "nopass"),
            (!self.checks_payloads, "skip-sanitize-payload"),
            (self.checks_payloads, "sanitize-payload"),
        ];
        flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name)
    }

    /// All rules in one line, which makes the same user again.
    pub(crate) fn describe(&self) -> Vec<u8> {
        let mut parts: Vec<Vec<u8>> = self.flags().map(|flag| flag.as_bytes().to_vec()).collect();
        parts.extend(self.passwords.iter().map(|digits| [b"#", digits.as_slice()].concat()));
        for (place, selector) in self.selectors.iter().enumerate() {
            let rules = selector.describe();
            parts.push(if place == 0 { rules } else { [b"(", &*rules, b")"].concat() });
        }
        parts.join(&b' ')
    }
}

fn digest(password: &[u8]) -> Digits {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 64];
    let bytes = Sha256::digest(password);
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    for (digit, half) in digits.iter_mut().zip(halves) {
        *digit = DIGITS[usize::from(half)];
    }
    digits
}

fn parse_digits(digits: &[u8]) -> Result<Digits, RuleError> {
    let is_digit = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    let digits: Digits = digits.try_into().map_err(|_| RuleError::BadHash)?;
    if digits.iter().all(is_digit) { Ok(digits) } else { Err(RuleError::BadHash) }
}
