//! The UDP sockets of BFD (RFC 5881 §4, §5; RFC 5883 §5): one to receive for each port, family and interface, and one to send for
//! each session.

use std::collections::BTreeSet;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

use super::Path;
use super::path::Marks;

/// Where source ports come from.
const SOURCE_PORTS: RangeInclusive<u16> = 49152..=65535;
/// Class selector 6, network control, as routers send it.
const TRAFFIC_CLASS: u32 = 0xc0;

// linux/bpf_common.h and linux/filter.h: loads from SKF_NET_OFF on read the network header, which a UDP socket does not see.
const LOAD_OCTET: u16 = 0x30;
const IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const NETWORK_HEADER: u32 = 0xfff0_0000;
const TTL_OF_IPV4: u32 = 8;
const HOP_LIMIT_OF_IPV6: u32 = 7;

/// What a socket to receive is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    v6: bool,
    multihop: bool,
    /// By name and index: an interface that was made anew is another one.
    pub(super) device: Option<(String, u32)>,
}

impl Place {
    pub(super) fn of(path: &Path, index: Option<u32>) -> Self {
        Self {
            v6: path.remote.is_ipv6(),
            multihop: path.multihop.is_some(),
            device: path.device().cloned().zip(index),
        }
    }

    /// Whether sockets for the two have one port of one family.
    pub(super) fn shares_port(&self, other: &Self) -> bool {
        (self.v6, self.multihop) == (other.v6, other.multihop)
    }

    fn domain(&self) -> Domain {
        if self.v6 { Domain::IPV6 } else { Domain::IPV4 }
    }

    fn unspecified(&self) -> IpAddr {
        if self.v6 {
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        }
    }

    fn socket(&self) -> io::Result<Socket> {
        let socket = Socket::new(
            self.domain(),
            Type::DGRAM.nonblocking().cloexec(),
            Some(Protocol::UDP),
        )?;
        if self.v6 {
            socket.set_only_v6(true)?;
        }
        if let Some((name, _)) = &self.device {
            socket.bind_device(Some(name.as_bytes()))?;
        }
        Ok(socket)
    }
}

/// A socket to receive.
pub(super) struct Ear {
    pub(super) place: Place,
    socket: Socket,
    control: Vec<u8>,
}

impl Ear {
    /// Listens; `alone` if no other socket of this process has that port.
    pub(super) fn open(place: Place, port: u16, alone: bool) -> io::Result<Self> {
        let socket = place.socket()?;
        if place.v6 {
            setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        } else {
            setsockopt(&socket, sockopt::Ipv4RecvTtl, &true)?;
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        }
        if !place.multihop {
            // A flood from afar does not even fill the queue.
            let hops_at = if place.v6 { HOP_LIMIT_OF_IPV6 } else { TTL_OF_IPV4 };
            socket.attach_filter(&[
                SockFilter::new(LOAD_OCTET, 0, 0, NETWORK_HEADER + hops_at),
                SockFilter::new(IF_EQUAL, 1, 0, ::bfd::TTL.into()),
                SockFilter::new(RETURN, 0, 0, 0),
                SockFilter::new(RETURN, 0, 0, u32::MAX),
            ])?;
        }
        // Our own sockets share the port. Said only after the first of them has it, this does not let it be shared with another
        // process, of which one would get all packets and the other none.
        socket.set_reuse_address(!alone)?;
        socket.bind(&SocketAddr::from((place.unspecified(), port)).into())?;
        socket.set_reuse_address(true)?;
        Ok(Self {
            place,
            socket,
            control: nix::cmsg_space!(libc::c_int, libc::in_pktinfo, libc::in6_pktinfo),
        })
    }

    /// The next packet: how much of it fits into `buffer`, and where it is from. None if there is no more, or the interface is
    /// gone.
    pub(super) fn hear(&mut self, buffer: &mut [u8]) -> Option<(usize, Marks)> {
        loop {
            let mut slices = [IoSliceMut::new(buffer)];
            let received = recvmsg::<SockaddrStorage>(
                self.socket.as_raw_fd(),
                &mut slices,
                Some(&mut self.control),
                MsgFlags::empty(),
            );
            let received = match received {
                Ok(received) => received,
                Err(nix::errno::Errno::EINTR) => continue,
                Err(_) => return None,
            };
            let Some(source) = received.address.as_ref().and_then(address) else {
                continue;
            };
            let (mut destination, mut ttl, mut link) = (None, None, None);
            for message in received.cmsgs().into_iter().flatten() {
                if let ControlMessageOwned::Ipv4Ttl(value) | ControlMessageOwned::Ipv6HopLimit(value) =
                    message
                {
                    ttl = u8::try_from(value).ok();
                } else if let ControlMessageOwned::Ipv4PacketInfo(info) = message {
                    destination = Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into());
                    link = u32::try_from(info.ipi_ifindex).ok();
                } else if let ControlMessageOwned::Ipv6PacketInfo(info) = message {
                    destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                    link = Some(info.ipi6_ifindex);
                }
            }
            let marks = Marks {
                source,
                destination,
                ttl,
                link,
            };
            return Some((received.bytes, marks));
        }
    }
}

impl AsFd for Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn address(storage: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| address.ip().into());
    v4.or_else(|| storage.as_sockaddr_in6().map(|address| address.ip().into()))
}

/// A socket to send, of one session.
pub(super) struct Mouth {
    socket: Socket,
    to: SockAddr,
    /// The source port.
    pub(super) port: u16,
}

impl Mouth {
    /// A source port of its own for as long as the session lasts, unlike those of all sessions, whatever their addresses (RFC 5881 §4); `random`
    /// says where to begin looking for one.
    pub(super) fn open(path: &Path, place: &Place, random: u64, others: &BTreeSet<u16>) -> io::Result<Self> {
        let socket = place.socket()?;
        if place.v6 {
            socket.set_unicast_hops_v6(::bfd::TTL.into())?;
            socket.set_tclass_v6(TRAFFIC_CLASS)?;
        } else {
            socket.set_ttl_v4(::bfd::TTL.into())?;
            socket.set_tos_v4(TRAFFIC_CLASS)?;
        }
        // Whatever is sent to the source port is for nobody.
        socket.attach_filter(&[SockFilter::new(RETURN, 0, 0, 0)])?;
        let index = place.device.as_ref().map_or(0, |(_, index)| *index);
        let local = path.local.unwrap_or_else(|| place.unspecified());
        let count = u64::from(SOURCE_PORTS.end() - SOURCE_PORTS.start()) + 1;
        let ports = (0..count).map(|step| SOURCE_PORTS.start() + ((random % count + step) % count) as u16);
        for port in ports.filter(|port| !others.contains(port)) {
            match socket.bind(&scoped(local, port, index).into()) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                bound => {
                    bound?;
                    let to = scoped(path.remote, path.port(), index).into();
                    return Ok(Self { socket, to, port });
                }
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// Whether the packet went out. What does not is lost, as anything on a network can be.
    pub(super) fn say(&self, packet: &[u8]) -> io::Result<()> {
        self.socket.send_to(packet, &self.to).map(drop)
    }
}

fn scoped(address: IpAddr, port: u16, index: u32) -> SocketAddr {
    match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            SocketAddrV6::new(address, port, 0, index).into()
        }
        address @ (IpAddr::V4(_) | IpAddr::V6(_)) => SocketAddr::new(address, port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_port_is_unlike_those_of_all_sessions_whatever_their_addresses() {
        let path = |last| Path {
            local: Some([127, 0, 0, last].into()),
            remote: [127, 0, 0, 1].into(),
            interface: None,
            vrf: None,
            multihop: None,
        };
        let open = |last, others: &BTreeSet<u16>| {
            let path = path(last);
            Mouth::open(&path, &Place::of(&path, None), 7, others).unwrap()
        };
        let first = open(1, &BTreeSet::new());
        let second = open(2, &[first.port].into());
        assert_ne!(first.port, second.port);
        let every = SOURCE_PORTS.collect();
        let path = path(3);
        assert!(Mouth::open(&path, &Place::of(&path, None), 7, &every).is_err());
    }
}
