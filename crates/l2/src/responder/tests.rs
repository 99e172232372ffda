//! The machine in virtual time.

mod announcing;
mod answering;
mod conflicts;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::wire::{ArpFrame, BROADCAST, Operation};
use crate::{Event, Input, Mac, Responder, Settings};

const HELD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 11);
const ASKER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

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

/// A responder, its clock, and the driver's part: it drains after every input.
struct Bench {
    responder: Responder,
    started: Instant,
    now: Instant,
    sent: Vec<(Duration, ArpFrame)>,
    events: Vec<Event>,
}

impl Bench {
    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn new(settings: Settings) -> Self {
        let now = Instant::now();
        let responder = Responder::new(ours(), settings);
        Self {
            responder,
            started: now,
            now,
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Holds `HELD`, with all announcements of the burst behind it.
    fn settled() -> Self {
        let mut bench = Self::new(Settings::default());
        bench.input(Input::Hold(HELD));
        bench.run_for(Duration::from_secs(6));
        bench.sent.clear();
        bench
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
            let frame = ArpFrame::decode(transmit.frame()).expect("what is sent can be read");
            self.sent.push((passed, frame));
        }
        self.events
            .extend(std::iter::from_fn(|| self.responder.poll_event()));
    }

    fn take_sent(&mut self) -> Vec<ArpFrame> {
        self.sent.drain(..).map(|(_, frame)| frame).collect()
    }
}
