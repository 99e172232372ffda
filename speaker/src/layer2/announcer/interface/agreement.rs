use std::collections::{BTreeMap, BTreeSet};
use std::future;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use claim::{BootId, Event, Identity, Input, Keys, KnownSpeaker, Role, Segment, Transmit};
use ipnet::IpNet;
use model::NodeName;
use process::clock::now;
use ring::rand::{SecureRandom, SystemRandom};

use super::super::Agreeing;
use super::super::plan::Assignment;
use super::super::siblings::{Sibling, Siblings};
use super::ears;
use super::overheard::Overheard;
use crate::kernel::packet::SocketError;
use crate::layer2::alarm::{Alarm, earliest};
use crate::layer2::datagram::{Channel, DatagramSocket, Families};
use crate::watch::departure::Shutdown;

/// How long until sockets that could not be opened are tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// What changes all the time is kept no more often than this.
const REST: Duration = Duration::from_secs(1);

/// So many datagrams are read in one turn at most: a frame may be waiting, too.
const AT_ONCE: usize = 16;

/// The machine that agrees with the other speakers who holds what on one segment, and what connects it to them.
pub(super) struct Agreement {
    iface: String,
    index: u32,
    segment: Segment,
    with: Agreeing,
    families: Families,
    /// The subnets of the interface.
    subnets: BTreeSet<IpNet>,
    /// Other speakers may be known than before.
    speakers_changed: bool,
    /// They are there, and none of them is heard.
    cut_off: bool,
    socket: Option<DatagramSocket>,
    /// This interface among those of the node.
    sibling: Sibling,
    /// What the node's other interfaces say, if there are any.
    overheard: Option<Overheard>,
    alarm: Alarm,
    /// When to try again to open the sockets.
    retry: Option<Instant>,
    buffer: Box<[u8]>,
    /// What the machine wants from the station.
    questions: Vec<Question>,
    unsent: u64,
    restarting: bool,
    /// Which version of the snapshot was kept last, and when.
    remembered: Option<(u64, Instant)>,
}

/// What the machine wants from the station.
#[derive(Debug)]
pub(super) enum Question {
    /// Ask whether the address answers, of this station or of everybody.
    Probe(IpAddr, Option<[u8; 6]>),
    /// Ask hosts around whether they answer, to be sure of our ears.
    Anybody,
}

impl Agreement {
    /// A new life on the segment, with what the last one left.
    ///
    /// # Errors
    /// There is no timer to be had.
    pub(super) fn new(
        iface: &str,
        index: u32,
        with: Agreeing,
        siblings: &Siblings,
    ) -> Result<Self, SocketError> {
        let me = Identity {
            node: with.me.clone(),
            boot: BootId(random()),
        };
        let sibling = siblings.join(index, me.boot);
        let keys = with.keys.borrow().clone();
        let snapshot = with.memory.of(iface);
        let mut agreement = Self {
            iface: iface.to_owned(),
            index,
            segment: Segment::new(now(), me, with.settings, keys, snapshot),
            families: Families::default(),
            subnets: BTreeSet::new(),
            speakers_changed: true,
            cut_off: false,
            socket: None,
            sibling,
            overheard: None,
            alarm: Alarm::new().map_err(SocketError::Timer)?,
            retry: None,
            buffer: vec![0; claim::MAX_DATAGRAM + 1].into_boxed_slice(),
            questions: Vec::new(),
            unsent: 0,
            restarting: false,
            remembered: None,
            with,
        };
        let able = *agreement.with.able.borrow_and_update();
        agreement.feed(Input::Able(able));
        let fresh = *agreement.with.fresh.borrow_and_update();
        agreement.feed(Input::Fresh(fresh));
        agreement.tell_siblings();
        agreement.leave();
        Ok(agreement)
    }

    pub(super) fn feed(&mut self, input: Input<'_>) {
        self.segment.handle_input(now(), input);
    }

    /// Takes in what the interface is and what there is to agree on, as far as it differs from before; all of it at first.
    pub(super) fn apply(&mut self, before: Option<&Assignment>, assignment: &Assignment) {
        let Assignment {
            mac,
            own,
            subnets,
            units,
            possible,
            drain,
            ..
        } = assignment;
        if before.is_none_or(|before| before.own != *own || before.mac != *mac) {
            self.feed(Input::Interface {
                mac: mac.octets(),
                addresses: own.clone(),
            });
            self.connect(own);
        }
        if before.is_none_or(|before| before.subnets != *subnets) {
            self.subnets.clone_from(subnets);
            self.tell_speakers();
        }
        if before.is_none_or(|before| before.possible != *possible) {
            self.feed(Input::Possible(possible.clone()));
        }
        if before.is_none_or(|before| before.units != *units) {
            self.feed(Input::Units(units.clone()));
        }
        if before.is_none_or(|before| before.drain != *drain) {
            self.feed(Input::Drain(*drain));
        }
    }

    /// Tells of the speakers of other nodes, and which of their addresses could be on this segment.
    fn tell_speakers(&mut self) {
        let speakers = self.with.speakers.borrow_and_update().clone();
        let here = |ip: &&IpAddr| self.subnets.iter().any(|subnet| subnet.contains(*ip));
        let known = speakers.iter().map(|(node, speaker)| {
            let here = KnownSpeaker {
                macs: speaker.macs.clone(),
                addresses: speaker.addresses.iter().filter(here).copied().collect(),
            };
            (node.clone(), here)
        });
        let known = known.collect();
        self.feed(Input::Speakers(known));
        self.speakers_changed = true;
    }

    /// Tells of the node's other interfaces, and listens to what they say.
    fn tell_siblings(&mut self) {
        let others = self.sibling.others();
        let (port, index) = (self.with.port, self.index);
        if others.is_empty() {
            self.overheard = None;
        } else if let Err(error) = match &self.overheard {
            Some(overheard) => overheard.listen_to(port, &others),
            None => Overheard::open(index, port, &others).map(|opened| self.overheard = Some(opened)),
        } {
            self.on_overheard_failure(&error);
        }
        self.feed(Input::Siblings { index, others });
    }

    /// What comes by IPv6 is heard all the same.
    fn on_overheard_failure(&mut self, error: &SocketError) {
        self.overheard = None;
        if !error.is_link_gone() {
            tracing::warn!(iface = self.iface, %error, "what other interfaces of this node say is not heard by IPv4");
        }
    }

    fn connect(&mut self, own: &BTreeSet<IpAddr>) {
        let families = Families {
            v4: own.iter().any(IpAddr::is_ipv4),
            v6: own
                .iter()
                .any(|ip| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())),
        };
        if families != self.families || self.socket.is_none() {
            self.families = families;
            self.open();
        }
    }

    fn open(&mut self) {
        // Two sockets of one port and group would each get a copy.
        self.socket = None;
        let failed_before = self.retry.take().is_some();
        let channel = Channel {
            port: self.with.port,
            keys: key_ids(&self.with.keys.borrow()),
        };
        match DatagramSocket::open(&self.iface, self.index, self.families, channel) {
            Ok(socket) => self.socket = Some(socket),
            Err(error) => {
                if !failed_before {
                    tracing::warn!(iface = self.iface, %error, "cannot talk to the other speakers, trying again");
                }
                self.retry = Some(now() + PAUSE);
            }
        }
    }

    /// Waits for a datagram, for the time to do something or for a word from this process, and has the machine deal with
    /// it. Nothing is lost when the future is dropped.
    pub(super) async fn turn(&mut self) {
        let due = earliest(self.segment.poll_timeout(), self.retry);
        tokio::select! {
            // First, so that no flood holds up a beacon.
            biased;
            () = self.alarm.ring(due) => self.keep_time(),
            Ok(()) = self.with.leave.changed() => self.leave(),
            Ok(()) = self.with.able.changed() => {
                let able = *self.with.able.borrow_and_update();
                self.feed(Input::Able(able));
            }
            Ok(()) = self.with.fresh.changed() => {
                let fresh = *self.with.fresh.borrow_and_update();
                self.feed(Input::Fresh(fresh));
            }
            Ok(()) = self.with.speakers.changed() => self.tell_speakers(),
            Ok(()) = self.sibling.changed() => self.tell_siblings(),
            Ok(()) = self.with.keys.changed() => {
                let keys = self.with.keys.borrow_and_update().clone();
                if let Some(Err(error)) = self.socket.as_mut().map(|socket| socket.hear_keys(key_ids(&keys))) {
                    self.on_failure(&error);
                }
                self.feed(Input::Keys(keys));
            }
            heard = hear(&self.socket, &mut self.buffer) => match heard {
                Ok((length, source)) => self.take(length, source),
                Err(error) => self.on_failure(&error),
            },
            heard = overhear(&mut self.overheard) => match heard {
                Ok((source, octets)) => {
                    self.segment.handle_input(now(), Input::Datagram { source, octets });
                    self.carry_out();
                }
                Err(error) => self.on_overheard_failure(&error),
            },
        }
        self.catch_up();
    }

    fn keep_time(&mut self) {
        let now = now();
        if self.retry.is_some_and(|due| due <= now) {
            self.open();
        }
        if self.segment.poll_timeout().is_some_and(|due| due <= now) {
            self.segment.handle_timeout(now);
            self.carry_out();
        }
    }

    /// Takes what else has arrived, whatever the turn was about: after a long one a beacon that waits to be read is not a
    /// beacon that did not come, and a thousand claims are one turn.
    fn catch_up(&mut self) {
        for _ in 0..AT_ONCE {
            let Some(socket) = &self.socket else { return };
            match socket.receive_waiting(&mut self.buffer) {
                Ok(Some((length, source))) => self.take(length, source),
                Ok(None) => return,
                Err(error) => return self.on_failure(&error),
            }
        }
    }

    fn on_failure(&mut self, error: &io::Error) {
        tracing::debug!(iface = self.iface, %error, "the sockets failed, opening them anew");
        self.retry = Some(now() + PAUSE);
        self.socket = None;
    }

    fn take(&mut self, length: usize, source: IpAddr) {
        let octets = &self.buffer[..length];
        self.segment
            .handle_input(now(), Input::Datagram { source, octets });
        self.carry_out();
    }

    fn leave(&mut self) {
        let leave = *self.with.leave.borrow_and_update();
        match leave {
            None => {}
            Some(Shutdown::HandOver) => self.feed(Input::Shutdown(claim::Shutdown::HandOver)),
            Some(Shutdown::Restart) => {
                self.restarting = true;
                self.feed(Input::Shutdown(claim::Shutdown::Restart));
            }
        }
    }

    /// Sends what there is to send, notes what the station is to ask, and listens to what is of use.
    fn carry_out(&mut self) {
        let needs_ipv6 = self.segment.needs_ipv6();
        if let Some(Err(error)) = self.socket.as_mut().map(|socket| socket.hear_ipv6(needs_ipv6)) {
            self.on_failure(&error);
        }
        while let Some(transmit) = self.segment.poll_transmit() {
            match transmit {
                Transmit::Datagram(octets) => {
                    let sent = self.socket.as_ref().is_some_and(|socket| socket.send(&octets));
                    self.unsent += u64::from(!sent);
                }
                Transmit::Probe { address, mac } => self.questions.push(Question::Probe(address, mac)),
                Transmit::CountFrames => {
                    if let Some(count) = ears::frames_received(&self.iface) {
                        self.segment.handle_input(now(), Input::FramesReceived(count));
                    }
                    self.questions.push(Question::Anybody);
                }
            }
        }
    }

    /// Sends what there is to send; what the station is to ask.
    pub(super) fn questions(&mut self) -> Vec<Question> {
        self.carry_out();
        std::mem::take(&mut self.questions)
    }

    /// What has happened, in order.
    pub(super) fn events(&mut self) -> Vec<Event> {
        let events: Vec<Event> = std::iter::from_fn(|| self.segment.poll_event()).collect();
        for event in &events {
            if let Event::Unheard(unheard) = event {
                self.cut_off = *unheard;
            }
        }
        events
    }

    /// Keeps what is agreed for a later life, if it has changed and that was not done just now.
    pub(super) fn remember(&mut self) {
        let now = now();
        if self.remembered.is_none_or(|(_, at)| now >= at + REST) {
            self.remember_at(now);
        }
    }

    fn remember_at(&mut self, now: Instant) {
        let version = self.segment.snapshot_version();
        if self.remembered.is_none_or(|(known, _)| known != version) {
            self.remembered = Some((version, now));
            self.with.memory.record(&self.iface, self.segment.snapshot());
        }
    }

    pub(super) fn is_listening(&self) -> bool {
        self.segment.is_listening()
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.segment.is_quiet()
    }

    /// What this node is to answer for, and how.
    pub(super) fn roles(&self) -> BTreeMap<IpAddr, Role> {
        self.segment.answers().collect()
    }

    /// The hardware addresses of the other speakers, heard or not.
    pub(super) fn stations(&self) -> BTreeSet<[u8; 6]> {
        let heard = self.segment.members().map(|member| member.mac);
        let speakers = self.with.speakers.borrow();
        let known = speakers.values().flat_map(|speaker| speaker.macs.iter().copied());
        heard.chain(known).collect()
    }

    /// Whether other speakers may be known than at the last call.
    pub(super) fn has_news_of_speakers(&mut self) -> bool {
        std::mem::take(&mut self.speakers_changed)
    }

    /// The speakers that are there and not heard, where none is; some are if this is told.
    pub(super) fn unheard(&self) -> Option<BTreeSet<NodeName>> {
        self.cut_off.then(|| self.segment.unheard())
    }

    /// Nothing more is to be done: this speaker is about to be replaced, or has nothing left to hand over.
    pub(super) fn is_over(&self) -> bool {
        let leaving = *self.with.leave.borrow() == Some(Shutdown::HandOver);
        self.restarting || leaving && self.segment.holdings().next().is_none()
    }

    pub(super) fn counters(&self) -> claim::Counters {
        self.segment.counters()
    }

    pub(super) fn unsent(&self) -> u64 {
        self.unsent
    }
}

impl Drop for Agreement {
    /// The last word counts.
    fn drop(&mut self) {
        self.remember_at(now());
    }
}

/// By what datagrams say that they are under one of these.
fn key_ids(keys: &Keys) -> Vec<u32> {
    let all = std::iter::once(&keys.seal).chain(&keys.open);
    all.map(claim::Key::id).collect()
}

async fn hear(socket: &Option<DatagramSocket>, buffer: &mut [u8]) -> io::Result<(usize, IpAddr)> {
    match socket {
        Some(socket) => socket.receive(buffer).await,
        None => future::pending().await,
    }
}

async fn overhear(overheard: &mut Option<Overheard>) -> Result<(IpAddr, &[u8]), SocketError> {
    match overheard {
        Some(overheard) => overheard.receive().await,
        None => future::pending().await,
    }
}

/// The name of a life. Two lives of one name would be taken for one.
fn random() -> u64 {
    let mut octets = [0; 8];
    SystemRandom::new()
        .fill(&mut octets)
        .expect("the kernel has randomness for everybody");
    u64::from_ne_bytes(octets)
}
