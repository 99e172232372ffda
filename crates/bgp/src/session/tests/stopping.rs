use super::*;
use crate::Stop;

/// How it closes an Established session, by `code/subcode` and the text.
fn stopped(settings: Settings, open: &Open, stop: Stop) -> (Option<String>, Option<Notification>) {
    let mut rig = Rig::announcing(settings, open, plain(&["192.0.2.10/32"]));
    rig.tell(Input::Stop(stop));
    let notification = |said: &(Duration, Said)| {
        if let Said::Close(notification) = &said.1 {
            notification.clone()
        } else {
            None
        }
    };
    let notification = rig.said.iter().find_map(notification);
    let closed = rig.closed();
    assert_eq!(rig.state(), State::Idle);
    assert_eq!(rig.session.poll_timeout(), None);
    (closed, notification)
}

fn code(settings: Settings, open: &Open, stop: Stop) -> String {
    stopped(settings, open, stop).0.unwrap()
}

fn shutdown() -> Stop {
    Stop::Shutdown("the node is drained".to_owned())
}

/// B15
#[test]
fn the_end_is_said_with_its_reason() {
    assert_eq!(code(settings(), &open(), shutdown()), "6/2");
    assert_eq!(code(settings(), &open(), Stop::Deconfigured), "6/3");
    assert_eq!(code(settings(), &open(), Stop::Changed(Retention::Drop)), "6/6");
    assert_eq!(code(settings(), &open(), Stop::Restart), "6/4");
}

/// B15
#[test]
fn the_text_of_a_shutdown_names_the_node() {
    let (_, notification) = stopped(settings(), &open(), shutdown());
    let text = notification.unwrap().to_string();
    assert!(text.contains("node-a: the node is drained"), "{text}");
}

/// RFC 8538 §3
#[test]
fn a_peer_that_keeps_routes_after_notifications_gets_a_hard_reset() {
    let cases = [
        (shutdown(), (6, 2)),
        (Stop::Deconfigured, (6, 3)),
        (Stop::Changed(Retention::Drop), (6, 6)),
    ];
    for (stop, inner) in cases {
        let (closed, notification) = stopped(restarting(), &open_with_restart(true), stop);
        assert_eq!(closed.unwrap(), "6/9");
        let wrapped = notification.unwrap().hard_reset_inner().unwrap();
        assert_eq!((wrapped.code, wrapped.subcode), inner);
    }
    let without = open_with_restart(false);
    assert_eq!(code(restarting(), &without, Stop::Deconfigured), "6/3");
}

/// P-BGP-38, P-BGP-39, S7
#[test]
fn before_a_restart_nothing_is_said_to_a_peer_that_keeps_our_routes() {
    for notification in [true, false] {
        let open = open_with_restart(notification);
        assert_eq!(code(restarting(), &open, Stop::Restart), "silently");
    }
    assert_eq!(
        code(restarting(), &open(), Stop::Restart),
        "6/4",
        "one that does not"
    );
    assert_eq!(
        code(settings(), &open_with_restart(true), Stop::Restart),
        "6/4",
        "nor may"
    );
}

#[test]
fn a_restart_before_the_peer_has_opened_leaves_alone_what_it_may_be_keeping() {
    let closed = |settings| {
        let mut rig = Rig::connected(settings);
        rig.tell(Input::Stop(Stop::Restart));
        rig.closed().unwrap()
    };
    assert_eq!(closed(restarting()), "silently");
    assert_eq!(closed(settings()), "6/4");
}

#[test]
fn a_dial_is_given_up_and_nothing_is_closed_that_is_not_there() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::Start);
    rig.forget();
    rig.tell(Input::Stop(Stop::Deconfigured));
    assert_eq!(rig.heard(), [Said::Close(None)]);
    let mut rig = Rig::new(settings());
    rig.tell(Input::Stop(Stop::Deconfigured));
    assert_eq!(rig.heard(), []);
}

#[test]
fn nothing_begins_after_the_end() {
    let mut rig = Rig::established(settings(), &open());
    rig.tell(Input::Stop(shutdown()));
    rig.forget();
    rig.tell(Input::Start);
    rig.tell(Input::Connected(connection()));
    rig.tell(Input::Routes(plain(&["192.0.2.10/32"])));
    rig.run_for(SECOND * 1000);
    assert_eq!(rig.heard(), []);
    assert_eq!(rig.events, []);
}

/// RFC 8538 §3: a Hard Reset is for routes that are not to be kept.
#[test]
fn a_change_that_announces_the_same_lets_the_peer_keep_what_it_has() {
    let keep = || Stop::Changed(Retention::Keep);
    assert_eq!(code(restarting(), &open_with_restart(true), keep()), "6/6");
    assert_eq!(code(restarting(), &open_with_restart(false), keep()), "silently");
    assert_eq!(code(restarting(), &open(), keep()), "6/6");
    assert_eq!(code(settings(), &open(), keep()), "6/6");
}

#[test]
fn a_drained_node_that_ends_is_no_node_that_comes_back() {
    for (open, expected) in [
        (open_with_restart(true), "6/9"),
        (open_with_restart(false), "6/2"),
    ] {
        let mut rig = Rig::announcing(restarting(), &open, plain(&["192.0.2.10/32"]));
        rig.tell(Input::Drain(Drain::Mark));
        rig.forget();
        rig.tell(Input::Stop(Stop::Restart));
        assert_eq!(rig.closed().as_deref(), Some(expected));
    }
}
