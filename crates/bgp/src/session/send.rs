use std::mem;

use super::rib::{Advertised, View};
use super::{Session, agreement};
use crate::input::Transmit;
use crate::route::Table;
use crate::wire;

impl Session {
    /// The next thing to do.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if let Some(notification) = self.close.take() {
            return Some(Transmit::Close { notification });
        }
        if mem::take(&mut self.dial) {
            return Some(Transmit::Dial);
        }
        let octets = self.next_message();
        if octets.is_none() {
            // What there was to say may have turned out to be nothing.
            self.settle();
        }
        octets.map(Transmit::Octets)
    }

    pub(super) fn on_written(&mut self) {
        if let Some(link) = &mut self.link {
            link.in_flight = None;
        }
    }

    /// The next message, if TCP has taken the last.
    fn next_message(&mut self) -> Option<Vec<u8>> {
        let link = self.link.as_mut().filter(|link| link.in_flight.is_none())?;
        let now = link.ran;
        let octets = if mem::take(&mut link.owes_open) {
            self.counters.opens_sent += 1;
            wire::open(&agreement::offer(
                &self.settings,
                &link.connection,
                self.restarted,
            ))
        } else if mem::take(&mut link.owes_keepalive) {
            self.counters.keepalives_sent += 1;
            wire::keepalive()
        } else if let Some(wish) = self.next_wish() {
            wire::route_refresh(&wish)
        } else {
            self.next_update()?
        };
        self.link.as_mut()?.in_flight = Some(now);
        Some(octets)
    }

    fn next_update(&mut self) -> Option<Vec<u8>> {
        let link = self.link.as_mut()?;
        let now = link.ran;
        let guard = self.guard.as_ref()?;
        let (octets, advertised) = link.rib.as_mut()?.next_message(now, guard, &mut self.counters)?;
        match advertised {
            Advertised::Update => {
                self.counters.updates_sent += 1;
                // As good as a KEEPALIVE (RFC 4271 §4.4), unless there is none to be sent.
                self.restart_keepalive(now);
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
        let Some(rib) = self.link.as_mut().and_then(|link| link.rib.as_mut()) else {
            return;
        };
        let view = View {
            routes,
            guard,
            complete: self.complete,
            drain: self.drain,
        };
        match before {
            Some(before) => rib.review_changes(&view, before),
            None => rib.review_all(&view),
        }
    }
}
