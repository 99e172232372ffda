use super::*;
use crate::node::name;

/// How long a unit had no answer.
pub(super) fn silence(world: &mut World, of: UnitId, time: Duration) -> Duration {
    let end = world.now + time;
    let mut silent = Duration::ZERO;
    while world.now < end {
        let answered = (0..world.nodes.len()).any(|i| world.nodes[i].answers(&of).is_some());
        silent += if answered { Duration::ZERO } else { ms(1) };
        world.run_for(ms(1));
    }
    silent
}

/// P-L2-36
#[test]
fn a_node_that_drains_gives_everything_away_without_a_gap() {
    for seed in 0..3 {
        let mut world = World::aged(seed, 3, 9, slow());
        let victim = world.holder(&unit(0));
        world.set_drain(victim, true);
        assert_eq!(silence(&mut world, unit(0), SECOND), Duration::ZERO);
        assert!(world.held_by(victim).is_empty());
        world.assert_converged();
        world.set_drain(victim, false);
        world.forget_events();
        world.run_for(5 * SECOND);
        world.assert_nothing_moved();
    }
}

/// What it announced when it took the unit is repeated for a second, and must not make who takes it next wait.
#[test]
fn a_node_that_gives_away_what_it_has_just_taken_leaves_no_gap() {
    for offset in 0..40 {
        let mut world = World::aged(offset, 3, 3, slow());
        let dead = world.holder(&unit(0));
        world.power_off(dead);
        world.run_until(SECOND, World::is_held);
        // About when it announces for the third time.
        world.run_for(ms(180) + offset as u32 * ms(1));
        let giver = world.holder(&unit(0));
        world.set_drain(giver, true);
        assert_eq!(silence(&mut world, unit(0), ms(500)), Duration::ZERO, "{offset}");
    }
}

#[test]
fn a_node_whose_datapath_is_not_ready_gives_everything_away_without_a_gap() {
    let mut world = World::settled(1, 3, 9, slow());
    let victim = world.holder(&unit(0));
    world.set_able(victim, false);
    assert_eq!(silence(&mut world, unit(0), SECOND), Duration::ZERO);
    assert!(world.held_by(victim).is_empty());
    world.assert_converged();
}

/// Two nodes of which the other is gone.
fn last_of_two() -> World {
    let mut world = World::settled(1, 2, 4, slow());
    world.power_off(1);
    world.run_for(2 * SECOND);
    assert_eq!(world.held_by(0).len(), 4);
    world
}

/// Rule 16: able, ready and drained are ranks and not vetoes.
#[test]
fn the_last_node_keeps_what_it_has_though_it_is_drained_and_its_datapath_is_not_ready() {
    let mut world = last_of_two();
    world.set_drain(0, true);
    world.run_for(5 * SECOND);
    world.set_able(0, false);
    world.run_for(5 * SECOND);
    assert_eq!(world.held_by(0).len(), 4);
}

#[test]
fn a_speaker_that_ends_for_good_stops_after_a_second_though_nobody_takes_over() {
    let mut world = last_of_two();
    world.hand_over(0);
    world.run_for(ms(950));
    assert_eq!(world.held_by(0).len(), 4);
    world.run_for(ms(100));
    assert!(world.held_by(0).is_empty());
}

#[test]
fn a_speaker_that_ends_for_good_leaves_no_gap_and_gets_nothing_back() {
    let mut world = World::settled(1, 3, 9, slow());
    let giver = world.holder(&unit(0));
    world.hand_over(giver);
    assert_eq!(silence(&mut world, unit(0), SECOND), Duration::ZERO);
    world.run_for(SECOND);
    assert!(world.is_held() && world.held_by(giver).is_empty());
}

#[test]
fn a_unit_without_candidates_is_answered_for_no_longer() {
    let mut world = World::settled(1, 3, 3, slow());
    world.change(|facts| candidates(facts.units.get_mut(&unit(0)).unwrap()).clear());
    (0..3).for_each(|i| world.tell(i));
    world.run_for(ms(1));
    assert_eq!(world.holders(&unit(0)), []);
}

/// P-L2-21, P-L2-23
#[test]
fn a_preferred_node_gets_its_units_back_when_it_has_been_there_for_the_crash_window_and_without_a_gap() {
    let mut world = World::new(1, 3, claim::Settings::default(), slow());
    world.set_units(3);
    world.change(|facts| {
        for unit in facts.units.values_mut() {
            candidates(unit).insert(name(0), 10);
        }
    });
    (0..3).for_each(|i| world.start(i, claim::Snapshot::default()));
    world.run_for(3 * SECOND);
    assert_eq!(world.held_by(0).len(), 3);
    world.power_off(0);
    world.run_for(SECOND);
    assert_eq!(world.held_by(0).len(), 0);
    world.start(0, claim::Snapshot::default());
    world.run_for(9 * SECOND);
    assert_eq!(world.held_by(0).len(), 0);
    assert_eq!(silence(&mut world, unit(0), 3 * SECOND), Duration::ZERO);
    assert_eq!(world.held_by(0).len(), 3);
    world.assert_converged();
}

/// ETP Local with one endpoint that moves, and facts that arrive up to five seconds apart.
#[test]
fn a_unit_follows_its_only_candidate_back_and_forth() {
    for seed in 0..5 {
        let mut world = World::settled(seed, 3, 1, slow());
        for round in 0..6 {
            let only = round % 3;
            world.change(|facts| {
                let unit = facts.units.get_mut(&unit(0)).unwrap();
                candidates(unit).clear();
                candidates(unit).insert(name(only), 0);
            });
            for i in 0..3 {
                let lag = world.chance.below(5000);
                world.tell_later(i, ms(lag));
            }
            world.run_for(7 * SECOND);
            world.assert_converged();
            assert_eq!(world.holder(&unit(0)), only);
        }
    }
}

#[test]
fn facts_that_arrive_seconds_apart_give_no_two_holders() {
    for seed in 0..10 {
        let mut world = World::settled(seed, 4, 6, slow());
        for _ in 0..8 {
            let (which, who) = (world.chance.index(6), world.chance.index(4));
            world.change(|facts| {
                let candidates = candidates(facts.units.get_mut(&unit(which)).unwrap());
                if candidates.remove(&name(who)).is_none() || candidates.is_empty() {
                    candidates.insert(name(who), 0);
                }
            });
            for i in 0..4 {
                let lag = world.chance.below(5000);
                world.tell_later(i, ms(lag));
            }
            world.run_for(SECOND);
        }
        world.run_for(6 * SECOND);
        world.assert_converged();
    }
}
