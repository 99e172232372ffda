//! Who is on the segment: racks, two interfaces of one node, floods.

use super::*;
use crate::node::name;

/// 400 nodes of which 20 are on this segment fail over as fast as 20.
#[test]
fn racks_of_a_large_cluster_fail_over_as_fast_as_small_clusters() {
    let mut world = World::new(1, 20, claim::Settings::default(), slow());
    world.set_units(20);
    world.change(|facts| facts.possible.extend((20..400).map(name)));
    (0..20).for_each(|i| world.start(i, claim::Snapshot::default()));
    // As soon as the segment is known, a majority of those who are on it confirms.
    world.run_for(65 * SECOND);
    let snapshot = world.nodes[3].speaker.as_ref().unwrap().snapshot();
    let strong = |(strength, _): &(claim::Strength, u32)| *strength == claim::Strength::Strong;
    assert!(!snapshot.claims.is_empty() && snapshot.claims.values().all(strong));
    let victim = world.holder(&unit(0));
    world.power_off(victim);
    let took = world.run_until(SECOND, World::is_held);
    assert!(took <= ms(330), "{took:?}");
}

/// Three of six nodes of the cluster are on the segment. One is cut off for a second and comes back: nothing moves.
#[test]
fn a_node_of_a_rack_that_was_cut_off_gives_back_what_it_took() {
    let mut world = World::new(1, 3, claim::Settings::default(), slow());
    world.set_units(6);
    world.change(|facts| facts.possible.extend((3..6).map(name)));
    (0..3).for_each(|i| world.start(i, claim::Snapshot::default()));
    world.run_for(200 * SECOND);
    let before = world.all_holders();
    world.split(&[0, 0, 1]);
    world.set_cut(2, 3, false);
    world.set_cut(3, 2, false);
    world.run_for(2 * SECOND);
    world.heal();
    world.run_for(3 * SECOND);
    world.assert_converged();
    let moved = before
        .iter()
        .zip(world.all_holders())
        .filter(|(one, other)| **one != *other);
    assert!(
        moved.clone().all(|(one, _)| *one == 2),
        "the majority keeps its own"
    );
}

/// Four machines of which the last is another interface of the first node, on the same LAN.
fn two_doors(seed: u64) -> World {
    let network = Network { ipv6: true, ..slow() };
    let mut world = World::new(seed, 4, claim::Settings::default(), network);
    world.nodes[3].name = name(0);
    world.nodes[3].sibling = Some(0);
    world.change(|facts| {
        facts.possible.remove(&name(3));
    });
    world.set_units(6);
    world.change(|facts| {
        for unit in facts.units.values_mut() {
            candidates(unit).remove(&name(3));
        }
    });
    world
}

#[test]
fn two_interfaces_of_one_node_on_one_lan_are_two_doors_of_one_life() {
    for seed in 0..10 {
        let mut world = two_doors(seed);
        let order = if seed % 2 == 0 { [0, 3, 1, 2] } else { [3, 1, 2, 0] };
        order
            .iter()
            .for_each(|i| world.start(*i, claim::Snapshot::default()));
        world.run_for(5 * SECOND);
        let is_second =
            |world: &World, i: usize| world.nodes[i].speaker.as_ref().unwrap().is_second_interface();
        assert!(is_second(&world, 3) && !is_second(&world, 0));
        assert!((0..4).all(|i| !world.nodes[i].speaker.as_ref().unwrap().is_listening()));
        assert!(world.is_held() && world.held_by(3).is_empty());
        world.run_for(30 * SECOND);
        assert!(world.is_held() && is_second(&world, 3));
        let duplicate = |event: &Event| matches!(event, Event::DuplicateNode { .. });
        assert!((0..4).all(|i| !world.told(i, duplicate)));
    }
}

/// The first interface's cable is pulled: the process knows, and the second one does the work.
#[test]
fn the_second_door_opens_when_the_first_is_shut() {
    let mut world = two_doors(1);
    (0..4).for_each(|i| world.start(i, claim::Snapshot::default()));
    world.run_for(5 * SECOND);
    world.set_carrier(0, false);
    world.input(
        3,
        claim::Input::Siblings {
            index: 3,
            others: std::collections::BTreeMap::new(),
        },
    );
    world.run_for(3 * SECOND);
    assert!(world.is_held());
    assert!(!world.nodes[3].speaker.as_ref().unwrap().is_second_interface());
}

/// S10: whoever has no key causes a bounded number of keys to be derived, and moves nothing.
#[test]
fn a_flood_of_datagrams_of_unknown_lives_moves_nothing() {
    let mut world = World::aged(1, 3, 6, slow());
    let key = claim::Key::new([7; 32]).id();
    for round in 0..200_u64 {
        for index in 0..100_u64 {
            let mut octets = vec![2];
            octets.extend(key.to_be_bytes());
            octets.extend((round * 1000 + index + 1).to_be_bytes());
            octets.extend([0; 8]);
            octets.extend([1, b'x']);
            octets.extend([0; 40]);
            world.inject(0, octets.into());
        }
        world.run_for(ms(10));
    }
    let counters = world.nodes[0].speaker.as_ref().unwrap().counters();
    assert!(counters.refused.forged <= 512 + 2 * 200 + 10, "{counters:?}");
    assert!(counters.refused.limited > 15_000);
    world.assert_nothing_moved();
}

/// A speaker that said that it is replaced is stood in for while its node lives, for minutes.
#[test]
fn a_speaker_whose_replacement_is_late_loses_nothing() {
    let mut world = World::aged(1, 3, 6, slow());
    let before = world.all_holders();
    world.restart(0, 200 * SECOND);
    world.run_for(190 * SECOND);
    assert_eq!(world.takes(), 0);
    world.run_for(20 * SECOND);
    assert_eq!(world.all_holders(), before);
}
