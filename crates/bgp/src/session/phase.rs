//! The states of RFC 4271 §8.2.2, each with what there is in it and nowhere else.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use model::Family;

use super::agreement::Agreement;
use super::jitter::Jitter;
use super::rib::AdjRibOut;
use super::transport::Transport;
use super::{SEND_HOLD, STABLE};
use crate::settings::LiveSettings;
use crate::status::State;
use crate::wire::kind;

/// The state of a session.
#[derive(Debug)]
pub(super) enum Phase {
    Idle(Wait),
    Connect,
    OpenSent(Box<Transport>),
    OpenConfirm(Box<Opened>),
    Established(Box<Established>),
}

/// What a session that is Idle waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// [`Input::Start`](crate::Input::Start).
    ForStart,
    /// The time to dial again.
    Until(Instant),
    /// Nothing: [`Input::Stop`](crate::Input::Stop) has ended it for good.
    Over,
}

/// A connection over which both ends have opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) transport: Transport,
    pub(super) agreement: Agreement,
}

/// A session over which routes may be sent.
#[derive(Debug)]
pub(super) struct Established {
    pub(super) opened: Opened,
    pub(super) adj_rib_out: AdjRibOut,
    /// Families of which the peer is to be asked for all routes.
    pub(super) owes_refreshes: BTreeSet<Family>,
    /// When the session counts as a good one.
    pub(super) stable: Option<Instant>,
}

impl Phase {
    pub(super) fn state(&self) -> State {
        match self {
            Self::Idle(_) => State::Idle,
            Self::Connect => State::Connect,
            Self::OpenSent(_) => State::OpenSent,
            Self::OpenConfirm(_) => State::OpenConfirm,
            Self::Established(_) => State::Established,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Idle(Wait::Over))
    }

    pub(super) fn transport(&self) -> Option<&Transport> {
        match self {
            Self::Idle(_) | Self::Connect => None,
            Self::OpenSent(transport) => Some(transport),
            Self::OpenConfirm(opened) => Some(&opened.transport),
            Self::Established(live) => Some(&live.opened.transport),
        }
    }

    pub(super) fn transport_mut(&mut self) -> Option<&mut Transport> {
        match self {
            Self::Idle(_) | Self::Connect => None,
            Self::OpenSent(transport) => Some(transport),
            Self::OpenConfirm(opened) => Some(&mut opened.transport),
            Self::Established(live) => Some(&mut live.opened.transport),
        }
    }

    pub(super) fn opened(&self) -> Option<&Opened> {
        match self {
            Self::Idle(_) | Self::Connect | Self::OpenSent(_) => None,
            Self::OpenConfirm(opened) => Some(opened),
            Self::Established(live) => Some(&live.opened),
        }
    }

    pub(super) fn opened_mut(&mut self) -> Option<&mut Opened> {
        match self {
            Self::Idle(_) | Self::Connect | Self::OpenSent(_) => None,
            Self::OpenConfirm(opened) => Some(opened),
            Self::Established(live) => Some(&mut live.opened),
        }
    }

    pub(super) fn established(&self) -> Option<&Established> {
        match self {
            Self::Idle(_) | Self::Connect | Self::OpenSent(_) | Self::OpenConfirm(_) => None,
            Self::Established(live) => Some(live),
        }
    }

    pub(super) fn established_mut(&mut self) -> Option<&mut Established> {
        match self {
            Self::Idle(_) | Self::Connect | Self::OpenSent(_) | Self::OpenConfirm(_) => None,
            Self::Established(live) => Some(live),
        }
    }

    /// Whether a message of this kind may come now. One of an unknown kind never may, and is refused for that.
    pub(super) fn expects(&self, message: u8) -> bool {
        match self {
            Self::Idle(_) | Self::Connect => false,
            Self::OpenSent(_) => matches!(message, kind::OPEN | kind::NOTIFICATION),
            Self::OpenConfirm(_) => matches!(message, kind::NOTIFICATION | kind::KEEPALIVE),
            Self::Established(_) => message != kind::OPEN,
        }
    }

    /// When something is due, whatever else may be.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let wait = match self {
            Self::Idle(Wait::Until(due)) => Some(*due),
            Self::Idle(Wait::ForStart | Wait::Over) | Self::Connect => None,
            Self::OpenSent(_) | Self::OpenConfirm(_) | Self::Established(_) => None,
        };
        let transport = self.transport();
        let live = self.established();
        let times = [
            wait,
            transport.and_then(|transport| transport.hold),
            transport.and_then(|transport| transport.keepalive),
            live.and_then(|live| live.stable),
            live.and_then(|live| live.adj_rib_out.refresh_due()),
            live.and_then(Established::send_hold).map(|(_, due)| due),
        ];
        times.into_iter().flatten().min()
    }
}

impl Opened {
    /// The peer has given a sign of life (B8).
    pub(super) fn restart_hold(&mut self, now: Instant) {
        self.transport.hold = self.agreement.negotiated.hold_time.map(|time| now + time);
    }

    /// We have given one (B6).
    pub(super) fn restart_keepalive(&mut self, now: Instant, live: &LiveSettings, jitter: &mut Jitter) {
        let interval = self.keepalive_interval(live);
        self.transport.keepalive = interval.map(|interval| now + jitter.of(interval).max(LEAST_KEEPALIVE));
    }

    /// The pace is another one: what is due sooner by it is due then.
    pub(super) fn hasten_keepalive(&mut self, now: Instant, live: &LiveSettings, jitter: &mut Jitter) {
        let before = self.transport.keepalive;
        self.restart_keepalive(now, live, jitter);
        self.transport.keepalive = before.min(self.transport.keepalive).or(self.transport.keepalive);
    }

    /// At most so long between two signs of life, for a hold time of at least 3 s; none: no KEEPALIVE is due ever.
    fn keepalive_interval(&self, live: &LiveSettings) -> Option<Duration> {
        let third = self.agreement.negotiated.hold_time? / 3;
        let configured = live.keepalive_time.filter(|time| !time.is_zero());
        Some(configured.map_or(third, |time| time.min(third)))
    }
}

impl Established {
    pub(super) fn new(now: Instant, opened: Opened, adj_rib_out: AdjRibOut) -> Self {
        Self {
            opened,
            adj_rib_out,
            owes_refreshes: BTreeSet::new(),
            stable: Some(now + STABLE),
        }
    }

    /// How long the peer may take to read one message, and when it will have taken longer (RFC 9687). With keepalives, and while
    /// there are routes to tell, a message is always on its way within a third of the hold time; with neither, nothing can wait.
    pub(super) fn send_hold(&self) -> Option<(Duration, Instant)> {
        let hold = self.opened.agreement.negotiated.hold_time.unwrap_or_default();
        let time = SEND_HOLD.max(2 * hold);
        Some((time, self.opened.transport.in_flight? + time))
    }
}

/// No more than one KEEPALIVE in this time (RFC 4271 §4.4).
const LEAST_KEEPALIVE: Duration = Duration::from_secs(1);
