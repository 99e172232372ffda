//! Herald's process: the machine, and a driver as it might be.

use std::collections::BTreeMap;
use std::time::Duration;

use bgp::{BfdState, DialError, Drain, Event, Forwarding, Input, Session, Stop, Transmit};
use ipnet::IpNet;

use super::{Birth, Side, What, World};
use crate::facts::Facts;
use crate::oracle::Meaning;

pub(crate) struct Life {
    pub(crate) session: Session,
    number: u64,
    /// What it knows.
    pub(crate) facts: Facts,
    /// Whether that is all.
    pub(crate) knows: bool,
    pub(crate) restarted: bool,
    /// Whether the node has forwarded all along.
    pub(crate) forwarding: Forwarding,
    /// Whether the peer has ever had everything from it.
    pub(crate) synced: bool,
    /// What of the last message TCP has not taken yet.
    writing: Vec<u8>,
    /// Which dial is under way.
    dialling: Option<u64>,
    dials: u64,
    timer: Option<Duration>,
    /// Until when the process stands still.
    paused: Option<Duration>,
    /// What came meanwhile.
    inbox: Vec<u8>,
    /// TCP took the last of a message meanwhile.
    taken: bool,
    closed: bool,
    /// What it has announced over this connection.
    pub(crate) said: BTreeMap<IpNet, Meaning>,
}

impl Life {
    pub(super) fn timer(&self) -> Option<Duration> {
        self.timer.filter(|_| self.paused.is_none())
    }

    pub(crate) fn runs(&self) -> bool {
        self.paused.is_none()
    }
}

impl World {
    pub(crate) fn start(&mut self, birth: Birth) {
        let restarted = birth != Birth::Afresh;
        let forwarding = match birth {
            Birth::Afresh | Birth::Again => Forwarding::Preserved,
            Birth::Rebooted => Forwarding::Lost,
        };
        if self.life.is_some() {
            return;
        }
        self.lives += 1;
        let mut settings = self.settings.clone();
        settings.restarted = restarted;
        settings.seed = self.chance.number();
        self.life = Some(Life {
            session: Session::new(settings),
            number: self.lives,
            facts: Facts::of(self.facts.next_hops),
            knows: false,
            restarted,
            forwarding,
            synced: false,
            writing: Vec::new(),
            dialling: None,
            dials: 0,
            timer: None,
            paused: None,
            inbox: Vec::new(),
            taken: false,
            closed: false,
            said: BTreeMap::new(),
        });
        self.tell_story(|| format!("START {birth:?}"));
        // The kernel tells at once.
        self.input(Input::NextHops(self.facts.next_hops));
        self.input(Input::Forwarding(forwarding));
        self.recall(restarted);
        self.input(Input::Start);
        let lag = Duration::from_millis(self.chance.below(2000));
        self.after(lag, What::Tell);
    }

    /// Every other process that takes the place of one begins with what that one knew.
    fn recall(&mut self, restarted: bool) {
        let recalled = self.recalled.take();
        let Some(facts) = recalled.filter(|_| restarted && self.lives.is_multiple_of(2)) else {
            return;
        };
        self.tell_story(|| "recalls".to_owned());
        let mut known = facts.clone();
        known.next_hops = self.facts.next_hops;
        self.knows(known);
        self.input(Input::Guard(facts.guard));
        self.input(Input::Early(facts.routes));
        if facts.drain != Drain::No {
            self.input(Input::Drain(facts.drain));
        }
    }

    fn remember(&mut self) {
        self.recalled = self
            .life
            .as_ref()
            .filter(|life| life.knows)
            .map(|life| life.facts.clone());
    }

    /// The process learns how things are.
    pub(super) fn tell_facts(&mut self) {
        let facts = self.facts.clone();
        let Some(life) = self.life.as_mut().filter(|life| life.paused.is_none()) else {
            return;
        };
        if life.facts.next_hops != facts.next_hops {
            life.facts.next_hops = facts.next_hops;
            self.input(Input::NextHops(facts.next_hops));
        }
        let Some(life) = &mut self.life else { return };
        let (before, first) = (life.facts.clone(), !life.knows);
        // One after the other, and it knows what it has been told.
        if first || before.guard != facts.guard {
            let mut known = facts.clone();
            (known.routes, known.drain) = (before.routes.clone(), before.drain);
            life.facts = known;
            self.input(Input::Guard(facts.guard.clone()));
        }
        // Before the routes: a drain that is over while all becomes known is not to end what then begins.
        if before.drain != facts.drain {
            let mut known = facts.clone();
            known.routes = before.routes;
            self.knows(known);
            self.input(Input::Drain(facts.drain));
        }
        if let Some(life) = &mut self.life {
            life.knows = true;
        }
        self.knows(facts.clone());
        self.input(Input::Routes(facts.routes));
    }

    fn knows(&mut self, facts: Facts) {
        if let Some(life) = &mut self.life {
            life.facts = facts;
        }
    }

    /// Facts have changed.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts);
        let wanted: Vec<IpNet> = self.wanted();
        self.kept.retain(|prefix| wanted.contains(prefix));
        let Some(life) = self.life.as_mut().filter(|life| life.paused.is_none()) else {
            return;
        };
        if life.knows {
            self.tell_facts();
        } else {
            life.facts.next_hops = self.facts.next_hops;
            self.input(Input::NextHops(self.facts.next_hops));
        }
    }

    pub(crate) fn tell_bfd(&mut self, state: BfdState) {
        self.input(Input::Bfd(state));
    }

    /// Gives the machine something, if it runs, and does what it says.
    pub(crate) fn input(&mut self, input: Input<'_>) {
        let now = self.instant();
        let Some(life) = self.life.as_mut().filter(|life| life.paused.is_none()) else {
            return;
        };
        life.session.handle_input(now, input);
        self.drain();
    }

    pub(super) fn timeout(&mut self) {
        let now = self.instant();
        if let Some(life) = &mut self.life {
            life.timer = None;
            life.session.handle_timeout(now);
            self.drain();
        }
    }

    fn drain(&mut self) {
        let instant = self.instant();
        while let Some(transmit) = self
            .life
            .as_mut()
            .and_then(|life| life.session.poll_transmit(instant))
        {
            match transmit {
                Transmit::Dial => self.dial(),
                Transmit::Octets(octets) => {
                    self.check_said(&octets);
                    let Some(life) = &mut self.life else { return };
                    assert!(life.writing.is_empty(), "B20: two messages at once");
                    life.writing = octets;
                    self.write();
                }
                Transmit::Close { notification } => self.hang_up(notification),
            }
        }
        let now = self.now;
        while let Some(event) = self.life.as_mut().and_then(|life| life.session.poll_event()) {
            self.tell_story(|| format!("{event:?}"));
            if let (Event::Synced, Some(life)) = (&event, &mut self.life) {
                life.synced = true;
                life.forwarding = Forwarding::Preserved;
            }
        }
        let lateness = Duration::from_micros(self.chance.below(2000));
        let due = self.life.as_ref().and_then(|life| life.session.poll_timeout());
        let due = due.map(|due| self.since_epoch(due).max(now) + lateness);
        if let Some(life) = &mut self.life {
            life.timer = due;
        }
    }

    fn dial(&mut self) {
        let Some(life) = &mut self.life else { return };
        life.dials += 1;
        life.dialling = Some(life.dials);
        life.said.clear();
        let what = What::Dialled(life.number, life.dials);
        let takes = if self.reachable {
            self.round_trip()
        } else {
            Duration::from_secs(10)
        };
        self.after(takes, what);
    }

    pub(super) fn dialled(&mut self, number: u64, dial: u64) {
        let reachable = self.reachable;
        let current = self
            .life
            .as_mut()
            .filter(|life| life.number == number && life.dialling == Some(dial));
        let Some(life) = current else { return };
        if life.paused.is_some() {
            // The kernel has done it; the process will see.
            return self.after(Duration::from_millis(50), What::Dialled(number, dial));
        }
        life.dialling = None;
        if reachable {
            self.connect();
            self.input(Input::Connected(self.over.connection()));
        } else {
            let remote = self.over.connection().remote;
            self.input(Input::DialFailed(DialError::TimedOut {
                remote,
                password: false,
            }));
        }
    }

    /// TCP takes what it has room for.
    pub(super) fn write(&mut self) {
        let Some(life) = &mut self.life else { return };
        if life.writing.is_empty() {
            return;
        }
        let Some(room) = self.wire.as_ref().map(|wire| wire.room(self.capacity)) else {
            return;
        };
        let taken: Vec<u8> = life.writing.drain(..room.min(life.writing.len())).collect();
        let done = life.writing.is_empty();
        life.taken = done && life.paused.is_some();
        self.carry(Side::Peer, taken);
        if done {
            self.input(Input::Written);
        }
    }

    fn hang_up(&mut self, notification: Option<Vec<u8>>) {
        self.tell_story(|| {
            format!(
                "Herald closes, {:?}",
                notification.as_ref().map(|octets| &octets[19..])
            )
        });
        let Some(life) = &mut self.life else { return };
        life.dialling = None;
        let clean = life.writing.is_empty();
        life.writing.clear();
        life.inbox.clear();
        (life.taken, life.closed) = (false, false);
        let room = self.wire.as_ref().map_or(0, |wire| wire.room(self.capacity));
        let notification = notification.filter(|octets| clean && octets.len() <= room);
        self.disconnect(Side::Herald, notification);
    }

    pub(super) fn herald_hears(&mut self, octets: Vec<u8>) {
        let Some(life) = &mut self.life else { return };
        if life.paused.is_some() {
            life.inbox.extend(octets);
        } else {
            self.input(Input::Received(&octets));
        }
    }

    pub(super) fn herald_is_closed(&mut self, broken: bool) {
        let Some(life) = &mut self.life else { return };
        life.writing.clear();
        life.taken = false;
        if life.paused.is_some() {
            life.closed = true;
        } else {
            let error = broken.then(|| "Connection reset by peer".to_owned());
            self.input(Input::Closed(error));
        }
    }

    pub(crate) fn pause(&mut self, time: Duration) {
        let until = self.now + time;
        if let Some(life) = &mut self.life {
            life.paused = Some(until);
            self.after(time, What::Wake);
        }
    }

    /// The process runs again, and finds what came in the meantime before it looks at the time.
    pub(super) fn wake(&mut self) {
        let now = self.now;
        let Some(life) = &mut self.life else { return };
        if life.paused.is_none_or(|until| until > now) {
            return;
        }
        life.paused = None;
        let (inbox, closed) = (std::mem::take(&mut life.inbox), std::mem::take(&mut life.closed));
        let (knows, taken) = (life.knows, std::mem::take(&mut life.taken));
        if taken {
            self.input(Input::Written);
        }
        if !inbox.is_empty() {
            self.input(Input::Received(&inbox));
        }
        if closed {
            self.input(Input::Closed(None));
        }
        self.write();
        if knows {
            self.tell_facts();
        } else {
            self.after(Duration::ZERO, What::Tell);
        }
        self.timeout();
    }

    /// The process ends in order.
    pub(crate) fn stop(&mut self, stop: Stop) {
        if let Some(life) = &mut self.life {
            life.paused = None;
        }
        self.remember();
        self.input(Input::Stop(stop));
        self.life = None;
    }

    /// It ends on the spot; the kernel closes what it had.
    pub(crate) fn kill(&mut self) {
        self.remember();
        self.life = None;
        self.disconnect(Side::Herald, None);
    }
}
