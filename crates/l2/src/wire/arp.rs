//! ARP for IPv4 over Ethernet (RFC 826).

use std::net::Ipv4Addr;

use pnet_packet::Packet;
use pnet_packet::arp::{ArpHardwareTypes, ArpOperation, ArpOperations, ArpPacket, MutableArpPacket};
use pnet_packet::ethernet::{EtherTypes, EthernetPacket, MutableEthernetPacket};

use super::{MINIMUM_FRAME, Octets};
use crate::{Mac, MacError};

/// The Ethernet address of everybody.
pub const BROADCAST: [u8; 6] = [0xff; 6];

/// The EtherType of ARP.
pub const ETHERTYPE: u16 = 0x0806;

const HEADER: usize = EthernetPacket::minimum_packet_size();
const ARP_END: usize = HEADER + ArpPacket::minimum_packet_size();
const HARDWARE_LENGTH: u8 = 6;
const PROTOCOL_LENGTH: u8 = 4;

/// What an ARP frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Asks who has an address, or announces one (RFC 5227 §1.1).
    Request,
    /// Says who has an address.
    Reply,
}

/// An Ethernet frame that carries ARP for IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArpFrame {
    /// Where the frame goes: any octets, since any may arrive.
    pub destination: [u8; 6],
    /// Which station put it on the wire.
    pub source: Mac,
    /// Request or reply.
    pub operation: Operation,
    /// The station that the frame speaks of (SHA). A proxy's frame has another `source`.
    pub sender: Mac,
    /// The address that `sender` says it has (SPA); unspecified in a probe (RFC 5227 §1.1).
    pub sender_address: Ipv4Addr,
    /// The hardware address of the other side (THA): any octets, and without meaning in a request.
    pub target: [u8; 6],
    /// The address that is asked for, or of the station that is told (TPA).
    pub target_address: Ipv4Addr,
}

/// Why a frame is not ARP for IPv4 over Ethernet. All of these are the fault of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The frame ends before the ARP packet does.
    #[error("the frame ends after {0} octets")]
    Truncated(usize),
    /// The EtherType is not that of ARP.
    #[error("EtherType {0:#06x} is not ARP")]
    EtherType(u16),
    /// The hardware type (HTYPE) is not Ethernet.
    #[error("hardware type {0} is not Ethernet")]
    HardwareType(u16),
    /// The protocol type (PTYPE) is not IPv4.
    #[error("protocol type {0:#06x} is not IPv4")]
    ProtocolType(u16),
    /// The length of a hardware address (HLEN) is not that of Ethernet.
    #[error("hardware addresses of {0} octets")]
    HardwareLength(u8),
    /// The length of a protocol address (PLEN) is not that of IPv4.
    #[error("protocol addresses of {0} octets")]
    ProtocolLength(u8),
    /// Neither a request nor a reply.
    #[error("operation {0} is neither request nor reply")]
    Operation(u16),
    /// The station that sent the frame cannot be one.
    #[error("source: {0}")]
    Source(MacError),
    /// The station that the packet speaks of cannot be one (SHA).
    #[error("sender: {0}")]
    Sender(MacError),
}

impl ArpFrame {
    /// The announcement that `address` is at `mac` (A3).
    ///
    /// A request to everybody that names the address twice (RFC 5227 §2.3): Linux takes it at once in every state of its
    /// entry, unlike a gratuitous reply with a broadcast target.
    pub fn announcement(mac: Mac, address: Ipv4Addr) -> Self {
        Self {
            destination: BROADCAST,
            source: mac,
            operation: Operation::Request,
            sender: mac,
            sender_address: address,
            target: [0; 6],
            target_address: address,
        }
    }

    /// The question who has `address`, to everybody or to one station only.
    ///
    /// From the unspecified address it is a probe (RFC 5227 §1.1): no entry comes from it, and everybody answers it,
    /// whatever the subnets.
    pub fn question(mac: Mac, from: Ipv4Addr, address: Ipv4Addr, to: Option<Mac>) -> Self {
        Self {
            destination: to.map_or(BROADCAST, Mac::octets),
            sender_address: from,
            ..Self::announcement(mac, address)
        }
    }

    /// The answer to this request: the address that it asks for is at `mac`.
    pub fn answer(&self, mac: Mac) -> Self {
        Self {
            destination: self.sender.octets(),
            source: mac,
            operation: Operation::Reply,
            sender: mac,
            sender_address: self.target_address,
            target: self.sender.octets(),
            target_address: self.sender_address,
        }
    }

    /// Whether this asks who has `target_address`. An announcement has the form of a request and asks nothing
    /// (RFC 5227 §1.1).
    pub fn asks(&self) -> bool {
        self.operation == Operation::Request && self.sender_address != self.target_address
    }

    /// Reads a frame; what follows the packet is padding. Every octet may come from an enemy (A9).
    pub fn decode(frame: &[u8]) -> Result<Self, DecodeError> {
        let truncated = DecodeError::Truncated(frame.len());
        let ethernet = EthernetPacket::new(frame).ok_or(truncated)?;
        let ethertype = ethernet.get_ethertype();
        if ethertype != EtherTypes::Arp {
            return Err(DecodeError::EtherType(ethertype.0));
        }
        let arp = ArpPacket::new(ethernet.payload()).ok_or(truncated)?;
        let operation = check(&arp)?;
        Ok(Self {
            destination: ethernet.get_destination().into(),
            source: Mac::new(ethernet.get_source().into()).map_err(DecodeError::Source)?,
            operation,
            sender: Mac::new(arp.get_sender_hw_addr().into()).map_err(DecodeError::Sender)?,
            sender_address: arp.get_sender_proto_addr(),
            target: arp.get_target_hw_addr().into(),
            target_address: arp.get_target_proto_addr(),
        })
    }

    /// The frame as it goes on the wire, padded (A10).
    pub fn encode(&self) -> Octets {
        const PROOF: &str = "the frame is longer than its headers";
        let mut frame = [0; MINIMUM_FRAME];
        let mut ethernet = MutableEthernetPacket::new(&mut frame).expect(PROOF);
        ethernet.set_destination(self.destination.into());
        ethernet.set_source(self.source.octets().into());
        ethernet.set_ethertype(EtherTypes::Arp);
        let mut arp = MutableArpPacket::new(&mut frame[HEADER..ARP_END]).expect(PROOF);
        arp.set_hardware_type(ArpHardwareTypes::Ethernet);
        arp.set_protocol_type(EtherTypes::Ipv4);
        arp.set_hw_addr_len(HARDWARE_LENGTH);
        arp.set_proto_addr_len(PROTOCOL_LENGTH);
        arp.set_operation(match self.operation {
            Operation::Request => ArpOperations::Request,
            Operation::Reply => ArpOperations::Reply,
        });
        arp.set_sender_hw_addr(self.sender.octets().into());
        arp.set_sender_proto_addr(self.sender_address);
        arp.set_target_hw_addr(self.target.into());
        arp.set_target_proto_addr(self.target_address);
        Octets::of(&frame)
    }
}

fn check(arp: &ArpPacket<'_>) -> Result<Operation, DecodeError> {
    if arp.get_hardware_type() != ArpHardwareTypes::Ethernet {
        return Err(DecodeError::HardwareType(arp.get_hardware_type().0));
    }
    if arp.get_protocol_type() != EtherTypes::Ipv4 {
        return Err(DecodeError::ProtocolType(arp.get_protocol_type().0));
    }
    if arp.get_hw_addr_len() != HARDWARE_LENGTH {
        return Err(DecodeError::HardwareLength(arp.get_hw_addr_len()));
    }
    if arp.get_proto_addr_len() != PROTOCOL_LENGTH {
        return Err(DecodeError::ProtocolLength(arp.get_proto_addr_len()));
    }
    match arp.get_operation() {
        ArpOperations::Request => Ok(Operation::Request),
        ArpOperations::Reply => Ok(Operation::Reply),
        ArpOperation(other) => Err(DecodeError::Operation(other)),
    }
}

#[cfg(test)]
mod tests;
