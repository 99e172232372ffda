use ipnet::IpNet;
use model::Family;

use super::super::{AS_TRANS, FamilyCode, Form, HEADER, kind, zetta};
use super::attributes::{Path, Place, attributes, mp_reach, mp_unreach};
use super::message;

/// The UPDATE which says that all routes of the family have been announced (RFC 4724 §2).
#[must_use]
pub fn end_of_rib(family: Family) -> Vec<u8> {
    match family {
        Family::V4 => update(&[], &[], &[]),
        Family::V6 => update(&[], &mp_unreach(FamilyCode::V6, &[]), &[]),
    }
}

/// An UPDATE that announces as many of the prefixes as fit, from the first on and of its family, and how many these are: at
/// least one.
///
/// None: they cannot be announced to this peer. The next hop is of a kind that was not agreed on, the attributes leave no room for
/// a prefix (RFC 4271 §9.2), the AS number is one that nobody may have (U9), or there is no prefix.
#[must_use]
pub fn announce(form: &Form, path: &Path<'_>, prefixes: &[IpNet]) -> Option<(Vec<u8>, usize)> {
    if matches!(path.local_asn, 0 | NOBODY) {
        return None;
    }
    let family = family(prefixes)?;
    let place = Place::new(form, family, path.next_hop)?;
    let mut attributes = attributes(form, path, &place);
    let mut room = form.limit().checked_sub(HEADER + 4 + attributes.len())?;
    if let Place::Multiprotocol(next_hop) = &place {
        // The header of the attribute, the family, the length of the next hop, and the octet that nobody uses.
        room = room.checked_sub(4 + 3 + 1 + next_hop.len() + 1)?;
    }
    let count = fitting(prefixes, family, room);
    let nlri = zetta::prefixes(prefixes.get(..count).filter(|_| count > 0)?);
    let message = match &place {
        Place::Plain(_) => update(&[], &attributes, &nlri),
        Place::Multiprotocol(next_hop) => {
            // U1: a peer that finds another attribute malformed has seen by then what is to be withdrawn.
            attributes.splice(..0, mp_reach(family.into(), next_hop, &nlri));
            update(&[], &attributes, &[])
        }
    };
    Some((message, count))
}

/// An UPDATE that withdraws as many of the prefixes as fit, from the first on and of its family, and how many these are: at
/// least one. None: there is no prefix.
#[must_use]
pub fn withdraw(form: &Form, prefixes: &[IpNet]) -> Option<(Vec<u8>, usize)> {
    let family = family(prefixes)?;
    let room = form.limit() - HEADER - 4;
    // Where IPv4 routes may be in MP_REACH_NLRI, other speakers withdraw them in MP_UNREACH_NLRI too.
    let plain = family == Family::V4 && !form.v4_next_hop_v6;
    let room = if plain { room } else { room - 4 - 3 };
    let count = fitting(prefixes, family, room);
    let nlri = zetta::prefixes(&prefixes[..count]);
    let message = if plain {
        update(&nlri, &[], &[])
    } else {
        update(&[], &mp_unreach(family.into(), &nlri), &[])
    };
    Some((message, count))
}

/// Stands for others, and is nobody's own.
const NOBODY: u32 = AS_TRANS as u32;

fn family(prefixes: &[IpNet]) -> Option<Family> {
    prefixes.first().map(|prefix| Family::of(prefix.addr()))
}

/// How many of the prefixes, from the first on, are of the family and go into so many octets.
fn fitting(prefixes: &[IpNet], family: Family, mut room: usize) -> usize {
    let fits = |prefix: &&IpNet| {
        let length = 1 + usize::from(prefix.prefix_len()).div_ceil(8);
        let is_of_family = Family::of(prefix.addr()) == family;
        room.checked_sub(length)
            .filter(|_| is_of_family)
            .map(|left| room = left)
            .is_some()
    };
    prefixes.iter().take_while(fits).count()
}

/// Lengths are right because nothing is longer than a message.
fn update(withdrawn: &[u8], attributes: &[u8], nlri: &[u8]) -> Vec<u8> {
    let length = |octets: &[u8]| (octets.len() as u16).to_be_bytes();
    let body = [
        &length(withdrawn),
        withdrawn,
        &length(attributes),
        attributes,
        nlri,
    ]
    .concat();
    message(kind::UPDATE, &body)
}
