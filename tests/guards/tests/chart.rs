//! The chart: what it renders to, and that its values are explained.

use std::collections::BTreeSet;
use std::fs;

use guards::chart::{CHART, Helm, examples, files, objects};
use guards::root;
use serde_json::Value;

/// P-INSTALL-1: manifests do the same as the chart.
#[test]
fn what_is_made_from_the_chart_is_what_the_chart_renders() {
    let stale: Vec<_> = files()
        .unwrap()
        .into_iter()
        .filter(|file| fs::read_to_string(root().join(&file.path)).unwrap_or_default() != file.text)
        .map(|file| file.path)
        .collect();
    assert!(stale.is_empty(), "out of date, run `make manifests`: {stale:?}");
}

/// P-INSTALL-17: nothing is made up at rendering, and nothing asks the cluster.
#[test]
fn rendering_twice_gives_the_same_octets() {
    let helm = Helm::new().unwrap();
    assert_eq!(
        helm.template("herald", &[]).unwrap(),
        helm.template("herald", &[]).unwrap()
    );
    for file in templates() {
        let text = fs::read_to_string(&file).unwrap();
        for function in [
            "lookup",
            "rand",
            "genCA",
            "genSignedCert",
            "uuidv4",
            "now",
            ".Capabilities",
        ] {
            let called = text
                .split(|c: char| !c.is_alphanumeric() && c != '.')
                .any(|word| word == function);
            assert!(!called, "{} calls {function}", file.display());
        }
    }
}

fn templates() -> Vec<std::path::PathBuf> {
    let mut folders = vec![root().join(CHART).join("templates")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the chart has templates") {
            let path = entry.expect("templates can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "yaml" || end == "tpl") {
                files.push(path);
            }
        }
    }
    files
}

/// P-INSTALL-4: any number of releases, in one namespace or in several.
#[test]
fn two_releases_have_no_object_in_common() {
    let helm = Helm::new().unwrap();
    let render = |release, flags: &[&str]| {
        let flags = [&["--set=crds.enabled=false"], flags].concat();
        objects(&helm.template(release, &flags).unwrap()).unwrap()
    };
    let first = render("herald", &[]);
    let beside = render("edge", &["--values=deploy/examples/second-release.yaml"]);
    let elsewhere = render(
        "herald",
        &[
            "--values=deploy/examples/second-release.yaml",
            "--set=namespaceOverride=edge",
        ],
    );
    for other in [beside, elsewhere] {
        let both: Vec<_> = other.keys().filter(|name| first.contains_key(*name)).collect();
        assert!(both.is_empty(), "{both:?}");
    }
}

/// P-INSTALL-5, P-INSTALL-6: parts of it, or nothing at all.
#[test]
fn what_is_switched_off_is_not_rendered() {
    let helm = Helm::new().unwrap();
    let names = |flags: &[&str]| -> Vec<String> {
        let rendered = objects(&helm.template("herald", flags).unwrap()).unwrap();
        rendered.into_keys().collect()
    };
    let has = |names: &[String], word: &str| names.iter().any(|name| name.contains(word));
    let all = names(&[]);
    assert!(has(&all, "Deployment ") && has(&all, "DaemonSet ") && has(&all, "CustomResourceDefinition "));
    let speakers = names(&["--set=controller.enabled=false"]);
    assert!(has(&speakers, "DaemonSet ") && !has(&speakers, "controller") && !has(&speakers, "uninstall"));
    let controller = names(&["--set=speaker.enabled=false"]);
    assert!(
        has(&controller, "Deployment ") && !has(&controller, "herald-speaker"),
        "{controller:?}"
    );
    assert!(!has(
        &names(&["--set=crds.enabled=false"]),
        "CustomResourceDefinition "
    ));
    assert!(!has(&names(&["--set=rbac.create=false"]), "Role"));
    assert_eq!(names(&["--set=enabled=false"]), Vec::<String>::new());
}

/// No account may read a Secret by default, and the one that is made is the only one that can be.
#[test]
fn speakers_may_read_the_secrets_that_values_name_and_no_other() {
    let helm = Helm::new().unwrap();
    let rules = |flags: &[&str]| -> Vec<Value> {
        let rendered = objects(&helm.template("herald", flags).unwrap()).unwrap();
        let role = &rendered["Role herald-system herald-speaker"];
        let rules = role["rules"].as_array().unwrap().iter();
        rules
            .filter(|rule| rule["resources"][0] == "secrets")
            .cloned()
            .collect()
    };
    assert_eq!(rules(&[]), Vec::<Value>::new());
    let named = rules(&["--set=speaker.passwordSecrets={tor,spine}"]);
    assert_eq!(named[0]["resourceNames"], serde_json::json!(["tor", "spine"]));
    let open = rules(&["--set=speaker.passwordSecrets={*}"]);
    assert!(
        open.len() == 1 && open[0].get("resourceNames").is_none(),
        "{open:?}"
    );
}

/// P-INSTALL-9: a limit delays the answers to ARP.
#[test]
fn speakers_have_no_limit_by_default_and_nobody_takes_their_place() {
    let rendered = objects(&Helm::new().unwrap().template("herald", &[]).unwrap()).unwrap();
    let pod = &rendered["DaemonSet herald-system herald-speaker"]["spec"]["template"]["spec"];
    assert!(pod["containers"][0]["resources"].get("limits").is_none());
    assert_eq!(pod["priorityClassName"], "system-node-critical");
    assert_eq!(pod["nodeSelector"]["kubernetes.io/os"], "linux");
    let drained =
        |toleration: &Value| toleration["key"] == "heraldlb.io/drain" && toleration.get("effect").is_none();
    assert!(pod["tolerations"].as_array().unwrap().iter().any(drained));
}

#[test]
fn a_value_that_is_misspelt_is_refused_wherever_it_stands() {
    let helm = Helm::new().unwrap();
    for value in [
        "pool.lan.addresses={a}",
        "speaker.tolerateControlPlan=true",
        "controller.lease.deadline=1s",
        "speaker.image.name=x",
        "speaker.livenessProbe.period=1",
        "uninstall.hook=true",
        "listenAddress=localhost",
        "speaker.kubeProxyHealth=none",
        "image.digest=latest",
    ] {
        let refusal = helm.template("herald", &[&format!("--set={value}")]).unwrap_err();
        assert!(
            format!("{refusal:#}").contains("values don't meet the specifications"),
            "{value}: {refusal:#}"
        );
    }
    helm.template("herald", &["--set=global.anything.else=1"])
        .unwrap();
    let refusal = helm
        .template("herald", &["--set=listenAddress=127.0.0.1"])
        .unwrap_err();
    assert!(
        format!("{refusal:#}").contains("set speaker.listenAddress instead"),
        "{refusal:#}"
    );
}

/// What values may hold that the chart does not look into.
const OPEN: &[&str] = &[
    "controller.resources",
    "speaker.resources",
    "speaker.updateStrategy",
    "controller.livenessProbe",
    "controller.readinessProbe",
    "speaker.livenessProbe",
    "speaker.readinessProbe",
    "monitoring.dashboard.labels",
];

#[test]
fn every_value_has_a_comment_that_begins_with_its_name_and_a_description_in_the_schema() {
    let text = fs::read_to_string(root().join(CHART).join("values.yaml")).unwrap();
    let values: Value = serde_saphyr::from_str(&text).unwrap();
    let schema = fs::read_to_string(root().join(CHART).join("values.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut paths = BTreeSet::new();
    leaves(&values, "", &mut paths);
    let explained: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("# ")?.split_once(": "))
        .map(|(name, _)| name.to_owned())
        .collect();
    for path in &paths {
        assert!(explained.contains(path), "no comment begins with `# {path}: `");
        let mut entry = &schema;
        for key in path.split('.') {
            entry = &entry["properties"][key];
        }
        assert!(
            entry["description"].is_string(),
            "the schema does not describe {path}"
        );
    }
}

fn leaves(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    let inside = value
        .as_object()
        .filter(|fields| !fields.is_empty() && !OPEN.contains(&path));
    let Some(fields) = inside else {
        paths.insert(path.to_owned());
        return;
    };
    for (key, value) in fields {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        leaves(value, &path, paths);
    }
}

#[test]
fn the_table_of_examples_lists_every_example() {
    let table = fs::read_to_string(root().join("deploy/examples/README.md")).unwrap();
    for example in examples().unwrap() {
        let name = example.file_name().unwrap().to_str().unwrap();
        assert!(table.contains(&format!("| `{name}` |")), "{name}");
    }
}
