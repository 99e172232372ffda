//! A cluster whose nodes die, freeze, are cut off and come back, with the machine of each replica of the controller in it.
//!
//! Time goes in steps of 50 ms. Speakers tell what they hear some time after they hear it; kubelets repair what is not theirs within ten
//! seconds, while they reach the API server; EndpointSlices follow the pods within a second. At every step:
//!
//! * no pod of a node whose kubelet works is unready for longer than that kubelet takes;
//! * no pod is marked twice within a minute of which its kubelet works;
//! * the marks of one moment are on a third of the nodes at most.

#![allow(clippy::unwrap_used, reason = "a test")]

mod chance;
mod world;

use chance::Chance;
use world::{Fault, World};

fn live(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..world.chance.between(1, 4) {
        let fault = world.fault();
        world.suffer(fault);
        let steps = world.chance.between(10, 1200);
        world.run(steps);
        if world.chance.once_in(2) {
            world.heal();
            world.run(400);
        }
    }
    world.heal();
    world.run(2000);
    world.is_quiet();
}

#[test]
fn pods_of_nodes_that_live_are_repaired_and_not_marked_twice() {
    (0..500).for_each(live);
}

/// Many more of the same: `make soak`.
#[test]
#[ignore = "takes minutes: run `make soak`"]
fn soak_of_four_thousand_clusters() {
    (0..4000).for_each(live);
}

/// The promise: two seconds after a node has died, no other node's connections go to its pods.
#[test]
fn the_pods_of_a_node_that_dies_are_out_of_the_way_within_two_seconds() {
    for seed in 0..200 {
        let mut world = World::calm(seed, 5);
        world.suffer(Fault::Die(vec![2]));
        world.run(40);
        world.assert_marked(&[2]);
    }
}

#[test]
fn two_nodes_that_die_at_once_are_both_out_of_the_way() {
    for seed in 0..200 {
        let mut world = World::calm(seed, 6);
        world.suffer(Fault::Die(vec![1, 4]));
        world.run(40);
        world.assert_marked(&[1, 4]);
    }
}

#[test]
fn a_switch_that_dies_marks_nothing() {
    for seed in 0..200 {
        let mut world = World::calm(seed, 6);
        world.suffer(Fault::CutAll);
        world.run(1200);
        world.assert_never_marked();
    }
}

/// The node's kubelet is reached another way.
#[test]
fn a_segment_that_is_cut_while_the_api_stays_marks_nothing() {
    for seed in 0..200 {
        let mut world = World::calm(seed, 5);
        world.suffer(Fault::CutSegment(3));
        world.run(1200);
        world.assert_never_marked();
    }
}

#[test]
fn a_lost_api_server_marks_nothing() {
    for seed in 0..200 {
        let mut world = World::calm(seed, 5);
        world.suffer(Fault::CutApi(vec![0, 1, 2]));
        world.run(1200);
        world.assert_never_marked();
    }
}

/// The controller's way to the kubelet is closed, and speakers are wrong: the worst that may happen.
#[test]
fn a_false_alarm_is_repaired_and_not_repeated() {
    for seed in 0..200 {
        let mut world = World::calm(seed, 5);
        world.suffer(Fault::FalseAlarm(3));
        world.run(1200);
        world.assert_marked_once(3);
        world.heal();
        world.run(2000);
        world.is_quiet();
    }
}

#[test]
fn chance_is_the_same_for_the_same_seed() {
    assert_eq!(Chance::new(7).between(0, 1000), Chance::new(7).between(0, 1000));
}
