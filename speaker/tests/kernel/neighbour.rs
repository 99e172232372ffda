use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use l2::Mac;
use l2::wire::Protocol;
use l2::wire::ndp::{Advertisement, NdpFrame, Solicitation};

use crate::client::mac;
use crate::ear::Ear;
use crate::namespace::{Namespace, PATIENCE};

/// A host on the wire that hears everything of Neighbor Discovery and can say what it likes.
pub(crate) struct Neighbour {
    pub(crate) mac: Mac,
    ear: Ear<NdpFrame>,
}

impl Neighbour {
    pub(crate) fn on(namespace: &Namespace, iface: &str) -> Self {
        let decode = |frame: &[u8]| NdpFrame::decode(frame).ok();
        Self {
            mac: mac(&namespace.hardware_address(iface)),
            ear: Ear::on(namespace, iface, Protocol::Ndp, decode),
        }
    }

    pub(crate) fn say(&self, frame: &[u8]) {
        self.ear.say(frame);
    }

    /// A question for `address` to its group, from a host that has 2001:db8::2.
    pub(crate) fn question(&self, address: &str) -> Solicitation {
        let from = "2001:db8::2".parse().unwrap();
        Solicitation::question(self.mac, from, address.parse().unwrap(), None)
    }

    /// The next announcement of `address` by `mac`, and when it came. What else is heard on the way is dropped.
    pub(crate) fn announcement(&self, mac: Mac, address: &str) -> Instant {
        let wanted = Advertisement::announcement(mac, address.parse().unwrap());
        self.ear
            .hear(PATIENCE, |frame| *frame == NdpFrame::Advertisement(wanted))
            .expect("an announcement")
            .0
    }

    /// The next announcement of `address`, whoever is said to have it. What else is heard on the way is dropped.
    pub(crate) fn any_announcement(&self, address: &str) -> Advertisement {
        let address: Ipv6Addr = address.parse().unwrap();
        self.advertisement_within(PATIENCE, |frame| !frame.solicited && frame.target == address)
            .expect("an announcement")
    }

    /// The next answer about `address`. What else is heard on the way is dropped.
    pub(crate) fn answer(&self, address: &str) -> Advertisement {
        self.answer_within(PATIENCE, address).expect("an answer")
    }

    pub(crate) fn answer_within(&self, time: Duration, address: &str) -> Option<Advertisement> {
        let address: Ipv6Addr = address.parse().unwrap();
        self.advertisement_within(time, |frame| frame.solicited && frame.target == address)
    }

    fn advertisement_within(
        &self,
        time: Duration,
        wanted: impl Fn(&Advertisement) -> bool,
    ) -> Option<Advertisement> {
        let about = |frame: &NdpFrame| match frame {
            NdpFrame::Advertisement(frame) => wanted(frame),
            NdpFrame::Solicitation(_) => false,
        };
        match self.ear.hear(time, about)?.1 {
            NdpFrame::Advertisement(frame) => Some(frame),
            NdpFrame::Solicitation(_) => None,
        }
    }
}
