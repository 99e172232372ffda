//! What goes over the wire, as values: what cannot be decoded cannot be wrong later.

use std::net::{IpAddr, Ipv6Addr};
use std::ops::Deref;

pub mod arp;
pub mod ndp;

/// The shortest frame that Ethernet carries, without the check sequence (IEEE 802.3 §3.2.7). The hardware pads what is
/// shorter; virtual links do not, and some receivers drop it (A10).
pub const MINIMUM_FRAME: usize = 60;

/// The longest frame that is ever sent: a neighbour advertisement with a link-layer address.
pub const LONGEST_FRAME: usize = 86;

/// The octets of a frame that is to be sent, complete from the Ethernet header on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Octets {
    octets: [u8; LONGEST_FRAME],
    length: usize,
}

impl Octets {
    /// A copy of `frame`, which is no longer than [`LONGEST_FRAME`].
    fn of(frame: &[u8]) -> Self {
        let mut octets = [0; LONGEST_FRAME];
        octets[..frame.len()].copy_from_slice(frame);
        Self {
            octets,
            length: frame.len(),
        }
    }
}

impl Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

impl std::fmt::Debug for Octets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for octet in self.iter() {
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

/// The two protocols that say which station has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Address Resolution Protocol, for IPv4.
    Arp,
    /// Neighbor Discovery, for IPv6.
    Ndp,
}

impl Protocol {
    /// The protocol for this address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Arp,
            IpAddr::V6(_) => Self::Ndp,
        }
    }

    /// What a socket for frames of this protocol is bound to.
    pub fn ethertype(self) -> u16 {
        match self {
            Self::Arp => arp::ETHERTYPE,
            Self::Ndp => ndp::ETHERTYPE,
        }
    }

    /// What the EtherType of `frame` says; none for others, for VLANs and for what is too short to say.
    pub(crate) fn of_frame(frame: &[u8]) -> Option<Self> {
        let ethertype = frame.get(12..14)?;
        [Self::Arp, Self::Ndp]
            .into_iter()
            .find(|protocol| protocol.ethertype().to_be_bytes() == *ethertype)
    }
}

/// The group that is asked for `address`: all stations whose addresses end in the same 24 bits listen to it
/// (RFC 4291 §2.7.1).
pub fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N1: the example of RFC 4291 §2.7.1.
    #[test]
    fn the_solicited_node_group_has_the_last_24_bits_of_the_address() {
        let address = "4037::01:800:200e:8c6c".parse().unwrap();
        assert_eq!(
            solicited_node(address),
            "ff02::1:ff0e:8c6c".parse::<Ipv6Addr>().unwrap()
        );
    }

    #[test]
    fn a_frame_in_a_vlan_or_cut_off_is_of_neither_protocol() {
        let mut frame = [0; 60];
        frame[12..14].copy_from_slice(&[0x86, 0xdd]);
        assert_eq!(Protocol::of_frame(&frame), Some(Protocol::Ndp));
        assert_eq!(Protocol::of_frame(&frame[..13]), None);
        frame[12..14].copy_from_slice(&[0x81, 0x00]);
        assert_eq!(Protocol::of_frame(&frame), None);
    }
}
