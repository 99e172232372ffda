use std::net::Ipv6Addr;

use pnet_packet::Packet;
use pnet_packet::ethernet::{EtherTypes, EthernetPacket, MutableEthernetPacket};
use pnet_packet::icmpv6::{Icmpv6Packet, MutableIcmpv6Packet, checksum};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv6::{Ipv6Packet, MutableIpv6Packet};

use super::super::{LONGEST_FRAME, Octets};
use super::{DecodeError, HOP_LIMIT};
use crate::Mac;

const ETHERNET: usize = EthernetPacket::minimum_packet_size();
const HEADERS: usize = ETHERNET + Ipv6Packet::minimum_packet_size();

/// What stands before a message.
pub(super) struct Ipv6Header {
    pub(super) destination: [u8; 6],
    pub(super) source: Mac,
    pub(super) from: Ipv6Addr,
    pub(super) to: Ipv6Addr,
}

impl Ipv6Header {
    /// Reads the headers of a frame; with them comes the message as it is.
    pub(super) fn decode(frame: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let truncated = DecodeError::Truncated(frame.len());
        let ethernet = EthernetPacket::new(frame).ok_or(truncated)?;
        if ethernet.get_ethertype() != EtherTypes::Ipv6 {
            return Err(DecodeError::EtherType(ethernet.get_ethertype().0));
        }
        let packet = frame.get(ETHERNET..).ok_or(truncated)?;
        let header = Ipv6Packet::new(packet).ok_or(truncated)?;
        if header.get_version() != 6 {
            return Err(DecodeError::Version(header.get_version()));
        }
        // Also what refuses fragments and other extension headers: nobody needs them here (RFC 6980).
        if header.get_next_header() != IpNextHeaderProtocols::Icmpv6 {
            return Err(DecodeError::NextHeader(header.get_next_header().0));
        }
        if header.get_hop_limit() != HOP_LIMIT {
            return Err(DecodeError::HopLimit(header.get_hop_limit()));
        }
        let end = HEADERS + usize::from(header.get_payload_length());
        let message = frame.get(HEADERS..end).ok_or(truncated)?;
        let from = header.get_source();
        if from.is_multicast() {
            return Err(DecodeError::From(from));
        }
        let decoded = Self {
            destination: ethernet.get_destination().into(),
            source: Mac::new(ethernet.get_source().into()).map_err(DecodeError::Source)?,
            from,
            to: header.get_destination(),
        };
        Ok((decoded, message))
    }

    /// The frame with this message, whose checksum is filled in.
    pub(super) fn encode(&self, message: &mut [u8]) -> Octets {
        const PROOF: &str = "the frame is longer than its headers";
        let right = Icmpv6Packet::new(message).map(|packet| checksum(&packet, &self.from, &self.to));
        let mut packet = MutableIcmpv6Packet::new(message).expect(PROOF);
        packet.set_checksum(right.expect(PROOF));
        let mut frame = [0; LONGEST_FRAME];
        let mut ethernet = MutableEthernetPacket::new(&mut frame).expect(PROOF);
        ethernet.set_destination(self.destination.into());
        ethernet.set_source(self.source.octets().into());
        ethernet.set_ethertype(EtherTypes::Ipv6);
        let message = packet.packet();
        let mut header = MutableIpv6Packet::new(&mut frame[ETHERNET..]).expect(PROOF);
        header.set_version(6);
        header.set_payload_length(u16::try_from(message.len()).expect("a message is shorter than 64 KiB"));
        header.set_next_header(IpNextHeaderProtocols::Icmpv6);
        header.set_hop_limit(HOP_LIMIT);
        header.set_source(self.from);
        header.set_destination(self.to);
        let end = HEADERS + message.len();
        frame[HEADERS..end].copy_from_slice(message);
        Octets::of(&frame[..end])
    }
}
