//! One archive with what a report of a fault needs.

mod anonymize;
mod archive;

use std::collections::BTreeMap;
use std::fs::File;

use anyhow::Context;
use config::{ForKind, Kind};
use explain::{Cluster, Installation, Study};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, LogParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use process::clock::wall_clock;
use serde_json::{Value, json};

use self::anonymize::Names;
use self::archive::Archive;
use crate::Outcome;
use crate::args::Report;
use crate::fetch::Reader;
use crate::output::print;

/// What is listed besides Herald's own kinds. Secrets and ConfigMaps are not among them.
const KINDS: &[(&str, &str, &str, &str)] = &[
    ("", "v1", "Service", "services"),
    ("", "v1", "Node", "nodes"),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    ("events.k8s.io", "v1", "Event", "events"),
    ("heraldlb.io", "v1beta1", "Speaker", "speakers"),
];

/// What is listed in Herald's own namespace alone.
const OWN: &[(&str, &str, &str, &str)] = &[
    ("", "v1", "Pod", "pods"),
    ("apps", "v1", "Deployment", "deployments"),
    ("apps", "v1", "DaemonSet", "daemonsets"),
    ("coordination.k8s.io", "v1", "Lease", "leases"),
];

pub(crate) async fn run(reader: &Reader, given: &Report) -> anyhow::Result<Outcome> {
    let mut texts = BTreeMap::new();
    let mut lists = BTreeMap::new();
    for (group, version, kind, plural) in KINDS {
        let resource = resource(group, version, kind, plural);
        let listed = list(Api::all_with(reader.client.clone(), &resource), reader, &resource).await;
        lists.insert((*plural).to_owned(), listed);
    }
    for kind in Kind::ALL {
        let resource = kind.with_type(Resource);
        let listed = list(Api::all_with(reader.client.clone(), &resource), reader, &resource).await;
        lists.insert(resource.plural.clone(), listed);
    }
    for (group, version, kind, plural) in OWN {
        let resource = resource(group, version, kind, plural);
        let api = Api::namespaced_with(reader.client.clone(), &given.herald_namespace, &resource);
        lists.insert((*plural).to_owned(), list(api, reader, &resource).await);
    }
    let mut failures = Vec::new();
    let mut objects = BTreeMap::new();
    for (plural, listed) in lists {
        match listed {
            Ok(listed) => {
                objects.insert(plural, listed);
            }
            Err(error) => failures.push(format!("{plural}: {error}")),
        }
    }
    for (plural, listed) in &objects {
        texts.insert(format!("objects/{plural}.yaml"), serde_saphyr::to_string(listed)?);
    }
    texts.insert("versions.yaml".to_owned(), versions(reader).await?);
    texts.insert("findings.yaml".to_owned(), findings(&objects)?);
    logs(reader, given, &mut texts, &mut failures).await;
    let names = given.anonymize.then(|| Names::of(objects.values().flatten()));
    if !failures.is_empty() {
        texts.insert("not-read.txt".to_owned(), failures.join("\n"));
    }
    let texts: BTreeMap<_, _> = texts
        .into_iter()
        .map(|(path, text)| match &names {
            Some(names) => (names.replace(&path), names.replace(&text)),
            None => (path, text),
        })
        .collect();
    let file = File::create(&given.file).with_context(|| given.file.display().to_string())?;
    let mut archive = Archive::new(file);
    for (path, text) in &texts {
        archive.add(path, text)?;
    }
    archive.finish()?;
    print(&told(given, &texts, &failures));
    Ok(Outcome::Fine)
}

/// The list of what was taken.
fn told(given: &Report, texts: &BTreeMap<String, String>, failures: &[String]) -> String {
    let files: Vec<_> = texts
        .iter()
        .map(|(path, text)| format!("  {path} ({} lines)", text.lines().count()))
        .collect();
    let mut parts = vec![
        format!("{} has:", given.file.display()),
        files.join("\n"),
        "No Secret and no ConfigMap was read. Addresses are in it.".to_owned(),
    ];
    parts.push(match given.anonymize {
        true => "Names of namespaces, Services, nodes and pods were replaced.".to_owned(),
        false => "Names are as they are: --anonymize replaces them.".to_owned(),
    });
    parts.extend(failures.iter().map(|failure| format!("not read: {failure}")));
    parts.join("\n")
}

async fn list(
    api: Api<DynamicObject>,
    reader: &Reader,
    resource: &ApiResource,
) -> anyhow::Result<Vec<Value>> {
    let found = reader.answer(api.list(&ListParams::default())).await??;
    let objects = found.items.into_iter().map(|object| {
        let mut document = serde_json::to_value(object)?;
        document["apiVersion"] = resource.api_version.clone().into();
        document["kind"] = resource.kind.clone().into();
        bare(&mut document);
        Ok(document)
    });
    objects.collect()
}

/// What could hold a password without being a Secret is taken out: values of environments, and what kubectl last applied.
fn bare(document: &mut Value) {
    if let Some(metadata) = document["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    for path in [
        "/spec/containers",
        "/spec/initContainers",
        "/spec/template/spec/containers",
        "/spec/template/spec/initContainers",
    ] {
        let containers = document.pointer_mut(path).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            for entry in container["env"].as_array_mut().into_iter().flatten() {
                if let Some(value) = entry.get_mut("value") {
                    *value = "***".into();
                }
            }
        }
    }
}

async fn versions(reader: &Reader) -> anyhow::Result<String> {
    let server = reader.answer(reader.client.apiserver_version()).await??;
    let versions = json!({
        "kubectlHerald": env!("CARGO_PKG_VERSION"), "apiServer": server.git_version, "platform": server.platform, "at": wall_clock().to_string(),
    });
    Ok(serde_saphyr::to_string(&versions)?)
}

/// What `status` would find.
fn findings(objects: &BTreeMap<String, Vec<Value>>) -> anyhow::Result<String> {
    let mut cluster = Cluster::empty();
    for object in objects.values().flatten() {
        // An object that cannot be read is in the archive, as it is.
        let _read = cluster.apply(object);
    }
    let read = |plural: &str| objects.get(plural).into_iter().flatten().cloned();
    cluster.nodes = read("nodes")
        .filter_map(|node| serde_json::from_value(node).ok())
        .collect();
    cluster.slices = read("endpointslices")
        .filter_map(|slice| serde_json::from_value(slice).ok())
        .collect();
    cluster.speakers = read("speakers")
        .filter_map(|speaker| serde_json::from_value(speaker).ok())
        .collect();
    cluster.services.retain(|service| {
        service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer")
    });
    let installation = Installation::default();
    Ok(serde_saphyr::to_string(
        &Study::of(&cluster, &installation).overview(),
    )?)
}

/// The logs of both daemons, of this life of their containers and of the last.
async fn logs(
    reader: &Reader,
    given: &Report,
    texts: &mut BTreeMap<String, String>,
    failures: &mut Vec<String>,
) {
    let api: Api<Pod> = Api::namespaced(reader.client.clone(), &given.herald_namespace);
    let params = ListParams::default().labels("app.kubernetes.io/name=herald");
    let pods = match reader.answer(api.list(&params)).await {
        Ok(Ok(pods)) => pods.items,
        Ok(Err(error)) => return failures.push(format!("logs: {error}")),
        Err(error) => return failures.push(format!("logs: {error}")),
    };
    for pod in pods {
        let name = pod.metadata.name.unwrap_or_default();
        for container in pod.spec.into_iter().flat_map(|spec| spec.containers) {
            for previous in [false, true] {
                let params = LogParams {
                    container: Some(container.name.clone()),
                    tail_lines: Some(given.log_lines),
                    timestamps: true,
                    previous,
                    ..LogParams::default()
                };
                let suffix = if previous { "-previous" } else { "" };
                match reader.answer(api.logs(&name, &params)).await {
                    Ok(Ok(text)) => {
                        texts.insert(format!("logs/{name}-{}{suffix}.log", container.name), text);
                    }
                    // Most containers have had no life before.
                    Ok(Err(_)) if previous => {}
                    Ok(Err(error)) => failures.push(format!("log of {name}: {error}")),
                    Err(error) => failures.push(format!("log of {name}: {error}")),
                }
            }
        }
    }
}

/// The resource of a kind of Herald's.
struct Resource;

impl ForKind for Resource {
    type Output = ApiResource;

    fn visit<K: config::Configured>(self) -> ApiResource {
        ApiResource::erase::<K>(&())
    }
}

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_that_holds_secrets_is_listed() {
        let kinds: Vec<_> = KINDS.iter().chain(OWN).map(|(_, _, kind, _)| *kind).collect();
        assert!(!kinds.contains(&"Secret") && !kinds.contains(&"ConfigMap"));
    }

    #[test]
    fn values_of_environments_and_applied_configuration_are_taken_out() {
        let mut pod = json!({
            "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "pw", "a": "b"}, "managedFields": []},
            "spec": {"template": {"spec": {"containers": [{"env": [{"name": "bgp_peerpass", "value": "pw"}]}]}}},
        });
        bare(&mut pod);
        assert!(!pod.to_string().contains("pw\""), "{pod}");
        assert_eq!(pod["metadata"]["annotations"], json!({"a": "b"}));
    }

    #[test]
    fn findings_are_those_of_the_objects_in_the_archive() {
        let pool = json!({"apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool", "metadata": {"name": "lan"}, "spec": {"addresses": ["x"]}});
        let text = findings(&BTreeMap::from([("ippools".to_owned(), vec![pool])])).unwrap();
        assert!(text.contains("NotAccepted"), "{text}");
    }
}
