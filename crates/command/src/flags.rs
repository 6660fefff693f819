//! Properties of a command that the executor acts on, as one word of bits.
//!
//! Sets are combined in constants with [`Flags::and`]. Some flags steer this server alone and are
//! never shown to a client; [`Flags::names`] yields the visible ones, in the order in which clients of
//! COMMAND INFO are used to see them.

/// A set of properties of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(u32);

impl Flags {
    /// The empty set.
    pub const NONE: Flags = Flags(0);
    /// May change the keyspace.
    pub const WRITE: Flags = Flags(1);
    /// Reads values of keys, and changes none.
    pub const READ_ONLY: Flags = Flags(1 << 1);
    /// May use more memory: refused while the memory limit is exceeded.
    pub const DENY_OOM: Flags = Flags(1 << 2);
    /// Came with a module.
    pub const MODULE: Flags = Flags(1 << 3);
    /// For administrators: not shown to MONITOR, and in the categories `admin` and `dangerous`.
    pub const ADMIN: Flags = Flags(1 << 4);
    /// About publishing and subscribing.
    pub const PUB_SUB: Flags = Flags(1 << 5);
    /// Refused in scripts.
    pub const NO_SCRIPT: Flags = Flags(1 << 6);
    /// May suspend its client.
    pub const BLOCKING: Flags = Flags(1 << 7);
    /// Allowed while a data set is being loaded.
    pub const LOADING: Flags = Flags(1 << 8);
    /// Allowed on a replica that has lost its primary and must not serve stale data.
    pub const STALE: Flags = Flags(1 << 9);
    /// Not shown to MONITOR.
    pub const SKIP_MONITOR: Flags = Flags(1 << 10);
    /// Never in the slow log.
    pub const SKIP_SLOW_LOG: Flags = Flags(1 << 11);
    /// Allowed on a slot that is being imported, as if ASKING had preceded it.
    pub const ASKING: Flags = Flags(1 << 12);
    /// Takes constant or logarithmic time.
    pub const FAST: Flags = Flags(1 << 13);
    /// Allowed before the client has authenticated.
    pub const NO_AUTH: Flags = Flags(1 << 14);
    /// Has an effect that replicas must see although it changes no key (PUBLISH, EVAL). Not shown.
    pub const MAY_REPLICATE: Flags = Flags(1 << 15);
    /// Has key specs, and may still be called without a key.
    pub const NO_MANDATORY_KEYS: Flags = Flags(1 << 16);
    /// Refused unless the configuration or the kind of connection allows it (DEBUG). Not shown.
    pub const PROTECTED: Flags = Flags(1 << 17);
    /// Refused while a replica loads a data set beside the one it serves.
    pub const NO_ASYNC_LOADING: Flags = Flags(1 << 18);
    /// Refused in a transaction.
    pub const NO_MULTI: Flags = Flags(1 << 19);
    /// Has keys that no first, last and step can describe. Derived from the key specs; declared only
    /// where they don't tell.
    pub const MOVABLE_KEYS: Flags = Flags(1 << 20);
    /// Allowed while a script runs for too long.
    pub const ALLOW_BUSY: Flags = Flags(1 << 21);
    /// May touch keys that it does not name (SCAN, FLUSHALL, RANDOMKEY). Not shown.
    pub const TOUCHES_ARBITRARY_KEYS: Flags = Flags(1 << 22);
    /// Exists in Sentinel as well. Not shown.
    pub const SENTINEL: Flags = Flags(1 << 23);
    /// Exists in Sentinel only. Not shown.
    pub const ONLY_SENTINEL: Flags = Flags(1 << 24);

    /// Executed at once in a transaction, not queued. Not shown.
    pub const UNQUEUED: Flags = Flags(1 << 25);

    /// Answers with pushes, which are sent even to a client that wants no replies. Not shown.
    pub const PUSHES: Flags = Flags(1 << 26);
    /// Allowed while the client is subscribed, in the protocol in which replies and messages look alike. Not shown.
    pub const WHILE_SUBSCRIBED: Flags = Flags(1 << 27);
    /// Sends a message to subscribers. Not shown.
    pub const PUBLISHES: Flags = Flags(1 << 28);

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// This set without what is in `other`.
    #[must_use]
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }

    /// Whether all of `other` is in this set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in this set.
    pub const fn has_any(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether nothing is in this set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of the flags that clients get to see, in their order.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        VISIBLE.iter().filter(move |&&(flag, _)| self.has(flag)).map(|&(_, name)| name)
    }

    /// The flag of a name, as [`Flags::names`] writes it.
    pub fn named(name: &str) -> Option<Flags> {
        VISIBLE.iter().find(|&&(_, visible)| visible == name).map(|&(flag, _)| flag)
    }
}

impl std::ops::BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        self.and(other)
    }
}

/// The order is what clients see, and is not that of the bits.
const VISIBLE: &[(Flags, &str)] = &[
    (Flags::WRITE, "write"),
    (Flags::READ_ONLY, "readonly"),
    (Flags::DENY_OOM, "denyoom"),
    (Flags::MODULE, "module"),
    (Flags::ADMIN, "admin"),
    (Flags::PUB_SUB, "pubsub"),
    (Flags::NO_SCRIPT, "noscript"),
    (Flags::BLOCKING, "blocking"),
    (Flags::LOADING, "loading"),
    (Flags::STALE, "stale"),
    (Flags::SKIP_MONITOR, "skip_monitor"),
    (Flags::SKIP_SLOW_LOG, "skip_slowlog"),
    (Flags::ASKING, "asking"),
    (Flags::FAST, "fast"),
    (Flags::NO_AUTH, "no_auth"),
    (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (Flags::NO_ASYNC_LOADING, "no_async_loading"),
    (Flags::NO_MULTI, "no_multi"),
    (Flags::MOVABLE_KEYS, "movablekeys"),
    (Flags::ALLOW_BUSY, "allow_busy"),
];
