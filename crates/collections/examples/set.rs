//! Measures big sets: bytes a member, and nanoseconds an operation.
//!
//! ```sh
//! cargo run --release -p ochre-collections --example set -- 100000 1000000
//! ```
//!
//! The arguments are the numbers of members, which are 16 bytes long.

#![expect(clippy::print_stdout, reason = "a program for a terminal")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::hint::black_box;
use std::time::Instant;

use ochre_collections::Set;
use ochre_collections::set::{Limits, SetRef, algebra};

const LIMITS: Limits = Limits { integers: 512, members: 128, member_bytes: 64 };

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    for size in if sizes.is_empty() { vec![1000, 100_000, 1_000_000] } else { sizes } {
        print(size);
    }
}

fn print(size: usize) {
    let members = shuffled(0, size);
    let others = shuffled(size / 2, size + size / 2);
    let (mut one, mut other) = (Set::new(), Set::new());
    let add = time(size, || {
        for member in &members {
            one.add(member, LIMITS);
        }
    });
    let together = time(size, || {
        other.add_all(others.iter().map(Vec::as_slice), LIMITS);
    });
    let bytes = one.to_ref().memory_bytes(usize::MAX, &|bytes| bytes) as f64 / size as f64;
    let sets: [SetRef<'_>; 2] = [one.to_ref(), other.to_ref()];
    let contains = time(size, || {
        for member in &others {
            black_box(one.to_ref().contains(member));
        }
    });
    let walk = time(size, || {
        black_box(
            one.to_ref().iter().map(ochre_collections::list_pack::Element::len).sum::<usize>(),
        );
    });
    let intersect = time(size, || {
        black_box(algebra::intersect(&sets, usize::MAX, |_| {}));
    });
    let subtract = time(size, || {
        algebra::subtract(sets[0], &sets[1..], |member| {
            black_box(member);
        });
    });
    let unite = time(2 * size, || {
        algebra::unite(&sets, |member| {
            black_box(member);
        });
    });
    let union = time(2 * size, || {
        black_box(algebra::union(&sets, LIMITS));
    });
    println!("{size} members, {bytes:.1} bytes each; ns a member:");
    println!("  add {add:.0}, together {together:.0}, contains {contains:.0}, walk {walk:.1}");
    println!(
        "  intersect {intersect:.0}, subtract {subtract:.0}, unite {unite:.0}, build the union {union:.0}"
    );
}

fn shuffled(from: usize, to: usize) -> Vec<Vec<u8>> {
    let mut members: Vec<Vec<u8>> =
        (from..to).map(|number| format!("member:{number:09}").into_bytes()).collect();
    let mut state = 1_usize;
    for at in (1..members.len()).rev() {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        members.swap(at, (state >> 33) % (at + 1));
    }
    members
}

fn time(operations: usize, run: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    run();
    begin.elapsed().as_nanos() as f64 / operations as f64
}
