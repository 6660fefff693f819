//! The title that `ps` shows for this process.
//!
//! The kernel reads a process's title from where its arguments were put at the start, behind which its environment
//! lies:
//!
//! ```text
//!  | ochre-server \0 redis.conf \0 | PATH=... \0 LANG=... \0 |
//!  ^ arg_start                     ^ arg_end = env_start     ^ env_end
//!  |<------------------ room for a title ------------------>|
//! ```
//!
//! So a title is written over both. Before that, the environment is copied to memory of its own, as the C library's
//! `setenv` does with each variable. That is safe only while the process has one thread, and [`Title::claim`] makes sure
//! of it. The arguments themselves are gone then: a caller reads them first.

#![expect(unsafe_code, reason = "writes over the process's arguments and environment")]

mod template;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::ptr;
use std::sync::Mutex;
use std::sync::PoisonError;

pub(crate) use template::Template;
#[cfg(test)]
pub(crate) use template::TemplateError;
pub(crate) use template::Variables;

/// The memory that the kernel reads the title from.
#[derive(Debug)]
pub(crate) struct Title {
    area: Mutex<Area>,
}

/// Why the title cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TitleError {
    /// The process has threads, or a title was claimed before.
    #[error("the title can only be claimed once, before any thread is started")]
    TooLate,
    /// The kernel does not say where the arguments are.
    #[error("cannot find the process's arguments: {0}")]
    Unknown(#[from] io::Error),
}

impl Title {
    /// Takes over the memory of the arguments and the environment.
    pub(crate) fn claim() -> Result<Title, TitleError> {
        if fs::read_dir("/proc/self/task")?.count() != 1
            || CLAIMED.lock().is_ok_and(|claimed| *claimed)
        {
            return Err(TitleError::TooLate);
        }
        let area = Area::find()?;
        if let Ok(mut claimed) = CLAIMED.lock() {
            *claimed = true;
        }
        move_environment();
        Ok(Title { area: Mutex::new(area) })
    }

    /// Shows `title`, cut off where there is no more room.
    pub(crate) fn set(&self, title: &str) {
        self.area.lock().unwrap_or_else(PoisonError::into_inner).write(title);
    }
}

static CLAIMED: Mutex<bool> = Mutex::new(false);

/// Addresses of the process's first memory.
#[derive(Debug)]
struct Area {
    start: usize,
    length: usize,
}

impl Area {
    fn find() -> io::Result<Area> {
        let text = fs::read_to_string("/proc/self/stat")?;
        let unknown = || io::Error::other("/proc/self/stat does not tell");
        Area::parse(&text).ok_or_else(unknown)
    }

    /// The numbers of proc(5): arguments are fields 48 and 49, the environment 50 and 51.
    fn parse(text: &str) -> Option<Area> {
        // The second field is a name in parentheses, which may have spaces and parentheses in it. The third follows.
        let (_, fields) = text.rsplit_once(')')?;
        let numbers: Vec<&str> = fields.split_ascii_whitespace().collect();
        let field = |number: usize| numbers.get(number - 3)?.parse::<usize>().ok();
        let (start, arguments_end) = (field(48)?, field(49)?);
        let (environment, end) = (field(50)?, field(51)?);
        let end = if environment == arguments_end { end } else { arguments_end };
        let length = end.checked_sub(start)?;
        (0 < start && 1 < length).then_some(Area { start, length })
    }

    fn write(&mut self, title: &str) {
        // A NUL must follow; the kernel shows what is up to it.
        let shown = title.len().min(self.length - 1);
        let start: *mut u8 = ptr::with_exposed_provenance_mut(self.start);
        // SAFETY: the kernel mapped these bytes writable for the process's life, and says that they hold the arguments
        // and the environment. `claim` moved the environment away, the arguments are read through `Title` no more, and
        // the caller holds the only lock. `title` is ours, so it does not overlap.
        unsafe { ptr::copy_nonoverlapping(title.as_ptr(), start, shown) };
        // SAFETY: `shown` is less than the length.
        let rest = unsafe { start.add(shown) };
        // SAFETY: so that many bytes are left, for which the same holds.
        unsafe { ptr::write_bytes(rest, 0, self.length - shown) };
    }
}

/// Makes every variable of the environment a copy.
fn move_environment() {
    let variables: Vec<(OsString, OsString)> = env::vars_os().collect();
    // SAFETY: there is no other thread that could read the environment, as `claim` checked.
    unsafe { libc::clearenv() };
    for (name, value) in variables {
        // A variable without a name cannot be set, and nobody could read it.
        if !name.is_empty() {
            // SAFETY: likewise.
            unsafe { env::set_var(name, value) };
        }
    }
}

#[cfg(test)]
mod tests;
