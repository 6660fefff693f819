//! The manifest: which files there are, and what each is for.
//!
//! A line for each file, of pairs of a key and a value: `file NAME seq NUMBER type LETTER`. Other keys are for later versions,
//! and passed over. A name with characters that separate is quoted.

use super::name;

/// The longest line, without its line ending.
const LINE_BYTES: usize = 1024;

/// All files, in the order in which they are loaded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    /// What the others build on; none if all commands ever executed are there.
    pub base: Option<FileInfo>,
    /// Commands since then; the last is appended to.
    pub incremental: Vec<FileInfo>,
    /// What is no longer needed, and will be deleted.
    pub history: Vec<FileInfo>,
}

/// A file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileInfo {
    /// Its name within the directory.
    pub name: Vec<u8>,
    /// Its number among those of its kind.
    pub number: u64,
}

/// What a file is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// The data as it was at a rewrite.
    Base,
    /// Commands since then.
    Incremental,
    /// No longer needed.
    History,
}

impl FileKind {
    fn letter(self) -> u8 {
        match self {
            FileKind::Base => b'b',
            FileKind::Incremental => b'i',
            FileKind::History => b'h',
        }
    }
}

/// Why a manifest could not be read. The text is Redis's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}")]
pub struct ManifestError {
    /// What is wrong.
    pub what: &'static str,
    /// In which line, from 1.
    pub line_number: usize,
    /// The line.
    pub line: Vec<u8>,
}

const INVALID: &str = "Invalid AOF manifest file format";

impl Manifest {
    /// Reads a manifest.
    pub fn parse(text: &[u8]) -> Result<Manifest, ManifestError> {
        let mut manifest = Manifest::default();
        let mut line_number = 0_usize;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            line_number = line_number.saturating_add(1);
            if line.first() == Some(&b'#') {
                continue;
            }
            manifest.parse_line(line).map_err(|what| ManifestError {
                what,
                line_number,
                line: line.trim_ascii().to_vec(),
            })?;
        }
        if line_number == 0 {
            let what = "Found an empty AOF manifest";
            return Err(ManifestError { what, line_number, line: Vec::new() });
        }
        Ok(manifest)
    }

    fn parse_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let text = line.strip_suffix(b"\n").filter(|text| text.len() < LINE_BYTES);
        let text = text.ok_or("The AOF manifest file contains too long line")?.trim_ascii();
        let words = split(text).filter(|words| 6 <= words.len()).ok_or(INVALID)?;
        let (pairs, rest) = words.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(INVALID);
        }
        let (mut file_name, mut number, mut kind) = (None, None, None);
        for [key, value] in pairs {
            if key.eq_ignore_ascii_case(b"file") {
                if value.contains(&b'/') || value.contains(&b'\\') {
                    return Err("File can't be a path, just a filename");
                }
                file_name = Some(value.clone()).filter(|value| !value.is_empty());
            } else if key.eq_ignore_ascii_case(b"seq") {
                number = parse_number(value);
            } else if key.eq_ignore_ascii_case(b"type") {
                kind = value.first().copied();
            }
        }
        let (Some(name), Some(number), Some(kind)) = (file_name, number, kind) else {
            return Err(INVALID);
        };
        self.add(FileInfo { name, number }, kind)
    }

    fn add(&mut self, file: FileInfo, kind: u8) -> Result<(), &'static str> {
        match kind {
            b'b' if self.base.is_some() => Err("Found duplicate base file information"),
            b'b' => {
                self.base = Some(file);
                Ok(())
            }
            b'h' => {
                self.history.push(file);
                Ok(())
            }
            b'i' if file.number <= self.last_incremental() => {
                Err("Found a non-monotonic sequence number")
            }
            b'i' => {
                self.incremental.push(file);
                Ok(())
            }
            _ => Err("Unknown AOF file type"),
        }
    }

    /// The manifest as it is written.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let base = self.base.iter().map(|file| (file, FileKind::Base));
        let history = self.history.iter().map(|file| (file, FileKind::History));
        let incremental = self.incremental.iter().map(|file| (file, FileKind::Incremental));
        for (file, kind) in base.chain(history).chain(incremental) {
            text.extend_from_slice(b"file ");
            quote(&file.name, &mut text);
            text.extend_from_slice(b" seq ");
            text.extend_from_slice(file.number.to_string().as_bytes());
            text.extend_from_slice(b" type ");
            text.push(kind.letter());
            text.push(b'\n');
        }
        text
    }

    /// The files to be loaded, in order.
    pub fn files(&self) -> impl Iterator<Item = (FileKind, &FileInfo)> {
        let base = self.base.iter().map(|file| (FileKind::Base, file));
        base.chain(self.incremental.iter().map(|file| (FileKind::Incremental, file)))
    }

    /// Adds a new file to be appended to, and gives its name.
    pub fn add_incremental(&mut self, prefix: &[u8]) -> Vec<u8> {
        let number = self.last_incremental().saturating_add(1);
        let name = name::incremental_name(prefix, number);
        self.incremental.push(FileInfo { name: name.clone(), number });
        name
    }

    /// Puts a new base in the place of the old one and of all files of commands but the last `kept`, which become history. Gives
    /// its name.
    pub fn replace_base(&mut self, prefix: &[u8], is_snapshot: bool, kept: usize) -> Vec<u8> {
        let number = self.base.as_ref().map_or(0, |base| base.number).saturating_add(1);
        let name = name::base_name(prefix, number, is_snapshot);
        let old = self.base.replace(FileInfo { name: name.clone(), number });
        let past = self.incremental.len().saturating_sub(kept);
        self.history.extend(old.into_iter().chain(self.incremental.drain(..past)));
        name
    }

    fn last_incremental(&self) -> u64 {
        self.incremental.last().map_or(0, |file| file.number)
    }
}

/// The number of a file, which is at least 1.
fn parse_number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    let number: i64 = text.parse().ok()?;
    u64::try_from(number).ok().filter(|number| 0 < *number)
}

/// The words of a line, which spaces separate; in double quotes with escapes, or in single quotes. None if a quote is left open or
/// something follows one.
fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while let Some(first) = rest.first() {
        let word;
        (word, rest) = match first {
            b'"' => quoted(rest.get(1..)?)?,
            b'\'' => single_quoted(rest.get(1..)?)?,
            _ => {
                let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
                let (word, rest) = rest.split_at_checked(end)?;
                (word.to_vec(), rest)
            }
        };
        if rest.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
            return None;
        }
        words.push(word);
        rest = rest.trim_ascii_start();
    }
    Some(words)
}

/// A word in double quotes, of which the first is gone; and what follows it.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = text;
    loop {
        let (first, after) = rest.split_first()?;
        rest = match (first, after) {
            (b'"', after) => return Some((word, after)),
            (b'\\', [b'x', high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok()?;
                word.push(u8::from_str_radix(digits, 16).ok()?);
                after
            }
            (b'\\', [escaped, after @ ..]) => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                after
            }
            (other, after) => {
                word.push(*other);
                after
            }
        };
    }
}

fn single_quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = text;
    loop {
        let (first, after) = rest.split_first()?;
        rest = match (first, after) {
            (b'\'', after) => return Some((word, after)),
            (b'\\', [b'\'', after @ ..]) => {
                word.push(b'\'');
                after
            }
            (other, after) => {
                word.push(*other);
                after
            }
        };
    }
}

/// Appends a word so that it is read back as it is.
fn quote(word: &[u8], text: &mut Vec<u8>) {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if !word.is_empty() && word.iter().all(is_plain) {
        text.extend_from_slice(word);
        return;
    }
    text.push(b'"');
    for byte in word {
        match byte {
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', *byte]),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'\t' => text.extend_from_slice(b"\\t"),
            7 => text.extend_from_slice(b"\\a"),
            8 => text.extend_from_slice(b"\\b"),
            b' '..=b'~' => text.push(*byte),
            other => text.extend_from_slice(format!("\\x{other:02x}").as_bytes()),
        }
    }
    text.push(b'"');
}
