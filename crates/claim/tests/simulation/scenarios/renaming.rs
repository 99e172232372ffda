use std::collections::BTreeMap;
use std::net::IpAddr;

use super::*;
use crate::node::name;

impl World {
    fn answer(&self, address: IpAddr) -> Vec<usize> {
        let answers = |i: &usize| {
            let speaker = self.nodes[*i].speaker.as_ref();
            speaker.is_some_and(|speaker| speaker.answers().any(|(answer, _)| answer == address))
        };
        (0..self.nodes.len()).filter(answers).collect()
    }
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

/// Units of these addresses, which everybody may hold.
fn units(world: &mut World, units: &[&[u8]]) {
    let nodes = world.nodes.len();
    world.change(|facts| {
        facts.units.clear();
        for addresses in units {
            let addresses: claim::Addresses = addresses.iter().map(|last| address(*last)).collect();
            let id = UnitId(*addresses.first().unwrap());
            let candidates: BTreeMap<_, _> = (0..nodes).map(|i| (name(i), 0)).collect();
            facts.units.insert(
                id,
                claim::Unit {
                    addresses,
                    candidates: candidates.into(),
                    ..claim::Unit::default()
                },
            );
        }
    });
}

fn settled(first: &[&[u8]]) -> World {
    let mut world = World::new(1, 4, claim::Settings::default(), slow());
    world.oracle.watches = false;
    units(&mut world, first);
    (0..4).for_each(|i| world.start(i, claim::Snapshot::default()));
    world.run_for(3 * SECOND);
    world
}

/// From one set of units to another, every node learning of it at another time; and in the end each address has one answer.
fn change(world: &mut World, next: &[&[u8]]) {
    units(world, next);
    for i in 0..4 {
        let lag = world.chance.below(5000);
        world.tell_later(i, ms(lag));
    }
    world.run_for(8 * SECOND);
    for last in next.iter().copied().flatten() {
        assert_eq!(world.answer(address(*last)).len(), 1, "{last}");
    }
}

#[test]
fn a_unit_that_gets_a_lower_address_stays_where_it_is() {
    let mut world = settled(&[&[20], &[30]]);
    let (one, other) = (world.answer(address(20)), world.answer(address(30)));
    world.forget_events();
    change(&mut world, &[&[10, 20], &[30]]);
    assert_eq!(
        (world.answer(address(10)), world.answer(address(20))),
        (one.clone(), one.clone())
    );
    change(&mut world, &[&[20], &[30]]);
    assert_eq!(
        (world.answer(address(20)), world.answer(address(30))),
        (one, other)
    );
    let held =
        |(_, event): &&(Duration, Event)| matches!(event, Event::Hold { why, .. } if *why != Why::Renamed);
    assert_eq!(
        world
            .nodes
            .iter()
            .flat_map(|node| &node.events)
            .filter(held)
            .count(),
        0
    );
}

#[test]
fn a_unit_that_is_split_stays_where_it_is() {
    let mut world = settled(&[&[10, 20, 30]]);
    // Before that the two halves are two units that may be moved for balance.
    world.run_for(world.settings.settling);
    let holder = world.answer(address(10));
    change(&mut world, &[&[10], &[20, 30]]);
    assert_eq!(world.answer(address(20)), holder);
}

#[test]
fn units_that_become_one_have_one_holder() {
    for seed in 0..5 {
        let mut world = settled(&[&[10], &[20], &[30], &[40]]);
        world.chance = crate::chance::Chance::new(seed);
        let holder = world.answer(address(10));
        change(&mut world, &[&[10, 20, 30, 40]]);
        for last in [10, 20, 30, 40] {
            assert_eq!(world.answer(address(last)), holder);
        }
    }
}

#[test]
fn a_unit_that_is_gone_is_not_taken_by_those_who_learn_it_later() {
    let mut world = settled(&[&[10], &[20]]);
    world.forget_events();
    change(&mut world, &[&[20]]);
    assert!(world.answer(address(10)).is_empty());
    assert_eq!(world.takes(), 0);
}
