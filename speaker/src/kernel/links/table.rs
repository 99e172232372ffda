use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use l2::Mac;
use model::Family;
use rtnetlink::packet_route::address::AddressMessage;
use rtnetlink::packet_route::link::{
    InfoPortKind, LinkAttribute, LinkEvent, LinkFlags, LinkInfo, LinkLayerType, LinkMessage,
};
use rtnetlink::packet_route::route::RouteMessage;
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::route::{Route, routes};
use super::{Address, AddressKind, Aggregate, Link, Links, State};

/// What the kernel's messages have told so far.
#[derive(Debug, Default)]
pub(super) struct Table {
    links: BTreeMap<u32, Link>,
    /// By index; of each address itself and its subnet, what it is good for.
    addresses: BTreeMap<u32, BTreeMap<(IpAddr, IpNet), AddressKind>>,
    /// By index; the routes over the link that say what is on it, and the default ones.
    routes: BTreeMap<u32, BTreeSet<Route>>,
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

    /// Takes in a route that was put in the place of another one, of which the kernel does not say that it is gone.
    pub(super) fn apply_replacement(&mut self, message: &RouteMessage) {
        for (_, route) in routes(message) {
            for known in self.routes.values_mut() {
                known.retain(|other| !other.has_the_place_of(&route));
            }
        }
        self.on_route(message);
    }

    /// Everything as one value.
    pub(super) fn snapshot(&self) -> Links {
        let snapshot = |link: &Link| {
            let known = self.addresses.get(&link.index).into_iter().flatten();
            let address =
                |(&(ip, subnet), &kind): (&(IpAddr, IpNet), &AddressKind)| Address { ip, subnet, kind };
            let addresses: BTreeSet<Address> = known.map(address).collect();
            let routes = || self.routes.get(&link.index).into_iter().flatten();
            let on_link = routes().filter_map(Route::on_link);
            let usable = addresses.iter().filter(|address| address.is_usable());
            let link = Link {
                subnets: addresses
                    .iter()
                    .map(|address| address.subnet)
                    .chain(on_link)
                    .collect(),
                own: usable.map(|address| address.ip).collect(),
                gateways: routes().filter_map(Route::default).collect(),
                addresses,
                ..link.clone()
            };
            (link.name.clone(), link)
        };
        self.links.values().map(snapshot).collect()
    }

    pub(super) fn on_link(&mut self, message: &LinkMessage) {
        if is_about_the_link(message)
            && let Some(link) = link_of(message)
        {
            if link.state == State::Down {
                // The kernel drops its routes, and need not say so (net.ipv6.route.skip_notify_on_dev_down).
                self.routes.remove(&link.index);
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
            self.routes.remove(&message.header.index);
        }
    }

    pub(super) fn on_address(&mut self, message: &AddressMessage) {
        if let Some(Address { ip, subnet, kind }) = Address::read(message) {
            let known = self.addresses.entry(message.header.index).or_default();
            known.insert((ip, subnet), kind);
        }
    }

    fn on_address_gone(&mut self, message: &AddressMessage) {
        let index = message.header.index;
        if let (Some(address), Some(known)) = (Address::read(message), self.addresses.get_mut(&index)) {
            known.remove(&(address.ip, address.subnet));
            // The kernel drops these routes of IPv4 without a word.
            let is_last = !known.keys().any(|(ip, _)| ip.is_ipv4());
            if let Some(routes) = self.routes.get_mut(&index) {
                routes.retain(|route| {
                    !(route.is_used_from(address.ip) || is_last && route.family() == Family::V4)
                });
            }
        }
    }

    pub(super) fn on_route(&mut self, message: &RouteMessage) {
        for (index, route) in routes(message) {
            self.routes.entry(index).or_default().insert(route);
        }
    }

    fn on_route_gone(&mut self, message: &RouteMessage) {
        for (index, route) in routes(message) {
            if let Some(known) = self.routes.get_mut(&index) {
                known.remove(&route);
            }
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
    let mut controller = None;
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
            LinkAttribute::Controller(index) => {
                controller = Some(*index);
                port_of = port_of.or(Some(Aggregate::Other));
            }
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
        controller,
        subnets: BTreeSet::new(),
        own: BTreeSet::new(),
        addresses: BTreeSet::new(),
        gateways: BTreeSet::new(),
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

#[cfg(test)]
mod tests;
