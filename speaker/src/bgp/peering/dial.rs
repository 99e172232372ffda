//! Connections to peers: the one place where a socket of BGP is made.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bgp::{Connection, DialError};
use config::{PeerSession, Remote};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::password::Password;
use super::sockopt;

/// How long a connection may take. A router that is there answers in milliseconds, or in one retransmission's second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Network control (RFC 4594): what routers expect of BGP.
const CLASS_SELECTOR_6: u32 = 0xC0;

/// How a session dials.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// What to dial from; none: the kernel chooses.
    pub(super) local: Option<IpAddr>,
    device: Option<String>,
    time_to_live: TimeToLive,
    hold_time: Duration,
    pub(super) password: Option<Password>,
}

/// How far the peer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeToLive {
    /// On the same link: nobody farther away gets our segments.
    OneHop,
    /// As the kernel would have it.
    Any,
    /// On the same link, and whoever pretends to be from farther away is dropped (RFC 5082).
    Secured,
}

impl Target {
    pub(super) fn new(peer: &PeerSession, password: Option<Password>) -> Self {
        let near = !peer.dial.multihop && !peer.open.peer_asn.is_internal(peer.open.local_asn);
        Self {
            local: peer.dial.source,
            device: match &peer.dial.remote {
                Remote::Interface(name) => Some(name.clone()),
                Remote::Address(_) | Remote::Gateway(_) => peer.dial.vrf.clone(),
            },
            time_to_live: match (peer.dial.ttl_security, near) {
                (true, _) => TimeToLive::Secured,
                (false, true) => TimeToLive::OneHop,
                (false, false) => TimeToLive::Any,
            },
            hold_time: peer.open.hold_time,
            password,
        }
    }

    /// Connects.
    pub(super) async fn dial(self, remote: SocketAddr) -> Result<(TcpStream, Connection), DialError> {
        let other = |error: io::Error| DialError::Other(error.to_string());
        let socket = self.socket(remote)?;
        let connecting = TcpSocket::from_std_stream(socket.into()).connect(remote);
        let stream = match timeout(PATIENCE, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.refused(remote.ip(), &error)),
            Err(_) => return Err(self.silent(remote.ip())),
        };
        let local = stream.local_addr().map_err(other)?.ip();
        let remote = remote.ip();
        Ok((stream, Connection { local, remote }))
    }

    fn socket(&self, remote: SocketAddr) -> Result<Socket, DialError> {
        let other = |error: io::Error| DialError::Other(error.to_string());
        let socket = Socket::new(
            Domain::for_address(remote),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )
        .map_err(other)?;
        if let Some(device) = &self.device {
            let bound = socket.bind_device(Some(device.as_bytes()));
            bound.map_err(|error| match error.raw_os_error() {
                Some(libc::ENODEV) => DialError::NoInterface(device.clone()),
                _ => other(error),
            })?;
        }
        if let Some(source) = self.local {
            let bound = socket.bind(&SocketAddr::new(source, 0).into());
            bound.map_err(|error| {
                if error.kind() == io::ErrorKind::AddrNotAvailable {
                    DialError::NoSource(source)
                } else {
                    other(error)
                }
            })?;
        }
        if let Some(password) = &self.password {
            sockopt::set_md5(&socket, remote.ip(), password.octets()).map_err(other)?;
        }
        self.set_time_to_live(&socket, remote.ip()).map_err(other)?;
        socket.set_tcp_nodelay(true).map_err(other)?;
        match remote {
            SocketAddr::V4(_) => socket.set_tos_v4(CLASS_SELECTOR_6).map_err(other)?,
            SocketAddr::V6(_) => socket.set_tclass_v6(CLASS_SELECTOR_6).map_err(other)?,
        }
        if !self.hold_time.is_zero() {
            // A peer that acknowledges nothing is gone, however long TCP would go on trying (RFC 9687).
            socket.set_tcp_user_timeout(Some(self.hold_time)).map_err(other)?;
        }
        Ok(socket)
    }

    fn set_time_to_live(&self, socket: &Socket, remote: IpAddr) -> io::Result<()> {
        let hops = match self.time_to_live {
            TimeToLive::Any => return Ok(()),
            TimeToLive::OneHop => 1,
            TimeToLive::Secured => 255,
        };
        match remote {
            IpAddr::V4(_) => socket.set_ttl_v4(hops)?,
            IpAddr::V6(_) => socket.set_unicast_hops_v6(hops)?,
        }
        match self.time_to_live {
            TimeToLive::Secured => sockopt::set_least_ttl(socket, remote, u8::MAX),
            TimeToLive::Any | TimeToLive::OneHop => Ok(()),
        }
    }

    fn refused(&self, remote: IpAddr, error: &io::Error) -> DialError {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            DialError::Refused(remote)
        } else if error.kind() == io::ErrorKind::TimedOut {
            self.silent(remote)
        } else {
            DialError::Other(format!("cannot reach {remote}: {error}"))
        }
    }

    fn silent(&self, remote: IpAddr) -> DialError {
        DialError::TimedOut {
            remote,
            password: self.password.is_some(),
        }
    }
}
