//! What an UPDATE says of its routes, as far as it decides between several to one prefix (RFC 4271 §9.1).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::NextHop;
use super::super::reader::Reader;
use super::attribute::{Attribute, code};

/// The attributes that are the same for all routes of an UPDATE. Those that are malformed are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Described<'a> {
    /// LOCAL_PREF; external peers have none to say.
    pub local_pref: Option<u32>,
    /// ORIGIN: 0 IGP, 1 EGP, 2 incomplete.
    pub origin: u8,
    /// ORIGINATOR_ID (RFC 4456 §8).
    pub originator: Option<Ipv4Addr>,
    as_path: AsPath<'a>,
    as4_path: AsPath<'a>,
}

impl<'a> Described<'a> {
    /// How long the path is.
    #[must_use]
    pub fn path_length(&self) -> u32 {
        self.as_path.length()
    }

    /// Whether the AS is on the path, be it in the words of old speakers only (RFC 6793 §4.2.3).
    #[must_use]
    pub fn passed(&self, asn: u32) -> bool {
        let mut numbers = self.as_path.numbers().chain(self.as4_path.numbers());
        numbers.any(|number| number == asn)
    }

    /// Takes in one attribute that nothing is wrong with.
    pub(super) fn take(&mut self, attribute: &Attribute<'a>, four_octet_as: bool) {
        let mut value = Reader::new(attribute.value);
        match attribute.code {
            code::ORIGIN => self.origin = value.u8().unwrap_or_default(),
            code::LOCAL_PREF => self.local_pref = value.u32(),
            code::ORIGINATOR_ID => self.originator = value.u32().map(Ipv4Addr::from),
            code::AS_PATH => self.as_path = AsPath::new(attribute.value, four_octet_as),
            code::AS4_PATH => self.as4_path = AsPath::new(attribute.value, true),
            _ => {}
        }
    }
}

/// An AS_PATH that has been found right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct AsPath<'a> {
    octets: &'a [u8],
    four_octets: bool,
}

impl<'a> AsPath<'a> {
    fn new(octets: &'a [u8], four_octets: bool) -> Self {
        Self { octets, four_octets }
    }

    /// A set counts once (RFC 4271 §9.1.2.2), what is inside of a confederation not at all (RFC 5065 §5.3).
    fn length(self) -> u32 {
        let length = |(kind, numbers): (u8, &[u8])| match kind {
            1 => 1,
            2 => numbers.len() / self.width(),
            _ => 0,
        };
        let sum: usize = self.segments().map(length).sum();
        u32::try_from(sum).unwrap_or(u32::MAX)
    }

    fn numbers(self) -> impl Iterator<Item = u32> + use<'a> {
        let chunks = move |(_, numbers): (u8, &'a [u8])| numbers.chunks(self.width());
        let number = |octets: &[u8]| octets.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet));
        self.segments().flat_map(chunks).map(number)
    }

    fn segments(self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.octets);
        std::iter::from_fn(move || {
            let (kind, count) = reader.u8().zip(reader.u8())?;
            Some((kind, reader.octets(usize::from(count) * self.width())?))
        })
    }

    fn width(self) -> usize {
        if self.four_octets { 4 } else { 2 }
    }
}

/// The next hop in MP_REACH_NLRI: an IPv4 address, or one or two IPv6 ones. Where there is no global address, some say :: in its
/// place, and some the link-local one twice.
pub(super) fn next_hop(octets: &[u8]) -> Option<NextHop> {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Some(NextHop::V4(v4.into()));
    }
    let mut reader = Reader::new(octets);
    let mut address = || reader.array::<16>().map(Ipv6Addr::from);
    let (first, second) = (address()?, address());
    let second = second.filter(Ipv6Addr::is_unicast_link_local);
    if first.is_unicast_link_local() || (first.is_unspecified() && second.is_some()) {
        return Some(NextHop::LinkLocal(second.unwrap_or(first)));
    }
    Some(NextHop::V6 {
        global: first,
        link_local: second,
    })
}
