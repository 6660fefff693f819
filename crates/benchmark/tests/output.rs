//! What is printed while nobody reads it, as behind `| head -1`.

use std::process::{Command, Stdio};

#[test]
fn a_reader_that_has_gone_ends_it_quietly() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_ochre-benchmark"))
        .arg("--help")
        .stdout(Stdio::from(writer))
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
