//! What is known of another node, and what follows about its life.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use model::NodeName;

use super::replay::Window;
use crate::claims::Received;
use crate::identity::Node;
use crate::seal::SenderKey;
use crate::wire::Claim;
use crate::wire::{Beacon, State};
use crate::{BootId, Settings, Status, UnitId};

mod probing;

pub(super) use probing::Probing;

/// After so many percent of its interval a beacon is overdue: it varies by a tenth, and takes its time on the way.
const LATE_BEACON: u32 = 125;
/// After so many an echo is: our beacon may have just missed the one before.
const LATE_ECHO: u32 = 250;

/// Another node's speaker.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: NodeName,
    pub(super) node: Node,
    pub(super) boot: BootId,
    pub(super) key: SenderKey,
    pub(super) window: Window,
    /// The newest of its beacons, and when it came.
    pub(super) beacon: Beacon,
    pub(super) beacon_sequence: u64,
    pub(super) heard: Instant,
    /// When anything of it last came by IPv4.
    pub(super) heard_by_ipv4: Option<Instant>,
    /// When we sent the newest of our beacons that it says it heard.
    pub(super) echoed: Instant,
    /// When it last said that it hears anybody besides us.
    pub(super) hears_others: Option<Instant>,
    /// The newest of its datagrams that a peer of ours has heard, and when we were told.
    pub(super) vouched: (u32, Option<Instant>),
    pub(super) received: Received,
    /// When its claims were last asked for.
    pub(super) requested: Option<Instant>,
    /// When to ask for them, if something of them is still missing then.
    pub(super) repair: Option<Instant>,
    /// The claims of its former life, as long as the new one has not said which it takes up (rule 10).
    pub(super) former: Option<BTreeMap<UnitId, Claim>>,
    /// Since when it has not been doing its work: silent, or listening after a start.
    pub(super) away: Option<Instant>,
    /// Whether it said so before.
    pub(super) announced: bool,
    /// When its node turned out to answer no more, if it is dead because of that.
    pub(super) died: Option<Instant>,
    pub(super) probing: Probing,
    pub(super) status: Status,
    pub(super) since: Instant,
    /// When this life of it was accepted.
    pub(super) accepted: Instant,
    /// Whether it was late when we last looked.
    pub(super) late: bool,
}

/// What the first beacon of a life that is believed says.
#[derive(Debug)]
pub(super) struct NewLife {
    pub(super) name: NodeName,
    pub(super) node: Node,
    pub(super) boot: BootId,
    pub(super) key: SenderKey,
    pub(super) window: Window,
    pub(super) beacon: Beacon,
    pub(super) beacon_sequence: u64,
    pub(super) echoed: Instant,
}

impl NewLife {
    /// The peer from now on: with what is known of the life before, if there was one.
    pub(super) fn after(self, now: Instant, before: Option<Peer>) -> Peer {
        let former = before.as_ref().filter(|before| before.status != Status::Dead);
        let former = former.map(|before| before.claims().clone());
        let away = before.as_ref().and_then(|before| before.away).unwrap_or(now);
        let announced = before.as_ref().is_some_and(|before| before.announced);
        let (status, since) = before.map_or((Status::Missing, now), |before| (before.status, before.since));
        Peer {
            name: self.name,
            node: self.node,
            boot: self.boot,
            key: self.key,
            window: self.window,
            beacon: self.beacon,
            beacon_sequence: self.beacon_sequence,
            heard: now,
            heard_by_ipv4: None,
            echoed: self.echoed,
            hears_others: None,
            vouched: (0, None),
            received: Received::default(),
            requested: None,
            repair: None,
            former: former.filter(|claims| !claims.is_empty()),
            away: Some(away),
            announced,
            died: None,
            probing: Probing::default(),
            status,
            since,
            accepted: now,
            late: false,
        }
    }
}

impl Peer {
    /// When its next beacon is overdue.
    pub(super) fn late_at(&self) -> Instant {
        self.alive_until_with(LATE_BEACON, LATE_ECHO)
    }

    /// Until when what we have heard makes it alive.
    pub(super) fn alive_until(&self, settings: &Settings) -> Instant {
        let misses = settings.misses * 100;
        self.alive_until_with(misses, misses + 100)
    }

    /// A beacon is good for so many percent of its interval, an echo for so many of it: our beacon is up to one interval
    /// old when the peer's next one echoes it.
    fn alive_until_with(&self, beacon: u32, echo: u32) -> Instant {
        let interval = self.beacon.interval;
        let heard = self.heard + interval * beacon / 100;
        heard.min(self.echoed + interval * echo / 100)
    }

    /// Until when we can say that we hear it.
    pub(super) fn heard_until(&self, settings: &Settings) -> Instant {
        self.heard + self.beacon.interval * settings.misses
    }

    /// Whether we hear it now, whether it hears us or not.
    pub(super) fn is_heard(&self, now: Instant) -> bool {
        now < self.echoed_until()
    }

    /// Until when we say that we hear it: who falls deaf is to be known as such soon.
    pub(super) fn echoed_until(&self) -> Instant {
        self.heard + self.beacon.interval * LATE_BEACON / 100
    }

    /// Since when it has been silent: of one that we hear and that hears nobody, since when it hears us no more.
    pub(super) fn silent_since(&self, now: Instant) -> Instant {
        if self.is_heard(now) {
            self.late_at()
        } else {
            self.echoed_until()
        }
    }

    /// Whether its beacons come by IPv4.
    pub(super) fn is_heard_by_ipv4(&self, now: Instant) -> bool {
        let patience = self.beacon.interval * LATE_BEACON / 100;
        self.heard_by_ipv4.is_some_and(|at| now < at + patience)
    }

    /// Until when others' word makes it alive.
    fn vouched_until(&self, settings: &Settings) -> Option<Instant> {
        let told = self.vouched.1?;
        let interval = self.beacon.interval;
        // News comes when both the peer and a voucher have spoken. Of a dead one there is none after it was missed for long.
        let lasting = told >= self.late_at() + interval * 2;
        Some(told + interval * (settings.misses + u32::from(lasting)))
    }

    /// Until when it did its work, as far as is known: one that we hear and that does not hear us does, too.
    fn worked_until(&self, settings: &Settings) -> Instant {
        let alive = self.alive_until(settings);
        if self.status == Status::OneWay {
            alive.max(self.heard_until(settings))
        } else {
            alive
        }
    }

    fn hears_others_until(&self) -> Option<Instant> {
        let said = self.hears_others?;
        Some(said + self.beacon.interval * LATE_BEACON / 100)
    }

    /// Until when a speaker that is away keeps its units.
    pub(super) fn keeps_until(&self, settings: &Settings) -> Option<Instant> {
        let window = if self.announced {
            settings.restart_window
        } else {
            settings.crash_window
        };
        Some(self.away? + window)
    }

    /// What it is now (the table of the protocol).
    pub(super) fn status_at(&self, now: Instant, settings: &Settings) -> Status {
        let window = self.beacon.interval * settings.misses;
        if self.beacon.state == State::Restarting {
            return self.probing.verdict(now, window, self.keeps_until(settings));
        }
        if now < self.alive_until(settings) {
            return match self.beacon.state {
                State::Ready => Status::Ready,
                State::Listening | State::Restarting => Status::Listening,
                State::Draining | State::Leaving => Status::Draining,
                State::Unable => Status::Unable,
            };
        }
        let is_before = |end: Option<Instant>| end.is_some_and(|end| now < end);
        // One that hears nobody at all is deaf: as good as dead, however often it speaks. One that has fallen silent is not.
        let heard = now < self.heard_until(settings) && is_before(self.hears_others_until());
        let speaks = now < self.heard_until(settings) && self.hears_others < Some(self.heard);
        let deaf = speaks && !heard;
        if heard || !deaf && is_before(self.vouched_until(settings)) {
            return Status::OneWay;
        }
        self.probing.verdict(now, window, self.keeps_until(settings))
    }

    /// Brings it up to date. Says whether what it claims is to be looked at anew, its status apart.
    pub(super) fn refresh(&mut self, now: Instant, settings: &Settings) -> bool {
        let mut concerns_claims = false;
        let late = now >= self.late_at();
        if late != self.late {
            self.late = late;
            if !late && self.beacon.state != State::Restarting {
                self.probing = Probing::default();
            }
            concerns_claims = !self.claims().is_empty();
        }
        let status = self.status_at(now, settings);
        if status == Status::OneWay && self.is_heard(now) {
            // What its node did not answer before says nothing of when it falls silent.
            self.probing = Probing::default();
        }
        let works = matches!(
            status,
            Status::Ready | Status::Draining | Status::Unable | Status::OneWay
        );
        if works {
            self.away = None;
            self.announced = false;
        } else if self.away.is_none() {
            self.away = Some(now.min(self.worked_until(settings)));
        }
        let kept = self.keeps_until(settings).is_none_or(|until| now < until);
        if self.former.is_some() && (works && self.is_current() || !kept) {
            self.former = None;
            concerns_claims = true;
        }
        if status != self.status {
            (self.status, self.since) = (status, now);
            self.died = (status == Status::Dead && kept).then_some(now);
        }
        concerns_claims
    }

    /// When [`Self::status_at`] may give something else, nothing arriving.
    pub(super) fn changes_at(&self, now: Instant, settings: &Settings) -> Option<Instant> {
        let window = self.beacon.interval * settings.misses;
        let times = [
            (!self.late).then(|| self.late_at()),
            Some(self.alive_until(settings)),
            Some(self.heard_until(settings)),
            self.vouched_until(settings),
            self.hears_others_until(),
            self.keeps_until(settings),
        ];
        let probing = self.probing.changes_at(window);
        times
            .into_iter()
            .chain(probing)
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    /// Whether it is silent for a reason that is not known, and ours to find out.
    pub(super) fn is_examined(&self) -> bool {
        let silent = self.late || self.beacon.state == State::Restarting;
        silent && self.probing.wanted && !matches!(self.status, Status::Dead | Status::OneWay)
    }

    /// Its claims, those of its former life if it is not yet known which it takes up.
    pub(super) fn claims(&self) -> &BTreeMap<UnitId, Claim> {
        self.former.as_ref().unwrap_or_else(|| self.received.claims())
    }

    /// Whether we have all that it says it claims.
    pub(super) fn is_current(&self) -> bool {
        !self.received.lacks(self.beacon.version, self.beacon.digest)
    }

    /// Where it can be asked whether its node still lives.
    pub(super) fn addresses(&self) -> &[IpAddr] {
        &self.beacon.addresses
    }
}
