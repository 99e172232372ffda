use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use l2::Mac;
use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use rtnetlink::packet_route::link::{
    InfoPortKind, LinkAttribute, LinkEvent, LinkFlags, LinkInfo, LinkLayerType, LinkMessage,
};
use rtnetlink::packet_route::route::RouteMessage;
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::route::{OnLink, on_link};
use super::{Aggregate, Link, Links, State};

/// What the kernel's messages have told so far.
#[derive(Debug, Default)]
pub(super) struct Table {
    links: BTreeMap<u32, Link>,
    /// By index; of each address itself and the subnet that it is in, which on a point-to-point link is that of the
    /// other end. With them whether the address may be used.
    addresses: BTreeMap<u32, BTreeMap<(IpAddr, IpNet), bool>>,
    /// By index; the subnets that routes say are on the link.
    on_link: BTreeMap<u32, BTreeSet<OnLink>>,
}

impl Table {
    /// Takes in one message; those of other kinds change nothing.
    pub(super) fn apply(&mut self, message: &RouteNetlinkMessage) {
        #[allow(
            clippy::wildcard_enum_match_arm,
            reason = "rtnetlink has a hundred more kinds of messages"
        )]
        match message {
            RouteNetlinkMessage::NewLink(message) => self.on_link(message),
            RouteNetlinkMessage::DelLink(message) => self.on_link_gone(message),
            RouteNetlinkMessage::NewAddress(message) => self.on_address(message),
            RouteNetlinkMessage::DelAddress(message) => self.on_address_gone(message),
            RouteNetlinkMessage::NewRoute(message) => self.on_route(message),
            RouteNetlinkMessage::DelRoute(message) => self.on_route_gone(message),
            _ => {}
        }
    }

    /// Everything as one value.
    pub(super) fn snapshot(&self) -> Links {
        let snapshot = |link: &Link| {
            let known = || self.addresses.get(&link.index).into_iter().flatten();
            let routed = self.on_link.get(&link.index).into_iter().flatten();
            let subnets = known()
                .map(|((_, net), _)| *net)
                .chain(routed.map(|on_link| on_link.subnet))
                .collect();
            let own = known()
                .filter_map(|((address, _), usable)| usable.then_some(*address))
                .collect();
            (
                link.name.clone(),
                Link {
                    subnets,
                    own,
                    ..link.clone()
                },
            )
        };
        self.links.values().map(snapshot).collect()
    }

    pub(super) fn on_link(&mut self, message: &LinkMessage) {
        if is_about_the_link(message)
            && let Some(link) = link_of(message)
        {
            if link.state == State::Down {
                // The kernel drops its routes, and need not say so (net.ipv6.route.skip_notify_on_dev_down).
                self.on_link.remove(&link.index);
            }
            let known = self.links.get(&link.index);
            let failovers = known.map_or(0, |link| link.failovers);
            let failovers = failovers.wrapping_add(u32::from(tells_of_failover(message)));
            self.links.insert(link.index, Link { failovers, ..link });
        }
    }

    fn on_link_gone(&mut self, message: &LinkMessage) {
        if is_about_the_link(message) {
            self.links.remove(&message.header.index);
            self.addresses.remove(&message.header.index);
            self.on_link.remove(&message.header.index);
        }
    }

    pub(super) fn on_address(&mut self, message: &AddressMessage) {
        if let Some(address) = address_of(message) {
            self.addresses
                .entry(message.header.index)
                .or_default()
                .insert(address, is_usable(message));
        }
    }

    fn on_address_gone(&mut self, message: &AddressMessage) {
        if let (Some(address), Some(addresses)) =
            (address_of(message), self.addresses.get_mut(&message.header.index))
        {
            addresses.remove(&address);
        }
    }

    pub(super) fn on_route(&mut self, message: &RouteMessage) {
        if let Some((index, on_link)) = on_link(message) {
            self.on_link.entry(index).or_default().insert(on_link);
        }
    }

    fn on_route_gone(&mut self, message: &RouteMessage) {
        if let Some((index, on_link)) = on_link(message)
            && let Some(known) = self.on_link.get_mut(&index)
        {
            known.remove(&on_link);
        }
    }
}

/// A bridge says in messages of its own family that an interface became or is no longer its port: taken literally, the
/// latter would delete the interface. And a wireless driver sends events that hold nothing but themselves.
fn is_about_the_link(message: &LinkMessage) -> bool {
    message.header.interface_family == AddressFamily::Unspec
        && !message
            .attributes
            .iter()
            .any(|attribute| matches!(attribute, LinkAttribute::Wireless(_)))
}

fn tells_of_failover(message: &LinkMessage) -> bool {
    let is_one = |event: &LinkEvent| matches!(event, LinkEvent::BondingFailover | LinkEvent::NotifyPeers);
    message
        .attributes
        .iter()
        .any(|attribute| matches!(attribute, LinkAttribute::Event(event) if is_one(event)))
}

fn link_of(message: &LinkMessage) -> Option<Link> {
    let flags = message.header.flags;
    let mut name = None;
    let mut hardware = None;
    let mut carrier_changes = 0;
    let mut port_of = None;
    for attribute in &message.attributes {
        #[allow(
            clippy::wildcard_enum_match_arm,
            reason = "the attributes that matter here are few of many"
        )]
        match attribute {
            LinkAttribute::IfName(value) => name = Some(value.clone()),
            LinkAttribute::Address(octets) => hardware = Some(octets.as_slice()),
            LinkAttribute::CarrierChanges(value) => carrier_changes = *value,
            // Also comes without the kind, which must not be overwritten then.
            LinkAttribute::Controller(_) => port_of = port_of.or(Some(Aggregate::Other)),
            LinkAttribute::LinkInfo(infos) => port_of = infos.iter().find_map(aggregate_of).or(port_of),
            _ => {}
        }
    }
    Some(Link {
        index: message.header.index,
        name: name?,
        mac: station(message.header.link_layer_type, hardware),
        state: state(flags),
        carrier_changes,
        failovers: 0,
        resolves: !flags.contains(LinkFlags::Noarp),
        port_of,
        subnets: BTreeSet::new(),
        own: BTreeSet::new(),
    })
}

fn aggregate_of(info: &LinkInfo) -> Option<Aggregate> {
    let LinkInfo::PortKind(kind) = info else {
        return None;
    };
    Some(match kind {
        InfoPortKind::Bond => Aggregate::Bond,
        InfoPortKind::Bridge => Aggregate::Bridge,
        InfoPortKind::Team => Aggregate::Team,
        InfoPortKind::Vrf => Aggregate::Vrf,
        InfoPortKind::Other(_) | _ => Aggregate::Other,
    })
}

fn station(kind: LinkLayerType, hardware: Option<&[u8]>) -> Option<Mac> {
    let octets = hardware.filter(|_| kind == LinkLayerType::Ether)?;
    Mac::new(octets.try_into().ok()?).ok()
}

fn state(flags: LinkFlags) -> State {
    match (flags.contains(LinkFlags::Up), flags.contains(LinkFlags::LowerUp)) {
        (false, _) => State::Down,
        (true, false) => State::NoCarrier,
        (true, true) => State::Up,
    }
}

fn address_of(message: &AddressMessage) -> Option<(IpAddr, IpNet)> {
    let mut local = None;
    let mut subnet = None;
    for attribute in &message.attributes {
        #[allow(
            clippy::wildcard_enum_match_arm,
            reason = "the attributes that matter here are few of many"
        )]
        match attribute {
            AddressAttribute::Local(address) => local = Some(*address),
            AddressAttribute::Address(address) => subnet = Some(*address),
            _ => {}
        }
    }
    let subnet = subnet.or(local)?;
    Some((
        local.unwrap_or(subnet),
        IpNet::new(subnet, message.header.prefix_len).ok()?,
    ))
}

/// Whether the address is not waiting to be found unique, nor was found not to be (RFC 4862 §5.4).
fn is_usable(message: &AddressMessage) -> bool {
    let flags = message.header.flags;
    flags.contains(AddressHeaderFlags::Optimistic)
        || !flags.intersects(AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed)
}

#[cfg(test)]
mod tests;
