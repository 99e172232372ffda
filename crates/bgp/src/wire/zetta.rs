//! The one place that knows `zettabgp`, for what it encodes right: values of attributes, and prefixes. Flags, lengths, AS paths and
//! next hops of IPv6 it does not, and none of its decoders is ever shown an octet.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use zettabgp::prelude::{
    BgpAddrV4, BgpAddrV6, BgpAttr, BgpAttrOrigin, BgpCommunity, BgpCommunityList, BgpExtCommunity,
    BgpExtCommunityList, BgpItem, BgpLargeCommunity, BgpLargeCommunityList, BgpLocalpref, BgpMED, BgpNextHop,
    BgpOrigin, BgpSessionParams, BgpTransportMode, encode_bgpitems_to,
};

use crate::community::{Community, LargeCommunity};

/// ORIGIN: the routes are ours.
pub(super) fn origin() -> Vec<u8> {
    value(&BgpOrigin::new(BgpAttrOrigin::Igp), 1)
}

pub(super) fn next_hop(address: Ipv4Addr) -> Vec<u8> {
    value(&BgpNextHop::new(IpAddr::V4(address)), 4)
}

pub(super) fn med(number: u32) -> Vec<u8> {
    value(&BgpMED::new(number), 4)
}

pub(super) fn local_pref(number: u32) -> Vec<u8> {
    value(&BgpLocalpref::new(number), 4)
}

pub(super) fn communities(communities: &BTreeSet<Community>) -> Vec<u8> {
    let each = communities.iter().map(|community| BgpCommunity::new(community.0));
    value(&BgpCommunityList::from_vec(each.collect()), 4 * communities.len())
}

pub(super) fn large_communities(communities: &BTreeSet<LargeCommunity>) -> Vec<u8> {
    let mut list = BgpLargeCommunityList::new();
    list.value = communities
        .iter()
        .map(|community| BgpLargeCommunity {
            ga: community.global,
            ldp1: community.local_1,
            ldp2: community.local_2,
        })
        .collect();
    value(&list, 12 * communities.len())
}

/// Extended communities: one, of this type and subtype.
pub(super) fn extended_community(kind: [u8; 2], a: u16, b: u32) -> Vec<u8> {
    let [ctype, subtype] = kind;
    let community = BgpExtCommunity { ctype, subtype, a, b };
    value(&BgpExtCommunityList::from_vec(vec![community]), 8)
}

/// The prefixes of one family one after another.
pub(super) fn prefixes(prefixes: &[IpNet]) -> Vec<u8> {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for prefix in prefixes {
        match prefix {
            IpNet::V4(prefix) => v4.push(BgpAddrV4::new(prefix.network(), prefix.prefix_len())),
            IpNet::V6(prefix) => v6.push(BgpAddrV6::new(prefix.network(), prefix.prefix_len())),
        }
    }
    [items(&v4, 5), items(&v6, 17)].concat()
}

/// `longest` is what one item may take.
fn items<T: BgpItem<T>>(items: &[T], longest: usize) -> Vec<u8> {
    written(items.len() * longest, |room| encode_bgpitems_to(items, room))
}

fn value(attribute: &impl BgpAttr, length: usize) -> Vec<u8> {
    // Of the session only the transport is looked at: whether a next hop is to be of IPv4.
    let session = BgpSessionParams::new(
        0,
        0,
        BgpTransportMode::IPv4,
        Ipv4Addr::UNSPECIFIED,
        BTreeSet::new().into_iter().collect(),
    );
    written(length, |room| attribute.encode_to(&session, room))
}

/// What `write` puts into a room of this size. A room that is too small is the only thing that can go wrong, and panics: each
/// caller gives what the format says is needed.
fn written<E: std::fmt::Debug>(room: usize, write: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Vec<u8> {
    let mut octets = vec![0; room];
    let length = write(&mut octets).expect("the room is large enough");
    octets.truncate(length);
    octets
}
