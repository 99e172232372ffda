//! A thousand units, which come and go in dozens of datagrams.

use std::collections::BTreeSet;

use super::*;
use crate::node::name;

const UNITS: usize = 1000;

/// Three nodes of which the first is preferred and holds everything.
fn preferred() -> World {
    let mut world = World::new(1, 3, claim::Settings::default(), Network::default());
    world.set_units(UNITS);
    world.change(|facts| {
        for unit in facts.units.values_mut() {
            candidates(unit).insert(name(0), 1);
        }
    });
    (0..3).for_each(|i| world.start(i, claim::Snapshot::default()));
    world.run_for(3 * SECOND);
    assert_eq!(world.loads(), [UNITS, 0, 0]);
    world.forget_events();
    world
}

/// At how many different times this node said such a thing, and how often.
fn times(world: &World, i: usize, said: impl Fn(&Event) -> bool) -> (usize, usize) {
    let events = world.nodes[i].events.iter();
    let at: Vec<Duration> = events
        .filter(|(_, event)| said(event))
        .map(|(at, _)| *at)
        .collect();
    (at.iter().collect::<BTreeSet<_>>().len(), at.len())
}

#[test]
fn claims_and_announcements_that_come_by_the_dozen_are_decided_on_a_few_times() {
    let mut world = preferred();
    world.set_carrier(0, false);
    world.run_for(20 * SECOND);
    assert_eq!(world.loads()[0], 0);
    world.forget_events();
    world.set_carrier(0, true);
    world.run_for(20 * SECOND);
    assert_eq!(world.loads(), [UNITS, 0, 0]);
    for i in [1, 2] {
        let (times, released) = times(&world, i, |event| matches!(event, Event::Release { .. }));
        assert_eq!(released, UNITS / 2);
        assert!(
            times <= 8,
            "{i} looked at its units {times} times to give them up"
        );
    }
    let (times, taken) = times(&world, 0, |event| matches!(event, Event::Hold { .. }));
    assert_eq!(taken, UNITS);
    assert!(times <= 8, "looked at all units {times} times to take them");
}

#[test]
fn nobody_who_lives_is_taken_for_anything_else_while_a_thousand_units_move() {
    let mut world = preferred();
    world.set_carrier(0, false);
    world.run_for(20 * SECOND);
    world.forget_events();
    world.set_carrier(0, true);
    world.run_for(20 * SECOND);
    for (i, j) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
        let lost = |event: &Event| {
            let Event::Member { node, to, .. } = event else {
                return false;
            };
            *node == name(j) && !to.is_some_and(claim::Status::is_alive)
        };
        assert!(!world.told(i, lost), "{i} of {j}");
    }
}
