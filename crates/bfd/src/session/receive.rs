//! Reception of Control packets (RFC 5880 §6.8.6).

use std::time::Instant;

use super::{Remote, Session};
use crate::packet::Packet;
use crate::{Diagnostic, Event, State};

impl Session {
    pub(super) fn on_packet(&mut self, now: Instant, octets: &[u8]) {
        let ours = |packet: &Packet| {
            packet
                .your_discriminator
                .is_none_or(|discriminator| discriminator == self.local_discriminator)
        };
        match Packet::decode(octets).ok().filter(ours) {
            Some(packet) => self.on_decoded(now, packet),
            None => self.counters.refused += 1,
        }
    }

    fn on_decoded(&mut self, now: Instant, packet: Packet) {
        self.remote = Some(Remote {
            discriminator: packet.my_discriminator,
            state: packet.state,
            diagnostic: packet.diagnostic,
            demand: packet.demand,
            detect_multiplier: packet.detect_multiplier,
            desired_min_tx: packet.desired_min_tx,
            required_min_rx: packet.required_min_rx,
        });
        if packet.is_final {
            self.on_final();
        }
        if self.state == State::AdminDown {
            self.counters.refused += 1;
            self.retime(now);
            return;
        }
        self.counters.received += 1;
        self.heard_at = Some(now);
        self.follow(now, packet.state);
        self.retime(now);
        if packet.poll && (self.due || self.may_speak_out_of_turn(now)) {
            self.final_due = true;
        }
    }

    /// The state machine (§6.2): every state against every state of the other end.
    fn follow(&mut self, now: Instant, remote: State) {
        if remote == State::AdminDown {
            // Before the state changes: what follows from this is no failure of the path.
            self.tell(Event::AdminDown);
        }
        match (self.state, remote) {
            (State::Down, State::Down) => self.enter(now, State::Init, self.diagnostic),
            (State::Down, State::Init) | (State::Init, State::Init | State::Up) => {
                self.enter(now, State::Up, Diagnostic::NONE);
            }
            (State::Init, State::AdminDown) | (State::Up, State::AdminDown | State::Down) => {
                self.enter(now, State::Down, Diagnostic::NEIGHBOR_SIGNALED_DOWN);
            }
            (State::Down, State::AdminDown | State::Up)
            | (State::Init, State::Down)
            | (State::Up, State::Init | State::Up)
            | (State::AdminDown, _) => {}
        }
    }
}
