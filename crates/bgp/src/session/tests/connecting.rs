use super::*;

fn refused() -> Input<'static> {
    Input::DialFailed(DialError::Refused([192, 0, 2, 2].into()))
}

/// How long it waits after each of so many failures.
fn waits(rig: &mut Rig, failures: usize, fail: impl Fn(&mut Rig)) -> Vec<Duration> {
    let wait = |rig: &mut Rig| {
        fail(rig);
        assert_eq!(rig.state(), State::Idle);
        let begun = rig.now;
        rig.forget();
        while rig.state() == State::Idle {
            rig.run_for(Duration::from_millis(10));
        }
        assert_eq!(rig.heard(), [Said::Dial]);
        rig.now - begun
    };
    (0..failures).map(|_| wait(rig)).collect()
}

fn is_about(wait: Duration, seconds: u64) -> bool {
    let time = Duration::from_secs(seconds);
    (time * 3 / 4..=time + Duration::from_millis(10)).contains(&wait)
}

#[test]
fn nothing_happens_before_it_begins() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(plain(&["192.0.2.10/32"])));
    rig.run_for(SECOND * 1000);
    assert_eq!(rig.said, []);
    rig.tell(Input::Start);
    assert_eq!(rig.heard(), [Said::Dial]);
    assert_eq!(rig.state(), State::Connect);
}

/// B9, P-BGP-29
#[test]
fn the_wait_doubles_from_a_second_to_half_a_minute() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::Start);
    let waits = waits(&mut rig, 9, |rig| rig.tell(refused()));
    for (wait, seconds) in waits.iter().zip([1, 2, 4, 8, 16, 30, 30, 30, 30]) {
        assert!(is_about(*wait, seconds), "{wait:?} instead of {seconds} s");
    }
}

/// B9
#[test]
fn two_sessions_do_not_dial_in_step() {
    let waits_of = |seed| {
        let mut rig = Rig::new(with(settings(), |settings| settings.seed = seed));
        rig.tell(Input::Start);
        waits(&mut rig, 5, |rig| rig.tell(refused()))
    };
    assert_ne!(waits_of(1), waits_of(2));
    assert_eq!(waits_of(1), waits_of(1));
}

/// P-BGP-29
#[test]
fn a_wait_that_is_configured_does_not_grow() {
    let mut rig = Rig::new(with(settings(), |settings| {
        settings.live.connect_time = Some(SECOND * 10)
    }));
    rig.tell(Input::Start);
    for wait in waits(&mut rig, 9, |rig| rig.tell(refused())) {
        assert!(is_about(wait, 10), "{wait:?}");
    }
}

/// B10
#[test]
fn a_session_that_does_not_last_does_not_shorten_the_wait() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::Start);
    let waits = waits(&mut rig, 6, |rig| {
        rig.tell(Input::Connected(connection()));
        rig.hear(&wire::open(&open()));
        rig.hear(&wire::keepalive());
        assert_eq!(rig.state(), State::Established);
        rig.run_alive_for(SECOND * 20);
        rig.tell(Input::Closed(None));
    });
    assert!(is_about(waits[5], 30), "{waits:?}");
    assert_eq!(rig.session.status().counters.established, 6);
}

/// B10
#[test]
fn after_a_minute_a_session_is_a_good_one() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::Start);
    waits(&mut rig, 5, |rig| rig.tell(refused()));
    rig.tell(Input::Connected(connection()));
    rig.hear(&wire::open(&open()));
    rig.hear(&wire::keepalive());
    assert!(rig.error().is_some(), "kept for a while");
    rig.run_alive_for(SECOND * 61);
    assert_eq!(rig.error(), None);
    let waits = waits(&mut rig, 1, |rig| rig.tell(Input::Closed(None)));
    assert!(is_about(waits[0], 1), "{waits:?}");
}

/// F24
#[test]
fn a_peer_whose_limit_of_prefixes_is_reached_is_not_tried_again_for_long() {
    let mut rig = Rig::established(settings(), &open());
    let over_the_limit = Notification {
        code: 6,
        subcode: 1,
        data: Vec::new(),
    };
    let waits = waits(&mut rig, 1, |rig| rig.hear(&wire::notification(&over_the_limit)));
    assert!(is_about(waits[0], 120), "{waits:?}");
}

/// F24
#[test]
fn a_wait_that_is_configured_makes_that_one_longer_but_never_shorter() {
    let over_the_limit = wire::notification(&Notification {
        code: 6,
        subcode: 1,
        data: Vec::new(),
    });
    for (configured, seconds) in [(1, 120), (300, 300)] {
        let settings = with(settings(), |settings| {
            settings.live.connect_time = Some(Duration::from_secs(configured))
        });
        let mut rig = Rig::established(settings, &open());
        let waits = waits(&mut rig, 1, |rig| rig.hear(&over_the_limit));
        assert!(is_about(waits[0], seconds), "{waits:?}");
    }
}

/// P-BGP-36
#[test]
fn the_wait_does_not_grow_while_there_is_nobody_to_dial() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::Start);
    let no_neighbour = || DialError::NoNeighbor {
        interface: "eth0".to_owned(),
        blind: None,
    };
    let no_interface = || DialError::NoInterface("eth0".to_owned());
    for error in [no_neighbour, no_interface] as [fn() -> DialError; 2] {
        for wait in waits(&mut rig, 9, |rig| rig.tell(Input::DialFailed(error()))) {
            assert!(is_about(wait, 1), "{wait:?}");
        }
    }
}

#[test]
fn why_no_router_can_be_seen_is_said() {
    let text = |blind: Option<&str>| {
        DialError::NoNeighbor {
            interface: "eth0".to_owned(),
            blind: blind.map(ToOwned::to_owned),
        }
        .to_string()
    };
    assert_eq!(text(None), "no router is seen on interface eth0 yet");
    assert_eq!(
        text(Some("not permitted")),
        "no router is seen on interface eth0 yet: not permitted"
    );
}

#[test]
fn whoever_wants_to_dial_now_need_not_wait() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::Start);
    rig.tell(refused());
    rig.forget();
    rig.tell(Input::Start);
    assert_eq!(rig.heard(), [Said::Dial]);
    rig.tell(Input::Start);
    assert_eq!(rig.heard(), [], "one dial at a time");
}

/// F25
#[test]
fn what_went_wrong_is_said_in_words() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::Start);
    let dial = DialError::TimedOut {
        remote: [192, 0, 2, 2].into(),
        password: true,
    };
    rig.tell(Input::DialFailed(dial.clone()));
    let error = rig.error().unwrap();
    assert!(error.to_string().contains("possible MD5 mismatch"), "{error}");
    let event = Event::State {
        from: State::Connect,
        to: State::Idle,
        error: Some(SessionError::Dial(dial)),
    };
    assert!(rig.has(&event), "{:?}", rig.events);
}
