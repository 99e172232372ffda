//! The state machine of RFC 4271 §8.2.2, as a speaker that only dials has it: what each event does in each state.

use std::mem;
use std::time::{Duration, Instant};

use super::agreement::agree;
use super::phase::{Established, Opened, Phase, Wait};
use super::transport::Transport;
use super::{Session, rib};
use crate::input::{Connection, DialError, Stop};
use crate::status::{Event, SessionError, State};
use crate::wire::{Notification, Open, RouteRefresh, Update};

/// What happens to a session (RFC 4271 §8.1).
#[derive(Debug)]
pub(super) enum FsmEvent<'a> {
    Start,
    DialNow,
    RetryExpired,
    Connected(Connection),
    DialFailed(DialError),
    Closed(Option<String>),
    /// A message whose kind does not fit the state.
    Unexpected,
    /// Octets that no session survives.
    Malformed(Notification),
    Open(&'a Open),
    Keepalive,
    Update(&'a Update<'a>),
    Notification(Notification),
    RouteRefresh(RouteRefresh),
    HoldExpired,
    SendHoldExpired(Duration),
    /// BFD has found that the path works.
    PathUp,
    /// BFD has found that it does not work any more.
    PathDown,
    /// Routes are to be taken that the peer has said, and it cannot be asked to say them again.
    NeedsRoutesAgain,
    Stop(&'a Stop),
}

impl Session {
    pub(super) fn on_event(&mut self, now: Instant, event: FsmEvent<'_>) {
        let from = self.phase.state();
        let phase = mem::replace(&mut self.phase, Phase::Idle(Wait::ForStart));
        self.phase = match phase {
            Phase::Idle(wait) => self.in_idle(now, wait, event),
            Phase::Connect => self.in_connect(now, event),
            Phase::OpenSent(transport) => self.in_open_sent(now, transport, event),
            Phase::OpenConfirm(opened) => self.in_open_confirm(now, opened, event),
            Phase::Established(live) => self.in_established(now, live, event),
        };
        let to = self.phase.state();
        if from != to {
            self.on_transition(now, from, to);
        }
    }

    fn in_idle(&mut self, now: Instant, wait: Wait, event: FsmEvent<'_>) -> Phase {
        match event {
            FsmEvent::Start | FsmEvent::RetryExpired => self.dial(),
            FsmEvent::DialNow => self.hurry(now, wait),
            FsmEvent::PathUp if self.retry.waits_for_path() && wait != Wait::ForStart => self.dial(),
            FsmEvent::PathUp => self.hurry(now, wait),
            FsmEvent::Stop(_) => self.end(),
            FsmEvent::Connected(_) | FsmEvent::DialFailed(_) | FsmEvent::Closed(_) => Phase::Idle(wait),
            FsmEvent::Unexpected | FsmEvent::Malformed(_) | FsmEvent::Notification(_) => Phase::Idle(wait),
            FsmEvent::Open(_) | FsmEvent::Keepalive | FsmEvent::Update(_) => Phase::Idle(wait),
            FsmEvent::RouteRefresh(_) | FsmEvent::NeedsRoutesAgain => Phase::Idle(wait),
            FsmEvent::HoldExpired | FsmEvent::SendHoldExpired(_) | FsmEvent::PathDown => Phase::Idle(wait),
        }
    }

    fn in_connect(&mut self, now: Instant, event: FsmEvent<'_>) -> Phase {
        match event {
            FsmEvent::Connected(connection) => {
                let transport = Transport::new(now, connection, self.is_internal());
                Phase::OpenSent(Box::new(transport))
            }
            FsmEvent::DialFailed(error) => self.fall_back(now, error.into()),
            FsmEvent::Stop(_) => {
                self.close(None);
                self.end()
            }
            FsmEvent::Start | FsmEvent::DialNow | FsmEvent::RetryExpired => Phase::Connect,
            FsmEvent::Closed(_) | FsmEvent::PathUp | FsmEvent::PathDown => Phase::Connect,
            FsmEvent::Unexpected | FsmEvent::Malformed(_) | FsmEvent::Notification(_) => Phase::Connect,
            FsmEvent::Open(_) | FsmEvent::Keepalive | FsmEvent::Update(_) => Phase::Connect,
            FsmEvent::RouteRefresh(_) | FsmEvent::NeedsRoutesAgain => Phase::Connect,
            FsmEvent::HoldExpired | FsmEvent::SendHoldExpired(_) => Phase::Connect,
        }
    }

    fn in_open_sent(&mut self, now: Instant, transport: Box<Transport>, event: FsmEvent<'_>) -> Phase {
        match event {
            FsmEvent::Open(open) => match agree(&self.settings.open, &transport.connection, open) {
                Ok(agreement) => {
                    let mut opened = Opened {
                        transport: *transport,
                        agreement,
                    };
                    opened.transport.form = opened.agreement.form.clone();
                    opened.transport.owes_keepalive = true;
                    opened.restart_hold(now);
                    opened.restart_keepalive(now, &self.settings.live, &mut self.jitter);
                    Phase::OpenConfirm(Box::new(opened))
                }
                Err((last, error)) => self.hang_up(now, Some(&last), error),
            },
            FsmEvent::Notification(received) => self.on_notification(now, received),
            FsmEvent::Unexpected => self.refuse(now, Notification::fsm_error(State::OpenSent)),
            FsmEvent::Malformed(error) => self.refuse(now, error),
            FsmEvent::HoldExpired => self.refuse(now, Notification::hold_timer_expired()),
            FsmEvent::Closed(error) => self.fall_back(now, SessionError::Closed(error)),
            FsmEvent::Stop(stop) => {
                let last = self.last_words(None, stop);
                self.close(last.as_ref());
                self.end()
            }
            FsmEvent::Start | FsmEvent::DialNow | FsmEvent::RetryExpired => Phase::OpenSent(transport),
            FsmEvent::Connected(_) | FsmEvent::DialFailed(_) => Phase::OpenSent(transport),
            FsmEvent::Keepalive | FsmEvent::Update(_) | FsmEvent::RouteRefresh(_) => {
                Phase::OpenSent(transport)
            }
            FsmEvent::SendHoldExpired(_) | FsmEvent::NeedsRoutesAgain => Phase::OpenSent(transport),
            FsmEvent::PathUp | FsmEvent::PathDown => Phase::OpenSent(transport),
        }
    }

    fn in_open_confirm(&mut self, now: Instant, mut opened: Box<Opened>, event: FsmEvent<'_>) -> Phase {
        match event {
            FsmEvent::Keepalive => {
                opened.restart_hold(now);
                let rib = rib::AdjRibOut::new(&opened, &self.next_hops, self.settings.open.local_asn);
                Phase::Established(Box::new(Established::new(now, *opened, rib)))
            }
            FsmEvent::Notification(received) => self.on_notification(now, received),
            FsmEvent::Unexpected => self.refuse(now, Notification::fsm_error(State::OpenConfirm)),
            FsmEvent::Malformed(error) => self.refuse(now, error),
            FsmEvent::HoldExpired => self.refuse(now, Notification::hold_timer_expired()),
            FsmEvent::Closed(error) => self.fall_back(now, SessionError::Closed(error)),
            FsmEvent::PathDown => self.on_path_down(now, &opened),
            FsmEvent::Stop(stop) => {
                let last = self.last_words(Some(&opened.agreement), stop);
                self.close(last.as_ref());
                self.end()
            }
            FsmEvent::Start | FsmEvent::DialNow | FsmEvent::RetryExpired => Phase::OpenConfirm(opened),
            FsmEvent::Connected(_) | FsmEvent::DialFailed(_) => Phase::OpenConfirm(opened),
            FsmEvent::Open(_) | FsmEvent::Update(_) | FsmEvent::RouteRefresh(_) => Phase::OpenConfirm(opened),
            FsmEvent::SendHoldExpired(_) | FsmEvent::NeedsRoutesAgain => Phase::OpenConfirm(opened),
            FsmEvent::PathUp => Phase::OpenConfirm(opened),
        }
    }

    fn in_established(&mut self, now: Instant, mut live: Box<Established>, event: FsmEvent<'_>) -> Phase {
        match event {
            FsmEvent::Keepalive => {
                live.opened.restart_hold(now);
                Phase::Established(live)
            }
            FsmEvent::Update(update) => {
                live.opened.restart_hold(now);
                self.on_update(&live.opened, update);
                Phase::Established(live)
            }
            FsmEvent::RouteRefresh(refresh) => {
                self.on_refresh(now, &mut live, refresh);
                Phase::Established(live)
            }
            FsmEvent::Notification(received) => self.on_notification(now, received),
            FsmEvent::Unexpected => self.refuse(now, Notification::fsm_error(State::Established)),
            FsmEvent::Malformed(error) => self.refuse(now, error),
            FsmEvent::HoldExpired => self.refuse(now, Notification::hold_timer_expired()),
            FsmEvent::SendHoldExpired(time) => {
                let last = Notification::send_hold_timer_expired();
                self.hang_up(now, Some(&last), SessionError::SendHold(time))
            }
            FsmEvent::NeedsRoutesAgain => self.refuse(now, Notification::configuration_change()),
            FsmEvent::Closed(error) => self.fall_back(now, SessionError::Closed(error)),
            FsmEvent::PathDown => self.on_path_down(now, &live.opened),
            FsmEvent::Stop(stop) => {
                let last = self.last_words(Some(&live.opened.agreement), stop);
                self.close(last.as_ref());
                self.end()
            }
            FsmEvent::Start | FsmEvent::DialNow | FsmEvent::RetryExpired => Phase::Established(live),
            FsmEvent::Connected(_) | FsmEvent::DialFailed(_) => Phase::Established(live),
            FsmEvent::Open(_) | FsmEvent::PathUp => Phase::Established(live),
        }
    }

    fn on_transition(&mut self, now: Instant, from: State, to: State) {
        self.since = Some(now);
        let error = self.fell_back.take();
        self.events.push_back(Event::State {
            from,
            to,
            error: error.clone(),
        });
        if to == State::Idle {
            self.draining.end_marking();
        }
        if from == State::Established {
            self.on_routes_lost(now, error.as_ref());
        }
        if to == State::Established {
            self.retry.on_established();
            self.received = 0;
            self.counters.established += 1;
            self.on_routes_due(now);
            self.review(None);
        }
    }
}
