//! What the session has of accepted routes, for those who write them into the kernel.

use std::collections::BTreeSet;
use std::sync::Arc;

use bgp::{Learned, State, Status};
use config::{PeerSession, Remote};
use ipnet::IpNet;
use model::Family;

use crate::bgp::accepted::{Offer, OfferHandle};
use crate::bgp::peering::way::Way;

/// See the module.
pub(super) struct Routes {
    handle: OfferHandle,
    offer: Offer,
    /// The families of which the router has said everything.
    ended: BTreeSet<Family>,
    /// Whether any are accepted.
    accepting: bool,
    /// Whether it was said that there are too many.
    complained: bool,
}

impl Routes {
    pub(super) fn new(peer: &PeerSession, handle: OfferHandle) -> Self {
        let interface = match &peer.dial.remote {
            Remote::Interface(name) => Some(name.clone()),
            Remote::Address(_) | Remote::Gateway(_) => None,
        };
        Self {
            handle,
            offer: Offer {
                unnumbered: interface.is_some(),
                interface,
                ..Offer::default()
            },
            ended: BTreeSet::new(),
            accepting: false,
            complained: false,
        }
    }

    pub(super) fn accept(&mut self, accepting: bool) {
        self.accepting = accepting;
    }

    /// Link-local next hops are on the interface that the router is on.
    pub(super) fn on_way(&mut self, way: &Way) {
        if !self.offer.unnumbered {
            self.offer.interface = way.interface.as_ref().map(|interface| interface.name.clone());
        }
    }

    /// A session that is Established no more tells of each route that it has lost, and has said everything of nothing.
    pub(super) fn on_state(&mut self, from: State) {
        if from == State::Established {
            self.ended.clear();
        }
    }

    pub(super) fn on_route(&mut self, prefix: IpNet, path: Option<Learned>) {
        let routes = Arc::make_mut(&mut self.offer.routes);
        match path {
            Some(path) => drop(routes.insert(prefix, path)),
            None => drop(routes.remove(&prefix)),
        }
    }

    pub(super) fn on_end(&mut self, family: Family) {
        self.ended.insert(family);
    }

    /// Tells it, if it is other than it was.
    pub(super) fn tell(&mut self, status: &Status) {
        let agreed = status
            .negotiated
            .as_ref()
            .filter(|_| status.state == State::Established);
        self.offer.complete = agreed.is_some_and(|peer| peer.families.is_subset(&self.ended));
        self.handle.tell(self.accepting.then_some(&self.offer));
        let complains = status.routes_left_out > 0;
        if complains && !self.complained {
            let peer = self.handle.peer();
            tracing::warn!(%peer, reason = "too many", "routes that acceptRoutes lets in are left out");
        }
        self.complained = complains;
    }
}
