//! Who a client is: passwords.
//!
//! There is one user, `default`, whose password is `requirepass`; without one, any password is right. Passwords are compared with
//! the configuration of this moment, not with that of the round: a client that changes its password may use it at once.

use config::Config;
use resp::ReplyError;
use subtle::{Choice, ConstantTimeEq as _};

use crate::Engine;

/// The user that a client is before it says who it is.
const DEFAULT_USER: &[u8] = b"default";

const WRONG_PASSWORD: ReplyError =
    ReplyError::coded("WRONGPASS invalid username-password pair or user is disabled.");

impl Engine {
    /// Whether clients have to authenticate.
    pub fn asks_password(config: &Config) -> bool {
        !config.security.password.is_empty()
    }

    /// Whether a client that has told nothing yet may call all commands.
    pub fn trusts_newcomers(&self) -> bool {
        !Engine::asks_password(&self.config())
    }

    /// Whether there is a user of this name.
    pub(crate) fn has_user(&self, name: &[u8]) -> bool {
        let _ = self;
        name == DEFAULT_USER
    }

    /// Checks a password.
    pub(crate) fn authenticate(&self, user: &[u8], password: &[u8]) -> Result<(), ReplyError> {
        let config = self.config();
        let expected = config.security.password.as_bytes();
        let is_right = expected.is_empty() || is_same(password, expected);
        if self.has_user(user) && is_right { Ok(()) } else { Err(WRONG_PASSWORD) }
    }

    /// Checks a password of the user that clients are who name none.
    pub(crate) fn authenticate_by_password(&self, password: &[u8]) -> Result<(), ReplyError> {
        /// For clients that are configured with a password for a server that is not.
        const NONE_SET: ReplyError = ReplyError::message(
            "AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        );
        if self.trusts_newcomers() {
            return Err(NONE_SET);
        }
        self.authenticate(DEFAULT_USER, password)
    }
}

/// Compares in a time that depends on the length of `given` alone.
fn is_same(given: &[u8], expected: &[u8]) -> bool {
    let same_length = given.len() == expected.len();
    let other = if same_length { expected } else { given };
    bool::from(given.ct_eq(other) & Choice::from(u8::from(same_length)))
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn only_the_same_bytes_are_the_same() {
        assert!(is_same(b"secret", b"secret"));
        assert!(is_same(b"", b""));
        for other in [&b"secreT"[..], b"secre", b"secrets", b"", b"SECRET", b"secret\0"] {
            assert!(!is_same(other, b"secret"), "{}", other.escape_ascii());
            assert!(!is_same(b"secret", other), "{}", other.escape_ascii());
        }
    }
}
