use super::*;
use crate::Community;

const VIP: &str = "192.0.2.10/32";

fn announcing(settings: Settings) -> Rig {
    Rig::announcing(settings, &open(), plain(&[VIP]))
}

fn marked() -> [u8; 7] {
    // COMMUNITIES with the one that is known everywhere.
    [0xC0, 8, 4, 0xFF, 0xFF, 0, 0]
}

fn has(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}

/// RFC 8326 §4
#[test]
fn routes_are_marked_and_withdrawn_a_while_later() {
    let mut rig = announcing(settings());
    rig.tell(Input::Drain(Drain::Mark));
    assert!(has(&rig.octets[0], &marked()), "{:?}", rig.octets);
    assert_eq!(rig.heard(), [Said::Announce(nets(&[VIP]))]);
    rig.run_for(SECOND * 5 - Duration::from_millis(1));
    assert_eq!(rig.heard(), []);
    assert!(!rig.has(&Event::Drained));
    rig.run_for(Duration::from_millis(1));
    assert_eq!(rig.heard(), [Said::Withdraw(nets(&[VIP]))]);
    assert!(rig.has(&Event::Drained));
    assert_eq!(rig.state(), State::Established);
    rig.run_alive_for(SECOND * 1000);
    assert_eq!(rig.routes(), []);
    assert_eq!(
        rig.events
            .iter()
            .filter(|event| **event == Event::Drained)
            .count(),
        1
    );
}

/// RFC 8326 §4.2
#[test]
fn an_internal_peer_is_told_to_prefer_any_other_path() {
    let open = open_of(OURS, multi_protocol(&[Family::V4]));
    let mut rig = Rig::announcing(internal(), &open, plain(&[VIP]));
    rig.tell(Input::Drain(Drain::Mark));
    assert!(
        has(&rig.octets[0], &[0x40, 5, 4, 0, 0, 0, 0]),
        "LOCAL_PREF 0: {:?}",
        rig.octets
    );
}

#[test]
fn without_a_time_for_marking_routes_are_withdrawn_at_once() {
    let mut rig = announcing(with(settings(), |settings| {
        settings.live.graceful_shutdown = Duration::ZERO
    }));
    rig.tell(Input::Drain(Drain::Mark));
    assert_eq!(rig.heard(), [Said::Withdraw(nets(&[VIP]))]);
    assert!(rig.has(&Event::Drained));
}

#[test]
fn drained_is_said_when_tcp_has_the_last_withdrawal() {
    let mut rig = announcing(settings());
    rig.tell(Input::Drain(Drain::Mark));
    rig.takes = false;
    rig.run_for(SECOND * 6);
    assert!(!rig.has(&Event::Drained));
    rig.unblock();
    assert!(rig.has(&Event::Drained));
}

#[test]
fn where_nothing_is_announced_there_is_nothing_to_wait_for() {
    let mut rigs = [
        Rig::new(settings()),
        Rig::connected(settings()),
        Rig::established(settings(), &open()),
        Rig::announcing(settings(), &open(), Arc::default()),
    ];
    for rig in &mut rigs {
        rig.tell(Input::Drain(Drain::Mark));
        assert!(rig.has(&Event::Drained));
    }
}

#[test]
fn a_connection_that_breaks_meanwhile_ends_the_wait() {
    let mut rig = announcing(settings());
    rig.tell(Input::Drain(Drain::Mark));
    rig.tell(Input::Closed(None));
    assert!(rig.has(&Event::Drained));
    rig.reestablish(&open());
    let ends = [Said::EndOfRib(Family::V4), Said::EndOfRib(Family::V6)];
    assert!(rig.heard().ends_with(&ends), "and nothing else");
    assert_eq!(rig.session.status().routes_sent, 0);
}

#[test]
fn nothing_is_announced_anew_while_routes_are_marked() {
    let mut rig = announcing(settings());
    rig.tell(Input::Drain(Drain::Mark));
    rig.forget();
    rig.tell(Input::Routes(plain(&[VIP, "192.0.2.11/32"])));
    assert_eq!(rig.heard(), []);
    rig.tell(Input::Routes(plain(&["192.0.2.11/32"])));
    assert_eq!(rig.heard(), [Said::Withdraw(nets(&[VIP]))]);
}

#[test]
fn taken_back_it_leaves_no_trace() {
    for wait in [SECOND, SECOND * 10] {
        let mut rig = announcing(settings());
        rig.tell(Input::Drain(Drain::Mark));
        rig.run_for(wait);
        rig.forget();
        rig.tell(Input::Drain(Drain::No));
        assert!(!has(&rig.octets[0], &marked()));
        assert_eq!(rig.heard(), [Said::Announce(nets(&[VIP]))]);
        rig.run_alive_for(SECOND * 100);
        assert_eq!(rig.routes(), []);
    }
}

#[test]
fn a_route_that_carries_the_mark_already_is_not_said_again() {
    let mut attributes = Attributes::default();
    attributes.communities.insert(Community::GRACEFUL_SHUTDOWN);
    let mut rig = Rig::announcing(settings(), &open(), table(&[(VIP, &Arc::new(attributes))]));
    rig.tell(Input::Drain(Drain::Mark));
    assert_eq!(rig.heard(), []);
}

/// Marking is for nodes that still forward.
#[test]
fn a_node_that_does_not_forward_withdraws_at_once() {
    let mut rig = announcing(settings());
    rig.tell(Input::Drain(Drain::Withdraw));
    assert_eq!(rig.heard(), [Said::Withdraw(nets(&[VIP]))]);
    assert!(rig.has(&Event::Drained));
    rig.tell(Input::Drain(Drain::Mark));
    assert_eq!(rig.heard(), [], "nothing comes back only to be marked");
    rig.tell(Input::Drain(Drain::No));
    assert_eq!(rig.heard(), [Said::Announce(nets(&[VIP]))]);
}

#[test]
fn a_node_that_ends_while_its_routes_are_marked_does_not_wait_any_longer() {
    let mut rig = announcing(settings());
    rig.tell(Input::Drain(Drain::Mark));
    rig.forget();
    rig.tell(Input::Drain(Drain::Withdraw));
    assert_eq!(rig.heard(), [Said::Withdraw(nets(&[VIP]))]);
}

/// RFC 8326: how a route that is about to go is told is the session's alone to say.
#[test]
fn a_route_that_leaves_is_marked_as_the_peer_hears_it() {
    let leaving = Attributes {
        leaving: true,
        local_pref: Some(300),
        ..Attributes::default()
    };
    let leaving = table(&[(VIP, &Arc::new(leaving))]);
    let external = Rig::announcing(settings(), &open(), leaving.clone());
    let open = open_of(OURS, multi_protocol(&[Family::V4]));
    let mut internal = Rig::announcing(internal(), &open, leaving);
    internal.tell(Input::Drain(Drain::Mark));
    assert_eq!(internal.heard(), [], "it is marked already");
    internal.tell(Input::Routes(plain(&[VIP])));
    assert_eq!(internal.heard(), [], "and stays so while the node is drained");
    internal.tell(Input::Drain(Drain::No));
    assert!(!has(&internal.octets[0], &marked()));
    assert_eq!(external.session.status().routes_sent, 1);
}
