//! What is kept of a Service.

use config::service::ALLOW_SHARED_IP;
use crds::condition::ALLOCATED;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec, ServiceStatus};
use kube::core::ObjectMeta;

use crate::release::Release;
use crate::writers::keep_others;

/// Leaves of a Service what the controller reads, in no more room than that needs: a leader keeps every Service of the
/// cluster, and decoding leaves room for four of each thing of which there is one.
pub fn slim(service: &mut Service, release: &Release) {
    keep_others(service, &release.manager);
    let Service {
        metadata,
        spec,
        status,
    } = std::mem::take(service);
    let annotations = metadata.annotations.as_ref();
    let shares = annotations.is_some_and(|annotations| annotations.contains_key(ALLOW_SHARED_IP));
    *service = Service {
        metadata: slim_metadata(metadata),
        spec: spec.map(|spec| slim_spec(spec, shares)),
        status: status.map(slim_status),
    };
}

fn slim_metadata(metadata: ObjectMeta) -> ObjectMeta {
    let mut annotations = metadata.annotations.unwrap_or_default();
    annotations.retain(|key, _| key.starts_with("heraldlb.io/"));
    ObjectMeta {
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        resource_version: metadata.resource_version,
        generation: metadata.generation,
        creation_timestamp: metadata.creation_timestamp,
        deletion_timestamp: metadata.deletion_timestamp,
        labels: metadata.labels.filter(|labels| !labels.is_empty()),
        annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
        managed_fields: metadata.managed_fields,
        ..ObjectMeta::default()
    }
}

/// Ports and selector are read only of Services that may share an address.
fn slim_spec(spec: ServiceSpec, shares: bool) -> ServiceSpec {
    let is_local = spec.external_traffic_policy.as_deref() == Some("Local");
    let port = |port: ServicePort| ServicePort {
        protocol: port.protocol,
        port: port.port,
        ..ServicePort::default()
    };
    ServiceSpec {
        type_: spec.type_,
        load_balancer_class: spec.load_balancer_class,
        load_balancer_ip: spec.load_balancer_ip,
        cluster_ip: spec.cluster_ip.filter(|_| spec.cluster_ips.is_none()),
        cluster_ips: spec.cluster_ips.map(fitted),
        ip_families: spec.ip_families.map(fitted),
        ip_family_policy: spec.ip_family_policy,
        external_traffic_policy: spec.external_traffic_policy,
        selector: spec.selector.filter(|_| is_local && shares),
        ports: spec
            .ports
            .filter(|_| shares)
            .map(|ports| fitted(ports.into_iter().map(port).collect())),
        ..ServiceSpec::default()
    }
}

fn slim_status(mut status: ServiceStatus) -> ServiceStatus {
    if let Some(conditions) = &mut status.conditions {
        conditions.retain(|condition| condition.type_ == ALLOCATED);
        conditions.shrink_to_fit();
    }
    let load_balancer = status.load_balancer.as_mut();
    if let Some(ingress) = load_balancer.and_then(|load_balancer| load_balancer.ingress.as_mut()) {
        ingress.shrink_to_fit();
    }
    status
}

fn fitted<T>(mut values: Vec<T>) -> Vec<T> {
    values.shrink_to_fit();
    values
}

#[cfg(test)]
mod tests {
    use config::service::{Classes, assigned, recorded_pools, request, sharing};
    use model::Labels;
    use serde_json::{Value, json};

    use super::*;
    use crate::writers::OtherWriters;

    fn release() -> Release {
        Release::new(Classes {
            classes: vec!["heraldlb.io/herald".into()],
            require_class: false,
        })
    }

    fn service(annotations: Value, policy: &str) -> Service {
        serde_json::from_value(json!({
            "metadata": {
                "name": "web", "namespace": "default", "uid": "1", "resourceVersion": "7", "generation": 3,
                "labels": {"app": "web"}, "annotations": annotations, "finalizers": ["example.com/other"],
                "managedFields": [{"manager": "kubectl"}, {"manager": "cloud", "fieldsV1": {"f:status": {"f:loadBalancer": {"f:ingress": {}}}}}],
            },
            "spec": {
                "type": "LoadBalancer", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "fd00::1"],
                "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack", "externalTrafficPolicy": policy,
                "selector": {"app": "web"}, "sessionAffinity": "None",
                "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": "http"}, {"port": 53, "protocol": "UDP"}],
            },
            "status": {
                "loadBalancer": {"ingress": [{"ip": "192.168.1.200", "ipMode": "VIP"}]},
                "conditions": [
                    {"type": ALLOCATED, "status": "True", "reason": "Allocated", "lastTransitionTime": "2026-01-01T00:00:00Z",
                     "message": "192.168.1.200 from IPPool lan"},
                    {"type": "example.com/Other", "status": "True", "reason": "So", "message": "",
                     "lastTransitionTime": "2026-01-01T00:00:00Z"},
                ],
            },
        }))
        .unwrap()
    }

    #[test]
    fn nothing_that_is_decided_depends_on_what_is_left_out() {
        let release = release();
        let wishes = [
            json!({}),
            json!({"heraldlb.io/allow-shared-ip": "team", "example.com/long": "x"}),
            json!({"heraldlb.io/loadBalancerIPs": "192.168.1.200,2001:db8::1", "heraldlb.io/reserve": "front"}),
        ];
        for annotations in wishes {
            for policy in ["Cluster", "Local"] {
                let whole = service(annotations.clone(), policy);
                let mut slimmed = whole.clone();
                slim(&mut slimmed, &release);
                let labels = Labels::new();
                assert_eq!(
                    format!("{:?}", request(&slimmed, &labels)),
                    format!("{:?}", request(&whole, &labels))
                );
                assert_eq!(sharing(&slimmed), sharing(&whole));
                assert_eq!(assigned(&slimmed), assigned(&whole));
                assert_eq!(recorded_pools(&slimmed), recorded_pools(&whole));
                assert_eq!(release.serves(&slimmed), release.serves(&whole));
                let others = |service| OtherWriters::of(service, &release.manager);
                assert_eq!(others(&slimmed), others(&whole));
            }
        }
    }

    #[test]
    fn what_nobody_reads_is_not_kept() {
        let mut service = service(
            json!({"kubectl.kubernetes.io/last-applied-configuration": "{}"}),
            "Cluster",
        );
        slim(&mut service, &release());
        let spec = service.spec.unwrap();
        assert_eq!(
            (
                service.metadata.managed_fields.map(|kept| kept.len()),
                service.metadata.annotations
            ),
            (Some(1), None)
        );
        assert_eq!(
            (spec.selector, spec.session_affinity, spec.ports),
            (None, None, None)
        );
        assert_eq!(service.status.unwrap().conditions.unwrap().len(), 1);
    }
}
