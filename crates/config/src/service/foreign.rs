//! Annotations of other providers, which mean nothing to Herald: whoever comes from one of them is told what to write instead.

use std::fmt;

use k8s_openapi::api::core::v1::Service;

use super::annotation::{ADDRESS_POOL, ALLOW_SHARED_IP, ALLOW_SHARED_IP_FROM, IGNORE, LOAD_BALANCER_IPS};

/// What to use in place of an annotation of another provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// This annotation of ours.
    Annotation(&'static str),
    /// Another object, in words.
    Object(&'static str),
}

/// An annotation of another provider, which a Service carries and Herald does not read. The text says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignAnnotation {
    /// The annotation.
    pub key: &'static str,
    /// Whose it is.
    pub product: &'static str,
    /// What to use instead.
    pub instead: Instead,
}

const INTERFACES: &str = "an L2Advertisement with interfaces and serviceSelectors";

const KNOWN: [ForeignAnnotation; 15] = [
    ours("metallb.io/address-pool", "MetalLB", ADDRESS_POOL),
    ours("metallb.io/loadBalancerIPs", "MetalLB", LOAD_BALANCER_IPS),
    ours("metallb.io/allow-shared-ip", "MetalLB", ALLOW_SHARED_IP),
    ours("metallb.universe.tf/address-pool", "MetalLB", ADDRESS_POOL),
    ours(
        "metallb.universe.tf/loadBalancerIPs",
        "MetalLB",
        LOAD_BALANCER_IPS,
    ),
    ours("metallb.universe.tf/allow-shared-ip", "MetalLB", ALLOW_SHARED_IP),
    ours("kube-vip.io/loadbalancerIPs", "kube-vip", LOAD_BALANCER_IPS),
    ours("kube-vip.io/ignore", "kube-vip", IGNORE),
    ForeignAnnotation {
        key: "kube-vip.io/serviceInterface",
        product: "kube-vip",
        instead: Instead::Object(INTERFACES),
    },
    ours("lbipam.cilium.io/ips", "Cilium", LOAD_BALANCER_IPS),
    ours("lbipam.cilium.io/sharing-key", "Cilium", ALLOW_SHARED_IP),
    ours(
        "lbipam.cilium.io/sharing-cross-namespace",
        "Cilium",
        ALLOW_SHARED_IP_FROM,
    ),
    ours("io.cilium/lb-ipam-ips", "Cilium", LOAD_BALANCER_IPS),
    ours("io.cilium/lb-ipam-sharing-key", "Cilium", ALLOW_SHARED_IP),
    ours(
        "io.cilium/lb-ipam-sharing-cross-namespace",
        "Cilium",
        ALLOW_SHARED_IP_FROM,
    ),
];

const fn ours(key: &'static str, product: &'static str, annotation: &'static str) -> ForeignAnnotation {
    ForeignAnnotation {
        key,
        product,
        instead: Instead::Annotation(annotation),
    }
}

/// The annotations of other providers on a Service, but for those beside which ours stands already.
pub fn foreign_annotations(service: &Service) -> Vec<ForeignAnnotation> {
    let annotations = service.metadata.annotations.as_ref();
    let has = |key: &str| annotations.is_some_and(|all| all.contains_key(key));
    let replaced = |foreign: &ForeignAnnotation| match foreign.instead {
        Instead::Annotation(ours) => has(ours),
        Instead::Object(_) => false,
    };
    let found = KNOWN
        .iter()
        .filter(|foreign| has(foreign.key) && !replaced(foreign));
    found.copied().collect()
}

/// Whether anything here reads the annotation `key` of a Service.
pub fn is_read(key: &str) -> bool {
    key.starts_with("heraldlb.io/") || KNOWN.iter().any(|foreign| foreign.key == key)
}

impl fmt::Display for ForeignAnnotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            product,
            instead,
        } = self;
        write!(
            f,
            "{key} is an annotation of {product}, which Herald does not read: use "
        )?;
        match instead {
            Instead::Annotation(ours) => f.write_str(ours),
            Instead::Object(words) => f.write_str(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn found(annotations: Value) -> Vec<String> {
        let service: Service =
            serde_json::from_value(json!({"metadata": {"annotations": annotations}})).unwrap();
        let found = foreign_annotations(&service);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_annotation_of_another_provider_is_answered_with_ours() {
        assert_eq!(
            found(json!({"metallb.universe.tf/address-pool": "lan", "example.com/other": "x"})),
            [
                "metallb.universe.tf/address-pool is an annotation of MetalLB, which Herald does not read: use heraldlb.io/address-pool"
            ]
        );
        assert_eq!(
            found(json!({"kube-vip.io/serviceInterface": "eth1"})),
            [
                "kube-vip.io/serviceInterface is an annotation of kube-vip, which Herald does not read: use an L2Advertisement \
              with interfaces and serviceSelectors"
            ]
        );
        assert_eq!(
            found(json!({"io.cilium/lb-ipam-sharing-cross-namespace": "*"})),
            [
                "io.cilium/lb-ipam-sharing-cross-namespace is an annotation of Cilium, which Herald does not read: use \
              heraldlb.io/allow-shared-ip-from"
            ]
        );
        assert!(found(json!({})).is_empty() && found(Value::Null).is_empty());
    }

    #[test]
    fn who_wrote_ours_already_is_told_nothing() {
        assert!(
            found(json!({"metallb.io/address-pool": "lan", "heraldlb.io/address-pool": "lan"})).is_empty()
        );
        assert_eq!(
            found(json!({"metallb.io/address-pool": "lan", "heraldlb.io/reserve": "a"})).len(),
            1
        );
    }

    #[test]
    fn what_is_read_is_ours_and_what_is_answered() {
        assert!(KNOWN.iter().all(|foreign| is_read(foreign.key)));
        assert!(is_read(IGNORE) && !is_read("kubectl.kubernetes.io/last-applied-configuration"));
    }
}
