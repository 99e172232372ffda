//! What another interface of this node says on the LAN that it shares with this one.
//!
//! The kernel drops IPv4 packets that come in with one of its own addresses as their source, before any UDP socket sees them
//! (`log_martians` of linux/ip-sysctl.rst). A packet socket does.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use claim::BootId;
use l2::filter::{Instruction, SNAP};

use crate::kernel::packet::{PacketSocket, SocketError};

const ETHERTYPE: u16 = 0x0800;
const ETHERNET: usize = 14;
/// Without options.
const IPV4: usize = 20;
const UDP: usize = 8;
/// Where a datagram has the number of its sender's life: behind version and number of the key.
const BOOT: usize = ETHERNET + IPV4 + UDP + 1 + 4;

// linux/bpf_common.h
const LOAD_OCTET: u16 = 0x30;
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Receives the datagrams of the node's other interfaces that reach this one by IPv4, and nothing else.
pub(super) struct Overheard {
    socket: PacketSocket,
    buffer: Box<[u8]>,
}

impl Overheard {
    pub(super) fn open(index: u32, port: u16, others: &BTreeMap<BootId, u32>) -> Result<Self, SocketError> {
        Ok(Self {
            socket: PacketSocket::open(index, ETHERTYPE, &filter(port, others))?,
            buffer: vec![0; SNAP].into_boxed_slice(),
        })
    }

    /// Listens to these from now on.
    pub(super) fn listen_to(&self, port: u16, others: &BTreeMap<BootId, u32>) -> Result<(), SocketError> {
        self.socket.attach(&filter(port, others))
    }

    /// Waits for a datagram: who sent it, and what it is. Nothing is lost when the future is dropped.
    pub(super) async fn receive(&mut self) -> Result<(IpAddr, &[u8]), SocketError> {
        loop {
            let length = self.socket.receive(&mut self.buffer).await?;
            let ends = datagram(&self.buffer[..length]);
            if let Some((source, ends)) = ends {
                return Ok((source, &self.buffer[ETHERNET + IPV4 + UDP..ends]));
            }
        }
    }
}

/// The source of the packet, and where it ends in the frame: short ones are padded.
fn datagram(frame: &[u8]) -> Option<(IpAddr, usize)> {
    let packet = frame.get(ETHERNET..)?;
    let total = u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]);
    let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
    let ends = ETHERNET + usize::from(total);
    let is_whole = (ETHERNET + IPV4 + UDP..=frame.len()).contains(&ends);
    is_whole.then_some((Ipv4Addr::from(source).into(), ends))
}

/// The program that lets through what comes from the link, to the group and the port of the speakers, of one of these lives.
fn filter(port: u16, others: &BTreeMap<BootId, u32>) -> Vec<Instruction> {
    let step = |code, k, jt, jf| Instruction { code, jt, jf, k };
    let at = |offset: usize| u32::try_from(offset).expect("an offset in a frame is small");
    let drop = step(RETURN, 0, 0, 0);
    let accept = step(RETURN, at(SNAP), 0, 0);
    let mut program = Vec::new();
    let mut unless = |code, offset, value| {
        program.extend([step(code, at(offset), 0, 0), step(IF_EQUAL, value, 1, 0), drop]);
    };
    unless(LOAD_HALF, 12, ETHERTYPE.into());
    unless(LOAD_OCTET, ETHERNET, 0x45); // version 4, five words
    unless(LOAD_HALF, ETHERNET + 8, 0xff11); // TTL 255, UDP
    unless(LOAD_WORD, ETHERNET + 16, claim::GROUP_V4.into());
    unless(LOAD_HALF, ETHERNET + IPV4 + 2, port.into());
    for BootId(boot) in others.keys() {
        let [high, low] = [boot >> 32, boot & u64::from(u32::MAX)]
            .map(|half| u32::try_from(half).expect("thirty-two bits"));
        program.extend([
            step(LOAD_WORD, at(BOOT), 0, 0),
            step(IF_EQUAL, high, 0, 3),
            step(LOAD_WORD, at(BOOT + 4), 0, 0),
            step(IF_EQUAL, low, 0, 1),
            accept,
        ]);
    }
    program.push(drop);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_ends_where_its_packet_does_whatever_pads_the_frame() {
        let mut frame = vec![0; ETHERNET];
        let mut packet = vec![
            0x45, 0, 0, 30, 0, 0, 0, 0, 255, 17, 0, 0, 192, 0, 2, 1, 224, 0, 0, 254,
        ];
        packet.extend([0; 26]);
        frame.extend(packet);
        assert_eq!(datagram(&frame), Some(([192, 0, 2, 1].into(), ETHERNET + 30)));
        assert_eq!(datagram(&frame[..ETHERNET + 29]), None, "cut short");
        frame[ETHERNET + 3] = 27;
        assert_eq!(datagram(&frame), None, "no room for its headers");
    }
}
