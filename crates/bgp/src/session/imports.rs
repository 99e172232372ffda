//! What is taken from the peer, and how it is asked for again.

use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::adj_rib_in::Terms;
use super::fsm::FsmEvent;
use super::phase::Opened;
use crate::import::ImportPolicy;
use crate::status::{Event, SessionError};
use crate::wire::{FamilyCode, RouteRefresh, Update};

impl Session {
    /// Routes that pass no more are lost; those that did not pass before have to be said again, for they were not kept. A peer that
    /// cannot be asked to (RFC 2918) says them in another session.
    pub(super) fn on_imports(&mut self, now: Instant, policy: Arc<ImportPolicy>) {
        if self.imports == policy {
            return;
        }
        self.imports = policy;
        self.adj_rib_in.narrow(&self.imports, &mut self.events);
        let Some(live) = self.phase.established_mut() else {
            return;
        };
        if self.imports.is_empty() {
            live.owes_refreshes.clear();
        } else if live.opened.agreement.refresh {
            live.owes_refreshes = live.opened.agreement.form.families.clone();
            self.adj_rib_in.count_anew();
        } else {
            self.on_event(now, FsmEvent::NeedsRoutesAgain);
        }
    }

    pub(super) fn learn(&mut self, opened: &Opened, update: &Update<'_>) {
        // Without a policy not even that a prefix is none is looked into.
        if !self.imports.is_empty() {
            let terms = Terms {
                policy: &self.imports,
                connection: &opened.transport.connection,
                next_hops: &self.next_hops,
                local_asn: self.settings.open.local_asn,
                identifier: self.settings.open.identifier,
                internal: opened.transport.form.internal,
            };
            self.adj_rib_in.on_update(update, &terms, &mut self.events);
        }
        if let Some(family) = update.end_of_rib().and_then(FamilyCode::family) {
            self.adj_rib_in.end_of_rib(family, &mut self.events);
            self.events.push_back(Event::EndOfRib(family));
        }
    }

    /// A mark of a peer that says all routes of a family again.
    pub(super) fn on_mark(&mut self, refresh: RouteRefresh) {
        let Some(family) = refresh.family.family() else {
            return;
        };
        match refresh.subtype {
            RouteRefresh::BEGIN => self.adj_rib_in.begin_again(family),
            RouteRefresh::END => self.adj_rib_in.end_again(family, &mut self.events),
            _ => {}
        }
    }

    /// The session that the routes came by is no more. They are kept where the peer restarts gracefully and goes on forwarding.
    pub(super) fn on_routes_lost(&mut self, now: Instant, error: Option<&SessionError>) {
        let restart = self.peer_restart.take();
        let Some(error) = error.filter(|_| !self.phase.is_over()) else {
            return;
        };
        let restart = restart.filter(|restart| restart.outlives(error));
        let (kept, time) = restart
            .map(|restart| (restart.families, restart.time))
            .unwrap_or_default();
        self.adj_rib_in
            .on_session_lost(&kept, now + time, &mut self.events);
    }

    /// There is a session again, perhaps with a peer that has forwarded all along.
    pub(super) fn on_routes_due(&mut self, now: Instant) {
        let opened = self.phase.opened();
        self.peer_restart = opened.and_then(|opened| opened.agreement.restart.clone());
        let forwarding = self
            .peer_restart
            .as_ref()
            .map(|restart| restart.forwarding.clone());
        self.adj_rib_in
            .on_established(now, &forwarding.unwrap_or_default(), &mut self.events);
    }
}
