//! How fast an RDB file is read: `load FILE [THREADS]` makes all values and drops them, on so many threads beside the one that
//! reads.

use std::fs::File;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ochre_persistence::rdb::file::{Batch, LoadedValue, Modules, Part, Settings, Splitter};
use ochre_persistence::rdb::value::{Care, Limits};

const LIMITS: Limits = Limits {
    list: collections::list::Limits { node_size: -2, compress_depth: 0 },
    set: collections::set::Limits { integers: 512, members: 128, member_bytes: 64 },
    hash: collections::hash::Limits { fields: 512, bytes: 64 },
    sorted_set: collections::sorted_set::Limits { entries: 128, value_bytes: 64 },
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("a file");
    let threads: usize = arguments.next().map_or(0, |count| count.parse().expect("a number"));
    let begin = Instant::now();
    let settings = Settings { checksum: true, modules: Modules::Refused, care: Care::Shallow };
    let file = File::open(path).expect("the file can be opened");
    let mut splitter = Splitter::new(file, settings).expect("a head");
    let (sender, receiver) = sync_channel::<Batch>(threads.max(1) * 4);
    let receiver = Arc::new(Mutex::new(receiver));
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new().spawn(move || decode_all(&receiver)).expect("a thread")
        })
        .collect();
    let mut keys = 0;
    while let Some(part) = splitter.next_part().expect("a whole file") {
        let Part::Records(batch) = part else { continue };
        match (threads, std::env::var_os("SPLIT_ONLY")) {
            (_, Some(_)) => {}
            (0, None) => keys += decode(&batch),
            _ => sender.send(batch).expect("somebody takes it"),
        }
    }
    drop(sender);
    let split = begin.elapsed();
    for worker in workers {
        keys += worker.join().expect("no panic");
    }
    let bytes = splitter.offset();
    report(keys, bytes, split.as_secs_f64(), begin.elapsed().as_secs_f64());
}

#[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "it is what is asked for")]
fn report(keys: u64, bytes: u64, split: f64, all: f64) {
    let rate = bytes as f64 / all / 1e6;
    println!("{keys} keys, {bytes} bytes: read in {split:.2} s, all in {all:.2} s, {rate:.0} MB/s");
}

fn decode_all(receiver: &Mutex<Receiver<Batch>>) -> u64 {
    let mut keys = 0;
    loop {
        let next = receiver.lock().expect("no panic").recv();
        match next {
            Ok(batch) => keys += decode(&batch),
            Err(_) => return keys,
        }
    }
}

fn decode(batch: &Batch) -> u64 {
    let mut kept = Vec::new();
    let tally = batch.decode(&LIMITS, &mut |key| {
        if let LoadedValue::Object(object) = key.value {
            kept.push(object);
        }
        Ok(())
    });
    tally.expect("whole records").keys
}
