//! Several electors and one store on a bad network, in virtual time.

use proptest::prelude::*;

use super::*;

mod world;

use world::{ActsOf, Rules, TICK, World};

/// Clocks that run alike, and what a leader sent has settled when the lease has run out.
fn rules() -> Rules {
    Rules {
        timing: timing(10 * SECOND),
        rates: vec![100],
        way: Duration::from_millis(4900),
        act: 5 * SECOND,
        acts_of: ActsOf::Everybody,
        restores: true,
    }
}

fn chances() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..800)
}

fn use_up(world: &mut World) {
    while !world.chances.is_empty() {
        world.tick();
    }
}

/// After the longest pause, and the waits of two leases by the slowest clock.
fn one_leads_when_the_faults_are_over(mut world: World) {
    let quiet = world.time + 90 * SECOND;
    while world.time < quiet {
        world.tick();
    }
    let leaders = world.leaders();
    assert_eq!(leaders.len(), 1);
    for _ in 0..600 {
        world.tick();
        assert_eq!(world.leaders(), leaders, "and it stays where it is");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Lost requests, lost answers, answers after the driver gave up, writes that take effect late, pauses, processes that crash
    /// or stop and come back under their name, and clocks that differ by up to a fifth in speed.
    #[test]
    fn two_never_lead_at_once_and_one_leads_when_the_faults_are_over(
        chances in chances(),
        rates in prop::collection::vec(90_u32..=110, 3),
    ) {
        let rules = Rules {
            rates,
            way: Duration::from_millis(7650),
            // By the fastest clock the wait is a tenth shorter.
            act: Duration::from_millis(4500),
            acts_of: ActsOf::FormerLives,
            restores: false,
            ..rules()
        };
        let mut world = World::new(3, rules, chances);
        use_up(&mut world);
        one_leads_when_the_faults_are_over(world);
    }

    /// The same with a store that is put back to older states, and gives the versions it lost once more, for other leases.
    /// And what a leader sent has settled before anybody else leads, its own next life included.
    #[test]
    fn nobody_leads_before_what_another_sent_has_settled_even_if_the_store_goes_back(chances in chances()) {
        let mut world = World::new(3, rules(), chances);
        use_up(&mut world);
        one_leads_when_the_faults_are_over(world);
    }

    /// With equal clocks nothing but the order of events keeps the leaders apart: the deadline is all but as long as the
    /// lease.
    #[test]
    fn two_never_lead_at_once_however_short_the_margin(chances in chances()) {
        let rules = Rules {
            timing: timing(15 * SECOND - TICK),
            way: Duration::from_millis(7650),
            acts_of: ActsOf::FormerLives,
            restores: false,
            ..rules()
        };
        let mut world = World::new(3, rules, chances);
        use_up(&mut world);
    }
}

#[test]
fn a_leader_that_vanishes_is_replaced_after_the_lease_and_no_sooner() {
    let mut world = World::new(2, rules(), Vec::new());
    let leader = world.leader();
    world.vanish(leader);
    let took = world.run_until(16 * SECOND, |world| world.leaders() == [1 - leader]);
    assert!(took >= 12 * SECOND, "{took:?}");
}

#[test]
fn a_leader_that_crashes_and_comes_back_leads_again_after_its_last_writes_and_before_the_lease_ends() {
    let mut world = World::new(2, rules(), Vec::new());
    let leader = world.leader();
    world.crash(leader, world.time + SECOND);
    world.run_until(2 * SECOND, |world| world.runs(leader));
    let took = world.run_until(6 * SECOND, |world| world.leaders() == [leader]);
    assert!(took >= 5 * SECOND, "{took:?}");
}

#[test]
fn a_leader_that_stops_hands_over_within_one_look_of_the_standby() {
    let mut world = World::new(2, rules(), Vec::new());
    let leader = world.leader();
    world.stop(leader);
    let gave_back = world.run_until(SECOND, |world| !world.runs(leader));
    world.show_vacancy(1 - leader);
    let took = gave_back + world.run_until(SECOND, |world| world.leaders() == [1 - leader]);
    assert!(took <= 6 * TICK, "{took:?}");
}

#[test]
fn a_store_put_back_ends_leadership_within_one_renewal_and_nobody_leads_for_a_lease() {
    let mut world = World::new(2, rules(), Vec::new());
    let leader = world.leader();
    world.run_until(30 * SECOND, |world| world.time >= 20 * SECOND);
    assert_eq!(world.leaders(), [leader], "a standby has seen what will be lost");
    world.put_back(3);
    let noticed = world.run_until(3 * SECOND, |world| world.leaders().is_empty());
    assert!(noticed <= 2 * SECOND + 4 * TICK, "{noticed:?}");
    let took = noticed + world.run_until(20 * SECOND, |world| !world.leaders().is_empty());
    assert!(took >= 15 * SECOND, "{took:?}");
    assert_eq!(world.setbacks, 2);
}
