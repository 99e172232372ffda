//! The tour that `make demo` gives: from nothing to an external address that survives a pulled cable.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::clock::wait_for;
use crate::components::Components;
use crate::interrupt;
use crate::lab::Lab;
use crate::plan::Host;
use crate::spec::Spec;
use crate::state::NodeKind;
use crate::steps::{Steps, seconds};

mod failover;
mod watch;

const HERALD: &str = include_str!("../demo/herald.yaml");
const WEB: &str = include_str!("../demo/web.yaml");
const SERVICE: &str = include_str!("../demo/service.yaml");
/// The pool of `demo/herald.yaml`.
const POOL: std::ops::RangeInclusive<Ipv4Addr> =
    Ipv4Addr::new(192, 168, 1, 200)..=Ipv4Addr::new(192, 168, 1, 250);
const CLIENT: &str = "client";

/// What the tour measured.
struct Figures {
    /// From the Service's creation to its address, both as a watch saw them.
    assigned: Duration,
    /// From the cable to the first answer.
    silence: Duration,
    /// How the connections fared that began after it.
    since: String,
}

/// Brings a cluster up, installs Herald from an image archive and a chart, shows what a user would look at, pulls the
/// cable of the announcing node, and removes everything, also after Ctrl-C or a failure.
///
/// An error when anything is not as it should be.
pub fn demo(image: &Path, chart: &Path, components: Components, steps: &Steps) -> Result<()> {
    let spec = Spec {
        components: Some(components),
        steps: *steps,
        ..Spec::new("demo", NodeKind::Kubelet)
    };
    let lab = Lab::up(spec)?;
    let shown = show(&lab, image, chart, steps);
    if shown.is_err() && !interrupt::interrupted() {
        diagnose(&lab, steps);
    }
    let removed = interrupt::undisturbed(|| steps.step("removing the lab", || lab.down()));
    let figures = shown?;
    removed?;
    steps.note(&format!(
        "\nfigures: total {} · Service created to EXTERNAL-IP {} ms · cable pulled to answer {} ms · {}",
        seconds(steps.elapsed()),
        figures.assigned.as_millis(),
        figures.silence.as_millis(),
        figures.since,
    ));
    Ok(())
}

fn show(lab: &Lab, image: &Path, chart: &Path, steps: &Steps) -> Result<Figures> {
    steps.step("loading Herald's image into every node", || lab.load_image(image))?;
    steps.step("helm install herald --set deadNodes.markEndpoints=true", || {
        lab.install_herald_with(chart, &["deadNodes.markEndpoints=true"])
    })?;
    steps.note(&lab.kubectl(&["get", "pods", "--namespace", "herald-system", "--output", "wide"])?);
    steps.step("kubectl apply: an IPPool and an L2Advertisement", || {
        lab.kubectl_apply(HERALD)
    })?;
    steps.note(HERALD);
    steps.step("kubectl apply: Deployment web, 3 replicas", || {
        lab.kubectl_apply(WEB)?;
        lab.kubectl(&["rollout", "status", "deployment/web", "--timeout", "120s"])
    })?;

    let (address, assigned) = steps.step("kubectl apply: Service web of type LoadBalancer", || {
        watch::time_to_address(lab, SERVICE, Duration::from_secs(30))
    })?;
    steps.note(&lab.kubectl(&["get", "service", "web"])?);
    ensure!(
        POOL.contains(&address),
        "EXTERNAL-IP {address} is not in the pool"
    );

    let url = format!("http://{address}/");
    let answer = steps.step(&format!("client$ curl {url}"), || {
        wait_for("an answer", Duration::from_secs(15), || {
            lab.curl(CLIENT, &url, 2).map(Some)
        })
    })?;
    steps.note(&answer);
    ensure!(answer.starts_with("web-"), "the answer is no pod's name");

    let announcer = steps.step(&format!("client$ ip neigh show {address}"), || {
        announcer(lab, address)
    })?;
    steps.note(&format!(
        "{address} is at {}: that is {}",
        announcer.mac, announcer.name
    ));
    let story = steps.step("the Service's conditions and events", || {
        conditions_and_events(lab)
    })?;
    steps.note(&story);

    let name = &announcer.name;
    let cut = steps.step(
        &format!("pulling the cable of {name}, until curl answers again"),
        || failover::cut(lab, &announcer, address),
    )?;
    let next = steps.step(&format!("client$ ip neigh show {address}"), || {
        wait_for("another node's MAC", Duration::from_secs(5), || {
            let next = self::announcer(lab, address)?;
            Ok((next != announcer).then_some(next))
        })
    })?;
    steps.note(&format!("{address} is at {}: that is {}", next.mac, next.name));
    steps.note(&format!("silence: {} ms", cut.silence.as_millis()));
    let since = format!(
        "since then {} of {} new connections were answered",
        cut.answered, cut.asked
    );
    Ok(Figures {
        assigned,
        silence: cut.silence,
        since,
    })
}

/// The node whose MAC the client has for an address.
fn announcer(lab: &Lab, address: Ipv4Addr) -> Result<Host> {
    let entry = lab.neighbour(CLIENT, IpAddr::V4(address))?;
    let mac = entry
        .and_then(|entry| entry.mac)
        .context("the client has no neighbour entry")?;
    let host = lab
        .host_with_mac(&mac)
        .with_context(|| format!("nobody has the MAC {mac}"))?;
    ensure!(lab.nodes().contains(&host), "{mac} is {} and no node", host.name);
    Ok(host)
}

/// Waits for both of Herald's conditions and for an event, and gives them as a person reads them.
fn conditions_and_events(lab: &Lab) -> Result<String> {
    wait_for(
        "Herald's conditions on the Service, both True, and an event",
        Duration::from_secs(15),
        || {
            let service = lab.kubectl_json(&["get", "service", "web"])?;
            let conditions = service["status"]["conditions"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let events = lab.kubectl(&[
                "get",
                "events",
                "--field-selector",
                "involvedObject.kind=Service,involvedObject.name=web",
                "--output",
                "custom-columns=TYPE:.type,REASON:.reason,FROM:.reportingComponent,MESSAGE:.message",
                "--no-headers",
            ])?;
            let all = ["heraldlb.io/Allocated", "heraldlb.io/Announced"]
                .iter()
                .all(|kind| is_true(&conditions, kind));
            if !all || events.trim().is_empty() {
                anyhow::bail!(
                    "conditions are {}; events: {events}",
                    serde_json::to_string(&conditions)?
                );
            }
            Ok(Some(format!(
                "{}\n{events}",
                conditions.iter().map(line).collect::<Vec<_>>().join("\n")
            )))
        },
    )
}

fn is_true(conditions: &[Value], kind: &str) -> bool {
    conditions
        .iter()
        .any(|condition| condition["type"] == kind && condition["status"] == "True")
}

fn line(condition: &Value) -> String {
    let word = |name: &str| condition[name].as_str().unwrap_or_default().to_owned();
    format!(
        "{} = {}, {}: {}",
        word("type"),
        word("status"),
        word("reason"),
        word("message")
    )
}

/// Shows what a person would look at after a failure, as far as it can still be had.
fn diagnose(lab: &Lab, steps: &Steps) {
    let looks: [&[&str]; 5] = [
        &["describe", "service", "web"],
        &[
            "get",
            "nodes,pods,services",
            "--all-namespaces",
            "--output",
            "wide",
        ],
        &["get", "events", "--all-namespaces", "--sort-by", ".lastTimestamp"],
        &["get", "ippools,l2advertisements", "--output", "yaml"],
        &[
            "logs",
            "--namespace",
            "herald-system",
            "--selector",
            "app.kubernetes.io/name=herald",
            "--tail",
            "30",
            "--prefix",
        ],
    ];
    for words in looks {
        steps.note(&format!("\n$ kubectl {}", words.join(" ")));
        steps.note(&lab.kubectl(words).unwrap_or_else(|error| format!("{error:#}")));
    }
}
