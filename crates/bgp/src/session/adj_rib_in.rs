//! Adj-RIB-In (RFC 4271 §3.2) as far as it is accepted: what the import policy does not let pass is not kept.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use model::Family;

use crate::import::ImportPolicy;
use crate::input::{Connection, NextHops};
use crate::learned::{Learned, MOST_LEARNED};
use crate::status::Event;
use crate::wire::{NextHop, Outcome, Update};

/// The longest that stale routes wait for a peer that is there again and does not say that it has said everything.
const LONGEST_WAIT: Duration = Duration::from_secs(360);

/// By what a route is taken or left.
pub(super) struct Terms<'a> {
    pub(super) policy: &'a ImportPolicy,
    pub(super) connection: &'a Connection,
    pub(super) next_hops: &'a NextHops,
    pub(super) local_asn: u32,
    pub(super) identifier: Ipv4Addr,
    pub(super) internal: bool,
}

/// What is kept of one Established session, [`MOST_LEARNED`] routes at most.
#[derive(Debug, Default)]
pub(super) struct AdjRibIn {
    routes: BTreeMap<IpNet, Learned>,
    /// Those that a peer that says everything again (RFC 7313) has not said yet.
    unsaid: BTreeSet<IpNet>,
    /// Those of a session before this one (RFC 4724), and until when they wait for the peer to say them again.
    stale: BTreeSet<IpNet>,
    stale_until: Option<Instant>,
    /// Families that nothing is taken of any more (RFC 4760 §7).
    disabled: BTreeSet<Family>,
    /// How many were not taken for want of room, since the peer began to say everything of the family.
    left_out: BTreeMap<Family, u64>,
}

impl AdjRibIn {
    pub(super) fn len(&self) -> usize {
        self.routes.len()
    }

    /// Of these, how many the peer has not said again.
    pub(super) fn stale(&self) -> usize {
        self.stale.len()
    }

    pub(super) fn left_out(&self) -> u64 {
        self.left_out.values().sum()
    }

    pub(super) fn on_update(&mut self, update: &Update<'_>, terms: &Terms<'_>, events: &mut VecDeque<Event>) {
        for prefix in update.withdrawn() {
            self.lose(prefix, events);
        }
        let (counts, length) = (counts(update, terms), update.described().path_length());
        for (prefix, next_hop) in update.routes() {
            let next_hop = next_hop.filter(|next_hop| counts && is_usable(next_hop, terms));
            match next_hop.filter(|_| self.admits(&prefix, terms)) {
                Some(next_hop) => self.take(prefix, learned(update, length, next_hop, terms), events),
                // What a peer announces replaces what it announced before, also where it cannot be used.
                None => self.lose(prefix, events),
            }
        }
        if let Outcome::FamilyDisabled(code) = update.outcome()
            && let Some(family) = code.family()
        {
            self.disabled.insert(family);
            self.lose_all(|prefix| self::family(prefix) == family, events);
        }
    }

    /// The session is no more, and with it what came by it, but for the families that are kept for a while. What was kept already is too
    /// old to be kept once more (RFC 4724 §4.2).
    pub(super) fn on_session_lost(
        &mut self,
        kept: &BTreeSet<Family>,
        until: Instant,
        events: &mut VecDeque<Event>,
    ) {
        let old = std::mem::take(&mut self.stale);
        self.lose_all(
            |prefix| !kept.contains(&family(prefix)) || old.contains(prefix),
            events,
        );
        self.stale = self.routes.keys().copied().collect();
        self.stale_until = Some(until).filter(|_| !self.stale.is_empty());
        self.unsaid.clear();
        (self.disabled, self.left_out) = (BTreeSet::new(), BTreeMap::new());
    }

    /// There is a session again, of a peer that has gone on forwarding what it said of these families: that waits for it to say all again.
    pub(super) fn on_established(
        &mut self,
        now: Instant,
        forwarding: &BTreeSet<Family>,
        events: &mut VecDeque<Event>,
    ) {
        self.lose_stale(|prefix| !forwarding.contains(&family(prefix)), events);
        self.stale_until = Some(now + LONGEST_WAIT).filter(|_| !self.stale.is_empty());
    }

    /// The peer has said all that it has of this family.
    pub(super) fn end_of_rib(&mut self, of: Family, events: &mut VecDeque<Event>) {
        self.lose_stale(|prefix| family(prefix) == of, events);
    }

    /// Until when stale routes wait.
    pub(super) fn stale_until(&self) -> Option<Instant> {
        self.stale_until
    }

    /// Nobody vouches for what is stale any more.
    pub(super) fn expire(&mut self, events: &mut VecDeque<Event>) {
        self.lose_stale(|_| true, events);
    }

    fn lose_stale(&mut self, which: impl Fn(&IpNet) -> bool, events: &mut VecDeque<Event>) {
        let gone: Vec<IpNet> = self
            .stale
            .iter()
            .filter(|prefix| which(prefix))
            .copied()
            .collect();
        gone.into_iter().for_each(|prefix| self.lose(prefix, events));
        if self.stale.is_empty() {
            self.stale_until = None;
        }
    }

    /// Another policy is in force.
    pub(super) fn narrow(&mut self, policy: &ImportPolicy, events: &mut VecDeque<Event>) {
        self.lose_all(|prefix| !policy.permits(prefix), events);
    }

    /// The peer begins to say everything of this family again.
    pub(super) fn begin_again(&mut self, of: Family) {
        let known = self.routes.keys().filter(|prefix| family(prefix) == of);
        self.unsaid.extend(known);
        self.left_out.remove(&of);
    }

    /// It has said everything: what was not in it is gone (RFC 7313 §4).
    pub(super) fn end_again(&mut self, of: Family, events: &mut VecDeque<Event>) {
        let (gone, unsaid) = self.unsaid.iter().partition(|prefix| family(prefix) == of);
        self.unsaid = unsaid;
        let gone: BTreeSet<IpNet> = gone;
        gone.into_iter().for_each(|prefix| self.lose(prefix, events));
    }

    /// Everything is asked for anew of a peer that does not say where the answer begins.
    pub(super) fn count_anew(&mut self) {
        self.left_out.clear();
    }

    fn admits(&self, prefix: &IpNet, terms: &Terms<'_>) -> bool {
        terms.policy.permits(prefix) && !self.disabled.contains(&family(prefix))
    }

    fn take(&mut self, prefix: IpNet, learned: Learned, events: &mut VecDeque<Event>) {
        self.unsaid.remove(&prefix);
        self.stale.remove(&prefix);
        if !self.routes.contains_key(&prefix) && self.routes.len() >= MOST_LEARNED {
            *self.left_out.entry(family(&prefix)).or_default() += 1;
            return;
        }
        if self.routes.insert(prefix, learned) != Some(learned) {
            let path = Some(learned);
            events.push_back(Event::Route { prefix, path });
        }
    }

    fn lose(&mut self, prefix: IpNet, events: &mut VecDeque<Event>) {
        self.unsaid.remove(&prefix);
        self.stale.remove(&prefix);
        if self.routes.remove(&prefix).is_some() {
            events.push_back(Event::Route { prefix, path: None });
        }
    }

    fn lose_all(&mut self, which: impl Fn(&IpNet) -> bool, events: &mut VecDeque<Event>) {
        let gone: Vec<IpNet> = self
            .routes
            .keys()
            .filter(|prefix| which(prefix))
            .copied()
            .collect();
        gone.into_iter().for_each(|prefix| self.lose(prefix, events));
    }
}

/// Whether the routes of an UPDATE are routes: not those that count as withdrawn (RFC 7606), nor those that have been here before
/// (RFC 4271 §9.1.2, RFC 4456 §8).
fn counts(update: &Update<'_>, terms: &Terms<'_>) -> bool {
    let described = update.described();
    let is_whole = match update.outcome() {
        Outcome::Accepted | Outcome::AttributeDiscarded => true,
        Outcome::TreatedAsWithdrawn | Outcome::FamilyDisabled(_) => false,
    };
    is_whole && !described.passed(terms.local_asn) && described.originator != Some(terms.identifier)
}

fn learned(update: &Update<'_>, path_length: u32, next_hop: NextHop, terms: &Terms<'_>) -> Learned {
    let described = update.described();
    Learned {
        next_hop,
        local_pref: described.local_pref,
        path_length,
        origin: described.origin,
        internal: terms.internal,
    }
}

/// Whether packets can be sent there: to one machine, and to another than this one.
fn is_usable(next_hop: &NextHop, terms: &Terms<'_>) -> bool {
    let is_ours = |address: IpAddr| {
        let NextHops { v4, v6, link_local } = *terms.next_hops;
        let ours = [v4.map(IpAddr::V4), v6.map(IpAddr::V6), link_local.map(IpAddr::V6)];
        address == terms.connection.local || ours.contains(&Some(address))
    };
    let is_usable = |address: IpAddr| {
        let everyone = address == IpAddr::V4(Ipv4Addr::BROADCAST);
        let is_one = !address.is_unspecified() && !address.is_multicast() && !address.is_loopback();
        is_one && !everyone && !is_ours(address)
    };
    let is_usable_v6 = |address: Ipv6Addr| is_usable(address.into());
    match *next_hop {
        NextHop::V4(address) => is_usable(address.into()),
        NextHop::V6 { global, link_local } => is_usable_v6(global) && link_local.is_none_or(is_usable_v6),
        NextHop::LinkLocal(address) => is_usable_v6(address),
    }
}

fn family(prefix: &IpNet) -> Family {
    Family::of(prefix.addr())
}
