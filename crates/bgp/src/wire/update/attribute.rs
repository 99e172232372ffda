use super::super::Form;
use super::super::reader::Reader;
use super::{Defect, Outcome};

/// The numbers of the attributes whose form Herald knows.
pub(in crate::wire) mod code {
    pub(in crate::wire) const ORIGIN: u8 = 1;
    pub(in crate::wire) const AS_PATH: u8 = 2;
    pub(in crate::wire) const NEXT_HOP: u8 = 3;
    pub(in crate::wire) const MED: u8 = 4;
    pub(in crate::wire) const LOCAL_PREF: u8 = 5;
    pub(in crate::wire) const ATOMIC_AGGREGATE: u8 = 6;
    pub(in crate::wire) const AGGREGATOR: u8 = 7;
    pub(in crate::wire) const COMMUNITIES: u8 = 8;
    pub(in crate::wire) const ORIGINATOR_ID: u8 = 9;
    pub(in crate::wire) const CLUSTER_LIST: u8 = 10;
    pub(in crate::wire) const MP_REACH: u8 = 14;
    pub(in crate::wire) const MP_UNREACH: u8 = 15;
    pub(in crate::wire) const EXTENDED_COMMUNITIES: u8 = 16;
    pub(in crate::wire) const AS4_PATH: u8 = 17;
    pub(in crate::wire) const AS4_AGGREGATOR: u8 = 18;
    pub(in crate::wire) const IPV6_EXTENDED_COMMUNITIES: u8 = 25;
    pub(in crate::wire) const LARGE_COMMUNITY: u8 = 32;
    pub(in crate::wire) const ONLY_TO_CUSTOMER: u8 = 35;
}

pub(in crate::wire) const OPTIONAL: u8 = 0x80;
pub(in crate::wire) const TRANSITIVE: u8 = 0x40;
pub(in crate::wire) const EXTENDED_LENGTH: u8 = 0x10;

/// One attribute.
pub(super) struct Attribute<'a> {
    flags: u8,
    pub(super) code: u8,
    pub(super) value: &'a [u8],
    /// All of it, for a NOTIFICATION.
    pub(super) octets: &'a [u8],
}

/// The attributes of an UPDATE one after another. `None`, and then no more: what is left is not one (RFC 7606 §4).
pub(super) struct Attributes<'a>(Reader<'a>);

impl<'a> Attributes<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self(Reader::new(octets))
    }

    fn read(&mut self) -> Option<Attribute<'a>> {
        let before = self.0.rest();
        let (flags, code) = (self.0.u8()?, self.0.u8()?);
        let length = if flags & EXTENDED_LENGTH == 0 {
            self.0.u8()?.into()
        } else {
            self.0.u16()?
        };
        let value = self.0.octets(length.into())?;
        let octets = &before[..before.len() - self.0.rest().len()];
        Some(Attribute {
            flags,
            code,
            value,
            octets,
        })
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Option<Attribute<'a>>;

    fn next(&mut self) -> Option<Option<Attribute<'a>>> {
        if self.0.is_empty() {
            return None;
        }
        let attribute = self.read();
        if attribute.is_none() {
            self.0 = Reader::new(&[]);
        }
        Some(attribute)
    }
}

impl Attribute<'_> {
    pub(super) fn is_optional(&self) -> bool {
        self.flags & OPTIONAL != 0
    }

    pub(super) fn is_known(&self) -> bool {
        self.flags_of_known().is_some()
    }

    /// Only the first two flags count (RFC 7606 §3 (c)).
    pub(super) fn has_wrong_flags(&self) -> bool {
        let flags = self.flags & (OPTIONAL | TRANSITIVE);
        self.flags_of_known().is_some_and(|right| right != flags)
    }

    fn flags_of_known(&self) -> Option<u8> {
        Some(match self.code {
            code::ORIGIN | code::AS_PATH | code::NEXT_HOP | code::LOCAL_PREF | code::ATOMIC_AGGREGATE => {
                TRANSITIVE
            }
            code::MED | code::ORIGINATOR_ID | code::CLUSTER_LIST | code::MP_REACH | code::MP_UNREACH => {
                OPTIONAL
            }
            code::AGGREGATOR
            | code::COMMUNITIES
            | code::EXTENDED_COMMUNITIES
            | code::AS4_PATH
            | code::AS4_AGGREGATOR
            | code::IPV6_EXTENDED_COMMUNITIES
            | code::LARGE_COMMUNITY
            | code::ONLY_TO_CUSTOMER => OPTIONAL | TRANSITIVE,
            _ => return None,
        })
    }

    /// What is wrong with the value, and what that leads to (RFC 7606 §7, and where named). Those of MP_REACH_NLRI and
    /// MP_UNREACH_NLRI are read elsewhere.
    pub(super) fn defect(&self, form: &Form) -> Option<(Defect, Outcome)> {
        let withdrawn = |defect: Option<Defect>| defect.map(|defect| (defect, Outcome::TreatedAsWithdrawn));
        let discarded = |defect: Option<Defect>| defect.map(|defect| (defect, Outcome::AttributeDiscarded));
        let misplaced = Some((Defect::Misplaced, Outcome::AttributeDiscarded));
        match self.code {
            code::ORIGIN => withdrawn(self.origin()),
            code::AS_PATH => withdrawn(path(self.value, form.four_octet_as, form.internal)),
            code::NEXT_HOP => withdrawn(self.next_hop()),
            code::LOCAL_PREF | code::ORIGINATOR_ID | code::CLUSTER_LIST if !form.internal => misplaced,
            code::MED | code::LOCAL_PREF | code::ORIGINATOR_ID => withdrawn(self.length(4)),
            code::CLUSTER_LIST | code::COMMUNITIES => withdrawn(self.multiple_of(4)),
            code::ATOMIC_AGGREGATE => discarded(self.length(0)),
            code::AGGREGATOR => discarded(self.aggregator(form.four_octet_as)),
            code::EXTENDED_COMMUNITIES => withdrawn(self.multiple_of(8)),
            // RFC 6793 §4.1: a peer of four octets has no use for these.
            code::AS4_PATH | code::AS4_AGGREGATOR if form.four_octet_as => misplaced,
            // RFC 6793 §6.
            code::AS4_PATH => discarded(wrong_if_empty(self.value).or_else(|| path(self.value, true, true))),
            code::AS4_AGGREGATOR => discarded(self.aggregator(true)),
            code::IPV6_EXTENDED_COMMUNITIES => withdrawn(self.multiple_of(20)),
            // RFC 8092 §6.
            code::LARGE_COMMUNITY => withdrawn(self.multiple_of(12)),
            // RFC 9234 §5.
            code::ONLY_TO_CUSTOMER => withdrawn(self.length(4)),
            _ => None,
        }
    }

    fn length(&self, length: usize) -> Option<Defect> {
        (self.value.len() != length).then_some(Defect::Length)
    }

    /// At least one of them.
    fn multiple_of(&self, length: usize) -> Option<Defect> {
        let is = !self.value.is_empty() && self.value.len().is_multiple_of(length);
        (!is).then_some(Defect::Length)
    }

    fn origin(&self) -> Option<Defect> {
        match self.value {
            [0..=2] => None,
            [_] => Some(Defect::Value),
            _ => Some(Defect::Length),
        }
    }

    /// "A valid IP host address" (RFC 4271 §6.3).
    fn next_hop(&self) -> Option<Defect> {
        match self.value {
            [0 | 127 | 224.., _, _, _] => Some(Defect::Value),
            [_, _, _, _] => None,
            _ => Some(Defect::Length),
        }
    }

    /// An AS number other than 0 (RFC 7607 §2), and an address.
    fn aggregator(&self, four_octets: bool) -> Option<Defect> {
        let width = if four_octets { 4 } else { 2 };
        match self.value.split_at_checked(width) {
            Some((asn, address)) if address.len() == 4 => wrong(asn.iter().any(|octet| *octet != 0)),
            Some(_) | None => Some(Defect::Length),
        }
    }
}

fn wrong(is_right: bool) -> Option<Defect> {
    (!is_right).then_some(Defect::Value)
}

fn wrong_if_empty(value: &[u8]) -> Option<Defect> {
    value.is_empty().then_some(Defect::Length)
}

/// §7.2: segments of known kinds that are not empty, end where the path ends, and have no AS 0 in them (RFC 7607 §2). Those of a
/// confederation have no business outside of it (RFC 5065 §5).
fn path(value: &[u8], four_octets: bool, confederation: bool) -> Option<Defect> {
    const KINDS: std::ops::RangeInclusive<u8> = 1..=4;
    const OF_CONFEDERATION: std::ops::RangeInclusive<u8> = 3..=4;
    let width = if four_octets { 4 } else { 2 };
    let mut reader = Reader::new(value);
    while !reader.is_empty() {
        let segment = reader.u8().zip(reader.u8()).and_then(|(kind, count)| {
            let numbers = reader.octets(usize::from(count) * width)?;
            Some((kind, numbers))
        });
        let is_right = segment.is_some_and(|(kind, numbers)| {
            KINDS.contains(&kind)
                && (confederation || !OF_CONFEDERATION.contains(&kind))
                && !numbers.is_empty()
                && numbers
                    .chunks(width)
                    .all(|number| number.iter().any(|octet| *octet != 0))
        });
        if !is_right {
            return Some(Defect::Value);
        }
    }
    None
}
