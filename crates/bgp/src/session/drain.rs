use std::time::Instant;

use super::Session;
use crate::status::Event;

/// Whether the node is to be left alone (RFC 8326).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Drain {
    /// It is not.
    #[default]
    Not,
    /// What has been announced is marked until then; nothing is announced anew.
    Marking(Instant),
    /// Nothing is announced any more.
    Withdrawing {
        /// That all is withdrawn has been said.
        told: bool,
    },
}

impl Drain {
    pub(super) fn marked_until(self) -> Option<Instant> {
        match self {
            Self::Marking(until) => Some(until),
            Self::Not | Self::Withdrawing { .. } => None,
        }
    }

    /// Nobody is there to see the mark, or all have had time to.
    pub(super) fn end_marking(&mut self) {
        if let Self::Marking(_) = self {
            *self = Self::Withdrawing { told: false };
        }
    }
}

impl Session {
    pub(super) fn on_drain(&mut self, now: Instant, drain: bool) {
        let is_drained = self.drain != Drain::Not;
        if drain == is_drained {
            return;
        }
        let rib = self.link.as_ref().and_then(|link| link.rib.as_ref());
        let announces = rib.is_some_and(|rib| rib.sent() > 0);
        self.drain = match (drain, announces) {
            (false, _) => Drain::Not,
            (true, true) if !self.settings.graceful_shutdown.is_zero() => {
                Drain::Marking(now + self.settings.graceful_shutdown)
            }
            (true, _) => Drain::Withdrawing { told: false },
        };
        self.review(None);
    }

    /// What has come to its end by what has just happened.
    pub(super) fn settle(&mut self) {
        let link = self.link.as_mut().filter(|link| link.in_flight.is_none());
        if let Some(rib) = link.and_then(|link| link.rib.as_mut())
            && rib.becomes_synced()
        {
            // From now on the peer need not wait for us (RFC 4724 §4.1).
            self.restarted = false;
            self.events.push_back(Event::Synced);
        }
        if self.drain == (Drain::Withdrawing { told: false }) && self.is_withdrawn() {
            self.drain = Drain::Withdrawing { told: true };
            self.events.push_back(Event::Drained);
        }
    }

    /// Whether nothing is announced, as far as TCP has taken it.
    fn is_withdrawn(&self) -> bool {
        let Some(link) = &self.link else { return true };
        let Some(rib) = &link.rib else { return true };
        rib.sent() == 0 && link.in_flight.is_none()
    }
}
