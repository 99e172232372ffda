//! Each message that Herald can send, and what it is to mean.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use bgp::wire::{
    self, Capability, FamilyCode, Form, GracefulRestart, NextHop, Notification, Open, Path, RouteRefresh,
};
use bgp::{Attributes, Community, LargeCommunity, LinkBandwidth, State};
use ipnet::IpNet;
use model::Family;

use super::oracle::{self, Meaning};
use super::{decode, external, internal, message, octets};

/// A message that is sent.
pub(crate) struct Golden {
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) octets: Vec<u8>,
    pub(crate) meant: Meant,
}

/// What it is to mean.
pub(crate) enum Meant {
    Open(Open),
    Keepalive,
    /// The beginning of what the decoder calls it, and the data.
    Notification(&'static str, Vec<u8>),
    /// The decoder does not know such a one.
    UnknownNotification,
    RouteRefresh(RouteRefresh),
    Update(Box<Meaning>),
}

/// One of each.
pub(crate) fn all() -> Vec<Golden> {
    let kinds = [opens(), others(), notifications(), announcements(), withdrawals()];
    kinds.into_iter().flatten().collect()
}

fn opens() -> Vec<Golden> {
    let golden = |name: &str, open: Open| Golden {
        name: name.to_owned(),
        form: external(),
        octets: wire::open(&open),
        meant: Meant::Open(open),
    };
    let base = |my_as, hold_time, capabilities| Open {
        my_as,
        hold_time,
        identifier: Ipv4Addr::new(192, 0, 2, 1),
        capabilities,
    };
    let restart = |restarted, families: &[(FamilyCode, bool)]| {
        Capability::GracefulRestart(GracefulRestart {
            restarted,
            notification: true,
            restart_time: 120,
            families: families.to_vec(),
        })
    };
    let full = vec![
        Capability::MultiProtocol(FamilyCode::V4),
        Capability::MultiProtocol(FamilyCode::V6),
        Capability::RouteRefresh,
        Capability::EnhancedRouteRefresh,
        Capability::ExtendedNextHop(vec![(FamilyCode::V4, 2)]),
        restart(true, &[(FamilyCode::V4, true), (FamilyCode::V6, true)]),
        Capability::FourOctetAs(4_200_000_000),
    ];
    vec![
        golden("open_without_capabilities", base(65001, 0, vec![])),
        golden(
            "open_v4",
            base(
                65001,
                90,
                vec![
                    Capability::MultiProtocol(FamilyCode::V4),
                    Capability::RouteRefresh,
                    Capability::FourOctetAs(65001),
                ],
            ),
        ),
        golden("open_dual_stack_graceful_restart", base(23456, 90, full)),
    ]
}

fn others() -> Vec<Golden> {
    let plain = |name: &str, octets, meant| Golden {
        name: name.to_owned(),
        form: external(),
        octets,
        meant,
    };
    let refresh = |name: &str, family, subtype| {
        let refresh = RouteRefresh { family, subtype };
        plain(name, wire::route_refresh(&refresh), Meant::RouteRefresh(refresh))
    };
    let nothing = |attributes: &[u8]| {
        Meant::Update(Box::new(Meaning {
            attributes: attributes.to_vec(),
            ..Meaning::default()
        }))
    };
    vec![
        plain("keepalive", wire::keepalive(), Meant::Keepalive),
        plain("end_of_rib_v4", wire::end_of_rib(Family::V4), nothing(&[])),
        plain("end_of_rib_v6", wire::end_of_rib(Family::V6), nothing(&[15])),
        refresh("route_refresh", FamilyCode::V4, RouteRefresh::NORMAL),
        refresh("route_refresh_begin_v4", FamilyCode::V4, RouteRefresh::BEGIN),
        refresh("route_refresh_begin_v6", FamilyCode::V6, RouteRefresh::BEGIN),
        refresh("route_refresh_end_v4", FamilyCode::V4, RouteRefresh::END),
        refresh("route_refresh_end_v6", FamilyCode::V6, RouteRefresh::END),
    ]
}

fn notifications() -> Vec<Golden> {
    let text = "node a: bye";
    let called = [
        (
            Notification::not_synchronized(),
            "MessageHeaderError(ConnectionNotSynchronized",
        ),
        (
            Notification::bad_message_length(18),
            "MessageHeaderError(BadMessageLength",
        ),
        (
            Notification::bad_message_type(9),
            "MessageHeaderError(BadMessageType",
        ),
        (Notification::malformed_open(), "OpenMessageError(Unspecific"),
        (
            Notification::unsupported_version(),
            "OpenMessageError(UnsupportedVersionNumber",
        ),
        (Notification::bad_peer_as(), "OpenMessageError(BadPeerAs"),
        (
            Notification::bad_identifier(),
            "OpenMessageError(BadBgpIdentifier",
        ),
        (
            Notification::unsupported_parameter(),
            "OpenMessageError(UnsupportedOptionalParameter",
        ),
        (
            Notification::unacceptable_hold_time(),
            "OpenMessageError(UnacceptableHoldTime",
        ),
        (
            malformed("0000 0009 400101"),
            "UpdateMessageError(MalformedAttributeList",
        ),
        (
            malformed("0000 0004 4063 01 00"),
            "UpdateMessageError(UnrecognizedWellKnownAttribute",
        ),
        (
            malformed("0000 0004 c001 01 00"),
            "UpdateMessageError(AttributeFlagsError",
        ),
        (
            malformed("0000 0003 4001 00"),
            "UpdateMessageError(AttributeLengthError",
        ),
        (
            malformed("0000 0004 4001 01 03"),
            "UpdateMessageError(InvalidOriginAttribute",
        ),
        (
            malformed("0000 0007 4003 04 00000000"),
            "UpdateMessageError(InvalidNextHopAttribute",
        ),
        (
            malformed("0000 0005 800e 02 0002"),
            "UpdateMessageError(OptionalAttributeError",
        ),
        (
            malformed("0000 0000 21 c0000201 00"),
            "UpdateMessageError(InvalidNetworkField",
        ),
        (
            malformed("0000 0005 4002 02 0200"),
            "UpdateMessageError(MalformedAsPath",
        ),
        (
            Notification::hold_timer_expired(),
            "HoldTimerExpiredError(Unspecific { sub_code: 0",
        ),
        (
            Notification::fsm_error(State::OpenSent),
            "FiniteStateMachineError(ReceiveUnexpectedMessageInOpenSentState",
        ),
        (
            Notification::fsm_error(State::OpenConfirm),
            "FiniteStateMachineError(ReceiveUnexpectedMessageInOpenConfirmState",
        ),
        (
            Notification::fsm_error(State::Established),
            "FiniteStateMachineError(ReceiveUnexpectedMessageInEstablishedState",
        ),
        (Notification::shutdown(text), "CeaseError(AdministrativeShutdown"),
        (Notification::deconfigured(), "CeaseError(PeerDeConfigured"),
        (Notification::reset(text), "CeaseError(AdministrativeReset"),
        (
            Notification::configuration_change(),
            "CeaseError(OtherConfigurationChange",
        ),
        (
            Notification::collision(),
            "CeaseError(ConnectionCollisionResolution",
        ),
        (Notification::out_of_resources(), "CeaseError(OutOfResources"),
        (
            Notification::hard_reset(&Notification::shutdown(text)),
            "CeaseError(HardReset",
        ),
        (Notification::bfd_down(), "CeaseError(BfdDown"),
        (malformed_refresh(), "RouteRefreshError(InvalidMessageLength"),
        (Notification::send_hold_timer_expired(), ""),
    ];
    let golden = |(notification, called): (Notification, &'static str)| Golden {
        name: format!("notification_{}_{}", notification.code, notification.subcode),
        form: external(),
        octets: wire::notification(&notification),
        meant: match called {
            "" => Meant::UnknownNotification,
            called => Meant::Notification(called, notification.data),
        },
    };
    called.into_iter().map(golden).collect()
}

/// What an UPDATE that no session survives is answered with.
fn malformed(body: &str) -> Notification {
    decode(&message(2, &octets(body)), &external()).expect_err("no session survives it")
}

fn malformed_refresh() -> Notification {
    decode(&message(5, &octets("0001 01 01 00")), &external()).expect_err("it is too long")
}

const GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const V4: NextHop = NextHop::V4(Ipv4Addr::new(192, 0, 2, 1));
const V6: NextHop = NextHop::V6 {
    global: GLOBAL,
    link_local: None,
};
const BOTH: NextHop = NextHop::V6 {
    global: GLOBAL,
    link_local: Some(LINK_LOCAL),
};
const VIP: &[&str] = &["198.51.100.1/32"];
const VIP6: &[&str] = &["2001:db8:1::1/128"];

fn prefixes(texts: &[&str]) -> Vec<IpNet> {
    let parsed = texts.iter().map(|text| text.parse());
    parsed.collect::<Result<_, _>>().expect("prefixes")
}

fn announcement(
    name: &str,
    form: Form,
    asn: u32,
    attributes: &Attributes,
    next_hop: NextHop,
    texts: &[&str],
) -> Golden {
    let prefixes = prefixes(texts);
    let path = Path {
        local_asn: asn,
        attributes,
        next_hop,
    };
    let (octets, count) = wire::announce(&form, &path, &prefixes).expect("it can be announced");
    assert_eq!(count, prefixes.len());
    let meant = Meant::Update(Box::new(oracle::meant(&form, &path, &prefixes)));
    Golden {
        name: name.to_owned(),
        form,
        octets,
        meant,
    }
}

fn announcements() -> Vec<Golden> {
    let old = Form {
        four_octet_as: false,
        ..external()
    };
    let over_v6 = Form {
        v4_next_hop_v6: true,
        ..external()
    };
    let plain = Attributes::default();
    let communities = |count| {
        let numbers = (0..count).map(|number| Community(65001 << 16 | number));
        Attributes {
            communities: numbers.collect(),
            ..Attributes::default()
        }
    };
    let rich = Attributes {
        local_pref: Some(200),
        med: Some(10),
        prepend: 2,
        communities: BTreeSet::from([Community(65001 << 16 | 100), Community::GRACEFUL_SHUTDOWN]),
        large_communities: BTreeSet::from([LargeCommunity {
            global: 4_200_000_000,
            local_1: 1,
            local_2: 2,
        }]),
        link_bandwidth: Some(LinkBandwidth(125_000_000)),
        leaving: false,
    };
    let lengths = &[
        "0.0.0.0/0",
        "198.51.100.0/25",
        "198.51.0.0/16",
        "198.48.0.0/13",
        "203.0.113.7/32",
    ];
    let lengths6 = &["2001:db8::/32", "2001:db8:2::/47", "2001:db8:1::1/128"];
    vec![
        announcement("announce_external", external(), 65001, &plain, V4, VIP),
        announcement(
            "announce_external_large_as",
            external(),
            4_200_000_000,
            &plain,
            V4,
            VIP,
        ),
        announcement("announce_internal", internal(), 65001, &plain, V4, VIP),
        announcement("announce_everything_external", external(), 65001, &rich, V4, VIP),
        announcement("announce_everything_internal", internal(), 65001, &rich, V4, VIP),
        announcement(
            "announce_everything_v6",
            external(),
            4_200_000_000,
            &rich,
            BOTH,
            VIP6,
        ),
        announcement("announce_prefix_lengths", external(), 65001, &plain, V4, lengths),
        announcement("announce_two_octets", old.clone(), 65535, &rich, V4, VIP),
        announcement("announce_two_octets_large_as", old.clone(), 65536, &rich, V4, VIP),
        announcement(
            "announce_two_octets_large_as_v6",
            old.clone(),
            65536,
            &plain,
            V6,
            VIP6,
        ),
        announcement(
            "announce_two_octets_internal",
            Form {
                internal: true,
                ..old
            },
            65536,
            &plain,
            V4,
            VIP,
        ),
        announcement(
            "announce_63_communities",
            external(),
            65001,
            &communities(63),
            V4,
            VIP,
        ),
        announcement(
            "announce_64_communities",
            external(),
            65001,
            &communities(64),
            V4,
            VIP,
        ),
        announcement("announce_v6", external(), 65001, &plain, V6, VIP6),
        announcement(
            "announce_v6_with_link_local",
            external(),
            65001,
            &plain,
            BOTH,
            VIP6,
        ),
        announcement(
            "announce_v6_link_local_only",
            external(),
            65001,
            &plain,
            NextHop::LinkLocal(LINK_LOCAL),
            VIP6,
        ),
        announcement("announce_v6_internal", internal(), 65001, &plain, V6, VIP6),
        announcement(
            "announce_v6_prefix_lengths",
            external(),
            65001,
            &plain,
            V6,
            lengths6,
        ),
        announcement("announce_v4_over_v6", over_v6.clone(), 65001, &plain, V6, VIP),
        announcement(
            "announce_v4_over_v6_with_link_local",
            over_v6.clone(),
            65001,
            &plain,
            BOTH,
            VIP,
        ),
        announcement(
            "announce_v4_over_link_local",
            over_v6.clone(),
            65001,
            &plain,
            NextHop::LinkLocal(LINK_LOCAL),
            VIP,
        ),
        announcement(
            "announce_v4_over_v4_where_v6_was_agreed_on",
            over_v6,
            65001,
            &plain,
            V4,
            VIP,
        ),
    ]
}

fn withdrawals() -> Vec<Golden> {
    let golden = |name: &str, form: Form, texts: &[&str], attributes: &[u8]| {
        let withdrawn = prefixes(texts);
        let (octets, count) = wire::withdraw(&form, &withdrawn).expect("there are prefixes");
        assert_eq!(count, withdrawn.len());
        let attributes = attributes.to_vec();
        let meant = Meant::Update(Box::new(Meaning {
            withdrawn,
            attributes,
            ..Meaning::default()
        }));
        Golden {
            name: name.to_owned(),
            form,
            octets,
            meant,
        }
    };
    let over_v6 = Form {
        v4_next_hop_v6: true,
        ..external()
    };
    vec![
        golden(
            "withdraw_v4",
            external(),
            &["198.51.100.1/32", "198.51.100.128/25"],
            &[],
        ),
        golden(
            "withdraw_v6",
            external(),
            &["2001:db8:1::1/128", "2001:db8:2::/48"],
            &[15],
        ),
        golden(
            "withdraw_v4_where_v6_was_agreed_on",
            over_v6,
            &["198.51.100.1/32"],
            &[15],
        ),
    ]
}
