//! A plan in the making: what all products need to write into it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use crate::addresses::{self, Entry};
use crate::duration;
use crate::input::Input;
use crate::names;
use crate::plan::{Options, Plan, PlannedObject, PlannedSecret, SecretSource, Verdict};
use crate::product::Product;
use crate::remark::{Code, Remark, Weight};
use crate::services::Asked;
use crate::source::Source;
use crate::{from, proof, services, steps};

/// Holds times shorter than this are refused.
const SHORTEST_HOLD: u64 = 3;

/// Says how a cluster is moved from `product`.
pub fn plan(input: &Input, product: Product, options: &Options) -> Plan {
    let mut draft = Draft::new(input, product, options);
    from::read(&mut draft);
    draft.finish()
}

/// How traffic is announced, by the rival and by Herald.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) layer2: bool,
    pub(crate) bgp: bool,
    /// The rival goes on announcing what Herald gives.
    pub(crate) by_rival: bool,
}

/// A pool of the plan.
#[derive(Clone, Debug)]
pub(crate) struct DraftPool {
    pub(crate) name: String,
    pub(crate) entries: Vec<Entry>,
    pub(crate) exclude: Vec<String>,
    pub(crate) spec: Value,
    pub(crate) labels: Value,
    pub(crate) sources: Vec<String>,
    /// What it was made from, in one word or two.
    pub(crate) source: String,
}

impl DraftPool {
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        self.entries.iter().any(|entry| entry.range.contains(address))
    }
}

#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) input: &'a Input,
    pub(crate) product: Product,
    pub(crate) options: &'a Options,
    pub(crate) pools: Vec<DraftPool>,
    pub(crate) objects: Vec<PlannedObject>,
    pub(crate) secrets: Vec<PlannedSecret>,
    pub(crate) remarks: Vec<Remark>,
    pub(crate) asked: BTreeMap<String, Asked>,
    pub(crate) classes: BTreeSet<String>,
    pub(crate) announced: Announced,
    /// Services that get a second one beside them, and that one.
    pub(crate) twins: Vec<(String, Value)>,
    names: BTreeSet<(String, String)>,
}

impl<'a> Draft<'a> {
    fn new(input: &'a Input, product: Product, options: &'a Options) -> Self {
        Self {
            input,
            product,
            options,
            pools: Vec::new(),
            objects: Vec::new(),
            secrets: Vec::new(),
            remarks: Vec::new(),
            asked: BTreeMap::new(),
            classes: BTreeSet::new(),
            announced: Announced::default(),
            twins: Vec::new(),
            names: BTreeSet::new(),
        }
    }

    pub(crate) fn say(&mut self, code: Code, object: impl Into<String>, text: impl Into<String>) {
        let mut remark = Remark::new(code, object, text);
        if remark.weight == Weight::Decide && self.decision(code, &remark.object).is_some() {
            remark.text = format!("{} was decided: {}", code.word(), remark.text);
            (remark.weight, remark.code) = (Weight::Know, Code::Decided);
        }
        self.remarks.push(remark);
    }

    /// What was decided on this matter: a value, or that it is well so.
    pub(crate) fn decision(&self, code: Code, object: &str) -> Option<Option<&'a str>> {
        let meant = |(word, _, of): &&(String, Option<String>, Option<String>)| {
            word == code.word() && of.as_deref().is_none_or(|of| of == object)
        };
        let decided = self.options.decisions.iter().find(meant)?;
        Some(decided.1.as_deref())
    }

    pub(crate) fn dropped(&mut self, source: &Source<'_>, path: &str, why: impl Into<String>) {
        self.say(Code::NotCarriedOver, format!("{} {path}", source.word()), why);
    }

    /// Names every field of `source` that nobody has read.
    pub(crate) fn rest(&mut self, source: &Source<'_>) {
        for path in source.left() {
            self.dropped(
                source,
                &path,
                "this field is not known here: see whether it matters to you",
            );
        }
    }

    /// The name of an object: the wanted one where it is free and valid.
    pub(crate) fn name(&mut self, kind: &str, wanted: &str) -> String {
        let prefix = self.prefix();
        let valid = names::valid(wanted);
        let mut name = match valid == wanted {
            true => valid,
            false if valid.starts_with(prefix) => valid,
            false => names::valid(&format!("{prefix}-{wanted}")),
        };
        while !self.names.insert((kind.to_owned(), name.clone())) {
            name = names::valid(&format!("{prefix}-{name}"));
        }
        name
    }

    /// What names begin with that are made up.
    pub(crate) fn prefix(&self) -> &'static str {
        match self.product == Product::KubeVip {
            true => "kubevip",
            false => self.product.word(),
        }
    }

    /// Entries of a pool as its source lists them, and a refusal for each that cannot be read.
    pub(crate) fn entries(&mut self, source: &str, texts: &[String]) -> Vec<Entry> {
        let mut entries = Vec::new();
        for text in texts {
            match addresses::entry(text) {
                Some(entry) => entries.push(entry),
                None => self.say(
                    Code::Unreadable,
                    source,
                    format!("{text:?} is no address, prefix or range"),
                ),
            }
        }
        let (whole, cut) = addresses::merged(entries);
        for text in cut {
            let why = format!("addresses of {text} that no host can have are left out");
            self.say(Code::NotCarriedOver, source, why);
        }
        whole
    }

    /// Adds an IPPool; `spec` has everything but its addresses.
    pub(crate) fn pool(
        &mut self,
        name: &str,
        entries: Vec<Entry>,
        exclude: Vec<String>,
        spec: Value,
        source: impl Into<String>,
    ) {
        let source = source.into();
        self.pools.push(DraftPool {
            name: name.to_owned(),
            entries,
            exclude,
            spec,
            labels: Value::Null,
            sources: vec![source.clone()],
            source,
        });
    }

    /// Adds an object of Herald's.
    pub(crate) fn object(&mut self, kind: &str, name: &str, spec: Value, source: impl Into<String>) {
        let object = json!({
            "apiVersion": "heraldlb.io/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec,
        });
        self.objects.push(PlannedObject {
            object,
            sources: vec![source.into()],
            exists: false,
        });
    }

    /// A time of a peer.
    pub(crate) fn time(&mut self, source: &Source<'_>, path: &str) -> Option<Value> {
        let value = source.take(path)?;
        self.time_of(value, &format!("{} {path}", source.word()))
    }

    pub(crate) fn time_of(&mut self, value: &Value, object: &str) -> Option<Value> {
        let Some(seconds) = duration::seconds(value) else {
            self.say(
                Code::TimeRefused,
                object,
                format!("{value} is no time: write 90s"),
            );
            return None;
        };
        if object.to_lowercase().contains("holdtime") && (1..SHORTEST_HOLD).contains(&seconds) {
            self.say(
                Code::TimeRefused,
                object,
                "a hold time is 0 or at least 3 seconds (RFC 4271)",
            );
            return None;
        }
        Some(duration::written(seconds))
    }

    /// A password that Herald is to have under `wanted`; the name under which it will.
    pub(crate) fn secret(&mut self, wanted: &str, source: SecretSource) -> Value {
        let ours = self.options.namespace.clone();
        let mut name = wanted.to_owned();
        let is_there = |name: &str| {
            self.input
                .of("", "Secret")
                .any(|secret| secret.name() == name && secret.namespace() == ours)
        };
        if let SecretSource::Secret {
            namespace,
            name: theirs,
            key,
        } = &source
        {
            let value = self.input.password(namespace, theirs, key);
            if value.is_none() && self.input.has_secrets() {
                let text = format!("Secret {namespace}/{theirs} with the key {key} is not there");
                self.say(Code::SecretMissing, format!("Secret/{theirs}"), text);
            }
            let same = value.is_some() && value == self.input.password(&ours, &name, "password");
            if *namespace != ours && is_there(&name) && !same {
                name = names::valid(&format!("{}-{name}", self.prefix()));
            }
        } else if is_there(&name) {
            name = names::valid(&format!("{}-{name}", self.prefix()));
        }
        if !self.secrets.iter().any(|secret| secret.name == name) {
            self.secrets.push(PlannedSecret {
                name: name.clone(),
                source,
            });
        }
        json!({"name": name})
    }

    /// The pool that an address is of.
    pub(crate) fn pool_of(&self, address: IpAddr) -> Option<&DraftPool> {
        self.pools.iter().find(|pool| pool.has(address))
    }

    pub(crate) fn pool_named(&self, name: &str) -> Option<&DraftPool> {
        self.pools.iter().find(|pool| pool.name == name)
    }

    /// Says what a Service asks for; it is one of the rival's.
    pub(crate) fn serves(&mut self, service: &Service, asked: Asked) {
        self.asked
            .insert(config::service::name(service).to_string(), asked);
    }

    /// Names interfaces that patterns choose on the nodes.
    pub(crate) fn resolve(&mut self, patterns: &[String], object: &str) -> Vec<String> {
        let is_plain = |text: &String| {
            text.chars()
                .all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
        };
        if patterns.iter().all(is_plain) {
            return patterns.to_vec();
        }
        let nodes = self.input.interfaces();
        if nodes.is_empty() {
            let text = "interfaces are chosen by a pattern, and no Speaker says which there are: install Herald's speakers first";
            self.say(Code::NodesUnknown, object, text);
            return Vec::new();
        }
        let mut chosen = BTreeSet::new();
        for pattern in patterns {
            match regex_lite::Regex::new(pattern) {
                Ok(regex) => chosen.extend(
                    nodes
                        .values()
                        .flatten()
                        .filter(|name| regex.is_match(name))
                        .cloned(),
                ),
                Err(error) => self.say(
                    Code::Unreadable,
                    object,
                    format!("{pattern:?} is no pattern: {error}"),
                ),
            }
        }
        let chosen: Vec<_> = chosen.into_iter().collect();
        let text = format!(
            "interfaces {} are {} on the nodes that there are",
            patterns.join(", "),
            chosen.join(", ")
        );
        self.say(Code::Resolved, object, text);
        chosen
    }

    fn finish(mut self) -> Plan {
        for (object, error) in &self.input.unreadable {
            self.remarks.push(Remark::new(Code::Unreadable, object, error));
        }
        self.exclude_occupied();
        let mut services = services::plan(&mut self);
        self.overlaps();
        let pools: Vec<_> = self.pools.iter().map(DraftPool::object).collect();
        let mut objects = pools;
        objects.append(&mut self.objects);
        self.taken(&mut objects);
        proof::prove(&mut self, &objects, &mut services);
        let announced = self.announced;
        let mut plan = Plan {
            from: self.product.word().to_owned(),
            verdict: Verdict::Ready,
            summary: String::new(),
            classes: self.classes.into_iter().collect(),
            objects,
            secrets: self.secrets,
            services,
            remarks: self.remarks,
            steps: Vec::new(),
            workloads: steps::workloads(self.input, self.product),
            digest: String::new(),
        };
        plan.steps = steps::of(&plan, self.product, announced);
        plan.conclude(self.product);
        plan
    }

    /// Addresses of nodes and gateways in a pool are given to nobody.
    fn exclude_occupied(&mut self) {
        for address in self.input.occupied() {
            for pool in self.pools.iter_mut().filter(|pool| pool.has(address)) {
                if !pool.exclude.contains(&address.to_string()) {
                    pool.exclude.push(address.to_string());
                }
            }
        }
    }

    fn overlaps(&mut self) {
        let mut found = Vec::new();
        for (index, one) in self.pools.iter().enumerate() {
            for other in &self.pools[index + 1..] {
                let meet = one.entries.iter().any(|entry| {
                    other
                        .entries
                        .iter()
                        .any(|theirs| theirs.range.overlaps(&entry.range))
                });
                if meet {
                    let text = format!(
                        "it has addresses of IPPool {}, and of two pools one alone gives out an address: divide them",
                        other.name
                    );
                    found.push((format!("IPPool/{}", one.name), text));
                }
            }
        }
        for (object, text) in found {
            self.say(Code::Overlap, object, text);
        }
    }

    /// Objects that the cluster has already: the same are well, others are in the way.
    fn taken(&mut self, objects: &mut [PlannedObject]) {
        for planned in objects {
            let (kind, name) = (&planned.object["kind"], &planned.object["metadata"]["name"]);
            let mut there = self.input.herald();
            let Some(there) =
                there.find(|there| there["kind"] == *kind && there["metadata"]["name"] == *name)
            else {
                continue;
            };
            planned.exists = contains(&there["spec"], &planned.object["spec"]);
            if !planned.exists {
                let word = format!(
                    "{}/{}",
                    kind.as_str().unwrap_or_default(),
                    name.as_str().unwrap_or_default()
                );
                let text = "Herald has an object of that name with another spec: delete it, or rename it";
                self.remarks.push(Remark::new(Code::NameTaken, word, text));
            }
        }
    }
}

/// Whether `there` says all that `planned` says: the API server adds defaults.
fn contains(there: &Value, planned: &Value) -> bool {
    match (there, planned) {
        (Value::Object(there), Value::Object(planned)) => planned
            .iter()
            .all(|(key, value)| there.get(key).is_some_and(|there| contains(there, value))),
        (Value::Array(there), Value::Array(planned)) => {
            there.len() == planned.len()
                && there
                    .iter()
                    .zip(planned)
                    .all(|(there, planned)| contains(there, planned))
        }
        (there, planned) => there == planned,
    }
}

impl DraftPool {
    fn object(&self) -> PlannedObject {
        let addresses: Vec<_> = self.entries.iter().map(|entry| entry.text.as_str()).collect();
        let mut spec = json!({"addresses": addresses});
        if !self.exclude.is_empty() {
            spec["exclude"] = json!(self.exclude);
        }
        for (key, value) in self.spec.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        let mut metadata = json!({"name": self.name});
        if !self.labels.is_null() {
            metadata["labels"] = self.labels.clone();
        }
        PlannedObject {
            object: json!({"apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool", "metadata": metadata, "spec": spec}),
            sources: self.sources.clone(),
            exists: false,
        }
    }
}
