use super::*;
use crate::FamilyFault;
use crate::wire::NextHop;

const V4: &str = "192.0.2.10/32";
const V6: &str = "2001:db8:1::1/128";

fn other() -> NextHops {
    NextHops {
        v6: Some("2001:db8::77".parse().unwrap()),
        ..next_hops()
    }
}

fn faults(rig: &Rig) -> Vec<(Family, Option<FamilyFault>)> {
    let faults = rig.events.iter().filter_map(|event| match event {
        Event::FamilyFault { family, fault } => Some((*family, *fault)),
        Event::State { .. } | Event::Route { .. } | Event::EndOfRib(_) | Event::Synced | Event::Drained => {
            None
        }
    });
    faults.collect()
}

/// RFC 4271 §5.1.3: an address that is gone leads nowhere.
#[test]
fn routes_are_announced_anew_in_place_when_their_next_hop_is_another() {
    let mut rig = Rig::announcing(settings(), &open(), plain(&[V4, V6]));
    rig.tell(Input::NextHops(other()));
    assert_eq!(rig.heard(), [Said::Announce(nets(&[V6]))], "and those alone");
    rig.tell(Input::NextHops(other()));
    assert_eq!(rig.heard(), [], "it is the same");
}

#[test]
fn a_family_without_a_next_hop_is_withdrawn_and_said_so() {
    let mut rig = Rig::announcing(settings(), &open(), plain(&[V4, V6]));
    rig.tell(Input::NextHops(NextHops {
        v6: None,
        ..next_hops()
    }));
    assert_eq!(rig.heard(), [Said::Withdraw(nets(&[V6]))]);
    assert_eq!(faults(&rig), [(Family::V6, Some(FamilyFault::NoNextHop))]);
    let status = rig.session.status();
    assert!(
        status.carries(Family::V4) && !status.carries(Family::V6),
        "{status:?}"
    );
    rig.forget();
    rig.tell(Input::NextHops(next_hops()));
    assert_eq!(rig.heard(), [Said::Announce(nets(&[V6]))]);
    assert_eq!(faults(&rig), [(Family::V6, None)]);
    assert!(rig.session.status().carries(Family::V6));
}

#[test]
fn addresses_that_come_after_the_session_are_used_in_it() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::NextHops(NextHops::default()));
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(plain(&[V4, V6])));
    rig.reestablish(&open());
    assert_eq!(rig.session.status().routes_sent, 0);
    assert_eq!(rig.session.status().family_faults.len(), 2);
    rig.forget();
    rig.tell(Input::NextHops(next_hops()));
    assert_eq!(
        rig.heard(),
        [Said::Announce(nets(&[V4])), Said::Announce(nets(&[V6]))]
    );
    assert_eq!(rig.session.status().counters.established, 1);
}

#[test]
fn a_family_that_the_peer_does_not_take_is_said_so_and_what_to_do() {
    let v4_alone = open_of(THEIRS, multi_protocol(&[Family::V4]));
    let mut rig = Rig::opened(settings(), &v4_alone);
    rig.events.clear();
    rig.hear(&wire::keepalive());
    assert_eq!(faults(&rig), [(Family::V6, Some(FamilyFault::NotAgreed))]);
    let text = FamilyFault::NotAgreed.text(Family::V6);
    assert!(text.contains("IPv6") && text.contains("activate"), "{text}");
    rig.forget();
    rig.tell(Input::Closed(None));
    assert_eq!(
        faults(&rig),
        [],
        "a session that is gone has no faults of its own"
    );
    assert!(rig.session.status().family_faults.is_empty());
}

/// Where routes of a family point to, over such a connection.
fn pointing(connection: Connection, next_hops: NextHops, extended: bool) -> Option<NextHop> {
    let mut open = open();
    if extended {
        let triple = (FamilyCode::V4, 2);
        open.capabilities.push(Capability::ExtendedNextHop(vec![triple]));
    }
    let mut rig = Rig::new(settings());
    rig.tell(Input::NextHops(next_hops));
    rig.tell(Input::Start);
    rig.tell(Input::Connected(connection));
    rig.hear(&wire::open(&open));
    rig.hear(&wire::keepalive());
    rig.forget();
    rig.form.v4_next_hop_v6 = extended;
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(plain(&[V4])));
    let octets = rig.octets.first()?;
    let mut framer = Framer::new();
    let frame = framer.next(&mut &**octets).unwrap().unwrap();
    let Message::Update(update) = wire::decode(frame, &rig.form).unwrap() else {
        panic!("no UPDATE")
    };
    update.routes().next().and_then(|(_, next_hop)| next_hop)
}

/// RFC 8950: the router at the other end of a link without addresses has no IPv4 subnet there.
#[test]
fn over_a_link_without_addresses_ipv4_routes_point_to_the_one_that_the_session_uses() {
    let link_local = "fe80::1".parse().unwrap();
    let with_address = NextHops {
        v4: Some([192, 0, 2, 1].into()),
        v6: None,
        link_local: Some(link_local),
    };
    let v4 = Some(NextHop::V4([192, 0, 2, 1].into()));
    assert_eq!(
        pointing(unnumbered(), with_address, true),
        Some(NextHop::LinkLocal(link_local))
    );
    assert_eq!(
        pointing(unnumbered(), with_address, false),
        v4,
        "where it was not agreed on"
    );
    assert_eq!(pointing(connection(), next_hops(), false), v4);
}
