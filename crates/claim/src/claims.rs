//! Claims, and sets of them that others follow.

use std::collections::BTreeMap;

use crate::UnitId;
use crate::wire::{Claim, Entry};

mod published;
mod received;

pub(crate) use published::Published;
pub(crate) use received::Received;

/// Claims by unit, with their digest.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClaimSet {
    claims: BTreeMap<UnitId, Claim>,
    digest: u64,
}

impl ClaimSet {
    pub(crate) fn claims(&self) -> &BTreeMap<UnitId, Claim> {
        &self.claims
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) fn apply(&mut self, entry: Entry) {
        let before = match entry.claim {
            Some(claim) => {
                self.digest ^= claim.digest(entry.unit);
                self.claims.insert(entry.unit, claim)
            }
            None => self.claims.remove(&entry.unit),
        };
        if let Some(claim) = before {
            self.digest ^= claim.digest(entry.unit);
        }
    }
}

impl FromIterator<(UnitId, Claim)> for ClaimSet {
    fn from_iter<I: IntoIterator<Item = (UnitId, Claim)>>(claims: I) -> Self {
        let mut set = Self::default();
        for (unit, claim) in claims {
            set.apply(Entry::new(unit, Some(claim)));
        }
        set
    }
}

#[cfg(test)]
mod tests;
