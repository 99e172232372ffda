use std::collections::BTreeMap;

use super::ClaimSet;
use crate::UnitId;
use crate::wire::{Claim, Entry};

/// More claims than this of one node are not kept: memory has a bound, whoever has the key.
const MAX_CLAIMS: usize = 1 << 14;
/// So many changes wait for the one before them.
const MAX_EARLY: usize = 64;

/// A peer's claims, as far as they have arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    set: ClaimSet,
    /// The version that `set` is; `None` before the first whole set.
    version: Option<u32>,
    partial: Option<Partial>,
    /// Changes that overtook those before them, by the version that they lead on from.
    early: BTreeMap<u32, Vec<Entry>>,
}

/// A whole set of which parts are missing.
#[derive(Clone, Debug)]
struct Partial {
    version: u32,
    parts: u16,
    arrived: BTreeMap<u16, Vec<(UnitId, Claim)>>,
}

impl Received {
    pub(crate) fn claims(&self) -> &BTreeMap<UnitId, Claim> {
        self.set.claims()
    }

    /// How many of their addresses the peer could take, where it is not all.
    pub(crate) fn takes(&self) -> &BTreeMap<UnitId, u8> {
        self.set.takes()
    }

    /// Which version of the set this is: 0 says that there is none.
    pub(crate) fn version(&self) -> u32 {
        self.version.unwrap_or(0)
    }

    /// Whether anything is missing of what its owner spoke of in a beacon.
    pub(crate) fn lacks(&self, version: u32, digest: u64) -> bool {
        match self.version {
            Some(ours) if ours == version => self.set.digest() != digest || !self.early.is_empty(),
            Some(ours) if ours > version => !self.early.is_empty(),
            Some(_) | None => true,
        }
    }

    /// Whether changes have arrived that cannot be taken yet.
    pub(crate) fn has_gap(&self) -> bool {
        !self.early.is_empty()
    }

    /// Whether a whole set has ever arrived.
    pub(crate) fn is_known(&self) -> bool {
        self.version.is_some()
    }

    /// Forgets what version it is, and with it that it is known. The claims stay.
    pub(crate) fn doubt(&mut self) {
        self.version = None;
        self.partial = None;
        self.early.clear();
    }

    /// Takes what changed since version `from`, and what was waiting for it. Gives the units that are concerned: none if
    /// something before it is missing.
    pub(crate) fn change(&mut self, from: u32, entries: Vec<Entry>) -> Vec<UnitId> {
        if self.early.len() < MAX_EARLY && !self.is_past(from) {
            self.early.insert(from, entries);
        }
        self.catch_up()
    }

    /// Takes the changes that waited for those before them.
    fn catch_up(&mut self) -> Vec<UnitId> {
        let mut units = Vec::new();
        while let Some(version) = self.version
            && let Some(entries) = self.early.remove(&version)
        {
            for entry in entries {
                units.push(entry.unit);
                if self.set.len() < MAX_CLAIMS || entry.claim.is_none() {
                    self.set.apply(entry);
                }
            }
            self.version = Some(version.wrapping_add(1));
        }
        units
    }

    /// Whether what follows this version is known.
    fn is_past(&self, from: u32) -> bool {
        self.version.is_some_and(|version| from < version)
    }

    /// Takes a part of a whole set; says whether it is complete now, and a newer one than before.
    pub(crate) fn part(&mut self, version: u32, part: u16, parts: u16, claims: Vec<(UnitId, Claim)>) -> bool {
        if self.version == Some(version) {
            return false; // A repair that somebody else asked for.
        }
        let fits = |partial: &Partial| partial.version == version && partial.parts == parts;
        if !self.partial.as_ref().is_some_and(fits) {
            let arrived = BTreeMap::new();
            self.partial = Some(Partial {
                version,
                parts,
                arrived,
            });
        }
        let Some(partial) = &mut self.partial else {
            return false;
        };
        partial.arrived.insert(part, claims);
        if partial.arrived.len() < usize::from(parts) {
            return false;
        }
        let arrived = self.partial.take().map(|partial| partial.arrived);
        let claims = arrived.into_iter().flatten().flat_map(|(_, claims)| claims);
        self.set = claims.take(MAX_CLAIMS).collect();
        self.version = Some(version);
        self.early.retain(|from, _| *from >= version);
        self.catch_up();
        true
    }
}
