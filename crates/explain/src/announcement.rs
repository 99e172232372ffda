//! Who may announce a Service, and who does.

use std::collections::{BTreeMap, BTreeSet};

use announce::{BgpPlan, Facts, Plan, Reason, abridged};
use config::condition::{find, of_service};
use crds::condition::ANNOUNCED;
use k8s_openapi::api::core::v1::Service;
use model::{Family, NodeName, ServiceName};

use crate::code::Code;
use crate::finding::Finding;
use crate::service::{Depth, Part, ServiceReport, object};
use crate::speakers::{condition, is_in_subnet};
use crate::study::Study;

const PODS: &str = "kubectl get pods -A -l app.kubernetes.io/component=speaker -o wide";
const SPEAKERS: &str = "kubectl get speakers.heraldlb.io -o wide";

impl Study<'_> {
    pub(crate) fn explain_announcement(
        &self,
        name: &ServiceName,
        service: &Service,
        depth: Depth,
        report: &mut ServiceReport,
    ) {
        let Some(announced) = self.announced.get(name) else {
            return;
        };
        self.explain_endpoints(name, announced, report);
        let layer2 = self.layer2(name);
        let bgp = announce::bgp(&self.facts, announced);
        if let (Err(layer2), Err(bgp)) = (&layer2, &bgp) {
            report.find(nobody_may(name, gravest(layer2, bgp)));
        }
        if let Ok(plan) = &layer2 {
            if depth == Depth::Whole {
                self.explain_candidates(announced, plan, report);
            }
            self.explain_segment(name, service, plan, report);
        }
        if let Ok(plan) = &bgp {
            self.explain_routers(name, announced, plan, report);
        }
    }

    pub(crate) fn layer2(&self, name: &ServiceName) -> Result<Plan, Reason> {
        let unit = self.announced.unit(name);
        announce::layer2(&self.facts, &unit)
            .remove(name)
            .unwrap_or(Err(Reason::NoAddress))
    }

    fn explain_endpoints(&self, name: &ServiceName, service: &announce::Service, report: &mut ServiceReport) {
        let slices = format!(
            "endpointslices -n {} -l kubernetes.io/service-name={}",
            name.namespace, name.name
        );
        for (node, known) in &self.facts.nodes {
            let count = service.endpoints.on(node);
            if count == 0 {
                continue;
            }
            report.step(
                Part::Endpoints,
                slices.as_str(),
                format!("{count} on node {node}"),
            );
            if !known.ready {
                let text = format!(
                    "node {node} is not Ready and has {count} of its endpoints: new connections that are sent there are lost"
                );
                let advice = "Kubernetes takes them out when it gives the node up; deadNodes.markEndpoints does at once";
                let command = format!("kubectl describe node {node}");
                report.find(
                    Finding::new(Code::EndpointOnDeadNode, format!("node/{node}"), text)
                        .next(advice, command),
                );
            }
        }
    }

    fn explain_candidates(&self, service: &announce::Service, plan: &Plan, report: &mut ServiceReport) {
        for node in self.facts.nodes.keys() {
            let text = match plan.candidates.get(node) {
                Some(candidate) if candidate.preference > 0 => {
                    format!("{node} may announce it (preference {})", candidate.preference)
                }
                Some(_) => format!("{node} may announce it"),
                None => format!("{node} {}", self.why_not(service, node)),
            };
            report.step(Part::Nodes, format!("node/{node}"), text);
        }
    }

    /// Why a node may not announce a Service that others may.
    fn why_not(&self, service: &announce::Service, node: &NodeName) -> String {
        let nodes = self.facts.nodes.get_key_value(node);
        let alone = Facts {
            nodes: nodes
                .map(|(name, node)| (name.clone(), node.clone()))
                .into_iter()
                .collect(),
            ..self.facts.clone()
        };
        match announce::layer2(&alone, &[service]).remove(&service.name) {
            Some(Err(Reason::NoNode(mut reasons))) => match reasons.remove(node) {
                Some(reason) => reason.to_string(),
                None => "may not announce it".to_owned(),
            },
            Some(Ok(_)) => {
                "gives way to nodes that are Ready, or that may announce every Service of these addresses"
                    .to_owned()
            }
            Some(Err(reason)) => reason.to_string(),
            None => "may not announce it".to_owned(),
        }
    }

    fn explain_segment(
        &self,
        name: &ServiceName,
        service: &Service,
        plan: &Plan,
        report: &mut ServiceReport,
    ) {
        if self.speakers.is_empty() {
            let text = "no node runs a speaker: nobody can answer";
            report.find(
                Finding::new(Code::NoSpeaker, object(name), text)
                    .next("look why their pods do not run", PODS),
            );
            return;
        }
        let before = report.findings.len();
        self.explain_speakers(plan, report);
        self.explain_interfaces(plan, report);
        self.explain_conflict(name, service, report);
        self.explain_holder(name, report, before);
    }

    /// What keeps the speakers of the candidates from announcing anything.
    fn explain_speakers(&self, plan: &Plan, report: &mut ServiceReport) {
        let mut missing = BTreeSet::new();
        for node in plan.candidates.keys() {
            let Some(status) = self.speakers.status(node) else {
                missing.insert(node);
                continue;
            };
            if let Some(finding) = not_ready(node, status) {
                report.find(finding);
            }
        }
        if !missing.is_empty() {
            let text = format!("no speaker runs on {}", abridged(missing));
            report.find(
                Finding::new(Code::SpeakerMissing, "daemonset/herald-speaker", text)
                    .next("look why its pod does not run", PODS),
            );
        }
    }

    /// Whether any candidate has an interface for each address.
    fn explain_interfaces(&self, plan: &Plan, report: &mut ServiceReport) {
        for address in &plan.addresses {
            let statuses = plan
                .candidates
                .iter()
                .filter_map(|(node, candidate)| Some((self.speakers.status(node)?, candidate)));
            let serves = |(status, candidate): (&crds::SpeakerStatus, &announce::Candidate)| match &candidate
                .interfaces
            {
                announce::Interfaces::All => status.interfaces.iter().any(|one| is_in_subnet(one, *address)),
                announce::Interfaces::Named(named) => {
                    status.interfaces.iter().any(|one| named.contains(&one.name))
                }
            };
            if statuses.clone().next().is_none() || statuses.clone().any(serves) {
                continue;
            }
            let subnets: BTreeSet<_> = statuses
                .flat_map(|(status, _)| &status.interfaces)
                .flat_map(|one| &one.subnets)
                .collect();
            let text = format!(
                "no node that may announce {address} has an interface in its subnet; their subnets are {}",
                match subnets.is_empty() {
                    true => "unknown".to_owned(),
                    false => abridged(subnets),
                }
            );
            let advice = "take the pool's addresses from a subnet of the nodes, name interfaces in the L2Advertisement, or announce by BGP";
            report.find(Finding::new(Code::NoInterface, SPEAKERS, text).next(advice, SPEAKERS));
        }
    }

    fn explain_conflict(&self, name: &ServiceName, service: &Service, report: &mut ServiceReport) {
        let Some(announced) = find(of_service(service), ANNOUNCED) else {
            return;
        };
        let since = Some(announced.last_transition_time.0);
        report.step_since(
            Part::Segment,
            object(name),
            since,
            format!("{}: {}", announced.reason, announced.message),
        );
        if announced.reason == "AddressConflict" {
            let advice = "take the address off that host, or exclude it from the pool";
            let command = format!("kubectl describe {}", object(name));
            report.find(
                Finding::new(Code::AddressConflict, object(name), announced.message.clone())
                    .next(advice, command),
            );
        }
    }

    fn explain_holder(&self, name: &ServiceName, report: &mut ServiceReport, before: usize) {
        let entries = self.speakers.holders(name);
        for (node, entry) in &entries {
            let since = entry.since.as_ref().map(|time| time.0);
            let from = entry
                .from
                .as_deref()
                .map(|from| format!(", after {from}"))
                .unwrap_or_default();
            let why = entry
                .reason
                .as_deref()
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default();
            let text = match entry.role.as_str() {
                "Proxy" => format!(
                    "node {node} answers in place of {}, whose speaker is away",
                    entry.from.as_deref().unwrap_or("another")
                ),
                _ => format!("node {node} answers for it{from}{why}"),
            };
            report.step_since(Part::Segment, format!("speaker/{node}"), since, text);
        }
        let holders: Vec<_> = entries
            .iter()
            .filter(|(_, entry)| entry.role == "Holder")
            .map(|(node, _)| *node)
            .collect();
        match holders[..] {
            [] => {
                let errors = report.findings[before..]
                    .iter()
                    .any(|finding| finding.severity == crate::Severity::Error);
                if entries.is_empty() && !errors {
                    let text = "no speaker says that it answers for it; the speakers' logs say more";
                    report.find(
                        Finding::new(Code::NobodyAnswers, object(name), text)
                            .next("look at the Speakers of the nodes above", SPEAKERS),
                    );
                }
            }
            [holder] => self.explain_node_of_holder(holder, report),
            [_, _, ..] => {
                let text = format!("{} say that they answer for it", abridged(holders));
                let advice = "where nodes are on several segments this may be so; else see whether UDP 7950 is open between them";
                report.find(Finding::new(Code::TwoHolders, object(name), text).next(advice, SPEAKERS));
            }
        }
    }

    fn explain_node_of_holder(&self, holder: &NodeName, report: &mut ServiceReport) {
        if self.speakers.status(holder).and_then(|status| status.can_forward) == Some(false) {
            let text = format!("node {holder} answers for it, and says that kube-proxy there is not ready");
            let advice = "look at kube-proxy on that node";
            let command =
                format!("kubectl get pods -n kube-system -o wide --field-selector spec.nodeName={holder}");
            report.find(
                Finding::new(Code::NodeNotForwarding, format!("node/{holder}"), text).next(advice, command),
            );
        }
        if self.facts.nodes.get(holder).is_some_and(|node| !node.ready) {
            let text =
                format!("node {holder} answers for it and is not Ready: what its Speaker says may be old");
            let command = format!("kubectl describe node {holder}");
            report.find(
                Finding::new(Code::HolderNotReady, format!("node/{holder}"), text)
                    .next("look at the node", command),
            );
        }
    }

    fn explain_routers(
        &self,
        name: &ServiceName,
        service: &announce::Service,
        plan: &BgpPlan,
        report: &mut ServiceReport,
    ) {
        for (node, peers) in self.speakers.announced_to(name) {
            let text = format!("node {node} announces it to {}", abridged(peers));
            report.step(Part::Routers, format!("speaker/{node}"), text);
        }
        let families: BTreeSet<Family> = service
            .addresses
            .iter()
            .map(|address| Family::of(*address))
            .collect();
        let mut carried = BTreeMap::<Family, bool>::new();
        for (node, session) in self.speakers.sessions() {
            let peers = plan.nodes.get(node).into_iter().flatten();
            if !peers.into_iter().any(|peer| peer.0 == session.peer) {
                continue;
            }
            report_session(node, session, report);
            for family in &families {
                *carried.entry(*family).or_default() |=
                    session.families.iter().any(|word| *word == family.to_string());
            }
        }
        for (family, _) in carried.into_iter().filter(|(_, carried)| !carried) {
            let up = self
                .speakers
                .sessions()
                .any(|(node, session)| plan.nodes.contains_key(node) && session.state == "Established");
            if up {
                let text = format!("no session that is up carries {family}: the router has not agreed to it");
                let advice = format!(
                    "activate {family} unicast for the nodes on the router, or add a BGPPeer with an {family} address"
                );
                report.find(Finding::new(Code::FamilyMissing, object(name), text).next(advice, SPEAKERS));
            }
        }
    }
}

fn report_session(node: &NodeName, session: &crds::BgpSession, report: &mut ServiceReport) {
    let since = session.since.as_ref().map(|time| time.0);
    let text = format!("node {node} and BGPPeer {}: {}", session.peer, session.state);
    report.step_since(Part::Routers, format!("speaker/{node}"), since, text);
    let peer = format!("bgppeer/{}", session.peer);
    let describe = format!("kubectl describe bgppeers.heraldlb.io {}", session.peer);
    if session.bfd.as_deref() == Some("Down") {
        let text = format!("BFD of node {node} to BGPPeer {} is down", session.peer);
        report.find(
            Finding::new(Code::BfdDown, peer, text)
                .next("look whether the router runs BFD, and at the way to it", describe),
        );
    } else if session.state != "Established" {
        let why = session
            .last_error
            .as_deref()
            .map(|error| format!(": {error}"))
            .unwrap_or_default();
        let text = format!(
            "the session of node {node} with BGPPeer {} is {}{why}",
            session.peer, session.state
        );
        report.find(
            Finding::new(Code::SessionDown, peer, text)
                .next("look at the router's side of the session", describe),
        );
    }
}

/// Why the speaker of a node announces nothing.
pub(crate) fn not_ready(node: &NodeName, status: &crds::SpeakerStatus) -> Option<Finding> {
    let ready = condition(status, "Ready").filter(|ready| ready.status != "True")?;
    let speaker = format!("speaker/{node}");
    let describe = format!("kubectl describe speakers.heraldlb.io {node}");
    Some(match ready.reason.as_str() {
        "Unheard" => Finding::new(Code::Unheard, speaker, format!("{node}: {}", ready.message)).next(
            "open UDP 7950 between the nodes, for multicast too",
            "firewall-cmd --permanent --add-port=7950/udp && firewall-cmd --reload",
        ),
        "KernelAnswers" => Finding::new(Code::KernelAnswers, speaker, format!("{node}: {}", ready.message))
            .next(
                "set strictARP of kube-proxy",
                "kubectl edit configmap -n kube-system kube-proxy",
            ),
        _ => Finding::new(
            Code::SpeakerNotReady,
            speaker,
            format!(
                "the speaker of {node} is not ready: {}: {}",
                ready.reason, ready.message
            ),
        )
        .next("look at the Speaker and at the log of its pod", describe),
    })
}

/// The reason that tells more: a way of announcing that nobody has asked for tells nothing.
fn gravest<'a>(layer2: &'a Reason, bgp: &'a Reason) -> &'a Reason {
    match layer2 {
        Reason::NoMatchingAdvertisement(_) => bgp,
        Reason::NoAddress
        | Reason::AddressNotInPool { .. }
        | Reason::NoEndpoints
        | Reason::NoNode(_)
        | Reason::NoCommonNode(_) => layer2,
    }
}

fn nobody_may(name: &ServiceName, reason: &Reason) -> Finding {
    let finding = |code| Finding::new(code, object(name), reason.to_string());
    match reason {
        Reason::NoAddress => finding(Code::ControllerSilent).next("look at the controller", PODS),
        Reason::AddressNotInPool { .. } => finding(Code::AddressNotInPool).next(
            "add a pool that has the address, or let the Service have another",
            "kubectl get ippools.heraldlb.io -o wide",
        ),
        Reason::NoMatchingAdvertisement(pool) => finding(Code::NoMatchingAdvertisement).next(
            format!("create an L2Advertisement or a BGPAdvertisement for IPPool {pool}"),
            "kubectl get l2advertisements.heraldlb.io,bgpadvertisements.heraldlb.io -o yaml",
        ),
        Reason::NoEndpoints => finding(Code::NoEndpoints).next(
            "look why none of its pods is ready, and whether its selector matches them",
            format!(
                "kubectl get endpointslices -n {} -l kubernetes.io/service-name={} -o yaml",
                name.namespace, name.name
            ),
        ),
        Reason::NoNode(_) => finding(Code::NoNode).next(
            "let the advertisement select a node that can announce it",
            "kubectl get nodes --show-labels",
        ),
        Reason::NoCommonNode(_) => finding(Code::NoCommonNode).next(
            "let the L2Advertisements of all of them select a common node, or do not share",
            "kubectl get l2advertisements.heraldlb.io -o yaml",
        ),
    }
}
