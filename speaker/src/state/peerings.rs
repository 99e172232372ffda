//! What of the sessions is kept: whom this node peers with, and what each peer is to get. Not the passwords: a peer that has one waits
//! for the API server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bgp::{
    Attributes, Community, Export, ExportGuard, Import, ImportPolicy, LargeCommunity, LinkBandwidth,
    LiveSettings, OpenSettings, PeerAsn, Table,
};
use config::{BfdProfile, Dial, Live, PeerSession, Remote};
use ipnet::IpNet;
use model::{AddressRange, Family, PeerName};
use serde::{Deserialize, Serialize};

use crate::bgp::peering::{Peering, Peerings};

#[derive(Serialize, Deserialize, Default)]
pub(super) struct PeeringsContent {
    peers: BTreeMap<String, PeerContent>,
    /// Most peers get the same: each table once.
    tables: Vec<BTreeMap<IpNet, usize>>,
    /// Most routes have the same: each attributes once.
    attributes: Vec<AttributesContent>,
    /// First, last, and the length of the shortest prefix.
    exports: Vec<(IpAddr, IpAddr, u8)>,
    /// By which the cluster knows the node.
    #[serde(default)]
    addresses: Vec<IpAddr>,
    drain: bool,
}

#[derive(Serialize, Deserialize)]
struct PeerContent {
    address: Option<IpAddr>,
    interface: Option<String>,
    /// Of this family is the default gateway that is meant.
    #[serde(default)]
    gateway: Option<GatewayFamily>,
    port: u16,
    source: Option<IpAddr>,
    vrf: Option<String>,
    local_asn: u32,
    /// None: see `internal`.
    peer_asn: Option<u32>,
    internal: bool,
    hold_time: Duration,
    keepalive_time: Option<Duration>,
    connect_time: Option<Duration>,
    identifier: Ipv4Addr,
    bfd: Option<BfdContent>,
    graceful_restart: Option<Duration>,
    graceful_shutdown: Duration,
    multihop: bool,
    ttl_security: bool,
    v4: bool,
    v6: bool,
    /// Prefixes, and the longest that is accepted inside of each.
    #[serde(default)]
    imports: Vec<(IpNet, u8)>,
    table: usize,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum GatewayFamily {
    V4,
    V6,
}

#[derive(Serialize, Deserialize)]
struct BfdContent {
    name: String,
    transmit_interval: Duration,
    receive_interval: Duration,
    detect_multiplier: u8,
    passive: bool,
    minimum_ttl: u8,
}

#[derive(Serialize, Deserialize)]
struct AttributesContent {
    local_pref: Option<u32>,
    med: Option<u32>,
    prepend: u8,
    communities: BTreeSet<u32>,
    large_communities: BTreeSet<(u32, u32, u32)>,
    link_bandwidth: Option<u32>,
    #[serde(default)]
    leaving: bool,
}

impl PeeringsContent {
    pub(super) fn of(peerings: &Peerings) -> Self {
        let mut content = Self {
            exports: peerings
                .guard
                .exports()
                .map(|export| (export.range.first(), export.range.last(), export.shortest))
                .collect(),
            addresses: peerings.addresses.clone(),
            drain: peerings.drain,
            ..Self::default()
        };
        let mut tables: Vec<&Arc<Table>> = Vec::new();
        let mut attributes: BTreeMap<&Attributes, usize> = BTreeMap::new();
        for (name, peering) in &peerings.peers {
            if peering.password.is_some() {
                continue;
            }
            let known = tables.iter().position(|table| **table == peering.table);
            let table = known.unwrap_or_else(|| {
                tables.push(&peering.table);
                let mut index = |of| {
                    let next = attributes.len();
                    *attributes.entry(of).or_insert(next)
                };
                let routes = peering.table.iter().map(|(prefix, of)| (*prefix, index(of)));
                content.tables.push(routes.collect());
                tables.len() - 1
            });
            content
                .peers
                .insert(name.0.clone(), PeerContent::of(peering, table));
        }
        let mut listed: Vec<_> = attributes.into_iter().collect();
        listed.sort_unstable_by_key(|(_, index)| *index);
        content.attributes = listed
            .into_iter()
            .map(|(of, _)| AttributesContent::of(of))
            .collect();
        content
    }

    /// None: it refers to something that it does not hold, or holds addresses the wrong way round.
    pub(super) fn peerings(self) -> Option<Peerings> {
        let attributes: Vec<_> = self
            .attributes
            .into_iter()
            .map(|content| Arc::new(content.attributes()))
            .collect();
        let table = |content: BTreeMap<IpNet, usize>| -> Option<Arc<Table>> {
            let route = |(prefix, index): (IpNet, usize)| Some((prefix, attributes.get(index)?.clone()));
            content
                .into_iter()
                .map(route)
                .collect::<Option<Table>>()
                .map(Arc::new)
        };
        let tables: Vec<Arc<Table>> = self.tables.into_iter().map(table).collect::<Option<_>>()?;
        let export = |(first, last, shortest)| {
            let range = AddressRange::new(first, last).ok()?;
            Some(Export { range, shortest })
        };
        let exports: Vec<Export> = self.exports.into_iter().map(export).collect::<Option<_>>()?;
        let peer = |(name, content): (String, PeerContent)| {
            let name = PeerName(name);
            Some((name.clone(), content.peering(name, &tables)?))
        };
        Some(Peerings {
            peers: self.peers.into_iter().map(peer).collect::<Option<_>>()?,
            guard: Arc::new(ExportGuard::new(exports)),
            addresses: self.addresses,
            drain: self.drain,
            complete: false,
        })
    }
}

impl PeerContent {
    fn of(peering: &Peering, table: usize) -> Self {
        let PeerSession { open, dial, live, .. } = &*peering.peer;
        let (address, interface, gateway) = match &dial.remote {
            Remote::Address(address) => (Some(*address), None, None),
            Remote::Interface(name) => (None, Some(name.clone()), None),
            Remote::Gateway(Family::V4) => (None, None, Some(GatewayFamily::V4)),
            Remote::Gateway(Family::V6) => (None, None, Some(GatewayFamily::V6)),
        };
        let imports = live.imports.imports();
        Self {
            address,
            interface,
            gateway,
            port: dial.port,
            source: dial.source,
            vrf: dial.vrf.clone(),
            local_asn: open.local_asn,
            peer_asn: match open.peer_asn {
                PeerAsn::Exactly(asn) => Some(asn),
                PeerAsn::Internal | PeerAsn::External => None,
            },
            internal: open.peer_asn == PeerAsn::Internal,
            hold_time: open.hold_time,
            keepalive_time: live.settings.keepalive_time,
            connect_time: live.settings.connect_time,
            identifier: open.identifier,
            bfd: live.bfd.as_ref().map(BfdContent::of),
            graceful_restart: open.restart_time,
            graceful_shutdown: live.settings.graceful_shutdown,
            multihop: dial.multihop,
            ttl_security: dial.ttl_security,
            v4: open.families.contains(&Family::V4),
            v6: open.families.contains(&Family::V6),
            imports: imports.map(|import| (import.prefix, import.max_length)).collect(),
            table,
        }
    }

    fn remote(&self) -> Option<Remote> {
        let gateway = self.gateway.map(|family| match family {
            GatewayFamily::V4 => Remote::Gateway(Family::V4),
            GatewayFamily::V6 => Remote::Gateway(Family::V6),
        });
        let interface = self.interface.clone().map(Remote::Interface);
        self.address.map(Remote::Address).or(gateway).or(interface)
    }

    fn open(&self) -> OpenSettings {
        let families = [(self.v4, Family::V4), (self.v6, Family::V6)];
        let families = families.into_iter().filter(|(offered, _)| *offered);
        OpenSettings {
            local_asn: self.local_asn,
            peer_asn: match (self.peer_asn, self.internal) {
                (Some(asn), _) => PeerAsn::Exactly(asn),
                (None, true) => PeerAsn::Internal,
                (None, false) => PeerAsn::External,
            },
            identifier: self.identifier,
            hold_time: self.hold_time,
            families: families.map(|(_, family)| family).collect(),
            restart_time: self.graceful_restart,
        }
    }

    fn peering(self, name: PeerName, tables: &[Arc<Table>]) -> Option<Peering> {
        let (remote, open) = (self.remote()?, self.open());
        let imports = self.imports.into_iter();
        let imports = imports.map(|(prefix, max_length)| Import { prefix, max_length });
        let peer = PeerSession {
            name,
            open,
            dial: Dial {
                remote,
                port: self.port,
                source: self.source,
                vrf: self.vrf,
                multihop: self.multihop,
                ttl_security: self.ttl_security,
            },
            live: Live {
                settings: LiveSettings {
                    keepalive_time: self.keepalive_time,
                    connect_time: self.connect_time,
                    graceful_shutdown: self.graceful_shutdown,
                },
                bfd: self.bfd.map(BfdContent::profile),
                imports: ImportPolicy::new(imports),
                password: None,
            },
        };
        Some(Peering {
            peer: Arc::new(peer),
            password: None,
            table: tables.get(self.table)?.clone(),
        })
    }
}

impl BfdContent {
    fn of(profile: &BfdProfile) -> Self {
        Self {
            name: profile.name.clone(),
            transmit_interval: profile.transmit_interval,
            receive_interval: profile.receive_interval,
            detect_multiplier: profile.detect_multiplier,
            passive: profile.passive,
            minimum_ttl: profile.minimum_ttl,
        }
    }

    fn profile(self) -> BfdProfile {
        BfdProfile {
            name: self.name,
            transmit_interval: self.transmit_interval,
            receive_interval: self.receive_interval,
            detect_multiplier: self.detect_multiplier,
            passive: self.passive,
            minimum_ttl: self.minimum_ttl,
            echo: false,
        }
    }
}

impl AttributesContent {
    fn of(attributes: &Attributes) -> Self {
        let large = attributes.large_communities.iter();
        Self {
            local_pref: attributes.local_pref,
            med: attributes.med,
            prepend: attributes.prepend,
            communities: attributes
                .communities
                .iter()
                .map(|community| community.0)
                .collect(),
            large_communities: large
                .map(|large| (large.global, large.local_1, large.local_2))
                .collect(),
            link_bandwidth: attributes.link_bandwidth.map(|bandwidth| bandwidth.0),
            leaving: attributes.leaving,
        }
    }

    fn attributes(self) -> Attributes {
        let large = |(global, local_1, local_2)| LargeCommunity {
            global,
            local_1,
            local_2,
        };
        Attributes {
            local_pref: self.local_pref,
            med: self.med,
            prepend: self.prepend,
            communities: self.communities.into_iter().map(Community).collect(),
            large_communities: self.large_communities.into_iter().map(large).collect(),
            link_bandwidth: self.link_bandwidth.map(LinkBandwidth),
            leaving: self.leaving,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
