use super::*;

/// A day of it takes an hour: `LARGE_SECONDS` below is what fits.
#[test]
fn a_hundred_nodes_with_one_datagram_in_a_hundred_lost_move_nothing() {
    let network = Network {
        loss: 10,
        ..Network::default()
    };
    let mut world = World::started(1, 100, 200, network);
    world.oracle.watches = false;
    world.run_for(3 * SECOND);
    world.forget_events();
    world.run_for(7 * SECOND);
    assert_eq!(world.takes(), 0);
    world.assert_balanced();
}

#[test]
fn a_segment_of_more_than_a_hundred_nodes_slows_down_and_still_agrees() {
    let mut world = World::started(1, 140, 140, Network::default());
    world.oracle.watches = false;
    world.run_for(4 * SECOND);
    assert!(world.is_held());
    let before: u64 = world.nodes.iter().map(|node| node.speaker.as_ref().unwrap().counters().sent).sum();
    world.run_for(2 * SECOND);
    let after: u64 = world.nodes.iter().map(|node| node.speaker.as_ref().unwrap().counters().sent).sum();
    let rate = (after - before) / 140 / 2;
    // 196 ms between beacons of two datagrams each.
    assert!((9..=12).contains(&rate), "{rate} a second from each");
}
