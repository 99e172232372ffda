//! What is taken from the peer, and how it is asked for again.

use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::adj_rib_in::Terms;
use crate::import::ImportPolicy;
use crate::status::{Event, State};
use crate::wire::{FamilyCode, Notification, RouteRefresh, Update};

impl Session {
    /// Routes that pass no more are lost; those that did not pass before have to be said again, for they were not kept. A peer that
    /// cannot be asked to (RFC 2918) says them in another session.
    pub(super) fn on_imports(&mut self, now: Instant, policy: Arc<ImportPolicy>) {
        if self.imports == policy {
            return;
        }
        self.imports = policy;
        let Some(link) = self.link.as_mut().filter(|_| self.state == State::Established) else {
            return;
        };
        link.learned.narrow(&self.imports, &mut self.events);
        if self.imports.is_empty() {
            link.owes_refreshes.clear();
            return;
        }
        let Some(agreement) = &link.agreement else { return };
        if agreement.refresh {
            link.owes_refreshes = agreement.form.families.clone();
            link.learned.count_anew();
        } else {
            self.refuse(now, Notification::configuration_change());
        }
    }

    pub(super) fn learn(&mut self, update: &Update<'_>) {
        let Some(link) = &mut self.link else { return };
        // Without a policy not even that a prefix is none is looked into.
        if !self.imports.is_empty() {
            let terms = Terms {
                policy: &self.imports,
                connection: &link.connection,
                local_asn: self.settings.local_asn,
                identifier: self.settings.identifier,
                internal: link.form.internal,
            };
            link.learned.on_update(update, &terms, &mut self.events);
        }
        if let Some(family) = update.end_of_rib().and_then(FamilyCode::family) {
            self.events.push_back(Event::EndOfRib(family));
        }
    }

    /// A mark of a peer that says all routes of a family again.
    pub(super) fn on_mark(&mut self, refresh: RouteRefresh) {
        let (Some(link), Some(family)) = (&mut self.link, refresh.family.family()) else {
            return;
        };
        match refresh.subtype {
            RouteRefresh::BEGIN => link.learned.begin_again(family),
            RouteRefresh::END => link.learned.end_again(family, &mut self.events),
            _ => {}
        }
    }

    /// The next wish to hear all routes of a family.
    pub(super) fn next_wish(&mut self) -> Option<RouteRefresh> {
        let family = self.link.as_mut()?.owes_refreshes.pop_first()?.into();
        let subtype = RouteRefresh::NORMAL;
        Some(RouteRefresh { family, subtype })
    }
}
