//! What an IPPool means.

mod addresses;
mod occupied;

use std::collections::BTreeMap;

use crds::{IPPool, NamespaceQuota, NamespaceSharing, ReclaimPolicy, ServiceAllocation};
use ipam::{Across, Pinned, Quota, Reclaim};
use model::{Labels, PoolName};

use crate::fault::Fault;
use crate::list::without_duplicates;
use crate::selector::selectors;

pub(crate) use addresses::host_bits;
pub(crate) use occupied::Occupied;

/// A pool that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) ipam: ipam::Pool,
    pub(crate) labels: Labels,
}

/// Reads one pool by itself.
pub(crate) fn pool(object: &IPPool) -> Result<Pool, Fault> {
    let spec = &object.spec;
    let ranges = addresses::ranges(&spec.addresses)?;
    let ipam = ipam::Pool {
        name: PoolName(object.metadata.name.clone().unwrap_or_default()),
        excluded: addresses::excluded(&spec.exclude, &ranges)?,
        ranges,
        auto_assign: spec.auto_assign,
        avoid_buggy_ips: spec.avoid_buggy_ips,
        pinned: spec.service_allocation.as_ref().map(pinned).transpose()?,
        quota: spec.namespace_quota.as_ref().map(quota).transpose()?,
        reclaim: match spec.reclaim_policy {
            ReclaimPolicy::Keep => Reclaim::Keep,
            ReclaimPolicy::Move => Reclaim::Move,
        },
        across: match spec.namespace_sharing {
            NamespaceSharing::Invited => Across::Invited,
            NamespaceSharing::Never => Across::Never,
        },
        closed: object.metadata.deletion_timestamp.is_some(),
    };
    Ok(Pool {
        ipam,
        labels: object.metadata.labels.clone().unwrap_or_default().into(),
    })
}

fn pinned(allocation: &ServiceAllocation) -> Result<Pinned, Fault> {
    without_duplicates("serviceAllocation.namespaces", &allocation.namespaces)?;
    Ok(Pinned {
        priority: not_negative("serviceAllocation.priority", allocation.priority)?,
        namespaces: allocation.namespaces.iter().cloned().collect(),
        namespace_selectors: selectors(
            "serviceAllocation.namespaceSelectors",
            &allocation.namespace_selectors,
        )?,
        service_selectors: selectors(
            "serviceAllocation.serviceSelectors",
            &allocation.service_selectors,
        )?,
    })
}

fn quota(quota: &NamespaceQuota) -> Result<Quota, Fault> {
    let field = "namespaceQuota.overrides";
    let namespaces: Vec<_> = quota.overrides.iter().map(|one| &one.namespace).collect();
    without_duplicates(field, &namespaces)?;
    let mut overrides = BTreeMap::new();
    for (index, one) in quota.overrides.iter().enumerate() {
        let limit = not_negative(&format!("{field}[{index}].limit"), one.limit)?;
        overrides.insert(one.namespace.clone(), limit);
    }
    Ok(Quota {
        limit: not_negative("namespaceQuota.limit", quota.limit)?,
        overrides,
    })
}

fn not_negative(field: &str, value: i32) -> Result<u32, Fault> {
    u32::try_from(value).map_err(|_negative| Fault::OutOfBounds {
        field: field.to_owned(),
        value,
        least: 0,
        most: i32::MAX,
    })
}

#[cfg(test)]
mod tests;
