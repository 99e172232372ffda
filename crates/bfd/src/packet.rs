//! BFD Control packets (RFC 5880 §4.1). Decoding reads every octet that counts or fails; encoding cannot fail.

use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use crate::{Diagnostic, State};

/// The length of a packet without authentication, which is every one that is sent.
pub const LENGTH: usize = 24;

const VERSION: u8 = 1;
/// The shortest packet with an authentication section.
const AUTHENTICATED_LENGTH: u8 = 26;

const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;
const CONTROL_PLANE_INDEPENDENT: u8 = 0x08;
const AUTHENTICATION_PRESENT: u8 = 0x04;
const DEMAND: u8 = 0x02;
const MULTIPOINT: u8 = 0x01;

/// What a packet says. Intervals are whole microseconds, up to [`u32::MAX`] of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Why the sender's state changed the last time.
    pub diagnostic: Diagnostic,
    /// The sender's state.
    pub state: State,
    /// An answer is asked for.
    pub poll: bool,
    /// This is one.
    pub is_final: bool,
    /// The sender's session does not share the fate of its routing protocols.
    pub control_plane_independent: bool,
    /// The sender is in demand mode: it wants no packets that it has not asked for.
    pub demand: bool,
    /// So many packets in a row may be missed.
    pub detect_multiplier: NonZeroU8,
    /// What the sender calls the session.
    pub my_discriminator: NonZeroU32,
    /// What the receiver calls it, if the sender has heard.
    pub your_discriminator: Option<NonZeroU32>,
    /// The shortest interval at which the sender wants to send.
    pub desired_min_tx: Duration,
    /// The shortest interval at which it can receive; zero: it wants no periodic packets.
    pub required_min_rx: Duration,
    /// The same for echo packets; zero: it wants none.
    pub required_min_echo_rx: Duration,
}

/// Why octets are no packet of a session without authentication, in the order of the checks (RFC 5880 §6.8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end before the length can be read.
    #[error("{0} octets are no packet")]
    Truncated(usize),
    /// Another version.
    #[error("version {0}, not 1")]
    Version(u8),
    /// A Length that no packet has.
    #[error("length {0} is too short")]
    TooShort(u8),
    /// A Length beyond the end of the datagram.
    #[error("length {says} in a datagram of {is} octets")]
    TooLong {
        /// The Length.
        says: u8,
        /// The octets there are.
        is: usize,
    },
    /// Detect Mult is 0.
    #[error("detect multiplier 0")]
    DetectMultiplier,
    /// The Multipoint bit, which is reserved.
    #[error("multipoint bit set")]
    Multipoint,
    /// My Discriminator is 0.
    #[error("my discriminator is 0")]
    MyDiscriminator,
    /// Your Discriminator is 0 although the sender has heard the receiver.
    #[error("your discriminator is 0 in state {0}")]
    YourDiscriminator(State),
    /// An authentication section, which no session of ours has agreed on.
    #[error("authenticated, which was not agreed on")]
    Authenticated,
}

impl Packet {
    /// Reads a packet. Octets after its end are ignored.
    ///
    /// # Errors
    /// The first check of RFC 5880 §6.8.6 that fails, as far as it concerns no session.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let truncated = DecodeError::Truncated(octets.len());
        let [first, flags, multiplier, length, ..] = *octets else {
            return Err(truncated);
        };
        if first >> 5 != VERSION {
            return Err(DecodeError::Version(first >> 5));
        }
        let authenticated = flags & AUTHENTICATION_PRESENT != 0;
        let least = if authenticated {
            AUTHENTICATED_LENGTH
        } else {
            LENGTH as u8
        };
        if length < least {
            return Err(DecodeError::TooShort(length));
        }
        if usize::from(length) > octets.len() {
            return Err(DecodeError::TooLong {
                says: length,
                is: octets.len(),
            });
        }
        let detect_multiplier = NonZeroU8::new(multiplier).ok_or(DecodeError::DetectMultiplier)?;
        if flags & MULTIPOINT != 0 {
            return Err(DecodeError::Multipoint);
        }
        let word = |index: usize| {
            let octets = octets.get(4 * index..).and_then(<[u8]>::first_chunk);
            octets.copied().map(u32::from_be_bytes).ok_or(truncated)
        };
        let my_discriminator = NonZeroU32::new(word(1)?).ok_or(DecodeError::MyDiscriminator)?;
        let your_discriminator = NonZeroU32::new(word(2)?);
        let state = State::from_bits(flags >> 6);
        if your_discriminator.is_none() && matches!(state, State::Init | State::Up) {
            return Err(DecodeError::YourDiscriminator(state));
        }
        if authenticated {
            return Err(DecodeError::Authenticated);
        }
        let interval = |index| Ok(Duration::from_micros(word(index)?.into()));
        Ok(Self {
            diagnostic: Diagnostic::new(first),
            state,
            poll: flags & POLL != 0,
            is_final: flags & FINAL != 0,
            control_plane_independent: flags & CONTROL_PLANE_INDEPENDENT != 0,
            demand: flags & DEMAND != 0,
            detect_multiplier,
            my_discriminator,
            your_discriminator,
            desired_min_tx: interval(3)?,
            required_min_rx: interval(4)?,
            required_min_echo_rx: interval(5)?,
        })
    }

    /// Its octets.
    #[must_use]
    pub fn encode(&self) -> [u8; LENGTH] {
        let Self {
            diagnostic,
            state,
            poll,
            is_final,
            control_plane_independent,
            demand,
            detect_multiplier,
            my_discriminator,
            your_discriminator,
            desired_min_tx,
            required_min_rx,
            required_min_echo_rx,
        } = self;
        let bits = [
            (*poll, POLL),
            (*is_final, FINAL),
            (*control_plane_independent, CONTROL_PLANE_INDEPENDENT),
            (*demand, DEMAND),
        ];
        let set = bits.iter().filter(|(set, _)| *set);
        let flags = set.fold(state.bits() << 6, |flags, (_, bit)| flags | bit);
        let micros = |interval: &Duration| u32::try_from(interval.as_micros()).unwrap_or(u32::MAX);
        let words = [
            u32::from_be_bytes([
                VERSION << 5 | diagnostic.code(),
                flags,
                detect_multiplier.get(),
                LENGTH as u8,
            ]),
            my_discriminator.get(),
            your_discriminator.map_or(0, NonZeroU32::get),
            micros(desired_min_tx),
            micros(required_min_rx),
            micros(required_min_echo_rx),
        ];
        let mut octets = [0; LENGTH];
        for (place, word) in octets.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        octets
    }
}

#[cfg(test)]
mod tests;
