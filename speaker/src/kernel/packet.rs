//! Whole Ethernet frames to and from one interface. One of four modules of Herald with `unsafe` in them, beside
//! `datagram`, `alarm`, `peering::sockopt` and `bfd::priority`.
//!
//! Needs the capability `NET_RAW` and nothing else. The socket lives in the network namespace of the thread that opens
//! it. Not one frame is queued that the filter has not let through, and none that this node sent itself.

#![allow(
    unsafe_code,
    reason = "socket2 has neither packet addresses nor PACKET_IGNORE_OUTGOING"
)]

use std::io::{self, Read};
use std::os::fd::AsRawFd;

use l2::filter::Instruction;
use socket2::{SockAddr, SockAddrStorage, SockFilter, Socket};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::reserve::{Kind, Lent};

/// What the operating system refused. The socket is of no further use, except after [`SocketError::Filter`], which
/// leaves the filter as it was.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// No packet socket: without `NET_RAW` there is none.
    #[error("cannot open a packet socket (it needs the capability NET_RAW): {0}")]
    Open(#[source] io::Error),
    /// The filter was not taken.
    #[error("cannot attach the filter: {0}")]
    Filter(#[source] io::Error),
    /// Frames that this node sends cannot be kept away.
    #[error("cannot ignore outgoing frames: {0}")]
    IgnoreOutgoing(#[source] io::Error),
    /// The socket cannot be tied to the interface, which may be gone.
    #[error("cannot bind to interface index {index}: {source}")]
    Bind {
        /// The interface.
        index: u32,
        /// What the kernel said.
        source: io::Error,
    },
    /// The runtime cannot wait for the socket.
    #[error("cannot wait for the socket: {0}")]
    Register(#[source] io::Error),
    /// There is no timer to be had.
    #[error("cannot make a timer: {0}")]
    Timer(#[source] io::Error),
    /// Receiving failed.
    #[error("cannot receive: {0}")]
    Receive(#[source] io::Error),
    /// Sending failed.
    #[error("cannot send: {0}")]
    Send(#[source] io::Error),
}

impl SocketError {
    /// Whether this is how the kernel says that the interface is down or gone: news that the watch on links brings too,
    /// and no fault.
    pub fn is_link_gone(&self) -> bool {
        let (Self::Open(source)
        | Self::Filter(source)
        | Self::IgnoreOutgoing(source)
        | Self::Bind { source, .. }
        | Self::Register(source)
        | Self::Timer(source)
        | Self::Receive(source)
        | Self::Send(source)) = self;
        matches!(
            source.raw_os_error(),
            Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV)
        )
    }
}

/// Octets of the kernel's memory for frames that nobody has received yet, as far as it allows.
const ROOM: usize = 1 << 20;

/// A socket for the frames of one EtherType on one interface.
#[derive(Debug)]
pub struct PacketSocket(AsyncFd<Lent>);

impl PacketSocket {
    /// Opens a socket for frames of `ethertype` on the interface with `index` that pass `filter`.
    ///
    /// Must be called within a runtime that drives I/O.
    pub fn open(index: u32, ethertype: u16, filter: &[Instruction]) -> Result<Self, SocketError> {
        // It is deaf until it has the filter: what it was tied to before, if anything, is not heard.
        let socket = Lent::take(Kind::Packet).map_err(SocketError::Open)?;
        // The kernel cuts this down to `net.core.rmem_max`, which still doubles the default: a router that lost its table
        // asks for everything at once.
        socket.set_recv_buffer_size(ROOM).map_err(SocketError::Open)?;
        ignore_outgoing(&socket).map_err(SocketError::IgnoreOutgoing)?;
        let address = link_layer_address(index, ethertype);
        socket
            .bind(&address)
            .map_err(|source| SocketError::Bind { index, source })?;
        attach(&socket, filter).map_err(SocketError::Filter)?;
        // SAFETY: `Lent` owns its descriptor, which is open and stays the same until the `Lent` is dropped. It is
        // dropped together with the `AsyncFd` that owns it, and this module lends it out by shared reference only.
        let socket =
            unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE | Interest::WRITABLE) };
        socket
            .map(Self)
            .map_err(|error| SocketError::Register(error.into_parts().1))
    }

    /// Puts `filter` in place of the one before, for every frame that arrives from now on.
    ///
    /// The kernel limits the memory of a socket's filters (`net.core.optmem_max`) and answers with
    /// [`io::ErrorKind::OutOfMemory`] when the program is too long for it.
    pub fn attach(&self, filter: &[Instruction]) -> Result<(), SocketError> {
        attach(self.0.get_ref(), filter).map_err(SocketError::Filter)
    }

    /// Waits for a frame and writes as much of it as fits into `buffer`; the number of octets written.
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn receive(&self, buffer: &mut [u8]) -> Result<usize, SocketError> {
        let read = |socket: &Lent| {
            let mut socket: &Socket = socket;
            socket.read(buffer)
        };
        // A link that goes down is an error without anything to read, which being readable does not include.
        self.0
            .async_io(Interest::READABLE | Interest::ERROR, read)
            .await
            .map_err(SocketError::Receive)
    }

    /// Sends a frame, complete from the Ethernet header on, once the socket has room for it.
    ///
    /// An error of kind [`io::ErrorKind::WouldBlock`] is never returned; `ENOBUFS` says that the interface dropped the
    /// frame because its own queue is full.
    pub async fn send(&self, frame: &[u8]) -> Result<(), SocketError> {
        // A new socket is not known to be writable yet, although it is: try before waiting to be told.
        match self.0.get_ref().send(frame) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let send = |socket: &Lent| socket.send(frame);
                self.0.async_io(Interest::WRITABLE, send).await
            }
            sent => sent,
        }
        .map(|_whole_frame| ())
        .map_err(SocketError::Send)
    }
}

fn attach(socket: &Socket, filter: &[Instruction]) -> io::Result<()> {
    // The kernel takes the length as 16 bits, and socket2 cuts it down to them.
    if filter.len() > l2::filter::LONGEST {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let program: Vec<SockFilter> = filter
        .iter()
        .map(|step| SockFilter::new(step.code, step.jt, step.jf, step.k))
        .collect();
    socket.attach_filter(&program)
}

fn ignore_outgoing(socket: &Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open, since `socket` is borrowed; the value points to a `c_int` that outlives the call,
    // and its length is given. The kernel copies the value and keeps no pointer.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_IGNORE_OUTGOING,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The address that stands for the frames of `ethertype` on the interface with `index`.
fn link_layer_address(index: u32, ethertype: u16) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_ll` is one of the socket address types of the system, for which the storage is large enough and
    // aligned, and all of its fields are integers, so that zeroed storage is a value of it.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as libc::sa_family_t;
    address.sll_protocol = ethertype.to_be();
    address.sll_ifindex = index.cast_signed();
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the storage was initialised above as the type that its family names, and `length` is the size of that
    // type, so no more than the size of the storage.
    unsafe { SockAddr::new(storage, length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_is_down_or_gone_is_no_fault_and_a_missing_capability_is_one() {
        let error = |code| SocketError::Receive(io::Error::from_raw_os_error(code));
        assert!(error(libc::ENETDOWN).is_link_gone());
        assert!(error(libc::ENODEV).is_link_gone());
        assert!(!error(libc::EPERM).is_link_gone());
    }

    #[test]
    fn the_address_names_the_interface_and_the_ethertype_in_network_order() {
        let address = link_layer_address(7, 0x0806);
        assert_eq!(address.family(), libc::AF_PACKET as libc::sa_family_t);
        assert_eq!(address.len() as usize, size_of::<libc::sockaddr_ll>());
    }
}
