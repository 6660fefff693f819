//! Memory that is prepared, as threads use it.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::pool::{MOST, Pool};
use super::region::{Pages, Region, map, unmap};
use super::thread::pages;
use super::{CHUNK, Demand, start, use_here};
use crate::{purge, statistics};

/// Runs something on a thread whose memory is prepared.
fn on_prepared_thread<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    start().unwrap();
    let run = || {
        use_here(Demand::Requests).unwrap();
        run()
    };
    std::thread::Builder::new().spawn(run).unwrap().join().unwrap()
}

/// Bytes that tell which piece they are of.
fn piece(number: usize) -> Vec<u8> {
    let length = 16 + (number * 7919) % 100_000;
    number.to_le_bytes().iter().copied().cycle().take(length).collect()
}

#[test]
fn what_is_allocated_is_kept_and_given_back() {
    let (grown, left) = on_prepared_thread(|| {
        let before = statistics().unwrap().resident;
        // Far more than is ever ready, pieces of all sizes, some larger than a chunk.
        let mut pieces: Vec<Vec<u8>> = (0..4000).map(piece).collect();
        pieces.push(vec![7; 3 * CHUNK]);
        let grown = statistics().unwrap().resident.saturating_sub(before);
        for number in (0..4000).step_by(3) {
            pieces[number] = piece(number + 1);
        }
        for (number, found) in pieces.iter().take(4000).enumerate() {
            assert!(*found == piece(if number % 3 == 0 { number + 1 } else { number }));
        }
        assert!(pieces[4000].iter().all(|byte| *byte == 7));
        drop(pieces);
        purge().unwrap();
        (grown, statistics().unwrap().resident.saturating_sub(before))
    });
    assert!(100 << 20 < grown, "{grown} bytes more");
    assert!(left < grown / 4, "{left} of {grown} bytes are left");
}

#[test]
fn memory_that_is_to_be_zero_is() {
    on_prepared_thread(|| {
        for round in 0..50 {
            let mut pieces: Vec<Vec<u8>> = (0..40).map(|_| vec![0; 300_000]).collect();
            for piece in &mut pieces {
                assert!(piece.iter().all(|byte| *byte == 0), "round {round}");
                piece.fill(0xAB);
            }
        }
    });
}

#[test]
fn many_threads_at_once() {
    static DONE: AtomicUsize = AtomicUsize::new(0);
    let thread = |first: usize| {
        on_prepared_thread(move || {
            let pieces: Vec<Vec<u8>> = (first..first + 500).map(piece).collect();
            for (number, found) in (first..).zip(&pieces) {
                assert!(*found == piece(number));
            }
            DONE.fetch_add(1, Relaxed);
        });
    };
    std::thread::scope(|scope| (0..12).for_each(|number| _ = scope.spawn(move || thread(number))));
    assert_eq!(DONE.load(Relaxed), 12);
}

#[test]
fn chunks_get_ready_when_they_are_asked_for() {
    start().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while super::thread::ready() == 0 {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
}

#[test]
fn who_finds_no_chunk_ready_waits_for_a_huge_page_only_where_that_is_worth_it() {
    let all = |slow, missed| [Demand::Requests, Demand::Bulk].map(|it| pages(it, slow, missed));
    assert_eq!(all(false, 0), [Pages::Huge; 2]);
    assert_eq!(all(true, 1), [Pages::Usual; 2]);
    assert_eq!(all(true, 1000), [Pages::Huge, Pages::Usual]);
    assert_eq!(all(false, 1000), [Pages::Huge; 2]);
}

#[test]
fn a_pool_holds_what_was_put_in() {
    let pool = Pool::new();
    assert_eq!(pool.take(), None);
    assert_eq!((pool.demand(), pool.missed_in_a_row()), ((1, 1), 1));
    let region = Region::new(Pages::Usual);
    let chunks: Vec<*mut u8> = (0..=MOST).map(|_| region.cut().unwrap()).collect();
    for (number, chunk) in chunks.iter().enumerate() {
        assert_eq!(chunk.addr() % CHUNK, 0);
        assert_eq!(pool.put(*chunk), number < MOST);
    }
    assert_eq!((pool.ready(), pool.missed_in_a_row()), (MOST, 0));
    let mut taken: Vec<*mut u8> = std::iter::from_fn(|| pool.remove()).collect();
    taken.sort_unstable();
    let mut expected = chunks[..MOST].to_vec();
    expected.sort_unstable();
    assert_eq!(taken, expected);
    assert_eq!(pool.demand(), (0, 0));
    for chunk in chunks {
        unmap(chunk, CHUNK);
    }
}

#[test]
fn memory_is_mapped_as_it_is_asked_for() {
    for (length, alignment) in [(4096, 4096), (3 * CHUNK, CHUNK), (5 * 4096, 64 * 4096)] {
        let start = map(length, alignment, Pages::Huge).unwrap();
        assert_eq!(start.addr() % alignment, 0);
        unmap(start, length);
    }
    assert_eq!(map(usize::MAX - 4095, 4096, Pages::Usual), None);
    assert_eq!(map(1 << 60, 4096, Pages::Usual), None);
}
