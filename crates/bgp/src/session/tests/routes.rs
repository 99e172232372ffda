use super::*;

const ENDS: [Said; 2] = [Said::EndOfRib(Family::V4), Said::EndOfRib(Family::V6)];

fn local_pref(preference: u32) -> Arc<Attributes> {
    Arc::new(Attributes {
        local_pref: Some(preference),
        ..Attributes::default()
    })
}

fn med(med: u32) -> Arc<Attributes> {
    Arc::new(Attributes {
        med: Some(med),
        ..Attributes::default()
    })
}

/// So many routes, each in the hands of `attributes`.
fn many(count: u32, attributes: impl Fn(u32) -> Arc<Attributes>) -> Arc<Table> {
    let prefix = |i: u32| IpNet::from(std::net::IpAddr::from(Ipv4Addr::from(0x0A00_0000 + i)));
    Arc::new((0..count).map(|i| (prefix(i), attributes(i))).collect())
}

fn announced(said: &[Said]) -> usize {
    let count = |said: &Said| {
        if let Said::Announce(prefixes) = said {
            prefixes.len()
        } else {
            0
        }
    };
    said.iter().map(count).sum()
}

/// S7
#[test]
fn the_end_of_rib_follows_the_last_route_of_each_family() {
    let mut rig = Rig::established(settings(), &open());
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(plain(&["2001:db8:1::1/128", "192.0.2.10/32"])));
    let (v4, v6) = (nets(&["192.0.2.10/32"]), nets(&["2001:db8:1::1/128"]));
    let [v4_ends, v6_ends] = ENDS;
    assert_eq!(
        rig.heard(),
        [Said::Announce(v4), v4_ends, Said::Announce(v6), v6_ends]
    );
    assert!(rig.has(&Event::Synced));
}

/// S7
#[test]
fn nothing_is_said_before_both_the_routes_and_the_guard_are_known() {
    for guard_first in [true, false] {
        let mut rig = Rig::established(settings(), &open());
        let mut inputs = [Input::Guard(open_guard()), Input::Routes(Arc::default())];
        if !guard_first {
            inputs.reverse();
        }
        let [first, second] = inputs;
        rig.tell(first);
        rig.run_alive_for(SECOND * 20);
        assert_eq!(rig.routes(), []);
        assert!(!rig.has(&Event::Synced));
        rig.tell(second);
        assert_eq!(rig.routes(), ENDS);
        assert!(rig.has(&Event::Synced));
    }
}

/// S7
#[test]
fn what_was_known_before_is_announced_and_has_no_end_before_everything_is_known() {
    for guard_first in [true, false] {
        let recalled = plain(&["192.0.2.10/32", "192.0.2.11/32"]);
        let mut rig = Rig::established(settings(), &open());
        let mut inputs = [Input::Guard(open_guard()), Input::Early(recalled.clone())];
        if !guard_first {
            inputs.reverse();
        }
        inputs.into_iter().for_each(|input| rig.tell(input));
        rig.run_alive_for(SECOND * 20);
        assert_eq!(
            rig.routes(),
            [Said::Announce(nets(&["192.0.2.10/32", "192.0.2.11/32"]))]
        );
        assert!(!rig.has(&Event::Synced));
        rig.tell(Input::Routes(recalled));
        assert_eq!(rig.routes(), ENDS, "though it is the same");
        assert!(rig.has(&Event::Synced));
    }
}

/// S7
#[test]
fn what_was_known_before_and_is_wanted_no_more_is_withdrawn_before_the_end() {
    let mut rig = Rig::established(settings(), &open());
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Early(plain(&["192.0.2.10/32", "192.0.2.11/32"])));
    rig.tell(Input::Early(plain(&["192.0.2.11/32", "192.0.2.12/32"])));
    rig.forget();
    rig.tell(Input::Routes(plain(&["192.0.2.12/32"])));
    let [v4_ends, v6_ends] = ENDS;
    assert_eq!(
        rig.routes(),
        [Said::Withdraw(nets(&["192.0.2.11/32"])), v4_ends, v6_ends]
    );
}

/// S7
#[test]
fn what_is_known_once_stays_known_in_the_next_session() {
    let mut rig = Rig::established(restarting(), &open());
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Early(plain(&["192.0.2.10/32"])));
    rig.tell(Input::Closed(None));
    rig.forget();
    rig.reestablish(&open());
    assert_eq!(
        rig.routes()[2..],
        [Said::Announce(nets(&["192.0.2.10/32"]))],
        "still no end"
    );
    rig.tell(Input::Routes(plain(&["192.0.2.10/32"])));
    rig.tell(Input::Closed(None));
    rig.forget();
    rig.reestablish(&open());
    assert_eq!(rig.routes()[3..], ENDS);
}

/// S7
#[test]
fn an_answer_to_a_question_does_not_end_what_has_no_end_yet() {
    let mut rig = Rig::established(settings(), &open());
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Early(plain(&["192.0.2.10/32"])));
    rig.hear(&wire::route_refresh(&RouteRefresh {
        family: FamilyCode::from(Family::V4),
        subtype: RouteRefresh::NORMAL,
    }));
    rig.run_alive_for(SECOND * 5);
    let known = Said::Announce(nets(&["192.0.2.10/32"]));
    assert_eq!(rig.routes(), [known.clone(), known], "what is known, and no end");
    rig.tell(Input::Routes(plain(&["192.0.2.10/32"])));
    let said = rig.routes();
    assert!(ENDS.iter().all(|end| said.contains(end)), "{said:?}");
}

/// U6, P-BGP-9
#[test]
fn ten_thousand_routes_of_equal_attributes_take_fourteen_messages() {
    let mut rig = Rig::established(settings(), &open());
    rig.tell(Input::Guard(open_guard()));
    let shared = local_pref(200);
    rig.tell(Input::Routes(many(10_000, |_| shared.clone())));
    let said = rig.heard();
    assert_eq!(announced(&said), 10_000);
    let updates = said
        .iter()
        .filter(|said| matches!(said, Said::Announce(_)))
        .count();
    assert!(updates <= 14, "{updates}");
    assert_eq!(rig.session.status().routes_sent, 10_000);
    rig.tell(Input::Routes(Arc::default()));
    let said = rig.heard();
    assert!(said.len() <= 14, "{}", said.len());
    assert_eq!(rig.session.status().routes_sent, 0);
}

/// U6
#[test]
fn equal_attributes_share_a_message_whoever_made_them() {
    let mut rig = Rig::established(settings(), &open());
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(many(700, |_| med(1))));
    assert_eq!(rig.heard().len(), 1 + ENDS.len());
}

#[test]
fn routes_of_different_attributes_all_get_out() {
    let mut rig = Rig::established(settings(), &open());
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(many(3000, |i| med(i % 1000))));
    let said = rig.heard();
    assert_eq!((announced(&said), said.len()), (3000, 1000 + ENDS.len()));
}

/// P-BGP-3
#[test]
fn only_what_changed_is_said() {
    let shared = med(1);
    let routes = many(5000, |_| shared.clone());
    let mut rig = Rig::announcing(settings(), &open(), routes.clone());
    let mut changed = (*routes).clone();
    let extra: IpNet = "192.0.2.10/32".parse().unwrap();
    changed.insert(extra, shared.clone());
    rig.tell(Input::Routes(Arc::new(changed.clone())));
    assert_eq!(rig.heard(), [Said::Announce(vec![extra])]);
    changed.insert(extra, med(2));
    rig.tell(Input::Routes(Arc::new(changed.clone())));
    assert_eq!(
        rig.heard(),
        [Said::Announce(vec![extra])],
        "and no withdrawal before it"
    );
    rig.tell(Input::Routes(Arc::new(changed)));
    assert_eq!(rig.heard(), []);
    rig.tell(Input::Routes(routes));
    assert_eq!(rig.heard(), [Said::Withdraw(vec![extra])]);
}

/// B21
#[test]
fn withdrawals_overtake_announcements() {
    let mut rig = Rig::announcing(settings(), &open(), many(5, |_| med(0)));
    rig.takes = false;
    rig.tell(Input::Routes(many(5000, med)));
    assert_eq!(rig.heard().len(), 1, "one message is on its way");
    rig.tell(Input::Routes(many(4000, |i| med(i + u32::from(i > 3)))));
    rig.takes = true;
    let mut fewer = (*many(4000, med)).clone();
    fewer.pop_first();
    rig.tell(Input::Routes(Arc::new(fewer)));
    rig.tell(Input::Written);
    let said = rig.heard();
    assert_eq!(said[0], Said::Withdraw(nets(&["10.0.0.0/32"])));
    assert_eq!(rig.session.status().routes_sent, 3999);
}

#[test]
fn what_is_undone_before_it_is_said_is_not_said() {
    let before = plain(&["192.0.2.10/32"]);
    let mut rig = Rig::announcing(settings(), &open(), before.clone());
    rig.takes = false;
    rig.tell(Input::Routes(plain(&["192.0.2.10/32", "192.0.2.11/32"])));
    rig.forget();
    rig.tell(Input::Routes(plain(&[
        "192.0.2.10/32",
        "192.0.2.11/32",
        "192.0.2.12/32",
    ])));
    assert_eq!(rig.session.status().routes_pending, 1);
    rig.tell(Input::Routes(before));
    assert_eq!(rig.session.status().routes_pending, 1);
    rig.unblock();
    assert_eq!(rig.heard(), [Said::Withdraw(nets(&["192.0.2.11/32"]))]);
}

#[test]
fn what_an_external_peer_does_not_hear_is_no_change_to_it() {
    let vip = "192.0.2.10/32";
    let mut rig = Rig::announcing(settings(), &open(), table(&[(vip, &local_pref(200))]));
    rig.tell(Input::Routes(table(&[(vip, &local_pref(300))])));
    assert_eq!(rig.heard(), []);
}

#[test]
fn a_preference_that_is_said_or_taken_for_granted_is_the_same_to_an_internal_peer() {
    let (vip, open) = ("192.0.2.10/32", open_of(OURS, multi_protocol(&[Family::V4])));
    let mut rig = Rig::announcing(internal(), &open, plain(&[vip]));
    rig.tell(Input::Routes(table(&[(vip, &local_pref(100))])));
    assert_eq!(rig.heard(), []);
    rig.tell(Input::Routes(table(&[(vip, &local_pref(101))])));
    assert_eq!(rig.heard(), [Said::Announce(nets(&[vip]))]);
}

/// P-BGP-49
#[test]
fn a_family_that_was_not_agreed_on_is_not_mentioned() {
    let open = open_of(THEIRS, multi_protocol(&[Family::V4]));
    let mut rig = Rig::established(settings(), &open);
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(plain(&["192.0.2.10/32", "2001:db8:1::1/128"])));
    assert_eq!(
        rig.heard(),
        [
            Said::Announce(nets(&["192.0.2.10/32"])),
            Said::EndOfRib(Family::V4)
        ]
    );
    let status = rig.session.status();
    assert_eq!((status.routes_sent, status.routes_pending), (1, 0));
}

#[test]
fn a_route_without_a_next_hop_is_not_sent() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::Start);
    rig.tell(Input::NextHops(NextHops {
        v6: None,
        ..next_hops()
    }));
    rig.tell(Input::Connected(connection()));
    rig.hear(&wire::open(&open()));
    rig.hear(&wire::keepalive());
    rig.forget();
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(plain(&["2001:db8:1::1/128"])));
    assert_eq!(rig.heard(), ENDS);
}

/// P-BGP-47
#[test]
fn v4_routes_point_to_a_v6_address_only_where_the_peer_can_follow() {
    let heard = |capabilities: Vec<Capability>| {
        let mut rig = Rig::new(settings());
        rig.tell(Input::Start);
        rig.tell(Input::NextHops(NextHops {
            link_local: Some("fe80::1".parse().unwrap()),
            ..NextHops::default()
        }));
        rig.tell(Input::Connected(unnumbered()));
        rig.hear(&wire::open(&open_of(THEIRS, capabilities)));
        rig.hear(&wire::keepalive());
        rig.forget();
        rig.form.v4_next_hop_v6 = true;
        rig.tell(Input::Guard(open_guard()));
        rig.tell(Input::Routes(plain(&["192.0.2.10/32"])));
        rig.heard()
    };
    let mut capabilities = multi_protocol(&[Family::V4]);
    assert_eq!(heard(capabilities.clone()), ENDS[..1]);
    capabilities.push(Capability::ExtendedNextHop(vec![(FamilyCode::V4, 2)]));
    assert_eq!(heard(capabilities)[0], Said::Announce(nets(&["192.0.2.10/32"])));
}

/// U9
#[test]
fn what_the_guard_does_not_permit_is_not_announced_and_counted() {
    let mut rig = Rig::established(settings(), &open());
    rig.tell(Input::Guard(guard(&["192.0.2.0/24"])));
    rig.tell(Input::Routes(plain(&["192.0.2.10/32", "198.51.100.1/32"])));
    assert_eq!(rig.heard()[0], Said::Announce(nets(&["192.0.2.10/32"])));
    let status = rig.session.status();
    assert_eq!((status.counters.refused_exports, status.routes_pending), (1, 0));
    rig.tell(Input::Routes(plain(&["198.51.100.1/32", "198.51.100.2/32"])));
    assert_eq!(rig.heard(), [Said::Withdraw(nets(&["192.0.2.10/32"]))]);
    assert_eq!(rig.session.status().counters.refused_exports, 2);
}

/// U9
#[test]
fn what_the_guard_permits_no_more_is_withdrawn() {
    let mut rig = Rig::announcing(settings(), &open(), plain(&["192.0.2.10/32", "198.51.100.1/32"]));
    rig.tell(Input::Guard(guard(&["192.0.2.0/24"])));
    assert_eq!(rig.heard(), [Said::Withdraw(nets(&["198.51.100.1/32"]))]);
    rig.tell(Input::Guard(open_guard()));
    assert_eq!(rig.heard(), [Said::Announce(nets(&["198.51.100.1/32"]))]);
    assert_eq!(rig.session.status().counters.refused_exports, 0);
}

#[test]
fn synced_is_said_although_the_guard_refused_all_that_was_new() {
    let mut rig = Rig::announcing(settings(), &open(), Arc::default());
    rig.tell(Input::Guard(guard(&["192.0.2.0/24"])));
    rig.forget();
    rig.tell(Input::Routes(plain(&["198.51.100.1/32"])));
    assert_eq!(rig.heard(), []);
    assert_eq!(rig.events, [Event::Synced]);
}

/// B7
#[test]
fn a_new_session_gets_everything_again() {
    let mut rig = Rig::announcing(settings(), &open(), plain(&["192.0.2.10/32"]));
    rig.tell(Input::Closed(None));
    assert_eq!(rig.session.status().routes_sent, 0);
    rig.tell(Input::Routes(plain(&["192.0.2.11/32"])));
    rig.forget();
    rig.reestablish(&open());
    let said = rig.routes();
    assert_eq!(
        said[2..],
        [
            Said::Announce(nets(&["192.0.2.11/32"])),
            ENDS[0].clone(),
            ENDS[1].clone()
        ]
    );
}

/// B20
#[test]
fn one_message_at_a_time_is_on_its_way() {
    let mut rig = Rig::established(settings(), &open());
    rig.takes = false;
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Routes(many(2000, |_| med(1))));
    for sent in 1..=5 {
        assert_eq!(rig.said.len(), sent);
        assert!(!rig.has(&Event::Synced));
        rig.tell(Input::Written);
    }
    assert!(rig.has(&Event::Synced));
    assert_eq!(rig.said.len(), 5, "three of routes, two ends");
}

/// RFC 4271 §9.2
#[test]
fn a_route_with_more_attributes_than_fit_is_withdrawn() {
    let vip = "192.0.2.10/32";
    let mut rig = Rig::announcing(settings(), &open(), plain(&[vip]));
    let endless = Arc::new(Attributes {
        communities: (0..2000).map(crate::Community).collect(),
        ..Attributes::default()
    });
    rig.tell(Input::Routes(table(&[
        (vip, &endless),
        ("192.0.2.11/32", &endless),
    ])));
    assert_eq!(rig.heard(), [Said::Withdraw(nets(&[vip]))]);
    let status = rig.session.status();
    assert_eq!((status.counters.unsendable, status.routes_pending), (2, 0));
}

/// P-BGP-60: there is a route all along.
#[test]
fn an_aggregate_that_takes_the_place_of_addresses_comes_before_they_go() {
    let addresses = plain(&["192.0.2.10/32", "192.0.2.11/32", "203.0.113.1/32"]);
    let mut rig = Rig::announcing(settings(), &open(), addresses.clone());
    rig.tell(Input::Routes(plain(&["192.0.2.0/24"])));
    let narrow = nets(&["192.0.2.10/32", "192.0.2.11/32"]);
    let wide = nets(&["192.0.2.0/24"]);
    assert_eq!(
        rig.heard(),
        [
            Said::Withdraw(nets(&["203.0.113.1/32"])),
            Said::Announce(wide.clone()),
            Said::Withdraw(narrow)
        ],
        "what nothing replaces waits for nothing"
    );
    rig.tell(Input::Routes(addresses));
    assert_eq!(rig.heard()[1..], [Said::Withdraw(wide)]);
}
