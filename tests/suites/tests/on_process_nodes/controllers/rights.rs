use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use suites::{Bed, ELECTION, User, on, root};

use super::{POOL, attempts, check, now, wait_until_served};

/// The controller as the chart runs it: it may do what the chart's roles let it, and no more.
const CONTROLLER: User<'static> = User {
    name: "system:serviceaccount:herald-system:herald-controller",
    group: None,
};

/// A definition that may be missing.
const RESERVATIONS: &str = "ipreservations.heraldlb.io";

const SERVICES: usize = 5;

/// How long the right is missing.
const MISSING: Duration = Duration::from_secs(10);

/// How often the controller may try to write one Service in that time: 50 ms after the first try, then twice as late
/// each time.
const TRIES: usize = 9;

/// F35: without the right to write a status the controller goes on, says so, and does not hammer the API server; it serves
/// those who wait when it has the right again.
#[test]
fn a_controller_without_a_right_waits_for_it_without_haste() {
    on(Bed::bare("rights"), |bed| {
        bed.pool("lan", POOL)?;
        give_rights(bed)?;
        let history = bed.lab.history()?;
        let controller = bed.controller_with(1, CONTROLLER, ELECTION)?;
        bed.service("before", json!({}))?;
        bed.address("before")?;

        let taken = take_right_to_write(bed)?;
        let began = now();
        bed.services("web", SERVICES)?;
        bed.wait("the metric of failed writes to say so", || {
            let failed = bed.metric(1, r#"herald_controller_status_writes_total{outcome="Failed"}"#)?;
            Ok(failed.filter(|failed| *failed >= SERVICES as f64))
        })?;
        bed.wait(
            "the time to pass",
            || Ok((now() - began >= MISSING).then_some(())),
        )?;
        let mut denied: BTreeMap<String, usize> = BTreeMap::new();
        for attempt in attempts(&bed.lab, CONTROLLER.name)? {
            if attempt.resource == "services/status" && attempt.code == 403 {
                *denied.entry(attempt.name).or_default() += 1;
            }
        }
        ensure!(
            denied.len() == SERVICES && denied.values().all(|count| (2..=TRIES).contains(count)),
            "denied: {denied:?}"
        );
        ensure!(controller.alive() && bed.metric(1, "herald_controller_leader")? == Some(1.0));

        bed.lab.kubectl_apply(&taken.to_string())?;
        let standing = wait_until_served(bed)?;
        check(&history.story()?, standing)
    });
}

/// P-OBS-21, F35: what is missing is named where people and kubelets look, and nothing has to be started anew when it is there.
#[test]
fn a_controller_that_could_not_lead_says_why_and_is_ready_when_it_could() {
    on(Bed::bare("unready"), |bed| {
        bed.lab.kubectl(&["delete", "crd", RESERVATIONS])?;
        let controller = bed.release("herald-system", 1, CONTROLLER, ELECTION)?;
        let says = |words: &[&str]| {
            bed.wait(&format!("the controller to say {words:?}"), || {
                // It may not listen yet.
                let answer = bed.readiness(1).unwrap_or_default();
                let all = words.iter().all(|word| answer.contains(word));
                Ok(all.then_some(answer))
            })
        };
        let answer = says(&[
            "no right to list services",
            "no right to list ippools.heraldlb.io",
        ])?;
        ensure!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        give_rights(bed)?;
        let undefined = format!("api: there is no definition of {RESERVATIONS}");
        let answer = says(&[&undefined])?;
        ensure!(
            answer.starts_with("HTTP/1.1 503") && !answer.contains("no right"),
            "{answer}"
        );
        let metric = r#"herald_ready_condition{condition="api"}"#;
        ensure!(bed.metric(1, metric)? == Some(0.0));
        let file = root()
            .join("deploy/herald/files/crds")
            .join(format!("{RESERVATIONS}.yaml"));
        bed.lab.kubectl_apply(&std::fs::read_to_string(file)?)?;
        says(&["HTTP/1.1 200"])?;
        ensure!(bed.metric(1, metric)? == Some(1.0) && controller.alive());
        Ok(())
    });
}

/// The chart's roles and their bindings.
fn give_rights(bed: &Bed) -> Result<()> {
    let chart = root().join("deploy/herald");
    let chart = chart.to_str().context("a path that is no UTF-8")?;
    let roles = bed.lab.helm(&[
        "template",
        "herald",
        chart,
        "--namespace",
        "herald-system",
        "--show-only",
        "templates/controller/rbac.yaml",
    ])?;
    bed.lab.kubectl_apply(&roles).map(drop)
}

/// Takes `patch services/status` out of the role that has it; gives the role as it was.
fn take_right_to_write(bed: &Bed) -> Result<Value> {
    let roles = bed
        .lab
        .kubectl_json(&["get", "clusterroles", "-l", "app.kubernetes.io/name=herald"])?;
    let grants = |rule: &Value| rule["resources"] == json!(["services/status"]);
    let roles = roles["items"].as_array().into_iter().flatten();
    let has = |role: &&Value| {
        role["rules"]
            .as_array()
            .is_some_and(|rules| rules.iter().any(grants))
    };
    let mut role = roles
        .into_iter()
        .find(has)
        .context("no role may write the status of Services")?
        .clone();
    role["metadata"] = json!({"name": role["metadata"]["name"], "labels": role["metadata"]["labels"]});
    let whole = role.clone();
    if let Some(rules) = role["rules"].as_array_mut() {
        rules.retain(|rule| !grants(rule));
    }
    bed.lab.kubectl_apply(&role.to_string())?;
    Ok(whole)
}
