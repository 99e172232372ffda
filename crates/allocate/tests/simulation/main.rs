//! The whole controller in a world of its own, from a seed: the real machines of one or two replicas, a store, a network that
//! loses and delays, faults, and users who change everything at any time. An [`oracle`] looks at the store alone after
//! every step (S1, S2, S5, S9 of the catalogue of faults), and at the end, when faults and users have rested, at what
//! Services wait for.
//!
//! To see the story of one seed, write its number, or `divided` and its number, into `target/seed` and run
//! `cargo test -p allocate --test simulation one -- --ignored --nocapture`.
#![allow(
    clippy::large_enum_variant,
    clippy::result_large_err,
    reason = "what is passed about here lives for one step"
)]

mod api;
mod candidate;
mod chance;
mod errand;
mod faults;
mod leading;
mod log;
mod network;
mod object;
mod oracle;
mod process;
mod replica;
mod store;
mod story;
mod stream;
mod users;
mod watch;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use world::World;

/// Seeds of worlds in which at most one replica leads.
const SEEDS: u64 = 10_000;

/// Seeds of worlds in which both replicas believe for a while that they lead.
const DIVIDED_SEEDS: u64 = 1_000;

/// Where the seed of a single run is read from.
const SEED_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/seed");

/// What many worlds came to.
#[derive(Default)]
struct Tally {
    /// What was wrong, by seed.
    failed: Vec<String>,
    /// Worlds in which two Services showed one address that they could not share.
    doubled: u64,
}

impl Tally {
    fn of(seeds: u64, world: fn(u64) -> World) -> Self {
        let next = AtomicU64::new(0);
        let work = || {
            let mut tally = Self::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds {
                    return tally;
                }
                tally.add(seed, world);
            }
        };
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let tallies = workers
                .into_iter()
                .map(|worker| worker.join().expect("a worker ends"));
            tallies.fold(Self::default(), Self::with)
        })
    }

    fn add(&mut self, seed: u64, world: fn(u64) -> World) {
        let mut world = world(seed);
        let words = match catch_unwind(AssertUnwindSafe(|| world.run())) {
            Ok(Ok(())) => None,
            Ok(Err(violation)) => Some(violation.0),
            Err(_panic) => Some("a machine panicked".to_owned()),
        };
        self.failed
            .extend(words.map(|words| format!("seed {seed}: {words}")));
        self.doubled += u64::from(world.was_doubled());
    }

    fn with(mut self, other: Self) -> Self {
        self.failed.extend(other.failed);
        self.doubled += other.doubled;
        self
    }
}

/// S1, S2, S5, S9, F8, F9, F10, P-ALLOC-54, P-ALLOC-55, P-ALLOC-64, P-ALLOC-66
#[test]
fn no_world_gives_an_address_twice_moves_one_without_cause_or_leaves_a_service_waiting() {
    let tally = Tally::of(SEEDS, World::new);
    assert!(
        tally.failed.is_empty(),
        "{} failed:\n{}",
        tally.failed.len(),
        tally.failed.join("\n")
    );
}

/// F10: where two replicas lead at once an address is doubled now and then; the older Service keeps it.
#[test]
fn a_doubled_address_stays_with_the_older_service_once_one_replica_leads_again() {
    let tally = Tally::of(DIVIDED_SEEDS, World::divided);
    assert!(
        tally.failed.is_empty(),
        "{} failed:\n{}",
        tally.failed.len(),
        tally.failed.join("\n")
    );
    assert!(tally.doubled > 0, "no address was doubled: nothing was tried");
}

#[test]
#[ignore = "runs the seed in target/seed"]
#[allow(clippy::print_stdout, reason = "the story is for who runs it")]
fn one() {
    let text = std::fs::read_to_string(SEED_FILE).expect("a seed");
    let (made, seed): (fn(u64) -> World, _) = match text.trim().strip_prefix("divided ") {
        Some(seed) => (World::divided, seed),
        None => (World::new, text.trim()),
    };
    let mut world = made(seed.parse().expect("a number")).with_story();
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    for line in world.story() {
        println!("{line}");
    }
    assert!(matches!(outcome, Ok(Ok(()))), "{outcome:?}");
}
