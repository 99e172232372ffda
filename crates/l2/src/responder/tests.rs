//! The machine in virtual time.

mod announcing;
mod answering;
mod conflicts;
mod first_use;
mod histories;
mod neighbours;
mod questions;
mod roles;
mod shared;
mod strangers;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::wire::Protocol;
use crate::wire::arp::{ArpFrame, BROADCAST, Operation};
use crate::wire::ndp::{Advertisement, NdpFrame, Solicitation};
use crate::{Event, Input, Mac, Responder, Settings};

const HELD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 11);
const ASKER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

const HELD6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);
const OTHER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x11);
const ASKER6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

/// Everything there is to hold, of both families.
const BOTH: [IpAddr; 2] = [IpAddr::V4(HELD), IpAddr::V6(HELD6)];

fn mac(last: u8) -> Mac {
    Mac::new([2, 0, 0, 0, 0, last]).unwrap()
}

fn ours() -> Mac {
    mac(1)
}

fn theirs() -> Mac {
    mac(2)
}

/// A broadcast question of `theirs` for `address`.
fn request(address: Ipv4Addr) -> ArpFrame {
    ArpFrame {
        destination: BROADCAST,
        source: theirs(),
        operation: Operation::Request,
        sender: theirs(),
        sender_address: ASKER,
        target: [0; 6],
        target_address: address,
    }
}

/// A station outside of the cluster.
fn stranger() -> Mac {
    Mac::new([6, 0, 0, 0, 0, 1]).unwrap()
}

/// What `mac` says when it has the address.
fn claim_of(mac: Mac, address: IpAddr) -> Sent {
    match address {
        IpAddr::V4(address) => Sent::Arp(ArpFrame::announcement(mac, address)),
        IpAddr::V6(address) => Sent::Answer(Advertisement::announcement(mac, address)),
    }
}

/// A question of `theirs` for the address, to everybody.
fn question_for(address: IpAddr) -> Sent {
    match address {
        IpAddr::V4(address) => Sent::Arp(request(address)),
        IpAddr::V6(address) => Sent::Question(Solicitation::question(theirs(), ASKER6, address, None)),
    }
}

/// The answer to [`question_for`]: that the address is at `station`, said by us.
fn answer_of(station: Mac, address: IpAddr) -> Sent {
    match question_for(address) {
        Sent::Arp(frame) => Sent::Arp(ArpFrame {
            source: ours(),
            ..frame.answer(station)
        }),
        Sent::Question(frame) => Sent::Answer(Advertisement {
            source: ours(),
            ..frame.answer(station)
        }),
        Sent::Answer(_) => unreachable!("a question is no answer"),
    }
}

/// The interface with this hardware address and no addresses of its own.
fn interface(mac: Mac) -> Input<'static> {
    Input::Interface {
        mac,
        addresses: BTreeSet::new(),
    }
}

/// A frame that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Arp(ArpFrame),
    Question(Solicitation),
    Answer(Advertisement),
}

impl Sent {
    fn octets(&self) -> Vec<u8> {
        match self {
            Self::Arp(frame) => frame.encode().to_vec(),
            Self::Question(frame) => frame.encode().to_vec(),
            Self::Answer(frame) => frame.encode().to_vec(),
        }
    }
}

/// A responder, its clock, and the driver's part: it drains after every input.
struct Bench {
    responder: Responder,
    started: Instant,
    now: Instant,
    sent: Vec<(Duration, Sent)>,
    events: Vec<Event>,
    /// The speakers that were heard, apart from other events.
    neighbors: Vec<Mac>,
}

impl Bench {
    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn new(settings: Settings) -> Self {
        let now = Instant::now();
        let mut responder = Responder::new(ours(), settings);
        // Everybody is a speaker of the cluster, except those with another first octet.
        responder.handle_input(now, Input::Cluster((2..=255).map(mac).collect()));
        Self {
            responder,
            started: now,
            now,
            sent: Vec::new(),
            events: Vec::new(),
            neighbors: Vec::new(),
        }
    }

    /// Holds `HELD`, with all announcements of the burst behind it.
    fn settled() -> Self {
        let mut bench = Self::new(Settings::default());
        bench.input(Input::Hold(HELD.into()));
        bench.run_for(Duration::from_secs(6));
        bench.sent.clear();
        bench
    }

    /// Holds one address of each family, with all announcements of the burst behind it.
    fn holding_both() -> Self {
        let mut bench = Self::settled();
        bench.input(Input::Hold(HELD6.into()));
        bench.run_for(Duration::from_secs(6));
        bench.sent.clear();
        bench
    }

    fn hear(&mut self, frame: Sent) {
        self.input(Input::Frame(&frame.octets()));
    }

    fn input(&mut self, input: Input<'_>) {
        self.responder.handle_input(self.now, input);
        self.drain();
    }

    fn frame(&mut self, frame: ArpFrame) {
        self.input(Input::Frame(&frame.encode()));
    }

    /// Lets time run from timeout to timeout.
    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.responder.poll_timeout()
            && at <= end
        {
            assert!(at > self.now, "a timeout that is due again at once");
            self.now = at;
            self.responder.handle_timeout(at);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        let passed = self.now - self.started;
        while let Some(transmit) = self.responder.poll_transmit() {
            let frame = transmit.frame();
            let sent = match transmit.protocol() {
                Protocol::Arp => Sent::Arp(ArpFrame::decode(frame).expect("what is sent can be read")),
                Protocol::Ndp => match NdpFrame::decode(frame).expect("what is sent can be read") {
                    NdpFrame::Solicitation(frame) => Sent::Question(frame),
                    NdpFrame::Advertisement(frame) => Sent::Answer(frame),
                },
            };
            self.sent.push((passed, sent));
        }
        while let Some(event) = self.responder.poll_event() {
            if let Event::Neighbor { mac } = event {
                self.neighbors.push(mac);
            } else {
                self.events.push(event);
            }
        }
    }

    /// What was sent, all of which is ARP.
    fn take_sent(&mut self) -> Vec<ArpFrame> {
        let arp = |sent| match sent {
            Sent::Arp(frame) => frame,
            Sent::Question(_) | Sent::Answer(_) => panic!("{sent:?} is no ARP"),
        };
        self.take().into_iter().map(arp).collect()
    }

    fn take(&mut self) -> Vec<Sent> {
        self.sent.drain(..).map(|(_, frame)| frame).collect()
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }
}
