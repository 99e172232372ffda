//! One replica of the controller from its start to its end: the election and, while it leads, the watches, the machines and
//! their errands, as `main`, `leader`, `writer` and `lease::run` tie them together.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lease::Identity;

use super::api::{Answer, Failure, Request};
use super::candidate::{Candidate, ELECTION_TIMEOUT};
use super::chance::Chance;
use super::log::Seen;
use super::object::Kind;
use super::stream::Delivery;
use allocate::REQUEST_TIMEOUT;

mod role;

use role::{Role, Stopping};

/// How long a client waits for a list.
const LIST_TIMEOUT: Duration = Duration::from_secs(55);

/// Something to ask of the API server.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) request: Request,
    /// When the process stops waiting; nothing of the request can take effect after that.
    pub(super) timeout: Duration,
    /// What it had seen when it decided.
    pub(super) seen: Seen,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Election,
    Watch(Kind),
    Errand,
}

/// The process.
#[derive(Debug)]
pub(super) struct Process {
    candidate: Candidate,
    role: Role,
    stopping: Stopping,
    /// What it takes for the time of day.
    wall_clock: Timestamp,
    calls: BTreeMap<u64, Purpose>,
    next_call: u64,
    outbox: VecDeque<u64>,
    chance: Chance,
}

impl Process {
    pub(super) fn new(identity: Identity, now: Instant, usurper: bool, chance: Chance) -> Self {
        Self {
            candidate: Candidate::new(identity, now, usurper),
            role: Role::Standby { rests_until: None },
            stopping: Stopping::No,
            wall_clock: Timestamp::UNIX_EPOCH,
            calls: BTreeMap::new(),
            next_call: 0,
            outbox: VecDeque::new(),
            chance,
        }
    }

    /// The time of day is this.
    pub(super) fn set_wall_clock(&mut self, time: Timestamp) {
        self.wall_clock = time;
    }

    /// If it took itself for the leader, it does as the election says from now on.
    pub(super) fn submit(&mut self, now: Instant) {
        self.candidate.submit();
        self.settle(now);
    }

    /// SIGTERM.
    pub(super) fn stop(&mut self, now: Instant) {
        if self.stopping == Stopping::No {
            self.stopping = Stopping::Asked;
        }
        self.settle(now);
    }

    pub(super) fn has_ended(&self, now: Instant) -> bool {
        match self.stopping {
            Stopping::No | Stopping::Asked => false,
            Stopping::Releases(until) => self.candidate.is_finished() || until <= now,
            Stopping::Gone => true,
        }
    }

    /// The watch of the Lease shows that nobody holds it.
    pub(super) fn handle_vacancy(&mut self, now: Instant) {
        self.candidate.handle_vacancy(now);
        self.settle(now);
    }

    /// Whether what call `id` opened is the watch that it listens to.
    pub(super) fn listens(&self, kind: Kind, id: u64) -> bool {
        matches!(&self.role, Role::Leads(leading) if leading.watch(kind).is_open(id))
    }

    /// Whether it waits for the answer to call `id`.
    pub(super) fn awaits(&self, id: u64) -> bool {
        self.calls.contains_key(&id)
    }

    /// The kind and version from which the watch goes on that call `id` asks for.
    pub(super) fn watched_since(&self, id: u64) -> Option<(Kind, u64)> {
        let Some(Purpose::Watch(kind)) = self.calls.get(&id) else {
            return None;
        };
        let Role::Leads(leading) = &self.role else {
            return None;
        };
        Some((*kind, leading.watch(*kind).since()?))
    }

    pub(super) fn handle_delivery(&mut self, now: Instant, kind: Kind, delivery: Delivery) {
        if let Role::Leads(leading) = &mut self.role {
            leading.handle_delivery(now, kind, delivery);
        }
        self.settle(now);
    }

    pub(super) fn handle_stream_end(&mut self, now: Instant, kind: Kind, broken: bool) {
        if let Role::Leads(leading) = &mut self.role {
            leading.watch_mut(kind).handle_end(now, broken, &mut self.chance);
        }
        self.settle(now);
    }

    /// The answer to a call, or that there is none.
    pub(super) fn handle_answer(&mut self, now: Instant, id: u64, answer: Result<Answer, Failure>) {
        match (self.calls.remove(&id), &mut self.role) {
            (Some(Purpose::Election), _) => self.candidate.handle_answer(now, answer),
            (Some(Purpose::Watch(kind)), Role::Leads(leading)) => {
                leading.handle_watch_answer(now, kind, id, answer, &mut self.chance);
            }
            (Some(Purpose::Errand), Role::Leads(leading) | Role::Ends(leading, _)) => {
                leading.handle_errand_answer(now, id, answer);
            }
            (_, _) => {}
        }
        self.settle(now);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Role::Leads(leading) = &mut self.role {
            leading.handle_timeout(now);
        }
        self.settle(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let role = match &self.role {
            Role::Standby { rests_until } => *rests_until,
            Role::Leads(leading) => leading.poll_timeout(),
            Role::Ends(_, until) => Some(*until),
        };
        let stopping = match self.stopping {
            Stopping::Releases(until) => Some(until),
            Stopping::No | Stopping::Asked | Stopping::Gone => None,
        };
        self.candidate
            .poll_timeout()
            .into_iter()
            .chain(role)
            .chain(stopping)
            .min()
    }

    /// The next call that some task of the process is about to send.
    pub(super) fn poll_call(&mut self) -> Option<u64> {
        self.outbox.pop_front()
    }

    /// What is sent for call `id` at this moment. Whether it still leads a writer looks up here and no sooner.
    pub(super) fn depart(&mut self, now: Instant, id: u64) -> Option<Call> {
        let (request, timeout, seen) = match (self.calls.get(&id)?, &self.role) {
            (Purpose::Election, _) => (
                self.candidate.request(self.wall_clock)?,
                ELECTION_TIMEOUT,
                Seen::default(),
            ),
            (Purpose::Watch(kind), Role::Leads(leading)) => {
                (leading.watch(*kind).request(id)?, LIST_TIMEOUT, Seen::default())
            }
            (Purpose::Errand, Role::Leads(leading) | Role::Ends(leading, _)) => {
                let (errand, seen) = leading.errand(id)?;
                if errand.changes_something() && !self.candidate.leads(now) {
                    self.handle_answer(now, id, Err(Failure::NotSent));
                    return None;
                }
                (errand.request(self.wall_clock), REQUEST_TIMEOUT, seen)
            }
            (Purpose::Watch(_) | Purpose::Errand, _) => return None,
        };
        Some(Call {
            request,
            timeout,
            seen,
        })
    }

    fn new_call(&mut self, purpose: Purpose) -> u64 {
        self.next_call += 1;
        self.calls.insert(self.next_call, purpose);
        self.outbox.push_back(self.next_call);
        self.next_call
    }
}
