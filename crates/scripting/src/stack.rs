//! The interpreter's own stack of values, as one of its native functions sees it.
//!
//! Values that go through the safe interface of `mlua` cost 50 to 100 ns each: a lock, a place in a table of references, a protected
//! call. A script's calls, its keys and its reply go through here instead, at the few ns that the interpreter itself takes.
//!
//! What is read by place is there or is nil: places count from 1, and the interpreter answers nil for those beyond the end. The
//! interpreter grows its stack by itself. What works on a table works on one that the caller has seen or pushed at that place; builds
//! with debug assertions check that, in this module and in the interpreter.
//!
//! Those that may raise an error of Lua (memory runs out wherever a value is made) say so: they end by unwinding through their
//! callers to the next protected call. Nobody who calls them may hold what has to be dropped, lest it depends on how the platform unwinds
//! whether it is.
#![expect(unsafe_code, reason = "calls the interpreter's interface for C")]

use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::slice;

use mlua::ffi::{self, lua_CFunction, lua_State};

/// Where a value lies, counted from 1.
pub(crate) type Place = c_int;

/// The values that a native function can reach.
pub(crate) struct Stack<'a> {
    state: NonNull<lua_State>,
    life: PhantomData<&'a mut lua_State>,
}

/// A value, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Seen<'s> {
    Nil,
    Boolean(bool),
    Number(f64),
    String(&'s [u8]),
    Table,
    /// The address of nothing, which `cjson` has for null.
    Null,
    Other,
}

/// How a protected call has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    Well,
    /// The error is on the stack.
    WithError,
    /// There was not enough memory; a text that says so is on the stack.
    OutOfMemory,
}

/// A value that the interpreter keeps for us in its registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept(pub(crate) c_int);

impl<'a> Stack<'a> {
    /// # Safety
    ///
    /// The state lives as long as this, and this thread alone uses it meanwhile.
    pub(crate) unsafe fn new(state: NonNull<lua_State>) -> Stack<'a> {
        Stack { state, life: PhantomData }
    }

    fn state(&self) -> *mut lua_State {
        self.state.as_ptr()
    }

    /// How many values there are: the place of the last.
    pub(crate) fn len(&self) -> Place {
        // SAFETY: the state is ours (see `new`).
        unsafe { ffi::lua_gettop(self.state()) }
    }

    /// Removes all values behind this place.
    pub(crate) fn truncate(&mut self, len: Place) {
        // SAFETY: the state is ours; a number that is not negative is a length.
        unsafe { ffi::lua_settop(self.state(), len.max(0)) };
    }

    /// The value at a place.
    pub(crate) fn see(&self, place: Place) -> Seen<'_> {
        // SAFETY: the state is ours; there is nil wherever nothing is.
        match unsafe { ffi::lua_type(self.state(), place) } {
            ffi::LUA_TNIL | ffi::LUA_TNONE => Seen::Nil,
            ffi::LUA_TBOOLEAN => Seen::Boolean(self.truth(place)),
            ffi::LUA_TNUMBER => Seen::Number(self.number(place)),
            ffi::LUA_TSTRING => Seen::String(self.string(place)),
            ffi::LUA_TTABLE => Seen::Table,
            ffi::LUA_TLIGHTUSERDATA if self.address(place).is_none() => Seen::Null,
            _ => Seen::Other,
        }
    }

    /// Whether a value counts as true.
    pub(crate) fn truth(&self, place: Place) -> bool {
        // SAFETY: the state is ours; any value will do.
        0 != unsafe { ffi::lua_toboolean(self.state(), place) }
    }

    fn number(&self, place: Place) -> f64 {
        // SAFETY: the state is ours; the value is a number.
        unsafe { ffi::lua_tonumber(self.state(), place) }
    }

    /// The bytes of a string.
    fn string(&self, place: Place) -> &[u8] {
        let mut length = 0_usize;
        // SAFETY: the state is ours; the value is a string already, so that nothing is converted in its place.
        let bytes = unsafe { ffi::lua_tolstring(self.state(), place, &raw mut length) };
        if bytes.is_null() {
            return &[];
        }
        // SAFETY: the string has so many bytes. They are neither moved nor changed while it lies on the stack, which it does as
        // long as this is borrowed: what takes values away needs the stack for itself.
        unsafe { slice::from_raw_parts(bytes.cast(), length) }
    }

    /// The address that a value stands for.
    pub(crate) fn address(&self, place: Place) -> Option<NonNull<c_void>> {
        // SAFETY: the state is ours; for any other value there is none.
        NonNull::new(unsafe { ffi::lua_touserdata(self.state(), place) })
    }

    /// Where a native function finds what it was made with, the first being 1.
    pub(crate) fn bound(number: c_int) -> Place {
        ffi::lua_upvalueindex(number)
    }

    /// The number of elements of a table, or of bytes of a string.
    pub(crate) fn length(&self, place: Place) -> usize {
        // SAFETY: the state is ours; any value will do.
        unsafe { ffi::lua_objlen(self.state(), place) }
    }

    fn has_table(&self, place: Place) -> bool {
        // SAFETY: the state is ours.
        unsafe { ffi::lua_type(self.state(), place) == ffi::LUA_TTABLE }
    }

    /// Pushes nil.
    pub(crate) fn push_nil(&mut self) {
        // SAFETY: the state is ours.
        unsafe { ffi::lua_pushnil(self.state()) };
    }

    /// Pushes true or false.
    pub(crate) fn push_boolean(&mut self, value: bool) {
        // SAFETY: the state is ours.
        unsafe { ffi::lua_pushboolean(self.state(), value.into()) };
    }

    /// Pushes a number.
    pub(crate) fn push_number(&mut self, number: f64) {
        // SAFETY: the state is ours.
        unsafe { ffi::lua_pushnumber(self.state(), number) };
    }

    /// Pushes the address of nothing.
    pub(crate) fn push_null(&mut self) {
        // SAFETY: the state is ours; the address is a number to the interpreter.
        unsafe { ffi::lua_pushlightuserdata(self.state(), ptr::null_mut()) };
    }

    /// Pushes what stands for an address.
    pub(crate) fn push_address(&mut self, address: NonNull<c_void>) {
        // SAFETY: the state is ours; the address is a number to the interpreter.
        unsafe { ffi::lua_pushlightuserdata(self.state(), address.as_ptr()) };
    }

    /// Pushes a string. May raise.
    pub(crate) fn push_string(&mut self, bytes: &[u8]) {
        // SAFETY: the state is ours; so many bytes are read.
        unsafe { ffi::lua_pushlstring_(self.state(), bytes.as_ptr().cast(), bytes.len()) };
    }

    /// Pushes an empty table with room for so many elements and fields. May raise.
    pub(crate) fn push_table(&mut self, elements: usize, fields: usize) {
        let most = |count: usize| c_int::try_from(count).unwrap_or(c_int::MAX);
        // SAFETY: the state is ours.
        unsafe { ffi::lua_createtable(self.state(), most(elements), most(fields)) };
    }

    /// Pushes a value that is there already.
    pub(crate) fn push_copy(&mut self, place: Place) {
        // SAFETY: the state is ours.
        unsafe { ffi::lua_pushvalue(self.state(), place) };
    }

    /// Pushes what the interpreter keeps for us.
    pub(crate) fn push_kept(&mut self, kept: Kept) {
        // SAFETY: the state is ours; the registry is a table.
        unsafe { ffi::lua_rawgeti_(self.state(), ffi::LUA_REGISTRYINDEX, kept.0) };
    }

    /// Pushes an element of the table at a place.
    pub(crate) fn push_element(&mut self, table: Place, number: c_int) {
        debug_assert!(self.has_table(table), "it was seen to be one");
        // SAFETY: the state is ours, the value a table.
        unsafe { ffi::lua_rawgeti_(self.state(), table, number) };
    }

    /// Replaces the last value, a key, by what the table at a place has for it.
    pub(crate) fn exchange_key(&mut self, table: Place) {
        debug_assert!(self.has_table(table), "it was seen to be one");
        // SAFETY: the state is ours, the value a table, and the caller has pushed the key.
        unsafe { ffi::lua_rawget_(self.state(), table) };
    }

    /// Takes the last value and makes it an element of the table at a place. May raise.
    pub(crate) fn set_element(&mut self, table: Place, number: c_int) {
        debug_assert!(
            self.has_table(table) && table < self.len(),
            "it was there before its element"
        );
        // SAFETY: the state is ours, the value a table, and another value is behind it.
        unsafe { ffi::lua_rawseti_(self.state(), table, number) };
    }

    /// Takes the last two values, a key and its value, and sets them in the table at a place. May raise, also if the key cannot be one.
    pub(crate) fn set_field(&mut self, table: Place) {
        debug_assert!(self.has_table(table) && 2 <= self.len(), "it was there before its field");
        // SAFETY: the state is ours, the value a table, and there are two values.
        unsafe { ffi::lua_rawset(self.state(), table) };
    }

    /// Replaces the last value, a key or nil for the beginning, by the next key of the table at a place and its value. At the end
    /// it takes the key away and answers false.
    ///
    /// The key is one that this has given: another one would raise an error.
    pub(crate) fn advance(&mut self, table: Place) -> bool {
        debug_assert!(self.has_table(table) && table < self.len(), "a key is behind its table");
        // SAFETY: the state is ours, the value a table, and a key is behind it.
        0 != unsafe { ffi::lua_next(self.state(), table) }
    }

    /// Whether there is room for so many values more. Without that the interpreter would raise an error at the end.
    pub(crate) fn has_room(&mut self, count: c_int) -> bool {
        // SAFETY: the state is ours.
        0 != unsafe { ffi::lua_checkstack(self.state(), count) }
    }

    /// Pushes the metatable of the value at a place, if it has one; whether it has.
    pub(crate) fn push_metatable(&mut self, place: Place) -> bool {
        // SAFETY: the state is ours.
        0 != unsafe { ffi::lua_getmetatable(self.state(), place) }
    }

    /// Raises an error if there is no table at a place, in the words of the interpreter's own functions.
    pub(crate) fn require_table(&self, place: Place) {
        // SAFETY: the state is ours.
        unsafe { ffi::luaL_checktype(self.state(), place, ffi::LUA_TTABLE) };
    }

    /// The number at a place; raises an error if there is none, in the words of the interpreter's own functions.
    pub(crate) fn require_integer(&self, place: Place) -> i64 {
        // SAFETY: the state is ours.
        unsafe { ffi::luaL_checkinteger(self.state(), place) }
    }

    /// The string at a place, where a number becomes one; raises an error if there is neither, in the words of the interpreter's
    /// own functions.
    ///
    /// # Safety
    ///
    /// The value stays where it is as long as its bytes are used.
    pub(crate) unsafe fn require_string(&mut self, place: Place) -> &'a [u8] {
        let mut length = 0_usize;
        // SAFETY: the state is ours.
        let bytes = unsafe { ffi::luaL_checklstring(self.state(), place, &raw mut length) };
        // SAFETY: the string has so many bytes, which are neither moved nor changed while the value is there.
        unsafe { slice::from_raw_parts(bytes.cast(), length) }
    }

    /// The number at a place without its fraction, or another one if there is nothing; raises an error if there is something else.
    pub(crate) fn optional_integer(&self, place: Place, otherwise: i64) -> i64 {
        if self.see(place) == Seen::Nil {
            return otherwise;
        }
        // SAFETY: the state is ours.
        integer(unsafe { ffi::luaL_checknumber(self.state(), place) })
    }

    /// Raises an error about the argument at a place, in the manner of the interpreter's own functions.
    pub(crate) fn refuse(&mut self, place: Place, text: &CStr) -> c_int {
        // SAFETY: the state is ours, and the text ends with a zero.
        unsafe { ffi::luaL_argerror(self.state(), place, text.as_ptr()) }
    }

    /// Whether there is a function at a place.
    pub(crate) fn has_function(&self, place: Place) -> bool {
        // SAFETY: the state is ours.
        unsafe { ffi::lua_type(self.state(), place) == ffi::LUA_TFUNCTION }
    }

    /// Pushes what a value is called.
    pub(crate) fn push_kind(&mut self, place: Place) {
        // SAFETY: the state is ours.
        let name = unsafe { ffi::luaL_typename(self.state(), place) };
        // SAFETY: there is a name for every kind, and it ends with a zero.
        let name = unsafe { CStr::from_ptr(name) };
        self.push_string(name.to_bytes());
    }

    /// Replaces the last value, a key, by what a script would find for it in the table at a place. May raise.
    pub(crate) fn look_up(&mut self, table: Place) {
        debug_assert!(self.has_table(table) && table < self.len(), "a key is behind its table");
        // SAFETY: the state is ours, the value a table, and a key is behind it.
        unsafe { ffi::lua_gettable_(self.state(), table) };
    }

    /// Takes the last value and binds it to the native function that runs, in the place of what was bound so.
    pub(crate) fn rebind(&mut self, number: c_int) {
        // SAFETY: the state is ours; the function was made with so many values, and another value was pushed.
        unsafe { ffi::lua_replace(self.state(), Stack::bound(number)) };
    }

    /// Sees to it that there is room for so many values more; raises an error with this text if there cannot be.
    pub(crate) fn require_room(&mut self, count: c_int, text: &CStr) {
        // SAFETY: the state is ours, and the text ends with a zero.
        unsafe { ffi::luaL_checkstack_(self.state(), count, text.as_ptr()) };
    }

    /// Makes one string of so many last values, which are strings. May raise.
    pub(crate) fn join(&mut self, count: c_int) {
        debug_assert!(count <= self.len(), "they were pushed");
        // SAFETY: the state is ours, and has so many values at its end.
        unsafe { ffi::lua_concat(self.state(), count) };
    }

    /// Pushes the line of the caller, as errors begin.
    pub(crate) fn push_place(&mut self) {
        // SAFETY: the state is ours.
        unsafe { ffi::luaL_where(self.state(), 1) };
    }

    /// Raises an error with this text, and the line of the caller in front.
    pub(crate) fn raise(&mut self, text: &CStr) -> ! {
        self.push_place();
        // SAFETY: the state is ours, and the text ends with a zero.
        unsafe { ffi::lua_pushstring_(self.state(), text.as_ptr()) };
        self.join(2);
        self.raise_last()
    }

    /// Raises the last value as an error.
    pub(crate) fn raise_last(&mut self) -> ! {
        // SAFETY: the state is ours; the value is the callers'. No caller holds what has to be dropped.
        unsafe { ffi::lua_error(self.state()) }
    }

    /// Takes the last `arguments` values and the function before them, calls it, and pushes one result if it is wanted.
    /// Errors go through.
    pub(crate) fn call(&mut self, arguments: c_int, results: c_int) {
        debug_assert!(arguments < self.len(), "the function and its arguments were pushed");
        // SAFETY: the state is ours, and there are so many values.
        unsafe { ffi::lua_call(self.state(), arguments, results) };
    }

    /// The same for a function that gives nothing; its errors are given to the function at the place of the `handler`, and what
    /// that gives is pushed.
    pub(crate) fn call_protected(&mut self, arguments: c_int, handler: Place) -> Ended {
        debug_assert!(arguments < self.len(), "the function and its arguments were pushed");
        // SAFETY: the state is ours, and there are so many values, and the handler.
        match unsafe { ffi::lua_pcall(self.state(), arguments, 0, handler) } {
            ffi::LUA_OK => Ended::Well,
            ffi::LUA_ERRMEM => Ended::OutOfMemory,
            _ => Ended::WithError,
        }
    }

    /// Makes a native function of so many last values, which it finds bound to it. May raise.
    pub(crate) fn push_function(&mut self, function: lua_CFunction, bound: c_int) {
        assert!(bound <= self.len(), "they were pushed");
        // SAFETY: the state is ours, and there are so many values. The function is one of ours, made to be called so.
        unsafe { ffi::lua_pushcclosure(self.state(), function, bound) };
    }

    /// The line that runs in the innermost function whose source begins so.
    pub(crate) fn line_in(&self, source: &[u8]) -> Option<usize> {
        /// Deeper than what may be between.
        const LEVELS: c_int = 20;
        (0..LEVELS).find_map(|level| {
            // SAFETY: numbers and pointers, for which zero is a value.
            let mut debug: ffi::lua_Debug = unsafe { std::mem::zeroed() };
            // SAFETY: the state is ours.
            if 0 == unsafe { ffi::lua_getstack(self.state(), level, &raw mut debug) } {
                return None;
            }
            // SAFETY: the state is ours, and has just filled this in.
            unsafe { ffi::lua_getinfo(self.state(), c"Sl".as_ptr(), &raw mut debug) };
            if debug.source.is_null() {
                return None;
            }
            // SAFETY: the source is a text that ends with a zero, and lives as long as its function.
            let own = unsafe { CStr::from_ptr(debug.source) };
            if !own.to_bytes().starts_with(source) {
                return None;
            }
            usize::try_from(debug.currentline).ok()
        })
    }

    /// Bytes that the interpreter uses.
    pub(crate) fn memory(&self) -> usize {
        // SAFETY: the state is ours; this only asks.
        let kib = unsafe { ffi::lua_gc(self.state(), ffi::LUA_GCCOUNT, 0) };
        // SAFETY: as above.
        let bytes = unsafe { ffi::lua_gc(self.state(), ffi::LUA_GCCOUNTB, 0) };
        let number = |number: c_int| usize::try_from(number).unwrap_or(0);
        number(kib).saturating_mul(1024).saturating_add(number(bytes))
    }

    /// Has a function called at the next instruction and at each `period`th after it; none has none called any more.
    pub(crate) fn set_hook(&mut self, hook: Option<ffi::lua_Hook>, period: c_int) {
        let events = if hook.is_some() { ffi::LUA_MASKCOUNT } else { 0 };
        // SAFETY: the state is ours; the hook is one of ours, made to be called so.
        unsafe { ffi::lua_sethook(self.state(), hook, events, period) };
    }

    /// The state, for who keeps it beyond this.
    pub(crate) fn as_ptr(&self) -> *mut lua_State {
        self.state.as_ptr()
    }
}

/// A text that grows in the interpreter's own memory. While it does, parts of it lie at the end of the stack: what is pushed has
/// to be taken away again before more is added.
pub(crate) struct Growing<'b> {
    buffer: &'b mut MaybeUninit<ffi::luaL_Buffer>,
}

impl<'b> Growing<'b> {
    /// An empty one, which has its bytes in `buffer` while they are few.
    pub(crate) fn begin(
        stack: &mut Stack<'_>,
        buffer: &'b mut MaybeUninit<ffi::luaL_Buffer>,
    ) -> Growing<'b> {
        // SAFETY: the state is ours. The buffer is written to, and stays where it is as long as this is there.
        unsafe { ffi::luaL_buffinit(stack.state(), buffer.as_mut_ptr()) };
        Growing { buffer }
    }

    /// Adds bytes. May raise.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        // SAFETY: `begin` has made it what it is; so many bytes are read.
        unsafe {
            ffi::luaL_addlstring(self.buffer.as_mut_ptr(), bytes.as_ptr().cast(), bytes.len());
        };
    }

    /// Adds the last value of the stack, a string or a number, and takes it away. May raise.
    pub(crate) fn add_last(&mut self) {
        // SAFETY: `begin` has made it what it is. The caller has pushed the value; another one would raise an error.
        unsafe { ffi::luaL_addvalue(self.buffer.as_mut_ptr()) };
    }

    /// Pushes the text. May raise.
    pub(crate) fn push(self) {
        // SAFETY: `begin` has made it what it is.
        unsafe { ffi::luaL_pushresult(self.buffer.as_mut_ptr()) };
    }
}

/// A number without its fraction, as a processor converts it: what does not fit is the least number.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
fn integer(number: f64) -> i64 {
    /// 2^63, the first that does not fit.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&number) { number as i64 } else { i64::MIN }
}

/// The state that a native function or a hook is given.
///
/// # Safety
///
/// It is the one that the interpreter has just given to the function that calls this.
pub(crate) unsafe fn of_native<'a>(state: *mut lua_State) -> Stack<'a> {
    let state = NonNull::new(state).unwrap_or_else(|| unreachable!("a function runs in a state"));
    // SAFETY: while a native function runs, the state is its own.
    unsafe { Stack::new(state) }
}
