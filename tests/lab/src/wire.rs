//! Frames on the LAN as a host sends and receives them, with the moment at which its kernel received them.

use std::io::{self, IoSliceMut};
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, bind, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use crate::clock::{now, stamp};
use crate::lab::Lab;

mod frame;

pub use frame::{Heard, Mac, Said};

/// For how long a receiver is held up at most when nothing comes.
const PAUSE: Duration = Duration::from_millis(20);

/// Octets of each frame that are kept: all of what is understood.
const SNAP: u32 = 256;

/// A socket on the interface of a host that hears ARP, ICMPv6 and the beacons of speakers, also those that the host sends.
#[derive(Debug)]
pub struct Wire {
    socket: Socket,
    mac: Mac,
    v4: [u8; 4],
    v6: [u8; 16],
}

impl Lab {
    /// Listens on a host's interface from now on. The socket keeps what comes until it is asked for.
    pub fn wire(&self, host: &str) -> Result<Wire> {
        let host = self.host(host)?;
        let socket = self
            .inside(&host.name, open)?
            .with_context(|| format!("no packet socket on {}", host.name))?;
        Ok(Wire {
            socket,
            mac: host.mac.parse()?,
            v4: host.v4.octets(),
            v6: host.v6.octets(),
        })
    }
}

impl Wire {
    /// Sends a whole frame, and gives the moment just before.
    pub fn send(&self, frame: &[u8]) -> Result<SystemTime> {
        let at = stamp();
        self.socket.send(frame).context("cannot send a frame")?;
        Ok(at)
    }

    /// A question of this host who has an address, as a whole frame to everyone who may.
    pub fn question(&self, address: IpAddr) -> Vec<u8> {
        match address {
            IpAddr::V4(target) => frame::arp_request(self.mac, self.v4, target),
            IpAddr::V6(target) => frame::solicitation(self.mac, self.v6, target),
        }
    }

    /// What this host would send to everyone to say that an IPv4 address is its own.
    pub fn announcement(&self, address: std::net::Ipv4Addr) -> Vec<u8> {
        frame::arp_request(self.mac, address.octets(), address)
    }

    /// The next of what was heard, and when; none: nothing came for a moment.
    pub fn receive(&self) -> Result<Option<(SystemTime, Heard)>> {
        let mut buffer = [0; SNAP as usize];
        let Some((at, length)) = receive(&self.socket, &mut buffer)? else {
            return Ok(None);
        };
        Ok(Some((at, Heard::of(&buffer[..length]))))
    }

    /// Leaves aside what was heard until now.
    pub fn skip(&self) -> Result<()> {
        let now = stamp();
        while self.receive()?.is_some_and(|(at, _)| at < now) {}
        Ok(())
    }

    /// Asks for an address, and gives every different answer that comes in time.
    pub fn ask(&self, address: IpAddr, time: Duration) -> Result<Vec<Said>> {
        self.skip()?;
        self.send(&self.question(address))?;
        let end = now() + time;
        let mut answers = Vec::new();
        while now() < end {
            match self.receive()? {
                Some((_, Heard::Says(said))) if said.address == address && said.asked => {
                    if !answers.contains(&said) {
                        answers.push(said);
                    }
                }
                Some(_) | None => {}
            }
        }
        Ok(answers)
    }
}

/// One datagram or frame with the kernel's stamp; none: nothing came in the time that the socket waits for.
pub(crate) fn receive(socket: &impl AsRawFd, buffer: &mut [u8]) -> Result<Option<(SystemTime, usize)>> {
    let mut control = nix::cmsg_space!(TimeSpec);
    let mut pieces = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut pieces,
        Some(&mut control),
        MsgFlags::empty(),
    );
    let message = match message {
        Ok(message) => message,
        Err(error) if is_pause(error.into()) => return Ok(None),
        Err(error) => return Err(error).context("cannot receive"),
    };
    let stamped = message.cmsgs()?.find_map(|control| {
        let ControlMessageOwned::ScmTimestampns(time) = control else {
            return None;
        };
        Some(UNIX_EPOCH + Duration::from(time))
    });
    Ok(Some((stamped.context("a frame without a stamp")?, message.bytes)))
}

/// Has the kernel stamp what a socket receives, and the socket wait for a moment only.
pub(crate) fn stamped(socket: &impl AsFd) -> Result<()> {
    setsockopt(&socket.as_fd(), ReceiveTimestampns, &true)?;
    socket2::SockRef::from(socket).set_read_timeout(Some(PAUSE))?;
    Ok(())
}

/// Nothing was there, or a signal came, or an earlier datagram was refused: all of them no end.
fn is_pause(error: io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, Interrupted, NetworkUnreachable, WouldBlock};
    matches!(
        error.kind(),
        WouldBlock | Interrupted | ConnectionRefused | HostUnreachable | NetworkUnreachable
    )
}

fn open() -> Result<Socket> {
    const ETH_P_ALL: u16 = 3;
    let socket = Socket::new_raw(
        Domain::PACKET,
        Type::RAW,
        Some(Protocol::from(i32::from(ETH_P_ALL.to_be()))),
    )?;
    socket.attach_filter(&filter())?;
    // A thousand addresses that move are some thousand frames at once.
    socket.set_recv_buffer_size(8 << 20)?;
    stamped(&socket)?;
    let eth0 = getifaddrs()?
        .filter(|entry| entry.interface_name == "eth0")
        .find_map(|entry| entry.address?.as_link_addr().copied())
        .context("no interface eth0")?;
    bind(socket.as_raw_fd(), &eth0).context("cannot bind to eth0")?;
    Ok(socket)
}

/// Lets through ARP, ICMPv6 without extension headers, and IPv4 to the group of the beacons.
fn filter() -> Vec<SockFilter> {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_OCTET: u16 = 0x30;
    const LOAD_WORD: u16 = 0x20;
    const IF_EQUAL: u16 = 0x15;
    const GIVE: u16 = 0x06;
    let step = |code, yes, no, k| SockFilter::new(code, yes, no, k);
    vec![
        step(LOAD_HALF, 0, 0, 12),
        step(IF_EQUAL, 7, 0, 0x0806),
        step(IF_EQUAL, 2, 0, 0x86dd),
        step(IF_EQUAL, 3, 0, 0x0800),
        step(GIVE, 0, 0, 0),
        step(LOAD_OCTET, 0, 0, 20),
        step(IF_EQUAL, 2, 3, 58),
        step(LOAD_WORD, 0, 0, 30),
        step(IF_EQUAL, 0, 1, 0xe000_00fe),
        step(GIVE, 0, 0, SNAP),
        step(GIVE, 0, 0, 0),
    ]
}
