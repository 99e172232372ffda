use super::*;

fn without_hosts() -> Network {
    Network {
        hosts: false,
        ..slow()
    }
}

/// The hole of rule 6: a segment of two nodes with no other traffic must fail over too.
#[test]
fn of_two_nodes_on_a_silent_segment_the_other_takes_over_after_a_second() {
    let mut world = World::settled(1, 2, 4, without_hosts());
    world.oracle.slack = SECOND;
    let holder = world.holder(&unit(0));
    world.power_off(holder);
    let took = world.run_until(2 * SECOND, World::is_held);
    assert!((ms(1000)..ms(1300)).contains(&took), "{took:?}");
}

#[test]
fn of_two_nodes_on_a_segment_with_a_gateway_the_other_takes_over_as_fast_as_of_three() {
    for seed in 0..20 {
        let mut world = World::settled(seed, 2, 4, slow());
        let holder = world.holder(&unit(0));
        world.power_off(holder);
        let took = world.run_until(SECOND, World::is_held);
        assert!(took <= ms(330), "{took:?}");
    }
}

#[test]
fn a_deaf_node_takes_nothing_and_announces_nothing() {
    let mut world = World::settled(1, 3, 9, slow());
    let deaf = 0;
    world.deafen(deaf);
    world.run_for(5 * SECOND);
    assert!(!world.told(deaf, |event| matches!(event, Event::Hold { .. })));
    assert!(world.nodes[deaf].quiet);
    world.heal();
    world.run_for(SECOND);
    assert!(!world.nodes[deaf].quiet);
    world.assert_converged();
}

/// P-L2-32
#[test]
fn the_last_of_three_nodes_takes_nothing_on_a_silent_segment_and_everything_once_it_hears_a_frame() {
    let mut world = World::settled(1, 3, 9, without_hosts());
    world.power_off(1);
    world.power_off(2);
    world.run_for(5 * SECOND);
    assert!(world.held_by(0).len() < 9);
    world.network.hosts = true;
    world.disturb();
    let took = world.run_until(SECOND, World::is_held);
    assert!(took <= ms(400), "{took:?}");
}

#[test]
fn the_only_possible_node_needs_nobody() {
    let mut world = World::new(1, 1, claim::Settings::default(), without_hosts());
    world.set_units(3);
    world.start(0, claim::Snapshot::default());
    world.run_for(ms(50));
    assert_eq!(world.held_by(0).len(), 3);
    let snapshot = world.nodes[0].speaker.as_ref().unwrap().snapshot();
    assert!(
        snapshot
            .claims
            .values()
            .all(|(strength, _)| *strength == claim::Strength::Strong)
    );
    assert!(!world.nodes[0].quiet);
}

#[test]
fn who_comes_late_reads_what_its_peers_said_before_it_misses_any() {
    for seed in 0..50 {
        let mut world = World::settled(seed, 3, 6, Network::default());
        let phase = world.chance.below(100_000);
        world.run_for(Duration::from_micros(phase));
        world.pause(0, ms(240), true);
        world.run_for(ms(500));
        let lost = |event: &Event| matches!(event, Event::Member { to, .. } if !to.is_some_and(claim::Status::is_alive));
        assert!(!world.told(0, lost), "{seed}");
    }
}

/// One that we heard all the time, though it did not hear us, did its work until it fell silent: what was said and asked
/// before neither puts off who takes over from it nor makes it dead at once.
#[test]
fn a_node_that_was_not_heard_itself_takes_over_as_fast_from_those_that_it_heard_and_no_faster() {
    for seed in 0..20 {
        let mut world = World::settled(seed, 3, 6, slow());
        world.mute(0);
        world.run_for(15 * SECOND);
        // What 1 gives to 2 is announced, and 0 hears that.
        world.set_drain(1, true);
        world.run_for(ms(700));
        world.heal();
        world.power_off(1);
        world.power_off(2);
        let took = world.run_until(3 * SECOND, World::is_held);
        assert!((ms(150)..ms(330)).contains(&took), "{took:?}");
    }
}
