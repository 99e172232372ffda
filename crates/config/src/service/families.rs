use std::net::IpAddr;

use ipam::Families;
use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use model::Family;

use super::fault::ServiceFault;

/// P-ALLOC-67: the families follow the ClusterIPs.
pub(super) fn families(service: &Service) -> Result<Families, ServiceFault> {
    let spec = service.spec.as_ref().ok_or(ServiceFault::NoClusterIp)?;
    let mut families = Vec::new();
    for ip in cluster_ips(spec) {
        let address: IpAddr = ip
            .parse()
            .map_err(|_unreadable| ServiceFault::ClusterIp(ip.clone()))?;
        if !families.contains(&Family::of(address)) {
            families.push(Family::of(address));
        }
    }
    let required = spec.ip_family_policy.as_deref() == Some("RequireDualStack");
    match (families.as_slice(), required) {
        ([], _) => Err(ServiceFault::NoClusterIp),
        ([_], true) => Err(ServiceFault::NotDualStack(1)),
        ([only], false) => Ok(Families::One(*only)),
        (_, true) => Ok(Families::Both),
        ([first, ..], false) => Ok(Families::Prefer(*first)),
    }
}

fn cluster_ips(spec: &ServiceSpec) -> impl Iterator<Item = &String> {
    let all = spec.cluster_ips.iter().flatten();
    let only = spec
        .cluster_ip
        .iter()
        .filter(|_| spec.cluster_ips.iter().all(Vec::is_empty));
    all.chain(only).filter(|ip| !ip.is_empty() && *ip != "None")
}
