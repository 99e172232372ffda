use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use model::Family;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteNextHop, RouteType, RouteVia,
};

use crate::bgp::accepted;

/// A default route: where packets go that no other route has a way for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gateway {
    /// The least goes first.
    pub priority: u32,
    /// What it is a way for.
    pub family: Family,
    /// The router; none on a link that has one other end.
    pub address: Option<IpAddr>,
}

/// A route of the main table that says something of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    pub(super) destination: IpNet,
    /// There may be several routes to one destination.
    priority: u32,
    /// Without it, the destination is on the link.
    gateway: Option<IpAddr>,
    /// With the address that it is to be used from it goes, and the kernel does not say so.
    source: Option<IpAddr>,
}

impl Route {
    /// The subnet that the route says is on the link.
    ///
    /// Whether an address is on the link is not for the addresses of an interface to say (RFC 5942 §4): one from DHCP may have a subnet
    /// of its own, and what is on the link comes from routers, or from an administrator.
    pub(super) fn on_link(&self) -> Option<IpNet> {
        // A route to everything is none to a subnet, and one to a single host says where that one is.
        let is_subnet = (1..self.destination.max_prefix_len()).contains(&self.destination.prefix_len());
        (is_subnet && self.gateway.is_none()).then_some(self.destination)
    }

    pub(super) fn default(&self) -> Option<Gateway> {
        (self.destination.prefix_len() == 0).then_some(Gateway {
            priority: self.priority,
            family: Family::of(self.destination.addr()),
            address: self.gateway,
        })
    }

    /// Whether the two cannot be there together, if one was put in the place of the other.
    pub(super) fn has_the_place_of(&self, other: &Self) -> bool {
        (self.destination, self.priority) == (other.destination, other.priority)
    }

    pub(super) fn family(&self) -> Family {
        Family::of(self.destination.addr())
    }

    pub(super) fn is_used_from(&self, address: IpAddr) -> bool {
        self.source == Some(address)
    }
}

/// What a message says of links, by index; nothing if it leads elsewhere. Those that Herald itself accepted from routers are left out:
/// they do not say how a router is reached.
pub(super) fn routes(message: &RouteMessage) -> Vec<(u32, Route)> {
    let header = &message.header;
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the families that matter here are two of many"
    )]
    let everywhere = match header.address_family {
        AddressFamily::Inet => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        _ => return Vec::new(),
    };
    let is_ordinary = header.table == RouteHeader::RT_TABLE_MAIN
        && header.kind == RouteType::Unicast
        && u8::from(header.protocol) != accepted::PROTOCOL;
    if !is_ordinary {
        return Vec::new();
    }
    let mut destination = everywhere;
    let (mut priority, mut source, mut index, mut several) = (0, None, None, None);
    for attribute in &message.attributes {
        #[allow(
            clippy::wildcard_enum_match_arm,
            reason = "the attributes that matter here are few of many"
        )]
        match attribute {
            RouteAttribute::Destination(address) => destination = ip(address).unwrap_or(everywhere),
            RouteAttribute::PrefSource(address) => source = ip(address),
            RouteAttribute::Oif(value) => index = Some(*value),
            RouteAttribute::Priority(value) => priority = *value,
            RouteAttribute::MultiPath(hops) => several = Some(hops),
            RouteAttribute::Encap(_) => return Vec::new(),
            _ => {}
        }
    }
    let Ok(destination) = IpNet::new(destination, header.destination_prefix_length) else {
        return Vec::new();
    };
    let route = |gateway| Route {
        destination: destination.trunc(),
        priority,
        gateway,
        source,
    };
    let alone = index.map(|index| (index, route(gateway(&message.attributes))));
    let of_several = |hop: &RouteNextHop| (hop.interface_index, route(gateway(&hop.attributes)));
    let found = several.into_iter().flatten().map(of_several).chain(alone);
    // Those to subnets behind routers may be a whole table.
    found
        .filter(|(_, route)| route.on_link().is_some() || route.default().is_some())
        .collect()
}

fn gateway(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the attributes that matter here are few of many"
    )]
    attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(address) => ip(address),
        RouteAttribute::Via(RouteVia::Inet(address)) => Some((*address).into()),
        RouteAttribute::Via(RouteVia::Inet6(address)) => Some((*address).into()),
        _ => None,
    })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "those of other families say nothing here"
    )]
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}
