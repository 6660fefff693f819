//! Tests of views: reading, the door, expiry, scanning, moving.

use crate::{AccessClock, AccessPolicy, ExpiryMode, Keyspace, Random, Round, SetExpiry};

fn round() -> Round {
    Round {
        now_ms: 1_000_000,
        access: AccessClock::new(AccessPolicy::Lru, 1_000_000),
        touch: true,
        expiry: ExpiryMode::Remove,
        random: Random::new(1),
        hits: 0,
        misses: 0,
    }
}

#[test]
fn set_and_read() {
    for workers in [1, 2] {
        let (keyspace, mut keys) = Keyspace::new(workers, 16);
        let mut inside = keyspace.gates().enter(keys.remove(0));
        let mut round = round();
        for number in 0..5000_u32 {
            let key = format!("key:{number}");
            let value = "x".repeat(number as usize % 1500);
            let mut view = keyspace.view(&mut inside, 0, &mut round);
            view.lock_one(key.as_bytes(), keyspace.hash(key.as_bytes()));
            let expiry = if number % 3 == 0 { SetExpiry::At(2_000_000) } else { SetExpiry::Clear };
            view.set_string(key.as_bytes(), value.as_bytes(), expiry);
        }
        for number in 0..5000_u32 {
            let key = format!("key:{number}");
            let mut view = keyspace.view(&mut inside, 0, &mut round);
            view.lock_one(key.as_bytes(), keyspace.hash(key.as_bytes()));
            let entry = view.read(key.as_bytes());
            let entry = entry.expect("it was set");
            assert_eq!(entry.key(), key.as_bytes());
            assert_eq!(entry.string().to_vec(), "x".repeat(number as usize % 1500).into_bytes());
            assert_eq!(entry.expiry(), (number % 3 == 0).then_some(2_000_000));
        }
        assert_eq!(keyspace.sizes(&mut inside)[0].keys, 5000);
        assert_eq!(keyspace.sizes(&mut inside)[0].expiring, 1667);
    }
}
