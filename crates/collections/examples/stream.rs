//! How long adding, reading, acknowledging and trimming take in streams of growing length, and what an entry takes in memory.
//!
//! ```sh
//! cargo run --release -p ochre-collections --example stream
//! ```

#![expect(clippy::print_stdout, reason = "it is what the program is for")]
#![expect(clippy::cast_precision_loss, reason = "times and counts are far below 2^52")]

use std::hint::black_box;
use std::time::Instant;

use ochre_collections::stream::{Group, NodeLimits, Pending, StreamId, Threshold, Trim};
use ochre_collections::{Collection, Stream, list_pack};

const LIMITS: NodeLimits = NodeLimits { bytes: 4096, entries: 100 };

fn main() {
    println!("entries    add  deliver    ack  range10  delete   trim   ns each; bytes an entry");
    for exponent in 3..=6 {
        row(10_u64.pow(exponent));
    }
}

fn row(count: u64) {
    let mut stream = Stream::default();
    let add = each(count, |number| {
        let log = stream.log_mut();
        let _ = log.add(id(number), [&b"f"[..], b"v"].into_iter(), LIMITS);
    });
    let bytes = stream.to_ref().memory_bytes(0, &list_pack::allocation_size) as f64 / count as f64;

    let mut group = Group::default();
    let consumer = group.add_consumer(b"c", 0);
    stream.add_group(b"g", group);
    let deliver = each(count, |_| {
        let Some((log, group)) = stream.group_mut(b"g") else { return };
        for entry in log.not_delivered(group).take(1) {
            let id = entry.id();
            log.note_delivery(group, &entry);
            black_box(entry.fields().count());
            group.set_pending(id, Pending { consumer, delivered_ms: 0, deliveries: 1 });
        }
    });
    let acknowledge = each(count, |number| {
        if let Some((_, group)) = stream.group_mut(b"g") {
            black_box(group.acknowledge(id(number)));
        }
    });
    let range = each(count, |number| {
        let from = id(number.wrapping_mul(7919) % count);
        black_box(stream.log().range(from, StreamId::MAX).take(10).count());
    });
    let delete = each(count / 10, |number| {
        black_box(stream.log_mut().delete(id(number * 10)));
    });
    let trim = each(count, |number| {
        let to = Threshold::Len(count - number);
        black_box(stream.log_mut().trim(&Trim { to, approximate: true, limit: 0 }));
    });
    println!(
        "{count:>7} {add:>6.0} {deliver:>8.0} {acknowledge:>6.0} {range:>8.0} {delete:>7.0} {trim:>6.1}   {bytes:.1}"
    );
}

fn id(number: u64) -> StreamId {
    StreamId::new(1_700_000_000_000 + number / 4, number % 4)
}

fn each(count: u64, mut act: impl FnMut(u64)) -> f64 {
    let begin = Instant::now();
    (0..count).for_each(&mut act);
    begin.elapsed().as_nanos() as f64 / count.max(1) as f64
}
