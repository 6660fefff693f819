//! Where a command's keys stand, and what it does with them.
//!
//! A [`KeySpec`] says where to begin (at a fixed word, or after a keyword) and how to go on from there
//! (a range of words, or as many as a word says). Words are counted from the command's name, which is
//! word 0. Specs are facts about the command that clients and proxies read in COMMAND INFO, too.
//!
//! ```
//! use ochre_command::KeySpec;
//!
//! const GET: KeySpec = KeySpec::read_only(1).accesses();
//! const DEL: KeySpec = KeySpec::remove(1).to_last().deletes();
//! const MSET: KeySpec = KeySpec::overwrite(1).to_last().step(2).updates();
//! const EVAL: KeySpec = KeySpec::read_write(2).numbered().accesses().updates();
//! const XREAD: KeySpec = KeySpec::read_only(0).after("STREAMS", 1).to_last().limit(2).accesses();
//! ```

/// Some keys of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Where to begin.
    pub begin: Begin,
    /// How to go on from there.
    pub find: Find,
    /// What is done with these keys.
    pub flags: KeyFlags,
    /// What COMMAND INFO adds; empty for nothing.
    pub notes: &'static str,
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At a word.
    Index(u16),
    /// At the word after a keyword.
    Keyword {
        /// In capitals.
        word: &'static str,
        /// The first word that may be the keyword; from a negative one the search runs backwards, and
        /// -1 is the last word.
        start: i16,
    },
    /// No rule says.
    Unknown,
}

/// Which words are keys, seen from where the search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// From the beginning to a last word.
    Range {
        /// Relative to the beginning; if negative, to the end of the call, whose last word is -1.
        last: i16,
        /// From one key to the next.
        step: u16,
        /// With `last` at -1: the keys fill only one part in `limit` of the words that are left (0 and
        /// 1: all).
        limit: u16,
    },
    /// A word says how many.
    Number {
        /// The word that says it, relative to the beginning.
        number: u16,
        /// The first key, relative to the beginning.
        first: u16,
        /// From one key to the next.
        step: u16,
    },
    /// No rule says.
    Unknown,
}

impl KeySpec {
    /// The key at word `index`, whose value is read, or something about it.
    pub const fn read_only(index: u16) -> KeySpec {
        KeySpec::at(index, KeyFlags::READ_ONLY)
    }

    /// The key at word `index`, whose value is read and then changed.
    pub const fn read_write(index: u16) -> KeySpec {
        KeySpec::at(index, KeyFlags::READ_WRITE)
    }

    /// The key at word `index`, whose value is replaced whatever it was.
    pub const fn overwrite(index: u16) -> KeySpec {
        KeySpec::at(index, KeyFlags::OVERWRITE)
    }

    /// The key at word `index`, which is removed.
    pub const fn remove(index: u16) -> KeySpec {
        KeySpec::at(index, KeyFlags::REMOVE)
    }

    /// The word at `index`, which is no key but decides on the place like one (a shard channel).
    pub const fn not_key(index: u16) -> KeySpec {
        KeySpec::at(index, KeyFlags::NOT_KEY)
    }

    /// Keys that no rule can find.
    #[must_use]
    pub const fn unknown(self) -> KeySpec {
        KeySpec { begin: Begin::Unknown, find: Find::Unknown, ..self }
    }

    const fn at(index: u16, flags: KeyFlags) -> KeySpec {
        KeySpec { begin: Begin::Index(index), find: ONE, flags, notes: "" }
    }

    /// The search begins after the keyword `word` (in capitals), which stands at word `start` or later;
    /// from a negative `start` it is searched for backwards.
    #[must_use]
    pub const fn after(self, word: &'static str, start: i16) -> KeySpec {
        KeySpec { begin: Begin::Keyword { word, start }, ..self }
    }

    /// Every word up to the last one is a key.
    #[must_use]
    pub const fn to_last(self) -> KeySpec {
        self.through(-1)
    }

    /// Every word is a key up to `last`: seen from the first key, or from the end if negative.
    #[must_use]
    pub const fn through(self, last: i16) -> KeySpec {
        KeySpec { find: Find::Range { last, step: 1, limit: 0 }, ..self }
    }

    /// The word at the beginning says how many keys follow it.
    #[must_use]
    pub const fn numbered(self) -> KeySpec {
        KeySpec { find: Find::Number { number: 0, first: 1, step: 1 }, ..self }
    }

    /// Keys stand `step` words apart.
    #[must_use]
    pub const fn step(self, step: u16) -> KeySpec {
        let find = match self.find {
            Find::Range { last, limit, .. } => Find::Range { last, step, limit },
            Find::Number { number, first, .. } => Find::Number { number, first, step },
            Find::Unknown => Find::Unknown,
        };
        KeySpec { find, ..self }
    }

    /// The keys of a range fill one part in `limit` of the words that are left.
    #[must_use]
    pub const fn limit(self, limit: u16) -> KeySpec {
        let find = match self.find {
            Find::Range { last, step, .. } => Find::Range { last, step, limit },
            other @ (Find::Number { .. } | Find::Unknown) => other,
        };
        KeySpec { find, ..self }
    }

    /// What the client gets depends on the values.
    #[must_use]
    pub const fn accesses(self) -> KeySpec {
        self.and(KeyFlags::ACCESS)
    }

    /// What is in the values may be changed.
    #[must_use]
    pub const fn updates(self) -> KeySpec {
        self.and(KeyFlags::UPDATE)
    }

    /// Adds to the values, and changes nothing that is there.
    #[must_use]
    pub const fn inserts(self) -> KeySpec {
        self.and(KeyFlags::INSERT)
    }

    /// Takes from the values, or removes the keys.
    #[must_use]
    pub const fn deletes(self) -> KeySpec {
        self.and(KeyFlags::DELETE)
    }

    /// May miss some keys.
    #[must_use]
    pub const fn incomplete(self) -> KeySpec {
        self.and(KeyFlags::INCOMPLETE)
    }

    /// The flags depend on the arguments.
    #[must_use]
    pub const fn variable_flags(self) -> KeySpec {
        self.and(KeyFlags::VARIABLE)
    }

    /// What COMMAND INFO adds.
    #[must_use]
    pub const fn notes(self, notes: &'static str) -> KeySpec {
        KeySpec { notes, ..self }
    }

    const fn and(self, flags: KeyFlags) -> KeySpec {
        KeySpec { flags: self.flags.and(flags), ..self }
    }
}

/// What a command does with a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyFlags(u16);

impl KeyFlags {
    /// Nothing.
    pub const NONE: KeyFlags = KeyFlags(0);
    /// Reads the value, or something about it.
    pub const READ_ONLY: KeyFlags = KeyFlags(1);
    /// Reads the value and changes it.
    pub const READ_WRITE: KeyFlags = KeyFlags(1 << 1);
    /// Replaces the value.
    pub const OVERWRITE: KeyFlags = KeyFlags(1 << 2);
    /// Removes the key.
    pub const REMOVE: KeyFlags = KeyFlags(1 << 3);
    /// What the client gets depends on the value.
    pub const ACCESS: KeyFlags = KeyFlags(1 << 4);
    /// Changes what is in the value.
    pub const UPDATE: KeyFlags = KeyFlags(1 << 5);
    /// Adds to the value only.
    pub const INSERT: KeyFlags = KeyFlags(1 << 6);
    /// Takes from the value, or removes the key.
    pub const DELETE: KeyFlags = KeyFlags(1 << 7);
    /// The word is no key.
    pub const NOT_KEY: KeyFlags = KeyFlags(1 << 8);
    /// The spec may miss some keys.
    pub const INCOMPLETE: KeyFlags = KeyFlags(1 << 9);
    /// The flags depend on the arguments.
    pub const VARIABLE: KeyFlags = KeyFlags(1 << 10);

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: KeyFlags) -> KeyFlags {
        KeyFlags(self.0 | other.0)
    }

    /// Whether all of `other` is in this set.
    pub const fn has(self, other: KeyFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in this set.
    pub const fn has_any(self, other: KeyFlags) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the value or the key may be changed.
    pub const fn writes(self) -> bool {
        self.has_any(KeyFlags::READ_WRITE.and(KeyFlags::OVERWRITE).and(KeyFlags::REMOVE))
    }

    /// The flag of a name, as [`KeyFlags::names`] writes it.
    pub fn named(name: &str) -> Option<KeyFlags> {
        NAMES.iter().find(|&&(_, known)| known == name).map(|&(flag, _)| flag)
    }

    /// The names, in the order of COMMAND INFO.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        NAMES.iter().filter(move |&&(flag, _)| self.has(flag)).map(|&(_, name)| name)
    }
}

/// The keys of a command as those clients see them that know no key specs: a first word, a last one,
/// and the distance between two. For many commands it covers only some keys, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegacyRange {
    /// The first key; 0 if there is none.
    pub first: i32,
    /// The last key; if negative, seen from the end of the call.
    pub last: i32,
    /// From one key to the next.
    pub step: i32,
    /// There may be keys besides: the command is marked `movablekeys`.
    pub misses_some: bool,
}

impl LegacyRange {
    /// What of `specs` can be told in this way: a single range at a fixed word, or several that follow
    /// on one another.
    pub const fn of(specs: &[KeySpec]) -> LegacyRange {
        let mut range = LegacyRange { first: 0, last: 0, step: 0, misses_some: false };
        let mut rest = specs;
        while let [spec, others @ ..] = rest {
            rest = others;
            match (spec.begin, spec.find) {
                (Begin::Index(first), Find::Range { last, step, .. })
                    if specs.len() == 1 || (step == 1 && range.ends_before(first)) =>
                {
                    let first = first as i32;
                    if range.first == 0 {
                        range.first = first;
                    }
                    range.step = step as i32;
                    range.last =
                        if last < 0 { last as i32 } else { first.saturating_add(last as i32) };
                }
                _ => range.misses_some = true,
            }
        }
        range
    }

    const fn ends_before(self, first: u16) -> bool {
        self.first == 0 || self.last.saturating_add(1) == first as i32
    }
}

const ONE: Find = Find::Range { last: 0, step: 1, limit: 0 };

const NAMES: &[(KeyFlags, &str)] = &[
    (KeyFlags::READ_ONLY, "RO"),
    (KeyFlags::READ_WRITE, "RW"),
    (KeyFlags::OVERWRITE, "OW"),
    (KeyFlags::REMOVE, "RM"),
    (KeyFlags::ACCESS, "access"),
    (KeyFlags::UPDATE, "update"),
    (KeyFlags::INSERT, "insert"),
    (KeyFlags::DELETE, "delete"),
    (KeyFlags::NOT_KEY, "not_key"),
    (KeyFlags::INCOMPLETE, "incomplete"),
    (KeyFlags::VARIABLE, "variable_flags"),
];
