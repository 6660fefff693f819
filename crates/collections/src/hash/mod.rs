//! Hashes: values by field, each of which may expire.
//!
//! A small hash is a list pack ([`pack`]): pairs of names and values, or triples with an expiry once a field was told to expire. A
//! large one is a table of fields, each one allocation ([`table`], [`field`]), with an index of those that expire. A
//! hash grows out of the small form when it has more fields, or a longer name or value, than [`Limits`] say; it never goes back.
//!
//! A field that has expired stays until somebody removes it ([`Hash::remove_expired`]). Readers who say what time it is do not
//! see it ([`HashRef::at`]). For those who write it is there: it is for them to remove it first where it should not be.

mod field;
mod pack;
mod reading;
mod table;

#[cfg(test)]
mod tests;

pub use reading::{FieldRef, Fields, HashRef};

use crate::collection::{Collection, Encoding, Kind, Object, ObjectRef};
use crate::list_pack::{ListPack, ListPackRef};
use crate::pieces::Piece;
use pack::{Layout, Pack, PackRef};
use reading::FormRef;
use table::Table;

/// See the module's page.
#[derive(Clone, Debug)]
pub struct Hash {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Pack(Pack),
    Table(Box<Table>),
}

/// Up to which size a hash stays small.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Fields.
    pub fields: usize,
    /// Bytes of a name or value.
    pub bytes: usize,
}

/// What becomes of the expiry of a field that is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetExpiry {
    /// It stays as it is.
    Keep,
    /// The field won't expire.
    Clear,
}

impl Hash {
    /// Without fields.
    pub fn new() -> Hash {
        Hash { form: Form::Pack(Pack { list: ListPack::new(), layout: Layout::Pairs }) }
    }

    /// For reading, with the fields that have expired.
    #[inline]
    pub fn to_ref(&self) -> HashRef<'_> {
        HashRef::new(match &self.form {
            Form::Pack(pack) => FormRef::Pack(pack.to_ref()),
            Form::Table(table) => FormRef::Table(table),
        })
    }

    /// Prepares for so many new fields with these names and values: takes the large form if it is known to need it.
    pub fn prepare<'w>(
        &mut self,
        fields: usize,
        mut words: impl Iterator<Item = &'w [u8]>,
        limits: Limits,
    ) {
        let Form::Pack(pack) = &self.form else { return };
        let mut bytes = 0_usize;
        let many = limits.fields < fields;
        let is_large =
            many || words.any(|word| {
                bytes = bytes.saturating_add(word.len());
                limits.bytes < word.len()
            }) || !pack.list.has_room_for(bytes);
        if is_large {
            self.enlarge(if many { fields } else { 0 });
        }
    }

    /// Sets a field's value; says whether the field is new.
    pub fn set(&mut self, name: &[u8], value: &[u8], expiry: SetExpiry, limits: Limits) -> bool {
        let keep = expiry == SetExpiry::Keep;
        if let Form::Pack(pack) = &mut self.form {
            let fits = name.len().max(value.len()) <= limits.bytes
                && pack.list.has_room_for(overhead(name.len().saturating_add(value.len())));
            if fits {
                let is_new = pack.set(name, value, keep);
                if is_new && limits.fields < pack.to_ref().len() {
                    self.enlarge(0);
                }
                return is_new;
            }
        }
        self.enlarge(0).set(name, value, keep)
    }

    /// Prepares for fields that expire: a small hash changes its form, as one with such fields has.
    pub fn prepare_expiry(&mut self) {
        if let Form::Pack(pack) = &mut self.form {
            // Fields that are some bytes long may become longer by an expiry.
            let grown = pack.to_ref().len().saturating_mul(OVERHEAD);
            if pack.list.has_room_for(grown) {
                pack.widen();
            } else {
                self.enlarge(0);
            }
        }
    }

    /// Says when a field expires (unix time in ms, above 0), or that it does not; says whether it is there.
    pub fn set_expiry(&mut self, name: &[u8], expiry: Option<i64>) -> bool {
        // In small hashes 0 stands for none.
        let expiry = expiry.map(|expiry| expiry.max(1));
        if expiry.is_some() {
            self.prepare_expiry();
        }
        match &mut self.form {
            Form::Pack(pack) => pack.set_expiry(name, expiry),
            Form::Table(table) => table.set_expiry(name, expiry),
        }
    }

    /// Removes a field; says whether it was there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        match &mut self.form {
            Form::Pack(pack) => pack.remove(name),
            Form::Table(table) => table.remove(name),
        }
    }

    /// Removes the field that expires first, if it has: if it was to expire before `now_ms`. Gives its name.
    pub fn remove_expired(&mut self, now_ms: i64) -> Option<Vec<u8>> {
        match &mut self.form {
            Form::Pack(pack) => pack.remove_expired(now_ms),
            Form::Table(table) => table.remove_expired(now_ms).map(|field| field.name().to_vec()),
        }
    }

    /// A hash with these fields in their order, in the form that it takes with them; `triples` if it has had fields that expire. A name
    /// must not come twice.
    pub fn from_fields<'f>(
        fields: impl Iterator<Item = (&'f [u8], &'f [u8], Option<i64>)>,
        limits: Limits,
    ) -> Hash {
        let mut hash = Hash::new();
        for (name, value, expiry) in fields {
            hash.set(name, value, SetExpiry::Clear, limits);
            if expiry.is_some() {
                hash.set_expiry(name, expiry);
            }
        }
        hash
    }

    /// See [`Object::begin_pieces`]: how many fields there are, and when the first expires.
    pub(crate) fn begin_pieces(&mut self) -> Option<(usize, Option<i64>)> {
        match &mut self.form {
            Form::Pack(_) => None,
            Form::Table(table) => Some(table.begin_pieces()),
        }
    }

    pub(crate) fn is_in_pieces(&self) -> bool {
        matches!(&self.form, Form::Table(table) if table.is_in_pieces())
    }

    /// See [`Object::kept_bytes`].
    pub(crate) fn kept_bytes(&self) -> usize {
        match &self.form {
            Form::Pack(_) => 0,
            Form::Table(table) => table.kept_bytes(),
        }
    }

    /// See [`Object::next_piece`].
    pub(crate) fn next_piece(
        &mut self,
        budget: usize,
        visit: &mut dyn FnMut(&Piece<'_>) -> usize,
    ) -> bool {
        match &mut self.form {
            Form::Pack(_) => false,
            Form::Table(table) => table.next_piece(budget, visit),
        }
    }

    pub(crate) fn abandon_pieces(&mut self) {
        if let Form::Table(table) = &mut self.form {
            table.abandon_pieces();
        }
    }

    /// The large form, with room for this many fields at least if it has to be made.
    fn enlarge(&mut self, fields: usize) -> &mut Table {
        if let Form::Pack(pack) = &self.form {
            let pack = pack.to_ref();
            let mut table = Box::new(Table::with_capacity(fields.max(pack.len())));
            let (mut name, mut value) = (itoa::Buffer::new(), itoa::Buffer::new());
            for field in pack.iter() {
                table.add(field.name.bytes(&mut name), field.value.bytes(&mut value), field.expiry);
            }
            self.form = Form::Table(table);
        }
        match &mut self.form {
            Form::Table(table) => table,
            Form::Pack(_) => unreachable!("it was just made a table"),
        }
    }
}

/// What a list pack takes at most for a field beside its bytes: the heads of three elements, and an expiry.
const OVERHEAD: usize = 48;

fn overhead(bytes: usize) -> usize {
    bytes.saturating_add(OVERHEAD)
}

impl Default for Hash {
    fn default() -> Hash {
        Hash::new()
    }
}

impl Collection for Hash {
    type Ref<'a> = HashRef<'a>;

    const KIND: Kind = Kind::Hash;

    fn to_ref(&self) -> HashRef<'_> {
        Hash::to_ref(self)
    }

    fn is_empty(&self) -> bool {
        match &self.form {
            Form::Pack(pack) => pack.list.is_empty(),
            Form::Table(table) => table.fields().is_empty(),
        }
    }

    fn packed(&self) -> Option<(Encoding, &[u8])> {
        match &self.form {
            Form::Pack(pack) => Some((encoding_of(pack.layout), pack.list.as_bytes())),
            Form::Table(_) => None,
        }
    }

    fn from_packed(encoding: Encoding, bytes: Vec<u8>) -> Hash {
        let list = ListPack::from_trusted(bytes);
        Hash { form: Form::Pack(Pack { list, layout: layout_of(encoding) }) }
    }

    fn into_packed(self) -> Result<(Encoding, Vec<u8>), Hash> {
        match self.form {
            Form::Pack(pack) => Ok((encoding_of(pack.layout), pack.list.into_bytes())),
            Form::Table(_) => Err(self),
        }
    }

    fn packed_ref(encoding: Encoding, bytes: &[u8]) -> HashRef<'_> {
        let list = ListPackRef::from_trusted(bytes);
        HashRef::new(FormRef::Pack(PackRef { list, layout: layout_of(encoding) }))
    }

    fn at(reference: Self::Ref<'_>, now_ms: i64) -> Self::Ref<'_> {
        reference.at(now_ms)
    }

    fn into_object(self) -> Object {
        Object::Hash(self)
    }

    fn of(object: &Object) -> Option<&Hash> {
        if let Object::Hash(value) = object { Some(value) } else { None }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Hash> {
        if let Object::Hash(value) = object { Some(value) } else { None }
    }

    fn of_ref(object: ObjectRef<'_>) -> Option<HashRef<'_>> {
        if let ObjectRef::Hash(value) = object { Some(value) } else { None }
    }
}

fn encoding_of(layout: Layout) -> Encoding {
    match layout {
        Layout::Pairs => Encoding::ListPack,
        Layout::Triples => Encoding::ListPackEx,
    }
}

fn layout_of(encoding: Encoding) -> Layout {
    if encoding == Encoding::ListPackEx { Layout::Triples } else { Layout::Pairs }
}
