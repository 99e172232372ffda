use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use l2::Mac;
use l2::filter::Instruction;
use l2::wire::{ArpFrame, BROADCAST, ETHERTYPE, Operation};
use speaker::packet::PacketSocket;
use tokio::sync::mpsc;

use crate::namespace::{Namespace, PATIENCE};

/// A host on the wire that hears every ARP frame and can say what it likes.
pub(crate) struct Client {
    pub(crate) mac: Mac,
    heard: Receiver<(Instant, ArpFrame)>,
    say: mpsc::UnboundedSender<Vec<u8>>,
}

impl Client {
    pub(crate) fn on(namespace: &Namespace, iface: &str) -> Self {
        let index = namespace.index(iface);
        let mac = mac(&namespace.hardware_address(iface));
        let (tell, heard) = channel();
        let (say, mut to_say) = mpsc::unbounded_channel::<Vec<u8>>();
        let (ready, is_ready) = channel();
        drop(namespace.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let everything = Instruction {
                    code: 0x06,
                    jt: 0,
                    jf: 0,
                    k: 128,
                };
                let socket = PacketSocket::open(index, ETHERTYPE, &[everything]).unwrap();
                ready.send(()).unwrap();
                let mut buffer = [0; 128];
                loop {
                    tokio::select! {
                        said = to_say.recv() => match said {
                            Some(frame) => socket.send(&frame).await.unwrap(),
                            None => return,
                        },
                        length = socket.receive(&mut buffer) => {
                            // The interface may go down in the course of a test.
                            let Ok(length) = length else { continue };
                            if let Ok(frame) = ArpFrame::decode(&buffer[..length]) {
                                let _ = tell.send((now(), frame));
                            }
                        }
                    }
                }
            });
        }));
        is_ready.recv_timeout(PATIENCE).unwrap();
        Self { mac, heard, say }
    }

    pub(crate) fn say(&self, frame: &[u8]) {
        self.say.send(frame.to_vec()).unwrap();
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
        self.hear(PATIENCE, |frame| *frame == wanted)
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
        self.hear(time, about).map(|(_, frame)| frame)
    }

    fn hear(&self, time: Duration, wanted: impl Fn(&ArpFrame) -> bool) -> Option<(Instant, ArpFrame)> {
        let deadline = now() + time;
        loop {
            let (at, frame) = self
                .heard
                .recv_timeout(deadline.saturating_duration_since(now()))
                .ok()?;
            if wanted(&frame) {
                return Some((at, frame));
            }
        }
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
