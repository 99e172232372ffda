use std::mem;
use std::time::Instant;

use super::Session;
use super::fsm::FsmEvent;
use super::phase::{Established, Opened};
use crate::wire::{self, Frame, Message, RouteRefresh, Update};

impl Session {
    pub(super) fn on_received(&mut self, now: Instant, mut octets: &[u8]) {
        let Some(transport) = self.phase.transport_mut() else {
            return;
        };
        // Apart from the rest while a message is looked at, which may end the connection.
        let mut framer = mem::take(&mut transport.framer);
        loop {
            match framer.next(&mut octets) {
                Ok(Some(frame)) => self.on_frame(now, frame),
                Ok(None) => break,
                Err(error) => self.on_event(now, FsmEvent::Malformed(error)),
            }
            if self.phase.transport().is_none() {
                return;
            }
        }
        if let Some(transport) = self.phase.transport_mut() {
            transport.framer = framer;
        }
    }

    fn on_frame(&mut self, now: Instant, frame: Frame<'_>) {
        let Some(transport) = self.phase.transport() else {
            return;
        };
        // Before it is read: what is not due cannot be malformed either (B14).
        if !self.phase.expects(frame.kind) {
            return self.on_event(now, FsmEvent::Unexpected);
        }
        let message = match wire::decode(frame, &transport.form) {
            Ok(message) => message,
            Err(error) => return self.on_event(now, FsmEvent::Malformed(error)),
        };
        self.count(&message);
        match message {
            Message::Open(open) => self.on_event(now, FsmEvent::Open(&open)),
            Message::Update(update) => self.on_event(now, FsmEvent::Update(&update)),
            Message::Notification(notification) => self.on_event(now, FsmEvent::Notification(notification)),
            Message::Keepalive => self.on_event(now, FsmEvent::Keepalive),
            Message::RouteRefresh(refresh) => self.on_event(now, FsmEvent::RouteRefresh(refresh)),
        }
    }

    fn count(&mut self, message: &Message<'_>) {
        let counters = &mut self.counters;
        match message {
            Message::Open(_) => counters.opens_received += 1,
            Message::Update(update) => {
                counters.updates_received += 1;
                counters.malformed_updates += u64::from(!update.faults().is_empty());
            }
            Message::Notification(_) => counters.notifications_received += 1,
            Message::Keepalive => counters.keepalives_received += 1,
            Message::RouteRefresh(_) => counters.refreshes_received += 1,
        }
    }

    /// Whatever it says, and whether anything of it is accepted or not (RFC 8212).
    pub(super) fn on_update(&mut self, opened: &Opened, update: &Update<'_>) {
        self.received += update.announced().count() as u64;
        self.learn(opened, update);
    }

    pub(super) fn on_refresh(&mut self, now: Instant, live: &mut Established, refresh: RouteRefresh) {
        // Without RFC 7313 the octet is reserved. With it, the marks are about routes of the peer's, and other numbers are to be
        // ignored (§5).
        let asks = refresh.subtype == RouteRefresh::NORMAL || !live.opened.agreement.enhanced_refresh;
        match refresh.family.family().filter(|_| asks) {
            Some(family) => live.adj_rib_out.ask_again(now, family),
            None => self.on_mark(refresh),
        }
    }
}
