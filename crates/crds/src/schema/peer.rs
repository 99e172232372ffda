//! What a BGPPeer says besides names, selectors, numbers and durations.

use super::duration::of_both;
use super::{rule, with_rules};
use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

/// One of the two words.
pub(crate) fn dynamic_asn(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["internal", "external"] })
}

/// An address that can be dialled.
pub(crate) fn peer_address(_: &mut SchemaGenerator) -> Schema {
    let link_local = rule(
        "!isIP(self) || !cidr('fe80::/10').containsIP(self)",
        r#"'"' + self + '" is a link-local address, which is another machine on each link: write the interface that the router is on instead of peerAddress'"#,
    );
    let known = rule(
        "isIP(self) || self == 'gateway' || self == 'gatewayV6'",
        r#"'"' + self + '" is not an IP address: write one such as "192.168.1.1" or "2001:db8::1", or "gateway" or "gatewayV6" for the default gateway of each node'"#,
    );
    with_rules(address(), &[known, of_a_machine(), link_local])
}

/// An address that a node can have.
pub(crate) fn source_address(_: &mut SchemaGenerator) -> Schema {
    with_rules(address(), &[is_address(), of_a_machine()])
}

/// A BGP identifier: any number but 0 (RFC 6286), written as people write it.
pub(crate) fn router_id(_: &mut SchemaGenerator) -> Schema {
    let dotted = rule(
        "isIP(self) && ip(self).family() == 4 && self != '0.0.0.0'",
        r#"'"' + self + '" is no router ID: write it as an IPv4 address, such as "10.0.0.1"'"#,
    );
    with_rules(address(), &[dotted])
}

/// What the fields have to do with each other.
pub(crate) fn bgp_peer_rules() -> Vec<Rule> {
    let internal = "has(self.dynamicASN) && self.dynamicASN == 'internal' || \
                    has(self.peerASN) && (has(self.localASN) ? self.peerASN == self.localASN : has(self.myASN) && self.peerASN == self.myASN)";
    let family = |field: &str| format!("ip(self.{field}).family()");
    vec![
        Rule::new("has(self.peerASN) != has(self.dynamicASN)")
            .message("write either peerASN, the router's AS number, or dynamicASN, internal or external"),
        Rule::new("has(self.myASN) != has(self.myASNFrom)")
            .message("write either myASN, our own AS number, or myASNFrom, where each node says it"),
        Rule::new("[has(self.peerAddress), has(self.peerAddressFrom), has(self.interface)].exists_one(x, x)").message(
            "write either peerAddress, the router's address, or interface, the interface that it is on, or peerAddressFrom, where each node \
             says its address",
        ),
        Rule::new("!has(self.sourceAddress) || !has(self.sourceAddressFrom)")
            .message("write either sourceAddress or sourceAddressFrom, where each node says it"),
        Rule::new("!has(self.routerID) || !has(self.routerIDFrom)")
            .message("write either routerID or routerIDFrom, where each node says it"),
        Rule::new("!has(self.sourceAddress) && !has(self.sourceAddressFrom) || !has(self.interface)")
        .message("sourceAddress goes with peerAddress: a session over an interface uses its link-local address; remove sourceAddress"),
        rule(
            format!(
                "!has(self.sourceAddress) || !has(self.peerAddress) || !isIP(self.sourceAddress) || !isIP(self.peerAddress) || {} == {}",
                family("sourceAddress"),
                family("peerAddress")
            ),
            r#"'sourceAddress ' + self.sourceAddress + ' and peerAddress ' + self.peerAddress + ' are of different families: write two IPv4 or two IPv6 addresses'"#,
        ),
        of_both(
            "keepaliveTime",
            "holdTime",
            "duration(self.keepaliveTime) <= duration(self.holdTime)",
            r#"'keepaliveTime ' + self.keepaliveTime + ' is above holdTime ' + self.holdTime + ': write a third of it, or leave it out'"#,
        ),
        of_both(
            "keepaliveTime",
            "holdTime",
            "duration(self.keepaliveTime) > duration('0s') || duration(self.holdTime) == duration('0s')",
            r#"'without keepalives the session would end after holdTime ' + self.holdTime + ': leave out keepaliveTime, or write "0s" for both'"#,
        ),
        Rule::new(format!("!self.ebgpMultiHop || !({internal})")).message(
            "ebgpMultiHop is for routers of another AS: one of our own may always be more than one hop away; remove ebgpMultiHop",
        ),
        Rule::new("!self.ebgpMultiHop || !has(self.interface)")
            .message("a router on an interface is one hop away: remove ebgpMultiHop"),
        Rule::new("!has(self.vrf) || !has(self.acceptRoutes) || self.acceptRoutes.size() == 0")
            .message("routes are accepted into the main routing table only: remove acceptRoutes or vrf"),
        Rule::new("!self.ebgpMultiHop || !self.ttlSecurity").message(
            "ttlSecurity takes only what no router has forwarded, and ebgpMultiHop says that one does: remove one of the two",
        ),
    ]
}

fn address() -> Schema {
    json_schema!({ "type": "string", "maxLength": 64 })
}

fn is_address() -> Rule {
    rule(
        "isIP(self)",
        r#"'"' + self + '" is not an IP address: write one such as "192.168.1.1" or "2001:db8::1"'"#,
    )
}

fn of_a_machine() -> Rule {
    rule(
        "!isIP(self) || ['0.0.0.0/32', '224.0.0.0/4', '255.255.255.255/32', '::/128', 'ff00::/8'].all(b, !cidr(b).containsIP(self))",
        r#"'"' + self + '" is not the address of a machine: write one such as "192.168.1.1" or "2001:db8::1"'"#,
    )
}
