//! Checking a snapshot: it is read as a server would read it, and nothing is kept of it but what is counted.

mod options;
mod progress;
mod report;
mod survey;
mod table;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

pub use options::{Options, USAGE, Wanted};

use persistence::rdb::file::{LoadError, Modules, Part, Settings, Splitter};
use persistence::rdb::value::{Care, Limits};
use progress::Progress;
use survey::Survey;

/// The defaults of the directives of this kind: the forms that values would have in a server.
const LIMITS: Limits = Limits {
    list: collections::list::Limits { node_size: -2, compress_depth: 0 },
    set: collections::set::Limits { integers: 512, members: 128, member_bytes: 64 },
    hash: collections::hash::Limits { fields: 512, bytes: 64 },
    sorted_set: collections::sorted_set::Limits { entries: 128, value_bytes: 64 },
};

/// Checks a file and prints what is found. The code is that of Redis's tool: 0 if the file is all right, and otherwise 1.
pub fn run(options: &Options, output: &mut dyn Write) -> io::Result<ExitCode> {
    let mut progress = Progress::new(options.is_told(), output);
    progress.told(0, &format!("Checking RDB file {}", options.path.display()))?;
    let file = match File::open(&options.path) {
        Ok(file) => file,
        Err(error) => {
            progress.cannot_open(&options.path, &error)?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut survey = Survey::new(options, now_ms());
    match check(file, &mut survey, &mut progress)? {
        Ok(_) => {
            progress.finish(&survey)?;
            report::print(options, &survey, output)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            progress.failed(&error, &survey)?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Checks a snapshot that is at the beginning of a file, and prints what is found. Gives what follows it, and where that is; nothing if it is
/// not all right.
pub(crate) fn check_in_front(
    path: &Path,
    reader: Box<dyn Read>,
    output: &mut dyn Write,
) -> io::Result<Option<(Box<dyn Read>, u64)>> {
    let mut progress = Progress::new(true, output);
    progress.told(0, &format!("Checking RDB file {}", path.display()))?;
    let options =
        Options { path: path.to_owned(), report: false, json: false, top: 0, digest: false };
    let mut survey = Survey::new(&options, now_ms());
    match check(reader, &mut survey, &mut progress)? {
        Ok((ahead, rest)) => {
            progress.finish(&survey)?;
            let rest = io::Cursor::new(ahead).chain(rest);
            Ok(Some((Box::new(rest), survey.bytes)))
        }
        Err(error) => {
            progress.failed(&error, &survey)?;
            Ok(None)
        }
    }
}

/// What follows a snapshot: what was read of it already, and where the rest is to be read.
type Rest<R> = (Vec<u8>, R);

/// Reads the file; the outer error is one of printing, the inner one is what is wrong with the file.
fn check<R: Read>(
    file: R,
    survey: &mut Survey,
    progress: &mut Progress<'_>,
) -> io::Result<Result<Rest<R>, LoadError>> {
    let settings = Settings { checksum: true, modules: Modules::Skipped, care: Care::Deep };
    let mut splitter = match Splitter::new(file, settings) {
        Ok(splitter) => splitter,
        Err(error) => return Ok(Err(error)),
    };
    survey.version = Some(splitter.version());
    loop {
        let part = match splitter.next_part() {
            Ok(Some(part)) => part,
            Ok(None) => return Ok(Ok(splitter.into_rest())),
            Err(error) => {
                survey.bytes = splitter.offset();
                return Ok(Err(error));
            }
        };
        let offset = splitter.offset();
        match part {
            Part::Auxiliary { name, value } => {
                progress.auxiliary(offset, &name, &value)?;
                survey.auxiliary(name, value);
            }
            Part::ModuleAuxiliary { name } => {
                progress.told(offset, &format!("MODULE AUX for: {name}"))?;
            }
            Part::Database(number) => {
                progress.told(offset, &format!("Selecting DB ID {number}"))?;
                survey.database(number);
            }
            Part::Sizes { .. } | Part::SlotSizes { .. } => {}
            Part::Function(_) => survey.functions = survey.functions.saturating_add(1),
            Part::Records(batch) => {
                let decoded = batch.decode(&LIMITS, &mut |key| {
                    survey.key(&key);
                    Ok(())
                });
                if let Err(error) = decoded {
                    return Ok(Err(error));
                }
            }
            Part::End(checksum) => {
                progress.checksum(offset, checksum)?;
                survey.end(offset, checksum);
            }
        }
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
