//! The kernel's routes, by rtnetlink.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::pin;

use futures::TryStreamExt;
use ipnet::IpNet;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteNextHop, RouteProtocol, RouteScope,
    RouteType, RouteVia,
};
use rtnetlink::{Error, Handle, RouteMessageBuilder};

use super::own::Own;
use super::plan::{Change, Listing};
use super::{Hop, METRIC, PROTOCOL, Reason};
use crate::kernel::links::Links;

/// What there is in the main table, as far as it concerns us.
///
/// # Errors
/// In the words of the kernel.
pub(super) async fn list(handle: &Handle, links: &Links) -> Result<Listing, Error> {
    let mut listing = Listing {
        own: Own::of(links),
        ..Listing::default()
    };
    let ipv4 = RouteMessageBuilder::<Ipv4Addr>::new().build();
    let ipv6 = RouteMessageBuilder::<Ipv6Addr>::new().build();
    for family in [ipv4, ipv6] {
        let mut routes = pin!(handle.route().get(family).execute());
        while let Some(route) = routes.try_next().await? {
            note(&mut listing, &route, links);
        }
    }
    Ok(listing)
}

fn note(listing: &mut Listing, message: &RouteMessage, links: &Links) {
    let Some(route) = Route::read(message).filter(|route| route.metric == METRIC) else {
        return;
    };
    if u8::from(message.header.protocol) == PROTOCOL {
        let named = |(gateway, index): &(IpAddr, Option<u32>)| Hop {
            gateway: *gateway,
            interface: index
                .filter(|_| is_link_local(*gateway))
                .map(|index| name(links, index)),
        };
        listing
            .ours
            .insert(route.prefix, route.hops.iter().map(named).collect());
    } else {
        listing.others.insert(route.prefix);
    }
}

/// What matters of a route of the main table.
struct Route {
    prefix: IpNet,
    metric: u32,
    /// Gateways and indices of interfaces.
    hops: Vec<(IpAddr, Option<u32>)>,
}

impl Route {
    fn read(message: &RouteMessage) -> Option<Self> {
        let header = &message.header;
        let mut destination: IpAddr = if header.address_family == AddressFamily::Inet {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            Ipv6Addr::UNSPECIFIED.into()
        };
        if header.table != RouteHeader::RT_TABLE_MAIN {
            return None;
        }
        let (mut metric, mut index, mut hops) = (0, None, Vec::new());
        for attribute in &message.attributes {
            #[allow(
                clippy::wildcard_enum_match_arm,
                reason = "the attributes that matter here are few of many"
            )]
            match attribute {
                RouteAttribute::Destination(RouteAddress::Inet(address)) => destination = (*address).into(),
                RouteAttribute::Destination(RouteAddress::Inet6(address)) => destination = (*address).into(),
                RouteAttribute::Priority(value) => metric = *value,
                RouteAttribute::Oif(value) => index = Some(*value),
                RouteAttribute::MultiPath(several) => hops.extend(several.iter().filter_map(one_of_several)),
                _ => {}
            }
        }
        let alone = message.attributes.iter().find_map(gateway);
        hops.extend(alone.map(|gateway| (gateway, index)));
        Some(Self {
            prefix: IpNet::new(destination, header.destination_prefix_length).ok()?,
            metric,
            hops,
        })
    }
}

fn one_of_several(hop: &RouteNextHop) -> Option<(IpAddr, Option<u32>)> {
    let gateway = hop.attributes.iter().find_map(gateway)?;
    Some((gateway, Some(hop.interface_index)))
}

fn gateway(attribute: &RouteAttribute) -> Option<IpAddr> {
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the attributes that matter here are few of many"
    )]
    match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet(address)) => Some((*address).into()),
        RouteAttribute::Gateway(RouteAddress::Inet6(address)) => Some((*address).into()),
        RouteAttribute::Via(RouteVia::Inet(address)) => Some((*address).into()),
        RouteAttribute::Via(RouteVia::Inet6(address)) => Some((*address).into()),
        _ => None,
    }
}

/// Carries out one change.
///
/// # Errors
/// Nothing was changed.
pub(super) async fn carry_out(handle: &Handle, links: &Links, change: &Change) -> Result<(), Reason> {
    let route = handle.route();
    let (done, hops) = match change {
        Change::Add(prefix, hops) => {
            let message = message(*prefix, &resolve(hops, links)?);
            (route.add(message).execute().await, Some(hops))
        }
        Change::Replace(prefix, hops) => {
            let message = message(*prefix, &resolve(hops, links)?);
            (route.add(message).replace().execute().await, Some(hops))
        }
        Change::Delete(prefix) => (route.del(message(*prefix, &[])).execute().await, None),
    };
    match done {
        Ok(()) => Ok(()),
        // It is gone already: with its interface, or by somebody's hand.
        Err(error) if hops.is_none() && errno(&error) == Some(libc::ESRCH) => Ok(()),
        Err(error) => Err(reason(&error, hops)),
    }
}

/// Gateways with the indices that their interfaces have now.
fn resolve(hops: &BTreeSet<Hop>, links: &Links) -> Result<Vec<(IpAddr, Option<u32>)>, Reason> {
    let resolve = |hop: &Hop| {
        let index = hop
            .interface
            .as_ref()
            .and_then(|name| links.get(name))
            .map(|link| link.index);
        match is_link_local(hop.gateway) && index.is_none() {
            true => Err(Reason::NoInterface(hop.gateway.to_string())),
            false => Ok((hop.gateway, index)),
        }
    };
    hops.iter().map(resolve).collect()
}

fn message(prefix: IpNet, hops: &[(IpAddr, Option<u32>)]) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = match prefix {
        IpNet::V4(_) => AddressFamily::Inet,
        IpNet::V6(_) => AddressFamily::Inet6,
    };
    message.header.destination_prefix_length = prefix.prefix_len();
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::from(PROTOCOL);
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    message.attributes = vec![
        RouteAttribute::Destination(prefix.addr().into()),
        RouteAttribute::Priority(METRIC),
    ];
    match hops {
        [(gateway, index)] => {
            message.attributes.push(towards(prefix, *gateway));
            message.attributes.extend(index.map(RouteAttribute::Oif));
        }
        [] => {}
        several => {
            let hop = |(gateway, index): &(IpAddr, Option<u32>)| {
                let mut hop = RouteNextHop::default();
                hop.interface_index = index.unwrap_or_default();
                hop.attributes = vec![towards(prefix, *gateway)];
                hop
            };
            let several = several.iter().map(hop).collect();
            message.attributes.push(RouteAttribute::MultiPath(several));
        }
    }
    message
}

/// An IPv4 route may lead to an IPv6 gateway (RFC 8950), and says so in an attribute of its own.
fn towards(prefix: IpNet, gateway: IpAddr) -> RouteAttribute {
    match (prefix, gateway) {
        (IpNet::V4(_), IpAddr::V6(gateway)) => RouteAttribute::Via(RouteVia::Inet6(gateway)),
        (IpNet::V4(_) | IpNet::V6(_), gateway) => RouteAttribute::Gateway(gateway.into()),
    }
}

fn errno(error: &Error) -> Option<i32> {
    let Error::NetlinkError(message) = error else {
        return None;
    };
    Some(-message.raw_code())
}

fn reason(error: &Error, hops: Option<&BTreeSet<Hop>>) -> Reason {
    let gateways = || {
        let gateways: Vec<String> = hops
            .into_iter()
            .flatten()
            .map(|hop| hop.gateway.to_string())
            .collect();
        gateways.join(", ")
    };
    match errno(error) {
        Some(libc::EPERM | libc::EACCES) => Reason::NotPermitted,
        Some(libc::EEXIST) => Reason::Taken,
        // What a gateway is that is no neighbour, or this node itself, depends on the family.
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENETDOWN | libc::EINVAL | libc::ENODEV) => {
            Reason::Unreachable(gateways())
        }
        Some(_) | None => Reason::Kernel(error.to_string()),
    }
}

fn is_link_local(gateway: IpAddr) -> bool {
    match gateway {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// An interface that is gone meanwhile has no name that could be wanted.
fn name(links: &Links, index: u32) -> String {
    let link = links.values().find(|link| link.index == index);
    link.map_or_else(|| index.to_string(), |link| link.name.clone())
}
