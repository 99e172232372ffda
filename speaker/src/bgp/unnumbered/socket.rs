use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::net::UdpSocket;

use super::message::ALL_ROUTERS;

/// What no router has let through (RFC 4861 §6.1).
const HOP_LIMIT: u32 = 255;
const SOLICITATION: u32 = 133;
const ADVERTISEMENT: u32 = 134;

// linux/bpf_common.h and linux/filter.h: loads from SKF_NET_OFF on read the network header, which this socket does not see.
const LOAD_OCTET: u16 = 0x30;
const IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const NETWORK_HEADER: u32 = 0xfff0_0000;
const HOP_LIMIT_OF_IPV6: u32 = 7;

/// A socket for the messages of router discovery on one interface.
///
/// It is a raw one; to the runtime it is like that of UDP: whole messages, and an address with each.
#[derive(Debug)]
pub(super) struct RouterSocket {
    socket: UdpSocket,
    index: u32,
}

impl RouterSocket {
    /// # Errors
    /// The operating system refuses: without `NET_RAW` there is no such socket.
    pub(super) fn open(interface: &str, index: u32) -> io::Result<Self> {
        let kind = Type::RAW.nonblocking().cloexec();
        let socket = Socket::new(Domain::IPV6, kind, Some(Protocol::ICMPV6))?;
        socket.attach_filter(&[
            SockFilter::new(LOAD_OCTET, 0, 0, NETWORK_HEADER + HOP_LIMIT_OF_IPV6),
            SockFilter::new(IF_EQUAL, 0, 3, HOP_LIMIT),
            SockFilter::new(LOAD_OCTET, 0, 0, 0),
            SockFilter::new(IF_EQUAL, 2, 0, SOLICITATION),
            SockFilter::new(IF_EQUAL, 1, 0, ADVERTISEMENT),
            SockFilter::new(RETURN, 0, 0, 0),
            SockFilter::new(RETURN, 0, 0, u32::MAX),
        ])?;
        socket.bind_device(Some(interface.as_bytes()))?;
        socket.set_multicast_hops_v6(HOP_LIMIT)?;
        socket.set_multicast_loop_v6(false)?;
        socket.set_multicast_if_v6(index)?;
        socket.join_multicast_v6(&ALL_ROUTERS, index)?;
        let socket = UdpSocket::from_std(socket.into())?;
        Ok(Self { socket, index })
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
