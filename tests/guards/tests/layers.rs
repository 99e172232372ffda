//! What a crate may know: see ARCHITECTURE.md.

use guards::output;

/// Crates that only decide.
const PURE: &[&str] = &["model", "ipam", "announce", "l2", "bgp", "bfd"];

/// Runtimes, clients and sockets: what decides gets along without them.
const RUNTIMES: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "hyper",
    "socket2",
    "nix",
    "rtnetlink",
    "kube-client",
    "kube-runtime",
];

/// What the API looks like: nobody but `config` and the daemons needs to know.
const API: &[&str] = &["kube", "kube-core", "k8s-openapi", "crds"];

/// Sources of chance.
const CHANCE: &[&str] = &["rand", "getrandom", "fastrand"];

fn dependencies(package: &str) -> Vec<String> {
    let tree = output(
        env!("CARGO"),
        &[
            "tree",
            "--offline",
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--package",
            package,
        ],
    );
    tree.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn assert_without(package: &str, banned: &[&str]) {
    let dependencies = dependencies(package);
    assert!(
        dependencies.iter().any(|dependency| dependency == package),
        "cargo tree knows {package}"
    );
    for dependency in dependencies {
        assert!(
            !banned.contains(&dependency.as_str()),
            "{package} must not depend on {dependency}"
        );
    }
}

#[test]
fn crates_that_decide_pull_in_no_runtime_no_api_and_no_chance() {
    for package in PURE {
        assert_without(package, RUNTIMES);
        assert_without(package, API);
        assert_without(package, CHANCE);
    }
    // The cipher's library can make keys, which takes chance; sealing and opening take none.
    assert_without("claim", RUNTIMES);
    assert_without("claim", API);
}

#[test]
fn config_and_what_allocates_know_the_api_types_and_no_client() {
    assert_without("allocate", RUNTIMES);
    assert_without("allocate", &["api", "lease", "process"]);
    assert_without("dead-nodes", RUNTIMES);
    assert_without(
        "dead-nodes",
        &["api", "lease", "process", "allocate", "claim", "l2"],
    );
    assert_without("config", RUNTIMES);
    assert_without("crds", RUNTIMES);
}

#[test]
fn stages_know_their_successors_words_and_no_predecessor() {
    assert_without("model", &["ipam", "announce", "claim", "l2", "config"]);
    assert_without("ipam", &["announce", "claim", "l2", "config"]);
    assert_without("announce", &["ipam", "claim", "l2", "bfd", "config"]);
    assert_without("bgp", &["ipam", "announce", "claim", "l2", "bfd", "config"]);
    assert_without(
        "bfd",
        &["ipam", "announce", "claim", "l2", "bgp", "config", "model"],
    );
    assert_without("claim", &["ipam", "announce", "l2", "config"]);
    assert_without("l2", &["ipam", "announce", "claim", "config", "model"]);
    const DECIDED: &[&str] = &["ipam", "announce", "claim", "l2", "config", "crds", "model"];
    assert_without("process", DECIDED);
    assert_without("process", API);
    // Of what watches say `config` has the words.
    for library in ["api", "lease"] {
        assert_without(library, &["claim", "l2"]);
    }
}
