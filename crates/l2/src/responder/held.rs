use crate::Mac;
use crate::schedule::Announcing;

use super::claims::Claims;
use super::first_use::{Asking, FirstUse};
use super::strangers::Stranger;

/// An address that is answered for.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) role: Role,
    /// None while nothing is to be announced again.
    pub(super) announcing: Option<Announcing>,
    /// Kept apart, so that no flood of strangers hides a rival.
    pub(super) claims_of_rivals: Option<Claims>,
    pub(super) claims_of_strangers: Option<Claims>,
    pub(super) stranger: Option<Stranger>,
    pub(super) first_use: Option<FirstUse>,
    /// Not a word is said of the address before somebody who has it has had the time to say so.
    pub(super) asking: Option<Asking>,
}

/// Whose address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Ours.
    Holder,
    /// That of this station, which cannot answer for it.
    Surrogate(Mac),
}

impl Held {
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            announcing: None,
            claims_of_rivals: None,
            claims_of_strangers: None,
            stranger: None,
            first_use: None,
            asking: None,
        }
    }
}

impl Role {
    /// The station where the address is, seen from the station `own`.
    pub(super) fn station(self, own: Mac) -> Mac {
        match self {
            Self::Holder => own,
            Self::Surrogate(holder) => holder,
        }
    }
}
