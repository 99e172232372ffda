//! The generated files against the types, and the form of the objects that the suites replay on a real API server.

use crds::{BFDProfile, BGPAdvertisement, BGPPeer, Community, IPPool, IPReservation, L2Advertisement};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

const REGENERATE: &str = "make crds";

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn the_files_of_the_chart_are_what_the_types_say() {
    let folder = here("../../../deploy/herald/files/crds");
    let generated = definitions::files();
    for file in &generated {
        let path = folder.join(&file.name);
        let on_disk = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            on_disk == file.yaml,
            "{} is out of date: run {REGENERATE}",
            path.display()
        );
    }
    let names: Vec<_> = files_in(&folder)
        .iter()
        .map(|p| p.file_name().unwrap().to_owned())
        .collect();
    let expected: Vec<_> = generated.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        expected,
        "files in {} without a kind: delete them",
        folder.display()
    );
}

#[test]
fn the_pages_of_the_reference_are_what_the_types_say() {
    let folder = here("../../../docs/reference");
    let pages = definitions::reference::pages();
    for page in &pages {
        let path = folder.join(&page.name);
        let on_disk = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            on_disk == page.text,
            "{} is out of date: run {REGENERATE}",
            path.display()
        );
    }
    let known: Vec<_> = pages.iter().map(|page| page.name.as_str()).collect();
    for path in files_in(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            known.contains(&name) || name == "README.md",
            "{} is about no kind",
            path.display()
        );
    }
}

#[test]
fn helm_keeps_every_definition_when_it_uninstalls() {
    for definition in definitions::definitions() {
        let annotations = definition.metadata.annotations.unwrap();
        assert_eq!(annotations["helm.sh/resource-policy"], "keep");
    }
}

/// P-CFG-36: only what belongs to a user's namespace lives in one.
/// The conventions of kubectl: `awk` and `cut` take a space for the next column.
#[test]
fn no_title_of_a_column_has_a_space() {
    for definition in definitions::definitions() {
        for version in definition.spec.versions {
            for column in version.additional_printer_columns.unwrap_or_default() {
                assert!(
                    !column.name.contains(' '),
                    "{}: {}",
                    definition.spec.names.kind,
                    column.name
                );
            }
        }
    }
}

#[test]
fn every_kind_but_the_reservation_is_cluster_scoped() {
    for definition in definitions::definitions() {
        let spec = definition.spec;
        let expected = if spec.names.kind == "IPReservation" {
            "Namespaced"
        } else {
            "Cluster"
        };
        assert_eq!(spec.scope, expected, "{}", spec.names.kind);
    }
}

#[test]
fn good_objects_are_read_and_written_back_without_loss() {
    for path in files_in(&here("tests/objects/good")) {
        let text = read(&path);
        let written: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let read = match written["kind"].as_str() {
            Some("BFDProfile") => read_back::<BFDProfile>(&text),
            Some("BGPAdvertisement") => read_back::<BGPAdvertisement>(&text),
            Some("BGPPeer") => read_back::<BGPPeer>(&text),
            Some("Community") => read_back::<Community>(&text),
            Some("IPPool") => read_back::<IPPool>(&text),
            Some("IPReservation") => read_back::<IPReservation>(&text),
            Some("L2Advertisement") => read_back::<L2Advertisement>(&text),
            kind => panic!("{}: unknown kind {kind:?}", path.display()),
        };
        assert_contains(&read, &written, &path);
    }
}

fn read_back<K: DeserializeOwned + Serialize>(text: &str) -> serde_json::Value {
    let object: K = serde_saphyr::from_str(text).expect("a good object can be read");
    serde_json::to_value(object).expect("plain data")
}

/// Whatever the user wrote is there again; defaults may be there besides.
fn assert_contains(read: &serde_json::Value, written: &serde_json::Value, path: &Path) {
    match (read, written) {
        (serde_json::Value::Object(read), serde_json::Value::Object(written)) => {
            for (name, value) in written {
                let found = read
                    .get(name)
                    .unwrap_or_else(|| panic!("{}: {name} is lost", path.display()));
                assert_contains(found, value, path);
            }
        }
        _ => assert_eq!(read, written, "{}", path.display()),
    }
}

#[test]
fn every_bad_object_names_the_message_that_refuses_it() {
    for path in files_in(&here("tests/objects/bad")) {
        let text = read(&path);
        let expectation = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# expect: "));
        let expectation = expectation.unwrap_or_else(|| panic!("{}: no '# expect: '", path.display()));
        assert!(expectation.len() > 10, "{}: too little expected", path.display());
        let object: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let name = object["metadata"]["name"].as_str().unwrap();
        assert!(
            path.to_string_lossy().ends_with(&format!("-{name}.yaml")),
            "{}",
            path.display()
        );
    }
}

#[test]
fn status_fields_have_the_names_that_users_rely_on() {
    let status = crds::IPPoolStatus {
        assigned_ipv4: 1,
        assigned_ipv6: 2,
        available_ipv4: 3,
        reserved_ipv4: 4,
        outside_ipv6: 5,
        ..Default::default()
    };
    let json = serde_json::to_value(status).unwrap();
    let expected = serde_json::json!({
        "assignedIPv4": 1, "assignedIPv6": 2, "availableIPv4": 3, "availableIPv6": 0,
        "reservedIPv4": 4, "reservedIPv6": 0, "outsideIPv4": 0, "outsideIPv6": 5,
    });
    assert_eq!(json, expected);
}
