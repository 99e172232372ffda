use super::*;

fn refused() -> Input<'static> {
    Input::DialFailed(DialError::Refused([192, 0, 2, 2].into()))
}

fn after(rig: &Rig) -> Duration {
    rig.session
        .poll_timeout()
        .map_or(Duration::MAX, |due| due - rig.epoch - rig.now)
}

/// P-BGP-27
#[test]
fn a_pace_that_is_edited_is_kept_from_then_on() {
    let mut rig = Rig::established(settings(), &open());
    rig.run_for(SECOND);
    rig.tell(Input::Live(LiveSettings {
        keepalive_time: Some(SECOND * 2),
        ..live()
    }));
    assert_eq!(rig.heard(), []);
    assert!(after(&rig) <= SECOND * 2, "{:?}", after(&rig));
    rig.run_alive_for(SECOND * 20);
    let keepalives = rig.heard().len();
    assert!((8..=14).contains(&keepalives), "{keepalives} in 20 s");
    rig.tell(Input::Live(live()));
    rig.run_alive_for(SECOND * 3);
    rig.forget();
    rig.run_alive_for(SECOND * 60);
    assert!(
        (2..=3).contains(&rig.heard().len()),
        "a third of the hold time again"
    );
    assert_eq!(rig.session.status().counters.established, 1);
}

/// P-BGP-29
#[test]
fn a_wait_that_is_edited_counts_from_what_went_wrong() {
    let mut rig = Rig::new(with(settings(), |settings| {
        settings.live.connect_time = Some(SECOND * 600)
    }));
    rig.tell(Input::Start);
    rig.tell(refused());
    rig.forget();
    rig.run_for(SECOND * 20);
    let connect_time = |seconds| LiveSettings {
        connect_time: Some(SECOND * seconds),
        ..live()
    };
    rig.tell(Input::Live(connect_time(40)));
    assert_eq!(rig.heard(), []);
    assert!(
        (SECOND * 10..=SECOND * 20).contains(&after(&rig)),
        "{:?}",
        after(&rig)
    );
    rig.tell(Input::Live(connect_time(5)));
    rig.run_for(Duration::ZERO);
    assert_eq!(rig.heard(), [Said::Dial], "it has passed already");
}

/// RFC 8326
#[test]
fn a_time_for_marking_that_is_edited_counts_from_the_mark() {
    let mut rig = Rig::announcing(settings(), &open(), plain(&["192.0.2.10/32"]));
    rig.tell(Input::Drain(Drain::Mark));
    rig.run_for(SECOND * 4);
    rig.forget();
    let shutdown = |seconds| LiveSettings {
        graceful_shutdown: SECOND * seconds,
        ..live()
    };
    rig.tell(Input::Live(shutdown(60)));
    rig.run_for(SECOND * 20);
    assert_eq!(rig.routes(), []);
    rig.tell(Input::Live(shutdown(10)));
    rig.run_for(Duration::ZERO);
    assert_eq!(rig.routes(), [Said::Withdraw(nets(&["192.0.2.10/32"]))]);
}

fn dial_now(rig: &mut Rig) -> Vec<Said> {
    rig.forget();
    rig.tell(Input::DialNow);
    rig.heard()
}

/// B9
#[test]
fn a_router_that_comes_back_is_dialled_at_once_but_no_more_than_once_a_second() {
    let mut rig = Rig::new(settings());
    assert_eq!(dial_now(&mut rig), [], "it has not begun");
    rig.tell(Input::Start);
    for _ in 0..10 {
        rig.tell(refused());
        rig.run_for(SECOND * 40);
    }
    rig.tell(refused());
    assert_eq!(dial_now(&mut rig), []);
    rig.run_for(SECOND);
    assert_eq!(rig.heard(), [Said::Dial], "a second after it went wrong");
    rig.tell(refused());
    rig.run_for(SECOND * 5);
    assert_eq!(dial_now(&mut rig), [Said::Dial]);
    assert_eq!(dial_now(&mut rig), [], "it is being dialled");
}

/// F24
#[test]
fn a_router_that_we_told_too_much_is_left_alone_whatever_comes_back() {
    let mut rig = Rig::established(settings(), &open());
    let over_the_limit = Notification {
        code: 6,
        subcode: 1,
        data: Vec::new(),
    };
    rig.hear(&wire::notification(&over_the_limit));
    rig.run_for(SECOND * 60);
    assert_eq!(dial_now(&mut rig), []);
    rig.tell(Input::Bfd(crate::BfdState::Up));
    assert_eq!(rig.heard(), []);
    rig.run_for(SECOND * 61);
    assert_eq!(rig.heard(), [Said::Dial]);
}

/// RFC 4486 §3: it is the router that has to find out, by its hold timer.
#[test]
fn a_router_that_still_has_our_old_session_is_tried_every_few_seconds() {
    for subcode in [5, 7] {
        let mut rig = Rig::new(settings());
        rig.tell(Input::Start);
        for _ in 0..20 {
            rig.tell(Input::Connected(connection()));
            let occupied = Notification {
                code: 6,
                subcode,
                data: Vec::new(),
            };
            rig.hear(&wire::notification(&occupied));
            assert!(
                (SECOND * 3..=SECOND * 5).contains(&after(&rig)),
                "{:?}",
                after(&rig)
            );
            rig.run_for(SECOND * 5);
            assert_eq!(rig.state(), State::Connect);
        }
    }
}

/// RFC 4724 §4.1
#[test]
fn a_node_that_was_off_says_so_until_the_peer_has_heard_everything() {
    let preserved = |rig: &mut Rig| {
        let mut restarts = Vec::new();
        for said in rig.heard() {
            let Said::Open(open) = said else { continue };
            for capability in open.capabilities {
                if let Capability::GracefulRestart(restart) = capability {
                    restarts.push(restart);
                }
            }
        }
        let families = restarts.into_iter().flat_map(|restart| restart.families);
        families.map(|(_, preserved)| preserved).collect::<Vec<_>>()
    };
    let mut rig = Rig::new(restarting());
    rig.tell(Input::Forwarding(crate::Forwarding::Lost));
    rig.reestablish(&open_with_restart(true));
    assert_eq!(preserved(&mut rig), [false, false]);
    rig.tell(Input::Closed(None));
    rig.reestablish(&open_with_restart(true));
    assert_eq!(preserved(&mut rig), [false, false], "it has heard nothing yet");
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(plain(&["192.0.2.10/32"])));
    rig.tell(Input::Closed(None));
    rig.reestablish(&open_with_restart(true));
    assert_eq!(preserved(&mut rig), [true, true]);
}
