use std::time::Instant;

use super::OPEN_HOLD;
use crate::input::Connection;
use crate::wire::{Form, Framer};

/// A connection, and what is on its way over it.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) connection: Connection,
    pub(super) framer: Framer,
    /// How messages are read.
    pub(super) form: Form,
    /// When the peer has been silent for too long.
    pub(super) hold: Option<Instant>,
    /// When it is to be told that we are there.
    pub(super) keepalive: Option<Instant>,
    pub(super) owes_open: bool,
    pub(super) owes_keepalive: bool,
    /// Since when TCP has had a message that it has not taken yet.
    pub(super) in_flight: Option<Instant>,
}

impl Transport {
    /// Just made: the first thing to say is the OPEN (B3).
    pub(super) fn new(now: Instant, connection: Connection, internal: bool) -> Self {
        Self {
            connection,
            framer: Framer::new(),
            form: Form {
                internal,
                ..Form::default()
            },
            hold: Some(now + OPEN_HOLD),
            keepalive: None,
            owes_open: true,
            owes_keepalive: false,
            in_flight: None,
        }
    }
}
