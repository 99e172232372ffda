use super::*;

fn with_hold(seconds: u64) -> Settings {
    with(settings(), |settings| {
        settings.open.hold_time = Duration::from_secs(seconds)
    })
}

fn patient_open() -> Open {
    Open {
        hold_time: 65535,
        ..open()
    }
}

/// When it said KEEPALIVE, within this time.
fn keepalives(settings: Settings, time: Duration) -> Vec<Duration> {
    let mut rig = Rig::established(settings, &patient_open());
    let begun = rig.now;
    rig.run_alive_for(time);
    let said = rig.said.iter().filter(|(_, said)| *said == Said::Keepalive);
    said.map(|(at, _)| *at - begun).collect()
}

fn gaps(times: &[Duration]) -> Vec<Duration> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// B6
#[test]
fn a_sign_of_life_is_given_three_to_four_times_in_a_hold_time() {
    let gaps = gaps(&keepalives(with_hold(90), SECOND * 3000));
    assert!(gaps.len() > 99);
    for gap in &gaps {
        assert!(
            (Duration::from_millis(22500)..=SECOND * 30).contains(gap),
            "{gap:?}"
        );
    }
    assert!(gaps.iter().any(|gap| *gap != gaps[0]), "jittered");
}

/// B6
#[test]
fn a_sign_of_life_is_never_given_more_than_once_in_a_second() {
    let gaps = gaps(&keepalives(with_hold(3), SECOND * 100));
    assert!(gaps.iter().all(|gap| *gap == SECOND), "{gaps:?}");
}

/// P-BGP-26, P-BGP-27
#[test]
fn a_keepalive_time_that_is_configured_is_taken_up_to_a_third_of_the_hold_time() {
    for (configured, longest) in [(10, 10), (60, 30), (0, 30)] {
        let settings = with(settings(), |settings| {
            settings.live.keepalive_time = Some(Duration::from_secs(configured))
        });
        let gaps = gaps(&keepalives(settings, SECOND * 1000));
        let longest = Duration::from_secs(longest);
        assert!(
            gaps.iter().all(|gap| (longest * 3 / 4..=longest).contains(gap)),
            "{gaps:?}"
        );
    }
}

#[test]
fn routes_are_a_sign_of_life_too() {
    let mut rig = Rig::announcing(settings(), &patient_open(), Arc::default());
    for i in 0..100_u8 {
        rig.run_for(SECOND);
        rig.tell(Input::Routes(plain(&[&format!("192.0.2.{i}/32")])));
        rig.hear(&wire::keepalive());
    }
    assert!(!rig.heard().contains(&Said::Keepalive));
}

/// B7, P-BGP-34, F22
#[test]
fn a_peer_that_falls_silent_is_given_up_after_the_hold_time() {
    let mut rig = Rig::established(with_hold(9), &open());
    rig.run_for(SECOND * 9 - Duration::from_millis(1));
    assert_eq!(rig.state(), State::Established);
    rig.run_for(Duration::from_millis(1));
    assert_eq!(rig.closed().unwrap(), "4/0");
    assert_eq!(
        rig.error(),
        Some(SessionError::Sent(Notification::hold_timer_expired()))
    );
}

#[test]
fn a_peer_that_does_not_confirm_is_given_up_after_the_hold_time() {
    let mut rig = Rig::opened(with_hold(9), &open());
    rig.run_for(SECOND * 9);
    assert_eq!(rig.closed().unwrap(), "4/0");
}

/// B8
#[test]
fn keepalives_and_updates_of_any_content_keep_the_session() {
    let malformed = [
        &[0xFF; 16][..],
        &[0, 30, 2, 0, 0, 0, 4, 0x40, 1, 1, 9, 24, 10, 0, 0],
    ]
    .concat();
    let mut malformed = malformed;
    malformed[17] = malformed.len() as u8;
    let end_of_rib = wire::end_of_rib(Family::V4);
    for message in [&wire::keepalive(), &end_of_rib, &malformed] {
        let mut rig = Rig::established(with_hold(9), &open());
        for _ in 0..10 {
            rig.run_for(SECOND * 8);
            rig.hear(message);
        }
        assert_eq!(rig.state(), State::Established, "{message:?}");
    }
}

/// B5, P-BGP-28, F23
#[test]
fn a_zero_hold_time_leaves_no_timer_armed() {
    let mut rig = Rig::announcing(with_hold(0), &open(), plain(&["192.0.2.10/32"]));
    rig.run_for(SECOND * 60);
    assert_eq!(rig.session.poll_timeout(), None);
    rig.run_for(SECOND * 100_000);
    assert_eq!(rig.state(), State::Established);
    assert_eq!(rig.heard(), []);
}

/// F22
#[test]
fn a_peer_that_reads_nothing_is_given_up_after_eight_minutes() {
    let mut rig = Rig::established(with_hold(90), &open());
    rig.takes = false;
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(plain(&["192.0.2.10/32"])));
    assert_eq!(rig.heard().len(), 1, "one message is on its way");
    rig.run_alive_for(SECOND * 479);
    assert_eq!(rig.state(), State::Established);
    assert_eq!(rig.heard(), []);
    rig.run_alive_for(SECOND * 2);
    assert_eq!(rig.closed().unwrap(), "8/0");
    assert_eq!(rig.error(), Some(SessionError::SendHold(SECOND * 480)));
}

#[test]
fn a_long_hold_time_gives_twice_as_long_to_read() {
    let mut rig = Rig::established(with_hold(600), &patient_open());
    rig.takes = false;
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(plain(&["192.0.2.10/32"])));
    rig.run_alive_for(SECOND * 1199);
    assert_eq!(rig.state(), State::Established);
    rig.run_alive_for(SECOND * 2);
    assert_eq!(rig.closed().unwrap(), "8/0");
}

/// B20
#[test]
fn whoever_reads_again_in_time_gets_what_is_true_by_then() {
    let mut rig = Rig::announcing(with_hold(90), &open(), plain(&["192.0.2.10/32"]));
    rig.takes = false;
    rig.tell(Input::Routes(plain(&["192.0.2.11/32"])));
    for i in 12..200 {
        rig.run_alive_for(SECOND);
        rig.tell(Input::Routes(plain(&[&format!("192.0.2.{i}/32")])));
    }
    assert_eq!(rig.heard(), [Said::Withdraw(nets(&["192.0.2.10/32"]))]);
    rig.unblock();
    assert_eq!(
        rig.heard(),
        [Said::Keepalive, Said::Announce(nets(&["192.0.2.199/32"]))]
    );
}

/// B18
#[test]
fn being_called_early_or_late_changes_nothing() {
    let mut rig = Rig::established(with_hold(9), &open());
    for _ in 0..80 {
        rig.now += Duration::from_millis(100);
        rig.session.handle_timeout(rig.epoch + rig.now);
        rig.session.handle_timeout(rig.epoch + rig.now);
        rig.drain();
    }
    assert!(rig.heard().len() <= 4);
    // The process stood still, and the peer's KEEPALIVE lay in the socket.
    rig.now += SECOND * 20;
    rig.hear(&wire::keepalive());
    rig.run_for(SECOND);
    assert_eq!(rig.state(), State::Established);
}
