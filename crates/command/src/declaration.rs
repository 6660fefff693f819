//! What a command declares about itself.
//!
//! A [`Command`] is plain constant data beside the function that runs it. Everything else that speaks
//! of commands reads it and adds nothing of its own: dispatch, the arity error, COMMAND INFO, DOCS and
//! GETKEYS, ACL rules, cluster routing, hints, the reference page.
//!
//! ```
//! use ochre_command::{Command, Flags, Group, KeySpec, argument::{key, string}};
//!
//! type Handler = for<'a> fn(&'a [&'a [u8]]) -> &'a [u8];
//!
//! static GET: Command<Handler> = Command {
//!     summary: "Returns the string at a key.",
//!     flags: Flags::READ_ONLY.and(Flags::FAST),
//!     keys: &[KeySpec::read_only(1).accesses()],
//!     arguments: &[key("key")],
//!     ..Command::new("GET", Group::String, "1.0.0", get)
//! };
//!
//! fn get<'a>(words: &'a [&'a [u8]]) -> &'a [u8] {
//!     words[1]
//! }
//!
//! assert_eq!(GET.arity(), 2);
//! ```
//!
//! What can be computed is not declared: the arity follows from the arguments, most ACL categories
//! follow from the flags and the group, `movablekeys` follows from the key specs. The few commands
//! where Redis disagrees say so.

use crate::acl::Categories;
use crate::argument::Argument;
use crate::flags::Flags;
use crate::key_spec::{KeySpec, LegacyRange};
use crate::keys::KeyFinder;

/// One command or subcommand. `H` is what runs it: for the engine a function pointer.
#[derive(Debug)]
pub struct Command<H: 'static> {
    /// The name in capitals. That of a subcommand has its container's in front: `CONFIG|GET`.
    pub name: &'static str,
    /// The same in lower case, as replies and statistics show it: `config|get`.
    pub lower_name: LowerName,
    /// The chapter of the reference that it belongs to.
    pub group: Group,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// How its time grows; empty to say nothing.
    pub complexity: &'static str,
    /// What the executor has to know.
    pub flags: Flags,
    /// ACL categories beyond those that the flags and the group imply.
    pub categories: Categories,
    /// Whether the group implies a category, as for all but a few commands.
    pub in_group_category: bool,
    /// Where the keys are.
    pub keys: &'static [KeySpec],
    /// Finds the keys where `keys` alone cannot.
    pub key_finder: Option<KeyFinder>,
    /// What a call looks up in the value of its only key.
    pub sought: Sought,
    /// The grammar of what follows the name.
    pub arguments: &'static [Argument],
    /// The arity, where the grammar yields another than Redis has.
    pub arity_override: Option<i32>,
    /// Version and what changed in it.
    pub history: &'static [(&'static str, &'static str)],
    /// Hints for clients and proxies, such as `request_policy:all_shards`.
    pub tips: &'static [&'static str],
    /// The version from which on something else should be used.
    pub deprecated_since: Option<&'static str>,
    /// What should be used instead, as in "`SET` with the `EX` argument".
    pub replaced_by: Option<&'static str>,
    /// For the servers' own use, not for applications.
    pub internal: bool,
    /// What a container contains.
    pub subcommands: &'static [&'static Command<H>],
    /// What runs it; none in a container that means nothing without a subcommand.
    pub run: Option<H>,
}

impl<H> Command<H> {
    /// The part that no command can leave out; the rest is filled in with struct update syntax.
    pub const fn new(name: &'static str, group: Group, since: &'static str, run: H) -> Command<H> {
        Command::bare(name, group, since, Some(run), &[])
    }

    /// A command that does nothing itself: its next word names one of `subcommands`.
    pub const fn container(
        name: &'static str,
        group: Group,
        since: &'static str,
        subcommands: &'static [&'static Command<H>],
    ) -> Command<H> {
        Command::bare(name, group, since, None, subcommands)
    }

    const fn bare(
        name: &'static str,
        group: Group,
        since: &'static str,
        run: Option<H>,
        subcommands: &'static [&'static Command<H>],
    ) -> Command<H> {
        assert!(name.len() <= LowerName::LIMIT, "the name of a command is too long");
        let (complexity, arity_override) = if subcommands.is_empty() {
            ("O(1)", None)
        } else {
            ("Depends on subcommand.", Some(-2))
        };
        Command {
            name,
            lower_name: LowerName::new(name),
            group,
            since,
            summary: "",
            complexity,
            flags: Flags::NONE,
            categories: Categories::NONE,
            in_group_category: true,
            keys: &[],
            key_finder: None,
            sought: Sought::Nothing,
            arguments: &[],
            arity_override,
            history: &[],
            tips: &[],
            deprecated_since: None,
            replaced_by: None,
            internal: false,
            subcommands,
            run,
        }
    }

    /// Whether its next word names a subcommand.
    pub const fn is_container(&self) -> bool {
        !self.subcommands.is_empty()
    }

    /// The flags: those that are declared, and those that follow.
    pub const fn all_flags(&self) -> Flags {
        if LegacyRange::of(self.keys).misses_some {
            self.flags.and(Flags::MOVABLE_KEYS)
        } else {
            self.flags
        }
    }

    /// The last part of the name: `GET` of `CONFIG|GET`.
    pub fn own_name(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, own)| own)
    }

    /// This command, and then all that it contains.
    pub fn with_subcommands(&'static self) -> impl Iterator<Item = &'static Command<H>> {
        std::iter::once(self).chain(self.subcommands.iter().copied())
    }
}

/// What a call looks up in the value of its only key, as far as the position of a word tells. Where many calls in a row look into one
/// big value, it is fetched from memory ahead of them; where a call is written in another way, this is wrong and does no harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sought {
    /// Nothing that it names.
    Nothing,
    /// The element that the word at this position names.
    Element(usize),
    /// That element, and its place in the order of all elements.
    Place(usize),
}

/// The chapter of the reference that a command belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Keys, whatever their type.
    Generic,
    /// Strings.
    String,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Hashes.
    Hash,
    /// Publishing and subscribing.
    PubSub,
    /// Transactions.
    Transactions,
    /// The connection itself.
    Connection,
    /// The server.
    Server,
    /// Scripts and functions.
    Scripting,
    /// `HyperLogLog`s.
    HyperLogLog,
    /// Cluster mode.
    Cluster,
    /// Sentinel.
    Sentinel,
    /// Places on earth.
    Geo,
    /// Streams.
    Stream,
    /// Bits of strings.
    Bitmap,
}

impl Group {
    /// Every group.
    pub const ALL: [Group; 17] = [
        Group::Generic,
        Group::String,
        Group::List,
        Group::Set,
        Group::SortedSet,
        Group::Hash,
        Group::PubSub,
        Group::Transactions,
        Group::Connection,
        Group::Server,
        Group::Scripting,
        Group::HyperLogLog,
        Group::Cluster,
        Group::Sentinel,
        Group::Geo,
        Group::Stream,
        Group::Bitmap,
    ];

    /// The name that COMMAND DOCS has for it.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Scripting => "scripting",
            Group::HyperLogLog => "hyperloglog",
            Group::Cluster => "cluster",
            Group::Sentinel => "sentinel",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Bitmap => "bitmap",
        }
    }
}

/// A command's name in lower case, without an allocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LowerName {
    bytes: [u8; LowerName::LIMIT],
    length: usize,
}

impl LowerName {
    /// Longer than any name; the longest of Redis has 29 bytes.
    pub const LIMIT: usize = 40;

    const fn new(name: &'static str) -> LowerName {
        let mut bytes = [0; LowerName::LIMIT];
        let (head, _) = bytes.split_at_mut(name.len());
        head.copy_from_slice(name.as_bytes());
        head.make_ascii_lowercase();
        LowerName { bytes, length: name.len() }
    }

    /// The name as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        // It was a `str`, and lowering ASCII letters leaves UTF-8 what it is.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl std::ops::Deref for LowerName {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl std::fmt::Display for LowerName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl std::fmt::Debug for LowerName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), formatter)
    }
}
