//! Values of Lua as the words of calls.

use mlua::Value as LuaValue;
use resp::OwnedWords;
use resp::number::write_double;

/// Appends a script's argument for a command, if it is one: a string, or a number in decimal.
pub(crate) fn append_word(value: &LuaValue, words: &mut OwnedWords) -> bool {
    match value {
        LuaValue::String(string) => words.push(&string.as_bytes()),
        LuaValue::Integer(number) => words.push(itoa::Buffer::new().format(*number).as_bytes()),
        LuaValue::Number(number) => append_number(*number, words),
        _ => return false,
    }
    true
}

/// Appends a number as a word.
pub(crate) fn append_number(number: f64, words: &mut OwnedWords) {
    if let Some(integer) = exact_integer(number) {
        words.push(itoa::Buffer::new().format(integer).as_bytes());
        return;
    }
    let mut text = Vec::new();
    write_double(number, &mut text);
    words.push(&text);
}

/// The integer that a double is, if it is one that is written without an exponent.
#[expect(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "it is compared after the cast"
)]
fn exact_integer(number: f64) -> Option<i64> {
    /// Doubles hold every integer up to this.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.abs() <= EXACT && number.trunc() == number).then_some(number as i64)
}
