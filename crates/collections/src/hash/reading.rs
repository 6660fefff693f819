//! Reading a hash, whatever its form.
//!
//! Fields that have expired are not there for a reader who says what time it is, whether they were removed yet or not. Only
//! [`len`](HashRef::len) counts them, so that it needs no search.

use std::collections::HashSet;

use super::field::Field;
use super::pack::{self, PackRef};
use super::table::Table;
use crate::collection::Encoding;
use crate::hash_table;
use crate::list_pack::Element;

/// A field with its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldRef<'a> {
    /// Its name.
    pub name: Element<'a>,
    /// Its value.
    pub value: Element<'a>,
    /// Unix time in ms at which it expires, if it does.
    pub expiry: Option<i64>,
}

impl FieldRef<'_> {
    pub(super) const EMPTY: FieldRef<'static> =
        FieldRef { name: Element::Bytes(&[]), value: Element::Bytes(&[]), expiry: None };
}

impl<'a> From<&'a Field> for FieldRef<'a> {
    #[inline]
    fn from(field: &'a Field) -> FieldRef<'a> {
        FieldRef {
            name: Element::Bytes(field.name()),
            value: Element::Bytes(field.value()),
            expiry: field.expiry(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum FormRef<'a> {
    Pack(PackRef<'a>),
    Table(&'a Table),
}

/// A [`Hash`](super::Hash) to be read.
#[derive(Clone, Copy, Debug)]
pub struct HashRef<'a> {
    form: FormRef<'a>,
    /// Fields that expire before this are not there.
    now_ms: i64,
}

impl<'a> HashRef<'a> {
    pub(super) fn new(form: FormRef<'a>) -> HashRef<'a> {
        HashRef { form, now_ms: i64::MIN }
    }

    /// As it is at this time: without the fields that expire before.
    #[must_use]
    pub fn at(self, now_ms: i64) -> HashRef<'a> {
        HashRef { now_ms, ..self }
    }

    /// The bytes that are all there is to it, if it is a small one.
    pub fn packed(self) -> Option<(Encoding, &'a [u8])> {
        match self.form {
            FormRef::Pack(pack) => Some((self.encoding(), pack.list.as_bytes())),
            FormRef::Table(_) => None,
        }
    }

    /// Starts to load what lookups of fields with these hashes will read.
    pub(crate) fn look_ahead(self, hashes: impl Iterator<Item = u64> + Clone) {
        if let FormRef::Table(table) = self.form {
            table.fields().prefetch_all(hashes, Field::address);
        }
    }

    /// How it is represented.
    pub fn encoding(self) -> Encoding {
        match self.form {
            FormRef::Pack(pack) => match pack.layout {
                pack::Layout::Pairs => Encoding::ListPack,
                pack::Layout::Triples => Encoding::ListPackEx,
            },
            FormRef::Table(_) => Encoding::HashTable,
        }
    }

    /// The number of fields, those that have expired and were not removed yet among them.
    pub fn len(self) -> usize {
        match self.form {
            FormRef::Pack(pack) => pack.len(),
            FormRef::Table(table) => table.fields().len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The number of fields that have not expired.
    pub fn live_len(self) -> usize {
        self.len().saturating_sub(self.expired())
    }

    /// Whether a field has expired and was not removed yet.
    #[inline]
    pub fn any_expired(self) -> bool {
        self.next_expiry().is_some_and(|expiry| expiry < self.now_ms)
    }

    /// How many fields have expired.
    fn expired(self) -> usize {
        if !self.any_expired() {
            return 0;
        }
        match self.form {
            FormRef::Pack(pack) => pack.expired(self.now_ms),
            FormRef::Table(table) => table.expired(self.now_ms),
        }
    }

    /// When the first field expires, or has expired if it was not removed yet: unix time in ms.
    pub fn next_expiry(self) -> Option<i64> {
        match self.form {
            FormRef::Pack(pack) => pack.next_expiry(),
            FormRef::Table(table) => table.next_expiry(),
        }
    }

    /// The field of this name.
    #[inline]
    pub fn field(self, name: &[u8]) -> Option<FieldRef<'a>> {
        self.any_field(name).filter(|field| !self.has_expired(field))
    }

    /// Whether there is a field of this name that has expired and was not removed yet.
    pub fn is_expired(self, name: &[u8]) -> bool {
        self.any_field(name).is_some_and(|field| self.has_expired(&field))
    }

    /// The value of the field of this name.
    #[inline]
    pub fn value(self, name: &[u8]) -> Option<Element<'a>> {
        self.field(name).map(|field| field.value)
    }

    /// All fields.
    pub fn iter(self) -> Fields<'a> {
        let form = match self.form {
            FormRef::Pack(pack) => FormFields::Pack(pack.iter()),
            FormRef::Table(table) => FormFields::Table(table.fields().iter()),
        };
        Fields { form, now_ms: self.now_ms }
    }

    /// Visits some fields and gives the cursor with which the next call goes on: 0 when all have been visited. A field that is there
    /// from the first call to the last is visited at least once.
    pub fn scan(self, cursor: u64, mut visit: impl FnMut(FieldRef<'a>)) -> u64 {
        match self.form {
            FormRef::Pack(_) => {
                self.iter().for_each(visit);
                0
            }
            FormRef::Table(table) => table.fields().scan(cursor, |field| {
                let field = FieldRef::from(field);
                if !self.has_expired(&field) {
                    visit(field);
                }
            }),
        }
    }

    /// A random field, each with the same chance; nothing if there is none.
    pub fn random(self, random: &mut dyn FnMut() -> u64) -> Option<FieldRef<'a>> {
        /// Most fields may have expired, and not be removed yet.
        const TRIES: usize = 64;
        if let FormRef::Table(table) = self.form {
            for _ in 0..TRIES {
                let field = FieldRef::from(table.fields().sample(&mut *random)?);
                if !self.has_expired(&field) {
                    return Some(field);
                }
            }
        }
        let expired = self.expired();
        let index = below(random(), self.len().saturating_sub(expired));
        match self.form {
            FormRef::Pack(pack) => {
                let element = index.saturating_add(expired).saturating_mul(pack.layout.width());
                let position = pack.list.nth(i64::try_from(element).ok()?)?;
                Some(pack.field_at(position))
            }
            FormRef::Table(_) => self.iter().nth(index),
        }
    }

    /// Different random fields, so many or all there are; each set of so many with the same chance.
    pub fn random_fields(self, count: usize, random: &mut dyn FnMut() -> u64) -> Vec<FieldRef<'a>> {
        /// Where more than one of so many is wanted, walking through all costs less than finding new ones.
        const RARE: usize = 3;
        let mut left = self.live_len();
        let mut wanted = count.min(left);
        let mut chosen = Vec::with_capacity(wanted);
        if let FormRef::Table(_) = self.form
            && wanted.saturating_mul(RARE) < left
        {
            let mut seen = HashSet::with_capacity(wanted);
            while chosen.len() < wanted {
                let Some(field) = self.random(random) else { break };
                if let Element::Bytes(name) = field.name
                    && seen.insert(name.as_ptr())
                {
                    chosen.push(field);
                }
            }
            return chosen;
        }
        for field in self {
            if below(random(), left) < wanted {
                chosen.push(field);
                wanted = wanted.saturating_sub(1);
            }
            left = left.saturating_sub(1);
        }
        chosen
    }

    /// How many allocations it takes to free it, about.
    pub fn effort(self) -> usize {
        match self.form {
            FormRef::Pack(_) => 1,
            FormRef::Table(table) => table.fields().len(),
        }
    }

    /// See [`ObjectRef::memory_bytes`](crate::ObjectRef::memory_bytes).
    pub fn memory_bytes(self, samples: usize, size: &dyn Fn(usize) -> usize) -> usize {
        let table = match self.form {
            FormRef::Pack(pack) => return size(pack.list.total_bytes()),
            FormRef::Table(table) => table,
        };
        let fields = table.fields();
        let measured = samples.clamp(1, fields.len().max(1));
        let bytes: usize = fields.iter().take(measured).map(|field| size(field.allocation())).sum();
        let all = bytes.saturating_mul(fields.len()).checked_div(measured).unwrap_or(0);
        size(size_of::<Table>()).saturating_add(table.memory_bytes(size)).saturating_add(all)
    }

    /// See [`ObjectRef::digest`](crate::ObjectRef::digest).
    pub fn digest(self, feed: &mut dyn FnMut(&[&[u8]])) {
        let (mut name, mut value) = (itoa::Buffer::new(), itoa::Buffer::new());
        for field in self {
            let (name, value) = (field.name.bytes(&mut name), field.value.bytes(&mut value));
            match field.expiry {
                Some(expiry) => feed(&[name, value, &expiry.to_le_bytes()]),
                None => feed(&[name, value]),
            }
        }
    }

    fn any_field(self, name: &[u8]) -> Option<FieldRef<'a>> {
        match self.form {
            FormRef::Pack(pack) => pack.position(name).map(|position| pack.field_at(position)),
            FormRef::Table(table) => table.find(name).map(FieldRef::from),
        }
    }

    #[inline]
    fn has_expired(self, field: &FieldRef<'_>) -> bool {
        field.expiry.is_some_and(|expiry| expiry < self.now_ms)
    }
}

impl<'a> IntoIterator for HashRef<'a> {
    type Item = FieldRef<'a>;
    type IntoIter = Fields<'a>;

    fn into_iter(self) -> Fields<'a> {
        self.iter()
    }
}

/// See [`HashRef::iter`].
pub struct Fields<'a> {
    form: FormFields<'a>,
    now_ms: i64,
}

enum FormFields<'a> {
    Pack(pack::Fields<'a>),
    Table(hash_table::Iter<'a, Field>),
}

impl<'a> Iterator for Fields<'a> {
    type Item = FieldRef<'a>;

    fn next(&mut self) -> Option<FieldRef<'a>> {
        loop {
            let field = match &mut self.form {
                FormFields::Pack(fields) => fields.next()?,
                FormFields::Table(fields) => FieldRef::from(fields.next()?),
            };
            if field.expiry.is_none_or(|expiry| self.now_ms <= expiry) {
                return Some(field);
            }
        }
    }
}

/// A random number below `bound`, made of one with 64 random bits; 0 if there is none.
fn below(random: u64, bound: usize) -> usize {
    let scaled = u128::from(random).saturating_mul(bound as u128) >> 64;
    usize::try_from(scaled).unwrap_or(0)
}
