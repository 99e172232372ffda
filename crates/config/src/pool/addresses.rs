//! What a pool has, and what it leaves out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use model::{AddressRange, RangeError};

use super::occupied::overlapping;
use crate::cover::Cover;
use crate::fault::Fault;
use crate::unusable::unusable;
use crate::warning::Warning;

/// The entries of `addresses`, in their order.
pub(super) fn ranges(addresses: &[String]) -> Result<Vec<AddressRange>, Fault> {
    if addresses.is_empty() {
        return Err(Fault::NoAddresses);
    }
    let mut occupied = BTreeMap::new();
    let mut ranges = Vec::with_capacity(addresses.len());
    for (index, entry) in addresses.iter().enumerate() {
        let range = entry
            .trim()
            .parse()
            .map_err(|source| Fault::Address { index, source })?;
        if let Some((block, what)) = unusable(range) {
            return Err(Fault::Unusable {
                index,
                range,
                block,
                what,
            });
        }
        if let Some((other, ())) = overlapping(&occupied, range) {
            return Err(Fault::OverlapWithin {
                first: other.min(range),
                second: other.max(range),
            });
        }
        occupied.insert(range.first(), (range, ()));
        ranges.push(range);
    }
    Ok(ranges)
}

/// The prefixes among the entries that name an address within them, rather than the first: they may be meant otherwise.
pub(crate) fn host_bits(addresses: &[String]) -> Vec<Warning> {
    let warning = |entry: &String| {
        let prefix: IpNet = entry.trim().parse().ok()?;
        let spans = entry.trim().parse().ok()?;
        (prefix.addr() != prefix.network()).then(|| Warning::HostBits {
            entry: entry.clone(),
            spans,
        })
    };
    addresses.iter().filter_map(warning).collect()
}

/// The addresses that `exclude` takes out of `ranges`, each once. An entry may reach from one range into the next.
pub(super) fn excluded(exclude: &[String], ranges: &[AddressRange]) -> Result<Vec<AddressRange>, Fault> {
    let pool = Cover::of(ranges);
    let mut excluded = Vec::with_capacity(exclude.len());
    for (index, entry) in exclude.iter().enumerate() {
        let range = exclusion(index, entry.trim())?;
        if let Some(missing) = pool.first_missing(range) {
            return Err(Fault::ExcludeOutside {
                index,
                entry: entry.clone(),
                missing,
            });
        }
        excluded.push(range);
    }
    let excluded = Cover::of(&excluded);
    if excluded == pool {
        return Err(Fault::ExcludesAll);
    }
    Ok(excluded.into_ranges())
}

fn exclusion(index: usize, entry: &str) -> Result<AddressRange, Fault> {
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Ok(address.into());
    }
    entry.parse().map_err(|source| match source {
        RangeError::NotARange(entry) => Fault::NotExcludable { index, entry },
        RangeError::NotAnAddress { .. }
        | RangeError::PrefixLength { .. }
        | RangeError::MixedFamilies(_)
        | RangeError::WrongWayRound { .. } => Fault::Exclude { index, source },
    })
}
