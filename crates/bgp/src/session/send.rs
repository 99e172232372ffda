use std::mem;
use std::time::Instant;

use super::phase::Phase;
use super::rib::{Advertised, View};
use super::{Session, agreement};
use crate::input::Transmit;
use crate::route::Table;
use crate::wire::{self, RouteRefresh};

impl Session {
    /// The next thing to do, now.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        if let Some(notification) = self.close.take() {
            return Some(Transmit::Close { notification });
        }
        if mem::take(&mut self.dial) {
            return Some(Transmit::Dial);
        }
        let octets = self.next_message(now);
        if octets.is_none() {
            // What there was to say may have turned out to be nothing.
            self.settle();
        }
        octets.map(Transmit::Octets)
    }

    pub(super) fn on_written(&mut self) {
        if let Some(transport) = self.phase.transport_mut() {
            transport.in_flight = None;
        }
    }

    /// The next message, if TCP has taken the last.
    fn next_message(&mut self, now: Instant) -> Option<Vec<u8>> {
        let transport = self.phase.transport_mut()?;
        if transport.in_flight.is_some() {
            return None;
        }
        let octets = if mem::take(&mut transport.owes_open) {
            self.counters.opens_sent += 1;
            wire::open(&agreement::offer(
                &self.settings.open,
                &transport.connection,
                self.restarted,
                self.forwarding,
            ))
        } else if mem::take(&mut transport.owes_keepalive) {
            self.counters.keepalives_sent += 1;
            wire::keepalive()
        } else {
            self.next_of_established(now)?
        };
        self.phase.transport_mut()?.in_flight = Some(now);
        Some(octets)
    }

    fn next_of_established(&mut self, now: Instant) -> Option<Vec<u8>> {
        let Phase::Established(live) = &mut self.phase else {
            return None;
        };
        if let Some(family) = live.owes_refreshes.pop_first() {
            let subtype = RouteRefresh::NORMAL;
            return Some(wire::route_refresh(&RouteRefresh {
                family: family.into(),
                subtype,
            }));
        }
        let guard = self.guard.as_ref()?;
        let (octets, advertised) = live.adj_rib_out.next_message(now, guard, &mut self.counters)?;
        match advertised {
            Advertised::Update => {
                self.counters.updates_sent += 1;
                // As good as a KEEPALIVE (RFC 4271 §4.4), unless there is none to be sent.
                live.opened
                    .restart_keepalive(now, &self.settings.live, &mut self.jitter);
            }
            Advertised::Refresh => {}
        }
        Some(octets)
    }

    /// Compares what is to be announced with what has been: all of it, or only what differs from the routes `before`.
    pub(super) fn review(&mut self, before: Option<&Table>) {
        let (Some(routes), Some(guard)) = (&self.routes, &self.guard) else {
            return;
        };
        let Some(live) = self.phase.established_mut() else {
            return;
        };
        let view = View {
            routes,
            guard,
            complete: self.complete,
            draining: self.draining,
        };
        match before {
            Some(before) => live.adj_rib_out.review_changes(&view, before),
            None => live.adj_rib_out.review_all(&view),
        }
    }
}
