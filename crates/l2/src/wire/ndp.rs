//! Neighbor Discovery for IPv6 over Ethernet (RFC 4861): solicitations and advertisements.

use std::net::Ipv6Addr;

use pnet_packet::icmpv6::ndp::{
    Icmpv6Codes, MutableNeighborAdvertPacket, MutableNeighborSolicitPacket, NdpOptionType, NdpOptionTypes,
    NeighborAdvertFlags,
};
use pnet_packet::icmpv6::{Icmpv6Packet, Icmpv6Type, Icmpv6Types, checksum};

use super::{Octets, solicited_node};
use crate::Mac;

mod decode;
mod header;

pub use decode::DecodeError;

/// The EtherType of IPv6.
pub const ETHERTYPE: u16 = 0x86dd;

/// Everybody on the link (RFC 4291 §2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// What proves that a packet comes from the link and not through a router.
const HOP_LIMIT: u8 = 255;

/// Both messages are as long without options.
const BODY: usize = 24;
const OPTION: usize = 8;

/// An Ethernet frame with a message of Neighbor Discovery that says who has an address, or asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NdpFrame {
    /// Asks.
    Solicitation(Solicitation),
    /// Says.
    Advertisement(Advertisement),
}

/// The question who has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solicitation {
    /// Where the frame goes: any octets, since any may arrive.
    pub destination: [u8; 6],
    /// Which station put the frame on the wire.
    pub source: Mac,
    /// Who asks; unspecified when a station looks whether the address is free (RFC 4862 §5.4).
    pub from: Ipv6Addr,
    /// Where the packet goes: a group, or the address that is asked for.
    pub to: Ipv6Addr,
    /// The address that is asked for. Never a group.
    pub target: Ipv6Addr,
    /// The hardware address of who asks, if it says it. None in a question from nobody.
    pub link_layer: Option<Mac>,
}

/// The statement who has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// Where the frame goes: any octets, since any may arrive.
    pub destination: [u8; 6],
    /// Which station put the frame on the wire.
    pub source: Mac,
    /// Who says it.
    pub from: Ipv6Addr,
    /// Where the packet goes: who asked, or everybody.
    pub to: Ipv6Addr,
    /// The address that is spoken of. Never a group.
    pub target: Ipv6Addr,
    /// Whether who has the address is a router.
    pub router: bool,
    /// Whether somebody asked. Never in what goes to a group.
    pub solicited: bool,
    /// Whether it counts against what the receiver knew before.
    pub overrides: bool,
    /// The hardware address of who has the address, if it is said.
    pub link_layer: Option<Mac>,
}

impl NdpFrame {
    /// Reads a frame; what follows the packet is padding. Every octet may come from an enemy (N2).
    pub fn decode(frame: &[u8]) -> Result<Self, DecodeError> {
        decode::frame(frame)
    }
}

impl Solicitation {
    /// The question who has `target`: to all that may have it, or to one station only.
    ///
    /// From the unspecified address it is the question whether the address is free (RFC 4862 §5.4.2), which is answered
    /// to everybody.
    pub fn question(mac: Mac, from: Ipv6Addr, target: Ipv6Addr, station: Option<Mac>) -> Self {
        let to = match station {
            Some(_) if !from.is_unspecified() => target,
            Some(_) | None => solicited_node(target),
        };
        Self {
            destination: station.map_or_else(|| group(solicited_node(target)), Mac::octets),
            source: mac,
            from,
            to,
            target,
            link_layer: (!from.is_unspecified()).then_some(mac),
        }
    }

    /// The station that asks. It need not say so in a question to one station (N4).
    pub fn asker(&self) -> Mac {
        self.link_layer.unwrap_or(self.source)
    }

    /// The answer: the address that is asked for is at `mac` (N3). To everybody, if nobody asked (N5).
    ///
    /// It overrides what the asker knew, since nobody else may speak for the address (RFC 4861 §7.2.4), and Linux with
    /// another entry would keep that one otherwise. It comes from the address itself, so that no other one is needed
    /// (N9).
    pub fn answer(&self, mac: Mac) -> Advertisement {
        let announcement = Advertisement::announcement(mac, self.target);
        if self.from.is_unspecified() {
            return announcement;
        }
        Advertisement {
            destination: self.asker().octets(),
            to: self.from,
            solicited: true,
            ..announcement
        }
    }

    /// The frame as it goes on the wire.
    pub fn encode(&self) -> Octets {
        let option = self.link_layer.map(|mac| (NdpOptionTypes::SourceLLAddr, mac));
        let mut body = body(option);
        {
            let mut message = MutableNeighborSolicitPacket::new(&mut body).expect(PROOF);
            message.set_icmpv6_type(Icmpv6Types::NeighborSolicit);
            message.set_icmpv6_code(Icmpv6Codes::NoCode);
            message.set_target_addr(self.target);
        }
        let length = BODY + option.map_or(0, |_| OPTION);
        header::Ipv6Header {
            destination: self.destination,
            source: self.source,
            from: self.from,
            to: self.to,
        }
        .encode(&mut body[..length])
    }
}

impl Advertisement {
    /// The announcement that `address` is at `mac` (N7, RFC 4861 §7.2.6): to everybody, against what they knew before.
    ///
    /// That includes the routers, which make an entry of it when they have none (RFC 9131 §6.1.1), so that a new address
    /// needs no announcement of another form.
    pub fn announcement(mac: Mac, address: Ipv6Addr) -> Self {
        Self {
            destination: group(ALL_NODES),
            source: mac,
            from: address,
            to: ALL_NODES,
            target: address,
            router: false,
            solicited: false,
            overrides: true,
            link_layer: Some(mac),
        }
    }

    /// The station that the frame says has the address.
    pub fn sender(&self) -> Mac {
        self.link_layer.unwrap_or(self.source)
    }

    /// The frame as it goes on the wire.
    pub fn encode(&self) -> Octets {
        let option = self.link_layer.map(|mac| (NdpOptionTypes::TargetLLAddr, mac));
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let mut body = body(option);
        {
            let mut message = MutableNeighborAdvertPacket::new(&mut body).expect(PROOF);
            message.set_icmpv6_type(Icmpv6Types::NeighborAdvert);
            message.set_icmpv6_code(Icmpv6Codes::NoCode);
            message.set_flags(
                flag(self.router, NeighborAdvertFlags::Router)
                    | flag(self.solicited, NeighborAdvertFlags::Solicited)
                    | flag(self.overrides, NeighborAdvertFlags::Override),
            );
            message.set_target_addr(self.target);
        }
        let length = BODY + option.map_or(0, |_| OPTION);
        header::Ipv6Header {
            destination: self.destination,
            source: self.source,
            from: self.from,
            to: self.to,
        }
        .encode(&mut body[..length])
    }
}

const PROOF: &str = "the message is longer than its fixed part";

/// The Ethernet address of a group (RFC 2464 §7).
fn group(address: Ipv6Addr) -> [u8; 6] {
    let [.., a, b, c, d] = address.octets();
    [0x33, 0x33, a, b, c, d]
}

/// Room for a message with one option, which is in place already.
fn body(option: Option<(NdpOptionType, Mac)>) -> [u8; BODY + OPTION] {
    let mut body = [0; BODY + OPTION];
    if let Some((kind, mac)) = option {
        body[BODY] = kind.0;
        body[BODY + 1] = 1; // in units of eight octets
        body[BODY + 2..].copy_from_slice(&mac.octets());
    }
    body
}

/// What the message says its checksum is, and what it should be; with the type.
fn checksums(message: &[u8], from: Ipv6Addr, to: Ipv6Addr) -> Option<(Icmpv6Type, u16, u16)> {
    let packet = Icmpv6Packet::new(message)?;
    let right = checksum(&packet, &from, &to);
    Some((packet.get_icmpv6_type(), packet.get_checksum(), right))
}

#[cfg(test)]
mod tests;
