//! Random commands, sent to the server under test and to a real one: every reply and the state
//! at the end must be the same, byte for byte.
//!
//! A case is a sequence of [`step::Step`]s that follows from its seed. Both servers get it over a fresh
//! connection, with protocol 2 or 3. Where Redis promises less than equality, [`tolerance`] says what it
//! promises; where two versions differ on purpose, [`differences`] says how. A case that fails is [`shrink`]ed, and printed
//! with its seed as commands that can be typed in.
//!
//! `OCHRE_SEED` and `OCHRE_ROUNDS` choose other cases than the fixed few that every test run tries, and
//! `OCHRE_FAMILIES` what they are drawn from (a seed means another case then):
//!
//! ```text
//! OCHRE_SEED=42 OCHRE_ROUNDS=5000 OCHRE_FAMILIES=string,key cargo nextest run differential
//! ```

mod connection_family;
mod differences;
mod grammar_family;
mod hash_family;
mod key_family;
mod list_family;
mod pair;
mod pool;
mod server_family;
mod set_family;
mod shrink;
mod sorted_set_family;
mod state;
mod step;
mod stream_family;
mod string_family;
mod tolerance;

use std::collections::BTreeMap;
use std::env;

use harness::{Launch, Oracle, Protocol, Random, Version};

use crate::subject;
use pair::{Divergence, Pair};
use step::{Generator, Step};

/// Steps of one case: enough that commands meet what others left, few enough to shrink quickly.
const STEPS: usize = 120;

/// Cases of one comparison, unless `OCHRE_ROUNDS` says otherwise.
const ROUNDS: usize = 1000;

/// Failures after which a comparison ends: more is more than one reads at a time.
const MOST_REPORTS: usize = 20;

/// What the cases are drawn from, each with its share.
const FAMILIES: &[(&str, &dyn Generator, usize)] = &[
    ("grammar", &grammar_family::Grammar, 10),
    ("string", &string_family::Strings, 10),
    ("key", &key_family::Keys, 8),
    ("list", &list_family::Lists, 6),
    ("set", &set_family::Sets, 8),
    ("sorted_set", &sorted_set_family::SortedSets, 6),
    ("hash", &hash_family::Hashes, 10),
    ("stream", &stream_family::Streams, 10),
    ("connection", &connection_family::Connections, 2),
    ("server", &server_family::Servers, 2),
];

#[test]
fn replies_equal_those_of_the_level_implemented() {
    subject::with_each_worker_count(|launch| {
        compare(&launch, &oracle(Version::V74));
    });
}

#[test]
fn replies_equal_those_of_debian_s_version_but_for_what_changed_since() {
    compare(&subject::launch(), &oracle(Version::V70));
}

/// The comparison itself is proven on two real servers: it runs, and finds nothing but the
/// differences that are written down.
#[test]
fn two_real_versions_differ_only_where_documented() {
    compare(&oracle(Version::V74).launch(), &oracle(Version::V70));
}

/// And it does find a difference where there is one.
#[test]
fn a_difference_is_found_and_shrunk() {
    let real = oracle(Version::V74);
    // A server with fewer databases answers otherwise at one of them, which is what a fault looks like.
    let smaller = real.launch().line("databases 18");
    let larger = real.launch().line("databases 20");
    let mut pair = Pair::start(&smaller, &larger, real.version);
    let step = |line: &str| Step::call(line.split(' '));
    let mut steps: Vec<Step> = (0..20).map(|count| step(&format!("SET k{count} v"))).collect();
    steps.push(step("SELECT 19"));
    steps.extend((0..20).map(|count| step(&format!("GET k{count}"))));
    let divergence = pair.run(&steps, Protocol::Resp2).expect_err("the replies differ");
    let (steps, _) = shrink::shrink(&mut pair, Protocol::Resp2, steps, divergence);
    assert_eq!(steps.len(), 1, "{steps:?}");
    assert!(steps[0].to_string().starts_with("SELECT 19"), "{steps:?}");
}

#[track_caller]
fn oracle(version: Version) -> Oracle {
    match Oracle::find(version) {
        Ok(oracle) => oracle,
        Err(missing) => panic!("{missing}"),
    }
}

/// Runs the cases on `launch` and on `oracle`.
///
/// # Panics
/// When outcomes differ, with one shrunk case for each command that they differ at.
fn compare(launch: &Launch, oracle: &Oracle) {
    let seed = number_from_environment("OCHRE_SEED", 1);
    let rounds = number_from_environment("OCHRE_ROUNDS", ROUNDS as u64);
    let mut pair = Pair::start(launch, &oracle.launch(), oracle.version);
    let mut reports = BTreeMap::new();
    for case_seed in seed..seed + rounds {
        let mut random = Random::from_seed(case_seed).fork();
        let protocol = if random.one_in(2) { Protocol::Resp3 } else { Protocol::Resp2 };
        let steps = generate(&mut random);
        if let Err(divergence) = pair.run(&steps, protocol) {
            if reports.contains_key(&divergence.subject_matter(&steps)) {
                continue;
            }
            let (steps, divergence) = shrink::shrink(&mut pair, protocol, steps, divergence);
            let report = report(case_seed, protocol, &steps, &divergence);
            reports.entry(divergence.subject_matter(&steps)).or_insert(report);
            if reports.len() == MOST_REPORTS {
                break;
            }
        }
    }
    let reports: Vec<String> = reports.into_values().collect();
    assert!(reports.is_empty(), "{}", reports.join("\n----\n"));
}

fn generate(random: &mut Random) -> Vec<Step> {
    let chosen = env::var("OCHRE_FAMILIES").unwrap_or_default();
    let families: Vec<_> = FAMILIES
        .iter()
        .filter(|(name, ..)| chosen.is_empty() || chosen.split(',').any(|family| family == *name))
        .collect();
    let total: usize = families.iter().map(|(.., share)| share).sum();
    let mut steps = Vec::new();
    while steps.len() < STEPS {
        let mut at = random.below(total);
        let family = families.iter().find_map(|(_, family, share)| {
            let chosen = at < *share;
            at = at.saturating_sub(*share);
            chosen.then_some(family)
        });
        if let Some(family) = family {
            let drawn = family.steps(random);
            // Several steps belong together as they are.
            if let [_, _, ..] = drawn[..] {
                steps.extend(drawn);
            } else {
                let varied = drawn.into_iter().map(|step| step.varied(random));
                steps.extend(varied.filter(|step| {
                    !list_family::overflows(step) && !stream_family::depends_on_clock(step)
                }));
            }
        }
    }
    steps
}

fn report(seed: u64, protocol: Protocol, steps: &[Step], divergence: &Divergence) -> String {
    let script: Vec<String> = steps.iter().map(ToString::to_string).collect();
    format!(
        "the replies differ with OCHRE_SEED={seed} OCHRE_ROUNDS=1, {protocol:?}; shrunk to\n\n{}\n\n{divergence}",
        script.join("\n")
    )
}

fn number_from_environment(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) => match text.parse() {
            Ok(number) => number,
            Err(error) => panic!("{name}={text}: {error}"),
        },
        Err(_) => default,
    }
}
