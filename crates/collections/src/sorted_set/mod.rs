//! Sorted sets: members by score, and members with equal scores by their bytes.
//!
//! A small one is a list pack ([`packed`]). A big one, which OBJECT ENCODING calls `skiplist` since clients expect that, is a
//! [`tree`] that finds elements by score and by rank, and a table that finds them by member ([`ranked`]). A small one becomes a big one when
//! it would exceed its [`Limits`]; never the other way round.
//!
//! A set in which a change is decided on by what is there ([`SortedSet::upsert`]) is told by a closure, once for both forms.

mod accumulation;
mod journal;
mod member;
mod packed;
mod range;
mod ranked;
mod tree;

use std::ops::Range;

pub use accumulation::{Accumulation, sort};
pub use range::{LexBound, LexRange, ScoreRange};

use crate::collection::{Collection, Encoding, Kind, Object, ObjectRef};
use crate::list_pack::{Element, ListPack, ListPackRef};
use crate::pieces::Piece;
use ranked::Ranked;

/// See the module's page.
#[derive(Clone, Debug)]
pub struct SortedSet {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Packed(ListPack),
    Ranked(Box<Ranked>),
}

/// A [`SortedSet`] to be read.
#[derive(Clone, Copy, Debug)]
pub struct SortedSetRef<'a> {
    form: FormRef<'a>,
}

#[derive(Clone, Copy, Debug)]
enum FormRef<'a> {
    Packed(ListPackRef<'a>),
    Ranked(&'a Ranked),
}

/// Up to where a sorted set is a list pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Members.
    pub entries: usize,
    /// Bytes of a member.
    pub value_bytes: usize,
}

/// What became of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upsert {
    /// It is new.
    Added,
    /// It has another score than before.
    Changed,
    /// All is as it was.
    Left,
}

/// In which order elements are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the lowest score on.
    Ascending,
    /// From the highest score on.
    Descending,
}

impl SortedSet {
    /// An empty one for this many members, the longest of which has so many bytes.
    pub fn with_capacity(members: usize, longest_bytes: usize, limits: Limits) -> SortedSet {
        if members <= limits.entries && longest_bytes <= limits.value_bytes {
            SortedSet::default()
        } else {
            SortedSet { form: Form::Ranked(Box::new(Ranked::with_capacity(members))) }
        }
    }

    /// Gives a member the score that `decide` says, given the present one, or leaves it as it is.
    ///
    /// A score is never NaN.
    pub fn upsert(
        &mut self,
        member: &[u8],
        limits: Limits,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Upsert {
        let pack = match &mut self.form {
            Form::Ranked(ranked) => return ranked.upsert(member, decide),
            Form::Packed(pack) => pack,
        };
        let found = packed::find(pack.as_ref(), member);
        let previous = found.map(|(_, score)| score);
        let Some(score) = decide(previous) else { return Upsert::Left };
        debug_assert!(!score.is_nan());
        match found {
            Some((_, previous)) if !ranked::is_other(score, previous) => Upsert::Left,
            Some((position, _)) => {
                packed::update(pack, position, member, score);
                Upsert::Changed
            }
            None => {
                if packed::len(pack.as_ref()) < limits.entries
                    && member.len() <= limits.value_bytes
                    && pack.has_room_for(member.len())
                {
                    packed::insert(pack, member, score);
                } else {
                    self.rank_all().upsert(member, |_| Some(score));
                }
                Upsert::Added
            }
        }
    }

    /// Gives a member a score.
    pub fn insert(&mut self, member: &[u8], score: f64, limits: Limits) -> Upsert {
        self.upsert(member, limits, |_| Some(score))
    }

    /// Adds a member that is not there and that belongs behind all others, as when a set is loaded or made in order.
    pub fn push(&mut self, member: &[u8], score: f64, limits: Limits) {
        match &mut self.form {
            Form::Packed(pack)
                if packed::len(pack.as_ref()) < limits.entries
                    && member.len() <= limits.value_bytes
                    && pack.has_room_for(member.len()) =>
            {
                packed::push(pack, member, score);
            }
            Form::Packed(_) | Form::Ranked(_) => self.rank_all().push(member, score),
        }
    }

    /// Becomes a big one if this many members are too many for a small one, as Redis does before it adds so many.
    pub fn expect_members(&mut self, members: usize, limits: Limits) {
        if limits.entries < members {
            self.rank_all();
        }
    }

    /// Starts to load what [`upsert`](SortedSet::upsert) of the member with the score will read.
    #[inline]
    pub fn prefetch(&self, member: &[u8], score: f64) {
        if let Form::Ranked(ranked) = &self.form {
            ranked.prefetch(member, score);
        }
    }

    /// Takes a member out and gives its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.form {
            Form::Packed(pack) => {
                let (position, score) = packed::find(pack.as_ref(), member)?;
                pack.remove(position, 2);
                Some(score)
            }
            Form::Ranked(ranked) => ranked.remove(member),
        }
    }

    /// Takes the elements with these ranks out.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) {
        let ranks = ranks.start..ranks.end.min(self.to_ref().len());
        if ranks.is_empty() {
            return;
        }
        match &mut self.form {
            Form::Packed(pack) => packed::remove_ranks(pack, &ranks),
            Form::Ranked(ranked) => ranked.remove_ranks(ranks),
        }
    }

    /// See [`Object::begin_pieces`].
    pub(crate) fn begin_pieces(&mut self) -> Option<usize> {
        match &mut self.form {
            Form::Packed(_) => None,
            Form::Ranked(ranked) => Some(ranked.begin_pieces()),
        }
    }

    pub(crate) fn is_in_pieces(&self) -> bool {
        matches!(&self.form, Form::Ranked(ranked) if ranked.is_in_pieces())
    }

    /// See [`Object::kept_bytes`].
    pub(crate) fn kept_bytes(&self) -> usize {
        match &self.form {
            Form::Packed(_) => 0,
            Form::Ranked(ranked) => ranked.kept_bytes(),
        }
    }

    /// See [`Object::next_piece`].
    pub(crate) fn next_piece(
        &mut self,
        budget: usize,
        visit: &mut dyn FnMut(&Piece<'_>) -> usize,
    ) -> bool {
        match &mut self.form {
            Form::Packed(_) => false,
            Form::Ranked(ranked) => ranked.next_piece(budget, visit),
        }
    }

    pub(crate) fn abandon_pieces(&mut self) {
        if let Form::Ranked(ranked) = &mut self.form {
            ranked.abandon_pieces();
        }
    }

    /// Becomes a big one.
    fn rank_all(&mut self) -> &mut Ranked {
        if let Form::Packed(pack) = &self.form {
            let mut ranked = Ranked::with_capacity(packed::len(pack.as_ref()));
            let mut buffer = itoa::Buffer::new();
            for (member, score) in self.to_ref().iter() {
                ranked.push(member.bytes(&mut buffer), score);
            }
            self.form = Form::Ranked(Box::new(ranked));
        }
        match &mut self.form {
            Form::Ranked(ranked) => ranked,
            Form::Packed(_) => unreachable!("it was just replaced"),
        }
    }
}

impl Default for SortedSet {
    fn default() -> SortedSet {
        SortedSet { form: Form::Packed(ListPack::new()) }
    }
}

impl<'a> SortedSetRef<'a> {
    /// The bytes that are all there is to it, if it is a small one.
    pub fn packed(self) -> Option<(Encoding, &'a [u8])> {
        match self.form {
            FormRef::Packed(pack) => Some((Encoding::ListPack, pack.as_bytes())),
            FormRef::Ranked(_) => None,
        }
    }

    /// How it is represented.
    pub fn encoding(self) -> Encoding {
        match self.form {
            FormRef::Packed(_) => Encoding::ListPack,
            FormRef::Ranked(_) => Encoding::SkipList,
        }
    }

    /// The number of elements.
    #[inline]
    pub fn len(self) -> usize {
        match self.form {
            FormRef::Packed(pack) => packed::len(pack),
            FormRef::Ranked(ranked) => ranked.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Starts to load what lookups of these members, given with their hashes, will read; their places as well, if these are wanted.
    pub(crate) fn look_ahead<'m>(
        self,
        members: impl Iterator<Item = (u64, &'m [u8])> + Clone,
        with_places: bool,
    ) {
        if let FormRef::Ranked(ranked) = self.form {
            ranked.look_ahead(members, with_places);
        }
    }

    /// The score of a member.
    #[inline]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self.form {
            FormRef::Packed(pack) => packed::find(pack, member).map(|(_, score)| score),
            FormRef::Ranked(ranked) => ranked.score(member),
        }
    }

    /// How many elements come before a member, and its score.
    #[inline]
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self.form {
            FormRef::Packed(pack) => packed::rank(pack, member),
            FormRef::Ranked(ranked) => ranked.rank(member),
        }
    }

    /// The ranks of the elements whose scores are in a range.
    pub fn ranks_by_score(self, wanted: &ScoreRange) -> Range<usize> {
        match self.form {
            FormRef::Packed(pack) => packed::ranks_by_score(pack, wanted),
            FormRef::Ranked(ranked) => ranked.ranks_by_score(wanted),
        }
    }

    /// The ranks of the elements whose members are in a range, provided that all scores are equal. If they are not, it is some
    /// elements in a row, which depend on the direction.
    pub fn ranks_by_lex(self, wanted: &LexRange<'_>, direction: Direction) -> Range<usize> {
        match self.form {
            FormRef::Packed(pack) => packed::ranks_by_lex(pack, wanted, direction),
            FormRef::Ranked(ranked) => ranked.ranks_by_lex(wanted),
        }
    }

    /// The elements with these ranks, in either direction.
    #[inline]
    pub fn range(self, ranks: Range<usize>, direction: Direction) -> Elements<'a> {
        let ranks = ranks.start..ranks.end.min(self.len());
        let form = match self.form {
            FormRef::Packed(pack) => FormElements::Packed(packed::range(pack, ranks, direction)),
            FormRef::Ranked(ranked) => FormElements::Ranked(ranked.range(ranks, direction)),
        };
        Elements { form }
    }

    /// All elements in order.
    pub fn iter(self) -> Elements<'a> {
        self.range(0..self.len(), Direction::Ascending)
    }

    /// The element with this rank.
    pub fn at(self, rank: usize) -> Option<(Element<'a>, f64)> {
        self.range(rank..rank.saturating_add(1), Direction::Ascending).next()
    }

    /// Visits some elements, and gives the cursor for the next call, 0 after the last; see
    /// [`HashTable::scan`](crate::HashTable::scan). A small one is visited at once.
    pub fn scan(self, cursor: u64, mut visit: impl FnMut(Element<'_>, f64)) -> u64 {
        match self.form {
            FormRef::Packed(_) => {
                self.iter().for_each(|(member, score)| visit(member, score));
                0
            }
            FormRef::Ranked(ranked) => {
                ranked.scan(cursor, |member, score| visit(Element::Bytes(member), score))
            }
        }
    }

    /// How many allocations it takes to free it, about.
    pub fn effort(self) -> usize {
        match self.form {
            FormRef::Packed(_) => 1,
            FormRef::Ranked(ranked) => ranked.effort(),
        }
    }

    /// See [`ObjectRef::memory_bytes`].
    pub fn memory_bytes(self, samples: usize, size: &dyn Fn(usize) -> usize) -> usize {
        match self.form {
            FormRef::Packed(pack) => size(pack.total_bytes()),
            FormRef::Ranked(ranked) => ranked.memory_bytes(samples, size),
        }
    }

    /// See [`ObjectRef::digest`].
    pub fn digest(self, feed: &mut dyn FnMut(&[&[u8]])) {
        let mut buffer = itoa::Buffer::new();
        for (member, score) in self.iter() {
            // A list pack does not tell -0 from 0.
            let score = if score == 0.0 { 0.0 } else { score };
            feed(&[member.bytes(&mut buffer), &score.to_le_bytes()]);
        }
    }
}

/// Members and scores, in order.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    form: FormElements<'a>,
}

#[derive(Clone, Debug)]
enum FormElements<'a> {
    Packed(packed::Pairs<'a>),
    Ranked(ranked::Elements<'a>),
}

impl<'a> Iterator for Elements<'a> {
    type Item = (Element<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<(Element<'a>, f64)> {
        match &mut self.form {
            FormElements::Packed(pairs) => pairs.next(),
            FormElements::Ranked(elements) => {
                elements.next().map(|(member, score)| (Element::Bytes(member), score))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.form {
            FormElements::Packed(pairs) => pairs.size_hint(),
            FormElements::Ranked(elements) => elements.size_hint(),
        }
    }

    #[inline]
    fn fold<B, F: FnMut(B, (Element<'a>, f64)) -> B>(self, init: B, mut fold: F) -> B {
        match self.form {
            FormElements::Packed(pairs) => pairs.fold(init, fold),
            FormElements::Ranked(elements) => elements.fold(init, |folded, (member, score)| {
                fold(folded, (Element::Bytes(member), score))
            }),
        }
    }
}

impl ExactSizeIterator for Elements<'_> {}

impl std::iter::FusedIterator for Elements<'_> {}

impl Collection for SortedSet {
    type Ref<'a> = SortedSetRef<'a>;

    const KIND: Kind = Kind::SortedSet;

    #[inline]
    fn to_ref(&self) -> SortedSetRef<'_> {
        let form = match &self.form {
            Form::Packed(pack) => FormRef::Packed(pack.as_ref()),
            Form::Ranked(ranked) => FormRef::Ranked(ranked),
        };
        SortedSetRef { form }
    }

    fn is_empty(&self) -> bool {
        self.to_ref().is_empty()
    }

    fn packed(&self) -> Option<(Encoding, &[u8])> {
        match &self.form {
            Form::Packed(pack) => Some((Encoding::ListPack, pack.as_bytes())),
            Form::Ranked(_) => None,
        }
    }

    fn from_packed(_encoding: Encoding, bytes: Vec<u8>) -> SortedSet {
        SortedSet { form: Form::Packed(ListPack::from_trusted(bytes)) }
    }

    fn into_packed(self) -> Result<(Encoding, Vec<u8>), SortedSet> {
        match self.form {
            Form::Packed(pack) => Ok((Encoding::ListPack, pack.into_bytes())),
            Form::Ranked(_) => Err(self),
        }
    }

    fn packed_ref(_encoding: Encoding, bytes: &[u8]) -> SortedSetRef<'_> {
        SortedSetRef { form: FormRef::Packed(ListPackRef::from_trusted(bytes)) }
    }

    fn into_object(self) -> Object {
        Object::SortedSet(self)
    }

    fn of(object: &Object) -> Option<&SortedSet> {
        if let Object::SortedSet(value) = object { Some(value) } else { None }
    }

    fn of_mut(object: &mut Object) -> Option<&mut SortedSet> {
        if let Object::SortedSet(value) = object { Some(value) } else { None }
    }

    fn of_ref(object: ObjectRef<'_>) -> Option<SortedSetRef<'_>> {
        if let ObjectRef::SortedSet(value) = object { Some(value) } else { None }
    }
}

#[cfg(test)]
mod tests;
