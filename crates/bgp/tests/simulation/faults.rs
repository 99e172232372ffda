use std::time::Duration;

use bgp::{BfdState, Drain, Input, LiveSettings, Retention, State, Stop};
use model::Family;

use crate::peer::message;
use crate::world::{Birth, Side, What, World};

impl World {
    /// For so long a session has been there, if it is.
    fn established_for(&self) -> Duration {
        let status = self.life.as_ref().map(|life| life.session.status());
        let since = status
            .filter(|status| status.state == State::Established)
            .and_then(|status| status.since);
        since.map_or(Duration::ZERO, |since| self.now - self.since_epoch(since))
    }

    fn between(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.chance.between(least, most))
    }

    /// The process is replaced by another.
    pub(crate) fn restart(&mut self, in_order: bool, after: Duration) {
        self.keep();
        self.peer.excused = true;
        if in_order {
            self.stop(Stop::Restart);
        } else {
            self.kill();
        }
        self.after(after, What::Start(Birth::Again));
    }

    /// A field is edited that is in the OPEN, and does not change what is announced.
    pub(crate) fn change_session(&mut self) {
        self.keep();
        self.peer.excused = true;
        self.stop(Stop::Changed(Retention::Keep));
        self.start(Birth::Afresh);
    }

    /// One is edited that is not: nothing is lost over that.
    pub(crate) fn change_live(&mut self) {
        let seconds = |times: [Option<u64>; 3], which: usize| times[which].map(Duration::from_secs);
        let live = LiveSettings {
            keepalive_time: seconds([None, Some(1), Some(20)], self.chance.index(3)),
            connect_time: seconds([None, Some(1), Some(60)], self.chance.index(3)),
            graceful_shutdown: Duration::from_secs([0, 1, 60][self.chance.index(3)]),
        };
        self.settings.live = live;
        let sessions = |world: &Self| {
            let status = world.life.as_ref().map(|life| life.session.status());
            status.map(|status| (status.state, status.counters.notifications_sent))
        };
        let before = sessions(self);
        self.input(Input::Live(live));
        assert_eq!(sessions(self), before, "an edit of a live field");
    }

    fn change_next_hops(&mut self) {
        let next_hops = self.over.other_next_hops(&mut self.chance);
        self.change(|facts| facts.next_hops = next_hops);
    }

    /// The node is off for a while, without a word.
    pub(crate) fn reboot(&mut self) {
        self.kept.clear();
        self.peer.excused = true;
        self.kill();
        let after = self.between(1000, 90_000);
        self.after(after, What::Start(Birth::Rebooted));
    }

    fn stop_for_good(&mut self, stop: Stop) {
        self.kept.clear();
        self.peer.excused = true;
        self.stop(stop);
    }

    /// The connection breaks. A session that has been there for long is back in a second, while the peer keeps what it has.
    pub(crate) fn break_connection(&mut self) {
        self.keep();
        if self.established_for() < Duration::from_secs(61) {
            self.kept.clear();
        }
        self.reset();
    }

    pub(crate) fn stop_reading(&mut self, time: Duration) {
        self.peer.excused = true;
        if self.reads {
            self.reads = false;
            self.after(time, What::Reads);
        }
    }

    pub(crate) fn stall(&mut self, time: Duration) {
        self.peer.excused = true;
        let until = self.now + time;
        if let Some(wire) = &mut self.wire {
            wire.stalled = wire.stalled.max(until);
        }
    }

    /// Neither end hears of the other any more, nor that it does not.
    pub(crate) fn cut(&mut self) {
        self.peer.excused = true;
        if let Some(wire) = &mut self.wire {
            wire.dead = true;
        }
    }

    fn can_tell_silence(&self) -> bool {
        self.settings.open.hold_time > Duration::ZERO && self.peer.kind.hold > 0
    }

    /// The router goes down, and forgets.
    fn lose_the_peer(&mut self) {
        self.reachable = false;
        self.reset();
        self.peer.link = None;
        self.peer.rib.clear();
        self.peer.stale_until = None;
    }

    /// Something that no router says.
    fn garble(&mut self) {
        self.peer.excused = true;
        let bodies: [(u8, &[u8]); 5] = [
            (1, &[4, 1, 2, 0, 90, 198, 51, 100, 1, 0]),
            (2, &[0, 0, 0, 4, 0x40, 1, 1, 0, 24, 203, 0, 113]),
            (3, &[6, 2]),
            (4, &[]),
            (5, &[0, 1, 1, 1]),
        ];
        let (kind, body) = bodies[self.chance.index(bodies.len())];
        let mut octets = message(kind, body);
        for _ in 0..self.chance.below(3) {
            let at = self.chance.index(octets.len());
            octets[at] ^= 1 << self.chance.below(8);
        }
        octets.truncate(self.chance.between(1, octets.len() as u64) as usize);
        self.carry(Side::Herald, octets);
        if let Some(wire) = &mut self.wire {
            wire.garbled = true;
        }
    }

    pub(crate) fn random_route(&mut self) {
        let mut chance = self.chance.clone();
        self.change(|facts| facts.change_a_route(&mut chance));
        self.chance = chance;
    }

    fn change_routes(&mut self) {
        for _ in 0..self.chance.between(1, 5) {
            self.random_route();
        }
    }

    fn change_guard(&mut self) {
        let mut chance = self.chance.clone();
        self.change(|facts| facts.change_guard(&mut chance));
        self.chance = chance;
    }

    /// One of the faults and changes that network, peer, process and users know.
    pub(crate) fn random_fault(&mut self) {
        let which = self.chance.below(28);
        self.tell_story(|| format!("FAULT {which}"));
        // Those below that need not, say so.
        if !matches!(which, 0..=2 | 4 | 11..=16 | 20 | 23..=25) {
            self.kept.clear();
        }
        match which {
            0 | 1 => {
                let after = self.between(10, 20_000);
                let in_order = which == 0;
                self.restart(in_order, after);
            }
            2 => self.break_connection(),
            3 => {
                let stop = [Stop::Shutdown("upgrade".to_owned()), Stop::Deconfigured];
                let which = self.chance.index(2);
                self.stop_for_good(stop[which].clone());
                let after = self.between(10, 5000);
                self.after(after, What::Start(Birth::Afresh));
            }
            4 => {
                self.settings.open.hold_time = Duration::from_secs([9, 30, 90][self.chance.index(3)]);
                self.change_session();
            }
            5 if self.can_tell_silence() => self.cut(),
            5 | 6 => {
                let time = self.between(10, 20_000);
                self.stall(time);
            }
            7 => {
                let most = if self.chance.happens(100) { 600_000 } else { 30_000 };
                let time = self.between(10, most);
                self.stop_reading(time);
            }
            8 => {
                let time = self.between(10, 30_000);
                self.peer.excused = true;
                self.pause(time);
            }
            9 => {
                let subcode = [1, 2, 4, 6, 9][self.chance.index(5)];
                self.peer.cease(self.now, 6, subcode);
                self.obey();
            }
            10 => self.lose_the_peer(),
            11 | 12 => {
                for _ in 0..self.chance.between(1, 3) {
                    let family = [Family::V4, Family::V6][self.chance.index(2)];
                    self.peer.ask(family);
                }
                self.obey();
            }
            13 => {
                let well = self.chance.happens(500);
                self.peer.announce(well);
                self.obey();
            }
            14 | 15 => self.change_routes(),
            16 => self.change_guard(),
            17 => {
                let drain = [Drain::No, Drain::Mark, Drain::Withdraw][self.chance.index(3)];
                self.change(|facts| facts.drain = drain);
            }
            18 => {
                self.peer.excused = true;
                self.tell_bfd(BfdState::Up);
                self.tell_bfd(BfdState::Down);
                if self.chance.happens(500) {
                    self.tell_bfd(BfdState::Up);
                }
            }
            19 | 21 => self.garble(),
            20 => self.input(Input::Start),
            22 => {
                // Both at the same time.
                self.peer.cease(self.now, 6, 4);
                self.obey();
                self.reset();
            }
            23 | 24 => self.change_next_hops(),
            25 => self.change_live(),
            26 => self.reboot(),
            _ => {
                self.reachable = !self.reachable;
            }
        }
    }

    /// The end of all faults.
    pub(crate) fn repair_everything(&mut self) {
        self.tell_story(|| "REPAIRED".to_owned());
        self.peer.excused = true;
        self.reachable = true;
        if !self.can_tell_silence() || self.wire.as_ref().is_some_and(|wire| wire.garbled) {
            self.kept.clear();
            self.reset();
        }
        self.after(Duration::ZERO, What::Reads);
        if self.facts.drain != Drain::No {
            self.change(|facts| facts.drain = Drain::No);
        }
        if self.life.is_none() {
            self.after(Duration::from_millis(1), What::Start(Birth::Again));
        }
        self.input(Input::Start);
    }
}
