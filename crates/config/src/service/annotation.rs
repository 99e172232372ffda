//! The annotations by which a Service says what it wants.

use std::collections::BTreeSet;

use ipam::Joiners;
use k8s_openapi::api::core::v1::Service;
use model::PoolName;

use super::fault::ServiceFault;

/// Annotation: allocate from this pool, or from these, separated by commas, in this order.
pub const ADDRESS_POOL: &str = "heraldlb.io/address-pool";
/// Annotation: the exact addresses wanted, separated by commas, at most one a family.
pub const LOAD_BALANCER_IPS: &str = "heraldlb.io/loadBalancerIPs";
/// Annotation: the key under which Services may share addresses.
pub const ALLOW_SHARED_IP: &str = "heraldlb.io/allow-shared-ip";
/// Annotation: the namespaces whose Services may join the addresses of this one under its key, separated by commas, or `*`.
pub const ALLOW_SHARED_IP_FROM: &str = "heraldlb.io/allow-shared-ip-from";
/// Annotation: the IPReservation, in the Service's namespace, that keeps its addresses when it goes.
pub const RESERVE: &str = "heraldlb.io/reserve";
/// Annotation: whether the Service may be moved off an address that its pool does not give out any more.
pub const REALLOCATE: &str = "heraldlb.io/reallocate";

/// Annotation: `"true"` leaves the Service alone; it keeps what it shows.
pub const IGNORE: &str = "heraldlb.io/ignore";

/// An annotation without the blanks around its value.
pub(super) fn value<'a>(service: &'a Service, key: &str) -> Option<&'a str> {
    let annotations = service.metadata.annotations.as_ref()?;
    annotations.get(key).map(|value| value.trim())
}

/// The pools to take addresses from, each once; none named: any.
pub(super) fn pools(service: &Service) -> Result<Vec<PoolName>, ServiceFault> {
    let mut pools = Vec::new();
    let names = value(service, ADDRESS_POOL)
        .into_iter()
        .flat_map(|names| names.split(','));
    for name in names.map(str::trim) {
        if !is_object_name(name) {
            return Err(ServiceFault::PoolName(name.to_owned()));
        }
        let pool = PoolName(name.to_owned());
        if !pools.contains(&pool) {
            pools.push(pool);
        }
    }
    Ok(pools)
}

pub(super) fn reservation(service: &Service) -> Result<Option<&str>, ServiceFault> {
    match value(service, RESERVE) {
        Some(name) if !is_object_name(name) => Err(ServiceFault::ReservationName(name.to_owned())),
        name => Ok(name),
    }
}

pub(super) fn reallocate(service: &Service) -> Result<bool, ServiceFault> {
    is_true(service, REALLOCATE)
}

pub(super) fn ignore(service: &Service) -> Result<bool, ServiceFault> {
    is_true(service, IGNORE)
}

/// Who may join: a name that no namespace can have invites nobody.
pub(super) fn joiners(service: &Service) -> Joiners {
    let names = value(service, ALLOW_SHARED_IP_FROM).unwrap_or_default();
    let names: BTreeSet<&str> = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    match names.contains("*") {
        true => Joiners::Any,
        false => Joiners::Namespaces(names.into_iter().map(str::to_owned).collect()),
    }
}

fn is_true(service: &Service, annotation: &'static str) -> Result<bool, ServiceFault> {
    match value(service, annotation) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(ServiceFault::NotBoolean {
            annotation,
            value: other.to_owned(),
        }),
    }
}

/// A DNS-1123 subdomain, as the API server asks of the names of most kinds.
fn is_object_name(name: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.iter().all(|&byte| alphanumeric(byte) || byte == b'-')
            && bytes.first().is_some_and(|&first| alphanumeric(first))
            && bytes.last().is_some_and(|&last| alphanumeric(last))
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_cannot_be_one() {
        for name in ["a", "0", "lan-1", "lan.v6", "a-b.c-d.e", &"a".repeat(253)] {
            assert!(is_object_name(name), "{name}");
        }
        for name in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a",
            "a-",
            "a.-b",
            "Lan",
            "a b",
            "a_b",
            "ä",
            &"a".repeat(254),
        ] {
            assert!(!is_object_name(name), "{name}");
        }
    }
}
