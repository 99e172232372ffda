//! What a BGPAdvertisement means, by itself and beside the pools and the others.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use announce::BgpAdvertisement;
use bgp::Attributes;
use crds::{BGPAdvertisement, LinkBandwidth};
use ipnet::IpNet;
use model::{AddressRange, Family, PeerName, PoolName};

use crate::community::{Aliases, Value, is_name};
use crate::fault::{BgpAdvertisementFault, Fault};
use crate::list::{within, without_duplicates};
use crate::pool::Pool;
use crate::selector::selectors;
use crate::together::Nodes;
use crate::warning::Warning;

/// Reads one BGPAdvertisement; `known` are the names of communities.
pub(crate) fn bgp_advertisement(
    object: &BGPAdvertisement,
    known: &BTreeMap<String, Aliases>,
) -> Result<BgpAdvertisement, Fault> {
    let spec = &object.spec;
    without_duplicates("ipPools", &spec.ip_pools)?;
    without_duplicates("peers", &spec.peers)?;
    without_duplicates("communities", &spec.communities)?;
    let services = selectors("serviceSelectors", &spec.service_selectors)?;
    let length_v4 = within("aggregationLength", spec.aggregation_length, 1, 32)?;
    let length_v6 = within("aggregationLengthV6", spec.aggregation_length_v6, 1, 128)?;
    if !services.is_empty() && (length_v4, length_v6) != (32, 128) {
        return Err(BgpAdvertisementFault::AggregatedServices {
            length_v4: spec.aggregation_length,
            length_v6: spec.aggregation_length_v6,
        }
        .into());
    }
    let mut attributes = Attributes {
        local_pref: spec.local_pref,
        med: spec.med,
        prepend: within("asPathPrepend", spec.as_path_prepend, 0, 10)?,
        ..Attributes::default()
    };
    let read = BgpAdvertisement {
        name: object.metadata.name.clone().unwrap_or_default(),
        pools: spec.ip_pools.iter().cloned().map(PoolName).collect(),
        pool_selectors: selectors("ipPoolSelectors", &spec.ip_pool_selectors)?,
        nodes: selectors("nodeSelectors", &spec.node_selectors)?,
        services,
        peers: spec.peers.iter().cloned().map(PeerName).collect(),
        length_v4,
        length_v6,
        attributes: Arc::default(),
        weighted: spec.link_bandwidth == LinkBandwidth::Endpoints,
        yields: false,
    };
    // Last, so that what is missing is named only where nothing else is wrong.
    for (index, text) in spec.communities.iter().enumerate() {
        match community(index, text, known)? {
            Value::Plain(community) => drop(attributes.communities.insert(community)),
            Value::Large(community) => drop(attributes.large_communities.insert(community)),
        }
    }
    Ok(BgpAdvertisement {
        attributes: Arc::new(attributes),
        ..read
    })
}

/// P-CFG-35, -37, -38
fn community(
    index: usize,
    text: &str,
    known: &BTreeMap<String, Aliases>,
) -> Result<Value, BgpAdvertisementFault> {
    if !is_name(text) {
        return Value::read(text).map_err(|source| BgpAdvertisementFault::Community { index, source });
    }
    let known = known.values().find_map(|aliases| aliases.get(text));
    known
        .map(|&(_, value)| value)
        .ok_or_else(|| BgpAdvertisementFault::UnknownName {
            index,
            name: text.to_owned(),
        })
}

/// What is wrong with one beside the pools, and beside those that are in force.
pub(crate) fn conflict(
    one: &BgpAdvertisement,
    pools: &BTreeMap<String, Pool>,
    in_force: &BTreeMap<String, BgpAdvertisement>,
    nodes: &Nodes<'_>,
) -> Option<Fault> {
    let misfit = || pools.values().find_map(|pool| misfit(one, pool));
    let others = || {
        in_force
            .values()
            .find_map(|other| conflict_with(one, other, pools, nodes))
    };
    misfit().or_else(others).map(Fault::from)
}

/// What is amiss with one that is in force: aggregates that its pools do not cover are not announced.
pub(crate) fn warnings(one: &BgpAdvertisement, pools: &[announce::Pool]) -> Vec<Warning> {
    let warning = |(pool, range): (PoolName, AddressRange)| Warning::Uncovered {
        field: aggregation_field(range.family()),
        length: one.length(range.family()),
        range,
        pool,
    };
    announce::uncovered(one, pools).map(warning).into_iter().collect()
}

fn aggregation_field(family: Family) -> &'static str {
    match family {
        Family::V4 => "aggregationLength",
        Family::V6 => "aggregationLengthV6",
    }
}

/// P-CFG-7: an entry of a pool that holds no aggregate at all is taken for a mistake. An entry counts by the prefixes that it splits into.
fn misfit(one: &BgpAdvertisement, pool: &Pool) -> Option<BgpAdvertisementFault> {
    if !one.selects(&pool.ipam.name, &pool.labels) {
        return None;
    }
    let too_wide = |range: &&AddressRange| one.length(range.family()) < range.shortest_prefix();
    let range = *pool.ipam.ranges.iter().find(too_wide)?;
    Some(BgpAdvertisementFault::Aggregation {
        field: aggregation_field(range.family()),
        length: one.length(range.family()),
        around: around(&range, one.length(range.family())),
        range,
        pool: pool.ipam.name.clone(),
        shortest: range.shortest_prefix(),
    })
}

/// The prefix of that length that the range lies in, if it lacks nothing but its first and last addresses: people leave those out.
fn around(range: &AddressRange, length: u8) -> Option<IpNet> {
    let prefix = IpNet::new(range.first(), length).ok()?.trunc();
    let near = |one: IpAddr, other: IpAddr| match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => one.to_bits().abs_diff(other.to_bits()) <= 1,
        (IpAddr::V6(one), IpAddr::V6(other)) => one.to_bits().abs_diff(other.to_bits()) <= 1,
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    };
    let lacks_ends = near(prefix.network(), range.first()) && near(prefix.broadcast(), range.last());
    lacks_ends.then_some(prefix)
}

/// P-CFG-11: the same routes with other attributes. Where Services are selected it depends on them, and is judged when they are
/// announced (P-BGP-78).
fn conflict_with(
    one: &BgpAdvertisement,
    other: &BgpAdvertisement,
    pools: &BTreeMap<String, Pool>,
    nodes: &Nodes<'_>,
) -> Option<BgpAdvertisementFault> {
    let attribute = one.differs_in(other)?;
    let any_service = one.services.is_empty() && other.services.is_empty();
    let common_peer = one.peers.is_empty() || other.peers.is_empty() || !one.peers.is_disjoint(&other.peers);
    if !any_service || !common_peer || !nodes.meet(&one.nodes, &other.nodes) {
        return None;
    }
    let same_prefixes = |pool: &&Pool| {
        let of_both = |advertisement: &BgpAdvertisement| advertisement.selects(&pool.ipam.name, &pool.labels);
        let mut families = pool.ipam.ranges.iter().map(AddressRange::family);
        of_both(one) && of_both(other) && families.any(|family| one.length(family) == other.length(family))
    };
    let pool = pools.values().find(same_prefixes)?;
    Some(BgpAdvertisementFault::Conflict {
        attribute,
        pool: pool.ipam.name.clone(),
        other: other.name.clone(),
    })
}
