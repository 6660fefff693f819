//! The names by which changes of keys are told: keyspace notifications.

/// A kind of change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// The class that `notify-keyspace-events` selects it by.
    pub class: Class,
    /// Its name.
    pub name: &'static str,
}

/// Classes of events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// `g`: keys, whatever their type.
    Generic,
    /// `$`: strings.
    String,
    /// `l`: lists.
    List,
    /// `h`: hashes.
    Hash,
    /// `z`: sorted sets.
    SortedSet,
    /// `x`: keys that have expired.
    Expired,
    /// `e`: keys that were evicted.
    Evicted,
}

/// A string was set.
pub const SET: Event = Event::new(Class::String, "set");
/// A part of a string was overwritten.
pub const SET_RANGE: Event = Event::new(Class::String, "setrange");
/// A string was extended.
pub const APPEND: Event = Event::new(Class::String, "append");
/// Bits of a string were changed.
pub const SET_BIT: Event = Event::new(Class::String, "setbit");
/// An integer was added to.
pub const INCREMENT: Event = Event::new(Class::String, "incrby");
/// A float was added to.
pub const INCREMENT_FLOAT: Event = Event::new(Class::String, "incrbyfloat");
/// Elements were added at the head of a list.
pub const LIST_PUSH_HEAD: Event = Event::new(Class::List, "lpush");
/// Elements were added at the tail of a list.
pub const LIST_PUSH_TAIL: Event = Event::new(Class::List, "rpush");
/// Elements were taken from the head of a list.
pub const LIST_POP_HEAD: Event = Event::new(Class::List, "lpop");
/// Elements were taken from the tail of a list.
pub const LIST_POP_TAIL: Event = Event::new(Class::List, "rpop");
/// An element was added within a list.
pub const LIST_INSERT: Event = Event::new(Class::List, "linsert");
/// An element of a list was replaced.
pub const LIST_SET: Event = Event::new(Class::List, "lset");
/// Elements of a list that are equal to one were removed.
pub const LIST_REMOVE: Event = Event::new(Class::List, "lrem");
/// A list was cut to a part of it.
pub const LIST_TRIM: Event = Event::new(Class::List, "ltrim");
/// Fields of a hash were set.
pub const HASH_SET: Event = Event::new(Class::Hash, "hset");
/// Fields of a hash were removed.
pub const HASH_DELETE: Event = Event::new(Class::Hash, "hdel");
/// An integer in a hash was added to.
pub const HASH_INCREMENT: Event = Event::new(Class::Hash, "hincrby");
/// A float in a hash was added to.
pub const HASH_INCREMENT_FLOAT: Event = Event::new(Class::Hash, "hincrbyfloat");
/// Fields of a hash were told when to expire.
pub const FIELDS_EXPIRE: Event = Event::new(Class::Hash, "hexpire");
/// Fields of a hash no longer expire.
pub const FIELDS_PERSIST: Event = Event::new(Class::Hash, "hpersist");
/// Fields of a hash were removed because they had expired.
pub const FIELDS_EXPIRED: Event = Event::new(Class::Hash, "hexpired");
/// Members of a sorted set were added, or got other scores.
pub const SORTED_SET_ADD: Event = Event::new(Class::SortedSet, "zadd");
/// The score of a member of a sorted set was added to.
pub const SORTED_SET_INCREMENT: Event = Event::new(Class::SortedSet, "zincr");
/// Members of a sorted set were taken out.
pub const SORTED_SET_REMOVE: Event = Event::new(Class::SortedSet, "zrem");
/// Members of a sorted set were taken out by rank.
pub const SORTED_SET_REMOVE_BY_RANK: Event = Event::new(Class::SortedSet, "zremrangebyrank");
/// Members of a sorted set were taken out by score.
pub const SORTED_SET_REMOVE_BY_SCORE: Event = Event::new(Class::SortedSet, "zremrangebyscore");
/// Members of a sorted set were taken out by themselves.
pub const SORTED_SET_REMOVE_BY_LEX: Event = Event::new(Class::SortedSet, "zremrangebylex");
/// The first members of a sorted set were taken out.
pub const SORTED_SET_POP_MIN: Event = Event::new(Class::SortedSet, "zpopmin");
/// The last members of a sorted set were taken out.
pub const SORTED_SET_POP_MAX: Event = Event::new(Class::SortedSet, "zpopmax");
/// A range of a sorted set was stored as another one.
pub const SORTED_SET_STORE_RANGE: Event = Event::new(Class::SortedSet, "zrangestore");
/// A union was stored as a sorted set.
pub const SORTED_SET_STORE_UNION: Event = Event::new(Class::SortedSet, "zunionstore");
/// An intersection was stored as a sorted set.
pub const SORTED_SET_STORE_INTERSECTION: Event = Event::new(Class::SortedSet, "zinterstore");
/// A difference was stored as a sorted set.
pub const SORTED_SET_STORE_DIFFERENCE: Event = Event::new(Class::SortedSet, "zdiffstore");
/// A key was removed.
pub const DELETE: Event = Event::new(Class::Generic, "del");
/// A key was told when to expire.
pub const EXPIRE: Event = Event::new(Class::Generic, "expire");
/// A key no longer expires.
pub const PERSIST: Event = Event::new(Class::Generic, "persist");
/// A key got another name.
pub const RENAME_FROM: Event = Event::new(Class::Generic, "rename_from");
/// Another key got this name.
pub const RENAME_TO: Event = Event::new(Class::Generic, "rename_to");
/// A key left for another database.
pub const MOVE_FROM: Event = Event::new(Class::Generic, "move_from");
/// A key came from another database.
pub const MOVE_TO: Event = Event::new(Class::Generic, "move_to");
/// A key was made as a copy.
pub const COPY_TO: Event = Event::new(Class::Generic, "copy_to");
/// A key was removed because it had expired.
pub const EXPIRED: Event = Event::new(Class::Expired, "expired");
/// A key was removed to make room.
pub const EVICTED: Event = Event::new(Class::Evicted, "evicted");

impl Event {
    const fn new(class: Class, name: &'static str) -> Event {
        Event { class, name }
    }
}
