use ipnet::{IpNet, Ipv6Net};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType};

/// A subnet of IPv6 that a route says is on a link.
///
/// Whether an address is on the link is not for the addresses of an interface to say (RFC 5942 §4): one from DHCPv6 has a
/// subnet of its own, and what is on the link comes from routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OnLink {
    pub(super) subnet: IpNet,
    /// There may be several routes to one subnet.
    priority: u32,
}

/// What the route says of which interface; none of it if it leads through a router or elsewhere.
pub(super) fn on_link(message: &RouteMessage) -> Option<(u32, OnLink)> {
    let header = &message.header;
    let is_ordinary = header.address_family == AddressFamily::Inet6
        && header.table == RouteHeader::RT_TABLE_MAIN
        && header.kind == RouteType::Unicast;
    // A route to everything is none to a subnet, and one to a single host says where that one is.
    if !is_ordinary || !(1..=127).contains(&header.destination_prefix_length) {
        return None;
    }
    let mut destination = None;
    let mut interface = None;
    let mut priority = 0;
    for attribute in &message.attributes {
        #[allow(
            clippy::wildcard_enum_match_arm,
            reason = "the attributes that matter here are few of many"
        )]
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet6(address)) => destination = Some(*address),
            RouteAttribute::Oif(index) => interface = Some(*index),
            RouteAttribute::Priority(value) => priority = *value,
            RouteAttribute::Gateway(_)
            | RouteAttribute::Via(_)
            | RouteAttribute::MultiPath(_)
            | RouteAttribute::Encap(_) => return None,
            _ => {}
        }
    }
    let subnet = Ipv6Net::new(destination?, header.destination_prefix_length).ok()?;
    let subnet = IpNet::V6(subnet.trunc());
    Some((interface?, OnLink { subnet, priority }))
}
