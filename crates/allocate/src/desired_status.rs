//! What the status of a Service is to say.

use std::net::IpAddr;

use config::condition::{Statement, find, of_service};
use config::service::{draining, from_pools};
use crds::condition::ALLOCATED;
use ipam::{Families, Grant, Refusal};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use model::Origins;
use serde_json::{Value, json};

/// Before what a message says of other Services: it was true when it was written, and is not kept up to date.
const ASIDE: &str = "; when this was written, ";

/// What the status of a Service is to say about its addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredStatus {
    /// What it shows: what the Service has, then what it is to lose in a moment.
    pub addresses: Vec<IpAddr>,
    /// Whether it has what it asks for.
    pub allocated: bool,
    /// One word for machines.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
    /// Whether it has all that it would take: a Service that prefers both families has what it asks for with one.
    complete: bool,
    /// What may help them now and changes all the time: it alone is never worth a write.
    aside: Option<String>,
}

impl DesiredStatus {
    /// The Service has what it asks for.
    pub fn granted(grant: Grant, families: Families) -> Self {
        let mut message = from_pools(&grant.addresses, &grant.origins);
        if grant.outside {
            message += "; no IPPool would give it out now, it stays until the Service goes or carries the annotation \
                        heraldlb.io/reallocate: \"true\"";
        }
        Self {
            complete: !matches!(families, Families::Prefer(_)) || grant.addresses.len() > 1,
            addresses: grant.addresses,
            allocated: true,
            reason: "Allocated",
            message,
            aside: None,
        }
    }

    /// The Service asks for something that it cannot have; what it holds it keeps.
    pub fn refused(held: Vec<IpAddr>, origins: &Origins, reason: &'static str, why: String) -> Self {
        let message = match held.is_empty() {
            true => why,
            false => format!("{why}; it keeps {}", from_pools(&held, origins)),
        };
        Self {
            complete: false,
            addresses: held,
            allocated: false,
            reason,
            message,
            aside: None,
        }
    }

    /// Adds who could be asked for an address.
    pub fn set_aside(&mut self, refusal: &Refusal) {
        let most = refusal
            .holders()
            .into_iter()
            .filter(|(_, namespaces)| !namespaces.is_empty());
        let of_pool = most.map(|(pool, namespaces)| {
            let each = namespaces
                .iter()
                .map(|(namespace, count)| format!("{namespace} ({count})"));
            format!(
                "most of IPPool {pool} was held by namespaces {}",
                each.collect::<Vec<_>>().join(", ")
            )
        });
        let of_pools: Vec<_> = of_pool.collect();
        self.aside = (!of_pools.is_empty()).then(|| of_pools.join(", "));
    }

    /// Shows addresses that the Service is to lose a while longer.
    pub fn add_draining(&mut self, old: Vec<IpAddr>, origins: &Origins) {
        self.message += &draining(&old, origins);
        self.addresses.extend(old);
    }

    /// Whether an address that becomes free changes nothing for the Service.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether the status of `object` says all of this already, so that nothing has to be written (P-ALLOC-56).
    pub fn is_shown_by(&self, object: &Service) -> bool {
        let shown = find(of_service(object), ALLOCATED);
        let said = shown.map(|condition| condition.message.split(ASIDE).next().unwrap_or_default());
        let says = |condition: &Condition| {
            let status = if self.allocated { "True" } else { "False" };
            condition.status == status && condition.reason == self.reason
        };
        config::service::shows_exactly(object, &self.addresses)
            && shown.is_some_and(says)
            && said == Some(self.message.as_str())
    }

    /// Whether there is anything of Herald's in the status of `object`.
    pub fn any_shown_by(object: &Service) -> bool {
        find(of_service(object), ALLOCATED).is_some()
    }

    /// The status as server-side apply takes it, for the version of `object`.
    pub fn patch(&self, object: &Service, now: Timestamp) -> Value {
        let ingress: Vec<Value> = self
            .addresses
            .iter()
            .map(|ip| json!({"ip": ip, "ipMode": "VIP"}))
            .collect();
        let message = self.full_message();
        let statement = Statement {
            kind: ALLOCATED,
            holds: self.allocated,
            reason: self.reason,
            message: &message,
        };
        let status = json!({
            "loadBalancer": if ingress.is_empty() { json!({}) } else { json!({"ingress": ingress}) },
            "conditions": [statement.condition(of_service(object), object.metadata.generation, now)],
        });
        apply_status(object, &status)
    }

    /// The message with what may help now.
    pub fn full_message(&self) -> String {
        let aside = self.aside.iter().map(|aside| format!("{ASIDE}{aside}"));
        std::iter::once(self.message.clone()).chain(aside).collect()
    }
}

/// A status without anything of Herald's, as server-side apply takes it.
pub fn cleared(object: &Service) -> Value {
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
