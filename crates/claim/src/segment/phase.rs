//! Whether this node takes part: it listens first, and again whenever it cannot know what it missed.

use std::time::{Duration, Instant};

use super::{Phase, Segment};
use crate::{Event, Why};

impl Segment {
    /// Rule 11: whether we have just not run for so long that others may have taken what was ours.
    pub(super) fn notice_time(&mut self, now: Instant) {
        self.notice_lateness(now);
        let gap = now.saturating_duration_since(self.ran);
        self.ran = now;
        if gap > self.neighbors.interval() * self.settings.misses {
            self.counters.fenced += 1;
            self.fall_silent(now, Why::Fenced);
        }
    }

    /// Who comes late has yet to read what its peers said meanwhile.
    fn notice_lateness(&mut self, now: Instant) {
        let due = self.poll_timeout().unwrap_or(now);
        if now > due + self.neighbors.interval() / 10 {
            self.neighbors.excuse(now);
        }
    }

    /// Listens again before it answers for anything.
    pub(super) fn fall_silent(&mut self, now: Instant, why: Why) {
        let until = self
            .carrier_lost
            .is_none()
            .then(|| now + self.neighbors.times().listening);
        self.phase = Phase::Listening(until);
        self.neighbors.set_ready(false);
        self.suspend(why);
        self.wake_at(now);
        self.beacon_soon(now);
    }

    pub(super) fn on_carrier(&mut self, now: Instant, carrier: bool) {
        match (carrier, self.carrier_lost) {
            (false, None) => {
                self.carrier_lost = Some(now);
                self.neighbors.set_carrier_lost(self.carrier_lost);
                self.fall_silent(now, Why::Fenced);
            }
            (true, Some(lost)) => {
                self.carrier_lost = None;
                self.neighbors.set_carrier_lost(None);
                let short = now < lost + self.neighbors.interval() * self.settings.misses;
                let listening = if short {
                    Duration::ZERO
                } else {
                    self.neighbors.times().listening
                };
                self.phase = Phase::Listening(Some(now + listening));
                self.beacon_soon(now);
            }
            (false, Some(_)) | (true, None) => {}
        }
    }

    /// Ends listening when it has been long enough, and what the others hold is known.
    pub(super) fn end_listening(&mut self, now: Instant) {
        let Phase::Listening(Some(until)) = self.phase else {
            return;
        };
        // Nodes are heard one after the other, and with their number the times stretch.
        let listening = self.neighbors.times().listening;
        let until = until + listening.saturating_sub(self.settings.listening);
        let duplicate = self.neighbors.is_duplicate(now);
        if now < until || duplicate {
            return self.wake_at(now.max(until) + self.neighbors.interval() * u32::from(duplicate));
        }
        if self.neighbors.has_unknown_claims() && now < until + self.neighbors.times().listening {
            return self.wake_at(now + self.neighbors.interval() / 10);
        }
        self.phase = Phase::Ready;
        self.neighbors.set_ready(true);
        self.wake = Some(now);
        self.beacon_soon(now);
    }

    /// Rule 20: two interfaces of one node on one LAN are two doors of one life. One of them speaks and answers.
    pub(super) fn settle_second(&mut self, now: Instant) {
        let second = self.neighbors.is_second(now);
        if second == (self.phase == Phase::Second) {
            return;
        }
        self.fall_silent(now, Why::Fenced);
        if second {
            self.phase = Phase::Second;
        }
        self.events.push_back(Event::SecondInterface(second));
    }

    /// Whether others are there and none is heard: a state of its own, which users are told of.
    pub(super) fn settle_unheard(&mut self, now: Instant) {
        let unheard = self.phase == Phase::Ready && self.neighbors.is_cut_off(now);
        if self.unheard != unheard {
            self.unheard = unheard;
            self.events.push_back(Event::Unheard(unheard));
        }
    }
}
