//! The section of INFO about keys that are called often or take much memory.

use super::{Facts, Fields};

/// Nothing that a key's name may hold ends the line, or the value.
fn shown(key: &[u8]) -> String {
    key.escape_ascii().to_string().replace(',', "\\x2c")
}

pub(super) fn section(facts: &Facts<'_>, fields: &mut Fields) {
    let (keys, now_ms) = (&facts.engine.hot_keys, facts.now_us.div_euclid(1000));
    fields.put("hotkeys_tracking", u8::from(facts.config.latency.hot_keys));
    for (name, writes) in [("hot_read", false), ("hot_write", true)] {
        for (number, hot) in keys.hottest(writes, now_ms).into_iter().enumerate() {
            fields.line(format_args!(
                "{name}_{number}:db={},key={},calls_per_sec={}",
                hot.database,
                shown(&hot.key),
                hot.rounded()
            ));
        }
    }
    for (number, big) in keys.biggest().into_iter().enumerate() {
        fields.line(format_args!(
            "big_{number}:db={},key={},type={},bytes={}",
            big.database,
            shown(&big.key),
            big.kind,
            big.bytes
        ));
    }
}
