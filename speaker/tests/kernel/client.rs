use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use l2::Mac;
use l2::wire::Protocol;
use l2::wire::arp::{ArpFrame, BROADCAST, Operation};

use crate::ear::Ear;
use crate::namespace::{Namespace, PATIENCE};

/// A host on the wire that hears every ARP frame and can say what it likes.
pub(crate) struct Client {
    pub(crate) mac: Mac,
    ear: Ear<ArpFrame>,
}

impl Client {
    pub(crate) fn on(namespace: &Namespace, iface: &str) -> Self {
        let decode = |frame: &[u8]| ArpFrame::decode(frame).ok();
        Self {
            mac: mac(&namespace.hardware_address(iface)),
            ear: Ear::on(namespace, iface, Protocol::Arp, decode),
        }
    }

    pub(crate) fn say(&self, frame: &[u8]) {
        self.ear.say(frame);
    }

    /// A broadcast question for `address` from a host that has 192.0.2.2.
    pub(crate) fn question(&self, address: &str) -> ArpFrame {
        ArpFrame {
            destination: BROADCAST,
            source: self.mac,
            operation: Operation::Request,
            sender: self.mac,
            sender_address: Ipv4Addr::new(192, 0, 2, 2),
            target: [0; 6],
            target_address: address.parse().unwrap(),
        }
    }

    /// The next announcement of `address` by `mac`, and when it came. What else is heard on the way is dropped.
    pub(crate) fn announcement(&self, mac: Mac, address: &str) -> Instant {
        let wanted = ArpFrame::announcement(mac, address.parse().unwrap());
        self.ear
            .hear(PATIENCE, |frame| *frame == wanted)
            .expect("an announcement")
            .0
    }

    /// The next reply about `address`. What else is heard on the way is dropped.
    pub(crate) fn reply(&self, address: &str) -> ArpFrame {
        self.reply_within(PATIENCE, address).expect("a reply")
    }

    pub(crate) fn reply_within(&self, time: Duration, address: &str) -> Option<ArpFrame> {
        let address: Ipv4Addr = address.parse().unwrap();
        let about = |frame: &ArpFrame| frame.operation == Operation::Reply && frame.sender_address == address;
        self.ear.hear(time, about).map(|(_, frame)| frame)
    }
}

pub(crate) fn mac(text: &str) -> Mac {
    let octets: Vec<u8> = text
        .split(':')
        .map(|octet| u8::from_str_radix(octet, 16).unwrap())
        .collect();
    Mac::new(octets.try_into().unwrap()).unwrap()
}

#[allow(clippy::disallowed_methods, reason = "tests measure real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
