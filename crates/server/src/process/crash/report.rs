//! Writing the report, in a thread of its own.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering;
use std::thread;

use parking_lot::Mutex;
use rustix::event::EventfdFlags;
use rustix::event::eventfd;

use super::SETTINGS;
use super::Settings;
use super::contain;
use super::handler::Delivery;
use super::handler::deliver;
use super::notes::NOTES;
use super::notes::Stage;
use super::notes::current_thread;
use super::registers;
use super::trace;
use super::trace::Trace;
use crate::log;

/// Starts the thread. It takes no memory but its stack, and no time.
pub(super) fn start_reporter() -> io::Result<()> {
    let event = eventfd(0, EventfdFlags::CLOEXEC)?;
    let _first = EVENT.set(event);
    let builder = thread::Builder::new().name("crash-reporter".to_owned());
    // A signal sent to the process must not be handled by the reporter, which would then wait for itself: it inherits
    // that from this thread.
    deliver(Delivery::Elsewhere);
    let spawned = builder.spawn(wait_and_report);
    deliver(Delivery::Allowed);
    spawned.map(|_| ())
}

/// Called in a signal handler.
pub(super) fn wake_reporter() {
    if let Some(event) = EVENT.get() {
        // Writing fails only if the reporter was woken very often already.
        let _woken = rustix::io::write(event, &1_u64.to_ne_bytes());
    }
}

/// Whether that thread is the one that reports.
pub(super) fn is_reporter(thread: i32) -> bool {
    REPORTER.load(Ordering::Relaxed) == thread
}

/// The lines that the report of a panic begins with.
pub(super) fn set_text(text: Vec<String>) {
    *TEXT.lock() = text;
}

/// What is written in place of the end, when that does not come in time.
pub(super) const END_CUT_OFF: &str = "\n(The rest is missing: it took too long.)\n
=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n";

static EVENT: OnceLock<OwnedFd> = OnceLock::new();
static REPORTER: AtomicI32 = AtomicI32::new(0);
static TEXT: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn wait_and_report() {
    REPORTER.store(current_thread(), Ordering::Relaxed);
    let (Some(event), Some(settings)) = (EVENT.get(), SETTINGS.get()) else { return };
    let mut counter = [0; 8];
    while NOTES.stage() < Stage::Noted {
        // An interruption is a reason to look again, and so is anything else.
        let _woken = rustix::io::read(event, &mut counter);
    }
    // From here on its own crashes must not stay unnoticed.
    deliver(Delivery::Allowed);
    write(settings);
    if let Some(path) = &settings.pid_file {
        let _absent = fs::remove_file(path);
    }
    NOTES.set_stage(Stage::Reported);
}

fn write(settings: &Settings) {
    log::raw_at_crash("\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n");
    if NOTES.signal.load(Ordering::Relaxed) == 0 {
        log::warning_at_crash(settings.version);
        TEXT.lock().iter().for_each(log::warning_at_crash);
    } else {
        write_signal(settings.version);
    }
    write_stack();
    if NOTES.signal.load(Ordering::Relaxed) != 0 {
        write_section("REGISTERS", &registers_text());
    }
    write_section("CURRENT CLIENT INFO", &NOTES.current());
    for section in &settings.sections {
        // What panics here has been logged.
        if let Ok(text) = contain(|| (section.text)()) {
            write_section(section.title, &text);
        }
    }
    log::raw_at_crash(
        "\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n
       Please open an issue about this crash, and include the report.

       If the machine's memory is in doubt, test it first.\n\n",
    );
}

fn write_section(title: &str, text: &str) {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    log::raw_at_crash(&format!("\n------ {title} ------\n{text}{end}"));
}

fn write_signal(version: &str) {
    let (signal, code) = (NOTES.signal.load(Ordering::Relaxed), NOTES.code.load(Ordering::Relaxed));
    log::warning_at_crash(format_args!("{version} crashed by signal: {signal}, si_code: {code}"));
    if code <= 0 {
        let (sender, user) =
            (NOTES.sender.load(Ordering::Relaxed), NOTES.sender_user.load(Ordering::Relaxed));
        log::warning_at_crash(format_args!("Killed by PID: {sender}, UID: {user}"));
    } else if [libc::SIGSEGV, libc::SIGBUS].contains(&signal) {
        let address = NOTES.address.load(Ordering::Relaxed);
        log::warning_at_crash(format_args!("Accessing address: {address:#x}"));
    }
    let instruction = NOTES.instruction.load(Ordering::Relaxed);
    log::warning_at_crash(format_args!("Crashed running the instruction at: {instruction:#x}"));
    if 0 < NOTES.again.load(Ordering::Relaxed) {
        log::warning_at_crash(
            "Crashed running signal handler. Providing reduced version of crash report.",
        );
    }
}

fn write_stack() {
    let mut text = String::new();
    let instruction = NOTES.instruction.load(Ordering::Relaxed);
    if instruction != 0 {
        // Names are looked up for the instruction before one that is returned to; this one is not.
        let _written = write!(text, "EIP:\n{}", trace::name(instruction + 1));
    }
    let thread = NOTES.thread();
    let name = fs::read_to_string(format!("/proc/self/task/{thread}/comm")).unwrap_or_default();
    let _written = write!(text, "\n{thread} {} *\n{}", name.trim_end(), Trace::new(NOTES.frames()));
    log::raw_at_crash(&format!(
        "\n------ STACK TRACE ------\n{text}\n------ STACK TRACE DONE ------\n"
    ));
}

/// Four to a line.
fn registers_text() -> String {
    let values = NOTES.registers.iter().map(|value| value.load(Ordering::Relaxed));
    let named: Vec<String> = registers::NAMES
        .iter()
        .zip(values)
        .map(|(name, value)| format!("{name}:{value:016x}"))
        .collect();
    named.chunks(4).map(|line| line.join(" ") + "\n").collect()
}
