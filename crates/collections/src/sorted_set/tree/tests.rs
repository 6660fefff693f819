//! The tree against a sorted vector.

use proptest::prelude::*;

use super::*;

/// Members are numbers that compare as such.
type Model = Vec<(f64, u32)>;

fn place(score: f64, member: u32) -> Place<impl Fn(u32) -> std::cmp::Ordering> {
    Place { score, order: move |other: u32| other.cmp(&member) }
}

fn index(model: &Model, score: f64, member: u32) -> Result<usize, usize> {
    model.binary_search_by(|(other, held)| other.total_cmp(&score).then(held.cmp(&member)))
}

fn compare(tree: &Tree<u32>, model: &Model) {
    tree.check();
    assert_eq!(tree.len(), model.len());
    assert_eq!(tree.range(0..model.len()).collect::<Vec<_>>(), *model);
}

#[derive(Clone, Debug)]
enum Step {
    Insert(f64, u32),
    Run { start: u32, count: u32, rising: bool },
    Remove(prop::sample::Index),
    RemoveSome(prop::sample::Index, usize),
    Move(prop::sample::Index, f64),
}

fn step() -> impl Strategy<Value = Step> {
    let score = || (-4_i32..4).prop_map(f64::from);
    prop_oneof![
        4 => (score(), 0_u32..1000).prop_map(|(score, member)| Step::Insert(score, member)),
        1 => (0_u32..100_000, 1_u32..2000, any::<bool>())
            .prop_map(|(start, count, rising)| Step::Run { start, count, rising }),
        3 => any::<prop::sample::Index>().prop_map(Step::Remove),
        2 => (any::<prop::sample::Index>(), 1_usize..600)
            .prop_map(|(index, limit)| Step::RemoveSome(index, limit)),
        4 => (any::<prop::sample::Index>(), score()).prop_map(|(index, score)| Step::Move(index, score)),
    ]
}

fn insert(tree: &mut Tree<u32>, model: &mut Model, score: f64, member: u32) {
    if let Err(slot) = index(model, score, member) {
        model.insert(slot, (score, member));
        tree.insert(place(score, member), score, member);
    }
}

fn run(tree: &mut Tree<u32>, model: &mut Model, step: &Step) {
    match *step {
        Step::Insert(score, member) => insert(tree, model, score, member),
        Step::Run { start, count, rising } => {
            for number in 0..count {
                let number = if rising { number } else { count - number };
                insert(tree, model, f64::from((start + number) / 3), start + number);
            }
        }
        Step::Remove(chosen) if !model.is_empty() => {
            let (score, member) = model.remove(chosen.index(model.len()));
            let rank = tree.rank(Present { place: place(score, member), member });
            assert_eq!(index(model, score, member), Err(rank));
            tree.remove(Present { place: place(score, member), member });
        }
        Step::RemoveSome(chosen, limit) if !model.is_empty() => {
            let rank = chosen.index(model.len());
            let limit = limit.min(model.len() - rank);
            let mut removed = Vec::new();
            while removed.len() < limit {
                let left = limit - removed.len();
                assert!(0 < tree.remove_some(rank, left, &mut |s, m| removed.push((s, m))));
            }
            assert_eq!(removed, model.drain(rank..rank + limit).collect::<Vec<_>>());
        }
        Step::Move(chosen, to) if !model.is_empty() => {
            let (score, member) = model.remove(chosen.index(model.len()));
            let Err(slot) = index(model, to, member) else {
                tree.remove(place(score, member));
                return;
            };
            model.insert(slot, (to, member));
            let seek = Present { place: place(score, member), member };
            // Members that are equal differ in their scores.
            if !tree.move_within(seek, to, |other| other < member) {
                tree.insert(place(to, member), to, member);
            }
        }
        Step::Remove(_) | Step::RemoveSome(..) | Step::Move(..) => {}
    }
}

proptest! {
    #[test]
    fn a_sorted_vector_agrees(steps in prop::collection::vec(step(), 1..60)) {
        let (mut tree, mut model) = (Tree::default(), Model::new());
        for step in steps {
            run(&mut tree, &mut model, &step);
            compare(&tree, &model);
        }
        for number in -5..5 {
            let score = f64::from(number);
            let below = model.iter().filter(|(other, _)| *other < score).count();
            prop_assert_eq!(tree.rank(Start(|other: f64, _| other < score)), below);
            prop_assert_eq!(tree.rank(place(score, 0)), below);
        }
        for (rank, element) in model.iter().enumerate() {
            prop_assert_eq!(tree.range(rank..rank + 1).next(), Some(*element));
        }
        prop_assert_eq!(tree.range(model.len()..model.len() + 1).next(), None);
    }

    #[test]
    fn both_ends_meet(count in 0_u32..400, start in 0_usize..400, end in 0_usize..500, ends: Vec<bool>) {
        let mut tree = Tree::default();
        (0..count).for_each(|number| tree.push(f64::from(number / 7), number));
        tree.check();
        let start = start.min(end);
        let model: Vec<u32> = (0..count).collect();
        let end = end.min(model.len());
        let mut expected = model.get(start..end).unwrap_or_default().iter();
        let mut elements = tree.range(start..end.max(start));
        for from_front in ends.into_iter().cycle().take(600) {
            let mut rest = Vec::new();
            elements.clone().for_each(|(_, member)| rest.push(member));
            prop_assert_eq!(&rest, expected.as_slice());
            let (ours, theirs) = if from_front {
                (elements.next(), expected.next())
            } else {
                (elements.next_back(), expected.next_back())
            };
            prop_assert_eq!(ours.map(|(_, member)| member), theirs.copied());
        }
    }
}

#[test]
fn elements_in_order_fill_leaves() {
    let count: usize = 100_000;
    for rising in [true, false] {
        let mut tree = Tree::default();
        for number in 0..100_000_u32 {
            let member = if rising { number } else { 100_000 - number };
            tree.insert(place(f64::from(member), member), f64::from(member), member);
        }
        tree.check();
        let (leaves, _) = tree.root.as_ref().map_or((0, 0), Node::nodes);
        assert_eq!(leaves, count.div_ceil(CAPACITY), "rising: {rising}");
    }
}

#[test]
fn leaves_are_a_kilobyte() {
    assert_eq!(size_of::<Leaf<u64>>(), 1024);
    assert_eq!(size_of::<Inner<u64>>(), 2560);
}
