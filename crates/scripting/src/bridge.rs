//! What every script and every call goes through: from the server into the interpreter, and back.
//!
//! These are native functions in the interpreter's own manner, on its own stack (see [`stack`](crate::stack)): `redis.call` and `pcall`,
//! `table.insert`, and the one that runs a script. Each goes in two steps. The first one does what can panic, and raises no error:
//! a panic is caught, noted, and goes on where the script was started. The second one makes values, so it may raise errors,
//! and has nothing to be dropped. So neither crosses the other's frames.
#![expect(unsafe_code, reason = "native functions of the interpreter")]

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use mlua::ffi::lua_State;
use mlua::{Function, LightUserData, Lua, Table, Variadic};
use resp::{Output, OwnedWords, Reply, Words};

use crate::answer::{ErrorReply, FIELDS, Names, Told, push_failure, push_reply, write_reply};
use crate::convert::append_number;
use crate::host;
use crate::interrupt;
use crate::libraries::quick;
use crate::native::Shared;
use crate::stack::{Kept, Seen, Stack, of_native};

/// Bytes of memory that are worth keeping from one run to the next.
pub(crate) const KEPT: usize = 1 << 16;

const NO_ARGUMENTS: &[u8] = b"ERR Please specify at least one argument for this redis lib call";
const BAD_ARGUMENT: &[u8] = b"ERR Lua redis lib command arguments must be strings or integers";
const OUTSIDE: &[u8] = b"ERR redis.call/pcall can only be called inside a script invocation";
const UNREADABLE: &[u8] = b"ERR the reply could not be read";

/// What calls need, which lies outside of the interpreter.
pub(crate) struct Bridge {
    common: Shared,
    buffers: UnsafeCell<Buffers>,
}

#[derive(Default)]
struct Buffers {
    words: OwnedWords,
    reply: Output,
    /// A reply that came in several pieces.
    joined: Vec<u8>,
    /// What a library gathers.
    gathered: Vec<u8>,
}

/// What the first step of a call ends with.
enum Submitted<'b> {
    Replied(&'b [u8]),
    Refused(&'static [u8]),
    /// The server has failed in the middle of it.
    Failed,
}

impl Bridge {
    /// The bridge of a native function.
    fn of<'a>(stack: &Stack<'a>) -> &'a Bridge {
        let address = stack.address(Stack::bound(BRIDGE));
        let address = address.unwrap_or_else(|| unreachable!("all are made with it"));
        // SAFETY: `functions` has bound it to all that ask; it lives longer than the interpreter.
        unsafe { address.cast().as_ref() }
    }

    /// Executes the command whose words are on the stack.
    fn submit<'b>(&'b self, stack: &Stack<'_>) -> Submitted<'b> {
        let buffers = self.buffers.get();
        let submit = AssertUnwindSafe(move || {
            // SAFETY: one call is executed at a time, in the one thread that runs the interpreter: what executes it does not come
            // back here, and what was lent of the last one is used no more. Nor does Lua run while a reply is read: that takes a
            // finalizer, and scripts can make none (see `newproxy` in the prelude).
            let buffers: &'b mut Buffers = unsafe { &mut *buffers };
            buffers.submit(stack)
        });
        match catch_unwind(submit) {
            Ok(submitted) => submitted,
            Err(panic) => {
                self.common.note_panic(panic);
                Submitted::Failed
            }
        }
    }
}

/// A bridge and its owner, who keeps it until the interpreter is gone.
pub(crate) struct OwnedBridge(NonNull<Bridge>);

// SAFETY: what it owns may go to another thread as a whole. The interpreter, which points to it, goes with it.
unsafe impl Send for OwnedBridge {}

impl OwnedBridge {
    pub(crate) fn new(common: Shared) -> OwnedBridge {
        let bridge = Box::new(Bridge { common, buffers: UnsafeCell::default() });
        OwnedBridge(NonNull::from(Box::leak(bridge)))
    }

    pub(crate) fn address(&self) -> NonNull<Bridge> {
        self.0
    }

    /// Gives back memory that was needed once. Nothing runs.
    pub(crate) fn tidy(&mut self) {
        // SAFETY: it lives as long as this; no native function runs that could look at it.
        let bridge = unsafe { self.0.as_mut() };
        let Buffers { words, reply, joined, gathered } = bridge.buffers.get_mut();
        if KEPT < words.memory() {
            words.clear();
            words.shrink_to(KEPT);
        }
        reply.clear();
        reply.shrink_to(KEPT);
        for bytes in [joined, gathered] {
            bytes.clear();
            bytes.shrink_to(KEPT);
        }
    }
}

impl Drop for OwnedBridge {
    fn drop(&mut self) {
        // SAFETY: `new` has made it so, and nobody is left who points to it.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// Lends the stack on which nothing runs.
pub(crate) fn with_stack<R>(lua: &Lua, use_it: impl FnOnce(&mut Stack<'_>) -> R) -> R {
    lua.exec_raw_lua(|raw| {
        // SAFETY: the interpreter is locked for this thread meanwhile, and this is its state.
        use_it(&mut unsafe { of_native(raw.state()) })
    })
}

impl Buffers {
    fn submit(&mut self, stack: &Stack<'_>) -> Submitted<'_> {
        let count = stack.len();
        if count == 0 {
            return Submitted::Refused(NO_ARGUMENTS);
        }
        self.words.clear();
        for place in 1..=count {
            match stack.see(place) {
                Seen::String(string) => self.words.push(string),
                Seen::Number(number) => append_number(number, &mut self.words),
                Seen::Nil | Seen::Boolean(_) | Seen::Table | Seen::Null | Seen::Other => {
                    return Submitted::Refused(BAD_ARGUMENT);
                }
            }
        }
        self.reply.clear();
        let Buffers { words, reply, joined, .. } = self;
        if host::ask(|host| host.call(words.as_words(), reply)).is_none() {
            return Submitted::Refused(OUTSIDE);
        }
        if reply.as_slice().is_none() {
            join(reply, joined);
            return Submitted::Replied(joined);
        }
        Submitted::Replied(reply.as_slice().unwrap_or_default())
    }
}

/// Makes one piece of a reply.
fn join(reply: &mut Output, joined: &mut Vec<u8>) {
    joined.clear();
    while !reply.is_empty() {
        let mut slices = [std::io::IoSlice::new(&[]); 16];
        let filled = reply.io_slices(&mut slices);
        let mut count = 0_usize;
        for slice in slices.iter().take(filled) {
            joined.extend_from_slice(slice);
            count = count.saturating_add(slice.len());
        }
        reply.advance(count);
    }
}

/// Where native functions find what they were made with.
const BRIDGE: c_int = 1;
const OK: c_int = 2;
const ERR: c_int = 3;
const GLOBALS: c_int = 2;
const FIRST_FIELD: c_int = 3;
const KEYS: c_int = 10;
const ARGUMENTS: c_int = 11;
const PROXIES: c_int = 1;

/// The native functions.
pub(crate) struct Functions {
    /// Of `redis`.
    pub(crate) call: Function,
    pub(crate) try_call: Function,
    /// Of `table`: it refuses what is in the table of proxies.
    pub(crate) insert: Function,
    /// What libraries do in the usual cases, by library and name.
    pub(crate) quick: [(&'static str, Function); 4],
}

/// Makes them. `bridge` outlives the interpreter.
pub(crate) fn functions(
    lua: &Lua,
    bridge: NonNull<Bridge>,
    proxies: &Table,
) -> mlua::Result<Functions> {
    let bridge = LightUserData(bridge.as_ptr().cast());
    Ok(Functions {
        call: native(lua, call, (bridge, "ok", "err"), ERR)?,
        try_call: native(lua, try_call, (bridge, "ok", "err"), ERR)?,
        insert: native(lua, insert, proxies, PROXIES)?,
        quick: [
            ("cjson.encode", native(lua, encode_json, bridge, BRIDGE)?),
            ("cjson.decode", native(lua, decode_json, bridge, BRIDGE)?),
            ("cmsgpack.pack", native(lua, pack, bridge, BRIDGE)?),
            ("cmsgpack.unpack", native(lua, unpack, bridge, BRIDGE)?),
        ],
    })
}

/// Makes the function that runs scripts; they find their keys and arguments in this table.
pub(crate) fn entrance(
    lua: &Lua,
    bridge: NonNull<Bridge>,
    globals: &Table,
) -> mlua::Result<Function> {
    let bridge = LightUserData(bridge.as_ptr().cast());
    let mut names = Variadic::new();
    for name in FIELDS.into_iter().chain([&b"KEYS"[..], b"ARGV"]) {
        names.push(lua.create_string(name)?);
    }
    native(lua, enter, (bridge, globals, names), ARGUMENTS)
}

/// Makes a native function that finds `bound` values bound to it.
pub(crate) fn native(
    lua: &Lua,
    function: mlua::lua_CFunction,
    values: impl mlua::IntoLuaMulti,
    bound: c_int,
) -> mlua::Result<Function> {
    let make = |state: *mut lua_State| {
        // SAFETY: the interpreter gives it, in a protected call.
        let mut stack = unsafe { of_native(state) };
        stack.push_function(function, bound);
    };
    // SAFETY: the closure pushes a value, in the place of those that were pushed for it, and drops nothing.
    unsafe { lua.exec_raw(values, make) }
}

unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    execute(unsafe { of_native(state) }, true)
}

unsafe extern "C-unwind" fn try_call(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    execute(unsafe { of_native(state) }, false)
}

/// Executes a command, and gives its reply. An error is raised, or given as a value.
fn execute(mut stack: Stack<'_>, raises: bool) -> c_int {
    let names = Names { ok: Stack::bound(OK), err: Stack::bound(ERR) };
    let bridge = Bridge::of(&stack);
    let submitted = bridge.submit(&stack);
    stack.truncate(0);
    let told = match submitted {
        Submitted::Replied(reply) => push_reply(&mut stack, names, reply, bridge.common.protocol())
            .unwrap_or_else(|_| {
                stack.truncate(0);
                push_failure(&mut stack, names, UNREADABLE);
                Told::Failure
            }),
        Submitted::Refused(text) => {
            push_failure(&mut stack, names, text);
            Told::Failure
        }
        Submitted::Failed => interrupt::end(&mut stack),
    };
    if told == Told::Failure && raises {
        stack.raise_last();
    }
    1
}

unsafe extern "C-unwind" fn encode_json(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    try_quickly(unsafe { of_native(state) }, quick::encode_json)
}

unsafe extern "C-unwind" fn decode_json(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    try_quickly(unsafe { of_native(state) }, quick::decode_json)
}

unsafe extern "C-unwind" fn pack(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    try_quickly(unsafe { of_native(state) }, quick::pack)
}

unsafe extern "C-unwind" fn unpack(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    try_quickly(unsafe { of_native(state) }, quick::unpack)
}

/// Gives what a library makes of one value, or nothing if that is not a usual case.
fn try_quickly(mut stack: Stack<'_>, run: fn(&mut Stack<'_>, &mut Vec<u8>) -> bool) -> c_int {
    let bridge = Bridge::of(&stack);
    if bridge.common.is_changed() {
        // The settings may be others than usual.
        return 0;
    }
    let buffers = bridge.buffers.get();
    // SAFETY: as in `submit`; no command is executed meanwhile.
    let buffers = unsafe { &mut *buffers };
    stack.truncate(1);
    c_int::from(run(&mut stack, &mut buffers.gathered))
}

/// `table.insert`: writes past metatables, so it has to know of the tables that nobody may change.
unsafe extern "C-unwind" fn insert(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    let mut stack = unsafe { of_native(state) };
    stack.require_table(1);
    let arguments = stack.len();
    if stack.push_metatable(1) {
        stack.push_copy(1);
        stack.exchange_key(Stack::bound(PROXIES));
        if stack.see(stack.len()) != Seen::Nil {
            stack.push_string(b"Attempt to modify a readonly table");
            stack.raise_last();
        }
        stack.truncate(arguments);
    }
    let end = c_int::try_from(stack.length(1)).unwrap_or(c_int::MAX).saturating_add(1);
    let place = match arguments {
        2 => end,
        3 => {
            #[expect(clippy::cast_possible_truncation, reason = "as the interpreter converts")]
            let place = stack.require_integer(2) as c_int;
            let mut number = end;
            while place < number {
                let before = number.saturating_sub(1);
                stack.push_element(1, before);
                stack.set_element(1, number);
                number = before;
            }
            place
        }
        _ => stack.raise(c"wrong number of arguments to 'insert'"),
    };
    stack.set_element(1, place);
    0
}

/// A script that is to be run.
pub(crate) struct Task<'t, 'o> {
    pub(crate) script: Kept,
    /// Its keys, and then its arguments.
    pub(crate) words: Words<'t>,
    pub(crate) keys: usize,
    pub(crate) manner: Manner,
    pub(crate) reply: &'t mut Reply<'o>,
    /// Those in the reply.
    pub(crate) errors: &'t mut Vec<ErrorReply>,
}

/// How something is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// It finds its keys and arguments in globals.
    Script,
    /// It is given them.
    Function,
    /// There are none.
    Library,
}

/// Runs a [`Task`], whose address it is given.
unsafe extern "C-unwind" fn enter(state: *mut lua_State) -> c_int {
    // SAFETY: the interpreter gives it.
    let mut stack = unsafe { of_native(state) };
    let Some(task) = stack.address(1) else { return 0 };
    // SAFETY: no script has this function; who calls it keeps the task until then, and does not look at it.
    let task: &mut Task<'_, '_> = unsafe { task.cast().as_mut() };
    stack.truncate(0);
    let (keys, arguments) = (task.words.take(task.keys), task.words.skip(task.keys));
    match task.manner {
        Manner::Script => {
            for (name, words) in [(KEYS, keys), (ARGUMENTS, arguments)] {
                stack.push_copy(Stack::bound(name));
                push_words(&mut stack, words);
                stack.set_field(Stack::bound(GLOBALS));
            }
            stack.push_kept(task.script);
            stack.call(0, 1);
        }
        Manner::Function => {
            stack.push_kept(task.script);
            push_words(&mut stack, keys);
            push_words(&mut stack, arguments);
            stack.call(2, 1);
        }
        Manner::Library => {
            stack.push_kept(task.script);
            stack.call(0, 1);
        }
    }
    let protocol = Bridge::of(&stack).common.protocol();
    write_reply(&mut stack, FIRST_FIELD, protocol, task.reply, task.errors);
    0
}

fn push_words(stack: &mut Stack<'_>, words: Words<'_>) {
    stack.push_table(words.len(), 0);
    let table = stack.len();
    for (number, word) in (1_i32..).zip(words.iter()) {
        stack.push_string(word);
        stack.set_element(table, number);
    }
}
