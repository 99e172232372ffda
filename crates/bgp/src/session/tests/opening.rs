use super::*;
use crate::wire::GracefulRestart;

fn offer(rig: &mut Rig) -> Open {
    let opens = rig.heard().into_iter();
    let mut opens = opens.filter_map(|said| {
        if let Said::Open(open) = said {
            Some(open)
        } else {
            None
        }
    });
    opens.next().expect("an OPEN was said")
}

fn restart_of(open: &Open) -> Option<GracefulRestart> {
    let restart = |capability: &Capability| {
        if let Capability::GracefulRestart(restart) = capability {
            Some(restart.clone())
        } else {
            None
        }
    };
    open.capabilities.iter().find_map(restart)
}

/// How a session ends over this OPEN, if it does.
fn refusal(settings: Settings, open: &Open) -> Option<String> {
    let mut rig = Rig::connected(settings);
    rig.hear(&wire::open(open));
    rig.closed()
}

#[test]
fn the_first_message_offers_what_we_can_do() {
    let mut rig = Rig::connected(settings());
    let open = offer(&mut rig);
    assert_eq!((open.my_as, open.hold_time), (64512, 90));
    assert_eq!(open.identifier, Ipv4Addr::new(192, 0, 2, 1));
    let mut expected = multi_protocol(&[Family::V4, Family::V6]);
    expected.extend([
        Capability::RouteRefresh,
        Capability::FourOctetAs(OURS),
        Capability::EnhancedRouteRefresh,
    ]);
    assert_eq!(open.capabilities, expected);
}

/// P-BGP-35
#[test]
fn an_as_number_of_four_octets_is_in_the_capability_only() {
    let settings = with(settings(), |settings| settings.open.local_asn = 4_200_000_000);
    let open = offer(&mut Rig::connected(settings));
    assert_eq!(open.my_as, 23456);
    assert_eq!(open.asn(), 4_200_000_000);
}

#[test]
fn a_v6_next_hop_for_v4_is_offered_where_the_session_runs_over_v6() {
    let offered = |families: &[Family]| {
        let mut rig = Rig::new(with(settings(), |settings| {
            settings.open.families = families.iter().copied().collect()
        }));
        rig.tell(Input::Start);
        rig.tell(Input::Connected(Connection {
            local: "2001:db8::1".parse().unwrap(),
            remote: "2001:db8::2".parse().unwrap(),
        }));
        let triples = Capability::ExtendedNextHop(vec![(FamilyCode::V4, 2)]);
        offer(&mut rig).capabilities.contains(&triples)
    };
    assert!(offered(&[Family::V4, Family::V6]));
    assert!(!offered(&[Family::V6]));
}

/// P-BGP-41
#[test]
fn graceful_restart_is_offered_with_the_forwarding_preserved() {
    assert_eq!(restart_of(&offer(&mut Rig::connected(settings()))), None);
    let restart = restart_of(&offer(&mut Rig::connected(restarting()))).unwrap();
    assert!(restart.notification && !restart.restarted);
    assert_eq!(restart.restart_time, 120);
    assert_eq!(restart.families, [(FamilyCode::V4, true), (FamilyCode::V6, true)]);
}

#[test]
fn only_a_process_that_restarted_says_so_and_only_until_the_peer_has_all_routes() {
    let settings = with(restarting(), |settings| settings.restarted = true);
    let mut rig = Rig::new(settings);
    let mut says_restarted = |tell: bool| {
        rig.forget();
        rig.reestablish(&open_with_restart(true));
        let restarted = restart_of(&offer(&mut rig)).unwrap().restarted;
        if tell {
            rig.tell(Input::Guard(open_guard()));
            rig.tell(Input::Routes(plain(&["192.0.2.10/32"])));
        }
        rig.tell(Input::Closed(None));
        restarted
    };
    assert!(says_restarted(false));
    assert!(says_restarted(true), "nothing had been said before");
    assert!(!says_restarted(true));
}

/// B3
#[test]
fn a_peer_that_does_not_open_is_given_four_minutes() {
    let mut rig = Rig::connected(settings());
    rig.run_for(SECOND * 239);
    assert_eq!(rig.state(), State::OpenSent);
    rig.run_for(SECOND);
    assert_eq!(rig.closed().unwrap(), "4/0");
    assert_eq!(rig.state(), State::Idle);
}

/// B4, B5
#[test]
fn the_shorter_hold_time_is_agreed_on() {
    for (ours, theirs, agreed) in [
        (90, 30, Some(30)),
        (9, 180, Some(9)),
        (0, 90, None),
        (90, 0, None),
    ] {
        let mut open = open();
        open.hold_time = theirs;
        let hold_time = Duration::from_secs(ours);
        let rig = Rig::opened(
            with(settings(), |settings| settings.open.hold_time = hold_time),
            &open,
        );
        let peer = rig.session.status().negotiated.unwrap();
        assert_eq!(
            peer.hold_time,
            agreed.map(Duration::from_secs),
            "{ours} and {theirs}"
        );
    }
}

/// B4
#[test]
fn a_hold_time_of_one_or_two_seconds_is_refused() {
    for hold_time in [1, 2] {
        let open = Open { hold_time, ..open() };
        assert_eq!(refusal(settings(), &open).unwrap(), "2/6");
    }
}

/// B13, P-BGP-20
#[test]
fn a_peer_of_another_as_is_refused_and_named() {
    let mut rig = Rig::connected(settings());
    rig.hear(&wire::open(&open_of(64999, Vec::new())));
    assert_eq!(rig.closed().unwrap(), "2/2");
    let error = rig.error().unwrap();
    assert_eq!(error.to_string(), "bad peer AS 64999, expected AS 64513");
}

/// B13, P-BGP-19
#[test]
fn an_as_number_that_nobody_has_is_no_external_peer() {
    let external = with(settings(), |settings| settings.open.peer_asn = PeerAsn::External);
    for asn in [0, 23456, OURS] {
        assert_eq!(
            refusal(external.clone(), &open_of(asn, Vec::new())).unwrap(),
            "2/2",
            "{asn}"
        );
    }
    for asn in [1, 65535, 65536, u32::MAX] {
        assert_eq!(
            refusal(external.clone(), &open_of(asn, Vec::new())),
            None,
            "{asn}"
        );
    }
}

/// B13
#[test]
fn an_internal_peer_must_not_have_our_identifier() {
    let open = Open {
        identifier: settings().open.identifier,
        ..open_of(OURS, Vec::new())
    };
    assert_eq!(refusal(internal(), &open).unwrap(), "2/3");
    let external = Open {
        identifier: settings().open.identifier,
        ..open_of(THEIRS, Vec::new())
    };
    assert_eq!(refusal(settings(), &external), None, "RFC 6286 §2.1");
}

#[test]
fn families_are_those_that_both_have() {
    let agreed = |open: &Open| {
        Rig::opened(settings(), open)
            .session
            .status()
            .negotiated
            .unwrap()
            .families
    };
    assert_eq!(agreed(&open()), BTreeSet::from([Family::V4, Family::V6]));
    let v6 = open_of(THEIRS, multi_protocol(&[Family::V6]));
    assert_eq!(agreed(&v6), BTreeSet::from([Family::V6]));
    let old = open_of(THEIRS, Vec::new());
    assert_eq!(
        agreed(&old),
        BTreeSet::from([Family::V4]),
        "one that knows of no families"
    );
    let other = Capability::MultiProtocol(FamilyCode { afi: 25, safi: 70 });
    assert_eq!(agreed(&open_of(THEIRS, vec![other])), BTreeSet::new());
}

#[test]
fn what_we_do_not_know_or_did_not_offer_changes_nothing() {
    let mut strange = open();
    strange.capabilities.extend([
        Capability::ExtendedMessage,
        Capability::Unknown {
            code: 73,
            value: vec![3, b'b', b'i', b'r'],
        },
        Capability::ExtendedNextHop(vec![(FamilyCode::V4, 2)]),
    ]);
    let mut rig = Rig::established(settings(), &strange);
    assert!(!rig.session.status().negotiated.unwrap().graceful_restart);
    let mut long = wire::keepalive();
    long[16..18].copy_from_slice(&4097_u16.to_be_bytes());
    long[18] = 2;
    rig.hear(&long);
    assert_eq!(rig.closed().unwrap(), "1/2");
}

/// B2
#[test]
fn no_route_is_sent_before_the_peer_has_confirmed() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(plain(&["192.0.2.10/32"])));
    rig.tell(Input::Start);
    rig.tell(Input::Connected(connection()));
    rig.run_for(SECOND);
    assert!(matches!(rig.heard()[..], [Said::Dial, Said::Open(_)]));
    rig.hear(&wire::open(&open()));
    rig.run_for(SECOND);
    assert_eq!(rig.heard(), [Said::Keepalive]);
    rig.hear(&wire::keepalive());
    assert_eq!(rig.heard()[0], Said::Announce(nets(&["192.0.2.10/32"])));
}

/// B19
#[test]
fn octets_may_come_one_by_one_or_all_at_once() {
    let messages = [wire::open(&open()), wire::keepalive(), wire::keepalive()].concat();
    for size in [1, 7, 19, messages.len()] {
        let mut rig = Rig::connected(settings());
        for octets in messages.chunks(size) {
            rig.hear(octets);
        }
        assert_eq!(rig.state(), State::Established, "{size} at a time");
        assert_eq!(rig.session.status().counters.keepalives_received, 2);
    }
}

#[test]
fn the_peer_is_answered_after_our_open_has_gone() {
    let mut rig = Rig::new(settings());
    rig.takes = false;
    rig.tell(Input::Start);
    rig.tell(Input::Connected(connection()));
    rig.hear(&wire::open(&open()));
    assert!(matches!(rig.heard()[..], [Said::Dial, Said::Open(_)]));
    rig.unblock();
    assert_eq!(rig.heard(), [Said::Keepalive]);
}
