//! Sets: different members, in no order that means anything.
//!
//! A set of few integers is one [`IntSet`], another small set one [`ListPack`], and any other a table with an allocation for each
//! member ([`table`]). It grows out of the small forms when it has more members, or a longer one, than [`Limits`] say, in the
//! cases in which Redis's sets do; it does not go back, but for [`Set::compact`] and what is left by [`Set::pop_several`].
//!
//! What several sets have in common or not is computed in [`algebra`].

pub mod algebra;
mod reading;
mod sampling;
mod table;

#[cfg(test)]
mod tests;

pub use reading::{LookingAhead, Members, SetRef};
pub use sampling::Member;
pub use table::Table;

use crate::collection::{Collection, Encoding, Kind, Object, ObjectRef};
use crate::list_pack::{Element, ListPack, ListPackRef, integer_of};
use crate::pieces::Piece;
use crate::{IntSet, IntSetRef};

/// See the module's page.
#[derive(Clone, Debug)]
pub struct Set {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Integers(IntSet),
    Pack(ListPack),
    Table(Table),
}

/// Up to which size a set keeps a small form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Members, if all are integers.
    pub integers: usize,
    /// Members otherwise.
    pub members: usize,
    /// Bytes of a member, if not all are integers.
    pub member_bytes: usize,
}

impl Set {
    /// Without members.
    pub const fn new() -> Set {
        Set { form: Form::Integers(IntSet::new()) }
    }

    /// Without members, in the form in which what is not known to consist of integers begins.
    pub fn new_pack() -> Set {
        Set { form: Form::Pack(ListPack::new()) }
    }

    /// Without members, with room for this many, which are known to be too many for a small form.
    pub fn with_capacity(members: usize) -> Set {
        Set { form: Form::Table(Table::with_capacity(members)) }
    }

    /// Bytes of a checked encoding taken over: a set of integers.
    pub fn from_integers(integers: IntSet) -> Set {
        Set { form: Form::Integers(integers) }
    }

    /// For reading.
    #[inline]
    pub fn to_ref(&self) -> SetRef<'_> {
        match &self.form {
            Form::Integers(integers) => SetRef::Integers(integers.as_ref()),
            Form::Pack(pack) => SetRef::Pack(pack.as_ref()),
            Form::Table(table) => SetRef::Table(table),
        }
    }

    /// How many members there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.to_ref().len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.to_ref().is_empty()
    }

    /// Prepares for so many members that will be added, of which this is the first: a new set takes the form that it will
    /// probably need, another one the large form if they are too many for a small one.
    pub fn prepare(&mut self, first: &[u8], count: usize, limits: Limits) {
        match &self.form {
            Form::Integers(integers) => {
                let is_new = integers.is_empty();
                if count <= limits.integers && !(is_new && integer_of(first).is_none()) {
                    return;
                }
                if is_new && count <= limits.members {
                    self.form = Form::Pack(ListPack::new());
                } else {
                    self.enlarge(count);
                }
            }
            Form::Pack(_) if limits.members < count => {
                self.enlarge(count);
            }
            Form::Pack(_) | Form::Table(_) => {}
        }
    }

    /// Adds a member; says whether it is new.
    #[inline]
    pub fn add(&mut self, member: &[u8], limits: Limits) -> bool {
        match &mut self.form {
            Form::Table(table) => table.insert(member),
            Form::Pack(pack) => {
                if pack.as_ref().find(member, 0).is_some() {
                    return false;
                }
                if pack.len() < limits.members
                    && member.len() <= limits.member_bytes
                    && pack.has_room_for(member.len().saturating_add(OVERHEAD))
                {
                    pack.push_back(member);
                    true
                } else {
                    self.enlarge(0).insert(member)
                }
            }
            Form::Integers(_) => match integer_of(member) {
                Some(integer) => self.add_integer(integer, limits),
                None => self.add_to_integers(member, limits),
            },
        }
    }

    /// Adds an integer; says whether it is new.
    pub fn add_integer(&mut self, integer: i64, limits: Limits) -> bool {
        let Form::Integers(integers) = &mut self.form else {
            return self.add(itoa::Buffer::new().format(integer).as_bytes(), limits);
        };
        let is_new = integers.insert(integer);
        if is_new && limits.integers.min(IntSet::MOST_LEN) < integers.len() {
            self.enlarge(0);
        }
        is_new
    }

    /// Adds what another set has as a member; says whether it is new.
    #[inline]
    pub fn add_element(&mut self, element: Element<'_>, limits: Limits) -> bool {
        match element {
            Element::Bytes(bytes) => self.add(bytes, limits),
            Element::Integer(integer) => self.add_integer(integer, limits),
        }
    }

    /// Adds several members; gives how many are new.
    pub fn add_all<'m>(
        &mut self,
        mut members: impl Iterator<Item = &'m [u8]>,
        limits: Limits,
    ) -> usize {
        let mut added = 0_usize;
        loop {
            if let Form::Table(table) = &mut self.form {
                return added.saturating_add(table.insert_all(members));
            }
            let Some(member) = members.next() else { return added };
            added = added.saturating_add(usize::from(self.add(member, limits)));
        }
    }

    /// Adds all members of another set.
    pub fn add_members(&mut self, set: SetRef<'_>, limits: Limits) {
        if let (Form::Table(table), SetRef::Table(other)) = (&mut self.form, set) {
            table.insert_all(LookingAhead::new(other));
            return;
        }
        for member in set.iter() {
            self.add_element(member, limits);
        }
    }

    /// Removes a member; says whether it was there.
    #[inline]
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.form {
            Form::Table(table) => table.remove(member).is_some(),
            Form::Pack(pack) => {
                let found = pack.as_ref().find(member, 0);
                if let Some(position) = found {
                    pack.remove(position, 1);
                }
                found.is_some()
            }
            Form::Integers(integers) => {
                integer_of(member).is_some_and(|integer| integers.remove(integer))
            }
        }
    }

    /// Takes the form of a set of integers, if it is one and is small enough.
    pub fn compact(&mut self, limits: Limits) {
        let set = self.to_ref();
        let is_large = limits.integers.min(IntSet::MOST_LEN) < set.len();
        if is_large || matches!(self.form, Form::Integers(_)) || self.is_in_pieces() {
            return;
        }
        let integers: Option<Vec<i64>> = set.iter().map(Element::integer).collect();
        if let Some(mut integers) = integers {
            integers.sort_unstable();
            self.form = Form::Integers(integers.into_iter().collect());
        }
    }

    /// See [`Object::begin_pieces`].
    pub(crate) fn begin_pieces(&mut self) -> Option<usize> {
        match &mut self.form {
            Form::Integers(_) | Form::Pack(_) => None,
            Form::Table(table) => Some(table.begin_pieces()),
        }
    }

    pub(crate) fn is_in_pieces(&self) -> bool {
        matches!(&self.form, Form::Table(table) if table.is_in_pieces())
    }

    /// See [`Object::kept_bytes`].
    pub(crate) fn kept_bytes(&self) -> usize {
        match &self.form {
            Form::Integers(_) | Form::Pack(_) => 0,
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
            Form::Integers(_) | Form::Pack(_) => false,
            Form::Table(table) => table.next_piece(budget, visit),
        }
    }

    pub(crate) fn abandon_pieces(&mut self) {
        if let Form::Table(table) = &mut self.form {
            table.abandon_pieces();
        }
    }

    /// Adds what is no integer to a set of integers.
    fn add_to_integers(&mut self, member: &[u8], limits: Limits) -> bool {
        let Form::Integers(integers) = &self.form else { return self.add(member, limits) };
        let integers = integers.as_ref();
        let longest = [integers.first(), integers.last()]
            .into_iter()
            .flatten()
            .map(|integer| Element::Integer(integer).len())
            .fold(member.len(), usize::max);
        let bytes = integers.len().saturating_mul(INTEGER_BYTES).saturating_add(member.len());
        let fits = integers.len() < limits.members
            && longest <= limits.member_bytes
            && bytes <= ListPack::MOST_BYTES;
        if !fits {
            return self.enlarge(0).insert(member);
        }
        let mut pack = ListPack::with_capacity(member.len());
        for integer in integers {
            pack.push_back_integer(integer);
        }
        pack.push_back(member);
        self.form = Form::Pack(pack);
        true
    }

    /// Takes the large form, with room for this many members or one more than there are.
    fn enlarge(&mut self, capacity: usize) -> &mut Table {
        if !matches!(self.form, Form::Table(_)) {
            let capacity = self.len().saturating_add(1).max(capacity);
            let mut table = Table::with_capacity(capacity);
            let mut buffer = itoa::Buffer::new();
            for member in self.to_ref().iter() {
                table.insert(member.bytes(&mut buffer));
            }
            self.form = Form::Table(table);
        }
        match &mut self.form {
            Form::Table(table) => table,
            Form::Integers(_) | Form::Pack(_) => unreachable!("it was just made a table"),
        }
    }
}

impl Default for Set {
    fn default() -> Set {
        Set::new()
    }
}

impl Collection for Set {
    type Ref<'a> = SetRef<'a>;

    const KIND: Kind = Kind::Set;

    fn to_ref(&self) -> SetRef<'_> {
        Set::to_ref(self)
    }

    fn is_empty(&self) -> bool {
        Set::is_empty(self)
    }

    fn packed(&self) -> Option<(Encoding, &[u8])> {
        match &self.form {
            Form::Integers(integers) => Some((Encoding::IntSet, integers.as_bytes())),
            Form::Pack(pack) => Some((Encoding::ListPack, pack.as_bytes())),
            Form::Table(_) => None,
        }
    }

    fn from_packed(encoding: Encoding, bytes: Vec<u8>) -> Set {
        let form = if encoding == Encoding::IntSet {
            Form::Integers(IntSet::from_trusted(bytes))
        } else {
            Form::Pack(ListPack::from_trusted(bytes))
        };
        Set { form }
    }

    fn into_packed(self) -> Result<(Encoding, Vec<u8>), Set> {
        match self.form {
            Form::Integers(integers) => Ok((Encoding::IntSet, integers.into_bytes())),
            Form::Pack(pack) => Ok((Encoding::ListPack, pack.into_bytes())),
            Form::Table(_) => Err(self),
        }
    }

    fn packed_ref(encoding: Encoding, bytes: &[u8]) -> SetRef<'_> {
        if encoding == Encoding::IntSet {
            SetRef::Integers(IntSetRef::from_trusted(bytes))
        } else {
            SetRef::Pack(ListPackRef::from_trusted(bytes))
        }
    }

    fn into_object(self) -> Object {
        Object::Set(self)
    }

    fn of(object: &Object) -> Option<&Set> {
        if let Object::Set(value) = object { Some(value) } else { None }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Set> {
        if let Object::Set(value) = object { Some(value) } else { None }
    }

    fn of_ref(object: ObjectRef<'_>) -> Option<SetRef<'_>> {
        if let ObjectRef::Set(value) = object { Some(value) } else { None }
    }
}

/// What an integer takes in a list pack at most.
const INTEGER_BYTES: usize = 10;
/// What a string takes in a list pack beside its bytes at most.
const OVERHEAD: usize = 10;
