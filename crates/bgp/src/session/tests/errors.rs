use super::*;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut octets = vec![0xFF; 16];
    octets.extend_from_slice(&(19 + body.len() as u16).to_be_bytes());
    octets.push(kind);
    octets.extend_from_slice(body);
    octets
}

fn refresh() -> Vec<u8> {
    wire::route_refresh(&RouteRefresh {
        family: FamilyCode::V4,
        subtype: 0,
    })
}

/// B14
#[test]
fn a_message_that_is_not_due_is_refused_by_state() {
    let update = wire::end_of_rib(Family::V4);
    for octets in [wire::keepalive(), update.clone(), refresh()] {
        let mut rig = Rig::connected(settings());
        rig.hear(&octets);
        assert_eq!(rig.closed().unwrap(), "5/1");
    }
    for octets in [wire::open(&open()), update, refresh()] {
        let mut rig = Rig::opened(settings(), &open());
        rig.hear(&octets);
        assert_eq!(rig.closed().unwrap(), "5/2");
    }
    let mut rig = Rig::established(settings(), &open());
    rig.hear(&wire::open(&open()));
    assert_eq!(rig.closed().unwrap(), "5/3");
}

/// B14, B17
#[test]
fn what_is_not_due_is_not_read() {
    let mut rig = Rig::connected(settings());
    rig.hear(&message(2, &[0xFF; 10]));
    assert_eq!(rig.closed().unwrap(), "5/1", "and not 3/1 for what it says");
}

/// B11, B12
#[test]
fn a_stream_that_makes_no_sense_is_closed() {
    let mut unsynchronized = wire::keepalive();
    unsynchronized[3] = 0;
    let mut long = wire::keepalive();
    long[17] = 20;
    let cases = [(unsynchronized, "1/1"), (long, "1/2"), (message(9, &[]), "1/3")];
    for (octets, expected) in cases {
        let mut rig = Rig::established(settings(), &open());
        rig.hear(&octets);
        assert_eq!(rig.closed().unwrap(), expected);
        assert_eq!(rig.state(), State::Idle);
    }
}

#[test]
fn nothing_is_heard_after_the_end() {
    let mut rig = Rig::established(settings(), &open());
    let ends = wire::open(&open());
    rig.hear(&[ends.clone(), ends, wire::keepalive()].concat());
    assert_eq!(rig.closed().unwrap(), "5/3", "once");
    assert_eq!(rig.session.status().counters.notifications_sent, 1);
    rig.hear(&wire::keepalive());
    assert_eq!(rig.heard(), []);
}

/// B16, P-BGP-16
#[test]
fn a_notification_is_never_answered_and_is_shown() {
    let bad_as = Notification {
        code: 2,
        subcode: 2,
        data: Vec::new(),
    };
    let octets = wire::notification(&bad_as);
    let mut rigs = [
        Rig::connected(settings()),
        Rig::opened(settings(), &open()),
        Rig::established(settings(), &open()),
    ];
    for rig in &mut rigs {
        rig.hear(&octets);
        assert_eq!(rig.closed().unwrap(), "silently");
        assert_eq!(rig.error(), Some(SessionError::Received(bad_as.clone(), OURS)));
    }
    let words = rigs[0].error().unwrap().to_string();
    assert!(words.contains("expects another AS than 64512"), "{words}");
}

/// P-BGP-50
#[test]
fn what_a_peer_announces_is_counted_and_forgotten() {
    let mut rig = Rig::announcing(settings(), &open(), plain(&["192.0.2.10/32"]));
    let attributes = Attributes::default();
    let path = wire::Path {
        local_asn: THEIRS,
        attributes: &attributes,
        next_hop: wire::NextHop::V4([192, 0, 2, 2].into()),
    };
    let prefixes = nets(&["198.51.100.0/24", "192.0.2.10/32"]);
    let (octets, _) = wire::announce(&rig.form, &path, &prefixes).unwrap();
    rig.hear(&octets);
    assert_eq!(rig.heard(), []);
    let status = rig.session.status();
    assert_eq!(
        (status.prefixes_received, status.counters.updates_received),
        (2, 1)
    );
    assert_eq!(status.counters.malformed_updates, 0);
}

#[test]
fn a_malformed_update_is_counted_and_the_session_stays() {
    // ORIGIN with a value that is none.
    let body = [&[0, 0, 0, 4, 0x40, 1, 1, 9][..], &[24, 198, 51, 100]].concat();
    let mut rig = Rig::established(settings(), &open());
    rig.hear(&message(2, &body));
    assert_eq!(rig.state(), State::Established);
    assert_eq!(rig.session.status().counters.malformed_updates, 1);
}

#[test]
fn an_update_that_cannot_be_read_ends_the_session() {
    let mut rig = Rig::established(settings(), &open());
    rig.hear(&message(2, &[0, 200, 0, 0]));
    assert_eq!(rig.closed().unwrap(), "3/1");
}
