//! Bytes from outside are refused, or they are what is behind the head of an RDB file, with values that can be written, read
//! again as the same, and changed. The first byte says the version.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use persistence::rdb::file::{
    FileWriter, LoadedKey, LoadedValue, Modules, Refusal, Settings, Sink, read_file,
};
use persistence::rdb::value::{Care, Value, ValueRef};
use persistence::rdb::Version;

#[path = "../values.rs"]
mod values;

/// Writes all that it is given to another file.
struct Copy(FileWriter<Vec<u8>>);

impl Sink for Copy {
    fn auxiliary(&mut self, _: &[u8], _: &[u8]) -> Result<(), Refusal> {
        Ok(())
    }

    fn database(&mut self, number: u64) -> Result<(), Refusal> {
        self.0.select_database(number, 0, 0).expect("there is memory");
        Ok(())
    }

    fn sizes(&mut self, _: u64, _: u64) {}

    fn function(&mut self, code: Vec<u8>) -> Result<(), Refusal> {
        self.0.function(&code).expect("there is memory");
        Ok(())
    }

    fn key(&mut self, key: LoadedKey<'_>) -> Result<(), Refusal> {
        let value = match &key.value {
            LoadedValue::String(string) => ValueRef::Bytes(string),
            LoadedValue::Object(object) => ValueRef::Object(object.to_ref()),
            LoadedValue::Empty | LoadedValue::Module { .. } => return Ok(()),
        };
        self.0.key(key.key, key.expiry_ms, key.eviction, value).expect("there is memory");
        if let LoadedValue::Object(object) = key.value {
            values::try_all(Value::Object(object));
        }
        Ok(())
    }
}

fn copy(reader: impl Read, modules: Modules) -> Option<Vec<u8>> {
    let file = FileWriter::begin(Vec::new(), Version::REDIS_7_4, true, true, &[]);
    let mut copy = Copy(file.expect("there is memory"));
    let settings = Settings { checksum: false, modules, care: Care::Shallow };
    read_file(reader, settings, &values::LIMITS, &mut copy).ok()?;
    Some(copy.0.finish().expect("there is memory"))
}

fuzz_target!(|input: &[u8]| {
    let Some((version, body)) = input.split_first() else { return };
    let head = match version {
        0..13 => format!("REDIS{version:04}"),
        _ => "VALKEY080".to_owned(),
    };
    let file = [head.as_bytes(), body].concat();
    let modules = if version % 2 == 0 { Modules::Skipped } else { Modules::Refused };
    if let Some(written) = copy(file.as_slice(), modules) {
        let again = copy(written.as_slice(), Modules::Refused).expect("what was written is read");
        assert_eq!(again.len(), written.len());
    }
});
