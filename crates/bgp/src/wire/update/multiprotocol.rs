use model::Family;

use super::super::reader::Reader;
use super::super::{FamilyCode, Form, NextHop};
use super::path;
use super::prefixes::Prefixes;
use super::{Defect, Outcome};

/// What MP_REACH_NLRI or MP_UNREACH_NLRI holds (RFC 4760 §3, §4).
pub(super) struct Routes<'a> {
    pub(super) family: FamilyCode,
    /// None: of a family that was not agreed on, or not to be told apart.
    pub(super) prefixes: Option<Prefixes<'a>>,
    /// Where they point to; nowhere in MP_UNREACH_NLRI.
    pub(super) next_hop: Option<NextHop>,
    /// Whether there are octets where prefixes should be, or none can be found.
    empty: bool,
    pub(super) defect: Option<(Defect, Outcome)>,
}

impl<'a> Routes<'a> {
    /// None: it is too short to say even of which family.
    pub(super) fn reachable(value: &'a [u8], form: &Form) -> Option<Self> {
        let mut reader = Reader::new(value);
        let family = read_family(&mut reader)?;
        let Some(next_hop) = reader.u8() else {
            return Some(Self::disabled(family, Defect::Length));
        };
        if let Some(agreed) = agreed(family, form)
            && !next_hop_lengths(agreed, form).contains(&next_hop)
        {
            // §7.11: where the prefixes begin cannot be known.
            return Some(Self::disabled(family, Defect::NextHop));
        }
        let address = reader.octets(next_hop.into());
        let Some((address, _reserved)) = address.zip(reader.u8()) else {
            return Some(Self::disabled(family, Defect::Length));
        };
        Some(Self {
            next_hop: path::next_hop(address),
            ..Self::new(family, reader.rest(), form)
        })
    }

    /// None: it is too short to say even of which family.
    pub(super) fn unreachable(value: &'a [u8], form: &Form) -> Option<Self> {
        let mut reader = Reader::new(value);
        let family = read_family(&mut reader)?;
        Some(Self::new(family, reader.rest(), form))
    }

    /// Whether there are no routes in it.
    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    /// Whether there are routes in it of a family that was agreed on.
    pub(super) fn is_of_use(&self) -> bool {
        self.prefixes.is_some() && !self.empty
    }

    fn new(family: FamilyCode, octets: &'a [u8], form: &Form) -> Self {
        let Some(agreed) = agreed(family, form) else {
            // An End-of-RIB is no route.
            let defect = (Defect::Family, Outcome::AttributeDiscarded);
            return Self {
                family,
                prefixes: None,
                next_hop: None,
                empty: octets.is_empty(),
                defect: (!octets.is_empty()).then_some(defect),
            };
        };
        match Prefixes::checked(octets, agreed) {
            Some(prefixes) => Self {
                family,
                prefixes: Some(prefixes),
                next_hop: None,
                empty: octets.is_empty(),
                defect: None,
            },
            None => Self::disabled(family, Defect::Prefixes),
        }
    }

    /// RFC 4760 §7 leaves the choice: the session stays, and nothing of the family is taken any more.
    fn disabled(family: FamilyCode, defect: Defect) -> Self {
        Self {
            family,
            prefixes: None,
            next_hop: None,
            empty: false,
            defect: Some((defect, Outcome::FamilyDisabled(family))),
        }
    }
}

fn read_family(reader: &mut Reader<'_>) -> Option<FamilyCode> {
    let (afi, safi) = (reader.u16()?, reader.u8()?);
    Some(FamilyCode { afi, safi })
}

fn agreed(family: FamilyCode, form: &Form) -> Option<Family> {
    family.family().filter(|family| form.families.contains(family))
}

/// One address, or a global and a link-local one (RFC 2545 §3, RFC 8950 §3).
fn next_hop_lengths(family: Family, form: &Form) -> &'static [u8] {
    match (family, form.v4_next_hop_v6) {
        (Family::V6, _) => &[16, 32],
        (Family::V4, true) => &[4, 16, 32],
        (Family::V4, false) => &[4],
    }
}
