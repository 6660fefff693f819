//! The fields of a small hash, in a list pack.
//!
//! ```text
//!  pairs    | name | value | name | value | ...
//!  triples  | name | value | expiry | name | value | expiry | ...
//! ```
//!
//! Triples are ordered: first the fields that expire, the next to do so in front (of two that expire at the same time, the one
//! that was told last), behind them the others, whose expiry is the integer 0.

use crate::list_pack::{Encoded, Iter, ListPack, ListPackRef, Position};

use super::FieldRef;

/// What the elements of the list pack are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// Names and values.
    Pairs,
    /// Names, values and expiries.
    Triples,
}

impl Layout {
    /// Elements for each field.
    #[inline]
    pub(super) fn width(self) -> usize {
        match self {
            Layout::Pairs => 2,
            Layout::Triples => 3,
        }
    }
}

/// The fields of a small hash.
#[derive(Clone, Debug)]
pub(super) struct Pack {
    pub(super) list: ListPack,
    pub(super) layout: Layout,
}

/// The fields of a small hash, to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackRef<'a> {
    pub(super) list: ListPackRef<'a>,
    pub(super) layout: Layout,
}

impl Pack {
    #[inline]
    pub(super) fn to_ref(&self) -> PackRef<'_> {
        PackRef { list: self.list.as_ref(), layout: self.layout }
    }

    /// Sets a field's value; one that is there expires then if it did, or does no longer if `keep` does not say so. Says
    /// whether it is new.
    pub(super) fn set(&mut self, name: &[u8], value: &[u8], keep: bool) -> bool {
        let list = self.list.as_ref();
        let Some(position) = self.to_ref().position(name) else {
            self.add_last(name, value);
            return true;
        };
        if let Some(at) = list.next(position) {
            if keep || self.to_ref().field_at(position).expiry.is_none() {
                self.list.replace(at, value);
            } else {
                self.list.remove(position, self.layout.width());
                self.add_last(name, value);
            }
        }
        false
    }

    /// Says when a field expires; says whether it is there. The layout has room for that.
    pub(super) fn set_expiry(&mut self, name: &[u8], expiry: Option<i64>) -> bool {
        let Some(position) = self.to_ref().position(name) else { return false };
        let field = self.to_ref().field_at(position);
        if self.layout == Layout::Pairs || (expiry.is_none() && field.expiry.is_none()) {
            return true;
        }
        let value = field.value.to_vec();
        self.list.remove(position, self.layout.width());
        match expiry {
            Some(expiry) => self.add_expiring(name, &value, expiry),
            None => self.add_last(name, &value),
        }
        true
    }

    /// Removes a field; says whether it was there.
    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let position = self.to_ref().position(name);
        if let Some(position) = position {
            self.list.remove(position, self.layout.width());
        }
        position.is_some()
    }

    /// Removes the field that expires first, if it does so before `now_ms`; gives its name.
    pub(super) fn remove_expired(&mut self, now_ms: i64) -> Option<Vec<u8>> {
        let first = self.list.as_ref().first()?;
        let field = self.to_ref().field_at(first);
        if field.expiry.is_none_or(|expiry| now_ms <= expiry) {
            return None;
        }
        let name = field.name.to_vec();
        self.list.remove(first, self.layout.width());
        Some(name)
    }

    /// Makes room for expiries.
    pub(super) fn widen(&mut self) {
        if self.layout == Layout::Triples {
            return;
        }
        let mut wide = ListPack::with_capacity(self.list.total_bytes());
        for field in self.to_ref().iter() {
            push(&mut wide, field);
            wide.push_back_integer(0);
        }
        *self = Pack { list: wide, layout: Layout::Triples };
    }

    fn add_last(&mut self, name: &[u8], value: &[u8]) {
        self.list.push_back(name);
        self.list.push_back(value);
        if self.layout == Layout::Triples {
            self.list.push_back_integer(0);
        }
    }

    fn add_expiring(&mut self, name: &[u8], value: &[u8], expiry: i64) {
        let fields = [Encoded::of(name), Encoded::of(value), Encoded::of_integer(expiry)];
        self.list.insert_encoded(self.to_ref().place_of(expiry), &fields);
    }
}

fn push(list: &mut ListPack, field: FieldRef<'_>) {
    let mut decimal = itoa::Buffer::new();
    list.push_back(field.name.bytes(&mut decimal));
    list.push_back(field.value.bytes(&mut decimal));
}

impl<'a> PackRef<'a> {
    /// The number of fields.
    #[inline]
    pub(super) fn len(self) -> usize {
        match self.layout {
            Layout::Pairs => self.list.len() / 2,
            Layout::Triples => self.list.len() / 3,
        }
    }

    /// Where a field begins.
    #[inline]
    pub(super) fn position(self, name: &[u8]) -> Option<Position> {
        self.list.find(name, self.layout.width().saturating_sub(1))
    }

    /// The field that begins here.
    #[inline]
    pub(super) fn field_at(self, position: Position) -> FieldRef<'a> {
        let fields = Fields { elements: self.list.iter_from(position), layout: self.layout };
        let mut fields = fields;
        fields.next().unwrap_or(FieldRef::EMPTY)
    }

    #[inline]
    pub(super) fn iter(self) -> Fields<'a> {
        Fields { elements: self.list.iter(), layout: self.layout }
    }

    /// When the first field expires.
    pub(super) fn next_expiry(self) -> Option<i64> {
        match self.layout {
            Layout::Pairs => None,
            Layout::Triples => self.iter().next()?.expiry,
        }
    }

    /// How many fields have expired before `now_ms`: so many from the front.
    pub(super) fn expired(self, now_ms: i64) -> usize {
        match self.layout {
            Layout::Pairs => 0,
            Layout::Triples => {
                let has_expired =
                    |field: &FieldRef<'_>| field.expiry.is_some_and(|expiry| expiry < now_ms);
                self.iter().take_while(has_expired).count()
            }
        }
    }

    /// The field before which one belongs that expires then; nothing if it is behind all.
    fn place_of(self, expiry: i64) -> Option<Position> {
        let mut fields = self.iter();
        loop {
            let position = fields.elements.position()?;
            let field = fields.next()?;
            if field.expiry.is_none_or(|other| expiry <= other) {
                return Some(position);
            }
        }
    }
}

/// The fields of a small hash, in order.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    elements: Iter<'a>,
    layout: Layout,
}

impl<'a> Iterator for Fields<'a> {
    type Item = FieldRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<FieldRef<'a>> {
        let name = self.elements.next()?;
        let value = self.elements.next()?;
        let expiry = match self.layout {
            Layout::Pairs => None,
            Layout::Triples => self.elements.next()?.integer().filter(|&expiry| expiry != 0),
        };
        Some(FieldRef { name, value, expiry })
    }
}
