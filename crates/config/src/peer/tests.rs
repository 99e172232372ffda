use bgp::{ImportPolicy, LiveSettings};
use serde_json::{Value as Json, json};

mod lives;
mod node_values;

use super::*;

/// Reads a BGPPeer with these fields besides the least that it needs; null takes one away.
fn read(fields: Json) -> Result<Peer, Fault> {
    let mut spec = json!({"myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.1"});
    for (field, value) in fields.as_object().unwrap() {
        match value.is_null() {
            true => drop(spec.as_object_mut().unwrap().remove(field)),
            false => spec[field] = value.clone(),
        }
    }
    let object = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "BGPPeer", "metadata": {"name": "tor"}, "spec": spec,
    });
    let profile = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "BFDProfile", "metadata": {"name": "fast"}, "spec": {},
    });
    let profile = crate::bfd_profile::bfd_profile(&serde_json::from_value(profile).unwrap()).unwrap();
    let profiles = BTreeMap::from([("fast".to_owned(), profile)]);
    peer(&serde_json::from_value(object).unwrap(), &profiles)
}

fn good(fields: Json) -> Peer {
    read(fields).unwrap()
}

fn fault(fields: Json) -> String {
    read(fields).unwrap_err().to_string()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// P-BGP-26, P-BGP-28
#[test]
fn what_is_left_out_has_its_default() {
    let expected = Peer {
        name: PeerName("tor".into()),
        nodes: Selectors::default(),
        remote: Value::Written(Remote::Address("192.0.2.1".parse().unwrap())),
        remote_family: Some(Family::V4),
        port: 179,
        source: None,
        vrf: None,
        local_asn: Value::Written(64512),
        peer_asn: PeerAsn::Exactly(64513),
        hold_time: seconds(90),
        identifier: None,
        graceful_restart: None,
        multihop: false,
        ttl_security: false,
        families: [Family::V4].into(),
        live: Live {
            settings: LiveSettings {
                keepalive_time: None,
                connect_time: None,
                graceful_shutdown: seconds(5),
            },
            bfd: None,
            imports: ImportPolicy::default(),
            password: None,
        },
    };
    assert_eq!(good(json!({})), expected);
}

/// P-BGP-14, P-BGP-15, P-BGP-18, P-BGP-26, P-BGP-29, P-BGP-30, P-BGP-44, P-BGP-46
#[test]
fn every_field_reaches_the_session() {
    let peer = good(json!({
        "localASN": 4_200_000_000u32, "sourceAddress": "192.0.2.10", "peerPort": 1179, "holdTime": "1m", "keepaliveTime": "10s",
        "connectTime": "2s", "routerID": "10.0.0.1", "passwordSecret": {"name": "tor-secret"}, "bfdProfile": "fast",
        "enableGracefulRestart": true, "gracefulRestartTime": "60s", "gracefulShutdownTime": "0s", "ebgpMultiHop": true,
        "vrf": "red", "dualStackAddressFamily": true, "nodeSelectors": [{"matchLabels": {"rack": "a"}}],
    }));
    assert_eq!(peer.local_asn, Value::Written(4_200_000_000));
    let live = peer.live.settings;
    assert_eq!(peer.source, Some(Value::Written("192.0.2.10".parse().unwrap())));
    assert_eq!((peer.port, peer.vrf.as_deref()), (1179, Some("red")));
    assert_eq!(
        (peer.hold_time, live.keepalive_time),
        (seconds(60), Some(seconds(10)))
    );
    assert_eq!(live.connect_time, Some(seconds(2)));
    assert_eq!(peer.identifier, Some(Value::Written(Ipv4Addr::new(10, 0, 0, 1))));
    assert_eq!(peer.live.password.as_deref(), Some("tor-secret"));
    assert_eq!(
        (peer.graceful_restart, live.graceful_shutdown),
        (Some(seconds(60)), seconds(0))
    );
    assert!(peer.multihop && !peer.ttl_security && peer.nodes.0.len() == 1);
    let bfd = peer.live.bfd.unwrap();
    assert_eq!(
        (bfd.transmit_interval, bfd.receive_interval),
        (Duration::from_millis(300), Duration::from_millis(300))
    );
    assert_eq!(
        (bfd.detect_multiplier, bfd.passive, bfd.minimum_ttl),
        (3, false, 254)
    );
}

/// P-BGP-36, P-BGP-37, P-BGP-47, P-BGP-49
#[test]
fn a_session_carries_its_own_family_unless_both_are_asked_for_or_it_is_unnumbered() {
    let families = |fields| good(fields).families.into_iter().collect::<Vec<_>>();
    assert_eq!(families(json!({})), [Family::V4]);
    assert_eq!(families(json!({"peerAddress": "2001:db8::1"})), [Family::V6]);
    let both = [Family::V4, Family::V6];
    assert_eq!(
        families(json!({"peerAddress": "2001:db8::1", "dualStackAddressFamily": true})),
        both
    );
    assert_eq!(families(json!({"peerAddress": null, "interface": "eth1"})), both);
}

/// P-BGP-28, P-CFG-21
#[test]
fn either_of_hold_and_keepalive_time_sets_the_other() {
    let times = |fields| {
        let peer = good(fields);
        (
            peer.hold_time.as_secs(),
            peer.live.settings.keepalive_time.map(|time| time.as_secs()),
        )
    };
    assert_eq!(times(json!({"holdTime": "30s"})), (30, None));
    assert_eq!(times(json!({"keepaliveTime": "10s"})), (30, Some(10)));
    assert_eq!(times(json!({"keepaliveTime": "65535s"})), (65535, Some(65535)));
    assert_eq!(times(json!({"holdTime": "0s", "keepaliveTime": "0s"})), (0, None));
    assert_eq!(times(json!({"keepaliveTime": "0s"})), (0, None));
    assert_eq!(
        times(json!({"holdTime": "3s", "keepaliveTime": "3s"})),
        (3, Some(3))
    );
}

/// P-BGP-19, P-BGP-20
#[test]
fn dynamic_as_numbers_are_read() {
    let asn = |word: &str| good(json!({"peerASN": null, "dynamicASN": word})).peer_asn;
    assert_eq!(
        (asn("internal"), asn("external")),
        (PeerAsn::Internal, PeerAsn::External)
    );
}

/// P-CFG-14, P-CFG-19, P-CFG-20, P-CFG-21, P-CFG-22, P-CFG-23, P-CFG-27
#[test]
fn every_mistake_is_named_with_what_to_write() {
    for (fields, message) in [
        (json!({"myASN": 0}), "myASN is 0, which is no AS number"),
        (json!({"peerASN": 0}), "peerASN is 0, which is no AS number"),
        (
            json!({"localASN": 23456}),
            "localASN is 23456, which is no AS number",
        ),
        (json!({"peerASN": null}), "write either peerASN"),
        (json!({"dynamicASN": "internal"}), "write either peerASN"),
        (json!({"peerAddress": null}), "write either peerAddress"),
        (json!({"interface": "eth1"}), "write either peerAddress"),
        (
            json!({"peerAddress": "router"}),
            "peerAddress: \"router\" is not an IP address",
        ),
        (
            json!({"peerAddress": "ff02::1"}),
            "peerAddress: ff02::1 is not the address of a machine",
        ),
        (
            json!({"peerAddress": "fe80::1"}),
            "peerAddress: fe80::1 is a link-local address",
        ),
        (
            json!({"sourceAddress": "eth0"}),
            "sourceAddress: \"eth0\" is not an IP address",
        ),
        (
            json!({"sourceAddress": "0.0.0.0"}),
            "sourceAddress: 0.0.0.0 is not the address of a machine",
        ),
        (
            json!({"sourceAddress": "2001:db8::1"}),
            "are of different families",
        ),
        (
            json!({"peerAddress": null, "interface": "eth1", "sourceAddress": "192.0.2.9"}),
            "sourceAddress goes with peerAddress",
        ),
        (json!({"peerPort": 0}), "peerPort is 0: write 1 to 65535"),
        (
            json!({"holdTime": "2s"}),
            "holdTime: \"2s\" is not possible: write 0s for none, or whole seconds from 3s",
        ),
        (json!({"holdTime": "soon"}), "holdTime: \"soon\" is no duration"),
        (json!({"holdTime": "3.5s"}), "holdTime: \"3.5s\" is not possible"),
        (
            json!({"holdTime": "9s", "keepaliveTime": "10s"}),
            "keepaliveTime 10s is above holdTime 9s",
        ),
        (
            json!({"holdTime": "0s", "keepaliveTime": "10s"}),
            "keepaliveTime 10s is above holdTime 0s",
        ),
        (
            json!({"holdTime": "9s", "keepaliveTime": "0s"}),
            "without keepalives the session would end after holdTime 9s",
        ),
        (
            json!({"connectTime": "0s"}),
            "connectTime: \"0s\" is not possible: write whole seconds from 1s to 65535s",
        ),
        (
            json!({"connectTime": "65536s"}),
            "connectTime: \"65536s\" is not possible",
        ),
        (
            json!({"connectTime": "1500ms"}),
            "connectTime: \"1500ms\" is not possible",
        ),
        (
            json!({"gracefulRestartTime": "4096s"}),
            "gracefulRestartTime: \"4096s\" is not possible",
        ),
        (
            json!({"gracefulShutdownTime": "11m"}),
            "gracefulShutdownTime: \"11m\" is not possible",
        ),
        (
            json!({"routerID": "2001:db8::1"}),
            "routerID: \"2001:db8::1\" is no router ID",
        ),
        (
            json!({"routerID": "0.0.0.0"}),
            "routerID: \"0.0.0.0\" is no router ID",
        ),
        (
            json!({"peerASN": 64512, "ebgpMultiHop": true}),
            "ebgpMultiHop is for routers of another AS",
        ),
        (
            json!({"localASN": 64513, "ebgpMultiHop": true}),
            "ebgpMultiHop is for routers of another AS",
        ),
        (
            json!({"peerAddress": null, "interface": "eth1", "ebgpMultiHop": true}),
            "a router on an interface is one hop away",
        ),
        (
            json!({"ebgpMultiHop": true, "ttlSecurity": true}),
            "ttlSecurity takes only what no router has forwarded",
        ),
        (
            json!({"nodeSelectors": [{}, {}]}),
            "nodeSelectors[1] is the same as nodeSelectors[0]",
        ),
        (
            json!({"bfdProfile": "slow"}),
            "bfdProfile: there is no BFDProfile slow: create it, or write another",
        ),
    ] {
        let said = fault(fields.clone());
        assert!(said.contains(message), "{fields}: {said}");
    }
}

/// B5
#[test]
fn a_session_that_never_expires_is_warned_of_unless_bfd_watches_it() {
    let warnings = |fields| good(fields).warnings();
    assert_eq!(warnings(json!({"holdTime": "0s"})), [Warning::NeverExpires]);
    assert_eq!(warnings(json!({"holdTime": "0s", "bfdProfile": "fast"})), []);
    assert_eq!(warnings(json!({})), []);
}

/// P-BGP-51
#[test]
fn routes_that_are_accepted_are_a_prefix_or_all_inside_of_it_down_to_a_length() {
    let peer = good(json!({"acceptRoutes": [
        {"prefix": "0.0.0.0/0"}, {"prefix": "10.0.0.0/8", "maxLength": 24}, {"prefix": "::/0", "maxLength": 128},
    ]}));
    let imports: Vec<_> = peer.live.imports.imports().collect();
    let lengths: Vec<_> = imports
        .iter()
        .map(|import| (import.prefix.to_string(), import.max_length))
        .collect();
    let expected = [("0.0.0.0/0", 0), ("10.0.0.0/8", 24), ("::/0", 128)];
    assert_eq!(
        lengths,
        expected.map(|(prefix, length)| (prefix.to_owned(), length))
    );
    assert!(good(json!({})).live.imports.is_empty());
}

/// P-BGP-51
#[test]
fn entries_of_accept_routes_that_cannot_be_meant_say_what_to_write() {
    let of = |entry: Json| fault(json!({"acceptRoutes": [{"prefix": "0.0.0.0/0"}, entry]}));
    let cases = [
        (
            json!({"prefix": "10.0.0.1"}),
            "acceptRoutes[1].prefix: \"10.0.0.1\" is no CIDR: write one such as 0.0.0.0/0 or 2001:db8::/32",
        ),
        (
            json!({"prefix": "10.1.2.3/8"}),
            "acceptRoutes[1].prefix: \"10.1.2.3/8\" has bits set behind its length: write 10.0.0.0/8",
        ),
        (
            json!({"prefix": "10.0.0.0/8", "maxLength": 7}),
            "acceptRoutes[1].maxLength is 7: write 8 to 32, or leave it out to accept 10.0.0.0/8 alone",
        ),
        (
            json!({"prefix": "10.0.0.0/8", "maxLength": 33}),
            "acceptRoutes[1].maxLength is 33: write 8 to 32, or leave it out to accept 10.0.0.0/8 alone",
        ),
        (
            json!({"prefix": "2001:db8::/32", "maxLength": 300}),
            "acceptRoutes[1].maxLength is 300: write 32 to 128, or leave it out to accept 2001:db8::/32 alone",
        ),
        (
            json!({"prefix": "0.0.0.0/0", "maxLength": 8}),
            "acceptRoutes[1] is the same as acceptRoutes[0]: remove one of them",
        ),
    ];
    for (entry, expected) in cases {
        assert_eq!(of(entry), expected);
    }
    assert_eq!(
        fault(json!({"vrf": "red", "acceptRoutes": [{"prefix": "0.0.0.0/0"}]})),
        "routes are accepted into the main routing table only: remove acceptRoutes or vrf"
    );
}
