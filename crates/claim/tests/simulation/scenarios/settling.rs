use super::*;
use claim::Snapshot;

/// P-L2-12, P-L2-15, P-L2-30
#[test]
fn nodes_that_start_at_once_share_the_units_and_nothing_moves_any_more() {
    for seed in 0..10 {
        let mut world = World::settled(seed, 3, 9, Network::default());
        world.assert_balanced();
        world.run_for(20 * SECOND);
        world.assert_nothing_moved();
    }
}

/// The hole of rule 13: nodes that boot one after the other would leave everything on the first.
#[test]
fn nodes_that_start_one_after_the_other_share_the_units() {
    for nodes in [2, 4, 6] {
        let mut world = World::new(1, nodes, claim::Settings::default(), slow());
        world.set_units(25);
        for i in 0..nodes {
            world.start(i, Snapshot::default());
            world.run_for(4 * SECOND);
        }
        world.run_for(15 * SECOND);
        world.assert_converged();
        world.assert_balanced();
        world.forget_events();
        world.run_for(10 * SECOND);
        world.assert_nothing_moved();
    }
}

#[test]
fn new_units_go_to_those_who_have_few() {
    let mut world = World::settled(1, 3, 6, slow());
    world.set_units(12);
    world.run_for(3 * SECOND);
    world.assert_balanced();
}

#[test]
fn units_that_were_taken_long_ago_stay_though_a_node_joins_that_has_none() {
    let mut world = World::settled(1, 3, 9, Network::default());
    world.power_off(2);
    world.run_for(125 * SECOND);
    world.forget_events();
    world.start(2, Snapshot::default());
    world.run_for(20 * SECOND);
    assert_eq!(world.takes(), 0);
    assert!(world.held_by(2).is_empty());
}

#[test]
fn nothing_moves_for_a_minute_though_one_datagram_in_twenty_is_lost() {
    for (seed, loss) in [(1, 10), (2, 10), (3, 50), (4, 50)] {
        let network = Network { loss, ..slow() };
        let mut world = World::started(seed, 6, 12, network);
        world.run_for(10 * SECOND);
        let before = world.all_holders();
        world.forget_events();
        world.run_for(60 * SECOND);
        assert_eq!(world.all_holders(), before);
        assert_eq!(world.takes(), 0);
    }
}
