//! CONFIG SET: several directives at once, all or none.

use crate::Config;
use crate::directive::{Availability, Change, Directive, Occasion};
use crate::table::{Named, find};
use crate::text::Text;

/// What CONFIG SET has changed.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// The directives that were given, in their order, without those that were set to what they were before, unless
    /// they refer to something that may have changed.
    pub changed: Vec<&'static Directive>,
}

impl Applied {
    /// Whether the directive of that name was changed.
    pub fn has_changed(&self, name: &str) -> bool {
        self.changed.iter().any(|directive| directive.name == name)
    }
}

/// Why CONFIG SET changed nothing. It displays as the error reply without its code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// There is no such directive that could be set.
    #[error("Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(Text),
    /// A directive is not to be set like that.
    #[error("CONFIG SET failed (possibly related to argument '{name}') - {reason}")]
    Failed {
        /// The directive.
        name: Text,
        /// What is wrong.
        reason: String,
    },
}

/// What CONFIG SET is called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A client on this machine: through the Unix socket or the loopback address.
    Local,
    /// Any other client.
    Remote,
}

/// Sets several directives, each given by its name and value, or none of them.
///
/// The values are checked here; that they can be put into practice (a port is free, a file can be opened) is for the
/// caller to see to, who keeps the old `Config` until then.
pub fn set(
    config: &mut Config,
    settings: &[(&[u8], &[u8])],
    caller: Caller,
) -> Result<Applied, SetError> {
    let named = permitted(config, settings, caller)?;
    let mut next = config.clone();
    let mut applied = Applied::default();
    for (found, value) in named {
        let directive = found.directive;
        let failed = |reason| SetError::Failed { name: found.name.into(), reason };
        directive.set(&mut next, &[Text::from(value)], Occasion::Live).map_err(failed)?;
        if !directive.volatile && directive.print(config) == directive.print(&next) {
            continue;
        }
        if let Availability::NotBuilt { feature, .. } = directive.availability {
            return Err(failed(format!("{feature} is not built into this server yet")));
        }
        applied.changed.push(directive);
    }
    *config = next;
    Ok(applied)
}

/// Finds each directive and checks that this caller may set it now. The first fault in the order of the call counts.
fn permitted<'a>(
    config: &Config,
    settings: &[(&'a [u8], &'a [u8])],
    caller: Caller,
) -> Result<Vec<(Named, &'a [u8])>, SetError> {
    let mut named: Vec<(Named, &[u8])> = Vec::with_capacity(settings.len());
    for (name, value) in settings {
        let found = find(name).filter(|found| found.directive.change != Change::FileOnly);
        let found = found.ok_or_else(|| SetError::Unknown((*name).into()))?;
        let failed = |reason: &str| {
            Err(SetError::Failed { name: (*name).into(), reason: reason.to_owned() })
        };
        match found.directive.change {
            Change::Startup | Change::FileOnly => return failed("can't set immutable config"),
            Change::Protected
                if !config.security.protected_configs.allows(caller == Caller::Local) =>
            {
                return failed("can't set protected config");
            }
            Change::Protected | Change::Live => {}
        }
        if named.iter().any(|(before, _)| before.name == found.name) {
            return failed("duplicate parameter");
        }
        named.push((found, value));
    }
    Ok(named)
}
