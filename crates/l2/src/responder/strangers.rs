//! Stations outside of the cluster that claim an address held here (A6, N6).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::agenda::Task;
use super::{Responder, purge};
use crate::{Event, Mac, Response};

/// How often an address is defended at most (RFC 5227 §2.4, DEFEND_INTERVAL), and how often a stranger is looked for.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long a stranger has for its answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many questions in a row have no answer when the stranger is gone.
const UNANSWERED: u8 = 3;

/// What is known of the stranger that claims an address.
#[derive(Debug)]
pub(super) struct Stranger {
    mac: Mac,
    defended: Option<Instant>,
    /// Questions since it was heard last.
    unanswered: u8,
}

impl Stranger {
    fn may_be_defended_against(&mut self, now: Instant) -> bool {
        let may = self
            .defended
            .is_none_or(|at| now.saturating_duration_since(at) >= INTERVAL);
        if may {
            self.defended = Some(now);
        }
        may
    }
}

impl Responder {
    pub(super) fn response_for(&self, address: IpAddr) -> Response {
        if self.yielding.contains(&address) {
            Response::Yielded
        } else {
            Response::Defended
        }
    }

    /// Whether the address is given up to a stranger.
    pub(super) fn is_yielded(&self, address: IpAddr) -> bool {
        self.yielding.contains(&address)
            && self
                .held
                .get(&address)
                .is_some_and(|held| held.stranger.is_some())
    }

    /// A stranger says that it has the address; whether that is `news`, the caller knows.
    pub(super) fn on_stranger(&mut self, now: Instant, address: IpAddr, mac: Mac, news: bool) {
        let response = self.response_for(address);
        let Some(held) = self.held.get_mut(&address) else {
            return;
        };
        let stranger = held.stranger.get_or_insert(Stranger {
            mac,
            defended: None,
            unanswered: 0,
        });
        stranger.mac = mac;
        stranger.unanswered = 0;
        let is_first = held.asking.take().is_some();
        let defends = response == Response::Defended && stranger.may_be_defended_against(now);
        self.agenda.set(Task::Watch(address), now + INTERVAL);
        self.give_up_first_use(address);
        if is_first {
            self.agenda.clear(Task::Begin(address));
            self.conflicts.in_a_row += 1;
        } else if defends {
            self.counters.defences += 1;
            self.send_announcement(address);
        }
        if response == Response::Yielded {
            self.fall_silent(address);
        }
        if news {
            self.events.push_back(Event::Stranger {
                address,
                mac,
                response,
            });
        }
        if is_first {
            // Whoever has it was named before this disturbs it, and is disturbed only where the address is to be defended.
            self.begin_using(now, address);
        }
    }

    /// Asks whether the stranger is still there, or believes that it is not. Who only answers questions of others is
    /// never heard otherwise, because a switch keeps the answers away.
    pub(super) fn watch(&mut self, now: Instant, address: IpAddr) {
        let Some(stranger) = self
            .held
            .get_mut(&address)
            .and_then(|held| held.stranger.as_mut())
        else {
            return;
        };
        if stranger.unanswered == UNANSWERED {
            self.end_stranger(now, address);
            return;
        }
        stranger.unanswered += 1;
        self.agenda.set(Task::Watch(address), now + PATIENCE);
        self.look_for_claimants(address);
    }

    pub(super) fn on_cluster(&mut self, now: Instant, cluster: BTreeSet<Mac>) {
        let known = self.strangers();
        let members: Vec<IpAddr> = known
            .filter_map(|(address, mac)| cluster.contains(&mac).then_some(address))
            .collect();
        self.neighbors.retain(|mac, _| cluster.contains(mac));
        self.cluster = Some(cluster);
        for address in members {
            self.end_stranger(now, address);
        }
    }

    pub(super) fn on_yielding(&mut self, now: Instant, yielding: BTreeSet<IpAddr>) {
        let before = std::mem::replace(&mut self.yielding, yielding);
        let known: Vec<_> = self.strangers().collect();
        for (address, mac) in known {
            let response = self.response_for(address);
            match (before.contains(&address), response) {
                (true, Response::Defended) => self.begin_announcing(now, address),
                (false, Response::Yielded) => self.fall_silent(address),
                (true, Response::Yielded) | (false, Response::Defended) => continue,
            }
            self.events.push_back(Event::Stranger {
                address,
                mac,
                response,
            });
        }
    }

    fn strangers(&self) -> impl Iterator<Item = (IpAddr, Mac)> {
        self.held
            .iter()
            .filter_map(|(address, held)| Some((*address, held.stranger.as_ref()?.mac)))
    }

    fn end_stranger(&mut self, now: Instant, address: IpAddr) {
        let yielded = self.is_yielded(address);
        if let Some(held) = self.held.get_mut(&address) {
            held.stranger = None;
        }
        self.agenda.clear(Task::Watch(address));
        if yielded {
            self.begin_announcing(now, address);
        }
        self.events.push_back(Event::StrangerGone { address });
    }

    fn fall_silent(&mut self, address: IpAddr) {
        self.agenda.clear(Task::Announce(address));
        purge(&mut self.transmits, address);
    }
}
