//! The shards that a view holds.
//!
//! A view locks its shards once. It can lend them to another view, for a call that is run in the middle of this one: by a
//! transaction, by a script, for a client that waited. The borrowed shards are reached through a trait, so that the loan may
//! be shorter than the locks; a view of its own pays nothing for that.

use crate::shard::{AllGuard, Shard, ShardGuard};

/// The locked shards.
pub(crate) enum Held<'a> {
    Nothing,
    One(u32, ShardGuard<'a>),
    /// In ascending order.
    Several(Vec<(u32, ShardGuard<'a>)>),
    All(AllGuard<'a>),
    /// One at a time, as they are asked for.
    Roaming(Option<(u32, ShardGuard<'a>)>),
    /// Those of another view, which waits until this one is gone.
    Lent(&'a mut (dyn Lender + 'a)),
}

/// What shards are borrowed from.
pub(crate) trait Lender {
    fn shard(&mut self, index: u32) -> Option<&mut Shard>;
    fn all(&mut self) -> Vec<&mut Shard>;
    fn any(&mut self, is: &dyn Fn(&Shard) -> bool) -> bool;
}

impl Held<'_> {
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Held::Nothing)
    }

    /// Whether this shard is the only one that is held.
    #[inline]
    pub(crate) fn is_one(&self, wanted: u32) -> bool {
        matches!(self, Held::One(index, _) if *index == wanted)
    }

    /// Whether shards are held one at a time, and not this one.
    #[inline]
    pub(crate) fn is_roaming_elsewhere(&self, wanted: u32) -> bool {
        match self {
            Held::Roaming(current) => current.as_ref().is_none_or(|(index, _)| *index != wanted),
            Held::Nothing | Held::One(..) | Held::Several(_) | Held::All(_) | Held::Lent(_) => {
                false
            }
        }
    }

    /// The shard, if it is held.
    #[inline]
    pub(crate) fn shard(&mut self, wanted: u32) -> Option<&mut Shard> {
        match self {
            Held::One(index, shard) | Held::Roaming(Some((index, shard))) if *index == wanted => {
                Some(shard)
            }
            Held::Several(shards) => {
                let place = shards.binary_search_by_key(&wanted, |(index, _)| *index).ok()?;
                Some(&mut shards[place].1)
            }
            Held::All(shards) => shards.shard(wanted),
            Held::Lent(lender) => lender.shard(wanted),
            Held::Nothing | Held::One(..) | Held::Roaming(_) => None,
        }
    }

    /// All shards held.
    pub(crate) fn all(&mut self) -> Vec<&mut Shard> {
        match self {
            Held::Nothing | Held::Roaming(None) => Vec::new(),
            Held::One(_, shard) | Held::Roaming(Some((_, shard))) => vec![shard],
            Held::Several(shards) => shards.iter_mut().map(|(_, shard)| &mut **shard).collect(),
            Held::All(shards) => shards.iter().collect(),
            Held::Lent(lender) => lender.all(),
        }
    }
}

impl Held<'_> {
    /// Whether something holds for one of the shards held.
    #[inline]
    pub(crate) fn any(&mut self, is: impl Fn(&Shard) -> bool) -> bool {
        match self {
            Held::Nothing | Held::Roaming(None) => false,
            Held::One(_, shard) | Held::Roaming(Some((_, shard))) => is(shard),
            Held::Several(shards) => shards.iter().any(|(_, shard)| is(shard)),
            Held::All(shards) => shards.iter().any(|shard| is(shard)),
            Held::Lent(lender) => lender.any(&is),
        }
    }
}

impl Lender for Held<'_> {
    fn shard(&mut self, index: u32) -> Option<&mut Shard> {
        Held::shard(self, index)
    }

    fn all(&mut self) -> Vec<&mut Shard> {
        Held::all(self)
    }

    fn any(&mut self, is: &dyn Fn(&Shard) -> bool) -> bool {
        Held::any(self, is)
    }
}
