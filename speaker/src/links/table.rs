use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use l2::Mac;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{
    InfoPortKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{Aggregate, Link, Links, State};

/// What the kernel's messages have told so far.
#[derive(Debug, Default)]
pub(super) struct Table {
    links: BTreeMap<u32, Link>,
    /// By index; of each address itself and the subnet that it is in, which on a point-to-point link is that of the
    /// other end.
    addresses: BTreeMap<u32, BTreeSet<(IpAddr, IpNet)>>,
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
            _ => {}
        }
    }

    /// Everything as one value.
    pub(super) fn snapshot(&self) -> Links {
        let snapshot = |link: &Link| {
            let addresses = self.addresses.get(&link.index);
            let addresses = addresses.into_iter().flatten().map(|(_, net)| *net).collect();
            (
                link.name.clone(),
                Link {
                    addresses,
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
            self.links.insert(link.index, link);
        }
    }

    fn on_link_gone(&mut self, message: &LinkMessage) {
        if is_about_the_link(message) {
            self.links.remove(&message.header.index);
            self.addresses.remove(&message.header.index);
        }
    }

    pub(super) fn on_address(&mut self, message: &AddressMessage) {
        if let Some(address) = address_of(message) {
            self.addresses
                .entry(message.header.index)
                .or_default()
                .insert(address);
        }
    }

    fn on_address_gone(&mut self, message: &AddressMessage) {
        if let (Some(address), Some(addresses)) =
            (address_of(message), self.addresses.get_mut(&message.header.index))
        {
            addresses.remove(&address);
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
        resolves: !flags.contains(LinkFlags::Noarp),
        port_of,
        addresses: BTreeSet::new(),
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

#[cfg(test)]
mod tests;
