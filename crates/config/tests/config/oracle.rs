//! A real Redis 7.4 for comparison, and a client that knows just enough of its protocol.
//!
//! The environment variable `OCHRE_ORACLE_74` names its `redis-server`. Without it the tests that compare say that they
//! compare nothing, and pass.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program to compare with.
#[expect(clippy::print_stderr, reason = "a test that compares nothing must say so")]
pub(crate) fn program() -> Option<PathBuf> {
    let program =
        std::env::var_os("OCHRE_ORACLE_74").map(PathBuf::from).filter(|program| program.exists());
    if program.is_none() {
        eprintln!("SKIPPED: OCHRE_ORACLE_74 names no redis-server 7.4 to compare with");
    }
    program
}

/// How often it is looked whether something has happened.
const POLL: Duration = Duration::from_millis(1);

/// What a server prints that ends by itself.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) error: String,
    pub(crate) output: String,
}

/// Runs the program on a configuration that it refuses. `None` if it does not, and so keeps running.
pub(crate) fn refuse(program: &PathBuf, arguments: &[&str], input: &[u8]) -> Option<Ended> {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    let deadline = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() {
        if deadline < Instant::now() {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::park_timeout(POLL);
    }
    let ended = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(Ended {
        code: ended.status.code(),
        error: text(&ended.stderr),
        output: text(&ended.stdout),
    })
}

/// A running server and a connection to it.
pub(crate) struct Oracle {
    server: Child,
    connection: BufReader<UnixStream>,
    /// The arguments that it was started with.
    pub(crate) arguments: Vec<String>,
    directory: tempfile::TempDir,
}

impl Oracle {
    /// Starts it with its defaults, but on a socket in a directory of its own.
    pub(crate) fn start(program: &PathBuf, file: Option<&str>) -> Oracle {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let mut arguments = Vec::new();
        if let Some(text) = file {
            std::fs::write(at("test.conf"), text).unwrap();
            arguments.push(at("test.conf"));
        }
        let options = [
            "--port",
            "0",
            "--unixsocket",
            &at("s"),
            "--dir",
            &at(""),
            "--enable-protected-configs",
            "yes",
        ];
        arguments.extend(options.map(str::to_owned));
        let server = Command::new(program)
            .args(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let connection = loop {
            match UnixStream::connect(at("s")) {
                Ok(connection) => break BufReader::new(connection),
                Err(error) => {
                    assert!(Instant::now() < deadline, "the server does not start: {error}");
                }
            }
            std::thread::park_timeout(POLL);
        };
        connection.get_ref().set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Oracle { server, connection, arguments, directory }
    }

    /// The configuration file as it is now.
    pub(crate) fn file(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("test.conf")).unwrap()
    }

    /// Sends a command and returns what is in its reply: one text, or the elements of an array; an error starts with `-`.
    pub(crate) fn call(&mut self, words: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.connection.get_mut().write_all(&request).unwrap();
        self.reply()
    }

    fn reply(&mut self) -> Vec<Vec<u8>> {
        let mut line = Vec::new();
        self.connection.read_until(b'\n', &mut line).unwrap();
        line.truncate(line.len().saturating_sub(2));
        let count = || std::str::from_utf8(&line[1..]).unwrap().parse::<usize>().unwrap();
        match line.first() {
            Some(b'*') => (0..count()).flat_map(|_| self.reply()).collect(),
            Some(b'$') => {
                let mut text = vec![0; count() + 2];
                self.connection.read_exact(&mut text).unwrap();
                text.truncate(text.len() - 2);
                vec![text]
            }
            Some(b'+') => vec![line[1..].to_vec()],
            Some(_) => vec![line],
            None => panic!("the server closed the connection"),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
