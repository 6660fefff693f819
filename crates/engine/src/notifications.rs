//! Keyspace notifications: changes of keys, published on channels.
//!
//! Which classes of events are published, and whether on the key's channel, on the event's or on both, is said by
//! `notify-keyspace-events`.

use config::Config;
use config::notifications::EventClasses;

use crate::Engine;
use crate::pubsub::Space;
use crate::reactions::Touched;

/// Whether anything is published.
pub(crate) fn are_on(classes: EventClasses) -> bool {
    classes.contains(b'K') || classes.contains(b'E')
}

/// Publishes what happened to a key, if its class is.
pub(crate) fn publish(engine: &Engine, config: &Config, worker: usize, touched: &Touched) {
    let classes = config.notifications.events;
    if !are_on(classes) || !classes.contains(touched.event.class.letter()) {
        return;
    }
    let Touched { database, key, event } = touched;
    let publish = |channel: &[u8], message: &[u8]| {
        engine.pubsub.publish(&*engine.host, worker, Space::Channel, channel, message);
    };
    if classes.contains(b'K') {
        let channel = [format!("__keyspace@{database}__:").as_bytes(), key].concat();
        publish(&channel, event.name.as_bytes());
    }
    if classes.contains(b'E') {
        publish(format!("__keyevent@{database}__:{}", event.name).as_bytes(), key);
    }
}
