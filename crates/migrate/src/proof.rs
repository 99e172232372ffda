//! The plan, judged by what the daemons decide with: every Service comes out with its addresses.

use std::collections::{BTreeMap, BTreeSet};

use config::service::{Classes, LOAD_BALANCER_IPS};
use explain::{Cluster, Installation, Study};
use k8s_openapi::api::core::v1::{LoadBalancerIngress, Service};
use model::Labels;

use crate::draft::Draft;
use crate::input::Input;
use crate::plan::{PlannedObject, ServicePlan};
use crate::product::Product;
use crate::remark::Code;

/// The class that is Herald's own.
const HERALD_CLASS: &str = "heraldlb.io/herald";

/// Compares what Herald would do with what is planned.
pub(crate) fn prove(draft: &mut Draft<'_>, objects: &[PlannedObject], services: &mut [ServicePlan]) {
    let mut cluster = Cluster::empty();
    for planned in objects {
        if let Err(error) = cluster.apply(&planned.object) {
            let word = planned.object["metadata"]["name"].as_str().unwrap_or_default();
            draft.say(
                Code::ProofDiffers,
                word,
                format!("the object made of it cannot be read: {error}"),
            );
        }
    }
    let nodes = draft.input.of("", "Node");
    cluster.nodes = nodes
        .filter_map(|node| serde_json::from_value(node.object.clone()).ok())
        .collect();
    let described = described(draft.input, services);
    cluster.namespaces = namespaces(draft.input, &described);
    cluster.services = described;
    let mut classes: Vec<_> = draft.classes.iter().cloned().collect();
    classes.push(HERALD_CLASS.to_owned());
    let installation = Installation {
        classes: Classes {
            classes,
            require_class: draft.product == Product::Servicelb,
        },
        ..Installation::default()
    };
    let study = Study::of(&cluster, &installation);
    for finding in study.of_these_objects() {
        if finding.severity == explain::Severity::Error {
            draft.say(Code::ProofDiffers, finding.object, finding.text);
        }
    }
    judge(draft, &study, services);
}

fn judge(draft: &mut Draft<'_>, study: &Study<'_>, services: &mut [ServicePlan]) {
    let refused: BTreeSet<_> = draft.remarks.iter().map(|remark| remark.object.clone()).collect();
    for change in study.allocations() {
        let Some(plan) = services
            .iter_mut()
            .find(|plan| plan.service == change.service && plan.moved)
        else {
            continue;
        };
        let is_pending = plan.before.is_empty() && plan.after.is_empty();
        if is_pending {
            if !change.after.is_empty() {
                plan.after.clone_from(&change.after);
                let text = "nobody gives it an address today; Herald would";
                draft.say(Code::NewlyServed, &plan.service, text);
                plan.verdict = "decide NewlyServed".to_owned();
            }
            continue;
        }
        // What has been said of the Service explains a difference; an explained one is not told again.
        if change.after != plan.after && !refused.contains(&plan.service) {
            let why = change
                .refused
                .unwrap_or_else(|| "Herald's rules give it other addresses".to_owned());
            draft.say(Code::ProofDiffers, &plan.service, why);
            plan.verdict = "refuse ProofDiffers".to_owned();
        }
    }
    if draft.announced.by_rival {
        return;
    }
    for plan in services
        .iter_mut()
        .filter(|plan| plan.moved && !plan.after.is_empty())
    {
        let Some((namespace, name)) = plan.service.split_once('/') else {
            continue;
        };
        let report = study.service(&model::ServiceName::new(namespace, name));
        let uncovered = report.is_some_and(|report| {
            report
                .findings
                .iter()
                .any(|finding| finding.code == explain::Code::NoMatchingAdvertisement)
        });
        if uncovered && !refused.contains(&plan.service) {
            draft.say(
                Code::NoAnnouncer,
                &plan.service,
                "no advertisement of the plan covers its address",
            );
            plan.verdict = "refuse NoAnnouncer".to_owned();
        }
    }
}

/// The Services as they will be.
fn described(input: &Input, plans: &[ServicePlan]) -> Vec<Service> {
    let plan_of = |service: &Service| {
        let name = config::service::name(service).to_string();
        plans.iter().find(|plan| plan.service == name)
    };
    let services = input.services().iter().filter_map(|service| {
        let plan = plan_of(service)?;
        if !plan.moved {
            return None;
        }
        let mut service = service.clone();
        let annotations = service.metadata.annotations.get_or_insert_default();
        annotations.extend(plan.add.clone());
        if let Some(spec) = service.spec.as_mut() {
            if plan.clear_load_balancer_ip {
                spec.load_balancer_ip = None;
            }
            spec.cluster_ips
                .get_or_insert_with(|| vec!["10.96.0.1".to_owned()]);
            spec.ip_families.get_or_insert_with(|| families(plan));
        }
        if !plan.after.is_empty() {
            let ingress = plan.after.iter().map(|address| LoadBalancerIngress {
                ip: Some(address.to_string()),
                ..LoadBalancerIngress::default()
            });
            let status = service.status.get_or_insert_default();
            status.load_balancer.get_or_insert_default().ingress = Some(ingress.collect());
        }
        Some(service)
    });
    services.collect()
}

/// What the API server writes into a Service that a file does not say it of.
fn families(plan: &ServicePlan) -> Vec<String> {
    let asked = plan
        .add
        .get(LOAD_BALANCER_IPS)
        .map(|text| crate::services::addresses(text))
        .unwrap_or_default();
    let addresses = if plan.after.is_empty() {
        &asked
    } else {
        &plan.after
    };
    let families: BTreeSet<_> = addresses
        .iter()
        .map(|address| model::Family::of(*address).to_string())
        .collect();
    match families.is_empty() {
        true => vec!["IPv4".to_owned()],
        false => families.into_iter().collect(),
    }
}

/// Every namespace has the label of its name.
fn namespaces(input: &Input, services: &[Service]) -> BTreeMap<String, Labels> {
    let told = input.of("", "Namespace").map(|namespace| {
        let labels = namespace.object["metadata"]["labels"]
            .as_object()
            .into_iter()
            .flatten();
        let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        (namespace.name().to_owned(), labels.collect::<BTreeMap<_, _>>())
    });
    let mut namespaces: BTreeMap<_, BTreeMap<String, String>> = told.collect();
    for service in services {
        namespaces
            .entry(service.metadata.namespace.clone().unwrap_or_default())
            .or_default();
    }
    let named = namespaces.into_iter().map(|(name, mut labels)| {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.clone());
        (name, labels.into())
    });
    named.collect()
}
