//! One session (RFC 4271 §8): the state machine of a speaker that only dials.
//!
//! ```
//! # use std::{collections::BTreeSet, sync::Arc, time::{Duration, Instant}};
//! # use bgp::{
//! #     Event, ExportGuard, Input, LiveSettings, NextHops, OpenSettings, PeerAsn, Session, Settings, Table, Transmit,
//! # };
//! # fn dial() {}
//! # fn write(_: &[u8]) {}
//! # fn close(_: Option<Vec<u8>>) {}
//! # fn report(_: Event) {}
//! # #[allow(clippy::disallowed_methods, reason = "an example of a driver")]
//! # fn main() {
//! # let open = OpenSettings {
//! #     local_asn: 64512, peer_asn: PeerAsn::External, identifier: [192, 0, 2, 1].into(),
//! #     hold_time: Duration::from_secs(90), families: BTreeSet::from([model::Family::V4]), restart_time: None,
//! # };
//! # let live = LiveSettings {
//! #     keepalive_time: None, connect_time: None, graceful_shutdown: Duration::from_secs(5),
//! # };
//! # let settings = Settings { open, live, restarted: false, node: "node-a".to_owned(), seed: 1 };
//! # let next_hops = NextHops { v4: Some([192, 0, 2, 1].into()), ..NextHops::default() };
//! # let mut known = vec![
//! #     Input::NextHops(next_hops),
//! #     Input::Guard(Arc::new(ExportGuard::default())),
//! #     Input::Routes(Arc::new(Table::new())),
//! # ];
//! let mut session = Session::new(settings);
//! let mut input = Input::Start;
//! loop {
//!     let now = Instant::now();
//!     session.handle_input(now, input);
//!     while let Some(transmit) = session.poll_transmit(now) {
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
//! **What the driver owes.** It drains before it waits, and before it says anything of the connection: only what it knows otherwise
//! ([`Input::Guard`], [`Input::Routes`] and the like) may be said several at a time. It gives what the socket has before it calls
//! [`Session::handle_timeout`]: after a pause of the process the peer's signs of life may lie there unread. It gives up dialling
//! by itself, with [`DialError::TimedOut`](crate::DialError::TimedOut). It says [`Input::Guard`], [`Input::NextHops`] and
//! [`Input::Drain`] before the [`Input::Routes`] that need them, and [`Input::Imports`] and [`Input::Forwarding`] before
//! [`Input::Start`]. After [`Input::Closed`] it drops the connection without being told to.
//!
//! **What it may rely on.** One message at most is on its way to TCP, and one at most is kept of what came (B19): what else there
//! is to say is made when TCP has taken the last. So a peer that does not read delays nobody, and what it then reads is what is
//! true by then. Withdrawals go before announcements and wait for nothing (B21). No UPDATE goes out before Established (B2), none
//! before both the routes and the guard are known, and the End-of-RIB of a family follows its last route, once
//! [`Input::Routes`] has said that there are no others.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Family;

use crate::guard::ExportGuard;
use crate::import::ImportPolicy;
use crate::input::{Forwarding, Input, NextHops};
use crate::route::Table;
use crate::settings::Settings;
use crate::status::{Counters, Event, FamilyFault, SessionError, Status};

mod adj_rib_in;
mod agreement;
mod drain;
mod ending;
mod fsm;
mod imports;
mod jitter;
mod next_hops;
mod phase;
mod receive;
mod retry;
mod rib;
mod send;
#[cfg(test)]
mod tests;
mod timers;
mod transport;

use adj_rib_in::AdjRibIn;
use agreement::PeerRestart;
use drain::Draining;
use fsm::FsmEvent;
use jitter::Jitter;
use phase::{Phase, Wait};
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
    phase: Phase,
    /// Since when it has the state that it has.
    since: Option<Instant>,
    retry: Retry,
    /// What there is to announce, once it is known.
    routes: Option<Arc<Table>>,
    /// Whether that is all: the first [`Input::Routes`] has been said.
    complete: bool,
    /// What may be announced, once it is known.
    guard: Option<Arc<ExportGuard>>,
    /// Where routes point to.
    next_hops: NextHops,
    /// What has been told of families that are not announced.
    family_faults: BTreeMap<Family, FamilyFault>,
    /// What is taken from the peer.
    imports: Arc<ImportPolicy>,
    /// What has been taken.
    adj_rib_in: AdjRibIn,
    /// How the peer of a session that is Established restarts.
    peer_restart: Option<PeerRestart>,
    draining: Draining,
    forwarding: Forwarding,
    /// Whether the peer is to be told that this process has just taken the place of another: until it has all routes.
    restarted: bool,
    /// Prefixes that the peer announced over this connection or the last.
    received: u64,
    /// What went wrong last.
    error: Option<SessionError>,
    /// The same, until it has been told.
    fell_back: Option<SessionError>,
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
            phase: Phase::Idle(Wait::ForStart),
            since: None,
            retry: Retry::default(),
            routes: None,
            complete: false,
            guard: None,
            next_hops: NextHops::default(),
            family_faults: BTreeMap::new(),
            imports: Arc::default(),
            adj_rib_in: AdjRibIn::default(),
            peer_restart: None,
            draining: Draining::default(),
            forwarding: Forwarding::default(),
            received: 0,
            error: None,
            fell_back: None,
            counters: Counters::default(),
            close: None,
            dial: false,
            events: VecDeque::new(),
        }
    }

    /// Takes one input. What does not fit the state, such as octets of a connection that was closed meanwhile, is ignored.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        if self.phase.is_over() {
            return;
        }
        match input {
            Input::Start => self.on_event(now, FsmEvent::Start),
            Input::DialNow => self.on_event(now, FsmEvent::DialNow),
            Input::Connected(connection) => self.on_event(now, FsmEvent::Connected(connection)),
            Input::DialFailed(error) => self.on_event(now, FsmEvent::DialFailed(error)),
            Input::Received(octets) => self.on_received(now, octets),
            Input::Written => self.on_written(),
            Input::Closed(error) => self.on_event(now, FsmEvent::Closed(error)),
            Input::Early(routes) => self.on_routes(routes),
            Input::Routes(routes) => {
                self.complete = true;
                self.on_routes(routes);
            }
            Input::Guard(guard) => self.on_guard(guard),
            Input::Imports(policy) => self.on_imports(now, policy),
            Input::NextHops(next_hops) => self.on_next_hops(next_hops),
            Input::Live(live) => self.on_live(now, live),
            Input::Forwarding(forwarding) => self.forwarding = forwarding,
            Input::Bfd(state) => self.on_bfd(now, state),
            Input::Drain(drain) => self.on_drain(now, drain),
            Input::Stop(stop) => self.on_event(now, FsmEvent::Stop(&stop)),
        }
        self.settle();
    }

    /// Does what is due. Safe to call early or twice.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.phase.is_over() {
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
        let rib = self.phase.established().map(|live| &live.adj_rib_out);
        let opened = self.phase.opened();
        Status {
            state: self.phase.state(),
            since: self.since,
            negotiated: opened.map(|opened| opened.agreement.negotiated.clone()),
            family_faults: self.family_faults(),
            routes_sent: rib.map_or(0, |rib| rib.sent()),
            routes_pending: rib.map_or(0, |rib| rib.pending()),
            prefixes_received: self.received,
            routes_accepted: self.adj_rib_in.len(),
            routes_stale: self.adj_rib_in.stale(),
            routes_left_out: self.adj_rib_in.left_out(),
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
        let open = &self.settings.open;
        open.peer_asn.is_internal(open.local_asn)
    }
}
