//! What makes a client one that never knows the way for long.

use std::fs::File;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, Result, bail};
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket};

/// From linux/rtnetlink.h, linux/netlink.h and linux/neighbour.h.
const DELETE: u16 = 29;
const GET: u16 = 30;
const FOUND: u16 = 28;
const REQUEST: u16 = 1;
const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
const ADDRESS: u16 = 1;
/// REACHABLE, STALE, DELAY and PROBE: there is a hardware address. In all other states the kernel is asking for one, or has
/// given up; to forget that would throw away what waits for the answer.
const WITH_ANSWER: u16 = 0x02 | 0x04 | 0x08 | 0x10;

/// Forgets the hardware address of one neighbour, whenever it is told to. What the kernel is just asking for is not disturbed.
///
/// Who sends to the neighbour meanwhile may lose what is sent: the kernel drops what finds the entry that is being deleted. So
/// it is for the sender to do between two datagrams.
pub(crate) struct Forgetting {
    table: Table,
    address: IpAddr,
}

impl Forgetting {
    /// For the namespace of the thread that calls.
    pub(crate) fn of(address: IpAddr) -> Result<Self> {
        let mut forgetting = Self {
            table: Table::open()?,
            address,
        };
        forgetting.forget()?;
        Ok(forgetting)
    }

    pub(crate) fn forget(&mut self) -> Result<()> {
        self.table.forget(self.address)
    }
}

/// The kernel's table of neighbours of one namespace.
struct Table {
    socket: File,
    interface: u32,
}

impl Table {
    fn open() -> Result<Self> {
        let interface = if_nametoindex("eth0").context("no interface eth0")?;
        let socket: OwnedFd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        Ok(Self {
            socket: File::from(socket),
            interface,
        })
    }

    fn forget(&mut self, address: IpAddr) -> Result<()> {
        let found = self.ask(GET, REQUEST, address)?;
        let state = found.get(24..26).and_then(|octets| octets.try_into().ok());
        let state = state.map_or(0, u16::from_ne_bytes);
        if kind(&found) == Some(FOUND) && state & WITH_ANSWER != 0 {
            self.ask(DELETE, REQUEST_AND_ACKNOWLEDGE, address)?;
        }
        Ok(())
    }

    fn ask(&mut self, what: u16, flags: u16, address: IpAddr) -> Result<Vec<u8>> {
        self.socket
            .write_all(&request(what, flags, self.interface, address))?;
        let mut answer = vec![0; 4096];
        let length = self.socket.read(&mut answer)?;
        answer.truncate(length);
        if answer.len() < 16 {
            bail!("the kernel answers with {length} octets");
        }
        Ok(answer)
    }
}

/// The type of a netlink message.
fn kind(message: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?))
}

/// A netlink message about one neighbour: header, `struct ndmsg`, its address.
fn request(what: u16, flags: u16, interface: u32, address: IpAddr) -> Vec<u8> {
    let (family, octets) = match address {
        IpAddr::V4(ip) => (libc_family(AddressFamily::Inet), ip.octets().to_vec()),
        IpAddr::V6(ip) => (libc_family(AddressFamily::Inet6), ip.octets().to_vec()),
    };
    let attribute = u16::try_from(4 + octets.len()).unwrap_or(u16::MAX);
    let length = 16 + 12 + u32::from(attribute);
    let mut message = Vec::new();
    message.extend(length.to_ne_bytes());
    message.extend(what.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend([0; 8]);
    message.extend([family, 0, 0, 0]);
    message.extend(interface.to_ne_bytes());
    message.extend([0; 4]);
    message.extend(attribute.to_ne_bytes());
    message.extend(ADDRESS.to_ne_bytes());
    message.extend(octets);
    message
}

fn libc_family(family: AddressFamily) -> u8 {
    u8::try_from(family as i32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_as_long_as_it_says() {
        let v4 = request(GET, REQUEST, 2, "192.168.1.200".parse().unwrap());
        assert_eq!((v4.len(), kind(&v4)), (36, Some(GET)));
        let v6 = request(DELETE, REQUEST, 2, "fd00:1::200".parse().unwrap());
        assert_eq!(v6.len(), 48);
        assert_eq!(u32::from_ne_bytes(v6[..4].try_into().unwrap()), 48);
    }
}
