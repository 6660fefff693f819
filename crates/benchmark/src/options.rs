//! The command line. Options that `redis-benchmark` has too mean the same here.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::encryption::Files;
use crate::workload::{Test, Values};

/// What the command line asks for.
pub(crate) enum Wanted {
    Run(Box<Options>),
    Help,
}

/// How to load the server.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// A Unix socket, in place of host and port.
    pub(crate) socket: Option<String>,
    pub(crate) password: Option<String>,
    /// How connections are encrypted, if they are.
    pub(crate) encryption: Option<Arc<ClientConfig>>,
    /// Connections, of all threads together.
    pub(crate) clients: usize,
    pub(crate) requests: u64,
    /// Ends the run after this time even if requests are left.
    pub(crate) duration: Option<Duration>,
    /// Requests that a connection sends at once.
    pub(crate) pipeline: usize,
    pub(crate) keys: Keys,
    pub(crate) values: Values,
    /// Seconds to live, given with each SET.
    pub(crate) expiry_s: Option<u64>,
    pub(crate) threads: usize,
    /// Requests a second, of all threads together; `None` is as many as it can.
    pub(crate) rate: Option<f64>,
    pub(crate) tests: Vec<Test>,
    /// The request of [`Test::Own`], in which each [`PLACEHOLDER`](crate::workload::PLACEHOLDER) becomes the digits of a key.
    pub(crate) words: Vec<Vec<u8>>,
    /// Equal parts of the requests for each of which the longest latency is told.
    pub(crate) segments: usize,
    /// Connections that listen to what PUBLISH sends; the test ends when all have received everything.
    pub(crate) subscribers: usize,
    pub(crate) format: Format,
    pub(crate) seed: u64,
}

/// Which keys are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Always the same one.
    One,
    /// One of so many, at random.
    Random(u64),
    /// Each number once, in order, from this one on.
    Sequential { first: u64 },
}

/// How the outcome is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

pub(crate) const USAGE: &str = "\
Usage: ochre-benchmark [options] [WORD...]
  WORD...           a request of your own, with __rand_int__ for the digits of a key
  -h HOST           server (127.0.0.1)        -p PORT    port (6379)
  -s PATH           Unix socket instead       -a WORD    password
  -c N              connections (50)          -n N       requests (100000)
  -P N              requests sent at once (1) -d BYTES   size of values (3)
  -r N              random keys out of N      -t LIST    of set,get,incr,ping,mget,
                                                         multi,publish (set,get)
  --threads N       threads (1)               --rate N   requests a second: paced, and latency
                                                         counted from when each was due
  --duration S      ends after S seconds      --json     one JSON object a test
  --sequential N    each key once from N on   --integers values are integers
  --expire S        seconds to live for SET   --seed N   of the random keys
  --subscribers N   connections that receive what publish sends (one thread)
  --tls             encrypted         --cacert FILE  whom to trust with the server's certificate
  --cert FILE       a certificate of one's own       --key FILE  and its key
  --segments N      also the longest latency in each of N parts of the run (with --json)
";

/// Upper bounds, so that a slip of the finger is told and not run.
const MOST_CLIENTS: u64 = 100_000;
const MOST_PIPELINED: u64 = 100_000;
const LONGEST_VALUE: u64 = 64 << 20;
const MOST_THREADS: u64 = 256;
const MOST_SEGMENTS: u64 = 1_000_000;

impl Default for Options {
    fn default() -> Options {
        Options {
            host: "127.0.0.1".to_owned(),
            port: 6379,
            socket: None,
            password: None,
            encryption: None,
            clients: 50,
            requests: 100_000,
            duration: None,
            pipeline: 1,
            keys: Keys::One,
            values: Values::Bytes(3),
            expiry_s: None,
            threads: 1,
            rate: None,
            tests: vec![Test::Set, Test::Get],
            words: Vec::new(),
            segments: 0,
            subscribers: 0,
            format: Format::Text,
            seed: 1,
        }
    }
}

impl Options {
    pub(crate) fn from_arguments() -> Result<Wanted, lexopt::Error> {
        Options::parse(lexopt::Parser::from_env())
    }

    fn parse(mut parser: lexopt::Parser) -> Result<Wanted, lexopt::Error> {
        use lexopt::prelude::{Long, Short, Value, ValueExt};
        let mut options = Options::default();
        let (mut is_encrypted, mut files) = (false, Files::default());
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') => options.host = parser.value()?.string()?,
                Short('p') => options.port = parser.value()?.parse()?,
                Short('s') => options.socket = Some(parser.value()?.string()?),
                Short('a') => options.password = Some(parser.value()?.string()?),
                Short('c') => options.clients = number(&mut parser, 1, MOST_CLIENTS)?,
                Short('n') => options.requests = parser.value()?.parse()?,
                Short('P') => options.pipeline = number(&mut parser, 1, MOST_PIPELINED)?,
                Short('d') => {
                    options.values = Values::Bytes(number(&mut parser, 1, LONGEST_VALUE)?);
                }
                Short('r') => options.keys = Keys::Random(parser.value()?.parse::<u64>()?.max(1)),
                Short('t') => options.tests = tests(&parser.value()?.string()?)?,
                Long("threads") => options.threads = number(&mut parser, 1, MOST_THREADS)?,
                Long("rate") => options.rate = Some(parser.value()?.parse()?),
                Long("duration") => {
                    let seconds: f64 = parser.value()?.parse()?;
                    options.duration = Some(
                        Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?,
                    );
                }
                Long("sequential") => {
                    options.keys = Keys::Sequential { first: parser.value()?.parse()? };
                }
                Long("integers") => options.values = Values::Integers,
                Long("expire") => options.expiry_s = Some(parser.value()?.parse()?),
                Long("seed") => options.seed = parser.value()?.parse()?,
                Long("segments") => options.segments = number(&mut parser, 1, MOST_SEGMENTS)?,
                Long("subscribers") => options.subscribers = number(&mut parser, 1, MOST_CLIENTS)?,
                Long("tls") => is_encrypted = true,
                Long("cacert") => files.authorities = Some(parser.value()?.string()?),
                Long("cert") => files.certificate = Some(parser.value()?.string()?),
                Long("key") => files.key = Some(parser.value()?.string()?),
                Long("json") => options.format = Format::Json,
                Long("help") => return Ok(Wanted::Help),
                // What follows the first word is the request, also where it begins with a dash.
                Value(first) => {
                    options.words.push(first.into_vec());
                    options.words.extend(parser.raw_args()?.map(OsString::into_vec));
                    options.tests = vec![Test::Own];
                }
                other @ (Short(_) | Long(_)) => return Err(other.unexpected()),
            }
        }
        if is_encrypted {
            options.encryption = Some(files.load()?);
        }
        options.checked().map(|options| Wanted::Run(Box::new(options)))
    }

    /// What PUBLISH sends.
    pub(crate) fn message(&self) -> Vec<u8> {
        match self.values {
            Values::Bytes(length) => vec![b'x'; length],
            Values::Integers => b"100000000000".to_vec(),
        }
    }

    fn checked(mut self) -> Result<Options, lexopt::Error> {
        if self.rate.is_some_and(|rate| !(rate.is_finite() && 0.0 < rate)) {
            return Err("--rate is a number above 0".into());
        }
        self.threads = self.threads.min(self.clients);
        if 0 < self.subscribers && (1 < self.threads || self.tests != [Test::Publish]) {
            return Err("--subscribers are for -t publish alone, with one thread".into());
        }
        if self.encryption.is_some() && (0 < self.subscribers || self.socket.is_some()) {
            return Err("--tls is neither for --subscribers nor for a Unix socket".into());
        }
        if 0 < self.subscribers && self.duration.is_some() {
            return Err(
                "--subscribers wait for a number of messages, and not for a --duration".into()
            );
        }
        if self.duration.is_some() && self.requests == Options::default().requests {
            self.requests = u64::MAX;
        }
        Ok(self)
    }
}

fn number(parser: &mut lexopt::Parser, least: u64, most: u64) -> Result<usize, lexopt::Error> {
    use lexopt::prelude::ValueExt;
    let number: u64 = parser.value()?.parse()?;
    match usize::try_from(number) {
        Ok(fitting) if least <= number && number <= most => Ok(fitting),
        _ => Err(format!("{number} is not between {least} and {most}").into()),
    }
}

fn tests(list: &str) -> Result<Vec<Test>, lexopt::Error> {
    list.split(',')
        .map(|name| Test::named(name).ok_or_else(|| format!("there is no test {name:?}").into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        let arguments = line.split_whitespace().map(str::to_owned);
        match Options::parse(lexopt::Parser::from_args(arguments)) {
            Ok(Wanted::Run(options)) => Ok(*options),
            Ok(Wanted::Help) => Err("help".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn options_of_redis_benchmark_are_understood() {
        let options = parse("-h ::1 -p 7000 -c 9 -n 20 -P 16 -d 64 -r 1000 -t get,incr").unwrap();
        assert_eq!((options.host.as_str(), options.port, options.clients), ("::1", 7000, 9));
        assert_eq!((options.requests, options.pipeline), (20, 16));
        assert_eq!(options.keys, Keys::Random(1000));
        assert_eq!(options.tests, [Test::Get, Test::Incr]);
    }

    #[test]
    fn a_duration_lifts_the_default_number_of_requests() {
        assert_eq!(parse("--duration 2").unwrap().requests, u64::MAX);
        assert_eq!(parse("--duration 2 -n 5").unwrap().requests, 5);
    }

    #[test]
    fn words_are_a_request_of_ones_own() {
        let options = parse("-r 9 XADD stream * -1 __rand_int__").unwrap();
        assert_eq!(options.tests, [Test::Own]);
        assert_eq!(options.words, [&b"XADD"[..], b"stream", b"*", b"-1", b"__rand_int__"]);
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "-c 0",
            "-P 0",
            "-t walk",
            "--rate 0",
            "--rate nan",
            "-x",
            "--duration -1",
            "--subscribers 5 -t set",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert_eq!(parse("--help").unwrap_err(), "help");
    }
}
