//! Times operations of `List`: nanoseconds each, by the number of elements, which should make no difference but for LINDEX in
//! the middle.
//!
//! ```sh
//! cargo run --release -p ochre-collections --example list -- 100 1000000
//! ```

#![expect(clippy::print_stdout, reason = "a program for a terminal")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;

use ochre_collections::list::{End, Limits};
use ochre_collections::list_pack::Element;
use ochre_collections::{Collection, List};

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    println!("{:>9} {:>22} ns", "elements", "operation");
    for size in if sizes.is_empty() { vec![100, 10_000, 1_000_000] } else { sizes } {
        print_times(size);
    }
}

const ROUNDS: usize = 1_000_000;

fn print_times(size: usize) {
    let limits = Limits::default();
    let elements: Vec<String> = (0..1024).map(|index| format!("element:{index:08}")).collect();
    let element = |index: usize| std::iter::once(elements[index % elements.len()].as_bytes());
    let mut list = List::default();
    for index in 0..size {
        list.push(End::Tail, element(index), limits);
    }
    let time = |name: &str, operation: &mut dyn FnMut(usize)| {
        let start = Instant::now();
        (0..ROUNDS).for_each(operation);
        let nanoseconds = start.elapsed().as_nanos() as f64 / ROUNDS as f64;
        println!("{size:>9} {name:>22} {nanoseconds:.1}");
    };
    for (name, end) in [("at the head", End::Head), ("at the tail", End::Tail)] {
        let mut grown = list.clone();
        time(&format!("push {name}"), &mut |index| grown.push(end, element(index), limits));
        time(&format!("pop {name}"), &mut |_| {
            black_box(grown.pop(end, limits, length));
        });
    }
    time("queue: push, pop", &mut |index| {
        list.push(End::Tail, element(index), limits);
        black_box(list.pop(End::Head, limits, length));
    });
    time("read the first 100", &mut |_| {
        let mut left = 100;
        list.to_ref().visit(0, End::Head, |element| {
            black_box(element.len());
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    });
    time("read one in the middle", &mut |index| {
        let index = i64::try_from((size / 2 + index % 64).min(size - 1)).unwrap_or(0);
        black_box(list.to_ref().with(index, length));
    });
}

fn length(element: Element<'_>) -> usize {
    element.len()
}
