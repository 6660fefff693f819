//! ACL categories: which a command belongs to.
//!
//! Nearly all follow from a command's flags and group; a declaration adds the rest with
//! [`Command::categories`](crate::Command::categories). The order of the bits is the order in which
//! ACL CAT and COMMAND INFO list them.

use crate::declaration::{Command, Group};
use crate::flags::Flags;

/// A set of ACL categories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Categories(u32);

impl Categories {
    /// The empty set.
    pub const NONE: Categories = Categories(0);
    /// Keys as such, whatever their type.
    pub const KEYSPACE: Categories = Categories(1);
    /// Reads values.
    pub const READ: Categories = Categories(1 << 1);
    /// Changes values.
    pub const WRITE: Categories = Categories(1 << 2);
    /// Sets.
    pub const SET: Categories = Categories(1 << 3);
    /// Sorted sets.
    pub const SORTED_SET: Categories = Categories(1 << 4);
    /// Lists.
    pub const LIST: Categories = Categories(1 << 5);
    /// Hashes.
    pub const HASH: Categories = Categories(1 << 6);
    /// Strings.
    pub const STRING: Categories = Categories(1 << 7);
    /// Bits of strings.
    pub const BITMAP: Categories = Categories(1 << 8);
    /// `HyperLogLog`s.
    pub const HYPER_LOG_LOG: Categories = Categories(1 << 9);
    /// Places on earth.
    pub const GEO: Categories = Categories(1 << 10);
    /// Streams.
    pub const STREAM: Categories = Categories(1 << 11);
    /// Publishing and subscribing.
    pub const PUB_SUB: Categories = Categories(1 << 12);
    /// For administrators.
    pub const ADMIN: Categories = Categories(1 << 13);
    /// Constant or logarithmic time.
    pub const FAST: Categories = Categories(1 << 14);
    /// All that is not fast.
    pub const SLOW: Categories = Categories(1 << 15);
    /// May suspend the client.
    pub const BLOCKING: Categories = Categories(1 << 16);
    /// Needs thought before it is used.
    pub const DANGEROUS: Categories = Categories(1 << 17);
    /// This and other connections.
    pub const CONNECTION: Categories = Categories(1 << 18);
    /// Transactions.
    pub const TRANSACTION: Categories = Categories(1 << 19);
    /// Scripts and functions.
    pub const SCRIPTING: Categories = Categories(1 << 20);

    /// How many categories there are.
    pub const COUNT: usize = NAMES.len();

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Categories) -> Categories {
        Categories(self.0 | other.0)
    }

    /// Whether all of `other` is in this set.
    pub const fn has(self, other: Categories) -> bool {
        self.0 & other.0 == other.0
    }

    /// `other` if `condition`, beside what is here.
    #[must_use]
    const fn and_if(self, condition: bool, other: Categories) -> Categories {
        if condition { self.and(other) } else { self }
    }

    /// The names of the categories, without the leading `@`, in their order.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        self.marked_names().filter_map(|name| name.strip_prefix('@'))
    }

    /// The names of the categories with the leading `@`, in their order.
    pub fn marked_names(self) -> impl Iterator<Item = &'static str> + Clone {
        let marked = NAMES.iter().zip(0_u32..);
        marked.filter(move |&(_, bit)| self.has(Categories(1 << bit))).map(|(&name, _)| name)
    }

    /// Every category with its name, without the leading `@`, in order.
    pub fn all() -> impl Iterator<Item = (Categories, &'static str)> + Clone {
        let marked = NAMES.iter().zip(0_u32..);
        marked.filter_map(|(name, bit)| Some((Categories(1 << bit), name.strip_prefix('@')?)))
    }

    /// The category of a name in any case, without the leading `@`.
    pub fn named(name: &[u8]) -> Option<Categories> {
        Categories::all()
            .find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name))
            .map(|(category, _)| category)
    }
}

impl<H> Command<H> {
    /// The ACL categories of this command: declared ones, and those that follow from flags and group.
    pub const fn acl_categories(&self) -> Categories {
        let flags = self.flags;
        let group = if self.is_container() || !self.in_group_category {
            Categories::NONE
        } else {
            self.group.category()
        };
        let stated = self.categories.and(group);
        let reads = flags.has(Flags::READ_ONLY) && !stated.has(Categories::SCRIPTING);
        let fast = flags.has(Flags::FAST);
        stated
            .and_if(flags.has(Flags::WRITE), Categories::WRITE)
            .and_if(reads, Categories::READ)
            .and_if(flags.has(Flags::ADMIN), Categories::ADMIN.and(Categories::DANGEROUS))
            .and_if(flags.has(Flags::PUB_SUB), Categories::PUB_SUB)
            .and_if(flags.has(Flags::BLOCKING), Categories::BLOCKING)
            .and_if(fast, Categories::FAST)
            .and_if(!fast, Categories::SLOW)
    }
}

impl Group {
    /// The category that the commands of a group belong to by that alone.
    const fn category(self) -> Categories {
        match self {
            Group::Generic => Categories::KEYSPACE,
            Group::String => Categories::STRING,
            Group::List => Categories::LIST,
            Group::Set => Categories::SET,
            Group::SortedSet => Categories::SORTED_SET,
            Group::Hash => Categories::HASH,
            Group::PubSub => Categories::PUB_SUB,
            Group::Transactions => Categories::TRANSACTION,
            Group::Connection => Categories::CONNECTION,
            Group::Scripting => Categories::SCRIPTING,
            Group::HyperLogLog => Categories::HYPER_LOG_LOG,
            Group::Geo => Categories::GEO,
            Group::Stream => Categories::STREAM,
            Group::Bitmap => Categories::BITMAP,
            Group::Server | Group::Cluster | Group::Sentinel => Categories::NONE,
        }
    }
}

const NAMES: [&str; 21] = [
    "@keyspace",
    "@read",
    "@write",
    "@set",
    "@sortedset",
    "@list",
    "@hash",
    "@string",
    "@bitmap",
    "@hyperloglog",
    "@geo",
    "@stream",
    "@pubsub",
    "@admin",
    "@fast",
    "@slow",
    "@blocking",
    "@dangerous",
    "@connection",
    "@transaction",
    "@scripting",
];

#[cfg(test)]
mod tests {
    use super::{Categories, Command, Flags, Group};

    #[test]
    fn every_category_has_one_name() {
        for (category, name) in Categories::all() {
            assert_eq!(category.names().collect::<Vec<_>>(), [name]);
            assert_eq!(Categories::named(name.to_uppercase().as_bytes()), Some(category));
        }
        assert_eq!(Categories::all().count(), Categories::COUNT);
        assert_eq!(Categories::named(b"@read"), None);
        assert_eq!(Categories::named(b""), None);
    }

    #[test]
    fn a_script_that_only_reads_is_not_in_the_category_of_reads() {
        let script = Command {
            flags: Flags::READ_ONLY,
            ..Command::new("EVAL_RO", Group::Scripting, "7.0.0", ())
        };
        let names: Vec<_> = script.acl_categories().marked_names().collect();
        assert_eq!(names, ["@slow", "@scripting"]);
    }
}
