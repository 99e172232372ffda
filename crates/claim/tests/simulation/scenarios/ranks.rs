//! Nodes that differ: in what they can take, in their datapaths, their endpoints, and how new their facts are.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::hand_over::silence;
use super::*;
use crate::node::name;

/// Rule 16: nobody's datapath is ready, as when every kube-proxy says so at once.
#[test]
fn nobody_falls_silent_where_no_datapath_is_ready() {
    let mut world = World::aged(1, 3, 6, slow());
    for i in 0..3 {
        world.set_able(i, false);
        world.run_for(ms(200));
    }
    world.run_for(30 * SECOND);
    assert!(world.is_held());
    world.set_able(1, true);
    world.run_for(SECOND);
    assert_eq!(world.held_by(1).len(), 6, "one whose datapath is ready gets all");
    assert!(world.is_held());
}

/// Rule 16: of three nodes that drain, none is empty; the one that stops to drain gets all.
#[test]
fn nodes_that_are_all_drained_keep_what_they_have() {
    let mut world = World::aged(1, 3, 6, slow());
    (0..3).for_each(|i| world.set_drain(i, true));
    world.run_for(10 * SECOND);
    assert!(world.is_held());
    world.power_off(0);
    world.run_for(SECOND);
    assert!(world.is_held());
}

/// The holder loses the subnet of its units, its lease having run out: others take them at once.
#[test]
fn who_loses_the_subnet_gives_away_at_once() {
    for seed in 0..10 {
        let mut world = World::aged(seed, 3, 6, slow());
        let loser = world.holder(&unit(0));
        world.set_subnet(loser, false);
        let took = world.run_until(ms(50), |world| world.is_held() && world.held_by(loser).is_empty());
        assert!(took <= ms(30), "{took:?}");
        world.run_for(SECOND);
        world.assert_converged();
    }
}

/// Ten nodes of which seven lack the subnet: they are not waited for.
#[test]
fn candidates_that_cannot_take_are_not_waited_for() {
    for seed in 0..5 {
        let mut world = World::new(seed, 10, claim::Settings::default(), slow());
        (3..10).for_each(|i| world.nodes[i].subnet = false);
        world.set_units(6);
        (0..10).for_each(|i| world.start(i, claim::Snapshot::default()));
        world.run_for(3 * SECOND);
        assert!((3..10).all(|i| world.held_by(i).is_empty()));
        let victim = world.holder(&unit(0));
        world.power_off(victim);
        let took = world.run_until(SECOND, World::is_held);
        assert!(took <= ms(330), "{took:?}");
    }
}

/// A unit of two addresses, of which one node can take one: it is no holder while another can take both.
#[test]
fn a_unit_is_held_by_one_who_takes_all_of_it() {
    let (four, six) = ([192, 0, 0, 1].into(), "2001:db8::1".parse().unwrap());
    let part = claim::Takes::Part([four].into());
    for holder in 0..3 {
        let mut world = World::new(1, 3, claim::Settings::default(), slow());
        world.set_units(1);
        world.change(|facts| {
            let unit = facts.units.get_mut(&unit(0)).unwrap();
            unit.addresses = [four, six].into();
        });
        world.nodes[holder].part = Some(part.clone());
        (0..3).for_each(|i| world.start(i, claim::Snapshot::default()));
        world.run_for(2 * SECOND);
        assert_ne!(world.holder(&unit(0)), holder);
        // It takes it when nobody else is there, and gives it away as soon as somebody is.
        let others: Vec<usize> = (0..3).filter(|i| *i != holder).collect();
        others.iter().for_each(|i| world.power_off(*i));
        world.run_for(2 * SECOND);
        assert_eq!(world.holder(&unit(0)), holder);
        let answers: Vec<_> = world.nodes[holder].speaker.as_ref().unwrap().answers().collect();
        assert_eq!(answers, [(four, claim::Role::Holder)]);
        world.start(others[0], claim::Snapshot::default());
        world.run_for(2 * SECOND);
        assert_eq!(world.holder(&unit(0)), others[0]);
    }
}

/// F30: the only endpoint of the holder terminates, and another node has one that stays.
#[test]
fn an_address_leaves_a_node_whose_endpoints_all_terminate_without_a_gap() {
    for seed in 0..10 {
        let mut world = World::aged(seed, 3, 3, slow());
        let old = world.holder(&unit(0));
        world.change(|facts| {
            let unit = facts.units.get_mut(&unit(0)).unwrap();
            unit.terminating = Arc::new(BTreeSet::from([name(old)]));
        });
        (0..3).for_each(|i| world.tell(i));
        assert_eq!(silence(&mut world, unit(0), ms(300)), Duration::ZERO);
        assert_ne!(world.holder(&unit(0)), old);
        world.assert_converged();
    }
}

/// F30: nobody else has an endpoint that stays, or can serve it yet: it stays where it is, for as long as that is believed.
#[test]
fn an_address_stays_until_somebody_can_serve_it_for_five_seconds_at_most() {
    let mut world = World::aged(1, 3, 3, slow());
    let old = world.holder(&unit(0));
    world.not_serving = (0..3).filter(|i| *i != old).collect();
    world.change(|facts| {
        let unit = facts.units.get_mut(&unit(0)).unwrap();
        unit.terminating = Arc::new(BTreeSet::from([name(old)]));
    });
    (0..3).for_each(|i| world.tell(i));
    world.run_for(4 * SECOND);
    assert_eq!(world.holder(&unit(0)), old);
    world.run_for(2 * SECOND);
    assert_ne!(world.holder(&unit(0)), old);
    assert!(world.is_held());
}

/// Rule 18, F4: a holder without the API keeps nothing that it must not have while somebody knows better.
#[test]
fn who_has_lost_the_api_gives_up_what_a_fresh_node_says_it_must_not_have() {
    for seed in 0..10 {
        let mut world = World::aged(seed, 3, 3, slow());
        let old = world.holder(&unit(0));
        world.set_fresh(old, false);
        world.change(|facts| {
            candidates(facts.units.get_mut(&unit(0)).unwrap()).remove(&name(old));
        });
        (0..3).filter(|i| *i != old).for_each(|i| world.tell(i));
        assert_eq!(silence(&mut world, unit(0), SECOND), Duration::ZERO);
        assert_ne!(world.holder(&unit(0)), old);
        world.assert_converged();
    }
}

/// Rule 18: nor does it take what a fresh node may have, though by its own facts that one may not.
#[test]
fn who_has_lost_the_api_takes_nothing_that_a_fresh_node_may_have() {
    for seed in 0..20 {
        let mut world = World::aged(seed, 3, 3, slow());
        let holder = world.holder(&unit(0));
        let (stale, fresh) = ((holder + 1) % 3, (holder + 2) % 3);
        world.change(|facts| {
            let candidates = candidates(facts.units.get_mut(&unit(0)).unwrap());
            *candidates = [(name(holder), 0), (name(fresh), 0)].into();
        });
        world.tell(holder);
        world.tell(fresh);
        world.change(|_| {});
        world.set_fresh(stale, false);
        world.run_for(SECOND);
        world.power_off(holder);
        world.run_for(SECOND);
        assert_eq!(world.holder(&unit(0)), fresh, "seed {seed}");
    }
}

/// S5: where nobody has the API, nothing moves.
#[test]
fn nothing_moves_where_all_have_lost_the_api() {
    let mut world = World::aged(1, 3, 6, slow());
    (0..3).for_each(|i| world.set_fresh(i, false));
    world.run_for(60 * SECOND);
    world.assert_nothing_moved();
}
