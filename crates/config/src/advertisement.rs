use announce::{L2Advertisement, Preference};
use crds::{ConflictPolicy, PreferredNodeSelector};
use model::PoolName;

use crate::fault::Fault;
use crate::list::without_duplicates;
use crate::selector::{selector, selectors};

/// Reads one L2Advertisement.
pub(crate) fn l2_advertisement(object: &crds::L2Advertisement) -> Result<L2Advertisement, Fault> {
    let spec = &object.spec;
    without_duplicates("ipPools", &spec.ip_pools)?;
    without_duplicates("interfaces", &spec.interfaces)?;
    let preferences = spec.preferred_node_selectors.iter().enumerate();
    Ok(L2Advertisement {
        name: object.metadata.name.clone().unwrap_or_default(),
        pools: spec.ip_pools.iter().cloned().map(PoolName).collect(),
        pool_selectors: selectors("ipPoolSelectors", &spec.ip_pool_selectors)?,
        nodes: selectors("nodeSelectors", &spec.node_selectors)?,
        services: selectors("serviceSelectors", &spec.service_selectors)?,
        interfaces: spec.interfaces.iter().cloned().collect(),
        yields: spec.conflict_policy == ConflictPolicy::Yield,
        preferences: preferences
            .map(|(index, one)| preference(index, one))
            .collect::<Result<_, _>>()?,
    })
}

fn preference(index: usize, preferred: &PreferredNodeSelector) -> Result<Preference, Fault> {
    let field = format!("preferredNodeSelectors[{index}]");
    let weight = u32::try_from(preferred.weight)
        .ok()
        .filter(|weight| (1..=100).contains(weight));
    let weight = weight.ok_or_else(|| Fault::OutOfBounds {
        field: format!("{field}.weight"),
        value: preferred.weight,
        least: 1,
        most: 100,
    })?;
    let nodes = selector(&preferred.preference).map_err(|source| Fault::Selector {
        field: format!("{field}.preference"),
        source,
    })?;
    Ok(Preference { weight, nodes })
}
