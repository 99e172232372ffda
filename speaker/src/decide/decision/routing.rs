//! What the decision says of sessions: with whom this node has them, what each gets, and what is wrong with Secrets.

use std::collections::BTreeSet;
use std::sync::Arc;

use bgp::ExportGuard;
use model::PeerName;

use super::{Decider, peerings};
use crate::bgp::peering::{Peering, Peerings};
use crate::report::passwords::{self, Verdicts};

impl Decider {
    /// What the peers of this node are to get.
    pub(super) fn peerings(&mut self) -> Peerings {
        let tables = self.plans.tables();
        let of = |(name, session): (&PeerName, &peerings::Session)| {
            let peering = Peering {
                peer: session.peer.clone(),
                password: session.password.clone(),
                table: tables.get(name).cloned().unwrap_or_default(),
            };
            (name.clone(), peering)
        };
        Peerings {
            peers: self.sessions.in_force().iter().map(of).collect(),
            guard: Arc::new(ExportGuard::new(self.plans.exportable())),
            addresses: self.addresses.clone(),
            drain: self.drain,
            complete: true,
        }
    }

    /// The Secrets that peers of this node name.
    pub(super) fn secrets(&self) -> BTreeSet<String> {
        self.own_peers()
            .filter_map(|peer| peer.live.password.clone())
            .collect()
    }

    /// What is to be said of Secrets, for the peers whose first Ready node this is.
    pub(super) fn secret_verdicts(&self) -> Verdicts {
        let nodes = &self.plans.facts().nodes;
        let is_mine = |peer: &&Arc<config::Peer>| {
            let mut speaks = nodes
                .iter()
                .filter(|(_, node)| node.ready && peer.nodes.unset_or_any(&node.labels));
            speaks.next().is_some_and(|(name, _)| *name == self.settings.me)
        };
        let told = |peer: &Arc<config::Peer>| {
            let name = peer.name.clone();
            let verdict = self.sessions.verdict(peer).map(Some);
            // A peer that names no Secret any more has nothing to say of one.
            let moot =
                peer.live.password.is_none() && self.store.named(&name.0).is_some_and(passwords::is_told);
            Some((name, verdict.or_else(|| moot.then_some(None))?))
        };
        self.own_peers().filter(is_mine).filter_map(told).collect()
    }

    /// The peers of this node.
    fn own_peers(&self) -> impl Iterator<Item = &Arc<config::Peer>> {
        let me = self.plans.facts().nodes.get(&self.settings.me);
        me.into_iter().flat_map(|me| self.snapshot.peers_of(&me.labels))
    }

    /// Brings the sessions in line with what is known. Those of a node that is gone from the API stay, for it is to be drained.
    pub(super) fn update_sessions(&mut self) {
        if !self.plans.facts().nodes.contains_key(&self.settings.me) {
            return;
        }
        let peers: Vec<_> = self.own_peers().cloned().collect();
        self.changed |= self.sessions.update(peers, &self.own_values);
    }
}
