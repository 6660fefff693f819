//! Random operations on a keyspace and on a plain map: they must agree on every answer and at the end.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::round;
use crate::{
    Decimal, Encoding, Expiring, ExpiryCycle, ExpiryMode, Freeing, Inside, Keyspace, Round,
    SetExpiry, View,
};

const DATABASES: usize = 3;
const KEYS: u8 = 12;

/// One step of a case. Keys are named by number.
#[derive(Clone, Debug)]
enum Step {
    Set { key: u8, value: Vec<u8>, expiry: SetExpiry },
    SetBytes { key: u8, value: Vec<u8>, expiry: SetExpiry },
    SetIf { key: u8, value: Vec<u8>, only_new: bool },
    Add { key: u8, number: i64 },
    Append { key: u8, tail: Vec<u8> },
    Cut { key: u8 },
    Overwrite { key: u8 },
    PutMade { key: u8, value: Vec<u8>, expiry: SetExpiry },
    Remove { key: u8, freeing: Freeing },
    Expire { key: u8, expiry: Option<i64> },
    Read { key: u8 },
    Rename { from: u8, to: u8 },
    Copy { from: u8, to: u8, database: usize },
    Move { key: u8, database: usize },
    Select { database: usize },
    Flush { database: Option<usize> },
    Swap { one: usize, other: usize },
    Pass { ms: i64 },
    Hide { hide: bool },
    Keys,
    Random,
    Scan,
    Search,
    Epoch,
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        (-3..3_i64).prop_map(|number| number.to_string().into_bytes()),
        Just(b"007".to_vec()),
        Just(b"-0".to_vec()),
        Just(Vec::new()),
        // Around the limits of the encodings, of narrow lengths, and of what is stored in the entry.
        prop::sample::select(vec![1, 43, 44, 45, 46, 254, 255, 256, 257, 1023, 1024, 1025, 3000])
            .prop_flat_map(|length| prop::collection::vec(b'a'..=b'z', length)),
    ]
}

/// Times are counted from the beginning of the case.
fn expiries() -> impl Strategy<Value = SetExpiry> {
    prop_oneof![Just(SetExpiry::Keep), Just(SetExpiry::Clear), (0..400_i64).prop_map(SetExpiry::At),]
}

fn steps() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS;
    let database = || 0..DATABASES;
    let freeing = || prop::sample::select(vec![Freeing::Here, Freeing::Elsewhere]);
    prop_oneof![
        6 => (key(), values(), expiries())
            .prop_map(|(key, value, expiry)| Step::Set { key, value, expiry }),
        2 => (key(), values(), expiries())
            .prop_map(|(key, value, expiry)| Step::SetBytes { key, value, expiry }),
        2 => (key(), values(), any::<bool>())
            .prop_map(|(key, value, only_new)| Step::SetIf { key, value, only_new }),
        3 => (key(), -9..9_i64).prop_map(|(key, number)| Step::Add { key, number }),
        3 => (key(), prop::collection::vec(b'a'..=b'z', 1..40))
            .prop_map(|(key, tail)| Step::Append { key, tail }),
        1 => key().prop_map(|key| Step::Cut { key }),
        2 => key().prop_map(|key| Step::Overwrite { key }),
        1 => (key(), values(), expiries())
            .prop_map(|(key, value, expiry)| Step::PutMade { key, value, expiry }),
        2 => (key(), freeing()).prop_map(|(key, freeing)| Step::Remove { key, freeing }),
        3 => (key(), prop::option::of(0..400_i64))
            .prop_map(|(key, expiry)| Step::Expire { key, expiry }),
        3 => key().prop_map(|key| Step::Read { key }),
        2 => (key(), key()).prop_map(|(from, to)| Step::Rename { from, to }),
        2 => (key(), key(), database())
            .prop_map(|(from, to, database)| Step::Copy { from, to, database }),
        2 => (key(), database()).prop_map(|(key, database)| Step::Move { key, database }),
        2 => database().prop_map(|database| Step::Select { database }),
        1 => prop::option::of(database()).prop_map(|database| Step::Flush { database }),
        1 => (database(), database()).prop_map(|(one, other)| Step::Swap { one, other }),
        3 => (1..60_i64).prop_map(|ms| Step::Pass { ms }),
        1 => any::<bool>().prop_map(|hide| Step::Hide { hide }),
        1 => Just(Step::Keys),
        1 => Just(Step::Random),
        1 => Just(Step::Scan),
        1 => Just(Step::Search),
        1 => Just(Step::Epoch),
    ]
}

/// What an entry should be.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Expected {
    value: Vec<u8>,
    expiry: Option<i64>,
    encoding: Encoding,
}

type Place = (usize, Vec<u8>);

/// The map, and what time and mode it is.
struct Model {
    entries: BTreeMap<Place, Expected>,
    database: usize,
    now_ms: i64,
    mode: ExpiryMode,
    /// Removed in this step because they had expired.
    expired: BTreeSet<Place>,
}

impl Model {
    fn place(&self, key: &[u8]) -> Place {
        (self.database, key.to_vec())
    }

    fn has_expired(&self, entry: &Expected) -> bool {
        entry.expiry.is_some_and(|expiry| expiry < self.now_ms)
    }

    /// What a lookup finds, removing it if it has expired.
    fn live(&mut self, place: &Place) -> Option<Expected> {
        let entry = self.entries.get(place)?.clone();
        if !self.has_expired(&entry) {
            return Some(entry);
        }
        if self.mode == ExpiryMode::Remove {
            self.entries.remove(place);
            self.expired.insert(place.clone());
        }
        None
    }

    fn put(&mut self, place: Place, value: Vec<u8>, expiry: SetExpiry, encoding: Encoding) {
        let present = self.live(&place).and_then(|entry| entry.expiry);
        let expiry = match expiry {
            SetExpiry::Keep => present,
            SetExpiry::Clear => None,
            SetExpiry::At(time) => Some(time),
        };
        self.entries.insert(place, Expected { value, expiry, encoding });
    }

    fn live_keys(&self) -> BTreeSet<Vec<u8>> {
        let here = self.entries.iter().filter(|((database, _), _)| *database == self.database);
        here.filter(|(_, entry)| !self.has_expired(entry))
            .map(|((_, key), _)| key.clone())
            .collect()
    }
}

/// How OBJECT ENCODING calls a string that was just set.
fn encoding_of(value: &[u8]) -> Encoding {
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok());
    match number {
        Some(number) if number.to_string().as_bytes() == value => Encoding::Int,
        _ => Encoding::of_length(value.len()),
    }
}

/// Long names have wide lengths.
fn name(number: u8) -> Vec<u8> {
    match number {
        0 => Vec::new(),
        1 => vec![b'l'; 255],
        2 => vec![b'l'; 256],
        3 => vec![b'l'; 5000],
        _ => format!("key:{number}").into_bytes(),
    }
}

/// What both go through.
struct Case<'a> {
    keyspace: &'a Keyspace,
    inside: Inside<'a>,
    round: Round,
    model: Model,
    cycle: ExpiryCycle,
}

impl Case<'_> {
    /// Does something to a view that holds these keys, and checks what it found expired.
    fn with<R>(&mut self, keys: &[&[u8]], act: impl FnOnce(&mut View<'_>, &mut Model) -> R) -> R {
        let database = self.model.database;
        let mut view = self.keyspace.view(&mut self.inside, database, &mut self.round);
        match keys {
            [] => view.lock_all(),
            [key] => view.lock_one(key, self.keyspace.hash(key)),
            _ => view.lock_several(keys.iter().copied()),
        }
        self.model.expired.clear();
        let result = act(&mut view, &mut self.model);
        assert_eq!(view.database(), database, "the selected database stays");
        let found: Vec<Place> =
            view.expired.drain(..).map(|expired| (expired.database, expired.key.into())).collect();
        let count = found.len();
        let found: BTreeSet<Place> = found.into_iter().collect();
        assert_eq!(found.len(), count, "a key expires once");
        assert_eq!(found, self.model.expired);
        result
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Set { key, value, expiry } => self.set(&name(key), &value, self.at(expiry)),
            Step::SetBytes { key, value, expiry } => {
                let (key, expiry) = (name(key), self.at(expiry));
                self.with(&[&key], |view, model| {
                    view.set_bytes(&key, &value, expiry);
                    let encoding = Encoding::of_length(value.len());
                    model.put(model.place(&key), value, expiry, encoding);
                });
            }
            Step::SetIf { key, value, only_new } => self.set_if(&name(key), value, only_new),
            Step::Add { key, number } => self.add(&name(key), number),
            Step::Append { key, tail } => self.append(&name(key), &tail),
            Step::Cut { key } => self.cut(&name(key)),
            Step::Overwrite { key } => self.overwrite(&name(key)),
            Step::PutMade { key, value, expiry } => {
                let (key, expiry) = (name(key), self.at(expiry));
                self.with(&[&key], |view, model| {
                    view.put_made(&key, value.clone(), expiry);
                    model.put(model.place(&key), value, expiry, Encoding::Raw);
                });
            }
            Step::Remove { key, freeing } => {
                let key = name(key);
                self.with(&[&key], |view, model| {
                    let place = model.place(&key);
                    let expected = model.live(&place).is_some();
                    if expected {
                        model.entries.remove(&place);
                    }
                    assert_eq!(view.remove_freeing(&key, freeing), expected);
                });
            }
            Step::Expire { key, expiry } => self.expire(&name(key), expiry),
            Step::Read { key } => self.read(&name(key)),
            Step::Rename { from, to } => self.rename(&name(from), &name(to)),
            Step::Copy { from, to, database } => self.copy(&name(from), &name(to), database),
            Step::Move { key, database } => self.move_to(&name(key), database),
            Step::Select { database } => self.model.database = database,
            Step::Flush { database } => self.flush(database),
            Step::Swap { one, other } => self.swap(one, other),
            Step::Pass { ms } => {
                self.model.now_ms += ms;
                self.round.now_ms += ms;
            }
            Step::Hide { hide } => {
                let mode = if hide { ExpiryMode::Hide } else { ExpiryMode::Remove };
                (self.model.mode, self.round.expiry) = (mode, mode);
            }
            Step::Keys => self.keys(),
            Step::Random => self.random(),
            Step::Scan => self.scan(),
            Step::Search => self.search(),
            Step::Epoch => {
                self.keyspace.epoch.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    /// A time of the case as one of the clock.
    fn at(&self, expiry: SetExpiry) -> SetExpiry {
        let _ = self;
        match expiry {
            SetExpiry::At(time) => SetExpiry::At(round().now_ms + time),
            SetExpiry::Keep | SetExpiry::Clear => expiry,
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8], expiry: SetExpiry) {
        self.with(&[key], |view, model| {
            view.set_string(key, value, expiry);
            model.put(model.place(key), value.to_vec(), expiry, encoding_of(value));
        });
    }

    fn set_if(&mut self, key: &[u8], value: Vec<u8>, only_new: bool) {
        self.with(&[key], |view, model| {
            let place = model.place(key);
            let present = model.live(&place);
            let decided = view.set_string_if(key, &value, SetExpiry::Keep, |entry| {
                let found = entry.map(|entry| entry.string().to_vec());
                assert_eq!(found, present.as_ref().map(|entry| entry.value.clone()));
                entry.is_none() == only_new
            });
            assert_eq!(decided, present.is_none() == only_new);
            if decided {
                let encoding = encoding_of(&value);
                model.put(place, value, SetExpiry::Keep, encoding);
            }
        });
    }

    fn add(&mut self, key: &[u8], number: i64) {
        self.with(&[key], |view, model| {
            let place = model.place(key);
            let present = model.live(&place).map_or_else(|| b"0".to_vec(), |entry| entry.value);
            let number_of = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i64>().ok();
            let expected = number_of(&present).and_then(|present| present.checked_add(number));
            let found = view.update_integer(key, |entry| {
                let mut decimal = Decimal::new();
                let present = entry.map_or(&b"0"[..], |entry| entry.string().bytes(&mut decimal));
                number_of(present).and_then(|present| present.checked_add(number)).ok_or(())
            });
            assert_eq!(found.ok(), expected);
            if let Some(sum) = expected {
                let value = sum.to_string().into_bytes();
                model.put(place, value, SetExpiry::Keep, Encoding::Int);
            }
        });
    }

    fn append(&mut self, key: &[u8], tail: &[u8]) {
        self.with(&[key], |view, model| {
            let place = model.place(key);
            let mut value = model.live(&place).map_or_else(Vec::new, |entry| entry.value);
            value.extend_from_slice(tail);
            let length = view.edit_string(key, |bytes| {
                bytes.extend_from_slice(tail);
                bytes.len()
            });
            assert_eq!(length, value.len());
            model.put(place, value, SetExpiry::Keep, Encoding::Raw);
        });
    }

    fn cut(&mut self, key: &[u8]) {
        self.with(&[key], |view, model| {
            let place = model.place(key);
            let Some(mut entry) = model.live(&place) else {
                assert!(view.peek(key).is_none());
                return;
            };
            entry.value.truncate(entry.value.len() / 2);
            view.edit_string(key, |bytes| bytes.truncate(bytes.len() / 2));
            model.put(place, entry.value, SetExpiry::Keep, Encoding::Raw);
        });
    }

    fn overwrite(&mut self, key: &[u8]) {
        self.with(&[key], |view, model| {
            let place = model.place(key);
            let done = view.overwrite_string(key, <[u8]>::make_ascii_uppercase);
            let entry = model.live(&place).filter(|entry| entry.encoding != Encoding::Int);
            assert_eq!(done.is_some(), entry.is_some());
            if let Some(mut entry) = entry {
                entry.value.make_ascii_uppercase();
                model.put(place, entry.value, SetExpiry::Keep, Encoding::Raw);
            }
        });
    }

    fn expire(&mut self, key: &[u8], expiry: Option<i64>) {
        let expiry = expiry.map(|time| round().now_ms + time);
        self.with(&[key], |view, model| {
            let place = model.place(key);
            let present = model.live(&place).is_some();
            assert_eq!(view.set_expiry(key, expiry), present);
            if let Some(entry) = model.entries.get_mut(&place).filter(|_| present) {
                entry.expiry = expiry;
            }
        });
    }

    fn read(&mut self, key: &[u8]) {
        let before = (self.round.hits, self.round.misses);
        let found = self.with(&[key], |view, model| {
            let expected = model.live(&model.place(key));
            let found = view.read(key).map(|entry| {
                assert_eq!(entry.key(), key);
                let value = entry.string().to_vec();
                Expected { value, expiry: entry.expiry(), encoding: entry.encoding() }
            });
            assert_eq!(found, expected);
            assert_eq!(view.peek(key).is_some(), expected.is_some());
            assert_eq!(view.look(key).is_some(), expected.is_some());
            found.is_some()
        });
        let counted = (self.round.hits - before.0, self.round.misses - before.1);
        assert_eq!(counted, if found { (1, 0) } else { (0, 1) });
    }

    fn rename(&mut self, from: &[u8], to: &[u8]) {
        self.with(&[from, to], |view, model| {
            let (source, target) = (model.place(from), model.place(to));
            let found = model.live(&source);
            assert_eq!(view.rename(from, to), found.is_some());
            if let Some(entry) = found
                && from != to
            {
                // The target is looked up, so it may be found expired.
                model.live(&target);
                model.entries.remove(&source);
                model.entries.insert(target, entry);
            }
        });
    }

    fn copy(&mut self, from: &[u8], to: &[u8], database: usize) {
        if (self.model.database, from) == (database, to) {
            return;
        }
        self.with(&[from, to], |view, model| {
            let target = (database, to.to_vec());
            let found = model.live(&model.place(from));
            assert_eq!(view.copy(from, to, database), found.is_some());
            if let Some(entry) = found {
                model.live(&target);
                model.entries.insert(target, entry);
            }
        });
    }

    fn move_to(&mut self, key: &[u8], database: usize) {
        if database == self.model.database {
            return;
        }
        self.with(&[key], |view, model| {
            let (source, target) = (model.place(key), (database, key.to_vec()));
            let found = model.live(&source);
            assert_eq!(view.peek(key).is_some(), found.is_some());
            let here = view.database();
            view.select(database);
            let taken = view.peek(key).is_some();
            view.select(here);
            assert_eq!(taken, model.live(&target).is_some());
            if taken {
                return;
            }
            assert_eq!(view.move_to(key, database), found.is_some());
            if let Some(entry) = found {
                model.entries.remove(&source);
                model.entries.insert(target, entry);
            }
        });
    }

    fn flush(&mut self, database: Option<usize>) {
        self.with(&[], |view, model| {
            let before = model.entries.len();
            model.entries.retain(|place, _| database.is_some_and(|database| place.0 != database));
            let removed = before - model.entries.len();
            assert_eq!(view.flush(database), removed);
            let garbage: usize = view.garbage.drain(..).map(|garbage| garbage.objects()).sum();
            assert_eq!(garbage, removed);
        });
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.with(&[], |view, model| {
            view.swap_databases(one, other);
            let entries = std::mem::take(&mut model.entries);
            let swapped = |database| match database {
                _ if database == one => other,
                _ if database == other => one,
                _ => database,
            };
            let entries =
                entries.into_iter().map(|((database, key), e)| ((swapped(database), key), e));
            model.entries = entries.collect();
        });
    }

    fn keys(&mut self) {
        self.with(&[], |view, model| {
            let mut found = Vec::new();
            view.for_each(&mut |entry| found.push(entry.key().to_vec()));
            assert_eq!(found.len(), model.live_keys().len());
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), model.live_keys());
            let all = model.entries.keys().filter(|(database, _)| *database == model.database);
            assert_eq!(view.count_keys(), all.count());
        });
    }

    fn random(&mut self) {
        self.with(&[], |view, model| {
            let found = view.random().map(|entry| entry.key().to_vec());
            // Those that it came across.
            let expired: Vec<Place> = view
                .expired
                .iter()
                .map(|expired| (expired.database, expired.key.to_vec()))
                .collect();
            for place in expired {
                assert!(model.live(&place).is_none());
            }
            match found {
                Some(key) => assert!(model.live_keys().contains(&key)),
                None => assert!(model.live_keys().is_empty() || model.mode == ExpiryMode::Hide),
            }
        });
    }

    /// Every key of those wanted is visited, and removed if it has expired.
    fn scan(&mut self) {
        self.with(&[], |view, model| {
            let mut found = Vec::new();
            let mut cursor = 0;
            loop {
                cursor = view.scan(cursor, &mut |key| key.len() % 2 == 1, &mut |entry| {
                    found.push(entry.key().to_vec());
                });
                if cursor == 0 {
                    break;
                }
            }
            let is_wanted = |key: &[u8]| key.len() % 2 == 1;
            let expected = model.live_keys().into_iter().filter(|key| is_wanted(key)).collect();
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
            let here = model
                .entries
                .keys()
                .filter(|(database, key)| *database == model.database && is_wanted(key));
            let places: Vec<Place> = here.cloned().collect();
            for place in &places {
                model.live(place);
            }
        });
    }

    /// Searches until every key was looked at.
    fn search(&mut self) {
        if self.model.mode != ExpiryMode::Remove {
            return;
        }
        let mut found = BTreeSet::new();
        let mut rounds = 0;
        while rounds < 2 {
            let mut view = self.keyspace.view(&mut self.inside, 0, &mut self.round);
            view.roam();
            let progress = self.cycle.step(&mut view, 4, 0);
            assert_eq!(progress.expired, view.expired.len());
            let expired = view.expired.drain(..);
            found.extend(expired.map(|expired| (expired.database, expired.key.to_vec())));
            rounds += usize::from(progress.wrapped);
        }
        let places: Vec<Place> = self.model.entries.keys().cloned().collect();
        self.model.expired.clear();
        for place in &places {
            self.model.live(place);
        }
        assert_eq!(found, self.model.expired);
    }

    /// The end of a case: all databases hold what they should, and the index of expiring keys counts right.
    fn check(mut self) {
        let sizes = self.keyspace.sizes(&mut self.inside);
        for (number, size) in sizes.iter().enumerate() {
            let here =
                || self.model.entries.iter().filter(|((database, _), _)| *database == number);
            assert_eq!(size.keys, here().count());
            assert_eq!(size.expiring, here().filter(|(_, entry)| entry.expiry.is_some()).count());
        }
        self.round.expiry = ExpiryMode::Ignore;
        let mut found = BTreeMap::new();
        for number in 0..DATABASES {
            let mut view = self.keyspace.view(&mut self.inside, number, &mut self.round);
            view.lock_all();
            view.for_each(&mut |entry| {
                let value = entry.string().to_vec();
                let entry_is =
                    Expected { value, expiry: entry.expiry(), encoding: entry.encoding() };
                found.insert((number, entry.key().to_vec()), entry_is);
            });
        }
        assert_eq!(found, self.model.entries);
    }
}

fn run(workers: usize, steps: Vec<Step>) {
    let (keyspace, mut gate_keys) = Keyspace::new(workers, DATABASES);
    let round = round();
    let mut case = Case {
        keyspace: &keyspace,
        inside: keyspace.gates().enter(gate_keys.remove(0)),
        model: Model {
            entries: BTreeMap::new(),
            database: 0,
            now_ms: round.now_ms,
            mode: ExpiryMode::Remove,
            expired: BTreeSet::new(),
        },
        round,
        cycle: ExpiryCycle::new(Expiring::Keys, 0, 1),
    };
    for step in steps {
        case.run(step);
    }
    case.check();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { ProptestConfig::default().cases },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_keyspace_is_a_map(
        steps in prop::collection::vec(steps(), 1..if cfg!(miri) { 60 } else { 250 }),
        workers in 1..3_usize,
    ) {
        run(workers, steps);
    }
}
