//! Reading one BGPPeer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use bgp::PeerAsn;
use crds::{BGPPeer, BGPPeerSpec, DynamicAsn};
use model::{Family, PeerName};

use super::imports::imports;
use super::timers::{self, Timers};
use super::{Peer, Remote};
use crate::bfd_profile::BfdProfile;
use crate::fault::{Fault, PeerFault};
use crate::kind::Kind;
use crate::list::within;
use crate::selector::selectors;

/// Stands for AS numbers that do not fit 16 bits (RFC 6793 §9): nobody has it.
const AS_TRANS: u32 = 23456;

/// Reads one BGPPeer; `profiles` are the BFDProfiles in force.
pub(crate) fn peer(object: &BGPPeer, profiles: &BTreeMap<String, BfdProfile>) -> Result<Peer, Fault> {
    let spec = &object.spec;
    let my_asn = asn("myASN", spec.my_asn)?;
    let local_asn = spec.local_asn.map(|number| asn("localASN", number)).transpose()?;
    let local_asn = local_asn.unwrap_or(my_asn);
    let peer_asn = peer_asn(spec)?;
    let remote = remote(spec)?;
    let Timers {
        hold_time,
        keepalive_time,
        connect_time,
        graceful_restart,
        graceful_shutdown,
    } = timers::timers(spec)?;
    let peer = Peer {
        name: PeerName(object.metadata.name.clone().unwrap_or_default()),
        nodes: selectors("nodeSelectors", &spec.node_selectors)?,
        port: within("peerPort", spec.peer_port, 1, 65_535)?,
        source: source(spec, &remote)?,
        vrf: spec.vrf.clone(),
        local_asn,
        peer_asn,
        hold_time,
        keepalive_time,
        connect_time,
        identifier: spec.router_id.as_deref().map(identifier).transpose()?,
        password: spec.password_secret.as_ref().map(|secret| secret.name.clone()),
        bfd: None,
        graceful_restart: graceful_restart.filter(|_| spec.enable_graceful_restart),
        graceful_shutdown,
        multihop: spec.ebgp_multi_hop,
        ttl_security: spec.ttl_security,
        families: families(&remote, spec.dual_stack_address_family),
        imports: imports(spec)?,
        remote,
    };
    check_distance(&peer)?;
    // Last, so that what is missing is named only where nothing else is wrong.
    let bfd = spec.bfd_profile.as_ref().map(|name| profile(name, profiles));
    Ok(Peer {
        bfd: bfd.transpose()?,
        ..peer
    })
}

/// P-CFG-37
fn profile(name: &str, profiles: &BTreeMap<String, BfdProfile>) -> Result<BfdProfile, Fault> {
    profiles.get(name).cloned().ok_or_else(|| Fault::Missing {
        field: "bfdProfile".to_owned(),
        kind: Kind::BFDProfile,
        name: name.to_owned(),
    })
}

fn asn(field: &'static str, value: u32) -> Result<u32, PeerFault> {
    match value {
        0 | AS_TRANS => Err(PeerFault::NotAnAsn { field, value }),
        value => Ok(value),
    }
}

fn peer_asn(spec: &BGPPeerSpec) -> Result<PeerAsn, PeerFault> {
    match (spec.peer_asn, spec.dynamic_asn) {
        (Some(number), None) => asn("peerASN", number).map(PeerAsn::Exactly),
        (None, Some(DynamicAsn::Internal)) => Ok(PeerAsn::Internal),
        (None, Some(DynamicAsn::External)) => Ok(PeerAsn::External),
        (Some(_), Some(_)) | (None, None) => Err(PeerFault::PeerAsn),
    }
}

fn remote(spec: &BGPPeerSpec) -> Result<Remote, PeerFault> {
    match (&spec.peer_address, &spec.interface) {
        (Some(text), None) => match machine("peerAddress", text)? {
            address if is_link_local(address) => Err(PeerFault::LinkLocal(address)),
            address => Ok(Remote::Address(address)),
        },
        (None, Some(interface)) => Ok(Remote::Interface(interface.clone())),
        (Some(_), Some(_)) | (None, None) => Err(PeerFault::Remote),
    }
}

fn source(spec: &BGPPeerSpec, remote: &Remote) -> Result<Option<IpAddr>, PeerFault> {
    let Some(text) = &spec.source_address else {
        return Ok(None);
    };
    let source_address = machine("sourceAddress", text)?;
    match *remote {
        Remote::Interface(_) => Err(PeerFault::SourceOnInterface),
        Remote::Address(remote) if remote.is_ipv4() != source_address.is_ipv4() => {
            Err(PeerFault::SourceFamily {
                source_address,
                remote,
            })
        }
        Remote::Address(_) => Ok(Some(source_address)),
    }
}

/// An address that one machine can have.
fn machine(field: &'static str, text: &str) -> Result<IpAddr, PeerFault> {
    let address: IpAddr = text.parse().map_err(|_unreadable| PeerFault::NotAnAddress {
        field,
        text: text.to_owned(),
    })?;
    let everyone = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    match address.is_unspecified() || address.is_multicast() || everyone {
        true => Err(PeerFault::NotAMachine { field, address }),
        false => Ok(address),
    }
}

/// Link-local in IPv6, where every link has the same; routers of clouds have such IPv4 addresses, which are routed.
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn identifier(text: &str) -> Result<Ipv4Addr, PeerFault> {
    let identifier = text.parse().ok();
    let identifier = identifier.filter(|identifier: &Ipv4Addr| !identifier.is_unspecified());
    identifier.ok_or_else(|| PeerFault::RouterId(text.to_owned()))
}

/// P-BGP-47, -49
fn families(remote: &Remote, both: bool) -> BTreeSet<Family> {
    match remote {
        Remote::Address(address) if !both => [Family::of(*address)].into(),
        Remote::Address(_) | Remote::Interface(_) => [Family::V4, Family::V6].into(),
    }
}

fn check_distance(peer: &Peer) -> Result<(), PeerFault> {
    if !peer.multihop {
        return Ok(());
    }
    if peer.peer_asn.is_internal(peer.local_asn) {
        return Err(PeerFault::MultiHopInternal);
    }
    if peer.ttl_security {
        return Err(PeerFault::MultiHopTtlSecurity);
    }
    match peer.remote {
        Remote::Interface(_) => Err(PeerFault::MultiHopOnInterface),
        Remote::Address(_) => Ok(()),
    }
}
