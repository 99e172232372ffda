//! Judges objects before they are applied.

mod ci;

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context;
use explain::{Cluster, Finding, ServiceChange, Severity, Study};
use serde::Serialize;
use serde_json::Value;

use crate::Outcome;
use crate::args::{Check, Common, Format};
use crate::fetch::Reader;
use crate::output::{Output, finding, heading, print};

/// What is wrong, and what would change.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Judgement {
    findings: Vec<Finding>,
    changes: Vec<ServiceChange>,
}

/// Judges files beside what the cluster has; without files, what the cluster has.
pub(crate) async fn run(
    reader: &Reader,
    common: &Common,
    check: &Check,
    out: &Output,
) -> anyhow::Result<Outcome> {
    let cluster = reader.cluster().await?;
    let mut changed = cluster.clone();
    overlay(&mut changed, &documents(&check.files)?)?;
    judge(&cluster, &changed, common, out)
}

/// Judges files by themselves.
pub(crate) fn offline(check: &Check, common: &Common, out: &Output) -> anyhow::Result<Outcome> {
    let cluster = Cluster::empty();
    let mut changed = cluster.clone();
    overlay(&mut changed, &documents(&check.files)?)?;
    judge(&cluster, &changed, common, out)
}

fn judge(before: &Cluster, after: &Cluster, common: &Common, out: &Output) -> anyhow::Result<Outcome> {
    let installation = common.installation();
    let (before, after) = (Study::of(before, &installation), Study::of(after, &installation));
    let judgement = Judgement {
        findings: after.of_these_objects(),
        changes: after.changes_since(&before),
    };
    match out.format() {
        Format::Sarif => print(&serde_json::to_string_pretty(&ci::sarif(
            &judgement.findings,
            &judgement.changes,
        ))?),
        Format::Junit => print(&ci::junit(&judgement.findings, &judgement.changes)),
        Format::Table | Format::Wide | Format::Json | Format::Yaml => {
            out.report("Judgement", &judgement, text)?;
        }
    }
    let is_bad = judgement
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
        || judgement.changes.iter().any(|change| change.after.is_empty());
    Ok(match is_bad {
        true => Outcome::Found,
        false => Outcome::Fine,
    })
}

fn text(judgement: &Judgement) -> String {
    let mut parts: Vec<_> = judgement.findings.iter().map(finding).collect();
    let changes = judgement.changes.iter().map(change);
    let changes: Vec<_> = changes.collect();
    if !changes.is_empty() {
        parts.push(format!("{}\n{}", heading("SERVICES"), changes.join("\n")));
    }
    match parts.is_empty() {
        true => "Nothing is wrong, and no Service would have another address.".to_owned(),
        false => parts.join("\n\n"),
    }
}

fn change(change: &ServiceChange) -> String {
    let shown = |addresses: &[std::net::IpAddr]| {
        let all: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        all.join(" and ")
    };
    let ServiceChange {
        service,
        before,
        after,
        refused,
    } = change;
    let what = match (before.is_empty(), after.is_empty()) {
        (true, false) => format!("would get {}", shown(after)),
        (false, false) => format!("would move from {} to {}", shown(before), shown(after)),
        (false, true) => format!("would lose {}", shown(before)),
        (true, true) => "would wait".to_owned(),
    };
    match refused {
        Some(refused) => format!("{service} {what}: {refused}"),
        None => format!("{service} {what}"),
    }
}

/// The objects of the files.
pub(crate) fn documents(files: &[impl AsRef<Path>]) -> anyhow::Result<Vec<Value>> {
    let mut documents = Vec::new();
    for file in files {
        let file = file.as_ref();
        let text = read(file).with_context(|| file.display().to_string())?;
        let read: Vec<Value> =
            serde_saphyr::from_multiple(&text).with_context(|| file.display().to_string())?;
        documents.extend(read.into_iter().flat_map(items));
    }
    Ok(documents)
}

fn read(file: &Path) -> std::io::Result<String> {
    if file.as_os_str() != "-" {
        return fs::read_to_string(file);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

/// What a List holds, or the object itself.
fn items(document: Value) -> Vec<Value> {
    match document["items"].as_array() {
        Some(items)
            if document["kind"]
                .as_str()
                .is_some_and(|kind| kind.ends_with("List")) =>
        {
            items.clone()
        }
        Some(_) | None => vec![document],
    }
}

/// Puts the objects in the place of those of the cluster that have their names.
fn overlay(cluster: &mut Cluster, documents: &[Value]) -> anyhow::Result<()> {
    for document in documents {
        cluster.apply(document).with_context(|| {
            format!(
                "{} {} cannot be read",
                document["kind"], document["metadata"]["name"]
            )
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use explain::{Code, Installation};
    use k8s_openapi::api::core::v1::Service;
    use serde_json::json;

    use super::*;

    fn pool(name: &str, addresses: &str) -> Value {
        json!({
            "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool",
            "metadata": {"name": name}, "spec": {"addresses": [addresses]},
        })
    }

    fn service(name: &str, address: Option<&str>) -> Service {
        let ingress: Vec<_> = address.into_iter().map(|ip| json!({"ip": ip})).collect();
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"], "ipFamilies": ["IPv4"]},
            "status": {"loadBalancer": {"ingress": ingress}},
        }))
        .unwrap()
    }

    #[test]
    fn an_object_that_is_wrong_is_named_with_what_to_write() {
        let mut cluster = Cluster::empty();
        overlay(
            &mut cluster,
            &[
                pool("lan", "192.168.1.300"),
                pool("ok", "192.168.1.1-192.168.1.9"),
            ],
        )
        .unwrap();
        let installation = Installation::default();
        let findings = Study::of(&cluster, &installation).of_these_objects();
        let [found] = &findings[..] else {
            panic!("{findings:?}");
        };
        assert_eq!(
            (found.code, found.object.as_str()),
            (Code::NotAccepted, "ippools.heraldlb.io/lan")
        );
        assert!(found.text.contains("192.168.1.300"), "{found:?}");
    }

    #[test]
    fn a_service_that_would_get_an_address_or_go_on_waiting_is_told() {
        let mut before = Cluster::empty();
        before.services = vec![service("a", None), service("b", None)];
        let mut after = before.clone();
        overlay(&mut after, &[pool("lan", "192.168.1.7/32")]).unwrap();
        let installation = Installation::default();
        let (before, after) = (
            Study::of(&before, &installation),
            Study::of(&after, &installation),
        );
        let changes: Vec<_> = after.changes_since(&before).iter().map(change).collect();
        assert_eq!(changes, ["shop/a would get 192.168.1.7"]);
    }

    #[test]
    fn documents_of_a_file_and_items_of_a_list_are_objects() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("objects.yaml");
        let text = "kind: A\n---\nkind: BList\nitems:\n- kind: B\n- kind: C\n";
        fs::write(&file, text).unwrap();
        let kinds: Vec<_> = documents(&[&file])
            .unwrap()
            .into_iter()
            .map(|document| document["kind"].clone())
            .collect();
        assert_eq!(kinds, ["A", "B", "C"]);
    }
}
