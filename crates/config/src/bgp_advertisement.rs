//! What a BGPAdvertisement means, by itself and beside the pools and the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use announce::BgpAdvertisement;
use bgp::Attributes;
use crds::{BGPAdvertisement, LinkBandwidth};
use model::{AddressRange, Family, PeerName, PoolName};

use crate::community::{Aliases, Value, is_name};
use crate::fault::{BgpAdvertisementFault, Fault};
use crate::list::{within, without_duplicates};
use crate::pool::Pool;
use crate::selector::selectors;
use crate::together::Nodes;

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

/// P-CFG-7: an aggregate never stands for addresses that are not the pool's, as far as the pool has one prefix of that size. A
/// pool entry counts by the prefixes that it splits into.
fn misfit(one: &BgpAdvertisement, pool: &Pool) -> Option<BgpAdvertisementFault> {
    if !one.selects(&pool.ipam.name, &pool.labels) {
        return None;
    }
    let too_wide = |range: &&AddressRange| one.length(range.family()) < range.shortest_prefix();
    let range = *pool.ipam.ranges.iter().find(too_wide)?;
    Some(BgpAdvertisementFault::Aggregation {
        field: match range.family() {
            Family::V4 => "aggregationLength",
            Family::V6 => "aggregationLengthV6",
        },
        length: one.length(range.family()),
        range,
        pool: pool.ipam.name.clone(),
        shortest: range.shortest_prefix(),
    })
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
