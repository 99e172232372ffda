//! What there is, and what is wrong anywhere.

use std::collections::BTreeSet;

use crds::condition::CUT_OFF;
use serde::Serialize;

use crate::announcement::not_ready;
use crate::code::Code;
use crate::finding::Finding;
use crate::service::Depth;
use crate::speakers::condition;
use crate::study::Study;

/// The whole of it, on one screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// The pools.
    pub pools: Vec<PoolRow>,
    /// The speakers.
    pub speakers: Vec<SpeakerRow>,
    /// How the Services fare.
    pub services: ServiceCounts,
    /// What is wrong, the gravest first.
    pub findings: Vec<Finding>,
}

/// How full a pool is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolRow {
    /// Its name.
    pub pool: String,
    /// IPv4 addresses in use and in all.
    pub v4: (u128, u128),
    /// IPv6 addresses, likewise.
    pub v6: (u128, u128),
}

/// How a node's speaker fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpeakerRow {
    /// The node.
    pub node: String,
    /// Whether it is ready, or why not; none where no speaker runs.
    pub ready: Option<String>,
    /// How many addresses it announces.
    pub addresses: i64,
    /// Sessions up, and in all.
    pub sessions: (usize, usize),
}

/// How many Services there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceCounts {
    /// Those that Herald serves.
    pub ours: usize,
    /// Those of them without an address.
    pub waiting: usize,
    /// Those of them with an address for which something is wrong.
    pub broken: usize,
    /// Those of others.
    pub others: usize,
}

impl Study<'_> {
    /// What there is, and what is wrong.
    pub fn overview(&self) -> Overview {
        let mut findings = BTreeSet::new();
        let services = self.count_services(&mut findings);
        findings.extend(self.of_objects());
        findings.extend(self.without_a_pool());
        let not_ready = |(node, status)| not_ready(node, status);
        if !self.facts.pools.is_empty() {
            findings.extend(self.speakers.iter().filter_map(not_ready));
        }
        findings.extend(self.cut_off());
        let mut findings: Vec<_> = findings.into_iter().collect();
        findings.sort_by(|one, other| other.severity.cmp(&one.severity).then_with(|| one.cmp(other)));
        Overview {
            pools: self.pools(),
            speakers: self.speaker_rows(),
            services,
            findings,
        }
    }

    fn count_services(&self, findings: &mut BTreeSet<Finding>) -> ServiceCounts {
        let mut counts = ServiceCounts::default();
        let mut books = self.ipam.clone();
        for (name, service) in self.ours() {
            counts.ours += 1;
            let waits = config::service::assigned(service).is_empty();
            let report = self.report(name, Depth::Findings, &mut books);
            let is_broken = report.as_ref().is_some_and(crate::ServiceReport::is_broken);
            counts.waiting += usize::from(waits);
            counts.broken += usize::from(is_broken && !waits);
            findings.extend(
                report
                    .filter(|_| is_broken || waits)
                    .and_then(|report| report.cause),
            );
        }
        counts.others = self.services.len() - counts.ours;
        counts
    }

    /// Nothing can work before there is a pool, and no speaker is ready.
    fn without_a_pool(&self) -> Option<Finding> {
        let text = "there is no IPPool that is in force: no Service gets an address";
        let explain = "kubectl explain ippools.heraldlb.io.spec";
        let finding = Finding::new(Code::NoPool, "ippools.heraldlb.io", text).next("create one", explain);
        self.facts.pools.is_empty().then_some(finding)
    }

    /// What objects of Herald's are not in force, or amiss.
    pub(crate) fn of_objects(&self) -> Vec<Finding> {
        let verdicts = self.snapshot.verdicts().iter().chain(self.kept.verdicts());
        let mut findings = Vec::new();
        for (object, verdict) in verdicts {
            let namespace = object
                .namespace
                .as_ref()
                .map(|namespace| format!(" -n {namespace}"))
                .unwrap_or_default();
            let resource = object.kind.resource();
            let name = format!(
                "{}.{}/{}{namespace}",
                resource.plural, resource.group, object.name
            );
            let edit = format!("kubectl edit {name}");
            if let Some(fault) = &verdict.fault {
                let text = format!("{object} is not in force: {fault}");
                findings.push(
                    Finding::new(Code::NotAccepted, name.as_str(), text).next("correct it", edit.as_str()),
                );
            }
            for warning in &verdict.warnings {
                let text = format!("{object}: {warning}");
                findings.push(
                    Finding::new(Code::ObjectWarning, name.as_str(), text)
                        .next("see whether that is meant", edit.as_str()),
                );
            }
        }
        findings
    }

    fn cut_off(&self) -> impl Iterator<Item = Finding> {
        self.speakers.iter().filter_map(|(node, status)| {
            let cut_off = condition(status, CUT_OFF).filter(|cut_off| cut_off.status == "True")?;
            let describe = format!("kubectl describe node {node}");
            Some(
                Finding::new(Code::CutOff, format!("node/{node}"), cut_off.message.clone())
                    .next("look at the node's network", describe),
            )
        })
    }

    fn pools(&self) -> Vec<PoolRow> {
        let row = |(pool, usage): (model::PoolName, ipam::Usage)| PoolRow {
            pool: pool.0,
            v4: (
                usage.assigned.v4,
                usage.assigned.v4 + usage.available.v4 + usage.reserved.v4,
            ),
            v6: (
                usage.assigned.v6,
                usage.assigned.v6 + usage.available.v6 + usage.reserved.v6,
            ),
        };
        self.ipam.usage().into_iter().map(row).collect()
    }

    fn speaker_rows(&self) -> Vec<SpeakerRow> {
        let row = |node: &model::NodeName| {
            let status = self.speakers.status(node);
            let sessions = || status.into_iter().flat_map(|status| &status.bgp_sessions);
            SpeakerRow {
                node: node.to_string(),
                ready: status.and_then(|status| condition(status, "Ready")).map(|ready| {
                    match ready.status.as_str() {
                        "True" => "True".to_owned(),
                        _ => ready.reason.clone(),
                    }
                }),
                addresses: status.map_or(0, |status| status.count),
                sessions: (
                    sessions()
                        .filter(|session| session.state == "Established")
                        .count(),
                    sessions().count(),
                ),
            }
        };
        self.facts.nodes.keys().map(row).collect()
    }
}
