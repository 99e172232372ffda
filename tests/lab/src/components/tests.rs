use super::modules::{kubernetes_version, major_and_minor};
use super::*;

fn sources(folder: &Path) {
    for module in &MODULES {
        fs::create_dir_all(folder.join(module.name)).unwrap();
        fs::write(
            folder.join(module.name).join("go.mod"),
            "require k8s.io/kubernetes v1.36.3\n",
        )
        .unwrap();
    }
}

#[test]
fn the_key_changes_with_a_pin_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    sources(folder.path());
    let first = key(folder.path()).unwrap();
    assert_eq!(key(folder.path()).unwrap(), first);

    fs::write(folder.path().join("web/go.sum"), "sum").unwrap();
    let second = key(folder.path()).unwrap();
    assert_ne!(second, first);

    // The same bytes in another file are another pin.
    fs::rename(
        folder.path().join("web/go.sum"),
        folder.path().join("web/main.go"),
    )
    .unwrap();
    assert_ne!(key(folder.path()).unwrap(), second);
}

#[test]
fn the_version_that_programs_report_is_the_one_that_is_pinned() {
    let go_mod = "module a\n\nrequire (\n\tk8s.io/kubernetes v1.36.3\n\tk8s.io/utils v0.1.0\n)\n";
    assert_eq!(kubernetes_version(go_mod).unwrap(), "v1.36.3");
    assert!(kubernetes_version("module a\n").is_err());
    assert_eq!(major_and_minor("v1.36.3").unwrap(), ("1", "36"));
}

#[test]
fn a_program_of_the_user_comes_before_a_built_one() {
    let folder = tempfile::tempdir().unwrap();
    let (official, built) = (folder.path().join("official"), folder.path().join("built"));
    for (place, program) in [(&official, "kubectl"), (&built, "kubectl"), (&built, "etcd")] {
        fs::create_dir_all(place).unwrap();
        fs::write(place.join(program), "").unwrap();
    }
    let components = Components {
        folders: vec![official.clone(), built.clone()],
    };
    assert_eq!(components.path("kubectl").unwrap(), official.join("kubectl"));
    assert_eq!(components.path("etcd").unwrap(), built.join("etcd"));
    assert!(components.path("kubelet").is_err());
}

#[test]
fn a_module_is_built_only_when_one_of_its_programs_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let components = Components {
        folders: vec![folder.path().to_owned()],
    };
    for program in MODULES
        .iter()
        .flat_map(Module::programs)
        .filter(|program| *program != "ctr")
    {
        fs::write(folder.path().join(program), "").unwrap();
    }
    let missing: Vec<_> = components.missing().iter().map(|module| module.name).collect();
    assert_eq!(
        missing,
        ["containerd"],
        "official folders have no multi-call `kube`, and need none"
    );
}
