use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use bfd::State;

use crate::chance::Chance;
use crate::world::{Wire, World};

/// Longer than any sequence of polls, each of which may take three slow packets.
const AGREEMENT: Duration = Duration::from_secs(30);

/// A world from its start through a few faults to the quiet after them.
fn live(world: &mut World, seed: u64) {
    let mut chance = Chance::new(seed ^ 0xfa17);
    world.run_for(Duration::from_millis(chance.between(0, 5000)));
    for _ in 0..chance.between(1, 12) {
        world.random_fault();
        world.run_for(Duration::from_millis(chance.between(1, 8000)));
    }
    world.repair_everything();
    world.run_for(AGREEMENT);
    world.assert_agreed();
    let events = world.ends.each_ref().map(|end| end.events.len());
    world.ends.iter_mut().for_each(|end| end.sent.clear());
    world.run_for(Duration::from_secs(10));
    world.assert_agreed();
    assert_eq!(
        world.ends.each_ref().map(|end| end.events.len()),
        events,
        "a false alarm"
    );
    for end in &world.ends {
        let pace = end.session.status().transmit_interval.unwrap();
        let sent = end.sent.len() as f64;
        let expected = 10.0 / pace.as_secs_f64();
        assert!(
            (expected * 0.9..expected * 1.4 + 2.0).contains(&sent),
            "{sent} packets at {pace:?}"
        );
    }
}

/// A wire that loses nothing and swaps nothing, and timers that change all the time: not one false alarm (D6).
fn change(world: &mut World, seed: u64) {
    let mut chance = Chance::new(seed ^ 0xcafe);
    let delay = chance.between(0, 9000);
    let wire = Wire {
        delay: (delay, delay),
        ..Wire::GOOD
    };
    world.wires = [wire; 2];
    world.run_for(Duration::from_secs(10));
    assert!(world.ends.iter().all(|end| end.state() == State::Up), "never up");
    for _ in 0..chance.between(1, 20) {
        world.change_timers();
        world.run_for(Duration::from_millis(chance.between(0, 4000)));
        assert!(
            world.ends.iter().all(|end| end.events.len() == 1),
            "a false alarm"
        );
    }
    world.run_for(AGREEMENT);
    world.assert_agreed();
    assert!(
        world.ends.iter().all(|end| end.events.len() == 1),
        "a false alarm"
    );
}

type Life = fn(&mut World, u64);

fn try_seed(life: Life, seed: u64) -> Result<(), String> {
    let mut world = World::new(seed, false);
    let outcome = catch_unwind(AssertUnwindSafe(|| life(&mut world, seed)));
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        format!("seed {seed}: {}", text.unwrap_or_default())
    })
}

/// Tries seeds on two threads; panics with those that failed.
fn try_seeds(life: Life) {
    let first = argument("from=").unwrap_or(0);
    let seeds = first..first + argument("seeds=").unwrap_or(10_000);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (seeds, failures) = (seeds.clone(), &failures);
            scope.spawn(move || {
                for seed in seeds.filter(|seed| seed % 2 == thread) {
                    if let Err(failure) = try_seed(life, seed) {
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// A number given to the test binary; to the test harness it is one more filter that fits nothing.
fn argument(name: &str) -> Option<u64> {
    std::env::args().find_map(|argument| argument.strip_prefix(name)?.parse().ok())
}

/// D2, D3, D4, D5, D6, D9, D13, D14
#[test]
fn ten_thousand_pairs_keep_every_promise_and_agree_when_the_faults_are_over() {
    try_seeds(live);
}

/// D6
#[test]
fn ten_thousand_pairs_change_their_timers_without_a_false_alarm() {
    try_seeds(change);
}

/// `cargo test -p bfd --test simulation -- --ignored --nocapture story seed=N`
#[test]
#[ignore = "tells the story of one seed"]
fn story() {
    let seed = argument("seed=").unwrap_or(0);
    for life in [live as Life, change] {
        let mut world = World::new(seed, true);
        let outcome = catch_unwind(AssertUnwindSafe(|| life(&mut world, seed)));
        println!("{:?} {:?}", world.now - world.start, outcome.is_ok());
    }
}
