use std::collections::BTreeMap;
use std::net::IpAddr;

use super::units::Facts;
use crate::UnitId;

/// The units by their addresses, in order. One address may be in several.
#[derive(Debug, Default)]
pub(super) struct ByAddress(Box<[(IpAddr, UnitId)]>);

impl ByAddress {
    pub(super) fn of(units: &BTreeMap<UnitId, Facts>) -> Self {
        let entries = units
            .iter()
            .flat_map(|(unit, facts)| facts.addresses.iter().map(|address| (*address, *unit)));
        let mut entries: Box<[(IpAddr, UnitId)]> = entries.collect();
        entries.sort_unstable();
        Self(entries)
    }

    /// The units that have the address, in order.
    pub(super) fn with(&self, address: IpAddr) -> impl Iterator<Item = UnitId> + '_ {
        let first = self.0.partition_point(|(other, _)| *other < address);
        let from = self.0.get(first..).unwrap_or_default().iter();
        from.take_while(move |(other, _)| *other == address)
            .map(|(_, unit)| *unit)
    }
}
