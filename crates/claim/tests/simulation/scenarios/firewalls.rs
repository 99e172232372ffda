//! Datagrams are dropped and ARP is not: host firewalls, switches that drop multicast, keys that differ.

use super::*;

/// How a firewall drops datagrams.
type Block = fn(&mut World);

const BLOCKS: [(&str, Block); 4] = [
    ("what comes in to one node", |world| world.block_input(0)),
    ("what goes out of one node", |world| world.block_output(0)),
    ("both at one node", |world| {
        world.block_input(0);
        world.block_output(0);
    }),
    ("everything everywhere", |world| {
        (0..3).for_each(|i| world.block_input(i))
    }),
];

impl World {
    /// One hardware address answers for each unit: the holder's, or that of a holder whose speaker is away.
    fn assert_one_answers(&self, what: &str) {
        for unit in self.truth().units.keys() {
            assert_eq!(self.holders(unit).len(), 1, "{what}: {unit}");
        }
    }

    fn is_unheard(&self, i: usize) -> bool {
        let speaker = self.nodes[i].speaker.as_ref();
        speaker.is_some_and(|speaker| !speaker.unheard().is_empty())
    }
}

/// A7, S3: on a running segment nothing moves, however long it lasts, and the nodes that hear nobody say so.
#[test]
fn where_a_firewall_drops_datagrams_each_address_keeps_its_one_holder() {
    for (seed, (what, block)) in (0..12).zip(BLOCKS.iter().cycle()) {
        let mut world = World::aged(seed, 3, 6, slow());
        let before = world.all_holders();
        block(&mut world);
        for second in 0..60 {
            world.run_for(SECOND);
            world.assert_one_answers(what);
            assert_eq!(world.all_holders(), before, "{what}, second {second}");
        }
        assert!(
            *what == "what goes out of one node" || world.is_unheard(0),
            "{what}"
        );
        world.unblock();
        world.run_for(3 * SECOND);
        assert_eq!(world.all_holders(), before, "{what}");
        world.assert_converged();
        assert!((0..3).all(|i| !world.is_unheard(i)), "{what}");
    }
}

/// A7, S3: nor does it matter who starts anew.
#[test]
fn where_a_firewall_drops_datagrams_a_restart_makes_no_second_holder() {
    for (seed, (what, block)) in (0..12).zip(BLOCKS.iter().cycle()) {
        let mut world = World::aged(seed, 3, 6, slow());
        block(&mut world);
        for i in 0..3 {
            world.restart(i, ms(300));
            for _ in 0..20 {
                world.run_for(SECOND);
                world.assert_one_answers(what);
            }
        }
        world.unblock();
        world.run_for(5 * SECOND);
        world.assert_converged();
    }
}

/// A7: all speakers start where none hears another.
#[test]
fn nodes_that_start_behind_firewalls_agree_by_arp_within_a_round_trip() {
    for seed in 0..20 {
        let mut world = World::new(seed, 3, claim::Settings::default(), slow());
        world.set_units(6);
        (0..3).for_each(|i| world.block_input(i));
        (0..3).for_each(|i| world.start(i, claim::Snapshot::default()));
        world.run_for(3 * SECOND);
        world.assert_one_answers("from the start");
        assert!((0..3).all(|i| world.is_unheard(i)));
        world.forget_events();
        world.run_for(60 * SECOND);
        world.assert_one_answers("and on");
        world.assert_nothing_moved();
    }
}

/// A node behind a firewall that dies is replaced all the same: nobody answers for its addresses any more.
#[test]
fn a_node_that_dies_behind_a_firewall_is_replaced() {
    for (seed, (what, block)) in (0..8).zip(BLOCKS.iter().cycle()) {
        let mut world = World::aged(seed, 3, 6, slow());
        block(&mut world);
        world.run_for(20 * SECOND);
        world.power_off(0);
        world.run_for(5 * SECOND);
        world.assert_one_answers(what);
    }
}

/// Nodes whose keys differ, as when a chart draws them anew, are there and not understood.
#[test]
fn nodes_whose_keys_differ_make_no_second_holder() {
    let mut world = World::aged(1, 3, 6, slow());
    let before = world.all_holders();
    world.set_keys(0, 2);
    world.nodes[0].keys = 2;
    world.nodes[1].keys = 0;
    // The others know the first key alone.
    world.run_for(40 * SECOND);
    world.assert_one_answers("two keys");
    assert_eq!(world.all_holders(), before);
}

/// What answers ARP for hosts that are dead must not keep their addresses for ever.
#[test]
fn an_arp_proxy_that_answers_for_a_dead_node_delays_its_replacement_and_does_not_prevent_it() {
    let mut world = World::aged(1, 3, 6, slow());
    world.proxy = true;
    world.oracle.watches = false;
    let dead = world.holder(&unit(0));
    world.power_off(dead);
    world.run_for(15 * SECOND);
    world.assert_one_answers("proxy");
}
