use super::*;

#[test]
fn of_a_hundred_nodes_nobody_is_taken_for_dead_though_one_datagram_in_a_hundred_is_lost() {
    let network = Network {
        loss: 10,
        ..Network::default()
    };
    let mut world = World::started(1, 100, 100, network);
    world.oracle.watches = false;
    world.run_for(2 * SECOND);
    world.forget_events();
    world.run_for(SECOND);
    // What is still moved for balance, a second after the start, is.
    let taken = |event: &Event| matches!(event, Event::Hold { why, .. } if *why == Why::HolderDead);
    assert!((0..100).all(|i| !world.told(i, taken)));
    assert!(world.is_held());
}

#[test]
fn a_segment_of_more_than_a_hundred_nodes_slows_down_and_still_agrees() {
    let mut world = World::started(1, 110, 30, Network::default());
    world.oracle.watches = false;
    world.run_for(ms(1700));
    assert!(world.is_held());
    let sent = |world: &World| -> u64 {
        let speakers = world.nodes.iter().filter_map(|node| node.speaker.as_ref());
        speakers.map(|speaker| speaker.counters().sent).sum()
    };
    let before = sent(&world);
    world.run_for(SECOND);
    let rate = (sent(&world) - before) / 110;
    // 121 ms between beacons of two datagrams each.
    assert!((15..=18).contains(&rate), "{rate} a second from each");
}
