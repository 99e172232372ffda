use std::collections::BTreeSet;
use std::time::Instant;

use model::Family;

use super::adj_rib_in::AdjRibIn;
use super::agreement::Agreement;
use super::rib::AdjRibOut;
use super::{OPEN_HOLD, Session};
use crate::input::Connection;
use crate::wire::{Form, Framer};

/// A connection and everything that ends with it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) framer: Framer,
    /// How messages are read.
    pub(super) form: Form,
    /// From OpenConfirm on.
    pub(super) agreement: Option<Agreement>,
    /// Once Established.
    pub(super) rib: Option<AdjRibOut>,
    /// What is accepted of what the peer announces.
    pub(super) learned: AdjRibIn,
    /// When the session last ran.
    pub(super) ran: Instant,
    /// When the peer has been silent for too long.
    pub(super) hold: Option<Instant>,
    /// When it is to be told that we are there.
    pub(super) keepalive: Option<Instant>,
    /// When the session counts as a good one.
    pub(super) stable: Option<Instant>,
    pub(super) owes_open: bool,
    pub(super) owes_keepalive: bool,
    /// Families of which the peer is to be asked for all routes.
    pub(super) owes_refreshes: BTreeSet<Family>,
    /// Since when TCP has had a message that it has not taken yet.
    pub(super) in_flight: Option<Instant>,
}

impl Link {
    /// Just made: the first thing to say is the OPEN (B3).
    pub(super) fn new(now: Instant, connection: Connection, internal: bool) -> Self {
        Self {
            connection,
            framer: Framer::new(),
            form: Form {
                internal,
                ..Form::default()
            },
            agreement: None,
            rib: None,
            learned: AdjRibIn::default(),
            ran: now,
            hold: Some(now + OPEN_HOLD),
            keepalive: None,
            stable: None,
            owes_open: true,
            owes_keepalive: false,
            owes_refreshes: BTreeSet::new(),
            in_flight: None,
        }
    }
}

impl Session {
    /// What both agreed on, from OpenConfirm on.
    pub(super) fn agreement(&self) -> Option<&Agreement> {
        self.link.as_ref()?.agreement.as_ref()
    }
}
