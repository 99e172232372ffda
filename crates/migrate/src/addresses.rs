//! Ranges of addresses as a pool lists them.

use std::net::IpAddr;

use ipnet::IpNet;
use model::{AddressRange, Family};

/// What no pool may have.
const UNUSABLE: &[&str] = &["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "::/127", "ff00::/8"];

/// An entry of a pool: its text and its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) text: String,
    pub(crate) range: AddressRange,
}

/// Reads an address, a prefix or a range.
pub(crate) fn entry(text: &str) -> Option<Entry> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(single(address));
    }
    Some(Entry {
        text: text.to_owned(),
        range: text.parse().ok()?,
    })
}

pub(crate) fn single(address: IpAddr) -> Entry {
    let length = if address.is_ipv4() { 32 } else { 128 };
    Entry {
        text: format!("{address}/{length}"),
        range: AddressRange::from(address),
    }
}

/// Entries that touch or overlap become one; what no pool may have is cut out and returned.
pub(crate) fn merged(entries: Vec<Entry>) -> (Vec<Entry>, Vec<String>) {
    let mut cut = Vec::new();
    let mut whole: Vec<Entry> = Vec::new();
    for entry in entries {
        for part in usable(entry, &mut cut) {
            let touching: Vec<_> = whole
                .iter()
                .filter(|other| touch(other.range, part.range))
                .cloned()
                .collect();
            if touching.is_empty() {
                whole.push(part);
                continue;
            }
            whole.retain(|other| !touching.contains(other));
            let joined = touching
                .iter()
                .fold(part.range, |range, other| join(range, other.range));
            whole.push(written(joined));
        }
    }
    (whole, cut)
}

fn usable(entry: Entry, cut: &mut Vec<String>) -> Vec<Entry> {
    let mut parts = vec![entry];
    for block in UNUSABLE
        .iter()
        .filter_map(|text| text.parse::<AddressRange>().ok())
    {
        let mut kept = Vec::new();
        for part in parts {
            if !part.range.overlaps(&block) {
                kept.push(part);
                continue;
            }
            cut.push(part.text.clone());
            if part.range.first() < block.first() {
                kept.extend(
                    before(block.first())
                        .and_then(|last| AddressRange::new(part.range.first(), last).ok())
                        .map(written),
                );
            }
            if part.range.last() > block.last() {
                kept.extend(
                    after(block.last())
                        .and_then(|first| AddressRange::new(first, part.range.last()).ok())
                        .map(written),
                );
            }
        }
        parts = kept;
    }
    parts
}

fn written(range: AddressRange) -> Entry {
    Entry {
        text: format!("{}-{}", range.first(), range.last()),
        range,
    }
}

fn join(one: AddressRange, other: AddressRange) -> AddressRange {
    AddressRange::new(one.first().min(other.first()), one.last().max(other.last())).unwrap_or(one)
}

fn touch(one: AddressRange, other: AddressRange) -> bool {
    one.overlaps(&other)
        || one.family() == other.family()
            && (after(one.last()) == Some(other.first()) || after(other.last()) == Some(one.first()))
}

fn after(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => IpAddr::V4(address.to_bits().checked_add(1)?.into()),
        IpAddr::V6(address) => IpAddr::V6(address.to_bits().checked_add(1)?.into()),
    })
}

fn before(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => IpAddr::V4(address.to_bits().checked_sub(1)?.into()),
        IpAddr::V6(address) => IpAddr::V6(address.to_bits().checked_sub(1)?.into()),
    })
}

/// The first and the last address of a prefix wider than two addresses.
pub(crate) fn ends(prefix: &str) -> Vec<String> {
    let Ok(net) = prefix.trim().parse::<IpNet>() else {
        return Vec::new();
    };
    match net.max_prefix_len() - net.prefix_len() > 1 {
        true => vec![net.network().to_string(), net.broadcast().to_string()],
        false => Vec::new(),
    }
}

/// How many addresses of each family `addresses` has: 4 before 6.
pub(crate) fn of_family(addresses: &[IpAddr], family: Family) -> Vec<IpAddr> {
    addresses
        .iter()
        .copied()
        .filter(|address| Family::of(*address) == family)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(entries: &[&str]) -> (Vec<String>, Vec<String>) {
        let (whole, cut) = merged(entries.iter().map(|text| entry(text).unwrap()).collect());
        (whole.into_iter().map(|entry| entry.text).collect(), cut)
    }

    #[test]
    fn ranges_that_touch_become_one_and_others_stay_as_they_are_written() {
        let (whole, _) = texts(&["10.0.0.0/24", "10.0.1.0-10.0.1.9", "10.9.9.9"]);
        assert_eq!(whole, ["10.0.0.0-10.0.1.9", "10.9.9.9/32"]);
        let (whole, _) = texts(&["10.0.0.5-10.0.0.9", "10.0.0.20-10.0.0.29", "10.0.0.8-10.0.0.21"]);
        assert_eq!(whole, ["10.0.0.5-10.0.0.29"]);
    }

    #[test]
    fn what_no_pool_may_have_is_cut_out() {
        let (whole, cut) = texts(&["223.255.255.0-224.0.0.9"]);
        assert_eq!(
            (whole, cut),
            (
                vec!["223.255.255.0-223.255.255.255".to_owned()],
                vec!["223.255.255.0-224.0.0.9".to_owned()]
            )
        );
        assert_eq!(texts(&["127.0.0.1"]), (vec![], vec!["127.0.0.1/32".to_owned()]));
    }
}
