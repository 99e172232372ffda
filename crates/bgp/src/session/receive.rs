use std::mem;
use std::time::Instant;

use super::rib::AdjRibOut;
use super::{STABLE, Session, agreement};
use crate::status::{SessionError, State};
use crate::wire::{self, Frame, Message, Notification, Open, RouteRefresh, Update};

impl Session {
    pub(super) fn on_received(&mut self, now: Instant, mut octets: &[u8]) {
        let Some(link) = &mut self.link else { return };
        // Apart from the rest while a message is looked at, which may end the link.
        let mut framer = mem::take(&mut link.framer);
        loop {
            match framer.next(&mut octets) {
                Ok(Some(frame)) => self.on_frame(now, frame),
                Ok(None) => break,
                Err(error) => self.refuse(now, error),
            }
            if self.link.is_none() {
                return;
            }
        }
        if let Some(link) = &mut self.link {
            link.framer = framer;
        }
    }

    fn on_frame(&mut self, now: Instant, frame: Frame<'_>) {
        let Some(link) = &self.link else { return };
        // Before it is read: what is not due cannot be malformed either (B14).
        if !is_due(self.state, frame.kind) {
            return self.refuse(now, Notification::fsm_error(self.state));
        }
        match wire::decode(frame, &link.form) {
            Ok(Message::Open(open)) => self.on_open(now, &open),
            Ok(Message::Update(update)) => self.on_update(now, &update),
            Ok(Message::Notification(notification)) => self.on_notification(now, notification),
            Ok(Message::Keepalive) => self.on_keepalive(now),
            Ok(Message::RouteRefresh(refresh)) => self.on_refresh(now, refresh),
            Err(error) => self.refuse(now, error),
        }
    }

    fn on_open(&mut self, now: Instant, open: &Open) {
        self.counters.opens_received += 1;
        let Some(link) = &mut self.link else { return };
        match agreement::agree(&self.settings, &link.connection, open) {
            Ok(agreement) => {
                link.form = agreement.form.clone();
                link.agreement = Some(agreement);
                link.owes_keepalive = true;
                self.restart_hold(now);
                self.restart_keepalive(now);
                self.enter(now, State::OpenConfirm, None);
            }
            Err((last, error)) => self.hang_up(now, Some(&last), error),
        }
    }

    fn on_keepalive(&mut self, now: Instant) {
        self.counters.keepalives_received += 1;
        self.restart_hold(now);
        if self.state == State::OpenConfirm {
            self.establish(now);
        }
    }

    fn establish(&mut self, now: Instant) {
        let Some(link) = &mut self.link else { return };
        let Some(agreement) = &link.agreement else { return };
        link.rib = Some(AdjRibOut::new(
            agreement,
            &link.connection,
            self.settings.local_asn,
        ));
        link.stable = Some(now + STABLE);
        self.retry.for_bfd = false;
        self.received = 0;
        self.counters.established += 1;
        self.enter(now, State::Established, None);
        self.review(None);
    }

    /// Whatever it says, and whether anything of it is accepted or not (RFC 8212): that it could be read, or was one that RFC 7606
    /// forgives, is a sign of life.
    fn on_update(&mut self, now: Instant, update: &Update<'_>) {
        self.counters.updates_received += 1;
        self.counters.malformed_updates += u64::from(!update.faults().is_empty());
        self.received += update.announced().count() as u64;
        self.restart_hold(now);
        self.learn(update);
    }

    /// Never answered (B16).
    fn on_notification(&mut self, now: Instant, notification: Notification) {
        self.counters.notifications_received += 1;
        let error = SessionError::Received(notification, self.settings.local_asn);
        self.hang_up(now, None, error);
    }

    fn on_refresh(&mut self, now: Instant, refresh: RouteRefresh) {
        self.counters.refreshes_received += 1;
        let Some(link) = &mut self.link else { return };
        let (Some(agreement), Some(rib)) = (&link.agreement, &mut link.rib) else {
            return;
        };
        // Without RFC 7313 the octet is reserved. With it, the marks are about routes of the peer's, and other numbers are to be
        // ignored (§5).
        let asks = refresh.subtype == RouteRefresh::NORMAL || !agreement.enhanced_refresh;
        match refresh.family.family().filter(|_| asks) {
            Some(family) => rib.ask_again(now, family),
            None => self.on_mark(refresh),
        }
    }
}

/// Whether a message of this kind may come in this state. One of an unknown kind never may, and is refused for that.
fn is_due(state: State, kind: u8) -> bool {
    const OPEN: u8 = 1;
    const NOTIFICATION: u8 = 3;
    const KEEPALIVE: u8 = 4;
    match state {
        State::OpenSent => matches!(kind, OPEN | NOTIFICATION),
        State::OpenConfirm => matches!(kind, NOTIFICATION | KEEPALIVE),
        State::Established => kind != OPEN,
        State::Idle | State::Connect | State::Active => false,
    }
}
