use std::net::{Ipv4Addr, Ipv6Addr};

use model::Family;

use super::super::update::{EXTENDED_LENGTH, OPTIONAL, TRANSITIVE, code};
use super::super::{FamilyCode, Form, Open, zetta};
use crate::route::{Attributes, DEFAULT_LOCAL_PREF};

/// What routes are announced with, all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<'a> {
    /// Our AS number.
    pub local_asn: u32,
    /// What was asked for.
    pub attributes: &'a Attributes,
    /// Where the packets go.
    pub next_hop: NextHop,
}

/// Where packets for a route are to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextHop {
    /// An IPv4 address: for IPv4 routes.
    V4(Ipv4Addr),
    /// An IPv6 address: for IPv6 routes, and for IPv4 routes where that was agreed on.
    V6 {
        /// It.
        global: Ipv6Addr,
        /// Where the peer is on the same link, the link-local address as well (RFC 2545 §3).
        link_local: Option<Ipv6Addr>,
    },
    /// Only a link-local address, as on links that have no other: in the place of the global one.
    LinkLocal(Ipv6Addr),
}

/// RFC 10005: link bandwidth, within an AS: not to be passed on.
const LINK_BANDWIDTH: [u8; 2] = [0x40, 0x04];
/// The same to another AS: what is not transitive ends at its border (RFC 4360 §6), and is not looked at behind it.
const TRANSITIVE_LINK_BANDWIDTH: [u8; 2] = [0x00, 0x04];
/// RFC 4271 §4.3: the numbers are in order.
const AS_SEQUENCE: u8 = 2;

/// Which attribute holds the next hop.
pub(super) enum Place {
    Plain(Ipv4Addr),
    Multiprotocol(Vec<u8>),
}

impl Place {
    /// None: a next hop of this kind is not for routes of this family, or not agreed on.
    pub(super) fn new(form: &Form, family: Family, next_hop: NextHop) -> Option<Self> {
        match (family, next_hop) {
            (Family::V4, NextHop::V4(address)) => Some(Self::Plain(address)),
            (Family::V6, NextHop::V4(_)) => None,
            (Family::V4, NextHop::V6 { .. } | NextHop::LinkLocal(_)) if !form.v4_next_hop_v6 => None,
            (Family::V4 | Family::V6, NextHop::V6 { global, link_local }) => {
                let addresses = [Some(global), link_local].into_iter().flatten();
                Some(Self::Multiprotocol(
                    addresses.flat_map(|address| address.octets()).collect(),
                ))
            }
            (Family::V4 | Family::V6, NextHop::LinkLocal(address)) => {
                Some(Self::Multiprotocol(address.octets().to_vec()))
            }
        }
    }
}

/// All attributes but MP_REACH_NLRI, in the order of their codes.
pub(super) fn attributes(form: &Form, path: &Path<'_>, place: &Place) -> Vec<u8> {
    let wanted = path.attributes;
    let mut octets = attribute(TRANSITIVE, code::ORIGIN, &zetta::origin());
    let mut add = |flags, code, value: Vec<u8>| octets.extend(attribute(flags, code, &value));
    add(TRANSITIVE, code::AS_PATH, as_path(form, path, form.four_octet_as));
    if let Place::Plain(address) = place {
        add(TRANSITIVE, code::NEXT_HOP, zetta::next_hop(*address));
    }
    if let Some(med) = wanted.med {
        add(OPTIONAL, code::MED, zetta::med(med));
    }
    if form.internal {
        let local_pref = wanted.local_pref.unwrap_or(DEFAULT_LOCAL_PREF);
        add(TRANSITIVE, code::LOCAL_PREF, zetta::local_pref(local_pref));
    }
    if !wanted.communities.is_empty() {
        let value = zetta::communities(&wanted.communities);
        add(OPTIONAL | TRANSITIVE, code::COMMUNITIES, value);
    }
    if let Some(bandwidth) = wanted.link_bandwidth {
        let asn = Open::two_octets(path.local_asn);
        let kind = if form.internal {
            LINK_BANDWIDTH
        } else {
            TRANSITIVE_LINK_BANDWIDTH
        };
        let value = zetta::extended_community(kind, asn, (bandwidth.0 as f32).to_bits());
        add(OPTIONAL | TRANSITIVE, code::EXTENDED_COMMUNITIES, value);
    }
    if !form.four_octet_as && !form.internal && u16::try_from(path.local_asn).is_err() {
        // RFC 6793 §4.2.2: what two octets could not say.
        add(OPTIONAL | TRANSITIVE, code::AS4_PATH, as_path(form, path, true));
    }
    if !wanted.large_communities.is_empty() {
        let value = zetta::large_communities(&wanted.large_communities);
        add(OPTIONAL | TRANSITIVE, code::LARGE_COMMUNITY, value);
    }
    octets
}

/// Our own AS number, once and as often as asked for beyond that. Nothing within the AS, where each speaker refuses a path that
/// has its own number in it (RFC 4271 §5.1.2, §9.1.2).
fn as_path(form: &Form, path: &Path<'_>, four_octets: bool) -> Vec<u8> {
    if form.internal {
        return Vec::new();
    }
    let count = path.attributes.prepend.saturating_add(1);
    let number = if four_octets {
        path.local_asn.to_be_bytes().to_vec()
    } else {
        Open::two_octets(path.local_asn).to_be_bytes().to_vec()
    };
    [vec![AS_SEQUENCE, count], number.repeat(count.into())].concat()
}

pub(super) fn mp_reach(family: FamilyCode, next_hop: &[u8], nlri: &[u8]) -> Vec<u8> {
    let [high, low] = family.afi.to_be_bytes();
    let before = [high, low, family.safi, next_hop.len() as u8];
    attribute(
        OPTIONAL,
        code::MP_REACH,
        &[&before, next_hop, &[0], nlri].concat(),
    )
}

pub(super) fn mp_unreach(family: FamilyCode, nlri: &[u8]) -> Vec<u8> {
    let [high, low] = family.afi.to_be_bytes();
    let before = [high, low, family.safi];
    attribute(OPTIONAL, code::MP_UNREACH, &[&before, nlri].concat())
}

/// An attribute whose length has as many octets as it needs (U8).
fn attribute(flags: u8, code: u8, value: &[u8]) -> Vec<u8> {
    let header = match u8::try_from(value.len()) {
        Ok(length) => vec![flags, code, length],
        Err(_) => {
            let [high, low] = (value.len() as u16).to_be_bytes();
            vec![flags | EXTENDED_LENGTH, code, high, low]
        }
    };
    [header.as_slice(), value].concat()
}
