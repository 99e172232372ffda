//! The definitions as the API server takes them, as the chart ships them, and as people read them.
//!
//! `make crds` writes the files of the chart and the pages of `docs/reference`; a test fails when they differ from the types.
#![forbid(unsafe_code)]

use crds::{
    BFDProfile, BGPAdvertisement, BGPPeer, Community, IPPool, IPReservation, L2Advertisement, Speaker,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Number, Value};

pub mod reference;

/// All definitions, in the order of their names.
///
/// Each is kept when Helm uninstalls its release: deleting a definition deletes every object of that kind, and with the
/// pools would go the addresses of all Services.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    let mut all = vec![
        BFDProfile::crd(),
        BGPAdvertisement::crd(),
        BGPPeer::crd(),
        Community::crd(),
        IPPool::crd(),
        IPReservation::crd(),
        L2Advertisement::crd(),
        Speaker::crd(),
    ];
    for definition in &mut all {
        let annotations = definition.metadata.annotations.get_or_insert_default();
        annotations.insert("helm.sh/resource-policy".to_owned(), "keep".to_owned());
    }
    all
}

/// A definition as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The file's name: plural and group of the kind, with `.yaml`.
    pub name: String,
    /// One YAML document that ends in a newline.
    pub yaml: String,
}

/// All definitions as files, in the order of their names. The text depends on nothing but the types.
pub fn files() -> Vec<File> {
    definitions().iter().map(file).collect()
}

fn file(definition: &CustomResourceDefinition) -> File {
    let name = definition
        .metadata
        .name
        .as_deref()
        .expect("kube::CustomResource names the definition");
    let yaml = serde_saphyr::to_string(&value(definition)).expect("a JSON value is YAML");
    File {
        name: format!("{name}.yaml"),
        yaml,
    }
}

/// A definition as plain data.
fn value(definition: &CustomResourceDefinition) -> Value {
    let mut value = serde_json::to_value(definition).expect("a definition is plain data");
    normalise(&mut value);
    value
}

/// Doc comments are wrapped for the reader of the source; `kubectl explain` wraps by itself, so within a paragraph the
/// line breaks go. Bounds are floating point in the type, and whole numbers to everyone else.
fn normalise(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), field) {
                    ("description", Value::String(text)) => {
                        let paragraphs: Vec<_> = text.split("\n\n").map(|p| p.replace('\n', " ")).collect();
                        *text = paragraphs.join("\n\n");
                    }
                    ("minimum" | "maximum", Value::Number(bound)) => {
                        *bound = bound
                            .as_f64()
                            .filter(|b| b.fract() == 0.0)
                            .map_or_else(|| bound.clone(), |b| Number::from(b as i64));
                    }
                    (_, field) => normalise(field),
                }
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(normalise),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
