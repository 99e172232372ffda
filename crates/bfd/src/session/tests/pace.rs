use super::*;

/// D6
#[test]
fn before_it_is_up_nobody_hears_from_it_more_than_once_a_second_or_so() {
    let mut bench = Bench::new(settings(fast()));
    let sent = bench.pass(20_000 * MS);
    assert_eq!(sent[0].0, Duration::ZERO, "the first goes at once");
    assert_within(&gaps(&sent), 750 * MS, 1000 * MS);
    for (_, packet) in sent {
        assert_eq!(packet.desired_min_tx, Duration::from_secs(1));
        assert_eq!(packet.required_min_rx, 40 * MS);
        assert_eq!(packet.required_min_echo_rx, Duration::ZERO);
        assert_eq!(packet.your_discriminator, None);
    }
}

/// D15
#[test]
fn no_packet_claims_to_outlive_the_process_or_asks_for_demand_mode() {
    let mut bench = Bench::up(fast());
    bench.remote.poll = true;
    let mut sent = bench.hear(State::Up);
    sent.extend(bench.pass(500 * MS).into_iter().map(|(_, packet)| packet));
    assert!(sent.len() > 3);
    for packet in sent {
        assert!(!packet.control_plane_independent && !packet.demand);
    }
}

/// D5
#[test]
fn packets_go_at_the_slower_of_what_both_ends_want_less_up_to_a_quarter() {
    for (required, interval) in [(20 * MS, 50 * MS), (80 * MS, 80 * MS)] {
        let mut bench = Bench::up(fast());
        bench.remote.required_min_rx = required;
        bench.hear(State::Up);
        bench.pass_up(100 * MS, 30 * MS);
        let sent = bench.pass_up(3000 * MS, 30 * MS);
        assert_within(&gaps(&sent), interval * 3 / 4, interval);
        assert_eq!(bench.session.status().transmit_interval, Some(interval));
    }
}

/// D5
#[test]
fn where_one_packet_decides_it_comes_a_tenth_early() {
    let timers = Timers {
        detect_multiplier: 1,
        ..fast()
    };
    let mut bench = Bench::up(timers);
    bench.pass_up(100 * MS, 30 * MS);
    let sent = bench.pass_up(3000 * MS, 30 * MS);
    assert_within(&gaps(&sent), 50 * MS * 3 / 4, 50 * MS * 9 / 10);
}

/// D4
#[test]
fn the_other_end_is_gone_after_its_multiplier_times_the_slower_interval() {
    for (desired, multiplier, time) in [
        (30 * MS, 3, 120 * MS),
        (100 * MS, 5, 500 * MS),
        (1 * MS, 1, 40 * MS),
    ] {
        let mut bench = Bench::up(fast());
        bench.remote.desired_min_tx = desired;
        bench.remote.detect_multiplier = NonZeroU8::new(multiplier).unwrap();
        bench.hear(State::Up);
        assert_eq!(bench.session.status().detection_time, Some(time));
        bench.pass(time - MS / 1000);
        assert_eq!(bench.state(), State::Up);
        bench.pass(MS / 1000);
        assert_eq!(bench.state(), State::Down);
        let expired = Diagnostic::DETECTION_TIME_EXPIRED;
        assert_eq!(bench.events(), [Event::Down(expired)]);
        assert_eq!(bench.session.status().diagnostic, expired);
    }
}

/// D2
#[test]
fn what_is_refused_does_not_pass_for_a_sign_of_life() {
    let mut bench = Bench::up(fast());
    bench.hear(State::Up);
    let mut octets = bench.remote.encode();
    octets[2] = 0;
    for _ in 0..11 {
        bench.pass(10 * MS);
        bench.input(Input::Packet(&octets));
    }
    assert_eq!(bench.state(), State::Up);
    bench.pass(10 * MS);
    assert_eq!(bench.state(), State::Down);
}

/// D9
#[test]
fn silence_is_told_to_the_other_end_at_once_and_slowly_from_then_on() {
    let mut bench = Bench::up(fast());
    bench.hear(State::Up);
    let sent = bench.pass(5000 * MS);
    let first = sent
        .iter()
        .position(|(_, packet)| packet.state == State::Down)
        .unwrap();
    assert_eq!(sent[first].0, 120 * MS);
    assert_eq!(sent[first].1.your_discriminator, None);
    assert_within(&gaps(&sent[first..]), 750 * MS, 1000 * MS);
}

/// D8
#[test]
fn who_wants_no_packets_gets_none_but_news_and_answers() {
    let mut bench = Bench::up(fast());
    bench.remote.required_min_rx = Duration::ZERO;
    assert_eq!(bench.pass_up(3000 * MS, 30 * MS).len(), 0);
    assert_eq!(bench.session.status().transmit_interval, None);
    bench.remote.poll = true;
    assert_eq!(bench.hear(State::Up).len(), 1);
    bench.remote.poll = false;
    assert_eq!(bench.hear(State::Down).len(), 1);
    assert_eq!(bench.pass(100 * MS).len(), 0);
    // Silent, it is as good as gone: its successor may want packets.
    bench.pass(30 * MS);
    assert!(bench.pass(2000 * MS).len() >= 2);
}

/// D8
#[test]
fn in_demand_mode_nothing_goes_while_both_are_up_unless_there_is_something_to_ask() {
    let mut bench = Bench::up(fast());
    bench.remote.demand = true;
    assert_eq!(bench.pass_up(1000 * MS, 30 * MS).len(), 0);
    bench.session.handle_input(
        bench.now,
        Input::Timers(Timers {
            receive_interval: 45 * MS,
            ..fast()
        }),
    );
    let asked = bench.pass_up(500 * MS, 30 * MS);
    assert!(asked.len() > 5 && asked.iter().all(|(_, packet)| packet.poll));
    bench.remote.is_final = true;
    bench.hear(State::Up);
    bench.remote.is_final = false;
    assert_eq!(bench.pass_up(500 * MS, 30 * MS).len(), 0);
    bench.remote.demand = false;
    assert!(bench.pass_up(500 * MS, 30 * MS).len() > 5);
}

/// D11
#[test]
fn a_passive_end_says_nothing_before_it_has_heard_something() {
    let mut bench = Bench::new(Settings {
        passive: true,
        ..settings(fast())
    });
    assert_eq!(bench.session.poll_timeout(), None);
    assert_eq!(bench.pass(10_000 * MS).len(), 0);
    bench.remote.your_discriminator = None;
    assert_eq!(bench.hear(State::Down)[0].state, State::Init);
    // The other end is gone again before it could answer: not a word more.
    let sent = bench.pass(10_000 * MS);
    assert!(sent.iter().all(|(after, _)| *after <= 120 * MS), "{sent:?}");
    assert_eq!(bench.state(), State::Down);
    assert_eq!(bench.session.poll_timeout(), None);
}

#[test]
fn a_late_wake_up_makes_up_with_one_packet() {
    let mut bench = Bench::new(settings(fast()));
    bench.settle();
    bench.now += Duration::from_secs(60);
    assert_eq!(bench.settle().len(), 1);
    assert_eq!(bench.settle().len(), 0);
}
