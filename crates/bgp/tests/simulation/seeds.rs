use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use bgp::{LiveSettings, OpenSettings, PeerAsn, Settings};
use model::Family;

use crate::chance::Chance;
use crate::facts::Facts;
use crate::over::Over;
use crate::peer::Kind;
use crate::world::{Birth, World};

/// Seeds that once failed.
const FAILED: &[u64] = &[1982, 1992, 5662, 6008, 6130, 9515, 1_017_343, 1_029_190];

pub(crate) fn settings(local_asn: u32, peer_asn: PeerAsn) -> Settings {
    Settings {
        open: OpenSettings {
            local_asn,
            peer_asn,
            identifier: [203, 0, 113, 1].into(),
            hold_time: Duration::from_secs(90),
            families: BTreeSet::from([Family::V4, Family::V6]),
            restart_time: Some(Duration::from_secs(120)),
        },
        live: LiveSettings {
            keepalive_time: None,
            connect_time: None,
            graceful_shutdown: Duration::from_secs(5),
        },
        restarted: false,
        node: "node-a".to_owned(),
        seed: 0,
    }
}

fn families(chance: &mut Chance) -> BTreeSet<Family> {
    let both = [Family::V4, Family::V6];
    let of = match chance.below(6) {
        0 => &both[..1],
        1 => &both[1..],
        _ => &both[..],
    };
    of.iter().copied().collect()
}

fn world_of(seed: u64) -> World {
    let mut chance = Chance::new(seed ^ 0x5eed);
    let herald = [64512, 65535, 65536, 4_200_000_000][chance.index(4)];
    let internal = chance.happens(300);
    let old = chance.happens(100);
    let kind = Kind {
        asn: if internal {
            herald
        } else {
            [64513, 4_200_000_001][usize::from(!old && chance.happens(300))]
        },
        herald,
        // Such a peer can have no number of four octets.
        old: old && (!internal || herald < 65536),
        families: families(&mut chance),
        hold: [0, 9, 30, 90, 180][chance.index(5)],
        keeps: [None, Some(false), Some(true), Some(true)][chance.index(4)],
        enhanced: chance.happens(600),
    };
    let peer_asn = match (internal, chance.below(2)) {
        (true, 0) => PeerAsn::Internal,
        (false, 0) => PeerAsn::External,
        _ => PeerAsn::Exactly(kind.asn),
    };
    let mut settings = settings(herald, peer_asn);
    settings.open.hold_time = Duration::from_secs([0, 9, 90, 90][chance.index(4)]);
    settings.live.connect_time = [None, None, Some(Duration::from_secs(5))][chance.index(3)];
    settings.open.families = families(&mut chance);
    settings.open.restart_time = [None, Some(120), Some(120)][chance.index(3)].map(Duration::from_secs);
    settings.live.graceful_shutdown = Duration::from_secs([0, 1, 5][chance.index(3)]);
    let many = chance.happens(20);
    let facts = Facts::new(&mut chance, many);
    let over = [Over::V4, Over::V4, Over::V6, Over::LinkLocal][chance.index(4)];
    let mut world = World::new(seed, settings, kind, over, facts);
    world.delay = [(20, 200), (100, 5000)][chance.index(2)];
    world.capacity = [1000, 5000, 64 * 1024][chance.index(3)];
    world.start([Birth::Again, Birth::Afresh][usize::from(chance.happens(800))]);
    world
}

/// A world from its start through a few faults to the quiet after them.
fn live(world: &mut World, seed: u64) {
    let mut chance = Chance::new(seed ^ 0xfa17);
    world.run_for(Duration::from_millis(chance.between(0, 8000)));
    for _ in 0..chance.between(1, 8) {
        world.random_fault();
        // Together, one after the other, or when all has settled.
        let pause = [0, 200, 5000, 5000, 100_000][chance.index(5)];
        world.run_for(Duration::from_millis(chance.below(pause + 1)));
    }
    world.repair_everything();
    world.run_for(Duration::from_millis(10));
    world.assert_converges();
}

fn try_seed(seed: u64) -> Result<(), String> {
    let mut world = world_of(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| live(&mut world, seed)));
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        format!("seed {seed}: {}", text.unwrap_or_default())
    })
}

/// Tries seeds on as many threads; panics with those that failed.
fn try_seeds(seeds: std::ops::Range<u64>, threads: u64) {
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (seeds, failures) = (seeds.clone(), &failures);
            scope.spawn(move || {
                for seed in seeds.filter(|seed| seed % threads == thread) {
                    if let Err(failure) = try_seed(seed) {
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

/// S6, S7, F22
#[test]
fn ten_thousand_lives_keep_every_promise() {
    let first = argument("from=").unwrap_or(0);
    try_seeds(first..first + argument("seeds=").unwrap_or(10_000), 2);
}

#[test]
fn seeds_that_once_failed_keep_every_promise() {
    for seed in FAILED {
        try_seed(*seed).unwrap();
    }
}

/// `cargo test -p bgp --test simulation -- --ignored --nocapture story seed=N`
#[test]
#[ignore = "tells the story of one seed"]
fn story() {
    let seed = argument("seed=").unwrap_or(0);
    let mut world = world_of(seed);
    world.told = true;
    println!("{:?}\n{:?}", world.settings, world.peer.kind);
    let outcome = catch_unwind(AssertUnwindSafe(|| live(&mut world, seed)));
    println!("{:?} {:?}", world.now, outcome.is_ok());
}
