use std::net::IpAddr;

use anyhow::bail;
use explain::{Part, ServiceReport, Study};
use jiff::Timestamp;
use model::{NodeName, ServiceName};
use process::clock::wall_clock;

use crate::Outcome;
use crate::args::{Common, Why};
use crate::fetch::Reader;
use crate::output::{Output, age, finding, heading, plain};

pub(crate) async fn run(
    reader: &Reader,
    common: &Common,
    why: &Why,
    out: &Output,
) -> anyhow::Result<Outcome> {
    let (cluster, installation) = (reader.cluster().await?, common.installation());
    let study = Study::of(&cluster, &installation);
    let namespace = common.namespace.as_deref();
    let services = meant(&study, &why.what, namespace, &reader.namespace)?;
    let mut outcome = Outcome::Fine;
    let now = wall_clock();
    for service in services {
        let Some(report) = study.service(&service) else {
            continue;
        };
        if report.is_broken() {
            outcome = Outcome::Found;
        }
        out.report("ServiceReport", &report, |report| text(report, now))?;
    }
    Ok(outcome)
}

/// The Services that `what` is about.
fn meant(
    study: &Study<'_>,
    what: &str,
    namespace: Option<&str>,
    default: &str,
) -> anyhow::Result<Vec<ServiceName>> {
    if let Ok(address) = what.parse::<IpAddr>() {
        let services: Vec<_> = study.services_with(address).into_iter().cloned().collect();
        if services.is_empty() {
            bail!("no Service shows {address}: `kubectl herald addresses` lists those that are shown");
        }
        return Ok(services);
    }
    let what = what
        .strip_prefix("service/")
        .or_else(|| what.strip_prefix("svc/"))
        .unwrap_or(what);
    let (namespace, name) = match what.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (namespace, what),
    };
    let here: Vec<_> = study
        .services_named(Some(namespace.unwrap_or(default)), name)
        .cloned()
        .collect();
    let everywhere: Vec<_> = study.services_named(namespace, name).cloned().collect();
    for found in [
        here,
        everywhere,
        study.services_of_pod(namespace.unwrap_or(default), name),
    ] {
        if !found.is_empty() {
            return Ok(found);
        }
    }
    if study.nodes().any(|node| node == name) {
        let held = study.held_by(&NodeName(name.to_owned()));
        if held.is_empty() {
            bail!(
                "node {name} answers for no Service: `kubectl herald status` says what is wrong with its speaker, if anything is"
            );
        }
        let names = held.iter().filter_map(|row| row.service.split_once('/'));
        return Ok(names
            .map(|(namespace, name)| ServiceName::new(namespace, name))
            .collect());
    }
    bail!("{}", unknown(study, name))
}

/// There is nothing of this name; what was meant may be.
fn unknown(study: &Study<'_>, name: &str) -> String {
    let mut near: Vec<_> = study
        .service_names()
        .map(|service| {
            (
                strsim::damerau_levenshtein(&service.name, name),
                service.to_string(),
            )
        })
        .filter(|(distance, _)| *distance <= 1 + name.len() / 4)
        .collect();
    near.sort();
    let near: Vec<_> = near.into_iter().take(3).map(|(_, service)| service).collect();
    let hint = match near.is_empty() {
        true => "`kubectl get services -A` lists them".to_owned(),
        false => format!("do you mean {}?", near.join(" or ")),
    };
    format!("no Service of type LoadBalancer, no pod behind one, and no node is called {name}: {hint}")
}

fn text(report: &ServiceReport, now: Timestamp) -> String {
    let mut lines = vec![heading(&format!("Service {}", report.service))];
    let mut last = None;
    for step in &report.steps {
        if last != Some(step.part) {
            lines.push(format!("  {}", title(step.part)));
            last = Some(step.part);
        }
        let since = step
            .since
            .map(|since| format!(", {} ago", age(Some(since), now)))
            .unwrap_or_default();
        lines.push(format!("    {} ({}{since})", plain(&step.text), step.source));
    }
    for found in &report.findings {
        lines.push(format!("  {}", finding(found)));
    }
    lines.push(match &report.cause {
        Some(cause) => format!("  Look first at {}: {}", cause.code.word(), plain(&cause.text)),
        None => "  Nothing is wrong, as far as objects say.".to_owned(),
    });
    lines.join("\n")
}

fn title(part: Part) -> &'static str {
    match part {
        Part::Request => "asks",
        Part::Pools => "pools",
        Part::Addresses => "has",
        Part::Nodes => "may be announced from",
        Part::Segment => "on the segments",
        Part::Routers => "at the routers",
        Part::Endpoints => "endpoints",
    }
}
