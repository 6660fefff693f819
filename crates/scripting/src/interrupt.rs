//! How a script is interrupted that runs for long.
//!
//! The interpreter can call a function every so many instructions, but with that on, each instruction takes a slower way: a loop takes
//! half as long again. So nothing is on while a script is young. When it is not (see [`watch`](crate::watch)), its thread
//! is sent a signal, and the handler has the interpreter call [`on_tick`] at the script's next instruction; that is what
//! `lua_sethook` may be used for. There the host is asked whether the script may go on.
//!
//! A script could catch the error that is to end it, and go on. So once it is to end, there is an error at every step it takes.
//!
//! The signal is SIGURG: it is ignored where there is no handler, nobody else here uses it, and to receive one too many does nothing.
#![expect(unsafe_code, reason = "handles a signal, and native functions of the interpreter")]

use std::ffi::c_int;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering, compiler_fence};

use mlua::ffi::{lua_Debug, lua_Hook, lua_State};

use crate::host::{self, Progress};
use crate::native::Common;
use crate::stack::{Stack, of_native};

const SIGNAL: c_int = libc::SIGURG;

/// What this thread runs.
pub(crate) struct Course<'a> {
    state: *mut lua_State,
    common: &'a Common,
    /// It was interrupted, be it too late for a next instruction.
    is_interrupted: AtomicBool,
    /// The host is to be asked whether it may go on.
    is_called: AtomicBool,
    /// The hook is being set: a handler that came in between would leave half of it.
    is_setting: AtomicBool,
}

thread_local! {
    /// What a handler may look at: it has no destructor, and needs none to be made.
    static CURRENT: AtomicPtr<Course<'static>> = const { AtomicPtr::new(ptr::null_mut()) };
}

impl<'a> Course<'a> {
    /// What runs on a stack.
    pub(crate) fn new(stack: &Stack<'_>, common: &'a Common) -> Course<'a> {
        Course {
            state: stack.as_ptr(),
            common,
            is_interrupted: AtomicBool::new(false),
            is_called: AtomicBool::new(false),
            is_setting: AtomicBool::new(false),
        }
    }

    /// Has no hook called any more: to be called when it has ended, however it has.
    pub(crate) fn settle(&self, stack: &mut Stack<'_>) {
        if self.is_interrupted.load(Ordering::Acquire) {
            stack.set_hook(None, 0);
        }
    }

    /// Sets the hook, in the middle of what runs.
    fn set_hook(&self, stack: &mut Stack<'_>, hook: Option<lua_Hook>) {
        self.is_setting.store(true, Ordering::SeqCst);
        compiler_fence(Ordering::SeqCst);
        stack.set_hook(hook, 1);
        compiler_fence(Ordering::SeqCst);
        self.is_setting.store(false, Ordering::SeqCst);
    }

    /// Runs something that signals to this thread interrupt.
    pub(crate) fn interruptible<R>(&self, run: impl FnOnce() -> R) -> R {
        /// Puts back what ran before.
        struct Outer(*mut Course<'static>);
        impl Drop for Outer {
            fn drop(&mut self) {
                CURRENT.with(|current| current.store(self.0, Ordering::Release));
            }
        }
        let own: *const Course<'a> = self;
        let own = own.cast_mut().cast::<Course<'static>>();
        // What a handler reads has been written before.
        let _outer = Outer(CURRENT.with(|current| current.swap(own, Ordering::AcqRel)));
        run()
    }
}

/// What this thread runs at the moment.
fn current<'a>() -> Option<&'a Course<'a>> {
    let course = CURRENT.with(|current| current.load(Ordering::Acquire));
    // SAFETY: it is borrowed by `interruptible`, which takes it away before it ends; who asks is called from within, and does not
    // keep it. The compiler takes it for an exclusive pointer, but it is only ever read.
    NonNull::new(course).map(|course| unsafe { course.as_ref() })
}

/// This thread, to send signals to.
#[expect(clippy::cast_possible_truncation, reason = "it is no wider than an address")]
pub(crate) fn this_thread() -> usize {
    // SAFETY: it only asks.
    let thread = unsafe { libc::pthread_self() };
    thread as usize
}

/// Interrupts what a thread runs, which is there until this returns.
pub(crate) fn interrupt(thread: usize) {
    // SAFETY: the thread is there; the signal has a handler, since `prepare` was called before the script began.
    let _gone = unsafe { libc::pthread_kill(thread as libc::pthread_t, SIGNAL) };
}

/// Makes this process ready to interrupt its threads.
pub(crate) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: numbers and sets of bits, for which zero is a value.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        let handler: extern "C" fn(c_int) = on_signal;
        action.sa_sigaction = handler as usize;
        // Calls of the system that were interrupted begin anew.
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: the action is complete; its handler does only what handlers may do.
        let _set = unsafe { libc::sigaction(SIGNAL, &raw const action, ptr::null_mut()) };
    });
}

/// The handler: what it calls takes no lock and no memory.
extern "C" fn on_signal(_: c_int) {
    let Some(course) = current() else { return };
    course.is_called.store(true, Ordering::Release);
    if !course.is_setting.load(Ordering::SeqCst)
        && let Some(state) = NonNull::new(course.state)
    {
        course.is_interrupted.store(true, Ordering::Release);
        // SAFETY: the state lives as long as what runs in it. The handler runs in the thread that uses it, in the middle of
        // anything; of all functions, the one that is called here may be called so.
        let mut stack = unsafe { Stack::new(state) };
        stack.set_hook(Some(on_tick), 1);
    }
}

/// Called at the first instruction after a signal.
unsafe extern "C-unwind" fn on_tick(state: *mut lua_State, _: *mut lua_Debug) {
    // SAFETY: the interpreter gives it.
    let mut stack = unsafe { of_native(state) };
    let Some(course) = current() else {
        stack.set_hook(None, 0);
        return;
    };
    course.set_hook(&mut stack, None);
    course.is_called.store(false, Ordering::Relaxed);
    if course.common.is_ending() || stops(course.common, &stack) {
        end(&mut stack);
    }
}

/// Whether a native function may go on that can take long: it asks now and then, and [ends](end) the script if not.
pub(crate) fn may_go_on(stack: &Stack<'_>) -> bool {
    let Some(course) = current() else { return true };
    let is_called = course.is_called.swap(false, Ordering::AcqRel);
    !(is_called && (course.common.is_ending() || stops(course.common, stack)))
}

/// Whether the script is to end: its host says so, or cannot be asked.
fn stops(common: &Common, stack: &Stack<'_>) -> bool {
    match catch_unwind(AssertUnwindSafe(|| host::ask(|host| host.progress()))) {
        Ok(Some(Progress::Stop(why))) => {
            // A native function may have been called by the last statement.
            let line = stack.line_in(b"@user_").unwrap_or_else(|| common.last_line());
            common.stop(why, line);
            true
        }
        Ok(Some(Progress::Continue) | None) => false,
        Err(panic) => {
            common.note_panic(panic);
            true
        }
    }
}

/// Ends the script that runs: from here on it can do nothing but end.
pub(crate) fn end(stack: &mut Stack<'_>) -> ! {
    if let Some(course) = current() {
        course.is_interrupted.store(true, Ordering::Release);
        course.set_hook(stack, Some(on_step));
    }
    raise_end(stack)
}

/// Called at every instruction of a script that is to end.
unsafe extern "C-unwind" fn on_step(state: *mut lua_State, _: *mut lua_Debug) {
    // SAFETY: the interpreter gives it.
    let mut stack = unsafe { of_native(state) };
    match current() {
        Some(course) if course.common.is_ending() => raise_end(&mut stack),
        Some(course) => course.set_hook(&mut stack, None),
        None => stack.set_hook(None, 0),
    }
}

/// Nobody sees what is raised; to make a text could fail.
fn raise_end(stack: &mut Stack<'_>) -> ! {
    stack.push_boolean(false);
    stack.raise_last()
}
