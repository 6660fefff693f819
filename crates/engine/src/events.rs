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
/// An integer was added to.
pub const INCREMENT: Event = Event::new(Class::String, "incrby");
/// A float was added to.
pub const INCREMENT_FLOAT: Event = Event::new(Class::String, "incrbyfloat");
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
