use std::net::IpAddr;

use ipnet::IpNet;
use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// The subnet that it is in, with the address; on a point-to-point link that of the other end.
    pub subnet: IpNet,
    /// What it is good for.
    pub kind: AddressKind,
}

/// What an address is good for: the earlier, the better to tell others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressKind {
    /// It stays until somebody takes it away.
    Permanent,
    /// It goes when nobody renews it: from DHCP, or from a router's advertisements.
    Dynamic,
    /// A further address of IPv4 in a subnet that has another, from which the kernel sends.
    Secondary,
    /// It is given up for another one after a while, so that nobody recognises the node (RFC 8981).
    Temporary,
    /// It is about to go: nothing new is to use it (RFC 4862 §5.5.4).
    Deprecated,
    /// It waits to be found unique, or was found not to be (RFC 4862 §5.4).
    Unusable,
}

impl Address {
    /// Whether anything may be sent from it.
    pub fn is_usable(&self) -> bool {
        self.kind != AddressKind::Unusable
    }

    pub(super) fn read(message: &AddressMessage) -> Option<Self> {
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
        let ip = local.unwrap_or(subnet);
        Some(Self {
            ip,
            subnet: IpNet::new(subnet, message.header.prefix_len).ok()?,
            kind: kind(ip, message.header.flags),
        })
    }
}

fn kind(ip: IpAddr, flags: AddressHeaderFlags) -> AddressKind {
    let unproven = AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed;
    if flags.intersects(unproven) && !flags.contains(AddressHeaderFlags::Optimistic) {
        AddressKind::Unusable
    } else if flags.contains(AddressHeaderFlags::Deprecated) {
        AddressKind::Deprecated
    } else if flags.contains(AddressHeaderFlags::Secondary) {
        // One bit with two meanings (linux/if_addr.h).
        match ip {
            IpAddr::V4(_) => AddressKind::Secondary,
            IpAddr::V6(_) => AddressKind::Temporary,
        }
    } else if flags.contains(AddressHeaderFlags::Permanent) {
        AddressKind::Permanent
    } else {
        AddressKind::Dynamic
    }
}
