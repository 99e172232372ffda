use super::*;

fn takeover(nodes: usize, fail: impl Fn(&mut World, usize)) -> (Duration, Duration, Duration) {
    let times = (0..20).map(|seed| {
        let mut world = World::settled(seed, nodes, 3 * nodes, slow());
        let phase = world.chance.below(100_000);
        world.run_for(Duration::from_micros(phase));
        let holder = world.holder(&unit(0));
        fail(&mut world, holder);
        let rest = |world: &World, unit: &UnitId| world.holders(unit).iter().any(|i| *i != holder);
        let took = world.run_until(SECOND, |world| {
            world.truth().units.keys().all(|unit| rest(world, unit))
        });
        world.run_for(SECOND);
        took
    });
    let times = spread(times.collect());
    println!("{nodes} nodes: {times:?}");
    times
}

/// P-L2-34, F3, S3
#[test]
fn the_units_of_a_node_without_power_are_answered_within_a_third_of_a_second() {
    for nodes in [2, 3, 10] {
        let (_, _, most) = takeover(nodes, World::power_off);
        assert!(most <= ms(330), "{nodes} nodes: {most:?}");
    }
}

/// F6, S3
#[test]
fn a_pulled_cable_is_as_a_lost_node() {
    let (_, _, most) = takeover(3, |world, i| world.set_carrier(i, false));
    assert!(most <= ms(330), "{most:?}");
}

#[test]
fn a_node_that_turns_mute_is_replaced_as_fast_and_does_not_answer_for_long() {
    let (_, _, most) = takeover(3, World::mute);
    assert!(most <= ms(330), "{most:?}");
}

#[test]
fn a_node_that_turns_deaf_is_replaced_one_interval_later() {
    let (_, _, most) = takeover(3, World::deafen);
    assert!(most <= ms(450), "{most:?}");
}

#[test]
fn a_thousand_units_of_one_dead_node_are_taken_all_but_at_once() {
    let mut world = World::new(1, 4, claim::Settings::default(), Network::default());
    world.set_units(1000);
    world.change(|facts| {
        for unit in facts.units.values_mut() {
            candidates(unit).insert(crate::node::name(0), 1);
        }
    });
    (0..4).for_each(|i| world.start(i, claim::Snapshot::default()));
    world.run_for(3 * SECOND);
    assert_eq!(world.loads(), [1000, 0, 0, 0]);
    world.forget_events();
    world.power_off(0);
    let first = world.run_until(SECOND, |world| world.loads().iter().any(|load| *load > 0));
    let rest = world.run_until(SECOND, World::is_held);
    assert!(
        rest <= ms(20),
        "the first after {first:?}, the last {rest:?} later"
    );
    world.run_for(SECOND);
    let loads = world.loads();
    assert!(
        loads[1..].iter().all(|load| (332..=335).contains(load)),
        "{loads:?}"
    );
    assert_eq!(world.takes(), 1000, "none was taken twice");
}

#[test]
fn a_node_that_dies_while_its_speaker_is_away_is_noticed_as_fast() {
    let mut world = World::settled(1, 3, 6, Network::default());
    let victim = world.holder(&unit(0));
    world.kill(victim);
    world.run_for(2 * SECOND);
    world.power_off(victim);
    let took = world.run_until(SECOND, World::is_held);
    assert!(took <= ms(400), "{took:?}");
}
