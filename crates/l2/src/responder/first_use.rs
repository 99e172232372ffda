//! Whether an address that is new was somebody's already (A4, N11; RFC 5227 §2.1.1).
//!
//! RFC 5227 waits for some seconds before it takes an address. A Service whose address was just given out cannot: so the first two
//! questions get a wait that is long beside a round trip on a LAN, and those of the RFC follow while the address is in use.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Responder;
use super::agenda::Task;
use super::held::{Held, Role};
use crate::Event;
use crate::schedule::jitter;

/// Up to so long before the first question: not all addresses at once.
const WAIT: Duration = Duration::from_secs(1);
/// How many questions.
const QUESTIONS: u8 = 3;
/// How long between two of them at least; at most twice as long.
const PAUSE: Duration = Duration::from_secs(1);
/// How long after the last one until the address counts as free.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// How long who has the address has for its answer before it is used.
pub(crate) const FIRST_WAIT: Duration = Duration::from_millis(20);
/// How many questions are asked in that time.
const FIRST_QUESTIONS: u8 = 2;

/// After so many conflicts in a row addresses are looked for no more often than once per [`SLOW`] (A8).
const CONFLICTS: u32 = 10;
const SLOW: Duration = Duration::from_secs(60);

/// The questions about an address that are still to be asked.
#[derive(Debug)]
pub(super) struct FirstUse {
    left: u8,
}

/// The questions that are asked before the address is used.
#[derive(Debug)]
pub(super) struct Asking {
    left: u8,
}

/// How often addresses turned out to be in use.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    pub(super) in_a_row: u32,
    /// Before this, no further address is looked for.
    next: Option<Instant>,
}

impl Conflicts {
    /// When the next address may be looked for.
    fn admit(&mut self, now: Instant) -> Instant {
        let start = self.next.map_or(now, |next| next.max(now));
        self.next = (self.in_a_row >= CONFLICTS).then_some(start + SLOW);
        start
    }
}

impl Responder {
    pub(super) fn on_first_use(&mut self, now: Instant, address: IpAddr) {
        if self.held.contains_key(&address) {
            return self.look_in_the_background(now, address);
        }
        let mut held = Held::new(Role::Holder);
        held.asking = Some(Asking {
            left: FIRST_QUESTIONS,
        });
        self.held.insert(address, held);
        self.interest_changed = true;
        self.ask_or_begin(now, address);
    }

    /// Asks once more before the address is used; or uses it, for nobody has said that it has it.
    pub(super) fn ask_or_begin(&mut self, now: Instant, address: IpAddr) {
        let Some(held) = self.held.get_mut(&address) else {
            return;
        };
        let Some(Asking { left }) = &mut held.asking else {
            return;
        };
        if let Some(after) = left.checked_sub(1) {
            *left = after;
            self.agenda.set(
                Task::Begin(address),
                now + FIRST_WAIT / u32::from(FIRST_QUESTIONS),
            );
            self.look_whether_free(address);
            return;
        }
        held.asking = None;
        self.begin_using(now, address);
        self.look_in_the_background(now, address);
    }

    /// What was to be asked first has been.
    pub(super) fn begin_using(&mut self, now: Instant, address: IpAddr) {
        self.begin_announcing(now, address);
        self.events.push_back(Event::InUse { address });
    }

    fn look_in_the_background(&mut self, now: Instant, address: IpAddr) {
        let Some(held) = self.held.get_mut(&address) else {
            return;
        };
        if held.first_use.is_some() || held.stranger.is_some() {
            return;
        }
        held.first_use = Some(FirstUse { left: QUESTIONS });
        let start = self.conflicts.admit(now) + jitter(WAIT, address, self.mac, 0);
        self.agenda.set(Task::FirstUse(address), start);
    }

    /// The next question is due, or the time to answer the last one is over.
    pub(super) fn ask_first_use(&mut self, now: Instant, address: IpAddr) {
        let Some(held) = self.held.get_mut(&address) else {
            return;
        };
        let Some(FirstUse { left }) = &mut held.first_use else {
            return;
        };
        let Some(after) = left.checked_sub(1) else {
            held.first_use = None;
            self.conflicts.in_a_row = 0;
            return;
        };
        *left = after;
        let pause = match after {
            0 => LAST_WAIT,
            more => PAUSE + jitter(PAUSE, address, self.mac, more.into()),
        };
        self.agenda.set(Task::FirstUse(address), now + pause);
        self.look_whether_free(address);
    }

    /// A stranger was found: there is nothing left to ask.
    pub(super) fn give_up_first_use(&mut self, address: IpAddr) {
        let held = self.held.get_mut(&address);
        if held.and_then(|held| held.first_use.take()).is_some() {
            self.agenda.clear(Task::FirstUse(address));
            self.conflicts.in_a_row += 1;
        }
    }
}
