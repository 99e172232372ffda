//! One session (RFC 4271 §8): the state machine of a speaker that only dials.
//!
//! ```
//! # use std::{collections::BTreeSet, sync::Arc, time::{Duration, Instant}};
//! # use bgp::{Event, ExportGuard, Input, PeerAsn, Session, Settings, Table, Transmit};
//! # fn dial() {}
//! # fn write(_: &[u8]) {}
//! # fn close(_: Option<Vec<u8>>) {}
//! # fn report(_: Event) {}
//! # #[allow(clippy::disallowed_methods, reason = "an example of a driver")]
//! # fn main() {
//! # let settings = Settings {
//! #     local_asn: 64512, peer_asn: PeerAsn::External, identifier: [192, 0, 2, 1].into(),
//! #     hold_time: Duration::from_secs(90), keepalive_time: None, connect_time: None,
//! #     families: BTreeSet::from([model::Family::V4]), restart_time: None, restarted: false,
//! #     graceful_shutdown: Duration::from_secs(5), node: "node-a".to_owned(), seed: 1,
//! # };
//! # let mut known = vec![Input::Guard(Arc::new(ExportGuard::default())), Input::Routes(Arc::new(Table::new()))];
//! let mut session = Session::new(settings);
//! let mut input = Input::Start;
//! loop {
//!     session.handle_input(Instant::now(), input);
//!     while let Some(transmit) = session.poll_transmit() {
//!         match transmit {
//!             Transmit::Dial => dial(),
//!             Transmit::Octets(octets) => write(&octets),
//!             Transmit::Close { notification } => close(notification),
//!         }
//!     }
//!     while let Some(event) = session.poll_event() {
//!         report(event);
//!     }
//!     // Wait for the first of: the socket, what there is to announce, `poll_timeout()` (then `handle_timeout` and drain again).
//!     # let Some(next) = known.pop() else { return };
//!     input = next;
//! }
//! # }
//! ```
//!
//! **What the driver owes.** It drains after every `handle_…`. It gives what the socket has before it calls
//! [`Session::handle_timeout`]: after a pause of the process the peer's signs of life may lie there unread. It gives up dialling
//! by itself, with [`DialError::TimedOut`](crate::DialError::TimedOut). It says [`Input::Guard`] and
//! [`Input::Drain`] before the [`Input::Routes`] that need them, and [`Input::Imports`] before [`Input::Start`]. After [`Input::Closed`] it drops the connection without being told to.
//!
//! **What it may rely on.** One message at most is on its way to TCP, and one at most is kept of what came (B19): what else there
//! is to say is made when TCP has taken the last. So a peer that does not read delays nobody, and what it then reads is what is
//! true by then. Withdrawals go before announcements and wait for nothing (B21). No UPDATE goes out before Established (B2), none
//! before both the routes and the guard are known, and the End-of-RIB of a family follows its last route, once
//! [`Input::Routes`] has said that there are no others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::guard::ExportGuard;
use crate::import::ImportPolicy;
use crate::input::Input;
use crate::route::Table;
use crate::settings::Settings;
use crate::status::{Counters, Event, SessionError, State, Status};

mod adj_rib_in;
mod agreement;
mod connecting;
mod drain;
mod ending;
mod imports;
mod jitter;
mod link;
mod receive;
mod retry;
mod rib;
mod send;
#[cfg(test)]
mod tests;
mod timers;

use drain::Drain;
use jitter::Jitter;
use link::Link;
use retry::Retry;

/// A session this long Established counts as good: what went wrong before is forgotten (B10).
const STABLE: Duration = Duration::from_secs(60);
/// How long the peer may take to send its OPEN: "a large value" (RFC 4271 §8.2.2).
const OPEN_HOLD: Duration = Duration::from_secs(240);
/// The least time that a peer may take to read a message (RFC 9687 §4.4).
const SEND_HOLD: Duration = Duration::from_secs(480);

/// One session with one peer: see the module's documentation for its run loop.
///
/// Memory grows with the routes to announce, and with those that are accepted up to [`MOST_LEARNED`](crate::MOST_LEARNED).
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    jitter: Jitter,
    state: State,
    /// Since when it has this state.
    since: Option<Instant>,
    /// [`Input::Stop`] has been said.
    ended: bool,
    retry: Retry,
    /// The connection, from OpenSent on.
    link: Option<Link>,
    /// What there is to announce, once it is known.
    routes: Option<Arc<Table>>,
    /// Whether that is all: the first [`Input::Routes`] has been said.
    complete: bool,
    /// What may be announced, once it is known.
    guard: Option<Arc<ExportGuard>>,
    /// What is taken from the peer.
    imports: Arc<ImportPolicy>,
    drain: Drain,
    /// Whether the peer is to be told that this process has just taken the place of another: until it has all routes.
    restarted: bool,
    /// Prefixes that the peer announced over this connection or the last.
    received: u64,
    error: Option<SessionError>,
    counters: Counters,
    /// To be said by [`Self::poll_transmit`] before anything else.
    close: Option<Option<Vec<u8>>>,
    dial: bool,
    events: VecDeque<Event>,
}

impl Session {
    /// A session that has not begun. The seed of the settings is all that is random about it.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            jitter: Jitter::new(settings.seed),
            restarted: settings.restarted,
            settings,
            state: State::Idle,
            since: None,
            ended: false,
            retry: Retry::default(),
            link: None,
            routes: None,
            complete: false,
            guard: None,
            imports: Arc::default(),
            drain: Drain::default(),
            received: 0,
            error: None,
            counters: Counters::default(),
            close: None,
            dial: false,
            events: VecDeque::new(),
        }
    }

    /// Takes one input. The driver drains before the next one. What does not fit the state, such as octets of a connection that
    /// was closed meanwhile, is ignored.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        if self.ended {
            return;
        }
        self.notice_time(now);
        match input {
            Input::Start => self.on_start(now),
            Input::Connected(connection) => self.on_connected(now, connection),
            Input::DialFailed(error) => self.on_dial_failed(now, error),
            Input::Received(octets) => self.on_received(now, octets),
            Input::Written => self.on_written(),
            Input::Closed(error) => self.on_closed(now, error),
            Input::Early(routes) => self.on_routes(routes),
            Input::Routes(routes) => {
                self.complete = true;
                self.on_routes(routes);
            }
            Input::Guard(guard) => self.on_guard(guard),
            Input::Imports(policy) => self.on_imports(now, policy),
            Input::Bfd(state) => self.on_bfd(now, state),
            Input::Drain(drain) => self.on_drain(now, drain),
            Input::Stop(stop) => self.on_stop(now, &stop),
        }
        self.settle();
    }

    /// Does what is due. Safe to call early or twice.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.ended {
            self.notice_time(now);
            self.run_timers(now);
            self.settle();
        }
    }

    /// The next event to report.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// How the session stands.
    #[must_use]
    pub fn status(&self) -> Status {
        let rib = self.link.as_ref().and_then(|link| link.rib.as_ref());
        let agreement = self.link.as_ref().and_then(|link| link.agreement.as_ref());
        let learned = self.link.as_ref().map(|link| &link.learned);
        Status {
            state: self.state,
            since: self.since,
            negotiated: agreement.map(|agreement| agreement.negotiated.clone()),
            routes_sent: rib.map_or(0, |rib| rib.sent()),
            routes_pending: rib.map_or(0, |rib| rib.pending()),
            prefixes_received: self.received,
            routes_accepted: learned.map_or(0, |learned| learned.len()),
            routes_left_out: learned.map_or(0, |learned| learned.left_out()),
            error: self.error.clone(),
            counters: self.counters,
        }
    }

    fn on_routes(&mut self, routes: Arc<Table>) {
        let before = self.routes.replace(routes);
        self.review(before.as_deref());
    }

    fn on_guard(&mut self, guard: Arc<ExportGuard>) {
        if self.guard.as_ref() != Some(&guard) {
            self.guard = Some(guard);
            self.review(None);
        }
    }

    fn is_internal(&self) -> bool {
        self.settings.peer_asn.is_internal(self.settings.local_asn)
    }

    fn enter(&mut self, now: Instant, to: State, error: Option<SessionError>) {
        let from = std::mem::replace(&mut self.state, to);
        if from != to {
            self.since = Some(now);
            self.events.push_back(Event::State { from, to, error });
        }
    }

    /// What [`Self::poll_transmit`] makes is sent now.
    fn notice_time(&mut self, now: Instant) {
        if let Some(link) = &mut self.link {
            link.ran = link.ran.max(now);
        }
    }
}
