//! Any bytes as a configuration file: they are read or refused, and what is read survives CONFIG REWRITE.
//!
//! What stands after a line `----` is taken for arguments of the command line, one a line.
#![no_main]

use config::command_line::{self, Request};
use config::words::quoted;
use config::{Environment, IncludeError, IncludedFile, Source, Text, load, rewrite};
use libfuzzer_sys::fuzz_target;

/// Every directory exists, every file with a short name, and every command with one.
struct World;

impl Environment for World {
    fn include(&mut self, pattern: &Text) -> Result<Vec<IncludedFile>, IncludeError> {
        if 4 < pattern.as_bytes().len() {
            return Err(IncludeError { path: pattern.clone(), reason: "No such file or directory".to_owned() });
        }
        let mut text = b"hz 3\n".to_vec();
        // A file whose name starts with a point includes the one without it.
        if let [b'.', shorter @ ..] = pattern.as_bytes() {
            text.extend_from_slice(b"include ");
            text.extend_from_slice(&quoted(shorter));
        }
        Ok(vec![IncludedFile { path: pattern.clone(), text }])
    }

    fn enter_directory(&mut self, _: &Text) -> Result<(), String> {
        Ok(())
    }

    fn try_log_file(&mut self, _: &Text) -> Result<(), String> {
        Ok(())
    }

    fn has_command(&self, name: &[u8]) -> bool {
        name.len() < 5
    }

    fn check_user(&self, words: &[Text], is_known: bool, _: bool) -> Result<(), String> {
        if is_known { Err(format!("{} words", words.len())) } else { Ok(()) }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let separator = b"\n----\n";
    let end = bytes.windows(separator.len()).position(|window| window == separator);
    let (text, arguments) = match end {
        Some(end) => (&bytes[..end], &bytes[end + separator.len()..]),
        None => (bytes, &[] as &[u8]),
    };
    let arguments: Vec<&[u8]> = arguments.split(|byte| *byte == b'\n').collect();
    let Request::Serve(command_line) = command_line::parse(&arguments) else { return };
    let source = Source::of(&command_line, text.to_vec(), Vec::new());
    let Ok(loaded) = load(&source, 3, &mut World) else { return };
    let written = rewrite(text, &loaded.config);
    let again = load(&Source::file(&written), 3, &mut World).expect("what was written is read");
    let mut config = again.config;
    // The command line may rename commands, which are no settings and so are not written.
    config.security.renamed_commands.clone_from(&loaded.config.security.renamed_commands);
    assert_eq!(config, loaded.config);
});
