//! Values that each node says of itself.

use super::*;

/// A node with these annotations, and the same as labels.
pub(super) fn node(said: &[(&str, &str)]) -> NodeValues {
    let said: BTreeMap<String, String> = said
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    NodeValues {
        labels: said.clone().into(),
        annotations: said,
        identifier: Ipv4Addr::new(192, 0, 2, 77),
    }
}

fn everything_from_the_node() -> Peer {
    good(json!({
        "myASN": null, "myASNFrom": {"label": "asn"}, "peerAddress": null,
        "peerAddressFrom": {"annotation": "tor", "family": "IPv6"}, "sourceAddressFrom": {"annotation": "loopback"},
        "routerIDFrom": {"label": "id"},
    }))
}

const SAID: [(&str, &str); 4] = [
    ("asn", "4200000001"),
    ("tor", "2001:db8::1"),
    ("loopback", "2001:db8:ff::7"),
    ("id", "10.0.0.7"),
];

#[test]
fn what_the_node_says_is_what_its_session_is_run_with() {
    let peer = everything_from_the_node();
    assert_eq!(peer.families, [Family::V6].into());
    let session = peer.on_node(&node(&SAID)).unwrap();
    assert_eq!(session.open.local_asn, 4_200_000_001);
    assert_eq!(session.open.identifier, Ipv4Addr::new(10, 0, 0, 7));
    assert_eq!(
        session.dial.remote,
        Remote::Address("2001:db8::1".parse().unwrap())
    );
    assert_eq!(session.dial.source, Some("2001:db8:ff::7".parse().unwrap()));
    let plain = good(json!({})).on_node(&node(&[])).unwrap();
    assert_eq!(plain.open.identifier, Ipv4Addr::new(192, 0, 2, 77), "its own");
    assert_eq!(plain.dial.source, None);
}

#[test]
fn what_it_does_not_say_or_cannot_mean_is_named() {
    let cases = [
        (
            "asn",
            None,
            "myASNFrom: this node has no label asn: set it on the Node",
        ),
        (
            "asn",
            Some("many"),
            "myASNFrom: label asn of this node is \"many\", which is no AS number",
        ),
        ("asn", Some("0"), "myASNFrom is 0, which is no AS number"),
        ("tor", None, "peerAddressFrom: this node has no annotation tor"),
        (
            "tor",
            Some("192.0.2.1"),
            "annotation tor of this node is 192.0.2.1, which is no IPv6 address",
        ),
        ("tor", Some("fe80::1"), "is a link-local address"),
        (
            "tor",
            Some("router"),
            "peerAddressFrom: \"router\" is not an IP address",
        ),
        ("loopback", Some("192.0.2.9"), "are of different families"),
        ("id", Some("::1"), "is no router ID"),
    ];
    for (key, value, message) in cases {
        let mut said: Vec<_> = SAID.iter().copied().filter(|(known, _)| *known != key).collect();
        said.extend(value.map(|value| (key, value)));
        let fault = everything_from_the_node()
            .on_node(&node(&said))
            .unwrap_err()
            .to_string();
        assert!(fault.contains(message), "{key}: {fault}");
    }
}

#[test]
fn a_router_far_away_of_our_own_as_is_found_out_on_the_node() {
    let peer = good(json!({"myASN": null, "myASNFrom": {"label": "asn"}, "ebgpMultiHop": true}));
    assert!(peer.on_node(&node(&[("asn", "64512")])).is_ok());
    let fault = peer.on_node(&node(&[("asn", "64513")])).unwrap_err();
    assert_eq!(fault, PeerFault::MultiHopInternal.into());
}

#[test]
fn a_default_gateway_is_a_router_of_its_family() {
    for (word, family) in [("gateway", Family::V4), ("gatewayV6", Family::V6)] {
        let peer = good(json!({"peerAddress": word}));
        assert_eq!(peer.families, [family].into());
        let session = peer.on_node(&node(&[])).unwrap();
        assert_eq!(session.dial.remote, Remote::Gateway(family));
    }
    let said = fault(json!({"peerAddress": "gateway", "sourceAddress": "2001:db8::1"}));
    assert!(
        said.contains("and peerAddress the default gateway for IPv4 are of different families"),
        "{said}"
    );
}

#[test]
fn two_ways_to_say_one_thing_are_one_too_many() {
    let cases = [
        (json!({"myASNFrom": {"label": "a"}}), "write either myASN"),
        (json!({"myASN": null}), "write either myASN"),
        (
            json!({"peerAddressFrom": {"label": "a"}}),
            "write either peerAddress",
        ),
        (
            json!({"sourceAddress": "192.0.2.9", "sourceAddressFrom": {"label": "a"}}),
            "write either sourceAddress or sourceAddressFrom",
        ),
        (
            json!({"routerID": "10.0.0.1", "routerIDFrom": {"label": "a"}}),
            "write either routerID or routerIDFrom",
        ),
        (
            json!({"routerIDFrom": {"label": "a", "annotation": "a"}}),
            "routerIDFrom: write either label or annotation",
        ),
        (
            json!({"peerAddress": null, "interface": "eth1", "sourceAddressFrom": {"label": "a"}}),
            "sourceAddress goes with peerAddress",
        ),
    ];
    for (fields, message) in cases {
        let said = fault(fields.clone());
        assert!(said.contains(message), "{fields}: {said}");
    }
}
