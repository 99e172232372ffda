//! One Service, from its request to the wire.

use std::net::IpAddr;

use ipam::Ipam;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use model::ServiceName;
use serde::Serialize;

use crate::code::Severity;
use crate::finding::Finding;
use crate::study::Study;

/// A part of the way from a Service's request to a client's answer, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Part {
    /// What the Service asks for.
    Request,
    /// What pools say to that.
    Pools,
    /// Which addresses it has.
    Addresses,
    /// Which nodes may announce it.
    Nodes,
    /// Who answers on the segments.
    Segment,
    /// Who announces it to routers.
    Routers,
    /// Where its pods are.
    Endpoints,
}

/// What is so, and who says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Of which part.
    pub part: Part,
    /// The object that says so, as kubectl takes it.
    pub source: String,
    /// Since when it is so, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What is so.
    pub text: String,
}

/// Why a Service answers, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceReport {
    /// The Service, as namespace/name.
    pub service: String,
    /// The addresses that it shows.
    pub addresses: Vec<IpAddr>,
    /// The whole way.
    pub steps: Vec<Step>,
    /// Everything that was found, in the order of the way.
    pub findings: Vec<Finding>,
    /// The first of the gravest: what to look at first. None if nothing is wrong, as far as objects say.
    pub cause: Option<Finding>,
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What is wrong.
    Findings,
    /// The whole way.
    Whole,
}

impl ServiceReport {
    pub(crate) fn step(&mut self, part: Part, source: impl Into<String>, text: impl Into<String>) {
        self.step_since(part, source, None, text);
    }

    pub(crate) fn step_since(
        &mut self,
        part: Part,
        source: impl Into<String>,
        since: Option<Timestamp>,
        text: impl Into<String>,
    ) {
        self.steps.push(Step {
            part,
            source: source.into(),
            since,
            text: text.into(),
        });
    }

    pub(crate) fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn conclude(&mut self) {
        let worst = self.findings.iter().map(|finding| finding.severity).max();
        let first = |finding: &&Finding| Some(finding.severity) == worst;
        self.cause = self.findings.iter().find(first).cloned();
    }

    /// Whether something does not work.
    pub fn is_broken(&self) -> bool {
        self.cause
            .as_ref()
            .is_some_and(|cause| cause.severity == Severity::Error)
    }
}

impl Study<'_> {
    /// Why a Service answers, or does not; none if there is no Service of type LoadBalancer of that name.
    pub fn service(&self, name: &ServiceName) -> Option<ServiceReport> {
        self.report(name, Depth::Whole, &mut self.ipam.clone())
    }

    /// The same; `books` tell who has which address, and are told what the Service would get.
    pub(crate) fn report(&self, name: &ServiceName, depth: Depth, books: &mut Ipam) -> Option<ServiceReport> {
        let service = self.services.get(name)?;
        let mut report = ServiceReport {
            service: name.to_string(),
            addresses: config::service::assigned(service),
            steps: Vec::new(),
            findings: Vec::new(),
            cause: None,
        };
        if self.explain_allocation(name, service, books, &mut report) {
            self.explain_announcement(name, service, depth, &mut report);
        }
        report.conclude();
        Some(report)
    }

    /// The Services that show an address.
    pub fn services_with(&self, address: IpAddr) -> Vec<&ServiceName> {
        let shows =
            |(_, service): &(&ServiceName, &&Service)| config::service::assigned(service).contains(&address);
        self.services.iter().filter(shows).map(|(name, _)| name).collect()
    }

    /// The Services that `name` may mean: one of that namespace, or any whose name it is.
    pub fn services_named<'a>(
        &'a self,
        namespace: Option<&'a str>,
        name: &'a str,
    ) -> impl Iterator<Item = &'a ServiceName> {
        let is_meant = move |service: &&ServiceName| {
            &*service.name == name && namespace.is_none_or(|namespace| &*service.namespace == namespace)
        };
        self.services.keys().filter(is_meant)
    }
}

/// The Service as kubectl takes it.
pub(crate) fn object(name: &ServiceName) -> String {
    format!("service/{} -n {}", name.name, name.namespace)
}
