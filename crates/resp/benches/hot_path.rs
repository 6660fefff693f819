//! What one request and one reply cost: `cargo bench -p ochre-resp`.

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ochre_resp::{Batch, Output, Protocol, Reply, RequestLimits, RequestParser};

fn main() -> std::io::Result<()> {
    let set = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000042\r\n$64\r\n\
        0123456789012345678901234567890123456789012345678901234567890123\r\n";
    let get = b"*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000042\r\n";
    let long =
        [b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\n".as_slice(), &[b'x'; 1000], b"\r\n"].concat();
    parse("parse SET, 16 deep", &set.repeat(16), 16)?;
    parse("parse GET, 64 deep", &get.repeat(64), 64)?;
    parse("parse SET, alone", set, 1)?;
    parse("parse SET of 1000 bytes, 16 deep", &long.repeat(16), 16)?;
    parse("parse inline PING, alone", b"PING\r\n", 1)?;
    parse("parse MSET of 2000 words", &mset(1000), 1)?;

    let value = [b'x'; 64];
    reply("reply a string of 64 bytes", |reply| reply.bulk(black_box(&value)))?;
    reply("reply OK", |reply| {
        reply.ok();
    })?;
    reply("reply an integer", |reply| reply.integer(black_box(7)))?;
    reply("reply a big integer", |reply| reply.integer(black_box(1_234_567)))?;
    reply("reply null", |reply| {
        reply.null();
    })?;
    reply("reply a double", |reply| reply.double(black_box(2.345_678_901_234_567)))?;
    reply("reply a whole double", |reply| reply.double(black_box(42.0)))?;
    let shared = Arc::new(vec![b'x'; 20_000]);
    reply("reply 20000 bytes shared", |reply| reply.bulk_shared(Arc::clone(&shared)))
}

fn mset(pairs: usize) -> Vec<u8> {
    let mut words = vec![b"MSET".to_vec()];
    for pair in 0..pairs {
        words.extend([format!("key:{pair:012}").into_bytes(), b"value".to_vec()]);
    }
    let mut request = Vec::new();
    ochre_resp::value::encode_request(&words, &mut request);
    request
}

fn parse(name: &str, input: &[u8], requests: u32) -> std::io::Result<()> {
    let mut batch = Batch::new();
    let mut parser = RequestParser::new();
    let limits = RequestLimits::default();
    let time = measure(|| {
        let input = black_box(input);
        parser.parse(input, 0, &mut batch, &limits, usize::MAX);
        for index in 0..batch.len() {
            black_box(batch.words(index, input).get(1));
        }
    });
    assert_eq!(batch.len() as u64, u64::from(requests), "{name}");
    report(name, time / requests)
}

fn reply(name: &str, mut write: impl FnMut(&mut Reply<'_>)) -> std::io::Result<()> {
    let mut output = Output::new();
    let time = measure(|| {
        for _ in 0..16 {
            write(&mut Reply::new(&mut output, Protocol::Resp2));
        }
        black_box(output.as_slice());
        output.clear();
    });
    report(name, time / 16)
}

/// The time of one run: the least of many rounds, which the machine disturbed least.
fn measure(mut run: impl FnMut()) -> Duration {
    const RUNS: u32 = 2000;
    let round = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..RUNS {
            run();
        }
        start.elapsed()
    };
    let least = (0..100).map(|_| round(&mut run)).min().unwrap_or_default();
    // Durations count nanoseconds: a factor keeps three places more.
    least * 1000 / RUNS
}

fn report(name: &str, picoseconds: Duration) -> std::io::Result<()> {
    let thousandths = picoseconds.as_nanos();
    let (whole, places) = (thousandths / 1000, thousandths % 1000);
    writeln!(std::io::stdout(), "{name:40} {whole:6}.{places:03} ns")
}
