//! The datagrams of the segment protocol, to and from one interface: a UDP socket for each family that the interface has.
//!
//! The kernel hands over only what comes with a TTL or hop limit of 255, which no router has let through, and what looks like a
//! datagram under one of the keys that are known. Of all others one in sixty-four, so that keys that differ are noticed: a flood of them
//! costs no more than that.

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
const LOAD_WORD: u16 = 0x20;
const LOAD_LENGTH: u16 = 0x80;
const IF_GREATER: u16 = 0x25;
const IF_AT_LEAST: u16 = 0x35;
const AND: u16 = 0x54;
/// SKF_AD_OFF + SKF_AD_RANDOM: thirty-two bits of chance.
const CHANCE: u32 = 0xffff_f000 + 56;
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

/// A UDP socket's filter sees the header of UDP first.
const UDP_HEADER: u32 = 8;
/// Where a datagram has the number of its key: behind its version.
const KEY_ID: u32 = UDP_HEADER + 1;
/// Version, key id, boot id, sequence, length of the name, a name of one octet, and the seal.
const SHORTEST: u32 = UDP_HEADER + 1 + 4 + 8 + 8 + 1 + 1 + 16;
/// Of what is under no key that is known, one in so many is handed over; a power of two.
const SAMPLE: u32 = 64;

/// Octets of the kernel's memory for datagrams that nobody has received yet, as far as it allows.
const ROOM: usize = 1 << 20;

/// What the sockets talk to, and what they listen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The UDP port of all speakers.
    pub port: u16,
    /// By what datagrams say that they are under a key that is known ([`claim::Key::id`]).
    pub keys: Vec<u32>,
}

/// The sockets of one interface.
#[derive(Debug)]
pub struct DatagramSocket {
    channel: Channel,
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
    pub fn open(
        iface: &str,
        index: u32,
        families: Families,
        channel: Channel,
    ) -> Result<Self, DatagramError> {
        let error = |family| {
            move |source| DatagramError {
                family,
                iface: iface.to_owned(),
                source,
            }
        };
        let v4 = families
            .v4
            .then(|| v4(iface, index, &channel))
            .transpose()
            .map_err(error("IPv4"))?;
        let v6 = families
            .v6
            .then(|| v6(iface, index, &channel))
            .transpose()
            .map_err(error("IPv6"))?;
        Ok(Self {
            v4,
            v6,
            hears_v6: true,
            index,
            channel,
        })
    }

    /// Sends to the groups; whether at least one copy got out. What does not is lost, as anything on a network can be.
    pub fn send(&self, octets: &[u8]) -> bool {
        let port = self.channel.port;
        let v4 = SocketAddr::from((claim::GROUP_V4, port));
        let v6 = SocketAddr::from(SocketAddrV6::new(claim::GROUP_V6, port, 0, self.index));
        let sent = |socket: &Option<Half>, to| {
            socket
                .as_ref()
                .is_some_and(|socket| socket.get_ref().send_to(octets, to).is_ok())
        };
        let (v4, v6) = (sent(&self.v4, v4), sent(&self.v6, v6));
        v4 || v6
    }

    /// Listens to what is under these keys from now on.
    ///
    /// # Errors
    /// The operating system refuses the filter.
    pub fn hear_keys(&mut self, keys: Vec<u32>) -> io::Result<()> {
        self.channel.keys = keys;
        if let Some(v4) = &self.v4 {
            SockRef::from(v4.get_ref()).attach_filter(&filter(TTL_OF_IPV4, &self.channel.keys))?;
        }
        if let Some(v6) = self.v6.as_ref().filter(|_| self.hears_v6) {
            SockRef::from(v6.get_ref()).attach_filter(&filter(HOP_LIMIT_OF_IPV6, &self.channel.keys))?;
        }
        Ok(())
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
            SockRef::from(v6.get_ref()).attach_filter(&filter(HOP_LIMIT_OF_IPV6, &self.channel.keys))
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

fn v4(iface: &str, index: u32, channel: &Channel) -> io::Result<Half> {
    let socket = socket(Domain::IPV4, iface, &filter(TTL_OF_IPV4, &channel.keys))?;
    let of = InterfaceIndexOrAddress::Index(index);
    // The device that the socket is bound to is the one that it sends on.
    socket.join_multicast_v4_n(&claim::GROUP_V4, &of)?;
    socket.set_multicast_loop_v4(false)?;
    socket.set_multicast_ttl_v4(TTL)?;
    bound(socket, (Ipv4Addr::UNSPECIFIED, channel.port).into())
}

fn v6(iface: &str, index: u32, channel: &Channel) -> io::Result<Half> {
    let socket = socket(Domain::IPV6, iface, &filter(HOP_LIMIT_OF_IPV6, &channel.keys))?;
    socket.set_only_v6(true)?;
    socket.join_multicast_v6(&claim::GROUP_V6, index)?;
    socket.set_multicast_if_v6(index)?;
    socket.set_multicast_loop_v6(false)?;
    socket.set_multicast_hops_v6(TTL)?;
    bound(socket, (Ipv6Addr::UNSPECIFIED, channel.port).into())
}

fn socket(domain: Domain, iface: &str, filter: &[SockFilter]) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    // One socket for each interface and a second process for a moment, all on one port.
    socket.set_reuse_address(true)?;
    socket.bind_device(Some(iface.as_bytes()))?;
    // A beacon that finds the buffer full of somebody's flood is one that did not come. The kernel cuts this down to
    // `net.core.rmem_max`.
    socket.set_recv_buffer_size(ROOM)?;
    socket.attach_filter(filter)?;
    Ok(socket)
}

/// The program that lets a datagram in: from the link, as long as one of ours can be, and under one of the `keys` or by chance.
fn filter(hops_at: u32, keys: &[u32]) -> Vec<SockFilter> {
    let longest = UDP_HEADER + u32::try_from(claim::MAX_DATAGRAM).unwrap_or(u32::MAX - UDP_HEADER);
    let drop = || SockFilter::new(RETURN, 0, 0, 0);
    let mut program = vec![
        SockFilter::new(LOAD_OCTET, 0, 0, NETWORK_HEADER + hops_at),
        SockFilter::new(IF_EQUAL, 1, 0, TTL),
        drop(),
        SockFilter::new(LOAD_LENGTH, 0, 0, 0),
        SockFilter::new(IF_AT_LEAST, 1, 0, SHORTEST),
        drop(),
        SockFilter::new(IF_GREATER, 0, 1, longest),
        drop(),
        SockFilter::new(LOAD_WORD, 0, 0, KEY_ID),
    ];
    for key in keys {
        program.push(SockFilter::new(IF_EQUAL, 0, 1, *key));
        program.push(SockFilter::new(RETURN, 0, 0, u32::MAX));
    }
    program.extend([
        SockFilter::new(LOAD_WORD, 0, 0, CHANCE),
        SockFilter::new(AND, 0, 0, SAMPLE - 1),
        SockFilter::new(IF_EQUAL, 1, 0, 0),
        drop(),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]);
    program
}

fn bound(socket: Socket, address: SocketAddr) -> io::Result<Half> {
    socket.bind(&SockAddr::from(address))?;
    // SAFETY: `UdpSocket` owns its descriptor, which is open and stays the same until the `UdpSocket` is dropped. It is dropped
    // together with the `AsyncFd` that owns it, and this module lends it out by shared reference only.
    let registered = unsafe { AsyncFd::register_with_interest(socket.into(), Interest::READABLE) };
    registered.map_err(|error| error.into_parts().1)
}
