//! What the chart renders, as it stands in the tree: for the values of common clusters, and as manifests for those who use no Helm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use lab::Components;
use serde_json::Value;

use crate::root;

/// The folder of the chart.
pub const CHART: &str = "deploy/herald";

/// Where what is rendered stands.
const RENDERED: &str = "tests/guards/rendered";

/// Values that are given to users as examples, and those that only tests have.
const EXAMPLES: &str = "deploy/examples";
const EVERYTHING: &str = "tests/guards/rendered/everything.values.yaml";

/// The manifests, with what of the chart's values is different in each.
const MANIFESTS: [(&str, &[&str]); 2] = [
    ("deploy/herald.yaml", &[]),
    ("deploy/herald-bgp-only.yaml", &["--set=l2.enabled=false"]),
];

/// What stands before the objects of a manifest: a chart leaves the namespace to Helm.
const HEAD: &str = "\
# Made from the chart by `make manifests`. It needs Kubernetes 1.31 or newer: kubectl apply --server-side -f FILE
# Before it is deleted again: see README.md, or pools that are in use wait for a controller that is gone.
apiVersion: v1
kind: Namespace
metadata:
  name: herald-system
  labels:
    # Speakers use the network of their nodes.
    pod-security.kubernetes.io/enforce: privileged
";

/// What only Helm has a use for.
const OF_HELM: [&str; 3] = [
    "app.kubernetes.io/managed-by: Helm",
    "helm.sh/chart: ",
    "# Source: ",
];

/// A file that is made from the chart.
#[derive(Debug)]
pub struct File {
    /// Where it stands, from the root of the tree.
    pub path: PathBuf,
    /// What stands in it.
    pub text: String,
}

/// Every file that is made from the chart.
///
/// # Errors
/// Helm is not there, or refuses the chart or one of the value files.
pub fn files() -> Result<Vec<File>> {
    let helm = Helm::new()?;
    // The definitions stand in the tree already.
    let render =
        |release, flags: &[&str]| helm.template(release, &[&["--set=crds.enabled=false"], flags].concat());
    let defaults = render("herald", &[])?;
    let mut files = Vec::new();
    for values in examples()?.into_iter().chain([EVERYTHING.into()]) {
        let name = stem(&values)?;
        // The second release is in the namespace of the first.
        let release = if name == "second-release" {
            "edge"
        } else {
            "herald"
        };
        let text = render(release, &[&format!("--values={}", values.display())])?;
        files.push(File {
            path: Path::new(RENDERED).join(format!("{name}.yaml")),
            text: difference(&defaults, &text),
        });
    }
    files.push(File {
        path: Path::new(RENDERED).join("defaults.yaml"),
        text: defaults,
    });
    for (path, flags) in MANIFESTS {
        let objects = helm.template("herald", &[&["--no-hooks"], flags].concat())?;
        files.push(File {
            path: path.into(),
            text: format!("{HEAD}{}", without_helm(&objects)),
        });
    }
    Ok(files)
}

/// The value files for common clusters.
///
/// # Errors
/// Their folder cannot be read.
pub fn examples() -> Result<Vec<PathBuf>> {
    let mut examples = Vec::new();
    for entry in std::fs::read_dir(root().join(EXAMPLES)).context(EXAMPLES)? {
        let name = entry?.file_name();
        if Path::new(&name).extension().is_some_and(|end| end == "yaml") {
            examples.push(Path::new(EXAMPLES).join(name));
        }
    }
    examples.sort();
    Ok(examples)
}

/// The objects of a rendered chart, by kind, namespace and name.
///
/// # Errors
/// It is no YAML, or one of its documents is no object, or there are two of one name.
pub fn objects(text: &str) -> Result<BTreeMap<String, Value>> {
    let mut objects = BTreeMap::new();
    for document in documents(text) {
        let lines = document
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        if lines.clone().all(|line| line.trim().is_empty() || line == "---") {
            continue;
        }
        let object: Value = serde_saphyr::from_str(document).with_context(|| document.to_owned())?;
        let field = |path: &str| {
            object
                .pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let name = format!(
            "{} {} {}",
            field("/kind"),
            field("/metadata/namespace"),
            field("/metadata/name")
        );
        ensure!(
            !field("/metadata/name").is_empty(),
            "an object without a name: {document}"
        );
        let twice = objects.insert(name.clone(), object);
        ensure!(twice.is_none(), "two objects of one name: {name}");
    }
    Ok(objects)
}

/// Helm, as the lab has it.
pub struct Helm {
    program: PathBuf,
}

impl Helm {
    /// Builds it where it is missing, which takes minutes.
    ///
    /// # Errors
    /// It cannot be built.
    pub fn new() -> Result<Self> {
        let program = Components::from_env()?.path("helm")?;
        Ok(Self { program })
    }

    /// What the chart is rendered to, for a release in the namespace herald-system.
    ///
    /// # Errors
    /// Helm refuses it: with its words.
    pub fn template(&self, release: &str, flags: &[&str]) -> Result<String> {
        let mut helm = Command::new(&self.program);
        helm.current_dir(root())
            .args(["template", release, CHART, "--namespace=herald-system"])
            .args(flags);
        let run = helm
            .output()
            .with_context(|| self.program.display().to_string())?;
        let words = String::from_utf8_lossy(&run.stderr);
        ensure!(run.status.success(), "helm template {flags:?}: {words}");
        Ok(String::from_utf8(run.stdout)?)
    }
}

/// The objects of `text` that `defaults` has not, or has otherwise.
fn difference(defaults: &str, text: &str) -> String {
    let known: BTreeSet<_> = documents(defaults).collect();
    let mut difference = "# What differs from defaults.yaml.\n".to_owned();
    for document in documents(text).filter(|document| !known.contains(document)) {
        difference.push_str("---\n");
        difference.push_str(document);
        difference.push('\n');
    }
    difference
}

fn documents(text: &str) -> impl Iterator<Item = &str> {
    let documents = text
        .split("\n---\n")
        .map(|document| document.trim_start_matches("---\n"));
    documents.map(str::trim_end)
}

fn stem(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    let stem = name.and_then(|name| name.split('.').next());
    stem.map(str::to_owned)
        .with_context(|| path.display().to_string())
}

fn without_helm(objects: &str) -> String {
    let of_helm = |line: &&str| OF_HELM.iter().any(|mark| line.trim_start().starts_with(mark));
    let mut text = String::new();
    for line in objects.lines().filter(|line| !of_helm(line)) {
        text.push_str(line);
        text.push('\n');
    }
    text
}
