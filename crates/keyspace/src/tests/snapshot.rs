//! Snapshots beside random changes of everything: the image is the keyspace at the moment when it began.

use std::collections::BTreeMap;
use std::sync::Arc;

use collections::hash::{self, Hash};
use collections::list::{self, End, List, NodeContent};
use collections::list_pack::{Element, ListPackRef};
use collections::pieces::Piece;
use collections::set::{self, Set};
use collections::sorted_set::{self, SortedSet};
use collections::stream::{NodeLimits, Stream, StreamId};
use collections::{Object, ObjectRef};
use parking_lot::Mutex;
use proptest::prelude::*;

use super::round;
use crate::{
    Arrivals, BigEntry, EntryRef, Freeing, Keyspace, Round, SetExpiry, SnapshotSink, Substitute,
    ValueRef, ValueType, View, Walk,
};

const DATABASES: usize = 3;
const KEYS: u64 = 24;
/// Allocations from which on a collection is shown in pieces are 256.
const BIG: u64 = 300;

/// An entry, independent of how it is represented.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Shown {
    value_type: ValueType,
    expiry: Option<i64>,
    contents: Vec<Vec<u8>>,
}

type Image = BTreeMap<(usize, Vec<u8>), Shown>;

#[derive(Default)]
struct Collector {
    image: Mutex<Image>,
    begun: Mutex<Option<BigEntry>>,
    pieces: Mutex<Vec<Vec<u8>>>,
    /// What all collections keep.
    kept: Mutex<usize>,
}

impl Collector {
    fn put(&self, database: usize, key: &[u8], shown: Shown) {
        let before = self.image.lock().insert((database, key.to_vec()), shown);
        assert!(before.is_none(), "{database} {:?} is shown once", key.escape_ascii());
    }
}

impl SnapshotSink for Collector {
    fn entry(&self, database: usize, entry: EntryRef<'_>) {
        self.put(database, entry.key(), shown(entry));
    }

    fn begin(&self, entry: &BigEntry) {
        let before = self.begun.lock().replace(entry.clone());
        assert!(before.is_none(), "one is ended before another begins");
    }

    fn piece(&self, piece: &Piece<'_>) {
        let mut pieces = self.pieces.lock();
        match piece {
            Piece::Node(NodeContent::Packed(bytes)) => {
                pieces.extend(ListPackRef::from_trusted(bytes).iter().map(Element::to_vec));
            }
            Piece::Node(NodeContent::Plain(bytes)) => pieces.push(bytes.to_vec()),
            Piece::Member(member) => pieces.push(member.to_vec()),
            Piece::Field { name, value, expiry } => pieces.push(field(name, value, *expiry)),
            Piece::Scored(member, score) => pieces.push(scored(member, *score)),
            Piece::Entries(id, pack) => {
                pieces.push([&id.to_bytes(), *pack].concat());
            }
        }
    }

    fn end(&self) {
        use collections::pieces::Head;
        let big = self.begun.lock().take().expect("it was begun");
        let mut contents = std::mem::take(&mut *self.pieces.lock());
        let (value_type, said) = match big.head {
            Head::List(_) => (ValueType::List, None),
            Head::Set(members) => (ValueType::Set, Some(members)),
            Head::Hash { fields, .. } => (ValueType::Hash, Some(fields)),
            Head::SortedSet(members) => (ValueType::SortedSet, Some(members)),
            Head::Stream { nodes, .. } => (ValueType::Stream, Some(nodes)),
        };
        assert!(said.is_none_or(|said| said == contents.len()), "as many as its head says");
        if matches!(value_type, ValueType::Set | ValueType::Hash | ValueType::SortedSet) {
            contents.sort();
        }
        self.put(big.database, &big.key, Shown { value_type, expiry: big.expiry, contents });
    }

    fn kept(&self, before: usize, after: usize) {
        let mut kept = self.kept.lock();
        *kept = kept.checked_sub(before).expect("it was told before") + after;
    }
}

fn field(name: &[u8], value: &[u8], expiry: Option<i64>) -> Vec<u8> {
    [name, b"=", value, format!(" {expiry:?}").as_bytes()].concat()
}

fn scored(member: &[u8], score: f64) -> Vec<u8> {
    [member, format!("={score}").as_bytes()].concat()
}

fn shown(entry: EntryRef<'_>) -> Shown {
    let mut contents = match entry.value() {
        ValueRef::String(string) => vec![string.to_vec()],
        ValueRef::Object(object) => contents_of(object),
    };
    if matches!(entry.value_type(), ValueType::Set | ValueType::Hash | ValueType::SortedSet) {
        contents.sort();
    }
    Shown { value_type: entry.value_type(), expiry: entry.expiry(), contents }
}

fn contents_of(object: ObjectRef<'_>) -> Vec<Vec<u8>> {
    match object {
        ObjectRef::List(list) => list
            .nodes()
            .flat_map(|node| match node {
                NodeContent::Packed(bytes) => {
                    ListPackRef::from_trusted(&bytes).iter().map(Element::to_vec).collect()
                }
                NodeContent::Plain(bytes) => vec![bytes.to_vec()],
            })
            .collect(),
        ObjectRef::Set(set) => set.iter().map(Element::to_vec).collect(),
        ObjectRef::Hash(hash) => hash
            .into_iter()
            .map(|held| field(&held.name.to_vec(), &held.value.to_vec(), held.expiry))
            .collect(),
        ObjectRef::SortedSet(set) => {
            set.iter().map(|(member, score)| scored(&member.to_vec(), score)).collect()
        }
        ObjectRef::Stream(stream) => {
            let parts = stream.to_parts();
            parts
                .nodes
                .iter()
                .map(|(id, pack)| [&id.to_bytes(), pack.as_slice()].concat())
                .collect()
        }
    }
}

fn name(number: u64) -> Vec<u8> {
    format!("key:{number}").into_bytes()
}

const LIST: list::Limits = list::Limits { node_size: 2, compress_depth: 1 };
const SET: set::Limits = set::Limits { integers: 8, members: 8, member_bytes: 64 };
const HASH: hash::Limits = hash::Limits { fields: 8, bytes: 64 };
const SORTED: sorted_set::Limits = sorted_set::Limits { entries: 8, value_bytes: 64 };
const NODE: NodeLimits = NodeLimits { bytes: 4096, entries: 2 };

/// A collection of any type with so many elements.
fn collection(kind: u64, count: u64) -> Object {
    let member = |number: u64| format!("member:{number}").into_bytes();
    match kind % 5 {
        0 => {
            let members: Vec<Vec<u8>> = (0..count * 2).map(member).collect();
            let mut list = List::default();
            list.push(End::Tail, members.iter().map(Vec::as_slice), LIST);
            Object::List(list)
        }
        1 => {
            let mut set = Set::default();
            for number in 0..count {
                set.add(&member(number), SET);
            }
            Object::Set(set)
        }
        2 => {
            let mut hash = Hash::new();
            for number in 0..count {
                hash.set(&member(number), b"value", hash::SetExpiry::Clear, HASH);
                if number % 50 == 0 {
                    hash.set_expiry(&member(number), Some(1_000_000 + number.cast_signed()));
                }
            }
            Object::Hash(hash)
        }
        3 => {
            let mut set = SortedSet::default();
            for number in 0..count {
                set.insert(&member(number), f64::from(u32::try_from(number).unwrap_or(0)), SORTED);
            }
            Object::SortedSet(set)
        }
        _ => {
            let mut stream = Stream::default();
            for number in 1..=count * 2 {
                add_entry(&mut stream, number);
            }
            Object::Stream(stream)
        }
    }
}

fn add_entry(stream: &mut Stream, number: u64) {
    let words: [&[u8]; 2] = [b"field", b"value"];
    // One that is not greater than the last is refused.
    let _refused = stream.log_mut().add(StreamId::new(number, 0), words.into_iter(), NODE);
}

/// Changes a collection of whatever type is there.
fn edit(view: &mut View<'_>, key: &[u8], seed: u64) {
    let member = format!("member:{}", seed % 400).into_bytes();
    let Some(value_type) = view.peek(key).map(|entry| entry.value_type()) else { return };
    match value_type {
        ValueType::String => view.edit_string(key, |bytes| bytes.push(b'+')),
        ValueType::List => drop(view.edit::<List, _>(key, |list| match seed % 4 {
            0 => list.push(End::Head, std::iter::once(&*member), LIST),
            1 => drop(list.pop(End::Head, LIST, |_| ())),
            2 => drop(list.set((seed % 400).cast_signed(), b"other", LIST)),
            _ => list.remove_range(usize::try_from(seed % 300).unwrap_or(0), 7, LIST),
        })),
        ValueType::Set => drop(view.edit::<Set, _>(key, |set| match seed % 3 {
            0 => drop(set.add(&member, SET)),
            1 => drop(set.remove(&member)),
            _ => drop(set.pop(|| seed << 40)),
        })),
        ValueType::Hash => drop(view.edit::<Hash, _>(key, |hash| match seed % 3 {
            0 => drop(hash.set(&member, b"other", hash::SetExpiry::Clear, HASH)),
            1 => drop(hash.remove(&member)),
            _ => drop(hash.set_expiry(&member, Some(1_000_500))),
        })),
        ValueType::SortedSet => drop(view.edit::<SortedSet, _>(key, |set| match seed % 3 {
            0 => drop(set.insert(&member, 7.5, SORTED)),
            1 => drop(set.remove(&member)),
            _ => set.remove_ranks(3..6),
        })),
        ValueType::Stream => drop(view.edit::<Stream, _>(key, |stream| match seed % 2 {
            0 => add_entry(stream, 10_000 + seed),
            _ => drop(stream.log_mut().delete(StreamId::new(seed % 600, 0))),
        })),
    }
}

struct Case {
    keyspace: Keyspace,
    round: Round,
    walk: Option<(Walk, Arc<Collector>, Image)>,
    /// Other data, which may take the place of all some time.
    substitute: Option<Substitute>,
}

impl Case {
    fn new(workers: usize) -> Case {
        let (keyspace, _keys) = Keyspace::new(workers, DATABASES);
        Case { keyspace, round: round(), walk: None, substitute: None }
    }

    /// Makes other data, or puts it in the place of all.
    fn replace_all(&mut self, seed: u64) {
        let Some(substitute) = self.substitute.take() else {
            let substitute = Substitute::new(&self.keyspace);
            for number in seed % 5..KEYS {
                let mut arrivals = Arrivals::default();
                let database = usize::try_from(number % 3).unwrap_or(0);
                let expiry = number.is_multiple_of(5).then_some(1_000_400);
                let key = name(number);
                let place = (database, key.as_slice());
                if number.is_multiple_of(2) {
                    arrivals.string(&self.keyspace, place, b"substitute", expiry, 0);
                } else {
                    let object = collection(number, BIG);
                    arrivals.object(&self.keyspace, place, object, expiry, 0);
                }
                substitute.admit(&self.keyspace, &mut arrivals).expect("it comes once");
            }
            self.substitute = Some(substitute);
            return;
        };
        self.with(|view| {
            view.flush(None);
            view.substitute(substitute);
            view.garbage.clear();
        });
    }

    fn with<R>(&mut self, act: impl FnOnce(&mut View<'_>) -> R) -> R {
        let mut closed = self.keyspace.gates().close();
        let mut view = self.keyspace.view(&mut closed, 0, &mut self.round);
        view.lock_all();
        act(&mut view)
    }

    fn begin(&mut self) {
        if self.walk.is_some() {
            return;
        }
        let sink = Arc::new(Collector::default());
        let shared = Arc::clone(&sink);
        self.walk = Some(self.with(|view| {
            let mode = std::mem::replace(&mut view.round.expiry, crate::ExpiryMode::Ignore);
            let mut image = Image::new();
            for database in 0..DATABASES {
                view.select(database);
                view.for_each(&mut |entry| {
                    image.insert((database, entry.key().to_vec()), shown(entry));
                });
            }
            view.round.expiry = mode;
            let walk = view.begin_snapshot(shared);
            assert_eq!(walk.sizes().iter().map(|size| size.keys).sum::<usize>(), image.len());
            (walk, sink, image)
        }));
    }

    fn step(&mut self, budget: usize) {
        let Some((mut walk, sink, image)) = self.walk.take() else { return };
        if self.keyspace.step(&mut walk, budget) {
            self.walk = Some((walk, sink, image));
            return;
        }
        assert!(!self.keyspace.has_snapshot());
        assert_eq!(walk.left(), 0);
        assert_eq!(*sink.kept.lock(), 0, "what is kept is told");
        let shown = std::mem::take(&mut *sink.image.lock());
        assert_eq!(shown.len(), image.len(), "as many entries as there were");
        assert_eq!(shown, image);
    }

    fn change(&mut self, what: u8, seed: u64) {
        if what == 24 {
            return self.replace_all(seed);
        }
        let (key, other) = (name(seed % KEYS), name(seed / KEYS % KEYS));
        let database = usize::try_from(seed / 7 % 3).unwrap_or(0);
        let second = usize::try_from(seed / 3 % 3).unwrap_or(0);
        self.with(|view| {
            view.select(database);
            let expiry = match seed % 3 {
                0 => SetExpiry::Keep,
                1 => SetExpiry::Clear,
                _ => SetExpiry::At(1_000_000 + (seed % 900).cast_signed()),
            };
            match what {
                0..=2 => view.set_string(&key, format!("{seed}").as_bytes(), expiry),
                3 => view.put_made(&key, vec![b'x'; 2000], expiry),
                4 | 5 => view.put_object(&key, collection(seed, BIG), expiry),
                6 => view.put_object(&key, collection(seed, 5), expiry),
                7..=14 => edit(view, &key, seed),
                15 => drop(view.remove(&key)),
                16 => drop(view.remove_freeing(&key, Freeing::Here)),
                17 => drop(view.set_expiry(&key, seed.is_multiple_of(2).then_some(1_000_500))),
                18 | 19 => drop(view.rename(&key, &other)),
                20 => drop(view.copy(&key, &other, second)),
                21 => {
                    view.select(second);
                    let taken = view.peek(&key).is_some();
                    view.select(database);
                    if !taken && database != second {
                        view.move_to(&key, second);
                    }
                }
                22 => view.swap_databases(database, second),
                23 if seed.is_multiple_of(4) => {
                    view.flush((!seed.is_multiple_of(8)).then_some(database));
                }
                _ => view.round.now_ms += (seed % 60).cast_signed(),
            }
            view.expired.clear();
            view.garbage.clear();
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 150 }))]
    #[test]
    fn an_image_is_the_keyspace_when_it_began(
        workers in 1..3_usize,
        steps in prop::collection::vec((0..34_u8, any::<u32>()), 1..250),
    ) {
        let mut case = Case::new(workers);
        for (what, seed) in steps {
            match what {
                0..=24 => case.change(what, seed.into()),
                25 => case.begin(),
                _ => case.step(usize::try_from(seed % 5000).unwrap_or(0)),
            }
        }
        while case.walk.is_some() {
            case.step(1 << 16);
        }
    }

    /// After a snapshot that was given up everything is as if it had never been: the next one shows all.
    #[test]
    fn one_that_is_given_up_leaves_nothing_behind(
        before in prop::collection::vec((0..24_u8, any::<u32>()), 20..60),
        during in prop::collection::vec((0..30_u8, any::<u32>()), 0..60),
    ) {
        let mut case = Case::new(2);
        for (what, seed) in before {
            case.change(what, seed.into());
        }
        for _ in 0..2 {
            case.begin();
            for &(what, seed) in &during {
                if what <= 24 {
                    case.change(what, seed.into());
                } else if let Some((walk, ..)) = &mut case.walk
                    && !case.keyspace.step(walk, usize::try_from(seed % 5000).unwrap_or(0))
                {
                    case.walk = None;
                }
            }
            if let Some((mut walk, ..)) = case.walk.take() {
                walk.give_up();
                while case.keyspace.step(&mut walk, 1000) {}
            }
        }
        case.begin();
        while case.walk.is_some() {
            case.step(1 << 16);
        }
    }
}

/// Tables that grow and shrink while they are walked lose nothing.
#[test]
fn tables_grow_and_shrink_meanwhile() {
    const COUNT: u64 = if cfg!(miri) { 200 } else { 20_000 };
    let mut case = Case::new(1);
    let set = |case: &mut Case, numbers: std::ops::Range<u64>| {
        case.with(|view| {
            numbers.for_each(|number| view.set_string(&name(number), b"v", SetExpiry::Clear));
        });
    };
    set(&mut case, 0..COUNT);
    case.begin();
    for slice in 0..10 {
        case.step(1 << 14);
        set(&mut case, COUNT * (slice + 1)..COUNT * (slice + 2));
    }
    for slice in 0..10 {
        case.step(1 << 14);
        case.with(|view| {
            for number in COUNT * slice..COUNT * (slice + 1) {
                view.remove(&name(number));
            }
        });
    }
    while case.walk.is_some() {
        case.step(1 << 16);
    }
}

/// A writer on another thread beside the walk.
#[test]
fn a_writer_at_work_meanwhile() {
    const COUNT: u64 = if cfg!(miri) { 50 } else { 3000 };
    let (keyspace, mut keys) = Keyspace::new(2, DATABASES);
    let mut case = Case { keyspace, round: round(), walk: None, substitute: None };
    case.with(|view| {
        for number in 0..COUNT {
            view.set_string(&name(number), b"v", SetExpiry::Clear);
        }
        view.put_object(b"big", collection(3, 5000), SetExpiry::Clear);
    });
    case.begin();
    let Some((mut walk, sink, image)) = case.walk.take() else { panic!("it was begun") };
    let (keyspace, key) = (&case.keyspace, keys.remove(0));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut round = round();
            let mut inside = keyspace.gates().enter(key);
            for number in 0..COUNT * 2 {
                let key = name(number);
                let mut view = keyspace.view(&mut inside, 0, &mut round);
                view.lock_several([&*key, b"big"].into_iter());
                view.set_string(&key, b"other", SetExpiry::Clear);
                edit(&mut view, b"big", number);
                drop(view);
                inside = keyspace.gates().enter(inside.leave());
            }
        });
        while keyspace.step(&mut walk, 1000) {}
    });
    assert_eq!(*sink.image.lock(), image);
}

/// What takes the place of all is what came, once; and what does not is freed.
#[test]
fn a_substitute_takes_the_place_of_all() {
    let mut case = Case::new(2);
    case.with(|view| view.set_string(b"old", b"value", SetExpiry::Clear));
    let arriving = |keyspace: &Keyspace, key: &[u8]| {
        let mut arrivals = Arrivals::default();
        arrivals.string(keyspace, (1, key), b"new", None, 0);
        arrivals
    };
    let substitute = Substitute::new(&case.keyspace);
    let admit = |key: &[u8]| substitute.admit(&case.keyspace, &mut arriving(&case.keyspace, key));
    assert_eq!(admit(b"one"), Ok(()));
    assert_eq!(admit(b"two"), Ok(()));
    let again = admit(b"one").expect_err("it is there");
    assert_eq!((again.database, &*again.key), (1, &b"one"[..]));
    let keys = |view: &mut View<'_>| view.sizes().iter().map(|size| size.keys).collect::<Vec<_>>();
    case.with(|view| {
        assert_eq!(keys(view), [1, 0, 0]);
        view.flush(None);
        view.substitute(substitute);
        assert_eq!(keys(view), [0, 2, 0]);
        view.select(1);
        assert!(view.remove(b"two"));
        assert_eq!(keys(view), [0, 1, 0]);
        view.garbage.clear();
    });
    let unused = Substitute::new(&case.keyspace);
    unused.admit(&case.keyspace, &mut arriving(&case.keyspace, b"three")).expect("it is new");
}
