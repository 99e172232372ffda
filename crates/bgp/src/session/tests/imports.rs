use std::net::Ipv6Addr;

use super::*;
use crate::wire::{NextHop, Path};
use crate::{Import, ImportPolicy, Learned, MOST_LEARNED};

const ROUTER: NextHop = NextHop::V4(Ipv4Addr::new(192, 0, 2, 2));
const ROUTER_V6: NextHop = NextHop::V6 {
    global: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2),
    link_local: None,
};

fn policy(imports: &[(&str, u8)]) -> Arc<ImportPolicy> {
    Arc::new(ImportPolicy::new(imports.iter().map(|(prefix, max_length)| {
        Import {
            prefix: prefix.parse().unwrap(),
            max_length: *max_length,
        }
    })))
}

fn everything() -> Arc<ImportPolicy> {
    policy(&[("0.0.0.0/0", 32), ("::/0", 128)])
}

/// An UPDATE of a peer of this AS.
fn update_of(asn: u32, form: &Form, prefixes: &[&str], next_hop: NextHop) -> Vec<u8> {
    let attributes = Attributes::default();
    let path = Path {
        local_asn: asn,
        attributes: &attributes,
        next_hop,
    };
    wire::announce(form, &path, &nets(prefixes)).unwrap().0
}

fn form() -> Form {
    Form {
        four_octet_as: true,
        families: [Family::V4, Family::V6].into(),
        ..Form::default()
    }
}

fn update(prefixes: &[&str], next_hop: NextHop) -> Vec<u8> {
    update_of(THEIRS, &form(), prefixes, next_hop)
}

fn withdrawal(prefixes: &[&str]) -> Vec<u8> {
    wire::withdraw(&form(), &nets(prefixes)).unwrap().0
}

/// A session that takes everything.
fn taking(settings: Settings, open: &Open) -> Rig {
    let mut rig = Rig::opened(settings, open);
    rig.tell(Input::Imports(everything()));
    rig.hear(&wire::keepalive());
    rig.forget();
    rig
}

impl Rig {
    /// What of routes was told since this was asked last.
    fn told(&mut self) -> Vec<(String, Option<NextHop>)> {
        let told = std::mem::take(&mut self.events).into_iter();
        let routes = told.filter_map(|event| match event {
            Event::Route { prefix, path } => Some((prefix.to_string(), path.map(|path| path.next_hop))),
            Event::State { .. }
            | Event::EndOfRib(_)
            | Event::FamilyFault { .. }
            | Event::Synced
            | Event::Drained => None,
        });
        routes.collect()
    }

    fn accepted(&self) -> usize {
        self.session.status().routes_accepted
    }
}

fn route(prefix: &str, next_hop: NextHop) -> (String, Option<NextHop>) {
    (prefix.to_owned(), Some(next_hop))
}

fn gone(prefix: &str) -> (String, Option<NextHop>) {
    (prefix.to_owned(), None)
}

/// P-BGP-51
#[test]
fn without_a_policy_nothing_is_kept() {
    let mut rig = Rig::established(settings(), &open());
    rig.hear(&update(&["0.0.0.0/0", "198.51.100.0/24"], ROUTER));
    rig.hear(&update(&["2001:db8:1::/48"], ROUTER_V6));
    assert_eq!((rig.told(), rig.accepted()), (Vec::new(), 0));
    assert_eq!(
        rig.session.status().prefixes_received,
        3,
        "though they were counted"
    );
}

/// P-BGP-51
#[test]
fn what_the_policy_lets_pass_is_told_once_and_the_rest_is_not() {
    let mut rig = taking(settings(), &open());
    rig.tell(Input::Imports(policy(&[("0.0.0.0/0", 0), ("2001:db8::/32", 48)])));
    let messages = [
        update(&["0.0.0.0/0", "198.51.100.0/24"], ROUTER),
        update(&["2001:db8:1::/48", "2001:db8:1:1::/64"], ROUTER_V6),
    ];
    messages.iter().for_each(|message| rig.hear(message));
    let expected = [route("0.0.0.0/0", ROUTER), route("2001:db8:1::/48", ROUTER_V6)];
    assert_eq!(rig.told(), expected);
    messages.iter().for_each(|message| rig.hear(message));
    assert_eq!(
        (rig.told(), rig.accepted()),
        (Vec::new(), 2),
        "it is the same again"
    );
    rig.hear(&withdrawal(&["198.51.100.0/24", "0.0.0.0/0"]));
    assert_eq!((rig.told(), rig.accepted()), (vec![gone("0.0.0.0/0")], 1));
}

/// P-BGP-51
#[test]
fn a_policy_that_changes_asks_for_everything_again_in_the_session_that_there_is() {
    let mut rig = Rig::established(settings(), &open());
    rig.hear(&update(&["0.0.0.0/0", "198.51.100.0/24"], ROUTER));
    rig.tell(Input::Imports(everything()));
    let asked = [Family::V4, Family::V6].map(|family| Said::Refresh(RouteRefresh::NORMAL, family));
    assert_eq!(rig.routes(), asked);
    rig.hear(&update(&["0.0.0.0/0", "198.51.100.0/24"], ROUTER));
    assert_eq!(rig.accepted(), 2);
    rig.told();
    rig.tell(Input::Imports(policy(&[("0.0.0.0/0", 0)])));
    assert_eq!(
        rig.told(),
        [gone("198.51.100.0/24")],
        "before the peer says anything"
    );
    rig.forget();
    rig.tell(Input::Imports(Arc::default()));
    assert_eq!((rig.told(), rig.routes()), (vec![gone("0.0.0.0/0")], Vec::new()));
    assert_eq!(rig.state(), State::Established);
}

/// P-BGP-51
#[test]
fn a_peer_that_cannot_be_asked_says_its_routes_in_another_session() {
    let silent = open_of(THEIRS, multi_protocol(&[Family::V4, Family::V6]));
    let mut rig = Rig::established(settings(), &silent);
    rig.tell(Input::Imports(everything()));
    assert_eq!(rig.closed().as_deref(), Some("6/6"));
    rig.reestablish(&silent);
    rig.hear(&update(&["0.0.0.0/0"], ROUTER));
    assert_eq!(rig.accepted(), 1);
}

#[test]
fn what_a_peer_does_not_say_again_between_the_marks_is_gone() {
    let mut enhanced = open();
    enhanced.capabilities.push(Capability::EnhancedRouteRefresh);
    let mut rig = taking(settings(), &enhanced);
    rig.hear(&update(&["198.51.100.0/24", "203.0.113.0/24"], ROUTER));
    rig.hear(&update(&["2001:db8:1::/48"], ROUTER_V6));
    rig.told();
    let mark = |subtype| {
        let family = FamilyCode::V4;
        wire::route_refresh(&RouteRefresh { family, subtype })
    };
    rig.hear(&mark(RouteRefresh::BEGIN));
    rig.hear(&update(&["203.0.113.0/24"], ROUTER));
    assert_eq!(rig.told(), []);
    rig.hear(&mark(RouteRefresh::END));
    assert_eq!((rig.told(), rig.accepted()), (vec![gone("198.51.100.0/24")], 2));
}

#[test]
fn a_route_that_was_here_before_is_refused_and_replaces_what_there_was() {
    let mut rig = taking(settings(), &open());
    rig.hear(&update(&["0.0.0.0/0"], ROUTER));
    rig.told();
    rig.hear(&update_of(
        OURS,
        &form(),
        &["0.0.0.0/0", "198.51.100.0/24"],
        ROUTER,
    ));
    assert_eq!((rig.told(), rig.accepted()), (vec![gone("0.0.0.0/0")], 0));
}

#[test]
fn our_own_number_is_found_behind_a_speaker_of_two_octets() {
    let big = 4_200_000_000;
    let settings = with(settings(), |settings| settings.open.local_asn = big);
    let open = Open {
        my_as: Open::two_octets(THEIRS),
        hold_time: 90,
        identifier: Ipv4Addr::new(192, 0, 2, 2),
        capabilities: Vec::new(),
    };
    let mut rig = taking(settings, &open);
    let old = Form::default();
    rig.hear(&update_of(big, &old, &["0.0.0.0/0"], ROUTER));
    assert_eq!(rig.accepted(), 0);
    rig.hear(&update_of(THEIRS, &old, &["0.0.0.0/0"], ROUTER));
    assert_eq!(rig.accepted(), 1);
}

#[test]
fn next_hops_that_lead_nowhere_or_back_are_refused() {
    let mut rig = taking(settings(), &open());
    rig.hear(&update(&["198.51.100.0/24"], NextHop::V4([192, 0, 2, 1].into())));
    let v6 = ["::", "::1", "ff02::1", "2001:db8::1"].map(|address| address.parse().unwrap());
    for global in v6 {
        let next_hop = NextHop::V6 {
            global,
            link_local: None,
        };
        rig.hear(&update(&["2001:db8:1::/48"], next_hop));
    }
    assert_eq!((rig.told(), rig.accepted()), (Vec::new(), 0));
}

#[test]
fn ipv6_next_hops_are_global_link_local_or_both() {
    let mut rig = taking(settings(), &open());
    let link_local: Ipv6Addr = "fe80::2".parse().unwrap();
    let global: Ipv6Addr = "2001:db8::2".parse().unwrap();
    let both = NextHop::V6 {
        global,
        link_local: Some(link_local),
    };
    let alone = NextHop::LinkLocal(link_local);
    let twice = NextHop::V6 {
        global: link_local,
        link_local: Some(link_local),
    };
    let unspecified = NextHop::V6 {
        global: Ipv6Addr::UNSPECIFIED,
        link_local: Some(link_local),
    };
    let ways = [
        (ROUTER_V6, ROUTER_V6),
        (both, both),
        (alone, alone),
        (ROUTER_V6, ROUTER_V6),
        (twice, alone),
    ];
    for (said, expected) in ways {
        rig.hear(&update(&["2001:db8:1::/48"], said));
        assert_eq!(rig.told(), [route("2001:db8:1::/48", expected)]);
    }
    rig.hear(&update(&["2001:db8:1::/48"], unspecified));
    assert_eq!(rig.told(), [], "it means the same");
}

/// RFC 8950
#[test]
fn an_ipv4_route_may_point_to_an_ipv6_next_hop_where_that_was_agreed_on() {
    let mut rig = Rig::new(settings());
    rig.tell(Input::Imports(everything()));
    rig.tell(Input::Start);
    rig.tell(Input::Connected(Connection {
        local: "2001:db8::1".parse().unwrap(),
        remote: "2001:db8::2".parse().unwrap(),
    }));
    let mut open = open();
    let triple = (FamilyCode::V4, 2);
    open.capabilities.push(Capability::ExtendedNextHop(vec![triple]));
    rig.hear(&wire::open(&open));
    rig.hear(&wire::keepalive());
    let form = Form {
        v4_next_hop_v6: true,
        ..form()
    };
    rig.hear(&update_of(THEIRS, &form, &["198.51.100.0/24"], ROUTER_V6));
    assert_eq!(rig.told(), [route("198.51.100.0/24", ROUTER_V6)]);
    rig.hear(&wire::withdraw(&form, &nets(&["198.51.100.0/24"])).unwrap().0);
    assert_eq!(rig.told(), [gone("198.51.100.0/24")]);
}

/// RFC 7606 §2
#[test]
fn a_malformed_update_withdraws_what_it_announces() {
    let mut rig = taking(settings(), &open());
    let good = update(&["198.51.100.0/24"], ROUTER);
    rig.hear(&good);
    rig.told();
    let mut bad = good;
    // The value of ORIGIN, behind the header, two lengths and three octets.
    let origin = wire::HEADER + 4 + 3;
    bad[origin] = 7;
    rig.hear(&bad);
    assert_eq!(rig.told(), [gone("198.51.100.0/24")]);
    assert_eq!(rig.state(), State::Established);
}

/// RFC 4760 §7
#[test]
fn a_family_whose_routes_cannot_be_told_apart_loses_all_and_takes_none() {
    let mut rig = taking(settings(), &open());
    rig.hear(&update(&["198.51.100.0/24"], ROUTER));
    let good = update(&["2001:db8:1::/48"], ROUTER_V6);
    rig.hear(&good);
    rig.told();
    let mut bad = good.clone();
    // The length of the prefix, which is behind it in six octets.
    let length = bad.iter().rposition(|octet| *octet == 48).unwrap();
    bad[length] = 200;
    rig.hear(&bad);
    assert_eq!(rig.told(), [gone("2001:db8:1::/48")]);
    rig.hear(&good);
    assert_eq!((rig.told(), rig.accepted()), (Vec::new(), 1));
}

#[test]
fn what_decides_between_routes_is_told() {
    let mut rig = taking(settings(), &open());
    rig.hear(&update(&["198.51.100.0/24"], ROUTER));
    let learned = Learned {
        next_hop: ROUTER,
        local_pref: None,
        path_length: 1,
        origin: 0,
        internal: false,
    };
    let told = |learned| Event::Route {
        prefix: "198.51.100.0/24".parse().unwrap(),
        path: Some(learned),
    };
    assert!(rig.has(&told(learned)), "{:?}", rig.events);

    let mut rig = taking(internal(), &open_of(OURS, multi_protocol(&[Family::V4])));
    let form = Form {
        internal: true,
        ..form()
    };
    rig.hear(&update_of(OURS, &form, &["198.51.100.0/24"], ROUTER));
    let internal = Learned {
        local_pref: Some(100),
        path_length: 0,
        internal: true,
        ..learned
    };
    assert!(rig.has(&told(internal)), "{:?}", rig.events);
}

#[test]
fn no_more_than_a_thousand_are_taken_and_the_others_are_counted() {
    let mut rig = taking(settings(), &open());
    let prefixes: Vec<String> = (0..MOST_LEARNED + 3)
        .map(|i| format!("10.{}.{}.0/24", i / 256, i % 256))
        .collect();
    for some in prefixes.chunks(100) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        rig.hear(&update(&some, ROUTER));
    }
    let status = rig.session.status();
    assert_eq!(
        (status.routes_accepted, status.routes_left_out),
        (MOST_LEARNED, 3)
    );
    assert_eq!(rig.told().len(), MOST_LEARNED);
    let other = NextHop::V4([192, 0, 2, 3].into());
    rig.hear(&update(&["10.0.0.0/24"], other));
    assert_eq!(
        rig.told(),
        [route("10.0.0.0/24", other)],
        "one that is there may change"
    );
}

#[test]
fn a_session_that_ends_has_lost_all_and_the_next_begins_with_none() {
    let mut rig = taking(settings(), &open());
    rig.hear(&update(&["198.51.100.0/24"], ROUTER));
    rig.forget();
    rig.tell(Input::Closed(None));
    assert_eq!(rig.accepted(), 0);
    let fell = |event: &Event| {
        matches!(
            event,
            Event::State {
                from: State::Established,
                ..
            }
        )
    };
    assert!(rig.events.iter().any(fell));
    rig.reestablish(&open());
    assert_eq!(rig.accepted(), 0);
    rig.forget();
    rig.hear(&update(&["198.51.100.0/24"], ROUTER));
    assert_eq!(rig.told(), [route("198.51.100.0/24", ROUTER)]);
}

#[test]
fn the_end_of_the_peers_routes_is_told() {
    let mut rig = taking(settings(), &open());
    rig.hear(&wire::end_of_rib(Family::V6));
    assert_eq!(rig.events, [Event::EndOfRib(Family::V6)]);
}

/// The OPEN of a router that restarts gracefully and has forwarded IPv4 all along.
fn restartable(forwarding: bool, notification: bool) -> Open {
    let mut open = open();
    open.capabilities
        .push(Capability::GracefulRestart(wire::GracefulRestart {
            restarted: false,
            notification,
            restart_time: 120,
            families: vec![(FamilyCode::V4, forwarding)],
        }));
    open
}

/// A session that has an IPv4 and an IPv6 route of such a router.
fn with_routes(open: &Open) -> Rig {
    let mut rig = taking(restarting(), open);
    rig.hear(&update(&["0.0.0.0/0", "198.51.100.0/24"], ROUTER));
    rig.hear(&update(&["2001:db8:1::/48"], ROUTER_V6));
    rig.told();
    rig
}

fn stale(rig: &Rig) -> usize {
    rig.session.status().routes_stale
}

/// RFC 4724 §4.2
#[test]
fn routes_of_a_router_that_restarts_gracefully_are_kept_until_it_has_said_everything_again() {
    let open = restartable(true, false);
    let mut rig = with_routes(&open);
    rig.tell(Input::Closed(None));
    assert_eq!(
        rig.told(),
        [gone("2001:db8:1::/48")],
        "of a family that it does not keep"
    );
    assert_eq!((rig.accepted(), stale(&rig)), (2, 2));
    rig.run_for(SECOND);
    rig.reestablish(&open);
    rig.hear(&update(&["0.0.0.0/0"], ROUTER));
    assert_eq!(rig.told(), [], "it is the same again");
    assert_eq!(stale(&rig), 1);
    rig.hear(&wire::end_of_rib(Family::V4));
    assert_eq!(rig.told(), [gone("198.51.100.0/24")]);
    assert_eq!((rig.accepted(), stale(&rig)), (1, 0));
}

/// RFC 4724 §4.2
#[test]
fn nobody_vouches_for_a_router_that_does_not_come_back_in_time() {
    let mut rig = with_routes(&restartable(true, false));
    rig.tell(Input::Closed(None));
    rig.told();
    rig.run_for(SECOND * 119);
    assert_eq!(rig.accepted(), 2);
    rig.run_for(SECOND);
    assert_eq!(rig.told().len(), 2);
    assert_eq!((rig.accepted(), stale(&rig)), (0, 0));
}

/// RFC 4724 §4.2
#[test]
fn a_router_that_comes_back_empty_or_cannot_say_so_has_lost_its_routes() {
    for comes_back_as in [restartable(false, false), open()] {
        let mut rig = with_routes(&restartable(true, false));
        rig.tell(Input::Closed(None));
        rig.run_for(SECOND);
        rig.told();
        rig.reestablish(&comes_back_as);
        assert_eq!(rig.told().len(), 2);
        assert_eq!(rig.accepted(), 0);
    }
}

/// RFC 4724 §4.2: or a router that fails again and again would never be found out.
#[test]
fn what_was_kept_once_is_not_kept_again() {
    let open = restartable(true, false);
    let mut rig = with_routes(&open);
    rig.tell(Input::Closed(None));
    rig.run_for(SECOND);
    rig.reestablish(&open);
    rig.hear(&update(&["0.0.0.0/0"], ROUTER));
    rig.told();
    rig.tell(Input::Closed(None));
    assert_eq!(rig.told(), [gone("198.51.100.0/24")]);
    assert_eq!(rig.accepted(), 1);
}

/// RFC 4724 §4.2: a bound for routers that say no End-of-RIB.
#[test]
fn a_router_that_never_ends_is_not_waited_for_for_ever() {
    let open = restartable(true, false);
    let mut rig = with_routes(&open);
    rig.tell(Input::Closed(None));
    rig.run_for(SECOND);
    rig.reestablish(&open);
    rig.run_alive_for(SECOND * 359);
    assert_eq!(rig.accepted(), 2);
    rig.run_alive_for(SECOND * 2);
    assert_eq!(rig.accepted(), 0);
}

/// RFC 8538 §3, §4
#[test]
fn a_notification_ends_the_routes_unless_both_said_otherwise_and_a_hard_reset_always() {
    let after = |notification: bool, last: &Notification| {
        let mut rig = with_routes(&restartable(true, notification));
        rig.hear(&wire::notification(last));
        rig.accepted()
    };
    let reset = Notification::reset("maintenance");
    assert_eq!(after(false, &reset), 0);
    assert_eq!(after(true, &reset), 2);
    assert_eq!(after(true, &Notification::hard_reset(&reset)), 0);
    let silent = |notification| {
        let mut rig = with_routes(&restartable(true, notification));
        rig.run_for(SECOND * 91);
        rig.accepted()
    };
    assert_eq!(
        (silent(false), silent(true)),
        (0, 2),
        "a hold time that passes is a NOTIFICATION too"
    );
}

#[test]
fn a_path_that_bfd_finds_dead_takes_its_routes_along() {
    let mut rig = with_routes(&restartable(true, true));
    rig.tell(Input::Bfd(crate::BfdState::Down));
    assert_eq!((rig.told().len(), rig.accepted()), (3, 0));
}

#[test]
fn a_policy_that_changes_meanwhile_is_obeyed_at_once() {
    let mut rig = with_routes(&restartable(true, false));
    rig.tell(Input::Closed(None));
    rig.told();
    rig.tell(Input::Imports(policy(&[("0.0.0.0/0", 0)])));
    assert_eq!(rig.told(), [gone("198.51.100.0/24")]);
}

/// Another speaker takes them over: they are in the kernel's table.
#[test]
fn a_session_that_is_stopped_says_nothing_more_of_routes() {
    let mut rig = with_routes(&open());
    rig.tell(Input::Stop(crate::Stop::Restart));
    assert_eq!(rig.told(), []);
}
