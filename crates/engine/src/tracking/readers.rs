//! The clients that have read one key.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::clients::{ClientId, ClientRecord};

/// So many are searched one by one.
const FEW: usize = 16;

/// The clients that have read a key; nearly always one or two.
#[derive(Debug)]
pub(super) enum Readers {
    Few(SmallVec<[Arc<ClientRecord>; 1]>),
    Many(BTreeMap<ClientId, Arc<ClientRecord>>),
}

impl Default for Readers {
    fn default() -> Readers {
        Readers::Few(SmallVec::new())
    }
}

impl Readers {
    /// Adds one; whether it was not there.
    pub(super) fn insert(&mut self, reader: &Arc<ClientRecord>) -> bool {
        match self {
            Readers::Few(few) => {
                if few.iter().any(|known| Arc::ptr_eq(known, reader)) {
                    return false;
                }
                if few.len() < FEW {
                    few.push(Arc::clone(reader));
                    return true;
                }
                let mut many: BTreeMap<_, _> =
                    few.drain(..).map(|known| (known.id, known)).collect();
                many.insert(reader.id, Arc::clone(reader));
                *self = Readers::Many(many);
                true
            }
            Readers::Many(many) => many.insert(reader.id, Arc::clone(reader)).is_none(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Readers::Few(few) => few.len(),
            Readers::Many(many) => many.len(),
        }
    }

    pub(super) fn for_each(&self, mut visit: impl FnMut(&Arc<ClientRecord>)) {
        match self {
            Readers::Few(few) => few.iter().for_each(visit),
            Readers::Many(many) => many.values().for_each(&mut visit),
        }
    }
}
