//! From JSON to values.
//!
//! Tables that are open lie on an own stack, each in its place in the next outer one already.

use mlua::{Lua, String as LuaString, Table, Value as LuaValue};

use super::super::argument::Arguments;
use super::super::complaint::Complaint;
use super::super::number::read_number;
use super::super::{Outcome, Results};
use super::DEEPEST_DECODED;
use super::settings::Settings;

pub(super) fn decode(settings: Settings, lua: &Lua, arguments: Arguments<'_>) -> Outcome {
    if arguments.len() != 1 {
        return Err(Complaint::argument(1, "expected 1 argument"));
    }
    let text = arguments.string(1)?;
    let text = text.as_bytes();
    if let [first, second, ..] = &*text
        && (*first == 0 || *second == 0)
    {
        return Err(Complaint::located("JSON parser does not support UTF-16 or UTF-32"));
    }
    let limit = usize::try_from(settings.decode_max_depth).unwrap_or(0).min(DEEPEST_DECODED);
    let tokens = Tokens { settings, text: &text, at: 0, unescaped: Vec::new() };
    let mut decoder = Decoder { lua, tokens, limit, open: Vec::new() };
    Ok(Results::one(decoder.whole()?))
}

/// What JSON is made of.
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// What it says is in `unescaped`.
    String,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    /// None of them, and why.
    Error(&'static str),
}

impl Token {
    /// What errors call it.
    fn name(&self) -> &'static str {
        match self {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::String => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::End => "T_END",
            Token::Error(why) => why,
        }
    }
}

struct Tokens<'a> {
    settings: Settings,
    text: &'a [u8],
    /// Where the next token is looked for.
    at: usize,
    unescaped: Vec<u8>,
}

impl Tokens<'_> {
    /// The byte there; a zero is the end, as it is behind the last one.
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, length: usize) {
        self.at = self.at.saturating_add(length);
    }

    /// The next token, and where it begins, or where it is wrong.
    fn next(&mut self) -> (Token, usize) {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.skip(1);
        }
        let begin = self.at;
        let single = match self.byte(begin) {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b':' => Token::Colon,
            b',' => Token::Comma,
            0 => return (Token::End, begin),
            b'"' => {
                return match self.string() {
                    Ok(()) => (Token::String, begin),
                    Err(why) => (Token::Error(why), self.at),
                };
            }
            b'-' | b'0'..=b'9' => {
                if !self.settings.decode_invalid && self.is_invalid_number() {
                    return (Token::Error("invalid number"), begin);
                }
                return (self.number(), begin);
            }
            _ => return (self.word(), begin),
        };
        self.skip(1);
        (single, begin)
    }

    fn word(&mut self) -> Token {
        for (word, token) in [
            (&b"true"[..], Token::Boolean(true)),
            (b"false", Token::Boolean(false)),
            (b"null", Token::Null),
        ] {
            if self.rest().starts_with(word) {
                self.skip(word.len());
                return token;
            }
        }
        if self.settings.decode_invalid && self.is_invalid_number() {
            return self.number();
        }
        Token::Error("invalid token")
    }

    fn number(&mut self) -> Token {
        match read_number(self.rest()) {
            Some((number, length)) => {
                self.skip(length);
                Token::Number(number)
            }
            None => Token::Error("invalid number"),
        }
    }

    /// Whether what begins here is a number for C but not for JSON: `+1`, `01`, `0x1`, `inf`, `nan`.
    fn is_invalid_number(&self) -> bool {
        let rest = self.rest();
        if rest.starts_with(b"+") {
            return true;
        }
        let unsigned = rest.strip_prefix(b"-").unwrap_or(rest);
        match unsigned {
            [b'0', second, ..] => second.eq_ignore_ascii_case(&b'x') || second.is_ascii_digit(),
            [first, ..] if *first <= b'9' => false,
            _ => unsigned.get(..3).is_some_and(|word| {
                word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")
            }),
        }
    }

    /// Reads a string into `unescaped`. If there is none, what is wrong is where we are then.
    fn string(&mut self) -> Result<(), &'static str> {
        self.unescaped.clear();
        self.skip(1);
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0));
            let plain = end.unwrap_or(rest.len());
            self.unescaped.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.skip(plain);
            match self.byte(self.at) {
                b'"' => {
                    self.skip(1);
                    return Ok(());
                }
                b'\\' => self.escape()?,
                _ => return Err("unexpected end of string"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), &'static str> {
        let plain = match self.byte(self.at.saturating_add(1)) {
            letter @ (b'"' | b'\\' | b'/') => letter,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'f' => 12,
            b'r' => b'\r',
            b'u' => return self.unicode().ok_or("invalid unicode escape code"),
            _ => return Err("invalid escape code"),
        };
        self.unescaped.push(plain);
        self.skip(2);
        Ok(())
    }

    /// `\u0041`, or two of them that are one character together.
    fn unicode(&mut self) -> Option<()> {
        let first = self.four_digits(self.at)?;
        let (code, length) = if first & 0xfc00 == 0xd800 {
            let second = self.four_digits(self.at.saturating_add(6))?;
            if second & 0xfc00 != 0xdc00 {
                return None;
            }
            (0x1_0000_u32.saturating_add((first & 0x3ff) << 10 | second & 0x3ff), 12)
        } else {
            (first, 6)
        };
        let character = char::from_u32(code)?;
        self.unescaped.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.skip(length);
        Some(())
    }

    /// The number in an escape of this kind.
    fn four_digits(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..)?.strip_prefix(b"\\u")?.get(..4)?;
        digits
            .iter()
            .try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
    }
}

struct Decoder<'a> {
    lua: &'a Lua,
    tokens: Tokens<'a>,
    limit: usize,
    open: Vec<Open>,
}

/// A table that is being filled.
struct Open {
    table: Table,
    kind: Kind,
    /// Nothing was read of it yet.
    is_fresh: bool,
}

enum Kind {
    /// With the place of the next element.
    Array(i64),
    Object,
}

impl Open {
    fn ends_with(&self, token: &Token) -> bool {
        match self.kind {
            Kind::Array(_) => matches!(token, Token::ArrayEnd),
            Kind::Object => matches!(token, Token::ObjectEnd),
        }
    }
}

/// Where a value belongs.
enum Place {
    Element,
    Field(LuaString),
}

impl Decoder<'_> {
    fn whole(&mut self) -> Result<LuaValue, Complaint> {
        let next = self.tokens.next();
        let whole = self.value(next, None)?;
        while !self.open.is_empty() {
            self.step()?;
        }
        match self.tokens.next() {
            (Token::End, _) => Ok(whole),
            (found, at) => Err(unexpected("the end", &found, at)),
        }
    }

    /// Reads the value that begins with a token and puts it in its place; a table is only begun.
    fn value(
        &mut self,
        (token, at): (Token, usize),
        place: Option<Place>,
    ) -> Result<LuaValue, Complaint> {
        let value = match token {
            Token::String => LuaValue::String(self.lua.create_string(&self.tokens.unescaped)?),
            Token::Number(number) => LuaValue::Number(number),
            Token::Boolean(value) => LuaValue::Boolean(value),
            Token::Null => LuaValue::NULL,
            Token::ObjectBegin | Token::ArrayBegin => {
                let depth = self.open.len().saturating_add(1);
                if self.limit < depth {
                    let at = self.tokens.at;
                    return Err(Complaint::located(format!(
                        "Found too many nested data structures ({depth}) at character {at}"
                    )));
                }
                let table = self.lua.create_table()?;
                self.put(place, &LuaValue::Table(table.clone()))?;
                let is_object = matches!(token, Token::ObjectBegin);
                let kind = if is_object { Kind::Object } else { Kind::Array(1) };
                self.open.push(Open { table: table.clone(), kind, is_fresh: true });
                // Only the outermost is of use to the caller.
                return Ok(LuaValue::Table(table));
            }
            Token::ObjectEnd
            | Token::ArrayEnd
            | Token::Colon
            | Token::Comma
            | Token::End
            | Token::Error(_) => return Err(unexpected("value", &token, at)),
        };
        self.put(place, &value)?;
        Ok(value)
    }

    fn put(&mut self, place: Option<Place>, value: &LuaValue) -> mlua::Result<()> {
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        match (place, &mut open.kind) {
            (Some(Place::Field(name)), _) => open.table.raw_set(name, value),
            (Some(Place::Element), Kind::Array(place)) => {
                open.table.raw_set(*place, value)?;
                *place = place.saturating_add(1);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Goes on with the innermost table: its end, or its next element.
    fn step(&mut self) -> Result<(), Complaint> {
        let next = self.tokens.next();
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        let is_fresh = std::mem::replace(&mut open.is_fresh, false);
        match (&open.kind, &next.0) {
            (_, token) if open.ends_with(token) => {
                self.open.pop();
                Ok(())
            }
            _ if is_fresh => self.element(next),
            (_, Token::Comma) => {
                let next = self.tokens.next();
                self.element(next)
            }
            (Kind::Object, found) => Err(unexpected("comma or object end", found, next.1)),
            (Kind::Array(_), found) => Err(unexpected("comma or array end", found, next.1)),
        }
    }

    /// Reads an element that begins with a token.
    fn element(&mut self, next: (Token, usize)) -> Result<(), Complaint> {
        if self.open.last().is_none_or(|open| matches!(open.kind, Kind::Array(_))) {
            return self.value(next, Some(Place::Element)).map(drop);
        }
        let (Token::String, _) = next else {
            return Err(unexpected("object key string", &next.0, next.1));
        };
        let name = self.lua.create_string(&self.tokens.unescaped)?;
        match self.tokens.next() {
            (Token::Colon, _) => {}
            (found, at) => return Err(unexpected("colon", &found, at)),
        }
        let next = self.tokens.next();
        self.value(next, Some(Place::Field(name))).map(drop)
    }
}

fn unexpected(expected: &str, found: &Token, at: usize) -> Complaint {
    let (found, place) = (found.name(), at.saturating_add(1));
    Complaint::located(format!("Expected {expected} but found {found} at character {place}"))
}
