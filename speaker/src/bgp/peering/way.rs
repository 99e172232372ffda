//! The way to a router, as the links of this node tell it: over which interface, from which address, and what its routes may point to.
//!
//! One function of values, asked again whenever a link, an address or a route changes. It holds no socket and remembers nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp::{Connection, NextHops};
use config::Remote;
use model::Family;

use crate::kernel::links::{Address, AddressKind, Aggregate, Link, Links, State};

/// Whom a way is looked for to, as the BGPPeer says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) remote: Remote,
    /// The local address that the connection is to have.
    pub(super) source: Option<IpAddr>,
    /// The VRF that it is to be dialled in.
    pub(super) vrf: Option<String>,
}

/// The way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    /// The interface that the peer is on; none: routers are between, or nothing leads there.
    pub(super) interface: Option<Interface>,
    /// Whom to dial, where that is for the routes to say: the default gateway.
    pub(super) remote: Option<IpAddr>,
    /// What to dial from, where the kernel could choose an address that does not stay.
    pub(super) local: Option<IpAddr>,
    /// What routes may point to.
    pub(super) next_hops: NextHops,
}

/// An interface, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) state: State,
    /// Tells of a flap that was over before anybody looked.
    carrier_changes: u32,
}

impl Way {
    /// Whether the peer may be reached now and could not `before`: a dial that waits need not.
    pub(super) fn opens_after(&self, before: &Self) -> bool {
        let is_up = |way: &Self| {
            way.interface
                .clone()
                .filter(|interface| interface.state == State::Up)
        };
        is_up(self).is_some() && is_up(self) != is_up(before)
    }
}

/// The way to `destination` over `links`. `ends`: those of the connection that there is. `node`: the addresses by which the cluster knows
/// this node, the best where there is a choice.
pub(super) fn way(
    links: &Links,
    destination: &Destination,
    ends: Option<&Connection>,
    node: &[IpAddr],
) -> Way {
    let table = RoutingDomain::of(links, destination.vrf.as_deref());
    let gateway = match &destination.remote {
        Remote::Gateway(family) => table.gateway(*family),
        Remote::Address(_) | Remote::Interface(_) => None,
    };
    let search = Search {
        node,
        source: destination.source,
        remote: match &destination.remote {
            Remote::Address(remote) => Some(*remote),
            Remote::Interface(_) => ends.map(|ends| ends.remote),
            Remote::Gateway(_) => gateway.map(|(_, address)| address),
        },
        ends,
    };
    let interface = match &destination.remote {
        Remote::Address(remote) => table.nearest(*remote, &search),
        Remote::Interface(name) => links.get(name),
        Remote::Gateway(_) => gateway.map(|(link, _)| link),
    };
    let next_hop = |family| search.next_hop(&table, interface, family);
    let (v4, v6) = (
        next_hop(Family::V4).and_then(v4),
        next_hop(Family::V6).and_then(v6),
    );
    Way {
        interface: interface.map(Interface::of),
        remote: gateway.map(|(_, address)| address),
        local: interface.and_then(|link| search.local(link)),
        next_hops: NextHops {
            v4,
            v6,
            link_local: interface.and_then(|link| link_local(link, v6)),
        },
    }
}

impl Interface {
    fn of(link: &Link) -> Self {
        Self {
            index: link.index,
            name: link.name.clone(),
            state: link.state,
            carrier_changes: link.carrier_changes,
        }
    }
}

/// The links that share a table of routes: those of a VRF, or all that are in none.
struct RoutingDomain<'a>(Vec<&'a Link>);

impl<'a> RoutingDomain<'a> {
    fn of(links: &'a Links, vrf: Option<&str>) -> Self {
        let vrf = vrf.map(|name| links.get(name).map(|link| link.index));
        let belongs = |link: &&Link| match vrf {
            None => link.port_of != Some(Aggregate::Vrf),
            Some(index) => index.is_some() && (link.controller == index || Some(link.index) == index),
        };
        Self(links.values().filter(belongs).collect())
    }

    /// The link that `remote` is on.
    fn nearest(&self, remote: IpAddr, search: &Search<'_>) -> Option<&'a Link> {
        let length = |link: &Link| {
            let subnets = link.subnets.iter().filter(|subnet| subnet.contains(&remote));
            subnets.map(ipnet::IpNet::prefix_len).max()
        };
        let is_there = |link: &&&Link| link.state != State::Down;
        let carrying = self
            .0
            .iter()
            .filter(is_there)
            .filter_map(|link| Some((*link, length(link)?)));
        // Of two links of one subnet, the one that the node is known by.
        let rank = |(link, length): &(&Link, u8)| {
            let has = |address: &IpAddr| link.own.contains(address);
            (
                search.source.as_ref().is_some_and(has),
                link.state == State::Up,
                *length,
                search.node.iter().any(has),
                std::cmp::Reverse(link.index),
            )
        };
        carrying.max_by_key(rank).map(|(link, _)| link)
    }

    fn owner(&self, address: IpAddr) -> Option<&'a Link> {
        self.0.iter().copied().find(|link| link.own.contains(&address))
    }

    /// The router of the best default route.
    fn gateway(&self, family: Family) -> Option<(&'a Link, IpAddr)> {
        let link = self.towards_everything(family)?;
        let mut gateways = link.gateways.iter().filter(|gateway| gateway.family == family);
        Some((link, gateways.find_map(|gateway| gateway.address)?))
    }

    /// The link of the best default route.
    fn towards_everything(&self, family: Family) -> Option<&'a Link> {
        let best = |link: &Link| {
            let mut routes = link.gateways.iter().filter(|gateway| gateway.family == family);
            routes.next().map(|gateway| gateway.priority)
        };
        let up = self.0.iter().copied().filter(|link| link.state == State::Up);
        let routed = up.filter_map(|link| Some((best(link)?, link)));
        routed
            .min_by_key(|(priority, link)| (*priority, link.index))
            .map(|(_, link)| link)
    }
}

/// What addresses are judged by.
struct Search<'a> {
    node: &'a [IpAddr],
    source: Option<IpAddr>,
    remote: Option<IpAddr>,
    ends: Option<&'a Connection>,
}

/// How good an address is to tell others: the least is the best.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    lasting: Lasting,
    far_from_the_peer: bool,
    unknown_to_the_cluster: bool,
    kind: AddressKind,
    ip: IpAddr,
}

/// Whether an address will be this node's tomorrow.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Lasting {
    Yes,
    /// For a day or a week (RFC 8981).
    Temporary,
    /// One without a subnet beside one that has one: what moves from node to node looks so.
    Wandering,
    /// It is about to go.
    Deprecated,
}

impl Search<'_> {
    /// What to dial from: the one that is asked for, or the best on the peer's link.
    fn local(&self, link: &Link) -> Option<IpAddr> {
        if self.source.is_some() {
            return self.source;
        }
        let family = Family::of(self.remote?);
        let address = self.best(link, family)?;
        (lasting(link, address) == Lasting::Yes && address.subnet.contains(&self.remote?))
            .then_some(address.ip)
    }

    fn next_hop(
        &self,
        table: &RoutingDomain<'_>,
        interface: Option<&Link>,
        family: Family,
    ) -> Option<IpAddr> {
        let asked_for = self
            .source
            .filter(|source| Family::of(*source) == family && is_reachable(*source));
        if asked_for.is_some() {
            return asked_for;
        }
        // A peer that is known by its interface alone has no subnet of IPv4 there: RFC 8950 leads to the link-local address.
        let is_unnumbered = self.remote.is_some_and(is_link_local);
        if is_unnumbered && family == Family::V4 {
            return None;
        }
        let local = self.ends.map(|ends| ends.local);
        let owner = local.and_then(|local| table.owner(local));
        let stays = |local: &IpAddr| {
            let known = owner.and_then(|link| {
                link.addresses
                    .iter()
                    .find(|address| address.ip == *local)
                    .map(|address| (link, address))
            });
            known.is_some_and(|(link, address)| lasting(link, address) == Lasting::Yes)
        };
        let of_the_connection = local.filter(|local| Family::of(*local) == family && is_reachable(*local));
        let here = || self.best(interface?, family);
        let beside = || self.best(owner.filter(|link| !holds_addresses_only(link))?, family);
        let routed = || self.best(table.towards_everything(family)?, family);
        let found = match interface {
            Some(link) if !holds_addresses_only(link) => here(),
            // Routers are between, and know the way to whatever this node is known by.
            Some(_) | None => beside().or_else(routed),
        };
        let known = || {
            self.node
                .iter()
                .copied()
                .find(|ip| Family::of(*ip) == family && table.owner(*ip).is_some())
        };
        of_the_connection
            .filter(stays)
            .or_else(|| found.map(|address| address.ip))
            .or_else(|| known().filter(|_| interface.is_none()))
            .or_else(|| of_the_connection.filter(|_| owner.is_some()))
    }

    fn best<'a>(&self, link: &'a Link, family: Family) -> Option<&'a Address> {
        let usable = link.addresses.iter().filter(|address| address.is_usable());
        let reachable = usable.filter(|address| is_reachable(address.ip) && Family::of(address.ip) == family);
        reachable.min_by_key(|address| Rank {
            lasting: lasting(link, address),
            far_from_the_peer: !self.remote.is_some_and(|remote| address.subnet.contains(&remote)),
            unknown_to_the_cluster: !self.node.contains(&address.ip),
            kind: address.kind,
            ip: address.ip,
        })
    }
}

fn lasting(link: &Link, address: &Address) -> Lasting {
    let is_alone = |address: &Address| {
        address.subnet.prefix_len() == address.subnet.max_prefix_len() && address.subnet.addr() == address.ip
    };
    let has_a_subnet = |other: &&Address| {
        other.ip.is_ipv4() == address.ip.is_ipv4()
            && is_reachable(other.ip)
            && other.is_usable()
            && !is_alone(other)
    };
    match address.kind {
        AddressKind::Deprecated | AddressKind::Unusable => Lasting::Deprecated,
        AddressKind::Temporary => Lasting::Temporary,
        AddressKind::Permanent | AddressKind::Dynamic | AddressKind::Secondary => {
            if is_alone(address) && link.addresses.iter().any(|other| has_a_subnet(&other)) {
                Lasting::Wandering
            } else {
                Lasting::Yes
            }
        }
    }
}

/// The link-local address, if what routes point to is on this link as well.
fn link_local(link: &Link, next_hop: Option<Ipv6Addr>) -> Option<Ipv6Addr> {
    let is_here = next_hop.is_none_or(|address| link.own.contains(&address.into()));
    let usable = link
        .addresses
        .iter()
        .filter(|address| address.is_usable() && is_here);
    let found = usable
        .filter(|address| is_link_local(address.ip))
        .min_by_key(|address| (address.kind, address.ip));
    found.and_then(|address| v6(address.ip))
}

/// Loopback and dummy interfaces: nobody is at their other end.
fn holds_addresses_only(link: &Link) -> bool {
    match link.mac {
        Some(_) => !link.resolves,
        None => link.name == "lo",
    }
}

/// Whether a router may have a route that points to this address without an interface.
fn is_reachable(address: IpAddr) -> bool {
    !address.is_loopback() && !address.is_unspecified() && !is_link_local(address)
}

fn is_link_local(address: IpAddr) -> bool {
    v6(address).is_some_and(|address| address.is_unicast_link_local())
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}

fn v6(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some(v6),
    }
}

#[cfg(test)]
mod tests;
