//! What is left when Herald goes, and that it can be deleted.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use suites::{Bed, on, root};

use crate::chart::installed;

const FINALIZER: &str = "heraldlb.io/in-use";

/// A pool that is in use, and so carries a finalizer.
fn in_use(name: &str) -> Result<Bed> {
    let bed = installed(name, 1)?;
    bed.address("web")?;
    held(&bed)?;
    Ok(bed)
}

fn held(bed: &Bed) -> Result<()> {
    bed.wait("the pool to be held", || {
        Ok((finalizers(bed)? == json!([FINALIZER])).then_some(()))
    })
}

fn finalizers(bed: &Bed) -> Result<Value> {
    Ok(bed.lab.kubectl_json(&["get", "ippools.heraldlb.io", "lan"])?["metadata"]["finalizers"].clone())
}

fn uninstall(bed: &Bed, flags: &[&str]) -> Result<()> {
    let words = [
        "uninstall",
        "herald",
        "--namespace",
        "herald-system",
        "--wait",
        "--timeout",
        "120s",
    ];
    bed.lab.helm(&[&words[..], flags].concat()).map(drop)
}

/// The Service shows the address still, and its pool is there, held by nobody.
fn kept(bed: &Bed, ip: &str) -> Result<()> {
    ensure!(bed.address("web")? == ip, "the address went with the chart");
    let finalizers = finalizers(bed)?;
    ensure!(finalizers.is_null(), "the pool cannot be deleted: {finalizers}");
    Ok(())
}

/// But for what is kept on purpose: the key of the speakers, and the Lease that says that nobody leads.
fn nothing_is_left(bed: &Bed) -> Result<()> {
    let kinds = "deployments,daemonsets,jobs,pods,serviceaccounts,roles,rolebindings,configmaps";
    bed.wait("everything in the namespace to go", || {
        let left = bed
            .lab
            .kubectl(&["get", kinds, "-n", "herald-system", "-o", "name"])?;
        let ours = |name: &&str| !["serviceaccount/default", "configmap/kube-root-ca.crt"].contains(name);
        Ok(left.lines().all(|name| !ours(&name)).then_some(()))
    })?;
    let kinds =
        "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings";
    let left = bed.lab.kubectl(&["get", kinds, "-o", "name"])?;
    ensure!(!left.contains("herald"), "left behind: {left}");
    Ok(())
}

fn definitions_can_be_deleted(bed: &Bed) -> Result<()> {
    let names = bed.lab.kubectl(&["get", "crds", "-o", "name"])?;
    let ours = names.lines().filter(|name| name.ends_with(".heraldlb.io"));
    let words = ["delete", "--timeout=30s"].into_iter().chain(ours);
    bed.lab.kubectl(&words.collect::<Vec<_>>())?;
    Ok(())
}

/// By Helm alone, with the controller running and with it gone; then it comes back, and goes on with the same addresses.
#[test]
fn an_uninstalled_chart_keeps_addresses_and_leaves_nothing_that_cannot_be_deleted() {
    on(in_use("uninstalled"), |bed| {
        let ip = bed.address("web")?;
        uninstall(bed, &[])?;
        kept(bed, &ip)?;
        nothing_is_left(bed)?;

        bed.lab.install_herald(&root().join("deploy/herald"))?;
        held(bed)?;
        ensure!(
            bed.address("web")? == ip,
            "another address after a new installation"
        );
        bed.lab
            .kubectl(&["delete", "deployment", "herald-controller", "-n", "herald-system"])?;
        uninstall(bed, &[])?;
        kept(bed, &ip)?;
        definitions_can_be_deleted(bed)
    });
}

/// The way out that the notes of the chart print, for those whose tool runs no hooks.
#[test]
fn a_pool_whose_controller_is_gone_is_released_by_what_the_notes_say() {
    on(in_use("notes"), |bed| {
        let notes = bed
            .lab
            .helm(&["get", "notes", "herald", "--namespace", "herald-system"])?;
        uninstall(bed, &["--no-hooks"])?;
        bed.lab
            .kubectl(&["delete", "ippools.heraldlb.io", "lan", "--wait=false"])?;
        ensure!(finalizers(bed)? == json!([FINALIZER]), "nothing to be released");
        let line = notes
            .lines()
            .map(str::trim)
            .find(|line| line.contains("\"finalizers\":null"));
        let line = line.context("the notes say how pools are released")?;
        let kubectl = bed.lab.components().path("kubectl")?;
        let folder = kubectl
            .parent()
            .context("kubectl is in a folder")?
            .display()
            .to_string();
        let with_kubectl = r#"PATH="$1:$PATH"; export PATH; eval "$2""#;
        let run = Command::new("sh")
            .args(["-c", with_kubectl, "sh", &folder, line])
            .env("KUBECONFIG", bed.lab.kubeconfig())
            .output()?;
        ensure!(
            run.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
        bed.wait("the pool to go", || {
            let pools = bed.lab.kubectl(&["get", "ippools.heraldlb.io", "-o", "name"])?;
            Ok(pools.trim().is_empty().then_some(()))
        })?;
        definitions_can_be_deleted(bed)
    });
}

/// The other way to uninstall: pools that let go are deleted first.
#[test]
fn pools_that_move_and_are_deleted_release_their_addresses_before_the_chart_goes() {
    on(in_use("released"), |bed| {
        let all = bed.lab.kubectl(&["get", "ippools.heraldlb.io", "-o", "name"])?;
        for pool in all.lines() {
            let policy = r#"{"spec":{"reclaimPolicy":"Move"}}"#;
            bed.lab.kubectl(&["patch", pool, "--type=merge", "-p", policy])?;
        }
        bed.lab
            .kubectl(&["delete", "ippools.heraldlb.io", "--all", "--timeout=30s"])?;
        bed.wait("the Service to have no address", || {
            let service = bed.lab.kubectl_json(&["get", "service", "web"])?;
            Ok(service["status"]["loadBalancer"]["ingress"]
                .is_null()
                .then_some(()))
        })?;
        uninstall(bed, &[])?;
        definitions_can_be_deleted(bed)
    });
}
