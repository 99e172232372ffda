use super::*;
use crate::BfdState;

fn after_down(settings: Settings, open: &Open) -> (Rig, Option<String>) {
    let mut rig = Rig::announcing(settings, open, plain(&["192.0.2.10/32"]));
    rig.tell(Input::Bfd(BfdState::Up));
    rig.tell(Input::Bfd(BfdState::Down));
    let closed = rig.closed();
    (rig, closed)
}

/// D14, P-BGP-45
#[test]
fn a_path_that_fails_ends_the_session_at_once() {
    let (rig, closed) = after_down(settings(), &open());
    assert_eq!(closed.unwrap(), "6/10");
    assert_eq!(rig.state(), State::Idle);
    assert_eq!(rig.error(), Some(SessionError::Bfd));
}

#[test]
fn a_failed_path_is_no_reason_for_the_peer_to_drop_what_it_keeps() {
    let (_, closed) = after_down(restarting(), &open_with_restart(true));
    assert_eq!(closed.unwrap(), "6/10", "which it knows to be no Hard Reset");
    let (_, closed) = after_down(restarting(), &open_with_restart(false));
    assert_eq!(closed.unwrap(), "silently");
}

#[test]
fn a_session_that_is_being_opened_ends_too_but_not_one_without_an_open() {
    let mut rig = Rig::opened(settings(), &open());
    rig.tell(Input::Bfd(BfdState::Down));
    assert_eq!(rig.closed().unwrap(), "6/10");
    let mut rig = Rig::connected(settings());
    rig.tell(Input::Bfd(BfdState::Down));
    assert_eq!(rig.state(), State::OpenSent);
}

/// D14
#[test]
fn a_path_that_bfd_never_saw_working_prevents_nothing() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::Bfd(BfdState::Down));
    rig.reestablish(&open());
    rig.run_alive_for(SECOND * 300);
    assert_eq!(rig.state(), State::Established);
}

/// RFC 5882 §4.2
#[test]
fn bfd_that_is_switched_off_says_nothing() {
    let mut rig = Rig::established(settings(), &open());
    rig.tell(Input::Bfd(BfdState::Up));
    rig.tell(Input::Bfd(BfdState::AdminDown));
    rig.run_alive_for(SECOND * 100);
    assert_eq!(rig.state(), State::Established);
}

#[test]
fn it_dials_as_soon_as_the_path_works_again() {
    let (mut rig, _) = after_down(settings(), &open());
    rig.tell(Input::Bfd(BfdState::Up));
    assert_eq!(rig.heard(), [Said::Dial]);
}

#[test]
fn it_dials_after_the_usual_wait_though_bfd_stays_down() {
    let (mut rig, _) = after_down(settings(), &open());
    rig.run_for(SECOND);
    assert_eq!(rig.heard(), [Said::Dial]);
}

#[test]
fn a_path_that_works_is_no_reason_to_hurry_after_another_trouble() {
    let mut rig = Rig::established(settings(), &open());
    rig.tell(Input::Closed(None));
    rig.tell(Input::Bfd(BfdState::Up));
    assert_eq!(rig.heard(), []);
}

/// A dial that nobody answers, as long as the path is dead.
fn unanswered() -> Input<'static> {
    Input::DialFailed(DialError::TimedOut {
        remote: [192, 0, 2, 2].into(),
        password: false,
    })
}

/// D14
#[test]
fn it_dials_as_soon_as_the_path_works_again_however_often_it_dialled_in_vain_meanwhile() {
    let (mut rig, _) = after_down(settings(), &open());
    for _ in 0..10 {
        rig.run_for(SECOND * 120);
        assert_eq!(rig.heard(), [Said::Dial]);
        rig.tell(unanswered());
    }
    rig.run_for(SECOND);
    rig.tell(Input::Bfd(BfdState::Up));
    assert_eq!(rig.heard(), [Said::Dial]);
    rig.tell(unanswered());
    rig.run_for(SECOND);
    assert_eq!(
        rig.heard(),
        [Said::Dial],
        "and the dead path is not held against the peer"
    );
}

/// D14
#[test]
fn a_path_that_works_again_during_a_dial_ends_the_long_waits() {
    let (mut rig, _) = after_down(settings(), &open());
    for _ in 0..10 {
        rig.run_for(SECOND * 120);
        rig.tell(unanswered());
    }
    rig.run_for(SECOND * 120);
    assert_eq!(rig.state(), State::Connect);
    rig.forget();
    rig.tell(Input::Bfd(BfdState::Up));
    rig.tell(unanswered());
    rig.run_for(SECOND);
    assert_eq!(rig.heard(), [Said::Dial]);
}

#[test]
fn a_session_that_came_back_owes_nothing_to_bfd() {
    let (mut rig, _) = after_down(settings(), &open());
    rig.reestablish(&open());
    rig.tell(Input::Closed(None));
    rig.forget();
    rig.tell(Input::Bfd(BfdState::Up));
    assert_eq!(rig.heard(), []);
}

#[test]
fn a_path_that_works_again_does_not_cut_short_the_wait_after_too_many_prefixes() {
    let (mut rig, _) = after_down(settings(), &open());
    rig.tell(Input::Start);
    rig.tell(Input::Connected(connection()));
    rig.hear(&wire::notification(&Notification {
        code: 6,
        subcode: 1,
        data: Vec::new(),
    }));
    rig.forget();
    rig.tell(Input::Bfd(BfdState::Up));
    assert_eq!(rig.heard(), []);
}
