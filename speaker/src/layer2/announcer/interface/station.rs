use std::collections::BTreeSet;
use std::io;
use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use l2::filter::{self, Instruction};
use l2::wire::Protocol;
use l2::{Event, Input, Interest, Mac, Responder, Settings};
use process::clock::now;

use super::groups::Groups;
use crate::kernel::packet::{PacketSocket, SocketError};
use crate::layer2::alarm::{Alarm, earliest};

/// How long the frames made by one round may wait for the interface. What does not get out by then is dropped: the next
/// round of the schedule makes up for it, and an old answer is worth nothing.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long until groups that could not be joined are tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// A responder and what connects it to its interface: a socket for each protocol, and the groups of its addresses.
///
/// Its driver feeds it and waits for it in turns, and lets it [settle](Self::settle) after each:
///
/// ```text
/// loop {
///     select! {
///         … => station.feed(input),      // as often as there is something to feed
///         turned = station.turn() => turned?,
///     }
///     station.settle().await?;
///     while let Some(event) = station.event() { … }
/// }
/// ```
pub struct Station {
    iface: String,
    responder: Responder,
    arp: Ear,
    ndp: Ear,
    groups: Groups,
    /// The groups to be a member of.
    wanted: BTreeSet<Ipv6Addr>,
    alarm: Alarm,
    /// When to try again to join those that could not be joined.
    retry: Option<Instant>,
    unsent: u64,
}

/// A socket, and room for what comes out of it.
struct Ear {
    socket: PacketSocket,
    buffer: Box<[u8]>,
}

impl Ear {
    fn open(index: u32, protocol: Protocol) -> Result<Self, SocketError> {
        let filter = Interest::default().filter(protocol, filter::LONGEST);
        Ok(Self {
            socket: PacketSocket::open(index, protocol.ethertype(), &filter)?,
            buffer: vec![0; filter::SNAP].into_boxed_slice(),
        })
    }

    async fn hear(&mut self) -> Result<&[u8], SocketError> {
        let length = self.socket.receive(&mut self.buffer).await?;
        Ok(&self.buffer[..length])
    }
}

impl Station {
    /// A station of the interface that is called `iface`, with the index `index` and the hardware address `mac`.
    pub fn open(iface: &str, index: u32, mac: Mac, settings: Settings) -> Result<Self, SocketError> {
        Ok(Self {
            iface: iface.to_owned(),
            responder: Responder::new(mac, settings),
            arp: Ear::open(index, Protocol::Arp)?,
            ndp: Ear::open(index, Protocol::Ndp)?,
            groups: Groups::on(index),
            wanted: BTreeSet::new(),
            alarm: Alarm::new().map_err(SocketError::Timer)?,
            retry: None,
            unsent: 0,
        })
    }

    /// Tells the responder. Several inputs may follow each other before [`Self::settle`].
    pub fn feed(&mut self, input: Input<'_>) {
        self.responder.handle_input(now(), input);
    }

    /// Waits for a frame or for the time to do something, and has the responder deal with that. Nothing is lost when the
    /// future is dropped.
    pub async fn turn(&mut self) -> Result<(), SocketError> {
        let due = earliest(self.responder.poll_timeout(), self.retry);
        tokio::select! {
            // First, so that no flood of frames holds up an announcement.
            biased;
            () = self.alarm.ring(due) => self.keep_time(),
            heard = hear(&mut self.arp, &mut self.ndp) => {
                self.responder.handle_input(now(), Input::Frame(heard?));
            }
        }
        Ok(())
    }

    fn keep_time(&mut self) {
        let now = now();
        if self.retry.is_some_and(|due| due <= now) {
            self.join_groups(Groups::become_member_of);
        }
        if self.responder.poll_timeout().is_some_and(|due| due <= now) {
            self.responder.handle_timeout(now);
        }
    }

    /// Carries out what the responder wants. The kernel's filters open before the first question about a new address can
    /// come.
    pub async fn settle(&mut self) -> Result<(), SocketError> {
        if let Some(interest) = self.responder.poll_interest() {
            self.listen(&interest)?;
        }
        let deadline = (now() + PATIENCE).into();
        while let Some(transmit) = self.responder.poll_transmit() {
            let socket = match transmit.protocol() {
                Protocol::Arp => &self.arp.socket,
                Protocol::Ndp => &self.ndp.socket,
            };
            match tokio::time::timeout_at(deadline, socket.send(transmit.frame())).await {
                Ok(Err(error)) if !is_full(&error) => return Err(error),
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => self.unsent += 1,
            }
        }
        Ok(())
    }

    /// The next thing that the responder has to tell.
    pub fn event(&mut self) -> Option<Event> {
        self.responder.poll_event()
    }

    /// The link came back, or the interface came to its IPv6 only now: all memberships are told anew.
    pub fn join_groups_anew(&mut self) {
        self.join_groups(Groups::join_anew);
    }

    /// What the station says, and what it counted.
    pub fn responder(&self) -> &Responder {
        &self.responder
    }

    /// Frames that were made and that the interface did not take.
    pub fn unsent(&self) -> u64 {
        self.unsent
    }

    fn listen(&mut self, interest: &Interest) -> Result<(), SocketError> {
        for (ear, protocol) in [(&self.arp, Protocol::Arp), (&self.ndp, Protocol::Ndp)] {
            attach_what_fits(
                |limit| interest.filter(protocol, limit),
                |program| ear.socket.attach(program),
            )?;
        }
        let wanted = interest.groups();
        if wanted != self.wanted {
            self.wanted = wanted;
            self.join_groups(Groups::become_member_of);
        }
        Ok(())
    }

    /// Without its group an address is not heard of on most interfaces, but what can be done without is done: IPv4 and
    /// the other addresses go on.
    fn join_groups(&mut self, join: impl FnOnce(&mut Groups, &BTreeSet<Ipv6Addr>) -> io::Result<()>) {
        let failed_before = self.retry.is_some();
        match join(&mut self.groups, &self.wanted) {
            Ok(()) => self.retry = None,
            Err(error) => {
                if !failed_before {
                    tracing::warn!(iface = self.iface, %error, "cannot join solicited-node groups, trying again");
                }
                self.retry = Some(now() + PAUSE);
            }
        }
    }
}

/// The next frame of either socket, by turns when both have some.
async fn hear<'a>(arp: &'a mut Ear, ndp: &'a mut Ear) -> Result<&'a [u8], SocketError> {
    tokio::select! {
        heard = arp.hear() => heard,
        heard = ndp.hear() => heard,
    }
}

/// Whether the interface's own queue was full, which is over in a moment.
fn is_full(error: &SocketError) -> bool {
    matches!(error, SocketError::Send(source) if source.raw_os_error() == Some(libc::ENOBUFS))
}

/// Attaches the exact program if the kernel has the memory for it (`net.core.optmem_max`, of which both the old and the
/// new one take their part), otherwise a shorter one that lets more through.
fn attach_what_fits(
    program: impl Fn(usize) -> Vec<Instruction>,
    mut attach: impl FnMut(&[Instruction]) -> Result<(), SocketError>,
) -> Result<(), SocketError> {
    let mut limit = filter::LONGEST;
    loop {
        match attach(&program(limit)) {
            Err(SocketError::Filter(error))
                if error.kind() == io::ErrorKind::OutOfMemory && limit > filter::SHORTEST =>
            {
                limit /= 2;
            }
            attached => return attached,
        }
    }
}

#[cfg(test)]
mod tests;
