use super::*;

/// D7
#[test]
fn a_poll_is_answered_at_once_and_outside_the_timer() {
    let mut bench = Bench::up(fast());
    bench.pass(20 * MS);
    let due = bench.session.poll_timeout();
    bench.remote.poll = true;
    bench.remote.desired_min_tx = 40 * MS;
    let sent = bench.hear(State::Up);
    assert_eq!(sent.len(), 1);
    assert!(sent[0].is_final && !sent[0].poll);
    assert_eq!(
        bench.session.poll_timeout(),
        due,
        "the packet in turn comes when it would have"
    );
}

/// D7
#[test]
fn a_flood_of_polls_is_not_answered_by_a_flood() {
    let mut bench = Bench::up(fast());
    bench.remote.poll = true;
    let answers = (0..1000).map(|_| bench.hear(State::Up).len()).sum::<usize>();
    assert_eq!(answers, 10);
    bench.pass_up(40 * MS, 10 * MS);
    // Nor does it do any harm to who keeps to the interval asked for.
    let mut answered = 0;
    for _ in 0..100 {
        bench.pass(30 * MS);
        answered += bench.hear(State::Up).len();
    }
    assert_eq!(answered, 100);
}

/// D6
#[test]
fn coming_up_asks_until_the_other_end_has_confirmed_the_faster_interval() {
    let mut bench = Bench::new(settings(fast()));
    bench.settle();
    bench.hear(State::Down);
    let news = bench.hear(State::Init);
    assert_eq!(
        (news[0].state, news[0].poll, news[0].desired_min_tx),
        (State::Up, true, 50 * MS)
    );
    let sent = bench.pass_up(300 * MS, 30 * MS);
    assert!(sent.len() >= 5 && sent.iter().all(|(_, packet)| packet.poll));
    bench.remote.is_final = true;
    bench.hear(State::Up);
    bench.remote.is_final = false;
    let sent = bench.pass_up(300 * MS, 30 * MS);
    assert!(sent.len() >= 5 && sent.iter().all(|(_, packet)| !packet.poll));
}

fn change(bench: &mut Bench, timers: Timers) {
    assert_eq!(
        bench.input(Input::Timers(timers)),
        [],
        "news of timers go in turn"
    );
}

/// D6
#[test]
fn sending_less_often_waits_for_the_other_ends_consent() {
    let mut bench = Bench::up(fast());
    let slower = Timers {
        transmit_interval: 200 * MS,
        ..fast()
    };
    change(&mut bench, slower);
    let sent = bench.pass_up(1000 * MS, 30 * MS);
    assert!(
        sent.iter()
            .all(|(_, packet)| packet.poll && packet.desired_min_tx == 200 * MS)
    );
    assert_within(&gaps(&sent), 37 * MS, 50 * MS);
    bench.remote.is_final = true;
    bench.hear(State::Up);
    bench.remote.is_final = false;
    let sent = bench.pass_up(3000 * MS, 30 * MS);
    assert_within(&gaps(&sent), 150 * MS, 200 * MS);
    assert!(sent.iter().all(|(_, packet)| !packet.poll));
}

/// D6
#[test]
fn sending_more_often_needs_no_consent() {
    let mut bench = Bench::up(Timers {
        transmit_interval: 500 * MS,
        ..fast()
    });
    change(&mut bench, fast());
    let sent = bench.pass_up(1000 * MS, 30 * MS);
    assert!(
        sent[0].0 <= 50 * MS,
        "at once, if the last packet is that old: {:?}",
        sent[0].0
    );
    assert_within(&gaps(&sent), 37 * MS, 50 * MS);
    assert!(sent.iter().all(|(_, packet)| packet.poll));
}

/// D6
#[test]
fn silence_is_judged_by_the_longer_interval_until_the_other_end_knows_the_shorter() {
    let mut bench = Bench::up(fast());
    let faster = Timers {
        receive_interval: 30 * MS,
        ..fast()
    };
    change(&mut bench, faster);
    bench.pass_up(60 * MS, 30 * MS);
    assert_eq!(bench.session.status().detection_time, Some(120 * MS));
    bench.remote.is_final = true;
    bench.hear(State::Up);
    assert_eq!(bench.session.status().detection_time, Some(90 * MS));
    bench.remote.is_final = false;
    let slower = Timers {
        receive_interval: 100 * MS,
        ..fast()
    };
    change(&mut bench, slower);
    assert_eq!(
        bench.session.status().detection_time,
        Some(300 * MS),
        "patience needs no consent"
    );
}

/// D6
#[test]
fn an_answer_to_what_was_asked_before_does_not_count_for_what_is_asked_now() {
    let mut bench = Bench::up(fast());
    let slower = |factor: u32| Timers {
        transmit_interval: factor * 100 * MS,
        ..fast()
    };
    change(&mut bench, slower(1));
    bench.pass_up(60 * MS, 30 * MS);
    change(&mut bench, slower(2));
    bench.remote.is_final = true;
    // Two to what was asked first, as far as anybody can tell.
    bench.hear(State::Up);
    bench.hear(State::Up);
    assert_eq!(bench.session.status().transmit_interval, Some(50 * MS));
    bench.remote.is_final = false;
    let sent = bench.pass_up(300 * MS, 30 * MS);
    let (first, again) = (&sent[0].1, &sent[sent.len() - 1].1);
    assert!(!first.poll && again.poll, "asked again when those must have come");
    assert!(sent.iter().all(|(_, packet)| packet.desired_min_tx == 200 * MS));
    bench.remote.is_final = true;
    bench.hear(State::Up);
    assert_eq!(bench.session.status().transmit_interval, Some(200 * MS));
}

#[test]
fn timers_that_stay_what_they_are_ask_nothing() {
    let mut bench = Bench::up(fast());
    change(&mut bench, fast());
    let sent = bench.pass_up(300 * MS, 30 * MS);
    assert!(sent.iter().all(|(_, packet)| !packet.poll));
}

/// A final that nobody asked for.
#[test]
fn an_answer_without_a_question_is_like_any_packet() {
    let mut bench = Bench::up(fast());
    let before = bench.session.status();
    bench.remote.is_final = true;
    assert_eq!(bench.hear(State::Up), []);
    assert_eq!(bench.session.status(), before);
}

/// D7: it does not know that we want less, and asks in every packet as long as nobody answers.
#[test]
fn a_neighbour_that_does_not_hear_us_never_asks_too_often() {
    let timers = Timers {
        receive_interval: Duration::from_secs(60),
        ..fast()
    };
    let mut bench = Bench::new(settings(timers));
    bench.settle();
    bench.remote.poll = true;
    for _ in 0..100 {
        bench.pass(750 * MS);
        let answers = bench.hear(State::Down);
        assert!(answers.iter().any(|packet| packet.is_final));
    }
}
