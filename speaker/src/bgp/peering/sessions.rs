//! How the sessions of this node stand: what the Speaker, the conditions and the metrics tell.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bgp::{State, Status};
use config::Remote;
use jiff::Timestamp;
use model::{Family, PeerName};
use tokio::sync::watch;

use super::Peering;
use crate::bgp::accepted::Refusal;
use crate::bgp::bfd;

/// One session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionView {
    /// Whom it is with: an address, or an interface.
    pub remote: Remote,
    /// How it stands.
    pub status: Status,
    /// Since when its state is what it is.
    pub since: Timestamp,
    /// What BFD says of the path, where it is asked.
    pub path: Option<PathState>,
    /// What of its accepted routes the kernel does not take.
    pub refused: Option<Refusal>,
    /// How often the kernel did not take one.
    pub refusals: u64,
    /// It announces nothing any more because this node is to be left alone.
    pub drained: bool,
}

/// What BFD says of a path, with its numbers.
pub type PathState = bfd::Status;

/// All sessions of this node, by peer. Followers are woken when a session is not what it was; numbers of messages wake nobody.
#[derive(Clone, Debug, Default)]
pub struct Sessions(Arc<watch::Sender<BTreeMap<PeerName, SessionView>>>);

impl Sessions {
    /// How they stand now.
    pub fn now(&self) -> BTreeMap<PeerName, SessionView> {
        self.0.borrow().clone()
    }

    /// How they stand, each time that one is not what it was.
    pub fn follow(&self) -> watch::Receiver<BTreeMap<PeerName, SessionView>> {
        self.0.subscribe()
    }

    pub(super) fn of(&self, name: PeerName, peering: &Peering) -> SessionHandle {
        let view = SessionView {
            remote: peering.peer.dial.remote.clone(),
            status: Status::default(),
            since: Timestamp::now(),
            path: None,
            refused: None,
            refusals: 0,
            drained: false,
        };
        self.0.send_modify(|all| drop(all.insert(name.clone(), view)));
        SessionHandle {
            sessions: self.clone(),
            name,
        }
    }

    pub(super) fn forget(&self, name: &PeerName) {
        self.0.send_modify(|all| drop(all.remove(name)));
    }

    /// What the kernel does not take of the routes of each, and how many.
    pub(crate) fn refused(&self, refusals: &BTreeMap<PeerName, (Refusal, usize)>) {
        self.0.send_if_modified(|all| {
            let mut changed = false;
            for (name, view) in all {
                let refused = refusals.get(name);
                view.refusals += refused.map_or(0, |(_, count)| *count as u64);
                let refused = refused.map(|(refusal, _)| refusal.clone());
                changed |= view.refused != refused;
                view.refused = refused;
            }
            changed
        });
    }

    /// Returns when none of those with these `peers` announces anything any more.
    pub(super) async fn drained(&self, peers: &BTreeSet<PeerName>) {
        let mut all = self.follow();
        let are = |all: &BTreeMap<PeerName, SessionView>| {
            let mut waited_for = all.iter().filter(|(name, _)| peers.contains(*name));
            waited_for.all(|(_, session)| session.drained)
        };
        // The sender is here: this ends only when it is so.
        let _ = all.wait_for(are).await;
    }
}

/// Who tells how one session stands.
#[derive(Clone, Debug)]
pub(super) struct SessionHandle {
    sessions: Sessions,
    name: PeerName,
}

impl SessionHandle {
    pub(super) fn tell(&self, status: Status, path: Option<PathState>, drained: bool) {
        self.sessions.0.send_if_modified(|all| {
            let Some(view) = all.get_mut(&self.name) else {
                return false;
            };
            let moved = view.status.state != status.state;
            let changed = moved || view.is_news(&status, path.as_ref(), drained);
            if moved {
                view.since = Timestamp::now();
            }
            (view.status, view.path, view.drained) = (status, path, drained);
            changed
        });
    }
}

impl SessionView {
    /// Whether the session is Established.
    pub fn is_established(&self) -> bool {
        self.status.state == State::Established
    }

    /// What keeps the session from being Established.
    pub fn why_not(&self) -> String {
        let error = self.status.error.as_ref().map(ToString::to_string);
        error
            .or_else(|| self.not_announced())
            .unwrap_or_else(|| format!("{:?}", self.status.state))
    }

    /// Whether any route can reach the peer.
    pub fn carries_any(&self) -> bool {
        [Family::V4, Family::V6]
            .iter()
            .any(|family| self.status.carries(*family))
    }

    /// Why families are not announced over the session, if some are not.
    pub fn not_announced(&self) -> Option<String> {
        let faults = self
            .status
            .family_faults
            .iter()
            .map(|(family, fault)| fault.text(*family));
        let faults: Vec<_> = faults.collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }

    fn is_news(&self, status: &Status, path: Option<&PathState>, drained: bool) -> bool {
        let before = &self.status;
        let same_routes = before.routes_sent == status.routes_sent
            && before.routes_accepted == status.routes_accepted
            && (before.routes_left_out == 0) == (status.routes_left_out == 0)
            && (before.routes_pending == 0) == (status.routes_pending == 0);
        let same_path = said(self.path.as_ref()) == said(path);
        let same_families = before.family_faults == status.family_faults;
        let same_peer = before.negotiated == status.negotiated && before.error == status.error;
        !same_routes || !same_families || !same_path || !same_peer || self.drained != drained
    }
}

/// What of a path is news.
fn said(path: Option<&PathState>) -> Option<(bfd::State, Option<&bfd::Trouble>)> {
    path.map(|path| (path.state, path.trouble.as_ref()))
}
