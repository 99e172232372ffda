use std::fmt;
use std::net::IpAddr;

use ipam::Grant;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use process::condition::{Statement, find, of_service};
use serde_json::{Value, json};

/// The Service condition that says whether it has the addresses that it asks for.
pub(crate) const ALLOCATED: &str = "heraldlb.io/Allocated";

/// What the status of a Service is to say about its addresses.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    /// What it holds.
    pub(crate) addresses: Vec<IpAddr>,
    /// Whether that is what it asks for.
    pub(crate) allocated: bool,
    /// One word for machines.
    pub(crate) reason: &'static str,
    /// A sentence for people.
    pub(crate) message: String,
}

impl Standing {
    /// The Service has what it asks for.
    pub(crate) fn granted(grant: Grant) -> Self {
        let addresses: Vec<_> = grant.addresses.iter().map(IpAddr::to_string).collect();
        let message = match &grant.pool {
            Some(pool) => format!("{} from IPPool {pool}", addresses.join(", ")),
            None => format!(
                "{}, which no IPPool covers any more: it stays until the Service goes",
                addresses.join(", ")
            ),
        };
        Self {
            addresses: grant.addresses,
            allocated: true,
            reason: "Allocated",
            message,
        }
    }

    /// The Service asks for something that it cannot have; what it holds it keeps.
    pub(crate) fn refused(held: Vec<IpAddr>, reason: &'static str, why: &dyn fmt::Display) -> Self {
        Self {
            addresses: held,
            allocated: false,
            reason,
            message: why.to_string(),
        }
    }

    /// Whether the status of `object` says all of this already, so that nothing has to be written (P-ALLOC-56).
    pub(crate) fn is_shown_by(&self, object: &Service) -> bool {
        let shown = config::service::assigned(object);
        let same_addresses =
            shown.len() == self.addresses.len() && self.addresses.iter().all(|ip| shown.contains(ip));
        same_addresses && self.statement().is_among(of_service(object))
    }

    /// Whether there is anything of Herald's in the status of `object`.
    pub(crate) fn any_shown_by(object: &Service) -> bool {
        find(of_service(object), ALLOCATED).is_some()
    }

    /// The status as server-side apply takes it, for the version of `object`.
    pub(crate) fn patch(&self, object: &Service, now: Timestamp) -> Value {
        let ingress: Vec<Value> = self
            .addresses
            .iter()
            .map(|ip| json!({"ip": ip, "ipMode": "VIP"}))
            .collect();
        let status = json!({
            "loadBalancer": if ingress.is_empty() { json!({}) } else { json!({"ingress": ingress}) },
            "conditions": [self.statement().condition(of_service(object), object.metadata.generation, now)],
        });
        apply_status(object, &status)
    }

    fn statement(&self) -> Statement<'_> {
        let Self {
            allocated,
            reason,
            message,
            ..
        } = self;
        Statement {
            kind: ALLOCATED,
            holds: *allocated,
            reason,
            message,
        }
    }
}

/// A status without anything of Herald's, as server-side apply takes it.
pub(crate) fn cleared(object: &Service) -> Value {
    apply_status(object, &json!({"loadBalancer": {}}))
}

/// The resource version makes the write conditional: it fails if the object has changed since.
fn apply_status(object: &Service, status: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": object.metadata.name,
            "namespace": object.metadata.namespace,
            "resourceVersion": object.metadata.resource_version,
        },
        "status": status,
    })
}
