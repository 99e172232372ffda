use std::sync::Arc;
use std::time::{Duration, Instant};

use config::Change;

use super::api::{Answer, Failure, Request};
use super::chance::Chance;
use super::object::{Kind, Object};
use super::stream::Delivery;

/// The client's end of a watch, as `api::watch::follow` and the watcher beneath it behave: it lists, then watches from
/// where the list ended, and goes on from the last version that it saw when the connection ends. It lists again only when
/// the server says that it knows that version no more.
#[derive(Debug)]
pub(super) struct Watch {
    kind: Kind,
    state: State,
    /// The version from which to go on; none before the first list and when the server has forgotten it.
    since: Option<u64>,
    /// How much of the log what was passed on reflects.
    seen: usize,
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next request is due then.
    Idle(Instant),
    /// A request is on its way.
    Asking(u64),
    /// Open, by the call that opened it.
    Open(u64),
}

impl Watch {
    pub(super) fn new(kind: Kind, now: Instant) -> Self {
        Self {
            kind,
            state: State::Idle(now),
            since: None,
            seen: 0,
            failures: 0,
        }
    }

    pub(super) fn seen(&self) -> usize {
        self.seen
    }

    pub(super) fn since(&self) -> Option<u64> {
        self.since
    }

    /// Whether what call `id` opened is this watch's connection still.
    pub(super) fn is_open(&self, id: u64) -> bool {
        self.state == State::Open(id)
    }

    /// Whether a request is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        matches!(self.state, State::Idle(due) if due <= now)
    }

    /// The request that is due is going to be sent as call `id`.
    pub(super) fn ask(&mut self, id: u64) {
        self.state = State::Asking(id);
    }

    /// What is sent as call `id`; none when it is not waited for any more.
    pub(super) fn request(&self, id: u64) -> Option<Request> {
        (self.state == State::Asking(id)).then_some(match self.since {
            None => Request::List(self.kind),
            Some(since) => Request::Watch {
                kind: self.kind,
                since,
            },
        })
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Idle(due) => Some(due),
            State::Asking(_) | State::Open(_) => None,
        }
    }

    /// Takes in what became of call `id`; what there is to pass on.
    pub(super) fn handle_answer(
        &mut self,
        now: Instant,
        id: u64,
        answer: Result<Answer, Failure>,
        chance: &mut Chance,
    ) -> Option<Change<Arc<Object>>> {
        if self.state != State::Asking(id) {
            return None;
        }
        match answer {
            Ok(Answer::Listed {
                objects,
                revision,
                position,
            }) => {
                self.since = Some(revision);
                self.seen = position;
                self.failures = 0;
                self.state = State::Idle(now);
                Some(Change::Listed(objects))
            }
            Ok(Answer::Watching) => {
                self.state = State::Open(id);
                None
            }
            Ok(answer) => unreachable!("a watch did not ask for {answer:?}"),
            Err(failure) => {
                self.since = self.since.filter(|_| failure != Failure::Refused(410));
                self.back_off(now, chance);
                None
            }
        }
    }

    /// Takes in what came through the connection; what there is to pass on.
    pub(super) fn handle_delivery(&mut self, delivery: Delivery) -> Option<Change<Arc<Object>>> {
        self.since = Some(delivery.revision);
        self.seen = delivery.position;
        self.failures = 0;
        delivery.change
    }

    /// The connection ended: in order, after its time, or broken.
    pub(super) fn handle_end(&mut self, now: Instant, broken: bool, chance: &mut Chance) {
        self.state = State::Idle(now);
        if broken {
            self.back_off(now, chance);
        }
    }

    fn back_off(&mut self, now: Instant, chance: &mut Chance) {
        let pause = Duration::from_millis(100 << self.failures.min(5)).min(Duration::from_secs(5));
        self.failures += 1;
        self.state = State::Idle(now + chance.between(pause, 2 * pause));
    }
}
