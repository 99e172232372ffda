//! What the status of a Service is to say.

use std::net::IpAddr;

use config::condition::{Statement, find, of_service};
use config::service::{draining, from_pools};
use crds::condition::ALLOCATED;
use ipam::{Families, Grant, Refusal};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{LoadBalancerIngress, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use model::Origins;
use serde_json::json;

use crate::release::Release;
use crate::request::{Patch, Target};
use crate::writers::OtherWriters;

/// Before what a message says of other Services: it was true when it was written, and is not kept up to date.
const ASIDE: &str = "; when this was written, ";

/// Why the condition of a Service says what it says, when another writer rewrites the status again and again.
pub const CONTESTED: &str = "Contested";

/// What the status of a Service is to say about its addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredStatus {
    /// What it shows: what the Service has, then what it is to lose in a moment.
    pub addresses: Vec<IpAddr>,
    /// What it may not show any more, be it that nothing is to be shown in its place.
    pub withdrawn: Vec<IpAddr>,
    /// Whether it has what it asks for.
    pub allocated: bool,
    /// One word for machines.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
    /// Whether it has all that it would take: a Service that prefers both families has what it asks for with one.
    complete: bool,
    /// What users are told of it, once: the message without what is over in a moment.
    news: String,
    /// What may help them now and changes all the time: it alone is never worth a write.
    aside: Option<String>,
}

/// How a status is brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The condition is applied with the addresses, if there are any; else what the release applied before goes.
    Apply,
    /// Addresses that another writer's ingress shows are taken out of it.
    Remove,
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
            withdrawn: Vec::new(),
            complete: !matches!(families, Families::Prefer(_)) || grant.addresses.len() > 1,
            addresses: grant.addresses,
            allocated: true,
            reason: "Allocated",
            news: message.clone(),
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
            withdrawn: Vec::new(),
            addresses: held,
            allocated: false,
            reason,
            news: message.clone(),
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

    /// Says who else writes the status, again and again.
    pub(crate) fn contest(&mut self, writer: Option<&str>) {
        let writer = writer.map_or_else(|| "another program".to_owned(), |name| format!("{name:?}"));
        self.reason = CONTESTED;
        let words = format!(
            "; {writer} writes something else into the status again and again: switch it off, or give the Service to it with \
             spec.loadBalancerClass. Herald writes more and more seldom"
        );
        self.message += &words;
        self.news += &words;
    }

    /// Whether it says that another writer rewrites the status.
    pub(crate) fn is_contested(&self) -> bool {
        self.reason == CONTESTED
    }

    /// What users are told, when it is something else than before.
    pub(crate) fn news(&self) -> String {
        let aside = self.aside.iter().map(|aside| format!("{ASIDE}{aside}"));
        std::iter::once(self.news.clone()).chain(aside).collect()
    }

    /// What of it is news.
    pub(crate) fn told(&self) -> String {
        format!("{} {}", self.reason, self.news)
    }

    /// Whether the status of `object` says all of this already, so that nothing has to be written (P-ALLOC-56). With nothing of its own
    /// to show, Herald leaves to others what they show.
    pub fn is_shown_by(&self, object: &Service) -> bool {
        self.is_told_by(object) && self.has_its_addresses_in(object)
    }

    fn is_told_by(&self, object: &Service) -> bool {
        let shown = find(of_service(object), ALLOCATED);
        let said = shown.map(|condition| condition.message.split(ASIDE).next().unwrap_or_default());
        let says = |condition: &Condition| {
            let status = if self.allocated { "True" } else { "False" };
            condition.status == status && condition.reason == self.reason
        };
        shown.is_some_and(says) && said == Some(self.message.as_str())
    }

    /// Whether `object` shows the addresses that it is to show, and none that it is not to.
    pub(crate) fn has_its_addresses_in(&self, object: &Service) -> bool {
        match self.addresses.is_empty() {
            true => !self.shows_withdrawn(object),
            false => config::service::shows_exactly(object, &self.addresses),
        }
    }

    pub(crate) fn shows_withdrawn(&self, object: &Service) -> bool {
        let shown = config::service::assigned(object);
        self.withdrawn.iter().any(|address| shown.contains(address))
    }

    /// Whether there is anything of this release in the status of `object`.
    pub fn any_shown_by(object: &Service, release: &Release) -> bool {
        find(of_service(object), ALLOCATED).is_some()
            && OtherWriters::of(object, &release.manager).allocated.is_none()
    }

    /// How to bring it about: what only another writer's ingress shows cannot be applied away.
    pub(crate) fn form(&self, object: &Service, release: &Release, in_vain: u32) -> Form {
        let stays = in_vain > 0 || OtherWriters::of(object, &release.manager).ingress.is_some();
        match self.addresses.is_empty() && self.shows_withdrawn(object) && stays {
            true => Form::Remove,
            false => Form::Apply,
        }
    }

    /// The status for the version of `object`: the write fails if that has changed since.
    pub(crate) fn patch(&self, object: &Service, form: Form, now: Timestamp) -> Patch {
        let version = object.metadata.resource_version.as_deref();
        let target = Target::Service(config::service::name(object));
        let status = match form {
            Form::Remove => json!({"loadBalancer": {"ingress": self.rest_of_ingress(object)}}),
            Form::Apply => {
                let message = self.full_message();
                let statement = Statement {
                    kind: ALLOCATED,
                    holds: self.allocated,
                    reason: self.reason,
                    message: &message,
                };
                let condition = statement.condition(of_service(object), object.metadata.generation, now);
                let mut status = json!({"conditions": [condition]});
                if !self.addresses.is_empty() {
                    status["loadBalancer"] = json!({"ingress": self.ingress(object)});
                }
                status
            }
        };
        let patch = target.object(version, &[("status", status)]);
        match form {
            Form::Apply => Patch::Apply(patch),
            Form::Remove => Patch::Merge(patch),
        }
    }

    /// What somebody has set beside an address is kept (W-31).
    fn ingress(&self, object: &Service) -> Vec<LoadBalancerIngress> {
        let shown = ingress(object);
        let entry = |address: &IpAddr| {
            let known = shown
                .iter()
                .find(|entry| entry.ip.as_deref().and_then(|ip| ip.parse().ok()) == Some(*address));
            LoadBalancerIngress {
                ip: Some(address.to_string()),
                ip_mode: known
                    .and_then(|entry| entry.ip_mode.clone())
                    .or_else(|| Some("VIP".to_owned())),
                ports: known.and_then(|entry| entry.ports.clone()),
                hostname: None,
            }
        };
        self.addresses.iter().map(entry).collect()
    }

    /// The entries of others, without the addresses that may not be shown; none if nothing is left.
    fn rest_of_ingress<'a>(&self, object: &'a Service) -> Option<Vec<&'a LoadBalancerIngress>> {
        let withdrawn = |entry: &&LoadBalancerIngress| {
            let address = entry.ip.as_deref().and_then(|ip| ip.parse().ok());
            address.is_some_and(|address| self.withdrawn.contains(&address))
        };
        let rest: Vec<_> = ingress(object).iter().filter(|entry| !withdrawn(entry)).collect();
        (!rest.is_empty()).then_some(rest)
    }

    /// The message with what may help now.
    pub fn full_message(&self) -> String {
        let aside = self.aside.iter().map(|aside| format!("{ASIDE}{aside}"));
        std::iter::once(self.message.clone()).chain(aside).collect()
    }
}

fn ingress(object: &Service) -> &[LoadBalancerIngress] {
    let status = object.status.as_ref();
    let load_balancer = status.and_then(|status| status.load_balancer.as_ref());
    load_balancer
        .and_then(|load_balancer| load_balancer.ingress.as_deref())
        .unwrap_or_default()
}
