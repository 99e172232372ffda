use super::*;
use crate::node::name;

fn dual() -> Network {
    Network {
        ipv6: true,
        delay: (500, 5000),
        ..Network::default()
    }
}

fn needs_ipv6(world: &World, i: usize) -> bool {
    world.nodes[i].speaker.as_ref().unwrap().needs_ipv6()
}

/// Whether anybody took anybody for anything but alive.
fn anybody_missed_anybody(world: &World) -> bool {
    let lost =
        |event: &Event| matches!(event, Event::Member { to, .. } if !to.is_some_and(claim::Status::is_alive));
    (0..world.nodes.len()).any(|i| world.told(i, lost))
}

#[test]
fn whoever_hears_everybody_by_ipv4_does_without_ipv6_most_of_the_time() {
    let mut world = World::settled(1, 3, 6, dual());
    world.run_for(12 * SECOND);
    let mut without = 0;
    for _ in 0..1000 {
        world.run_for(ms(10));
        without += u32::from(!needs_ipv6(&world, 0));
    }
    assert!((900..=980).contains(&without), "{without}");
    world.power_off(2);
    world.run_for(SECOND);
    assert!(needs_ipv6(&world, 0));
}

#[test]
fn who_is_heard_by_ipv6_alone_is_listened_to() {
    let mut world = World::settled(1, 3, 6, dual());
    world.cut_family[1][0] = Some(false);
    world.run_for(30 * SECOND);
    assert!(needs_ipv6(&world, 0) && !needs_ipv6(&world, 2));
    assert!(!anybody_missed_anybody(&world));
}

#[test]
fn a_node_that_nobody_told_of_and_that_speaks_by_ipv6_alone_is_found() {
    let mut world = World::settled(1, 3, 6, dual());
    world.power_off(2);
    world.change(|facts| assert!(facts.possible.remove(&name(2))));
    (0..2).for_each(|i| world.tell(i));
    world.run_for(120 * SECOND);
    assert!(!needs_ipv6(&world, 0));
    (0..2).for_each(|i| world.cut_family[2][i] = Some(false));
    world.start(2, claim::Snapshot::default());
    world.forget_events();
    world.run_for(6 * SECOND);
    let found = |event: &Event| matches!(event, Event::Member { node, .. } if *node == name(2));
    assert!(world.told(0, found) && world.told(1, found));
}

#[test]
fn no_failure_of_one_family_makes_anybody_miss_a_speaker_that_lives() {
    for seed in 0..100 {
        let mut world = World::settled(seed, 2 + seed as usize % 4, 6, dual());
        let phase = world.chance.below(200_000);
        world.run_for(13 * SECOND + Duration::from_micros(phase));
        for _ in 0..20 {
            world.random_family_fault();
            let time = Duration::from_micros(world.chance.between(10_000, 15_000_000));
            world.run_for(time);
            assert!(!anybody_missed_anybody(&world), "{seed}");
        }
        world.assert_converged();
    }
}
