//! What is said next.

use std::time::Instant;

use ipnet::IpNet;
use model::Family;

use super::refresh::Answer;
use super::{AdjRibOut, Advertised};
use crate::guard::ExportGuard;
use crate::status::Counters;
use crate::wire::{self, Path, RouteRefresh};

/// So many prefixes are offered to the encoder at a time: more than fit in a message unless they are shorter than /8.
const MOST: usize = 2048;

impl AdjRibOut {
    /// The next message, if there is anything to say. Whoever asks sends it.
    pub(in crate::session) fn next_message(
        &mut self,
        now: Instant,
        guard: &ExportGuard,
        counters: &mut Counters,
    ) -> Option<(Vec<u8>, Advertised)> {
        if !self.open {
            return None;
        }
        self.run_refreshes(now);
        if let Some(octets) = self.next_withdrawal() {
            return Some((octets, Advertised::Update));
        }
        let families: Vec<Family> = self.families.keys().copied().collect();
        let next = families
            .into_iter()
            .find_map(|family| self.next_of(family, guard, counters));
        // There may be some by now.
        next.or_else(|| Some((self.next_withdrawal()?, Advertised::Update)))
    }

    fn next_withdrawal(&mut self) -> Option<Vec<u8>> {
        let prefixes = self.queue.withdrawals(MOST);
        let (octets, count) = wire::withdraw(&self.form, &prefixes)?;
        for prefix in prefixes.iter().take(count) {
            self.queue.forget(prefix);
            self.sent.remove(prefix);
        }
        Some(octets)
    }

    /// What is next of this family: the beginning of an answer to a ROUTE-REFRESH, routes, or the end.
    fn next_of(
        &mut self,
        family: Family,
        guard: &ExportGuard,
        counters: &mut Counters,
    ) -> Option<(Vec<u8>, Advertised)> {
        let progress = self.families.get_mut(&family)?;
        if progress.refresh.answer == Answer::Begins {
            progress.refresh.answer = Answer::Runs;
            return Some((mark(family, RouteRefresh::BEGIN), Advertised::Refresh));
        }
        if let Some(octets) = self.next_announcement(family, guard, counters) {
            return Some((octets, Advertised::Update));
        }
        let progress = self.families.get_mut(&family)?;
        if !progress.ended && self.complete && !self.queue.withdraws(family) {
            progress.ended = true;
            return Some((wire::end_of_rib(family), Advertised::Update));
        }
        if progress.refresh.answer == Answer::Runs {
            progress.refresh.answer = Answer::None;
            return Some((mark(family, RouteRefresh::END), Advertised::Refresh));
        }
        None
    }

    /// As many routes of equal attributes as fit. Here the guard has its last look (U9).
    fn next_announcement(
        &mut self,
        family: Family,
        guard: &ExportGuard,
        counters: &mut Counters,
    ) -> Option<Vec<u8>> {
        let next_hop = *self.next_hops.get(&family)?;
        while let Some((attributes, prefixes)) = self.queue.announcements(family, MOST) {
            let (permitted, refused): (Vec<IpNet>, Vec<IpNet>) =
                prefixes.into_iter().partition(|prefix| guard.permits(prefix));
            counters.refused_exports += refused.len() as u64;
            refused.iter().for_each(|prefix| self.queue.forget(prefix));
            if permitted.is_empty() {
                continue;
            }
            let path = Path {
                local_asn: self.local_asn,
                attributes: &attributes,
                next_hop,
            };
            let Some((octets, count)) = wire::announce(&self.form, &path, &permitted) else {
                counters.unsendable += permitted.len() as u64;
                permitted.iter().for_each(|prefix| self.give_up(*prefix));
                continue;
            };
            for prefix in permitted.iter().take(count) {
                self.queue.forget(prefix);
                self.sent.insert(*prefix, Some(attributes.clone()));
            }
            return Some(octets);
        }
        None
    }

    /// A route that cannot be put into words is not announced; what the peer has instead is wrong (RFC 4271 §9.2).
    fn give_up(&mut self, prefix: IpNet) {
        if self.sent.contains_key(&prefix) {
            self.queue.withdraw(prefix);
        } else {
            self.queue.forget(&prefix);
        }
    }
}

fn mark(family: Family, subtype: u8) -> Vec<u8> {
    let family = family.into();
    wire::route_refresh(&RouteRefresh { family, subtype })
}
