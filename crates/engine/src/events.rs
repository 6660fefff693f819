//! The names by which changes of keys are told: keyspace notifications.

/// A kind of change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// The class that `notify-keyspace-events` selects it by.
    pub class: Class,
    /// Its name.
    pub name: &'static str,
    /// Whether WATCH sees it.
    watched: bool,
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
    /// `s`: sets.
    Set,
    /// `h`: hashes.
    Hash,
    /// `z`: sorted sets.
    SortedSet,
    /// `t`: streams.
    Stream,
    /// `x`: keys that have expired.
    Expired,
    /// `e`: keys that were evicted.
    Evicted,
    /// None: no notification.
    Silent,
    /// `n`: keys that were not there before.
    New,
    /// `m`: reads of keys that are not there.
    Miss,
}

/// A string was set.
pub const SET: Event = Event::new(Class::String, "set");
/// A part of a string was overwritten.
pub const SET_RANGE: Event = Event::new(Class::String, "setrange");
/// A string was extended.
pub const APPEND: Event = Event::new(Class::String, "append");
/// Bits of a string were changed.
pub const SET_BIT: Event = Event::new(Class::String, "setbit");
/// Elements were added to a `HyperLogLog`.
pub const ADD_TO_HYPER_LOG_LOG: Event = Event::new(Class::String, "pfadd");
/// Something was noted in a value that means the same as before: whoever watches it has to know, listeners are not told.
pub const NOTED: Event = Event::new(Class::Silent, "");
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
/// Places found near another were stored.
pub const GEO_SEARCH_STORE: Event = Event::new(Class::SortedSet, "geosearchstore");
/// Places found near another were stored, by an older command.
pub const GEO_RADIUS_STORE: Event = Event::new(Class::SortedSet, "georadiusstore");
/// What was sorted was stored as a list.
pub const SORT_STORE: Event = Event::new(Class::List, "sortstore");
/// Members were added to a set.
pub const SET_ADD: Event = Event::new(Class::Set, "sadd");
/// Members were removed from a set.
pub const SET_REMOVE: Event = Event::new(Class::Set, "srem");
/// Random members were taken out of a set.
pub const SET_POP: Event = Event::new(Class::Set, "spop");
/// An intersection was stored as a set.
pub const SET_STORE_INTERSECTION: Event = Event::new(Class::Set, "sinterstore");
/// A union was stored as a set.
pub const SET_STORE_UNION: Event = Event::new(Class::Set, "sunionstore");
/// A difference was stored as a set.
pub const SET_STORE_DIFFERENCE: Event = Event::new(Class::Set, "sdiffstore");
/// An entry was added to a stream.
pub const STREAM_ADD: Event = Event::new(Class::Stream, "xadd");
/// Entries of a stream were deleted.
pub const STREAM_DELETE: Event = Event::new(Class::Stream, "xdel");
/// Entries were removed at the front of a stream.
pub const STREAM_TRIM: Event = Event::new(Class::Stream, "xtrim");
/// A stream was told its last ID.
pub const STREAM_SET_ID: Event = Event::of_groups("xsetid");
/// A stream came to be with its first group.
pub const STREAM_CREATE: Event = Event::new(Class::Stream, "xgroup-create");
/// A stream got a group.
pub const GROUP_CREATE: Event = Event::of_groups("xgroup-create");
/// A group was told how far it has read.
pub const GROUP_SET_ID: Event = Event::of_groups("xgroup-setid");
/// A stream lost a group.
pub const GROUP_DESTROY: Event = Event::of_groups("xgroup-destroy");
/// A group got a consumer.
pub const CONSUMER_CREATE: Event = Event::of_groups("xgroup-createconsumer");
/// A group lost a consumer.
pub const CONSUMER_DELETE: Event = Event::of_groups("xgroup-delconsumer");
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
/// A key was made of what DUMP gave.
pub const RESTORE: Event = Event::new(Class::Generic, "restore");
/// A key was made as a copy.
pub const COPY_TO: Event = Event::new(Class::Generic, "copy_to");
/// A key was removed because it had expired.
pub const EXPIRED: Event = Event::new(Class::Expired, "expired");
/// A key was removed to make room.
pub const EVICTED: Event = Event::new(Class::Evicted, "evicted");
/// A key was added.
pub const NEW: Event = Event::new(Class::New, "new");
/// A key that is not there was read.
pub const KEY_MISS: Event = Event::new(Class::Miss, "keymiss");

impl Class {
    /// The letter that `notify-keyspace-events` has for it; one that it never has for what is not told of.
    pub fn letter(self) -> u8 {
        match self {
            Class::Generic => b'g',
            Class::String => b'$',
            Class::List => b'l',
            Class::Set => b's',
            Class::Hash => b'h',
            Class::SortedSet => b'z',
            Class::Stream => b't',
            Class::Expired => b'x',
            Class::Evicted => b'e',
            Class::New => b'n',
            Class::Miss => b'm',
            Class::Silent => b'\0',
        }
    }
}

impl Event {
    const fn new(class: Class, name: &'static str) -> Event {
        // A key that is new is told of by another event, too.
        let watched = !matches!(class, Class::New | Class::Miss);
        Event { class, name, watched }
    }

    /// What only concerns groups of a stream is not seen by those who watch it.
    const fn of_groups(name: &'static str) -> Event {
        Event { class: Class::Stream, name, watched: false }
    }

    /// Whether a key is another one after it, for those who watch it.
    pub(crate) fn is_change(self) -> bool {
        self.watched
    }
}
