//! What becomes of each Service: the rules that are the same whatever product it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use config::service::{ADDRESS_POOL, ALLOW_SHARED_IP, ALLOW_SHARED_IP_FROM, IGNORE, LOAD_BALANCER_IPS};
use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use model::Family;
use serde_json::{Value, json};

use crate::addresses::of_family;
use crate::draft::Draft;
use crate::plan::ServicePlan;
use crate::remark::{Code, Weight};

/// What a Service of the other product asks for there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// The pool, by the name that Herald's has.
    pub(crate) pools: Vec<String>,
    /// Exact addresses, by annotation.
    pub(crate) addresses: Vec<IpAddr>,
    /// The key of sharing.
    pub(crate) key: Option<String>,
    /// Addresses that are shared without a key.
    pub(crate) shares_without_key: bool,
    /// Annotations that the other product wrote for itself.
    pub(crate) outputs: Vec<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) finalizers: Vec<String>,
    /// The node that answers today.
    pub(crate) hint: Option<String>,
    /// The address is read from what the status has instead of one.
    pub(crate) addresses_of_hostname: Vec<IpAddr>,
    /// Two requests: the annotation wins, and `spec.loadBalancerIP` is cleared.
    pub(crate) clear_load_balancer_ip: bool,
    /// It cannot go on as it is; why has been said.
    pub(crate) new_address: bool,
}

/// An annotation of a Service, without blanks around it; the first of `keys` that there is.
pub(crate) fn annotation<'s>(service: &'s Service, keys: &[&str]) -> Option<&'s str> {
    let annotations = service.metadata.annotations.as_ref()?;
    let mut found = keys.iter().filter_map(|key| annotations.get(*key));
    found.next().map(|value| value.trim())
}

/// Those of `keys` that the Service has as annotations.
pub(crate) fn present(service: &Service, keys: &[&str]) -> Vec<String> {
    let annotations = service.metadata.annotations.as_ref();
    let is_there = |key: &&&str| annotations.is_some_and(|annotations| annotations.contains_key(**key));
    keys.iter()
        .filter(is_there)
        .map(|key| (*key).to_owned())
        .collect()
}

/// Those of `names` that the Service has as finalizers.
pub(crate) fn finalizers(service: &Service, names: &[&str]) -> Vec<String> {
    let there = service.metadata.finalizers.iter().flatten();
    there
        .filter(|name| names.contains(&name.as_str()))
        .cloned()
        .collect()
}

/// Those of `names` that the Service has as labels.
pub(crate) fn labels(service: &Service, names: &[&str]) -> Vec<String> {
    let there = service.metadata.labels.as_ref();
    let is_there = |name: &&&str| there.is_some_and(|labels| labels.contains_key(**name));
    names
        .iter()
        .filter(is_there)
        .map(|name| (*name).to_owned())
        .collect()
}

/// Addresses in a list divided by commas.
pub(crate) fn addresses(text: &str) -> Vec<IpAddr> {
    text.split(',')
        .filter_map(|part| part.trim().parse().ok())
        .collect()
}

pub(crate) fn class(service: &Service) -> Option<&str> {
    spec(service)?.load_balancer_class.as_deref()
}

fn spec(service: &Service) -> Option<&ServiceSpec> {
    service.spec.as_ref()
}

/// Plans every Service.
pub(crate) fn plan(draft: &mut Draft<'_>) -> Vec<ServicePlan> {
    let mut plans: Vec<_> = draft
        .input
        .services()
        .iter()
        .map(|service| one(draft, service))
        .collect();
    share(draft, &mut plans);
    for plan in &mut plans {
        conclude(draft, plan);
    }
    plans
}

fn one(draft: &mut Draft<'_>, service: &Service) -> ServicePlan {
    let name = config::service::name(service).to_string();
    let before = config::service::assigned(service);
    let mut plan = ServicePlan {
        service: name.clone(),
        after: before.clone(),
        pools: Vec::new(),
        class: class(service).map(str::to_owned),
        add: BTreeMap::new(),
        clear_load_balancer_ip: false,
        remove_annotations: Vec::new(),
        remove_labels: Vec::new(),
        remove_finalizers: Vec::new(),
        hint: None,
        verdict: String::new(),
        moved: false,
        twin: draft
            .twins
            .iter()
            .find(|(of, _)| *of == name)
            .map(|(_, twin)| twin.clone()),
        before,
    };
    let Some(asked) = draft.asked.get(&name).cloned() else {
        draft.say(
            Code::LeftOut,
            &name,
            "it is not one of this product's Services: Herald does not take it over",
        );
        return plan;
    };
    if draft.options.leave_out.contains(&name) {
        let text = format!(
            "it is left out as asked: annotation {IGNORE} keeps Herald from it, and nobody announces it once the other announcers are off"
        );
        draft.say(Code::LeftOut, &name, text);
        plan.add.insert(IGNORE.to_owned(), "true".to_owned());
        keep_from_others(draft, &plan.before);
        return plan;
    }
    plan.moved = !asked.new_address;
    if asked.new_address {
        return plan;
    }
    plan.hint.clone_from(&asked.hint);
    plan.remove_annotations = asked.outputs.clone();
    plan.remove_labels = asked.labels.clone();
    plan.remove_finalizers = asked.finalizers.clone();
    if !asked.addresses_of_hostname.is_empty() {
        plan.after.clone_from(&asked.addresses_of_hostname);
    }
    many_addresses(draft, &mut plan);
    for address in plan.after.clone() {
        match draft.pool_of(address) {
            Some(pool) if !plan.pools.contains(&pool.name) => plan.pools.push(pool.name.clone()),
            Some(_) => {}
            None => draft.say(
                Code::Uncovered,
                &name,
                format!("no pool has its address {address}: add one, or leave the Service out"),
            ),
        }
    }
    request(draft, service, &asked, &mut plan);
    pool(draft, &asked, &mut plan);
    if let Some(key) = &asked.key {
        plan.add.insert(ALLOW_SHARED_IP.to_owned(), key.clone());
    }
    plan
}

/// A Service that is not moved keeps its addresses: nobody else gets them.
fn keep_from_others(draft: &mut Draft<'_>, addresses: &[IpAddr]) {
    for address in addresses {
        if let Some(pool) = draft.pools.iter_mut().find(|pool| pool.has(*address)) {
            pool.exclude.push(address.to_string());
        }
    }
}

/// Herald keeps one address of each family.
fn many_addresses(draft: &mut Draft<'_>, plan: &mut ServicePlan) {
    let mut kept = Vec::new();
    for family in [Family::V4, Family::V6] {
        let of_family = of_family(&plan.after, family);
        let Some(first) = of_family.first().copied() else {
            continue;
        };
        let decided = draft
            .decision(Code::ManyAddresses, &plan.service)
            .flatten()
            .and_then(|value| value.parse().ok());
        let chosen = decided
            .filter(|address| of_family.contains(address))
            .unwrap_or(first);
        if of_family.len() > 1 {
            let text = format!(
                "it has {} {family} addresses and keeps {chosen} alone: --decide ManyAddresses=ADDRESS@{} chooses another",
                of_family.len(),
                plan.service
            );
            draft.say(Code::ManyAddresses, &plan.service, text);
        }
        if chosen != first {
            plan.add.insert(LOAD_BALANCER_IPS.to_owned(), chosen.to_string());
        }
        kept.push(chosen);
    }
    // In the order of the status.
    plan.after.retain(|address| kept.contains(address));
}

/// Exact addresses are asked for only where they were.
fn request(draft: &mut Draft<'_>, service: &Service, asked: &Asked, plan: &mut ServicePlan) {
    let in_spec = spec(service)
        .and_then(|spec| spec.load_balancer_ip.as_deref())
        .filter(|text| !text.is_empty());
    let asked_for: Vec<IpAddr> = match (asked.addresses.is_empty(), in_spec) {
        (false, _) => asked.addresses.clone(),
        (true, Some(text)) => text.parse().into_iter().collect(),
        (true, None) => Vec::new(),
    };
    if asked_for.is_empty() {
        return;
    }
    if !plan.after.is_empty() && asked_for.iter().any(|address| !plan.after.contains(address)) {
        let text = format!(
            "it asks for {} and has {}: what it has is kept",
            shown(&asked_for),
            shown(&plan.after)
        );
        draft.say(Code::RequestStale, &plan.service, text);
    }
    let families = spec(service)
        .and_then(|spec| spec.cluster_ips.as_ref())
        .map_or(1, Vec::len);
    if families > 1 && asked_for.len() == 1 {
        let text = format!(
            "it has two families and asks for {} alone: Herald gives it one of the other family, too, unless it becomes single-stack",
            asked_for[0]
        );
        draft.say(Code::OneOfTwoFamilies, &plan.service, text);
        return;
    }
    if in_spec.is_some() && !asked.clear_load_balancer_ip {
        return;
    }
    if asked.clear_load_balancer_ip {
        plan.clear_load_balancer_ip = in_spec.is_some();
    }
    let wanted = if plan.after.is_empty() {
        &asked_for
    } else {
        &plan.after
    };
    plan.add.insert(LOAD_BALANCER_IPS.to_owned(), joined(wanted));
}

/// The pool is named only if the address is of it: Herald would move the Service.
fn pool(draft: &mut Draft<'_>, asked: &Asked, plan: &mut ServicePlan) {
    if asked.pools.is_empty() {
        return;
    }
    let holds = |name: &String| {
        draft
            .pool_named(name)
            .is_some_and(|pool| plan.after.iter().all(|address| pool.has(*address)))
    };
    let all_hold = |names: &[String]| {
        plan.after.iter().all(|address| {
            names
                .iter()
                .any(|name| draft.pool_named(name).is_some_and(|pool| pool.has(*address)))
        })
    };
    let named = match asked.pools.iter().find(|name| holds(name)) {
        Some(name) => Some(name.clone()),
        None if all_hold(&asked.pools) && !plan.after.is_empty() => Some(asked.pools.join(",")),
        None => None,
    };
    match named {
        Some(named) => {
            plan.add.insert(ADDRESS_POOL.to_owned(), named);
        }
        None => {
            let text = format!(
                "it names pool {} and its address is of {}: the name is not taken over, for Herald would move it",
                asked.pools.join(","),
                joined_names(&plan.pools)
            );
            draft.say(Code::PoolAnnotationStale, &plan.service, text);
        }
    }
}

/// Services of one address need one key, and may share at all.
fn share(draft: &mut Draft<'_>, plans: &mut [ServicePlan]) {
    let mut holders: BTreeMap<IpAddr, Vec<usize>> = BTreeMap::new();
    for (index, plan) in plans.iter().enumerate().filter(|(_, plan)| plan.moved) {
        for address in &plan.after {
            holders.entry(*address).or_default().push(index);
        }
    }
    for (address, together) in holders.into_iter().filter(|(_, together)| together.len() > 1) {
        let namespaces: BTreeSet<_> = together
            .iter()
            .filter_map(|index| plans[*index].service.split_once('/'))
            .map(|(namespace, _)| namespace.to_owned())
            .collect();
        for index in &together {
            let plan = &mut plans[*index];
            let without_key = draft
                .asked
                .get(&plan.service)
                .is_some_and(|asked| asked.shares_without_key);
            if without_key && !plan.add.contains_key(ALLOW_SHARED_IP) {
                plan.add
                    .insert(ALLOW_SHARED_IP.to_owned(), format!("migrated-{address}"));
            }
            if namespaces.len() > 1 {
                let own = plan
                    .service
                    .split_once('/')
                    .map_or("", |(namespace, _)| namespace);
                let others: Vec<_> = namespaces
                    .iter()
                    .filter(|namespace| *namespace != own)
                    .map(String::as_str)
                    .collect();
                plan.add.insert(ALLOW_SHARED_IP_FROM.to_owned(), others.join(","));
            }
        }
        for (position, one) in together.iter().enumerate() {
            for other in &together[position + 1..] {
                if let Some(rule) = cannot_share(draft, &plans[*one], &plans[*other]) {
                    let text = format!("it shares {address} with {}: {rule}", plans[*other].service);
                    draft.say(Code::CannotShare, &plans[*one].service, text);
                }
            }
        }
    }
}

fn cannot_share(draft: &Draft<'_>, one: &ServicePlan, other: &ServicePlan) -> Option<String> {
    if !one.add.contains_key(ALLOW_SHARED_IP)
        || one.add.get(ALLOW_SHARED_IP) != other.add.get(ALLOW_SHARED_IP)
    {
        return Some("they have no key of sharing in common".to_owned());
    }
    let find = |plan: &ServicePlan| {
        let mut services = draft.input.services().iter();
        services
            .find(|service| config::service::name(service).to_string() == plan.service)
            .and_then(spec)
    };
    let (one, other) = (find(one)?, find(other)?);
    if let Some((protocol, port)) = ports(one).intersection(&ports(other)).next() {
        return Some(format!("both answer on {protocol} port {port}"));
    }
    let is_local = |spec: &ServiceSpec| spec.external_traffic_policy.as_deref() == Some("Local");
    let differ = (is_local(one) || is_local(other))
        && (is_local(one) != is_local(other) || one.selector != other.selector);
    differ.then(|| "with externalTrafficPolicy: Local both have to select the same pods".to_owned())
}

fn ports(spec: &ServiceSpec) -> BTreeSet<(String, i32)> {
    let ports = spec.ports.iter().flatten();
    ports
        .map(|port| {
            (
                port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
                port.port,
            )
        })
        .collect()
}

/// What is said of the Service in one word or two.
fn conclude(draft: &Draft<'_>, plan: &mut ServicePlan) {
    let about = draft.remarks.iter().filter(|remark| {
        remark.object == plan.service || remark.object.starts_with(&format!("{} ", plan.service))
    });
    let worst = about.min_by_key(|remark| remark.weight);
    plan.verdict = match worst.map(|remark| (remark.weight, remark.code)) {
        Some((weight @ (Weight::Refuse | Weight::Decide), code)) => {
            format!("{} {}", weight.word(), code.word())
        }
        _ if !plan.moved => "left out".to_owned(),
        _ if plan.before.is_empty() && plan.after.is_empty() => "pending".to_owned(),
        _ => "keep".to_owned(),
    };
}

fn joined(addresses: &[IpAddr]) -> String {
    addresses
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

fn shown(addresses: &[IpAddr]) -> String {
    addresses
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" and ")
}

fn joined_names(names: &[String]) -> String {
    match names.is_empty() {
        true => "no pool".to_owned(),
        false => names.join(" and "),
    }
}

/// A second Service beside one, of Herald's class.
pub(crate) fn twin(service: &Service) -> Value {
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let spec = service.spec.as_ref();
    let ports: Vec<_> = spec
        .into_iter()
        .flat_map(|spec| spec.ports.iter().flatten())
        .map(|port| {
            let mut port = json!(port);
            if let Some(fields) = port.as_object_mut() {
                fields.remove("nodePort");
            }
            port
        })
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": format!("{name}-herald"), "namespace": service.metadata.namespace},
        "spec": {
            "type": "LoadBalancer", "loadBalancerClass": "heraldlb.io/herald",
            "selector": spec.and_then(|spec| spec.selector.clone()), "ports": ports,
            "externalTrafficPolicy": spec.and_then(|spec| spec.external_traffic_policy.clone()).unwrap_or_else(|| "Cluster".to_owned()),
        },
    })
}
