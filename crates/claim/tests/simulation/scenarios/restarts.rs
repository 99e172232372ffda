use super::*;
use claim::Snapshot;

/// F1
#[test]
fn a_speaker_that_is_killed_and_comes_back_moves_nothing_and_others_answer_for_it_meanwhile() {
    for seed in 0..20 {
        let mut world = World::settled(seed, 3, 6, slow());
        let before = world.all_holders();
        let victim = world.holder(&unit(0));
        world.kill(victim);
        world.start_later(victim, 3 * SECOND);
        // The oracle watches that there is an answer all the time.
        world.run_for(10 * SECOND);
        world.assert_converged();
        assert_eq!(world.all_holders(), before);
        assert_eq!(world.takes(), 0);
        assert!((0..3).any(|i| world.told(i, |event| matches!(event, Event::Surrogate { .. }))));
    }
}

#[test]
fn a_killed_speaker_has_a_surrogate_when_its_beacons_have_been_missed() {
    let mut world = World::settled(1, 3, 6, Network::default());
    let victim = world.holder(&unit(0));
    world.kill(victim);
    let stands = |world: &World| (0..3).any(|i| world.nodes[i].answers(&unit(0)).is_some());
    let took = world.run_until(SECOND, stands);
    println!("{took:?}");
    assert!(took <= ms(330), "{took:?}");
}

#[test]
fn a_speaker_that_says_that_it_will_be_replaced_has_a_surrogate_at_once() {
    let mut world = World::settled(1, 3, 6, Network::default());
    let victim = world.holder(&unit(0));
    world.restart(victim, 3 * SECOND);
    let stands = |world: &World| (0..3).any(|i| world.nodes[i].answers(&unit(0)).is_some());
    let took = world.run_until(SECOND, stands);
    assert!(took <= ms(10), "{took:?}");
    world.run_for(6 * SECOND);
    assert_eq!(world.takes(), 0);
    world.assert_converged();
}

#[test]
fn a_speaker_without_a_snapshot_leaves_no_gap_when_it_comes_back_empty_handed() {
    for seed in 0..20 {
        let mut world = World::settled(seed, 3, 6, slow());
        let victim = world.holder(&unit(0));
        world.kill(victim);
        world.nodes[victim].disk = Snapshot::default();
        world.start_later(victim, SECOND);
        world.run_for(5 * SECOND);
        world.assert_converged();
        assert!(
            world.oracle.worst_vacancy <= ms(400),
            "{:?}",
            world.oracle.worst_vacancy
        );
    }
}

/// F2
#[test]
fn a_rolling_restart_of_all_speakers_moves_nothing() {
    let mut world = World::settled(1, 5, 20, Network::default());
    let before = world.all_holders();
    for i in 0..5 {
        world.restart(i, 2 * SECOND);
        world.run_for(5 * SECOND);
    }
    assert_eq!(world.all_holders(), before);
    assert_eq!(world.takes(), 0);
}

#[test]
fn a_restart_of_all_speakers_at_once_moves_nothing() {
    let mut world = World::settled(1, 5, 20, Network::default());
    let before = world.all_holders();
    (0..5).for_each(|i| world.restart(i, SECOND));
    world.run_for(5 * SECOND);
    assert_eq!(world.all_holders(), before);
    assert_eq!(world.takes(), 0);
}

/// P-L2-31
#[test]
fn a_speaker_away_for_longer_than_the_crash_window_loses_its_units_and_does_not_get_them_back() {
    let mut world = World::aged(1, 3, 6, Network::default());
    let victim = world.holder(&unit(0));
    world.kill(victim);
    world.run_for(9 * SECOND);
    assert_eq!(world.takes(), 0);
    world.run_for(2 * SECOND);
    assert!(world.is_held());
    let after = world.all_holders();
    let disk = world.nodes[victim].disk.clone();
    assert!(!disk.claims.is_empty());
    world.start(victim, disk);
    world.run_for(5 * SECOND);
    assert_eq!(world.all_holders(), after);
}

#[test]
fn a_speaker_that_stood_still_for_half_a_minute_listens_before_it_answers() {
    for kernel in [true, false] {
        let mut world = World::aged(1, 3, 6, Network::default());
        let victim = world.holder(&unit(0));
        world.pause(victim, 30 * SECOND, kernel);
        world.run_for(29 * SECOND);
        assert!(world.is_held());
        let after = world.all_holders();
        world.run_for(5 * SECOND);
        assert_eq!(world.all_holders(), after, "what others took meanwhile is theirs");
        assert!(
            world.nodes[victim]
                .speaker
                .as_ref()
                .is_some_and(|speaker| speaker.counters().fenced > 0)
        );
    }
}

#[test]
fn a_short_stop_moves_nothing() {
    let mut world = World::settled(1, 3, 6, Network::default());
    let before = world.all_holders();
    let victim = world.holder(&unit(0));
    world.pause(victim, ms(900), true);
    world.run_for(5 * SECOND);
    assert_eq!(world.all_holders(), before);
    assert_eq!(world.takes(), 0);
}

/// F7, S5
#[test]
fn an_api_outage_and_a_restart_of_every_speaker_moves_nothing() {
    let mut world = World::settled(1, 3, 6, Network::default());
    let before = world.all_holders();
    for i in 0..3 {
        let disk = world.nodes[i].disk.clone();
        world.power_off(i);
        world.start(i, disk);
    }
    world.run_for(5 * SECOND);
    assert_eq!(world.all_holders(), before);
}

/// Surrogates speak in the name of who is away, and go on while it is asked whether that one still answers by itself: what
/// they say is not taken for its own words.
#[test]
fn what_surrogates_say_does_not_put_off_who_takes_over_when_the_crash_window_ends() {
    let settings = claim::Settings {
        crash_window: 2 * SECOND,
        ..claim::Settings::default()
    };
    for (seed, away) in (0..16).zip([1, 6].into_iter().cycle()) {
        let mut world = World::new(seed, 8, settings, slow());
        world.set_units(12);
        (0..8).for_each(|i| world.start(i, Snapshot::default()));
        world.run_for(5 * SECOND);
        (0..away).for_each(|i| world.kill(i));
        world.run_for(SECOND);
        // The oracle watches; who takes over asks first, three times, and its own surrogate goes on meanwhile.
        world.oracle.worst_vacancy = Duration::ZERO;
        world.run_for(6 * SECOND);
        assert!(world.is_held(), "{away} away");
        let gap = world.oracle.worst_vacancy;
        assert!(gap <= ms(50), "{away} away: {gap:?}");
    }
}
