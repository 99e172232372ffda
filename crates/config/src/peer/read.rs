//! Reading one BGPPeer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use bgp::{LiveSettings, PeerAsn};
use crds::{AddressFamily, BGPPeer, BGPPeerSpec, DynamicAsn, NodeValue};
use model::{Family, PeerName};

use super::imports::imports;
use super::timers::{self, Timers};
use super::{Live, NodeKey, Peer, PeerSession, Remote, Value};
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
    let local_asn = local_asn(spec)?;
    let peer_asn = peer_asn(spec)?;
    let (remote, remote_family) = remote(spec)?;
    let Timers {
        hold_time,
        keepalive_time,
        connect_time,
        graceful_restart,
        graceful_shutdown,
    } = timers::timers(spec)?;
    let settings = LiveSettings {
        keepalive_time,
        connect_time,
        graceful_shutdown,
    };
    let mut peer = Peer {
        name: PeerName(object.metadata.name.clone().unwrap_or_default()),
        nodes: selectors("nodeSelectors", &spec.node_selectors)?,
        port: within("peerPort", spec.peer_port, 1, 65_535)?,
        source: source(spec, &remote)?,
        vrf: spec.vrf.clone(),
        local_asn,
        peer_asn,
        hold_time,
        identifier: own_identifier(spec)?,
        graceful_restart: graceful_restart.filter(|_| spec.enable_graceful_restart),
        multihop: spec.ebgp_multi_hop,
        ttl_security: spec.ttl_security,
        families: families(remote_family, spec.dual_stack_address_family),
        remote,
        remote_family,
        live: Live {
            settings,
            bfd: None,
            imports: imports(spec)?,
            password: spec.password_secret.as_ref().map(|secret| secret.name.clone()),
        },
    };
    Ends::of(&peer).check()?;
    // Last, so that what is missing is named only where nothing else is wrong.
    let bfd = spec.bfd_profile.as_ref().map(|name| profile(name, profiles));
    peer.live.bfd = bfd.transpose()?;
    Ok(peer)
}

/// P-CFG-37
fn profile(name: &str, profiles: &BTreeMap<String, BfdProfile>) -> Result<BfdProfile, Fault> {
    profiles.get(name).cloned().ok_or_else(|| Fault::Missing {
        field: "bfdProfile".to_owned(),
        kind: Kind::BFDProfile,
        name: name.to_owned(),
    })
}

pub(super) fn asn(field: &'static str, value: u32) -> Result<u32, PeerFault> {
    match value {
        0 | AS_TRANS => Err(PeerFault::NotAnAsn { field, value }),
        value => Ok(value),
    }
}

/// `localASN` is what this peer sees in place of the usual number.
fn local_asn(spec: &BGPPeerSpec) -> Result<Value<u32>, PeerFault> {
    let own = match (spec.my_asn, &spec.my_asn_from) {
        (Some(number), None) => Value::Written(asn("myASN", number)?),
        (None, Some(from)) => Value::OfNode(key("myASNFrom", from)?),
        (Some(_), Some(_)) | (None, None) => return Err(PeerFault::MyAsn),
    };
    match spec.local_asn {
        Some(number) => Ok(Value::Written(asn("localASN", number)?)),
        None => Ok(own),
    }
}

fn key(field: &'static str, from: &NodeValue) -> Result<NodeKey, PeerFault> {
    let (text, key) = match (&from.label, &from.annotation) {
        (Some(label), None) => (label, NodeKey::Label(label.clone())),
        (None, Some(annotation)) => (annotation, NodeKey::Annotation(annotation.clone())),
        (Some(_), Some(_)) | (None, None) => return Err(PeerFault::NodeKey(field)),
    };
    match is_key(text) {
        true => Ok(key),
        false => Err(PeerFault::NotAKey {
            field,
            text: text.clone(),
        }),
    }
}

/// Whether labels and annotations can have this key: a name, or a DNS name, a slash and a name.
fn is_key(text: &str) -> bool {
    let (prefix, name) = text
        .split_once('/')
        .map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let is_word = |word: &str, most: usize, inner: fn(char) -> bool| {
        let ends = [word.chars().next(), word.chars().next_back()];
        let ended_well = ends
            .iter()
            .all(|end| end.is_some_and(|end| end.is_ascii_alphanumeric()));
        ended_well && word.len() <= most && word.chars().all(inner)
    };
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let in_prefix = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    is_word(name, 63, in_name) && prefix.is_none_or(|prefix| is_word(prefix, 253, in_prefix))
}

fn peer_asn(spec: &BGPPeerSpec) -> Result<PeerAsn, PeerFault> {
    match (spec.peer_asn, spec.dynamic_asn) {
        (Some(number), None) => asn("peerASN", number).map(PeerAsn::Exactly),
        (None, Some(DynamicAsn::Internal)) => Ok(PeerAsn::Internal),
        (None, Some(DynamicAsn::External)) => Ok(PeerAsn::External),
        (Some(_), Some(_)) | (None, None) => Err(PeerFault::PeerAsn),
    }
}

/// Where the router is, and the family of the connection where it is known.
fn remote(spec: &BGPPeerSpec) -> Result<(Value<Remote>, Option<Family>), PeerFault> {
    let remote = match (&spec.peer_address, &spec.peer_address_from, &spec.interface) {
        (Some(text), None, None) => match text.as_str() {
            "gateway" => Remote::Gateway(Family::V4),
            "gatewayV6" => Remote::Gateway(Family::V6),
            text => Remote::Address(router("peerAddress", text)?),
        },
        (None, Some(from), None) => {
            let family = match from.family {
                AddressFamily::IPv4 => Family::V4,
                AddressFamily::IPv6 => Family::V6,
            };
            let key = key("peerAddressFrom", &from.value)?;
            return Ok((Value::OfNode(key), Some(family)));
        }
        (None, None, Some(interface)) => Remote::Interface(interface.clone()),
        _ => return Err(PeerFault::Remote),
    };
    let family = remote.family();
    Ok((Value::Written(remote), family))
}

/// The address of a router that nodes dial by it alone.
pub(super) fn router(field: &'static str, text: &str) -> Result<IpAddr, PeerFault> {
    match machine(field, text)? {
        address if is_link_local(address) => Err(PeerFault::LinkLocal(address)),
        address => Ok(address),
    }
}

fn source(spec: &BGPPeerSpec, remote: &Value<Remote>) -> Result<Option<Value<IpAddr>>, PeerFault> {
    let source = match (&spec.source_address, &spec.source_address_from) {
        (None, None) => return Ok(None),
        (Some(text), None) => Value::Written(machine("sourceAddress", text)?),
        (None, Some(from)) => Value::OfNode(key("sourceAddressFrom", from)?),
        (Some(_), Some(_)) => return Err(PeerFault::Twice("sourceAddress", "sourceAddressFrom")),
    };
    match remote {
        Value::Written(Remote::Interface(_)) => Err(PeerFault::SourceOnInterface),
        Value::Written(Remote::Address(_) | Remote::Gateway(_)) | Value::OfNode(_) => Ok(Some(source)),
    }
}

fn own_identifier(spec: &BGPPeerSpec) -> Result<Option<Value<Ipv4Addr>>, PeerFault> {
    match (&spec.router_id, &spec.router_id_from) {
        (None, None) => Ok(None),
        (Some(text), None) => identifier(text).map(|identifier| Some(Value::Written(identifier))),
        (None, Some(from)) => key("routerIDFrom", from).map(|key| Some(Value::OfNode(key))),
        (Some(_), Some(_)) => Err(PeerFault::Twice("routerID", "routerIDFrom")),
    }
}

/// An address that one machine can have.
pub(super) fn machine(field: &'static str, text: &str) -> Result<IpAddr, PeerFault> {
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

pub(super) fn identifier(text: &str) -> Result<Ipv4Addr, PeerFault> {
    let identifier = text.parse().ok();
    let identifier = identifier.filter(|identifier: &Ipv4Addr| !identifier.is_unspecified());
    identifier.ok_or_else(|| PeerFault::RouterId(text.to_owned()))
}

/// P-BGP-47, -49
fn families(of_connection: Option<Family>, both: bool) -> BTreeSet<Family> {
    match of_connection {
        Some(family) if !both => [family].into(),
        Some(_) | None => [Family::V4, Family::V6].into(),
    }
}

/// The two ends of a session, as far as they are known.
pub(super) struct Ends<'a> {
    remote: Option<&'a Remote>,
    remote_family: Option<Family>,
    source: Option<IpAddr>,
    local_asn: Option<u32>,
    peer_asn: PeerAsn,
    multihop: bool,
    ttl_security: bool,
}

impl<'a> Ends<'a> {
    fn of(peer: &'a Peer) -> Self {
        Self {
            remote: peer.remote.written(),
            remote_family: peer.remote_family,
            source: peer.source.as_ref().and_then(Value::written).copied(),
            local_asn: peer.local_asn.written().copied(),
            peer_asn: peer.peer_asn,
            multihop: peer.multihop,
            ttl_security: peer.ttl_security,
        }
    }

    pub(super) fn on_node(session: &'a PeerSession) -> Self {
        Self {
            remote: Some(&session.dial.remote),
            remote_family: session.dial.remote.family(),
            source: session.dial.source,
            local_asn: Some(session.open.local_asn),
            peer_asn: session.open.peer_asn,
            multihop: session.dial.multihop,
            ttl_security: session.dial.ttl_security,
        }
    }

    /// Whether they go together.
    pub(super) fn check(&self) -> Result<(), PeerFault> {
        if let (Some(source_address), Some(family)) = (self.source, self.remote_family)
            && Family::of(source_address) != family
        {
            let remote = self
                .remote
                .map_or_else(|| family.to_string(), ToString::to_string);
            return Err(PeerFault::SourceFamily {
                source_address,
                remote,
            });
        }
        if !self.multihop {
            return Ok(());
        }
        let internal = match self.local_asn {
            Some(local_asn) => self.peer_asn.is_internal(local_asn),
            None => self.peer_asn == PeerAsn::Internal,
        };
        if internal {
            return Err(PeerFault::MultiHopInternal);
        }
        if self.ttl_security {
            return Err(PeerFault::MultiHopTtlSecurity);
        }
        match self.remote {
            Some(Remote::Interface(_)) => Err(PeerFault::MultiHopOnInterface),
            Some(Remote::Address(_) | Remote::Gateway(_)) | None => Ok(()),
        }
    }
}
