use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

use socket2::SockFilter;
use tokio::net::UdpSocket;

use super::message::ALL_ROUTERS;
use crate::kernel::reserve::{Kind, Lent};

/// What no router has let through (RFC 4861 §6.1).
const HOP_LIMIT: u32 = 255;
const SOLICITATION: u32 = 133;
const ADVERTISEMENT: u32 = 134;

// linux/bpf_common.h and linux/filter.h: loads from SKF_NET_OFF on read the network header, which this socket does not see.
const LOAD_WORD: u16 = 0x20;
const LOAD_OCTET: u16 = 0x30;
const IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const NETWORK_HEADER: u32 = 0xfff0_0000;
const INTERFACE_INDEX: u32 = 0xffff_f008;
const HOP_LIMIT_OF_IPV6: u32 = 7;

/// A socket for the messages of router discovery on one interface.
///
/// It is a raw one; to the runtime it is like that of UDP: whole messages, and an address with each.
#[derive(Debug)]
pub(super) struct RouterSocket {
    socket: UdpSocket,
    lent: Lent,
    index: u32,
}

impl RouterSocket {
    /// # Errors
    /// The operating system refuses: without `NET_RAW` there is no such socket.
    pub(super) fn open(index: u32) -> io::Result<Self> {
        let lent = Lent::take(Kind::Icmpv6)?;
        // A socket that is tied to an interface could not be tied to another one without NET_RAW: the filter does it.
        lent.attach_filter(&[
            SockFilter::new(LOAD_WORD, 0, 0, INTERFACE_INDEX),
            SockFilter::new(IF_EQUAL, 0, 5, index),
            SockFilter::new(LOAD_OCTET, 0, 0, NETWORK_HEADER + HOP_LIMIT_OF_IPV6),
            SockFilter::new(IF_EQUAL, 0, 3, HOP_LIMIT),
            SockFilter::new(LOAD_OCTET, 0, 0, 0),
            SockFilter::new(IF_EQUAL, 2, 0, SOLICITATION),
            SockFilter::new(IF_EQUAL, 1, 0, ADVERTISEMENT),
            SockFilter::new(RETURN, 0, 0, 0),
            SockFilter::new(RETURN, 0, 0, u32::MAX),
        ])?;
        lent.set_multicast_hops_v6(HOP_LIMIT)?;
        lent.set_multicast_loop_v6(false)?;
        lent.set_multicast_if_v6(index)?;
        lent.join_multicast_v6(&ALL_ROUTERS, index)?;
        let socket = UdpSocket::from_std(lent.try_clone()?.into())?;
        Ok(Self { socket, lent, index })
    }

    /// Sends to a group of the link.
    pub(super) async fn send(&self, octets: &[u8], group: Ipv6Addr) -> io::Result<()> {
        let to = SocketAddr::from(SocketAddrV6::new(group, 0, 0, self.index));
        self.socket.send_to(octets, to).await.map(drop)
    }

    /// Waits for a message; how long it is and who sent it. Nothing is lost when the future is dropped.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.recv_from(buffer).await
    }
}

impl Drop for RouterSocket {
    fn drop(&mut self) {
        // An interface that is gone has forgotten its members.
        let _ = self.lent.leave_multicast_v6(&ALL_ROUTERS, self.index);
    }
}
