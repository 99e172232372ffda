//! A snapshot's octets: those of the wire, for the same reasons.

use crate::claims::{Claim, Kind};
use crate::wire::reader::{Reader, write_address};
use crate::wire::{DecodeError, Entry};
use crate::{Snapshot, Strength, UnitId};

/// The number of claims, the claims, and the terms.
pub(crate) fn write_snapshot(snapshot: &Snapshot, octets: &mut Vec<u8>) {
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
    for (unit, term) in &snapshot.terms {
        write_address(octets, unit.0);
        octets.extend(term.to_be_bytes());
    }
}

pub(crate) fn read_snapshot(octets: &[u8]) -> Result<Snapshot, DecodeError> {
    let mut reader = Reader::new(octets);
    let mut snapshot = Snapshot::default();
    for _ in 0..reader.u32()? {
        let (unit, claim) = Entry::read(&mut reader)?.into_claim()?;
        snapshot.claims.insert(unit, (claim.strength(), claim.term));
    }
    while !reader.is_empty() {
        let unit = UnitId(reader.address()?);
        snapshot.terms.insert(unit, reader.u32()?);
    }
    Ok(snapshot)
}
