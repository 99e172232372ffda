use super::*;
use claim::{BootId, Identity, Input, Key, Keys, Segment, Settings, Snapshot, Transmit};

#[test]
fn whoever_has_no_key_changes_nothing() {
    let mut world = World::settled(1, 3, 6, slow());
    world.records = true;
    world.run_for(3 * SECOND);
    world.forget_events();
    for _ in 0..5000 {
        world.attack();
        world.run_for(ms(2));
    }
    world.assert_nothing_moved();
    world.assert_converged();
    let refused = world.nodes[0].speaker.as_ref().unwrap().counters().refused;
    assert!(
        refused.forged > 0 && refused.replayed > 0 && refused.malformed > 0,
        "{refused:?}"
    );
}

/// What overtakes, and what comes twice, is neither lost nor believed again, while units change hands all along.
#[test]
fn datagrams_that_overtake_each_other_or_come_twice_change_nothing() {
    for seed in 0..10 {
        let network = Network {
            duplicates: 200,
            stragglers: 100,
            ..slow()
        };
        let mut world = World::settled(seed, 3, 9, network);
        for round in 0..6 {
            world.set_drain(round % 3, true);
            world.run_for(SECOND);
            world.assert_converged();
            world.set_drain(round % 3, false);
            world.run_for(ms(300));
        }
        let lost = |event: &Event| matches!(event, Event::Member { to, .. } if !to.is_some_and(claim::Status::is_alive));
        assert!((0..3).all(|i| !world.told(i, lost)));
        let speaker = world.nodes[0].speaker.as_ref().unwrap();
        assert!(speaker.counters().refused.replayed > 0);
    }
}

#[test]
fn what_a_former_life_said_is_not_believed_of_the_present_one() {
    let mut world = World::settled(1, 3, 6, slow());
    world.records = true;
    world.run_for(3 * SECOND);
    let recorded = std::mem::take(&mut world.recorded);
    world.records = false;
    (0..3).for_each(|i| world.restart(i, SECOND));
    world.run_for(5 * SECOND);
    world.forget_events();
    for octets in recorded {
        for i in 0..3 {
            world.inject(i, octets.clone());
        }
        world.run_for(ms(5));
    }
    world.assert_nothing_moved();
    for i in 0..3 {
        assert!(!world.told(i, |event| matches!(
            event,
            Event::Member { .. } | Event::DuplicateNode { .. }
        )));
        assert!(
            world.nodes[i]
                .speaker
                .as_ref()
                .unwrap()
                .counters()
                .refused
                .unproven
                > 0
        );
    }
}

#[test]
fn keys_are_rotated_node_by_node_and_nothing_moves() {
    let mut world = World::settled(1, 4, 8, slow());
    for stage in [1, 2] {
        for i in 0..4 {
            world.set_keys(i, stage);
            world.run_for(SECOND);
        }
    }
    world.assert_nothing_moved();
    world.assert_converged();
}

#[test]
fn a_speaker_that_restarts_half_way_through_a_rotation_is_taken_in() {
    let mut world = World::settled(1, 3, 6, slow());
    (0..3).for_each(|i| world.set_keys(i, 1));
    world.set_keys(0, 2);
    world.restart(1, SECOND);
    world.run_for(5 * SECOND);
    assert_eq!(world.takes(), 0);
    world.assert_converged();
}

#[test]
fn a_node_with_another_key_is_told_of_and_not_heard() {
    let mut world = World::settled(1, 3, 6, slow());
    world.forget_events();
    let other = Keys::one(Key::new([9; 32]));
    world.input(2, Input::Keys(other));
    world.run_for(2 * SECOND);
    assert!(world.told(0, |event| *event == Event::UnknownKey));
    let told = world.nodes[0]
        .events
        .iter()
        .filter(|(_, event)| *event == Event::UnknownKey)
        .count();
    assert_eq!(told, 1);
}

/// A second machine with the name of the first, on the same segment.
#[test]
fn of_two_nodes_with_one_name_the_second_falls_silent_and_both_are_told_of() {
    let mut world = World::settled(1, 3, 6, slow());
    let impostor = world.nodes.len() - 1;
    world.power_off(impostor);
    world.run_for(12 * SECOND);
    world.forget_events();
    world.nodes[impostor].name = world.nodes[0].name.clone();
    world.start(impostor, Snapshot::default());
    world.run_for(5 * SECOND);
    assert!(world.nodes[impostor].answers.is_empty());
    let twin = |event: &Event| matches!(event, Event::DuplicateNode { node } if *node == world.nodes[0].name);
    assert!(world.told(0, twin) && world.told(1, twin) && world.told(impostor, twin));
    let moved = |i: usize| {
        world.told(i, |event| {
            matches!(event, Event::Hold { .. } | Event::Release { .. })
        })
    };
    assert!(!moved(0) && !moved(1));
}

/// Somebody with the key who invents nodes without end.
#[test]
fn memory_has_a_bound_whoever_has_the_key() {
    let mut world = World::settled(1, 2, 2, slow());
    for index in 0..1500_u64 {
        let octets = invented(index);
        world.inject(0, octets.into());
    }
    world.run_for(ms(50));
    let speaker = world.nodes[0].speaker.as_ref().unwrap();
    assert_eq!(speaker.members().count(), 1, "none has heard us");
    assert!(speaker.counters().refused.limited > 0);
    world.run_for(2 * SECOND);
    world.assert_converged();
}

#[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
fn invented(index: u64) -> Vec<u8> {
    let now = std::time::Instant::now();
    let me = Identity {
        node: model::NodeName(format!("invented-{index}")),
        boot: BootId(index + 1),
    };
    let keys = Keys::one(Key::new([7; 32]));
    let mut segment = Segment::new(now, me, Settings::default(), keys, Snapshot::default());
    segment.handle_timeout(now);
    let datagrams = std::iter::from_fn(|| segment.poll_transmit());
    let mut datagrams = datagrams.filter_map(|transmit| match transmit {
        Transmit::Datagram(octets) => Some(octets),
        Transmit::Probe { .. } | Transmit::CountFrames => None,
    });
    datagrams.next().expect("the first thing it does is to speak")
}
