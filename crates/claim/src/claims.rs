//! Claims, and sets of them that others follow.

use std::collections::BTreeMap;

use crate::UnitId;
use crate::wire::{Claim, Entry, Kind};

mod published;
mod received;

pub(crate) use published::Published;
pub(crate) use received::Received;

/// Claims by unit, with their digest; and of what its owner could not take all.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClaimSet {
    claims: BTreeMap<UnitId, Claim>,
    /// Units that are not claimed, and that the owner could take in part only.
    takes: BTreeMap<UnitId, u8>,
    digest: u64,
}

impl ClaimSet {
    pub(crate) fn claims(&self) -> &BTreeMap<UnitId, Claim> {
        &self.claims
    }

    /// How many of their addresses the owner could take, where it is not all.
    pub(crate) fn takes(&self) -> &BTreeMap<UnitId, u8> {
        &self.takes
    }

    /// Everything that is told, by unit.
    fn entries(&self) -> impl Iterator<Item = (UnitId, Claim)> + '_ {
        let claims = self.claims.iter().map(|(unit, claim)| (*unit, *claim));
        claims.chain(self.takes.iter().map(|(unit, takes)| (*unit, of_takes(*takes))))
    }

    fn get(&self, unit: &UnitId) -> Option<Claim> {
        let claim = self.claims.get(unit).copied();
        claim.or_else(|| self.takes.get(unit).copied().map(of_takes))
    }

    fn len(&self) -> usize {
        self.claims.len() + self.takes.len()
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) fn apply(&mut self, entry: Entry) {
        let Entry { unit, claim } = entry;
        if let Some(before) = self.get(&unit) {
            self.digest ^= before.digest(unit);
            self.claims.remove(&unit);
            self.takes.remove(&unit);
        }
        let Some(claim) = claim else {
            return;
        };
        self.digest ^= claim.digest(unit);
        if let Kind::Takes(takes) = claim.kind {
            self.takes.insert(unit, takes);
        } else {
            self.claims.insert(unit, claim);
        }
    }
}

fn of_takes(takes: u8) -> Claim {
    let (kind, term) = (Kind::Takes(takes), 0);
    Claim { kind, term }
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
