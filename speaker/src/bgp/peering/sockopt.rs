//! The socket options of BGP that no library sets: TCP-MD5 (RFC 2385) and the least TTL that is taken (RFC 5082).
#![allow(
    unsafe_code,
    reason = "the kernel takes these options by address and length, and no library offers them"
)]

use std::io;
use std::mem::size_of;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};

use libc::c_int;
use socket2::{SockAddr, SockAddrStorage};

/// `struct tcp_md5sig` of `linux/tcp.h`.
#[repr(C)]
struct Md5Signature {
    address: SockAddrStorage,
    flags: u8,
    prefix_length: u8,
    key_length: u16,
    interface: c_int,
    key: [u8; libc::TCP_MD5SIG_MAXKEYLEN],
}

/// Signs every segment to and from `remote` with `key`, and drops what is not signed so. On a connected socket it replaces
/// the key that is there.
///
/// # Errors
/// The key is longer than 80 octets, or the kernel is built without TCP-MD5.
pub(super) fn set_md5(socket: &impl AsFd, remote: IpAddr, key: &[u8]) -> io::Result<()> {
    let mut octets = [0; libc::TCP_MD5SIG_MAXKEYLEN];
    let place = octets
        .get_mut(..key.len())
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    place.copy_from_slice(key);
    let signature = Md5Signature {
        address: SockAddr::from(std::net::SocketAddr::new(remote, 0)).as_storage(),
        flags: 0,
        prefix_length: 0,
        key_length: key.len().try_into().unwrap_or(u16::MAX),
        interface: 0,
        key: octets,
    };
    set(socket, libc::IPPROTO_TCP, libc::TCP_MD5SIG, &signature)
}

/// Drops what comes with a smaller TTL or hop limit than `least`.
///
/// # Errors
/// The kernel refuses.
pub(super) fn set_least_ttl(socket: &impl AsFd, remote: IpAddr, least: u8) -> io::Result<()> {
    let (level, name) = match remote {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MINTTL),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT),
    };
    set(socket, level, name, &c_int::from(least))
}

/// `T` is what the kernel takes for the option: plain data without pointers.
fn set<T>(socket: &impl AsFd, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the descriptor is open for as long as `socket` is borrowed; the kernel reads `length` octets, which is what
    // `value` has, and keeps no reference.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
