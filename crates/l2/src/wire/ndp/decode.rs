use std::net::Ipv6Addr;

use pnet_packet::icmpv6::Icmpv6Types;
use pnet_packet::icmpv6::ndp::{
    NdpOptionType, NdpOptionTypes, NeighborAdvertFlags, NeighborAdvertPacket, NeighborSolicitPacket,
};

use super::header::Ipv6Header;
use super::{Advertisement, BODY, NdpFrame, Solicitation, checksums, solicited_node};
use crate::{Mac, MacError};

/// Why a frame is no solicitation or advertisement that counts (RFC 4861 §7.1). All of these are the fault of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The frame ends before the packet does.
    #[error("the frame ends after {0} octets")]
    Truncated(usize),
    /// The EtherType is not that of IPv6: a VLAN, for example.
    #[error("EtherType {0:#06x} is not IPv6")]
    EtherType(u16),
    /// Not version 6 of the Internet Protocol.
    #[error("IP version {0}")]
    Version(u8),
    /// Something else than ICMPv6, or something before it, such as the header of a fragment.
    #[error("next header {0} is not ICMPv6")]
    NextHeader(u8),
    /// The packet may have come through a router.
    #[error("hop limit {0} is not 255")]
    HopLimit(u8),
    /// The packet says that it comes from a group.
    #[error("the packet comes from the group {0}")]
    From(Ipv6Addr),
    /// The station that sent the frame cannot be one.
    #[error("source: {0}")]
    Source(MacError),
    /// The message has not even its fixed part.
    #[error("a message of {0} octets")]
    Short(usize),
    /// The checksum is not that of the message.
    #[error("checksum {0:#06x} is wrong")]
    Checksum(u16),
    /// Neither a solicitation nor an advertisement.
    #[error("type {0} is neither solicitation nor advertisement")]
    Type(u8),
    /// The code is not 0.
    #[error("code {0} is not 0")]
    Code(u8),
    /// The address that is asked for or spoken of is a group.
    #[error("the target {0} is a group")]
    Target(Ipv6Addr),
    /// An option is empty, or longer than what is left of the message.
    #[error("an option of {length} octets where {left} are left")]
    Option {
        /// The octets that it says it has.
        length: usize,
        /// The octets there are.
        left: usize,
    },
    /// A hardware address that is not of the length of those of Ethernet: the octets of its option.
    #[error("a link-layer address in an option of {0} octets")]
    LinkLayerLength(usize),
    /// The hardware address of an option cannot be that of a station.
    #[error("link-layer address: {0}")]
    LinkLayer(MacError),
    /// A question from nobody that does not go to those who may have the address.
    #[error("from nobody, and to {0} instead of the group of the target")]
    FromNobodyTo(Ipv6Addr),
    /// A question from nobody that says where nobody is.
    #[error("from nobody, at {0}")]
    FromNobodyAt(Mac),
    /// An advertisement to a group that says that it was asked for.
    #[error("an answer to the group {0}")]
    AnswerToGroup(Ipv6Addr),
}

pub(super) fn frame(frame: &[u8]) -> Result<NdpFrame, DecodeError> {
    let (header, message) = Ipv6Header::decode(frame)?;
    let short = DecodeError::Short(message.len());
    if message.len() < BODY {
        return Err(short);
    }
    let (kind, said, right) = checksums(message, header.from, header.to).ok_or(short)?;
    if said != right {
        return Err(DecodeError::Checksum(said));
    }
    match kind {
        Icmpv6Types::NeighborSolicit => solicitation(&header, message).map(NdpFrame::Solicitation),
        Icmpv6Types::NeighborAdvert => advertisement(&header, message).map(NdpFrame::Advertisement),
        other => Err(DecodeError::Type(other.0)),
    }
}

fn solicitation(header: &Ipv6Header, message: &[u8]) -> Result<Solicitation, DecodeError> {
    let packet = NeighborSolicitPacket::new(message).ok_or(DecodeError::Short(message.len()))?;
    let target = packet.get_target_addr();
    check(packet.get_icmpv6_code().0, target)?;
    let link_layer = link_layer(message, NdpOptionTypes::SourceLLAddr)?;
    if header.from.is_unspecified() {
        if header.to != solicited_node(target) {
            return Err(DecodeError::FromNobodyTo(header.to));
        }
        if let Some(mac) = link_layer {
            return Err(DecodeError::FromNobodyAt(mac));
        }
    }
    Ok(Solicitation {
        destination: header.destination,
        source: header.source,
        from: header.from,
        to: header.to,
        target,
        link_layer,
    })
}

fn advertisement(header: &Ipv6Header, message: &[u8]) -> Result<Advertisement, DecodeError> {
    let packet = NeighborAdvertPacket::new(message).ok_or(DecodeError::Short(message.len()))?;
    let target = packet.get_target_addr();
    check(packet.get_icmpv6_code().0, target)?;
    let has = |flag| packet.get_flags() & flag != 0;
    if has(NeighborAdvertFlags::Solicited) && header.to.is_multicast() {
        return Err(DecodeError::AnswerToGroup(header.to));
    }
    Ok(Advertisement {
        destination: header.destination,
        source: header.source,
        from: header.from,
        to: header.to,
        target,
        router: has(NeighborAdvertFlags::Router),
        solicited: has(NeighborAdvertFlags::Solicited),
        overrides: has(NeighborAdvertFlags::Override),
        link_layer: link_layer(message, NdpOptionTypes::TargetLLAddr)?,
    })
}

fn check(code: u8, target: Ipv6Addr) -> Result<(), DecodeError> {
    if code != 0 {
        return Err(DecodeError::Code(code));
    }
    if target.is_multicast() {
        return Err(DecodeError::Target(target));
    }
    Ok(())
}

/// The hardware address in the first option of this kind. All options must be sound, those of unknown kinds too.
fn link_layer(message: &[u8], wanted: NdpOptionType) -> Result<Option<Mac>, DecodeError> {
    let mut options = message.get(BODY..).unwrap_or_default();
    let mut found = None;
    while !options.is_empty() {
        let left = options.len();
        let length = options.get(1).map_or(0, |units| 8 * usize::from(*units));
        let (option, rest) = (length > 0)
            .then(|| options.split_at_checked(length))
            .flatten()
            .ok_or(DecodeError::Option { length, left })?;
        if option.first() == Some(&wanted.0) && found.is_none() {
            found = Some(station(option)?);
        }
        options = rest;
    }
    Ok(found)
}

fn station(option: &[u8]) -> Result<Mac, DecodeError> {
    let octets = option
        .get(2..)
        .and_then(|octets| <[u8; 6]>::try_from(octets).ok());
    let octets = octets.ok_or(DecodeError::LinkLayerLength(option.len()))?;
    Mac::new(octets).map_err(DecodeError::LinkLayer)
}
