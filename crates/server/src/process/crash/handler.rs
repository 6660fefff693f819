//! The handler of the signals that a crash ends in, and how the process ends.
#![expect(unsafe_code, reason = "handles signals")]

use std::ffi::c_int;
use std::ffi::c_void;
use std::io;
use std::mem;
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::mm::MapFlags;
use rustix::mm::ProtFlags;

use super::ENABLED;
use super::SETTINGS;
use super::notes::CurrentWriter;
use super::notes::NOTES;
use super::notes::Stage;
use super::notes::current_thread;
use super::registers;
use super::report;
use super::signal_stack::SignalStack;
use crate::log;

/// The signals of a process that went wrong.
const SIGNALS: [c_int; 5] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT];

/// Handles them, with a stack for the calling thread that is never taken back.
pub(super) fn install() -> io::Result<()> {
    // The main thread keeps it to its end, and so to the process's.
    let _kept = ManuallyDrop::new(SignalStack::new()?);
    for signal in SIGNALS {
        // SAFETY: all of its fields may be zero.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_crash;
        action.sa_sigaction = handler as usize;
        // On the thread's signal stack, and again if the handler itself crashes.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        // SAFETY: the handler has the signature that the flags promise.
        if unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Whether signals that are sent to the process may be handled by the calling thread. A crash of its own always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Allowed,
    /// Another thread is to take them.
    Elsewhere,
}

/// Decides where signals of crashes that are sent to the process are handled.
pub(super) fn deliver(delivery: Delivery) {
    // SAFETY: all of its fields may be zero.
    let mut set: libc::sigset_t = unsafe { mem::zeroed() };
    for signal in SIGNALS {
        // SAFETY: the set is valid, and so are the signals' numbers.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    let change = match delivery {
        Delivery::Allowed => libc::SIG_UNBLOCK,
        Delivery::Elsewhere => libc::SIG_BLOCK,
    };
    // SAFETY: changes the calling thread's mask by a valid set; the old one is not wanted. It cannot fail.
    unsafe { libc::pthread_sigmask(change, &raw const set, ptr::null_mut()) };
}

extern "C" fn on_crash(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    if !ENABLED.load(Ordering::Relaxed) {
        end_by(signal);
    }
    if NOTES.claim() {
        // SAFETY: the kernel passes a description that is valid while the handler runs.
        note_signal(signal, unsafe { &*info });
        // SAFETY: likewise, for a handler with `SA_SIGINFO`.
        note_context(unsafe { &*context.cast::<libc::ucontext_t>() });
        note_current();
    } else if !NOTES.is_mine() {
        // The reporter's own crash must not keep the thread waiting that it reports on.
        if report::is_reporter(current_thread()) {
            NOTES.set_stage(Stage::Reported);
        }
        wait_for_the_end();
    } else if Stage::Noting < NOTES.stage() {
        end_by(NOTES.signal.load(Ordering::Relaxed));
    } else {
        // Noting crashed: what is noted so far has to do. This handler ends the process, so that the interrupted one
        // does not go on.
        NOTES.again.fetch_add(1, Ordering::Relaxed);
    }
    report_and_wait();
    end_by(NOTES.signal.load(Ordering::Relaxed));
}

fn note_signal(signal: c_int, info: &libc::siginfo_t) {
    NOTES.signal.store(signal, Ordering::Relaxed);
    NOTES.code.store(info.si_code, Ordering::Relaxed);
    if info.si_code <= 0 {
        // SAFETY: codes up to 0 are of signals that a process sent, for which these fields are set.
        NOTES.sender.store(unsafe { info.si_pid() }, Ordering::Relaxed);
        // SAFETY: likewise.
        NOTES.sender_user.store(unsafe { info.si_uid() }, Ordering::Relaxed);
    } else {
        // SAFETY: the other codes of these signals are the processor's, for which this field is set.
        NOTES.address.store(unsafe { info.si_addr() }.addr(), Ordering::Relaxed);
    }
}

fn note_context(context: &libc::ucontext_t) {
    let values = registers::values(context);
    for (place, value) in NOTES.registers.iter().zip(values) {
        place.store(value, Ordering::Relaxed);
    }
    NOTES.take_trace(registers::instruction(&values));
}

/// Notes what the calling thread was doing for whom.
pub(super) fn note_current() {
    if let Some(settings) = SETTINGS.get() {
        // It says no more than fits.
        let _cut = (settings.current)(&mut CurrentWriter);
    }
}

/// Lets the reporter read what is noted, and waits until it has written or the deadline is over.
pub(super) fn report_and_wait() {
    let Some(settings) = SETTINGS.get() else { return };
    NOTES.set_stage(Stage::Noted);
    report::wake_reporter();
    let mut waited = Duration::ZERO;
    while NOTES.stage() < Stage::Reported && waited < settings.deadline {
        pause(STEP);
        waited += STEP;
    }
    if NOTES.stage() < Stage::Reported {
        let end = report::END_CUT_OFF.as_bytes();
        // SAFETY: the bytes are valid; a descriptor that is not open is an error and no more.
        let _written = unsafe { libc::write(log::descriptor(), end.as_ptr().cast(), end.len()) };
    }
}

/// How often the crashed thread looks whether the report is done.
const STEP: Duration = Duration::from_millis(5);

/// Stops this thread while another one ends the process.
pub(super) fn wait_for_the_end() -> ! {
    loop {
        pause(Duration::from_secs(1));
    }
}

/// A signal may cut it short.
fn pause(duration: Duration) {
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(1),
        tv_nsec: duration.subsec_nanos().into(),
    };
    // SAFETY: `time` is valid, and the rest is not wanted. Handlers may call this.
    let _rest = unsafe { libc::nanosleep(&raw const time, ptr::null_mut()) };
}

/// Ends the process by `signal`, as if it had not been handled.
pub(super) fn end_by(signal: c_int) -> ! {
    // SAFETY: restores what the signal does by itself.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    // SAFETY: takes any signal.
    unsafe { libc::raise(signal) };
    // The signal may be blocked, and is then delivered to nobody.
    exit()
}

/// Ends the process with exit code 1, without running anything of it.
pub(super) fn exit() -> ! {
    // SAFETY: may be called anywhere.
    unsafe { libc::_exit(1) }
}

/// Crashes, for DEBUG SEGFAULT: writes to memory that may only be read.
pub(crate) fn segfault() -> ! {
    // SAFETY: new memory wherever the kernel has room.
    let memory = unsafe {
        rustix::mm::mmap_anonymous(ptr::null_mut(), 4096, ProtFlags::READ, MapFlags::PRIVATE)
    };
    if let Ok(memory) = memory {
        // SAFETY: it is not: this is the crash that was asked for, and the processor stops it.
        unsafe { memory.cast::<u8>().write_volatile(b'x') };
    }
    end_by(libc::SIGSEGV)
}
