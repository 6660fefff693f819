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
    /// `x`: keys that have expired.
    Expired,
    /// `e`: keys that were evicted.
    Evicted,
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
/// An integer was added to.
pub const INCREMENT: Event = Event::new(Class::String, "incrby");
/// A float was added to.
pub const INCREMENT_FLOAT: Event = Event::new(Class::String, "incrbyfloat");
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
/// A key was added.
pub const NEW: Event = Event::new(Class::New, "new");
/// A key that is not there was read.
pub const KEY_MISS: Event = Event::new(Class::Miss, "keymiss");

impl Class {
    /// Whether a key is another one after it.
    pub(crate) fn is_change(self) -> bool {
        // One that is new is told of by another event, too.
        !matches!(self, Class::New | Class::Miss)
    }
}

impl Event {
    const fn new(class: Class, name: &'static str) -> Event {
        Event { class, name }
    }
}
