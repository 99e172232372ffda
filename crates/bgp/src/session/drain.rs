use std::time::Instant;

use super::Session;
use crate::input::{Drain, Forwarding};
use crate::settings::LiveSettings;
use crate::status::Event;

/// How far the withdrawal of everything is (RFC 8326).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Draining {
    /// Nobody asks for it.
    #[default]
    Not,
    /// What has been announced is marked since then; nothing is announced anew.
    Marking(Instant),
    /// Nothing is announced any more.
    Withdrawing {
        /// That all is withdrawn has been told.
        told: bool,
    },
}

impl Draining {
    pub(super) fn is_under_way(self) -> bool {
        self != Self::Not
    }

    pub(super) fn marked_until(self, live: &LiveSettings) -> Option<Instant> {
        match self {
            Self::Marking(since) => Some(since + live.graceful_shutdown),
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
    pub(super) fn on_drain(&mut self, now: Instant, drain: Drain) {
        let live = self.phase.established();
        let announces = live.is_some_and(|live| live.adj_rib_out.sent() > 0);
        let marks = announces && !self.settings.live.graceful_shutdown.is_zero();
        let draining = match (self.draining, drain) {
            (_, Drain::No) => Draining::Not,
            (Draining::Not, Drain::Mark) if marks => Draining::Marking(now),
            (Draining::Not, Drain::Mark | Drain::Withdraw) => Draining::Withdrawing { told: false },
            (Draining::Marking(since), Drain::Mark) => Draining::Marking(since),
            (Draining::Marking(_), Drain::Withdraw) => Draining::Withdrawing { told: false },
            (Draining::Withdrawing { told }, Drain::Mark | Drain::Withdraw) => Draining::Withdrawing { told },
        };
        if draining != self.draining {
            self.draining = draining;
            self.review(None);
        }
    }

    /// What has come to its end by what has just happened.
    pub(super) fn settle(&mut self) {
        self.tell_family_faults();
        if let Some(live) = self.phase.established_mut()
            && live.opened.transport.in_flight.is_none()
            && live.adj_rib_out.becomes_synced()
        {
            // From now on the peer need not wait for us (RFC 4724 §4.1), and what it keeps over another loss is what it has just heard.
            self.restarted = false;
            self.forwarding = Forwarding::Preserved;
            self.events.push_back(Event::Synced);
        }
        if self.draining == (Draining::Withdrawing { told: false }) && self.is_withdrawn() {
            self.draining = Draining::Withdrawing { told: true };
            self.events.push_back(Event::Drained);
        }
    }

    /// Whether nothing is announced, as far as TCP has taken it.
    fn is_withdrawn(&self) -> bool {
        self.phase
            .established()
            .is_none_or(|live| live.adj_rib_out.sent() == 0 && live.opened.transport.in_flight.is_none())
    }
}
