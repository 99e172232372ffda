//! Sockets that take `NET_RAW`, opened before a speaker gives that up (see [`process::confinement`]).
//!
//! A speaker cannot know at its start which interfaces it will speak on, and what it has given up does not come back. So it
//! opens as many sockets as it may ever need, deaf and tied to nothing; an interface borrows, and what it borrowed comes
//! back when it is gone. Where nothing was reserved, a socket is opened when it is asked for.

use std::io::{self, Read};
use std::ops::Deref;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, OnceLock, PoisonError};

use socket2::{Domain, Protocol, SockFilter, Socket, Type};

/// Three for each of 85 interfaces.
const PACKET: usize = 256;
/// One for each interface with an unnumbered peer.
const ICMPV6: usize = 64;

/// `BPF_RET | BPF_K`, and how much of what arrives is kept: nothing.
const DEAF: SockFilter = SockFilter::new(0x06, 0, 0, 0);

static RESERVE: OnceLock<Reserve> = OnceLock::new();

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Whole frames of an interface.
    Packet,
    /// The messages of router discovery.
    Icmpv6,
}

impl Kind {
    fn open(self) -> io::Result<Socket> {
        let kind = Type::RAW.nonblocking().cloexec();
        match self {
            // Protocol 0 receives nothing until the socket is bound.
            Self::Packet => Socket::new_raw(Domain::PACKET, kind, None),
            Self::Icmpv6 => Socket::new(Domain::IPV6, kind, Some(Protocol::ICMPV6)),
        }
    }
}

#[derive(Debug)]
struct Reserve {
    packet: Mutex<Vec<Socket>>,
    icmpv6: Mutex<Vec<Socket>>,
}

impl Reserve {
    fn of(&self, kind: Kind) -> &Mutex<Vec<Socket>> {
        match kind {
            Kind::Packet => &self.packet,
            Kind::Icmpv6 => &self.icmpv6,
        }
    }
}

/// Opens the sockets in the network namespace of this thread. Once; afterwards nothing is opened any more.
///
/// # Errors
/// The operating system refuses, for want of `NET_RAW` or of descriptors.
pub fn fill() -> io::Result<()> {
    let several = |kind: Kind, count| (0..count).map(|_| deaf(kind)).collect::<io::Result<Vec<_>>>();
    let reserve = Reserve {
        packet: Mutex::new(several(Kind::Packet, PACKET)?),
        icmpv6: Mutex::new(several(Kind::Icmpv6, ICMPV6)?),
    };
    RESERVE
        .set(reserve)
        .map_err(|_filled| io::Error::other("the sockets were opened before"))
}

fn deaf(kind: Kind) -> io::Result<Socket> {
    let socket = kind.open()?;
    socket.attach_filter(&[DEAF])?;
    Ok(socket)
}

/// A socket for as long as it is kept.
#[derive(Debug)]
pub(crate) struct Lent {
    kind: Kind,
    /// There until this is dropped.
    socket: Option<Socket>,
}

impl Lent {
    /// A socket that hears nothing until it is given a filter.
    ///
    /// # Errors
    /// All that were reserved are in use; or none were, and the operating system refuses.
    pub(crate) fn take(kind: Kind) -> io::Result<Self> {
        let socket = match RESERVE.get() {
            None => deaf(kind)?,
            Some(reserve) => {
                let mut left = reserve.of(kind).lock().unwrap_or_else(PoisonError::into_inner);
                left.pop().ok_or_else(|| {
                    io::Error::other(
                        "all sockets that were opened at the start are in use: there are too many interfaces",
                    )
                })?
            }
        };
        Ok(Self {
            kind,
            socket: Some(socket),
        })
    }
}

impl Deref for Lent {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        self.socket.as_ref().expect("taken out by drop alone")
    }
}

impl AsRawFd for Lent {
    fn as_raw_fd(&self) -> RawFd {
        self.deref().as_raw_fd()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let (Some(reserve), Some(socket)) = (RESERVE.get(), self.socket.take()) else {
            return;
        };
        // One that cannot be made deaf is closed: there is one less.
        if silence(&socket).is_ok() {
            let mut left = reserve
                .of(self.kind)
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            left.push(socket);
        }
    }
}

/// Lets nothing in any more, and forgets what is queued and what went wrong.
fn silence(mut socket: &Socket) -> io::Result<()> {
    socket.attach_filter(&[DEAF])?;
    let _of_an_interface_that_is_gone = socket.take_error()?;
    let mut rest = [0; 1];
    loop {
        match socket.read(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
