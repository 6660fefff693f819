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
    /// `t`: streams.
    Stream,
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
/// An entry was added to a stream.
pub const STREAM_ADD: Event = Event::new(Class::Stream, "xadd");
/// Entries of a stream were deleted.
pub const STREAM_DELETE: Event = Event::new(Class::Stream, "xdel");
/// Entries were removed at the front of a stream.
pub const STREAM_TRIM: Event = Event::new(Class::Stream, "xtrim");
/// A stream was told its last ID.
pub const STREAM_SET_ID: Event = Event::new(Class::Stream, "xsetid");
/// A stream got a group.
pub const GROUP_CREATE: Event = Event::new(Class::Stream, "xgroup-create");
/// A group was told how far it has read.
pub const GROUP_SET_ID: Event = Event::new(Class::Stream, "xgroup-setid");
/// A stream lost a group.
pub const GROUP_DESTROY: Event = Event::new(Class::Stream, "xgroup-destroy");
/// A group got a consumer.
pub const CONSUMER_CREATE: Event = Event::new(Class::Stream, "xgroup-createconsumer");
/// A group lost a consumer.
pub const CONSUMER_DELETE: Event = Event::new(Class::Stream, "xgroup-delconsumer");
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
