//! A router that follows the RFCs to the letter: RFC 4271, 4724, 7313, 7606 (as a sender is bound by it) and 8538. It shares no
//! code with what it judges: what it hears is read by another decoder, what it says is written here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bgp::wire::{Capability, FamilyCode, Form, GracefulRestart, Open};
use ipnet::IpNet;
use model::Family;

use crate::oracle::Meaning;

mod hearing;
mod routes;
mod saying;

pub(crate) use saying::message;

const SECOND: Duration = Duration::from_secs(1);

/// What kind of router it is.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) asn: u32,
    pub(crate) herald: u32,
    /// It knows nothing but RFC 4271.
    pub(crate) old: bool,
    pub(crate) families: BTreeSet<Family>,
    /// In seconds.
    pub(crate) hold: u16,
    /// Whether it keeps routes, and if so also after a NOTIFICATION.
    pub(crate) keeps: Option<bool>,
    pub(crate) enhanced: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) meaning: Meaning,
    /// It is of a session before this one.
    pub(crate) stale: bool,
    /// It is to be said again within the answer that has begun.
    again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Opening,
    Confirming,
    Up,
}

/// What is known of a refresh that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresh {
    /// Before the End-of-RIB: the answer may have no marks.
    AskedEarly,
    Asked,
    Begun,
    Ended,
}

/// The connection, and what was agreed on over it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) stage: Stage,
    octets: Vec<u8>,
    pub(crate) form: Form,
    /// What Herald said of restarts.
    restart: Option<GracefulRestart>,
    /// As agreed on.
    hold: Option<Duration>,
    dead_at: Option<Duration>,
    keepalive_at: Option<Duration>,
    /// A NOTIFICATION came: nothing may follow it.
    ended: bool,
    pub(crate) ends: BTreeSet<Family>,
    refreshes: BTreeMap<Family, Refresh>,
}

/// What it wants done.
#[derive(Debug)]
pub(crate) enum Action {
    Say(Vec<u8>),
    Close,
}

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    pub(crate) rib: BTreeMap<IpNet, Entry>,
    pub(crate) link: Option<Link>,
    /// Until when stale routes wait for a session, or for the end of what it says.
    pub(crate) stale_until: Option<Duration>,
    pub(crate) actions: Vec<Action>,
    /// Whether what happened is none of Herald's fault.
    pub(crate) excused: bool,
}

impl Peer {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            rib: BTreeMap::new(),
            link: None,
            stale_until: None,
            actions: Vec::new(),
            excused: false,
        }
    }

    pub(crate) fn internal(&self) -> bool {
        self.kind.asn == self.kind.herald
    }

    /// A connection has come. One that was there before is taken to be dead (RFC 4724 §4.2).
    pub(crate) fn accept(&mut self, now: Duration) {
        if self.link.is_some() {
            self.lose(now, None);
        }
        self.excused = false;
        self.link = Some(Link {
            stage: Stage::Opening,
            octets: Vec::new(),
            form: Form::default(),
            restart: None,
            hold: None,
            dead_at: Some(now + 240 * SECOND),
            keepalive_at: None,
            ended: false,
            ends: BTreeSet::new(),
            refreshes: BTreeMap::new(),
        });
        let open = self.open();
        self.actions.push(Action::Say(open));
    }

    /// The session is gone; over this NOTIFICATION, or just so.
    pub(crate) fn lose(&mut self, now: Duration, over: Option<(u8, u8)>) {
        let Some(link) = self.link.take() else { return };
        let restart = link.restart.filter(|_| link.stage == Stage::Up);
        let keeps = match (&restart, self.kind.keeps) {
            (Some(restart), Some(notification)) => {
                let agreed = restart.notification && notification;
                over.is_none() || agreed && over != Some((6, 9))
            }
            _ => false,
        };
        if link.stage != Stage::Up {
            return;
        }
        if let Some(restart) = restart.filter(|_| keeps) {
            let kept: BTreeSet<Family> = restart
                .families
                .iter()
                .filter_map(|(code, _)| code.family())
                .collect();
            // Those of two restarts ago are too old (RFC 4724 §4.2).
            self.rib
                .retain(|prefix, entry| !entry.stale && kept.contains(&family(prefix)));
            self.rib.values_mut().for_each(|entry| entry.stale = true);
            self.stale_until = Some(now + u32::from(restart.restart_time) * SECOND);
        } else {
            self.rib.clear();
            self.stale_until = None;
        }
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        let link = self.link.as_ref();
        let times = [
            self.stale_until,
            link.and_then(|link| link.dead_at),
            link.and_then(|link| link.keepalive_at),
        ];
        times.into_iter().flatten().min()
    }

    pub(crate) fn tick(&mut self, now: Duration) {
        if self.stale_until.is_some_and(|at| at <= now) {
            self.stale_until = None;
            self.rib.retain(|_, entry| !entry.stale);
        }
        let Some(link) = &mut self.link else { return };
        if link.dead_at.is_some_and(|at| at <= now) {
            assert!(
                self.excused,
                "S6: silent for {:?} at {now:?}, for no reason",
                link.hold
            );
            return self.cease(now, 4, 0);
        }
        if link.keepalive_at.is_some_and(|at| at <= now) {
            link.keepalive_at = link.hold.map(|hold| now + hold / 3);
            self.actions.push(Action::Say(message(4, &[])));
        }
    }

    /// Closes with a NOTIFICATION.
    pub(crate) fn cease(&mut self, now: Duration, code: u8, subcode: u8) {
        self.actions.push(Action::Say(message(3, &[code, subcode])));
        self.actions.push(Action::Close);
        self.excused = true;
        // Both ends treat it alike.
        self.lose(now, Some((code, subcode)));
    }

    pub(crate) fn is_up(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.stage == Stage::Up)
    }

    fn agree(&mut self, now: Duration, open: &Open) {
        let internal = self.internal();
        let Some(link) = &mut self.link else { return };
        let mut offered = BTreeSet::new();
        let (mut four_octets, mut v6_next_hop) = (false, false);
        for capability in &open.capabilities {
            match capability {
                Capability::MultiProtocol(code) => offered.extend(code.family()),
                Capability::FourOctetAs(_) => four_octets = true,
                Capability::GracefulRestart(restart) => link.restart = Some(restart.clone()),
                Capability::ExtendedNextHop(triples) => v6_next_hop = *triples == [(FamilyCode::V4, 2)],
                Capability::RouteRefresh | Capability::EnhancedRouteRefresh => {}
                Capability::ExtendedMessage | Capability::Unknown { .. } => panic!("{capability:?}"),
            }
        }
        let ours = if self.kind.old {
            BTreeSet::from([Family::V4])
        } else {
            self.kind.families.clone()
        };
        link.form = Form {
            four_octet_as: four_octets && !self.kind.old,
            internal,
            extended_message: false,
            families: ours.intersection(&offered).copied().collect(),
            v4_next_hop_v6: v6_next_hop && !self.kind.old,
        };
        let hold = open.hold_time.min(self.kind.hold);
        link.hold = (hold > 0).then(|| Duration::from_secs(hold.into()));
        link.dead_at = link.hold.map(|hold| now + hold);
        link.keepalive_at = link.hold.map(|hold| now + hold / 3);
        link.stage = Stage::Confirming;
        self.actions.push(Action::Say(message(4, &[])));
    }
}

pub(crate) fn family(prefix: &IpNet) -> Family {
    Family::of(prefix.addr())
}
