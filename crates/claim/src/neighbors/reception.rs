//! Whether anything at all reaches this node (rule 6).

use std::time::{Duration, Instant};

/// For how long a proof holds.
const PROOF: Duration = Duration::from_secs(10);
/// After so long without any proof it is asked for a quarter as often.
const EAGER: Duration = Duration::from_secs(1);
/// How often once there is proof.
const PATIENT: Duration = Duration::from_secs(1);

/// What we know of our own reception.
#[derive(Debug)]
pub(super) struct Reception {
    /// When a peer was last heard, or the machine made.
    pub(super) heard: Instant,
    /// Since when no peer is to be heard, its beacons being overdue.
    pub(super) silence: Option<Instant>,
    /// When it first turned out that something reaches us, and when it last did.
    proven: Option<(Instant, Instant)>,
    frames: Option<u64>,
    asked: Option<Instant>,
    /// Since when we have heard peers again after a time in which nothing proved that we hear.
    pub(super) recovered: Option<Instant>,
}

impl Reception {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            heard: now,
            silence: Some(now),
            proven: None,
            frames: None,
            asked: None,
            recovered: None,
        }
    }

    /// A peer is to be heard.
    pub(super) fn on_peer(&mut self, now: Instant) {
        if self.silence.is_some() && !self.is_proven(now) {
            self.recovered = Some(now);
        }
        self.heard = now;
        self.silence = None;
        self.proven = None;
        self.frames = None;
        self.asked = None;
    }

    /// Every peer is overdue.
    pub(super) fn on_silence(&mut self, now: Instant) {
        if self.silence.is_none() {
            self.silence = Some(now);
        }
    }

    /// Something other than a peer's beacon reached us.
    pub(super) fn on_proof(&mut self, now: Instant) {
        if self.silence.is_some() {
            let first = self
                .proven
                .filter(|_| self.is_proven(now))
                .map_or(now, |(first, _)| first);
            self.proven = Some((first, now));
        }
    }

    /// What the interface counted.
    pub(super) fn on_frames(&mut self, now: Instant, frames: u64) {
        if self.silence.is_some() && self.frames.is_some_and(|before| frames > before) {
            self.on_proof(now);
        }
        self.frames = Some(frames);
    }

    /// Whether something reached us since the peers fell silent, and not long ago.
    pub(super) fn is_proven(&self, now: Instant) -> bool {
        self.proven.is_some_and(|(_, last)| now < last + PROOF)
    }

    /// Whether there has been proof for at least as long.
    pub(super) fn is_proven_for(&self, now: Instant, time: Duration) -> bool {
        self.is_proven(now) && self.proven.is_some_and(|(first, _)| now >= first + time)
    }

    /// When to ask next, if the peers are silent.
    pub(super) fn due(&self, every: Duration) -> Option<Instant> {
        let silence = self.silence?;
        let Some(asked) = self.asked else {
            return Some(silence);
        };
        let wait = match self.proven {
            Some(_) => PATIENT,
            None if asked < silence + EAGER => every,
            None => every * 4,
        };
        Some(asked + wait)
    }

    pub(super) fn ask(&mut self, now: Instant) {
        self.asked = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(50);

    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_count_of_frames_proves_something_only_when_it_has_grown_since_the_silence() {
        let now = start();
        let mut reception = Reception::new(now);
        reception.on_frames(now, 1000);
        assert!(!reception.is_proven(now));
        reception.on_frames(now + EVERY, 1000);
        assert!(!reception.is_proven(now + EVERY));
        reception.on_frames(now + EVERY, 1001);
        assert!(reception.is_proven(now + EVERY));
        assert!(
            !reception.is_proven_for(now + EVERY, EVERY) && reception.is_proven_for(now + EVERY * 2, EVERY)
        );
        assert!(!reception.is_proven(now + EVERY + PROOF));
    }

    #[test]
    fn a_peer_ends_the_silence_and_what_was_proven_in_it() {
        let now = start();
        let mut reception = Reception::new(now);
        reception.on_proof(now);
        reception.on_peer(now);
        assert_eq!((reception.due(EVERY), reception.recovered), (None, None));
        reception.on_silence(now + EVERY);
        assert!(!reception.is_proven(now + EVERY));
        reception.on_peer(now + EVERY * 2);
        assert_eq!(
            reception.recovered,
            Some(now + EVERY * 2),
            "nothing had proven that it hears"
        );
    }

    #[test]
    fn proof_is_asked_for_eagerly_at_first_and_once_a_second_when_there_is_some() {
        let now = start();
        let mut reception = Reception::new(now);
        assert_eq!(reception.due(EVERY), Some(now));
        reception.ask(now);
        assert_eq!(reception.due(EVERY), Some(now + EVERY));
        reception.ask(now + EAGER);
        assert_eq!(reception.due(EVERY), Some(now + EAGER + EVERY * 4));
        reception.on_proof(now + EAGER);
        assert_eq!(reception.due(EVERY), Some(now + EAGER + PATIENT));
    }
}
