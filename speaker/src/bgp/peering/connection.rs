//! The connection of a session: none, one that is being made, or one with what is still to be written to it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bgp::{Connection, DialError};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest, Ready};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::dial::Target;
use super::password::Password;
use super::sockopt;

/// For how long a connection that is closed is still read, so that the peer gets our last word and not a reset.
const LINGER: Duration = Duration::from_secs(1);

/// How long a connection that takes nothing any more is listened to: what its peer has said is there already.
const LAST_WORD: Duration = Duration::from_millis(100);

/// How much is read at once: the largest message that a peer may send.
pub(super) const BUFFER: usize = 4096;

type Dialling = Pin<Box<dyn Future<Output = Result<(TcpStream, Connection), DialError>> + Send>>;

/// See the module.
#[derive(Default)]
pub(super) enum Link {
    #[default]
    Down,
    Dialling(Dialling),
    Up(Wire),
}

/// What happens on a link.
pub(super) enum LinkEvent {
    Dialled(Result<Connection, DialError>),
    /// So many octets are in the buffer.
    Received(usize),
    Written,
    Closed(Option<String>),
}

/// A connection.
pub(super) struct Wire {
    stream: TcpStream,
    ends: Connection,
    /// What is still to be written.
    rest: Vec<u8>,
    /// Why nothing can be written any more.
    broken: Option<io::Error>,
}

impl Link {
    pub(super) fn dial(&mut self, target: &Target, remote: SocketAddr) {
        *self = Self::Dialling(Box::pin(target.clone().dial(remote)));
    }

    /// Nobody can be dialled.
    pub(super) fn fail(&mut self, error: DialError) {
        *self = Self::Dialling(Box::pin(std::future::ready(Err(error))));
    }

    /// Hands `octets` to TCP, as it takes them.
    pub(super) fn write(&mut self, octets: Vec<u8>) {
        if let Self::Up(wire) = self {
            wire.rest.extend(octets);
        }
    }

    /// The next thing that happens; never on a link that is down. Nothing is lost when the future is dropped.
    pub(super) async fn event(&mut self, buffer: &mut [u8]) -> LinkEvent {
        match self {
            Self::Down => std::future::pending().await,
            Self::Dialling(dialling) => match dialling.await {
                Ok((stream, ends)) => {
                    *self = Self::Up(Wire {
                        stream,
                        ends,
                        rest: Vec::new(),
                        broken: None,
                    });
                    LinkEvent::Dialled(Ok(ends))
                }
                Err(error) => {
                    *self = Self::Down;
                    LinkEvent::Dialled(Err(error))
                }
            },
            Self::Up(wire) => match wire.event(buffer).await {
                Ok(event) => event,
                Err(error) => LinkEvent::Closed(Some(error.to_string())),
            },
        }
    }

    /// Replaces the key of a connection that has one.
    pub(super) fn rotate(&self, password: &Password) {
        if let Self::Up(wire) = self
            && let Err(error) = sockopt::set_md5(&wire.stream, wire.ends.remote, password.octets())
        {
            tracing::warn!(peer = %wire.ends.remote, %error, "the new password is used from the next connection on");
        }
    }

    /// The ends of the connection, if there is one.
    pub(super) fn ends(&self) -> Option<&Connection> {
        match self {
            Self::Up(wire) => Some(&wire.ends),
            Self::Down | Self::Dialling(_) => None,
        }
    }

    /// Closes whatever there is, with a last word if TCP takes it at once.
    pub(super) async fn close(&mut self, farewell: Option<Vec<u8>>) {
        if let Self::Up(wire) = std::mem::take(self) {
            wire.close(farewell).await;
        }
    }
}

impl Wire {
    async fn event(&mut self, buffer: &mut [u8]) -> io::Result<LinkEvent> {
        loop {
            let wanted = if self.rest.is_empty() || self.broken.is_some() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            let ready = match self.broken {
                Some(_) => timeout(LAST_WORD, self.stream.ready(wanted))
                    .await
                    .unwrap_or(Ok(Ready::EMPTY))?,
                None => self.stream.ready(wanted).await?,
            };
            if ready.is_writable() && self.broken.is_none() && !self.rest.is_empty() {
                match self.stream.try_write(&self.rest) {
                    Ok(written) => drop(self.rest.drain(..written)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // The peer's last word is there to be read all the same, and says more (RFC 4271 §6.4).
                    Err(error) => {
                        self.broken = Some(error);
                        continue;
                    }
                }
                if self.rest.is_empty() {
                    return Ok(LinkEvent::Written);
                }
            }
            match self.stream.try_read(buffer) {
                Ok(0) => {
                    return Ok(LinkEvent::Closed(
                        self.broken.take().map(|error| error.to_string()),
                    ));
                }
                Ok(read) => return Ok(LinkEvent::Received(read)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Some(broken) = self.broken.take() {
                        return Err(broken);
                    }
                }
                Err(error) => return Err(self.broken.take().unwrap_or(error)),
            }
        }
    }

    /// Whether TCP has everything, now that what was left has been given to it once more.
    fn hands_over_the_rest(&self) -> bool {
        let all = self.rest.len();
        all == 0 || matches!(self.stream.try_write(&self.rest), Ok(written) if written == all)
    }

    async fn close(mut self, farewell: Option<Vec<u8>>) {
        if !self.hands_over_the_rest() {
            // The peer reads nothing: what is left is of no use to it, and the last word cannot follow half a message.
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
            return;
        }
        if let Some(farewell) = farewell {
            let _ = self.stream.try_write(&farewell);
        }
        let mut buffer = [0; BUFFER];
        let _ = self.stream.shutdown().await;
        let _ = timeout(LINGER, async {
            while matches!(self.stream.read(&mut buffer).await, Ok(1..)) {}
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    /// A link, and its other end.
    async fn pair() -> (Link, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (other, _) = listener.accept().await.unwrap();
        let ends = Connection {
            local: Ipv4Addr::LOCALHOST.into(),
            remote: Ipv4Addr::LOCALHOST.into(),
        };
        let wire = Wire {
            stream,
            ends,
            rest: Vec::new(),
            broken: None,
        };
        (Link::Up(wire), other)
    }

    #[tokio::test]
    async fn the_last_word_follows_what_was_still_to_be_written() {
        let (mut link, mut other) = pair().await;
        link.write(b"an update, ".to_vec());
        let mut heard = String::new();
        let (_, read) = tokio::join!(
            link.close(Some(b"farewell".to_vec())),
            other.read_to_string(&mut heard)
        );
        read.unwrap();
        assert_eq!(heard, "an update, farewell");
    }

    #[tokio::test]
    async fn a_peer_that_reads_nothing_is_left_without_a_last_word() {
        let (mut link, mut other) = pair().await;
        link.write(vec![0; 64 << 20]);
        link.close(Some(b"farewell".to_vec())).await;
        let mut heard = Vec::new();
        let error = other.read_to_end(&mut heard).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    /// B16: a router that has had enough of our routes says so, and closes with what it has not read.
    #[tokio::test]
    async fn the_peers_last_word_is_read_before_a_write_that_fails_is_believed() {
        let (mut link, mut other) = pair().await;
        let Link::Up(wire) = &mut link else { panic!("down") };
        wire.stream.writable().await.unwrap();
        assert_eq!(wire.stream.try_write(&[0; 4096]).unwrap(), 4096);
        assert!(other.peek(&mut [0]).await.unwrap() > 0, "which it leaves unread");
        other.write_all(b"too many routes").await.unwrap();
        drop(other);
        link.write(vec![0; 4096]);
        let (mut heard, mut buffer) = (Vec::new(), [0; BUFFER]);
        let error = loop {
            match link.event(&mut buffer).await {
                LinkEvent::Received(read) => heard.extend_from_slice(&buffer[..read]),
                LinkEvent::Closed(error) => break error,
                LinkEvent::Written | LinkEvent::Dialled(_) => {}
            }
        };
        assert_eq!(String::from_utf8_lossy(&heard), "too many routes", "{error:?}");
        assert!(error.is_some(), "and then it is closed with a reset");
    }
}
