//! Who is at the other end of an interface: the router that an unnumbered BGP session is with.
//!
//! Router discovery (RFC 4861 §6) used the way routers use it among each other: both ends say that they are there, with
//! Router Advertisements of lifetime 0, which make nobody a default router of any host; the source of what comes back is the
//! neighbour. Needs the capability `NET_RAW`.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use nix::net::if_::if_nametoindex;
use process::clock::{now, until};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::warn;

mod discovery;
mod message;
mod socket;

use discovery::{Discovery, Heard};
use message::{Message, Station};
use socket::RouterSocket;

/// How often it is looked whether an interface is there at last.
const LOOK: Duration = Duration::from_secs(1);
/// No message that counts is longer; the end of a longer one is not needed.
const BUFFER: usize = 1500;

/// Follows who is on an interface, for as long as it is kept.
#[derive(Debug)]
pub struct Neighbours {
    router: watch::Receiver<Option<Ipv6Addr>>,
    blind: watch::Receiver<Option<String>>,
    task: JoinHandle<()>,
}

impl Neighbours {
    /// Begins. The interface may come later, go, and come again. Must be called within a runtime.
    pub fn follow(interface: &str) -> Self {
        let (sender, router) = watch::channel(None);
        let (blinded, blind) = watch::channel(None);
        let task = tokio::spawn(follow(interface.to_owned(), sender, blinded));
        Self { router, blind, task }
    }

    /// The link-local address of the router there; `None` as long as none is seen.
    pub fn router(&self) -> watch::Receiver<Option<Ipv6Addr>> {
        self.router.clone()
    }

    /// Why no router can be seen there, in the words of the operating system; `None` as long as it is looked for.
    pub fn blind(&self) -> watch::Receiver<Option<String>> {
        self.blind.clone()
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(
    interface: String,
    sender: watch::Sender<Option<Ipv6Addr>>,
    blinded: watch::Sender<Option<String>>,
) {
    loop {
        if let Ok(index) = if_nametoindex(interface.as_str()) {
            match RouterSocket::open(index) {
                Ok(socket) => {
                    blinded.send_replace(None);
                    converse(&interface, &socket, &sender).await;
                }
                Err(error) => {
                    if blinded.send_replace(Some(in_words(&error))).is_none() {
                        warn!(iface = interface, %error, "cannot look for routers");
                    }
                }
            }
        }
        set(&sender, None);
        tokio::time::sleep(LOOK).await;
    }
}

/// Speaks and listens until the interface is gone or down.
async fn converse(interface: &str, socket: &RouterSocket, sender: &watch::Sender<Option<Ipv6Addr>>) {
    let mut discovery = Discovery::new(now(), RandomState::new().build_hasher().finish());
    let mut buffer = [0; BUFFER];
    loop {
        while let Some(message) = discovery.poll_transmit() {
            let octets = message.encode(Station::of(interface));
            if socket.send(&octets, message.group()).await.is_err() {
                return;
            }
        }
        set(sender, discovery.router());
        tokio::select! {
            received = socket.receive(&mut buffer) => match received {
                Ok((length, SocketAddr::V6(source))) => {
                    let message = Message::decode(&buffer[..length.min(BUFFER)]);
                    if let Some(heard) = message.and_then(|message| Heard::new(message, *source.ip())) {
                        discovery.handle_input(now(), heard);
                    }
                }
                Ok((_, SocketAddr::V4(_))) => {}
                Err(_) => return,
            },
            () = until(discovery.poll_timeout()) => discovery.handle_timeout(now()),
        }
    }
}

fn in_words(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::PermissionDenied {
        format!("{error}: looking for routers takes the capability NET_RAW")
    } else {
        error.to_string()
    }
}

fn set(sender: &watch::Sender<Option<Ipv6Addr>>, router: Option<Ipv6Addr>) {
    sender.send_if_modified(|known| std::mem::replace(known, router) != router);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_capability_is_named() {
        let error = io::Error::from_raw_os_error(libc::EPERM);
        assert!(in_words(&error).contains("NET_RAW"), "{error}");
        let other = io::Error::from_raw_os_error(libc::ENODEV);
        assert!(!in_words(&other).contains("NET_RAW"), "{other}");
    }
}
