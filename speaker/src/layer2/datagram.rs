//! The datagrams of the segment protocol, to and from one interface: a UDP socket for each family that the interface has.
//!
//! The kernel hands over only what comes with a TTL or hop limit of 255, which no router has let through.

#![allow(
    unsafe_code,
    reason = "tokio's own sockets are woken by what they send; another one is registered by unsafe code alone"
)]

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, SockFilter, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

const TTL: u32 = 255;

// linux/bpf_common.h and linux/filter.h: loads from SKF_NET_OFF on read the network header, which a UDP socket does not see.
const LOAD_OCTET: u16 = 0x30;
const IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const NETWORK_HEADER: u32 = 0xfff0_0000;
const TTL_OF_IPV4: u32 = 8;
const HOP_LIMIT_OF_IPV6: u32 = 7;

/// What the operating system refused.
#[derive(Debug, thiserror::Error)]
#[error("no datagrams by {family} on {iface}: {source}")]
pub struct DatagramError {
    family: &'static str,
    iface: String,
    source: io::Error,
}

/// The socket of one family. Only what arrives wakes anybody: a `tokio::net::UdpSocket` would wake its task after each datagram
/// that has been sent, too, which is a third of all there would be to wake for.
type Half = AsyncFd<UdpSocket>;

/// The sockets of one interface.
#[derive(Debug)]
pub struct DatagramSocket {
    v4: Option<Half>,
    v6: Option<Half>,
    /// Whether the kernel hands over what comes by IPv6.
    hears_v6: bool,
    index: u32,
}

/// Which families an interface has addresses of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Families {
    /// An IPv4 address.
    pub v4: bool,
    /// An IPv6 link-local address.
    pub v6: bool,
}

impl DatagramSocket {
    /// Joins the groups on the interface, in the families that it has.
    ///
    /// # Errors
    /// The operating system refuses one of them.
    pub fn open(iface: &str, index: u32, families: Families) -> Result<Self, DatagramError> {
        let error = |family| {
            move |source| DatagramError {
                family,
                iface: iface.to_owned(),
                source,
            }
        };
        let v4 = families
            .v4
            .then(|| v4(iface, index))
            .transpose()
            .map_err(error("IPv4"))?;
        let v6 = families
            .v6
            .then(|| v6(iface, index))
            .transpose()
            .map_err(error("IPv6"))?;
        Ok(Self {
            v4,
            v6,
            hears_v6: true,
            index,
        })
    }

    /// Sends to the groups; whether at least one copy got out. What does not is lost, as anything on a network can be.
    pub fn send(&self, octets: &[u8]) -> bool {
        let v4 = SocketAddr::from((claim::GROUP_V4, claim::PORT));
        let v6 = SocketAddr::from(SocketAddrV6::new(claim::GROUP_V6, claim::PORT, 0, self.index));
        let sent = |socket: &Option<Half>, to| {
            socket
                .as_ref()
                .is_some_and(|socket| socket.get_ref().send_to(octets, to).is_ok())
        };
        let (v4, v6) = (sent(&self.v4, v4), sent(&self.v6, v6));
        v4 || v6
    }

    /// Whether what comes by IPv6 is of use. While it is not, and there is IPv4, the kernel drops it, and wakes nobody.
    ///
    /// # Errors
    /// The operating system refuses to hand it over again.
    pub fn hear_ipv6(&mut self, hear: bool) -> io::Result<()> {
        let (Some(_), Some(v6)) = (&self.v4, &self.v6) else {
            return Ok(());
        };
        if self.hears_v6 == hear {
            return Ok(());
        }
        let filtered = if hear {
            SockRef::from(v6.get_ref()).attach_filter(&only_from_the_link(HOP_LIMIT_OF_IPV6))
        } else {
            SockRef::from(v6.get_ref()).attach_filter(&[SockFilter::new(RETURN, 0, 0, 0)])
        };
        match filtered {
            Ok(()) => self.hears_v6 = hear,
            Err(error) if hear => return Err(error),
            Err(_) => {} // It is heard in vain, as before.
        }
        Ok(())
    }

    /// Waits for a datagram; how long it is and who sent it. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// Receiving failed: the interface is gone, most likely.
    pub async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, IpAddr)> {
        loop {
            tokio::select! {
                ready = readable(&self.v4) => ready?,
                ready = readable(&self.v6) => ready?,
            }
            if let Some(received) = self.receive_waiting(buffer)? {
                return Ok(received);
            }
        }
    }

    /// A datagram that has arrived, if there is one.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn receive_waiting(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, IpAddr)>> {
        for socket in [&self.v4, &self.v6].into_iter().flatten() {
            match socket.try_io(Interest::READABLE, |socket| socket.recv_from(buffer)) {
                Ok((length, source)) => return Ok(Some((length, source.ip()))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

async fn readable(socket: &Option<Half>) -> io::Result<()> {
    match socket {
        Some(socket) => socket.readable().await.map(drop),
        None => std::future::pending().await,
    }
}

fn v4(iface: &str, index: u32) -> io::Result<Half> {
    let socket = socket(Domain::IPV4, iface, TTL_OF_IPV4)?;
    let of = InterfaceIndexOrAddress::Index(index);
    // The device that the socket is bound to is the one that it sends on.
    socket.join_multicast_v4_n(&claim::GROUP_V4, &of)?;
    socket.set_multicast_loop_v4(false)?;
    socket.set_multicast_ttl_v4(TTL)?;
    bound(socket, (Ipv4Addr::UNSPECIFIED, claim::PORT).into())
}

fn v6(iface: &str, index: u32) -> io::Result<Half> {
    let socket = socket(Domain::IPV6, iface, HOP_LIMIT_OF_IPV6)?;
    socket.set_only_v6(true)?;
    socket.join_multicast_v6(&claim::GROUP_V6, index)?;
    socket.set_multicast_if_v6(index)?;
    socket.set_multicast_loop_v6(false)?;
    socket.set_multicast_hops_v6(TTL)?;
    bound(socket, (Ipv6Addr::UNSPECIFIED, claim::PORT).into())
}

fn socket(domain: Domain, iface: &str, hops_at: u32) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    // One socket for each interface and a second process for a moment, all on one port.
    socket.set_reuse_address(true)?;
    socket.bind_device(Some(iface.as_bytes()))?;
    socket.attach_filter(&only_from_the_link(hops_at))?;
    Ok(socket)
}

fn only_from_the_link(hops_at: u32) -> [SockFilter; 4] {
    [
        SockFilter::new(LOAD_OCTET, 0, 0, NETWORK_HEADER + hops_at),
        SockFilter::new(IF_EQUAL, 1, 0, TTL),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}

fn bound(socket: Socket, address: SocketAddr) -> io::Result<Half> {
    socket.bind(&SockAddr::from(address))?;
    // SAFETY: `UdpSocket` owns its descriptor, which is open and stays the same until the `UdpSocket` is dropped. It is dropped
    // together with the `AsyncFd` that owns it, and this module lends it out by shared reference only.
    let registered = unsafe { AsyncFd::register_with_interest(socket.into(), Interest::READABLE) };
    registered.map_err(|error| error.into_parts().1)
}
