use std::collections::{BTreeMap, BTreeSet};

use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

use crate::wire::{Claim, DecodeError, Entry, Kind, Reader, write_address};
use crate::{Strength, UnitId};

/// By what the octets of a snapshot begin: what they are, and in which version.
const MAGIC: &[u8] = b"herald claims 2\n";

/// What a speaker keeps on disk to take up its work after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What it claimed: how firmly, and in which term.
    pub claims: BTreeMap<UnitId, (Strength, u32)>,
    /// The highest term heard of each unit.
    pub terms: BTreeMap<UnitId, u32>,
    /// The nodes that were seen on the segment, by their numbers.
    pub seen: BTreeSet<u64>,
}

/// Octets that are no snapshot. They are best left aside: the node begins with an empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// They do not begin as a snapshot of this version does.
    #[error("not a snapshot of this version")]
    Version,
    /// They are not what was written: cut short, or damaged.
    #[error("damaged")]
    Damaged,
}

impl Snapshot {
    /// As it is kept: with a hash, so that what a crash left half-written is recognised.
    pub fn encode(&self) -> Vec<u8> {
        let mut octets = MAGIC.to_vec();
        write_body(self, &mut octets);
        let hash = digest(&SHA256, &octets);
        octets.extend_from_slice(hash.as_ref());
        octets
    }

    /// What [`Self::encode`] wrote.
    pub fn decode(octets: &[u8]) -> Result<Self, SnapshotError> {
        if !octets.starts_with(MAGIC) {
            return Err(SnapshotError::Version);
        }
        let end = octets.len().saturating_sub(SHA256_OUTPUT_LEN);
        let (written, hash) = octets.split_at(end);
        if digest(&SHA256, written).as_ref() != hash {
            return Err(SnapshotError::Damaged);
        }
        let body = written.strip_prefix(MAGIC).ok_or(SnapshotError::Damaged)?;
        read_body(body).map_err(|_how: DecodeError| SnapshotError::Damaged)
    }
}

/// The number of claims, the claims, the number of nodes, the nodes, and the terms.
fn write_body(snapshot: &Snapshot, octets: &mut Vec<u8>) {
    let count = u32::try_from(snapshot.claims.len()).unwrap_or(u32::MAX);
    octets.extend(count.to_be_bytes());
    for (unit, (strength, term)) in snapshot.claims.iter().take(count as usize) {
        let kind = match strength {
            Strength::Leaving => Kind::Leaving,
            Strength::Weak => Kind::Weak,
            Strength::Strong => Kind::Strong,
        };
        let claim = Some(Claim { kind, term: *term });
        Entry::new(*unit, claim).write(octets);
    }
    let count = u32::try_from(snapshot.seen.len()).unwrap_or(u32::MAX);
    octets.extend(count.to_be_bytes());
    for node in snapshot.seen.iter().take(count as usize) {
        octets.extend(node.to_be_bytes());
    }
    for (unit, term) in &snapshot.terms {
        write_address(octets, unit.0);
        octets.extend(term.to_be_bytes());
    }
}

fn read_body(octets: &[u8]) -> Result<Snapshot, DecodeError> {
    let mut reader = Reader::new(octets);
    let mut snapshot = Snapshot::default();
    for _ in 0..reader.u32()? {
        let (unit, claim) = Entry::read(&mut reader)?.into_claim()?;
        if let Kind::Takes(_) = claim.kind {
            return Err(DecodeError::Claim(6));
        }
        snapshot.claims.insert(unit, (claim.strength(), claim.term));
    }
    for _ in 0..reader.u32()? {
        snapshot.seen.insert(reader.u64()?);
    }
    while !reader.is_empty() {
        let unit = UnitId(reader.address()?);
        snapshot.terms.insert(unit, reader.u32()?);
    }
    Ok(snapshot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let (one, other) = (
            UnitId([192, 0, 2, 1].into()),
            UnitId([0x20, 1, 0, 0, 0, 0, 0, 1].into()),
        );
        Snapshot {
            claims: BTreeMap::from([(one, (Strength::Strong, 7)), (other, (Strength::Weak, 1))]),
            terms: BTreeMap::from([(one, 7), (other, 4_000_000_000)]),
            seen: BTreeSet::from([1, u64::MAX]),
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        for snapshot in [snapshot(), Snapshot::default()] {
            assert_eq!(Snapshot::decode(&snapshot.encode()), Ok(snapshot));
        }
    }

    #[test]
    fn what_was_cut_short_is_left_aside() {
        let octets = snapshot().encode();
        for end in 0..octets.len() {
            let expected = if end < MAGIC.len() {
                SnapshotError::Version
            } else {
                SnapshotError::Damaged
            };
            assert_eq!(Snapshot::decode(&octets[..end]), Err(expected), "{end}");
        }
    }

    #[test]
    fn what_was_damaged_is_left_aside() {
        let octets = snapshot().encode();
        for at in 0..octets.len() {
            let mut octets = octets.clone();
            octets[at] ^= 4;
            assert!(Snapshot::decode(&octets).is_err(), "{at}");
        }
    }
}
