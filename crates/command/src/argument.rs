//! The grammar of a command's arguments.
//!
//! A list of [`Argument`]s describes what follows a command's name. It is data: COMMAND DOCS prints
//! it, the arity and the line of syntax are derived from it, and tests draw random calls from it.
//!
//! ```
//! use ochre_command::argument::{Argument, block, double, integer, key, one_of, string, token, unix_time};
//!
//! // SET key value [NX | XX] [GET] [EX seconds | EXAT unix-time-seconds | KEEPTTL]
//! const SET: &[Argument] = &[
//!     key("key"),
//!     string("value"),
//!     one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).optional().since("2.6.12"),
//!     token("get", "GET").optional().since("6.2.0"),
//!     one_of("expiration", &[
//!         integer("seconds").after("EX"),
//!         unix_time("unix-time-seconds").after("EXAT").since("6.2.0"),
//!         token("keepttl", "KEEPTTL").since("6.0.0"),
//!     ])
//!     .optional(),
//! ];
//!
//! // ZADD's scores and members
//! const DATA: Argument = block("data", &[double("score"), string("member")]).multiple();
//! ```

/// One argument in the grammar of a command.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// What it is called; unique among its siblings.
    pub name: &'static str,
    /// What a line of syntax calls it, if not by its name.
    pub display: Option<&'static str>,
    /// What stands in its place.
    pub kind: Kind,
    /// The literal word in front of it, or the whole of it if it is a [`Kind::Token`].
    pub token: Option<&'static str>,
    /// Which key spec finds the key that it is.
    pub key_spec: Option<u8>,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// When repeated, its token is repeated as well.
    pub multiple_token: bool,
    /// The version that brought it, if not that of the command.
    pub since: Option<&'static str>,
    /// The version from which on it should not be used.
    pub deprecated_since: Option<&'static str>,
}

/// What stands in the place of an argument.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any bytes.
    String,
    /// A decimal integer.
    Integer,
    /// A number.
    Double,
    /// The name of a key.
    Key,
    /// A glob pattern.
    Pattern,
    /// A point in time: seconds or milliseconds since 1970.
    UnixTime,
    /// Its token, and nothing else.
    Token,
    /// One of these.
    OneOf(&'static [Argument]),
    /// All of these, one after the other.
    Block(&'static [Argument]),
}

/// Any bytes.
pub const fn string(name: &'static str) -> Argument {
    Argument::new(name, Kind::String)
}

/// A decimal integer.
pub const fn integer(name: &'static str) -> Argument {
    Argument::new(name, Kind::Integer)
}

/// A number.
pub const fn double(name: &'static str) -> Argument {
    Argument::new(name, Kind::Double)
}

/// A key that the command's first key spec finds.
pub const fn key(name: &'static str) -> Argument {
    Argument::new(name, Kind::Key).spec(0)
}

/// A glob pattern.
pub const fn pattern(name: &'static str) -> Argument {
    Argument::new(name, Kind::Pattern)
}

/// A point in time: seconds or milliseconds since 1970.
pub const fn unix_time(name: &'static str) -> Argument {
    Argument::new(name, Kind::UnixTime)
}

/// The literal `word`, in capitals.
pub const fn token(name: &'static str, word: &'static str) -> Argument {
    Argument::new(name, Kind::Token).after(word)
}

/// One of `choices`.
pub const fn one_of(name: &'static str, choices: &'static [Argument]) -> Argument {
    Argument::new(name, Kind::OneOf(choices))
}

/// All of `parts`, one after the other.
pub const fn block(name: &'static str, parts: &'static [Argument]) -> Argument {
    Argument::new(name, Kind::Block(parts))
}

impl Argument {
    const fn new(name: &'static str, kind: Kind) -> Argument {
        Argument {
            name,
            display: None,
            kind,
            token: None,
            key_spec: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            since: None,
            deprecated_since: None,
        }
    }

    /// Stands behind the literal `word` (in capitals).
    #[must_use]
    pub const fn after(self, word: &'static str) -> Argument {
        Argument { token: Some(word), ..self }
    }

    /// May be left out.
    #[must_use]
    pub const fn optional(self) -> Argument {
        Argument { optional: true, ..self }
    }

    /// May be repeated. A token in front of it is there once.
    #[must_use]
    pub const fn multiple(self) -> Argument {
        Argument { multiple: true, ..self }
    }

    /// May be repeated, together with the token in front of it.
    #[must_use]
    pub const fn multiple_with_token(self) -> Argument {
        Argument { multiple: true, multiple_token: true, ..self }
    }

    /// Is found by the command's key spec number `index`, counted from 0.
    #[must_use]
    pub const fn spec(self, index: u8) -> Argument {
        Argument { key_spec: Some(index), ..self }
    }

    /// Came with this version, later than the command.
    #[must_use]
    pub const fn since(self, version: &'static str) -> Argument {
        Argument { since: Some(version), ..self }
    }

    /// Should not be used from this version on.
    #[must_use]
    pub const fn deprecated_since(self, version: &'static str) -> Argument {
        Argument { deprecated_since: Some(version), ..self }
    }

    /// Is called this in a line of syntax.
    #[must_use]
    pub const fn display(self, text: &'static str) -> Argument {
        Argument { display: Some(text), ..self }
    }

    /// What it is called in a line of syntax.
    pub const fn display_text(&self) -> &'static str {
        match self.display {
            Some(text) => text,
            None => self.name,
        }
    }

    /// The arguments inside this one.
    pub const fn parts(&self) -> &'static [Argument] {
        match self.kind {
            Kind::OneOf(parts) | Kind::Block(parts) => parts,
            Kind::String
            | Kind::Integer
            | Kind::Double
            | Kind::Key
            | Kind::Pattern
            | Kind::UnixTime
            | Kind::Token => &[],
        }
    }
}

impl Kind {
    /// The name that COMMAND DOCS has for it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::Key => "key",
            Kind::Pattern => "pattern",
            Kind::UnixTime => "unix-time",
            Kind::Token => "pure-token",
            Kind::OneOf(_) => "oneof",
            Kind::Block(_) => "block",
        }
    }
}
