//! What documents say to write is right, and every document is found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use config::{Change, Configured, ForKind, Kind, Objects, Snapshot, Store, Update};
use crds::{
    BFDProfile, BGPAdvertisement, BGPPeer, Community, IPPool, IPReservation, L2Advertisement, Stored,
};
use guards::{documents, root, tracked};
use k8s_openapi::api::core::v1::{Namespace, Secret, Service};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[test]
fn every_object_in_a_document_has_only_fields_that_there_are_and_is_in_force() {
    let mut wrong = Vec::new();
    for block in documents::yaml() {
        let objects: Result<Vec<Value>, _> = serde_saphyr::from_multiple(&block.text);
        match objects {
            Ok(objects) => wrong.extend(
                faults(&objects)
                    .into_iter()
                    .map(|fault| format!("{}: {fault}", block.place)),
            ),
            Err(error) => wrong.push(format!("{}: {error}", block.place)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is wrong with the objects of a block, which are judged together and without any others.
fn faults(objects: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut store = Store::new(Kind::ALL.iter().copied());
    for kind in Kind::ALL {
        store.handle_update(kind.with_type(Nothing));
    }
    for object in objects {
        let kind = object["kind"].as_str().unwrap_or_default();
        match read_back(kind, object) {
            Some(Ok(read)) => faults.extend(lost(&read, object, kind)),
            Some(Err(error)) => faults.push(format!("{kind}: {error}")),
            None => {}
        }
        if let Some(kind) = Kind::ALL.iter().find(|known| known.word() == kind)
            && let Ok(update) = kind.with_type(Applied(object))
        {
            store.handle_update(update);
        }
    }
    let nodes = BTreeMap::new();
    let snapshot = Snapshot::read(Objects::of(&store, Some(&nodes)), &Snapshot::default());
    let judged = snapshot.verdicts().iter();
    faults.extend(judged.filter_map(|(name, verdict)| {
        let fault = verdict.fault.as_ref()?;
        Some(format!("{} {}: {fault}", name.kind.word(), name.name))
    }));
    faults
}

/// The object, read as its kind and written again; none of a kind that is not looked at.
fn read_back(kind: &str, object: &Value) -> Option<serde_json::Result<Value>> {
    Some(match kind {
        "BFDProfile" => again::<BFDProfile>(object),
        "BGPAdvertisement" => again::<BGPAdvertisement>(object),
        "BGPPeer" => again::<BGPPeer>(object),
        "Community" => again::<Community>(object),
        "IPPool" => again::<IPPool>(object),
        "IPReservation" => again::<IPReservation>(object),
        "L2Advertisement" => again::<L2Advertisement>(object),
        "Namespace" => again::<Namespace>(object),
        "Secret" => again::<Secret>(object),
        "Service" => again::<Service>(object),
        _ => return None,
    })
}

fn again<K: DeserializeOwned + Serialize>(object: &Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<K>(object.clone())?)
}

/// The fields that were written and are not there any more: the kind has none of that name.
fn lost(read: &Value, written: &Value, path: &str) -> Vec<String> {
    match (read, written) {
        (Value::Object(read), Value::Object(written)) => {
            let fields = written.iter().flat_map(|(name, value)| {
                let path = format!("{path}.{name}");
                match read.get(name) {
                    Some(read) => lost(read, value, &path),
                    None => vec![format!("there is no field {path}")],
                }
            });
            fields.collect()
        }
        (Value::Array(read), Value::Array(written)) => {
            let entries = read.iter().zip(written);
            entries
                .flat_map(|(read, written)| lost(read, written, &format!("{path}[]")))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// No object of a kind.
struct Nothing;

impl ForKind for Nothing {
    type Output = Update;

    fn visit<K: Configured>(self) -> Update {
        Change::<Stored<K>>::Listed(Vec::new()).into()
    }
}

/// An object of a kind.
struct Applied<'a>(&'a Value);

impl ForKind for Applied<'_> {
    type Output = serde_json::Result<Update>;

    fn visit<K: Configured>(self) -> Self::Output {
        let object: Stored<K> = serde_json::from_value(self.0.clone())?;
        Ok(Change::Applied(object).into())
    }
}

#[test]
fn a_field_that_there_is_not_and_an_object_out_of_force_are_noticed() {
    let pool = |spec: &str| {
        let text = format!("kind: IPPool\nmetadata: {{name: lan}}\nspec: {spec}");
        faults(&[serde_saphyr::from_str(&text).unwrap()])
    };
    assert_eq!(pool("{addresses: [192.168.1.0/24]}"), [""; 0]);
    assert_eq!(
        pool("{addresses: [192.168.1.0/24], autoasign: false}"),
        ["there is no field IPPool.spec.autoasign"]
    );
    assert_eq!(pool("{addresses: [192.168.1.9-192.168.1.1]}").len(), 1);
}

/// The links of the summary, relative to `docs`.
fn summary() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/SUMMARY.md")).expect("docs/SUMMARY.md is there");
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(str::to_owned).collect()
}

#[test]
fn every_page_of_the_site_is_in_its_summary() {
    let summary = summary();
    let pages = tracked("docs/*.md").into_iter();
    let pages = pages.filter_map(|page| page.strip_prefix("docs/").map(str::to_owned));
    let missing: Vec<_> = pages
        .filter(|page| page != "SUMMARY.md" && !summary.contains(page))
        .collect();
    assert!(
        missing.is_empty(),
        "nobody finds these pages: add a line such as `- [What it is about](page.md)` to docs/SUMMARY.md for each of {missing:?}"
    );
}

#[test]
fn every_link_to_a_heading_leads_to_one() {
    for document in tracked("*.md") {
        let path = root().join(&document);
        let text = fs::read_to_string(&path).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let Some((file, heading)) = target.split_once('#') else {
                continue;
            };
            let linked = match file {
                "" => path.clone(),
                file => path.with_file_name("").join(file),
            };
            let linked =
                fs::read_to_string(&linked).unwrap_or_else(|error| panic!("{document}: {target}: {error}"));
            assert!(
                anchors(&linked).contains(heading),
                "{document} links to {target}, and that page has no such heading"
            );
        }
    }
}

/// The headings of a page, as links name them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut is_code = false;
    let mut anchors = BTreeSet::new();
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if let Some(heading) = line.strip_prefix('#').filter(|_| !is_code) {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
            anchors.insert(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    anchors
}
