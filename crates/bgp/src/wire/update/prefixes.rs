use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use model::Family;

use super::super::reader::Reader;

/// Prefixes one after another (RFC 4271 §4.3), read as they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefixes<'a> {
    reader: Reader<'a>,
    family: Family,
}

impl<'a> Prefixes<'a> {
    /// None: a prefix is longer than its family allows, or than what is left.
    pub(super) fn checked(octets: &'a [u8], family: Family) -> Option<Self> {
        let prefixes = Self {
            reader: Reader::new(octets),
            family,
        };
        let mut rest = prefixes;
        rest.by_ref().for_each(drop);
        // What could not be read is left over: a prefix has an octet at least.
        rest.is_empty().then_some(prefixes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reader.is_empty()
    }

    fn read(&self) -> Option<(IpNet, Reader<'a>)> {
        let mut reader = self.reader;
        let length = reader.u8()?;
        let octets = reader.octets(usize::from(length).div_ceil(8))?;
        let address: IpAddr = match self.family {
            Family::V4 => Ipv4Addr::from(padded(octets)?).into(),
            Family::V6 => Ipv6Addr::from(padded(octets)?).into(),
        };
        // "The value of trailing bits is irrelevant" (RFC 4271 §4.3).
        Some((IpNet::new(address, length).ok()?.trunc(), reader))
    }
}

impl Iterator for Prefixes<'_> {
    type Item = IpNet;

    fn next(&mut self) -> Option<IpNet> {
        let (prefix, rest) = self.read()?;
        self.reader = rest;
        Some(prefix)
    }
}

/// The octets with as many zeros behind them as an address needs; none if they are too many.
fn padded<const N: usize>(octets: &[u8]) -> Option<[u8; N]> {
    let mut address = [0; N];
    address.get_mut(..octets.len())?.copy_from_slice(octets);
    Some(address)
}
