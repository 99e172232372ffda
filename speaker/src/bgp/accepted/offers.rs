use std::collections::BTreeMap;
use std::sync::Arc;

use bgp::Learned;
use ipnet::IpNet;
use model::PeerName;
use tokio::sync::watch;

/// What one session has of accepted routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The interface that the router is on, if it is one hop away.
    pub interface: Option<String>,
    /// The router is known by its interface alone: its link-local addresses can be reached, and others need not.
    pub unnumbered: bool,
    /// The routes.
    pub routes: Arc<BTreeMap<IpNet, Learned>>,
    /// Whether the router has said everything that it has.
    pub complete: bool,
}

/// By peer: those that routes are accepted from and whose sessions run, Established or not.
pub type Offers = BTreeMap<PeerName, Offer>;

/// What all sessions of this node have.
#[derive(Clone, Debug, Default)]
pub struct Offered(Arc<watch::Sender<Offers>>);

impl Offered {
    /// What there is, each time that it is not what it was.
    pub fn follow(&self) -> watch::Receiver<Offers> {
        self.0.subscribe()
    }

    /// For the session with this peer.
    pub fn of(&self, peer: PeerName) -> OfferHandle {
        OfferHandle {
            offered: self.clone(),
            peer,
        }
    }
}

/// Who tells what one session has. With it goes what it told.
#[derive(Debug)]
pub struct OfferHandle {
    offered: Offered,
    peer: PeerName,
}

impl OfferHandle {
    /// Whose session it is.
    pub fn peer(&self) -> &PeerName {
        &self.peer
    }

    /// It has this; none: no routes are accepted.
    pub fn tell(&self, offer: Option<&Offer>) {
        self.offered.0.send_if_modified(|offers| {
            let changed = offers.get(&self.peer) != offer;
            match offer {
                _ if !changed => {}
                Some(offer) => drop(offers.insert(self.peer.clone(), offer.clone())),
                None => drop(offers.remove(&self.peer)),
            }
            changed
        });
    }
}

impl Drop for OfferHandle {
    fn drop(&mut self) {
        self.tell(None);
    }
}
