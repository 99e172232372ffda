//! Connections to peers: the one place where a socket of BGP is made.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use bgp::{Connection, DialError, NextHops};
use config::{PeerSession, Remote};
use nix::net::if_::if_nametoindex;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::addresses::{self, Addresses};
use super::password::Password;
use super::sockopt;

/// How long a connection may take. A router that is there answers in milliseconds, or in one retransmission's second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Network control (RFC 4594): what routers expect of BGP.
const CLASS_SELECTOR_6: u32 = 0xC0;

/// Whom a session dials, and how.
#[derive(Clone, Debug)]
pub(super) struct Target {
    remote: Remote,
    /// The router seen on the interface of an unnumbered peer.
    router: Option<watch::Receiver<Option<Ipv6Addr>>>,
    /// Why none can be seen there.
    blind: Option<watch::Receiver<Option<String>>>,
    port: u16,
    source: Option<IpAddr>,
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
    pub(super) fn new(
        peer: &PeerSession,
        password: Option<Password>,
        router: Option<watch::Receiver<Option<Ipv6Addr>>>,
        blind: Option<watch::Receiver<Option<String>>>,
    ) -> Self {
        let near = !peer.dial.multihop && !peer.open.peer_asn.is_internal(peer.open.local_asn);
        Self {
            remote: peer.dial.remote.clone(),
            router,
            blind,
            port: peer.dial.port,
            source: peer.dial.source,
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
    pub(super) async fn dial(self) -> Result<(TcpStream, Connection, NextHops), DialError> {
        let remote = self.address()?;
        let other = |error: io::Error| DialError::Other(error.to_string());
        let socket = self.socket(remote)?;
        let connecting = TcpSocket::from_std_stream(socket.into()).connect(remote);
        let stream = match timeout(PATIENCE, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.refused(remote.ip(), &error)),
            Err(_) => return Err(self.silent(remote.ip())),
        };
        let local = stream.local_addr().map_err(other)?.ip();
        let connection = Connection {
            local,
            remote: remote.ip(),
        };
        Ok((stream, connection, next_hops(&connection)))
    }

    fn address(&self) -> Result<SocketAddr, DialError> {
        match &self.remote {
            Remote::Address(address) => Ok(SocketAddr::new(*address, self.port)),
            Remote::Gateway(family) => Err(DialError::NoGateway(*family)),
            Remote::Interface(name) => {
                let router = self.router.as_ref().and_then(|router| *router.borrow());
                let router = router.ok_or_else(|| DialError::NoNeighbor {
                    interface: name.clone(),
                    blind: self.blind.as_ref().and_then(|blind| blind.borrow().clone()),
                })?;
                let index = if_nametoindex(name.as_str());
                let index = index.map_err(|_errno| DialError::NoInterface(name.clone()))?;
                Ok(SocketAddrV6::new(router, self.port, 0, index).into())
            }
        }
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
        if let Some(source) = self.source {
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

/// What routes may point to: the addresses of the interface that the connection leaves by.
fn next_hops(connection: &Connection) -> NextHops {
    let Connection { local, remote } = *connection;
    let Addresses {
        v4, v6, link_local, ..
    } = addresses::around(local).unwrap_or_default();
    let (local_v4, local_v6) = match local {
        _ if !addresses::is_reachable(local) => (None, None),
        IpAddr::V4(local) => (Some(local), None),
        IpAddr::V6(local) => (None, Some(local)),
    };
    NextHops {
        v4: local_v4.or(v4),
        v6: local_v6.or(v6),
        link_local: link_local.filter(|_| addresses::is_connected(remote)),
    }
}
