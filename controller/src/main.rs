//! `herald-controller`: gives Services of type LoadBalancer their addresses.
//!
//! One replica leads, the others stand by. [`allocate`] has the machines that decide; [`leader`] feeds them from watches, and
//! [`sender`] carries their decisions out.
#![forbid(unsafe_code)]

mod args;
mod command;
mod configuration;
mod dead_nodes;
mod finalizers;
mod leader;
mod metrics;
mod segment_keys;
mod sender;
mod status_writer;
mod telling;

use std::process::ExitCode;
use std::sync::Arc;

use allocate::{REQUEST_TIMEOUT, Release};
use anyhow::Context;
use api::health::{self, Health, Trouble};
use api::{client, kinds, version};
use config::Kind;
use config::service::Classes;
use k8s_openapi::api::core::v1::Service;
use kube::api::ListParams;
use kube::{Api, Client};
use lease::{Identity, Leadership, Lease, Resign, Seniority, Timing};
use model::NodeName;
use process::clock::now;
use process::confinement::Confinement;
use process::probes::{self, Liveness, Readiness};
use process::signals;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::args::Args;
use crate::command::{CommandLine, Task};
use crate::dead_nodes::Marking;
use crate::leader::Leader;
use crate::metrics::Metrics;

const USER_AGENT: &str = concat!("herald-controller/", env!("CARGO_PKG_VERSION"));

/// What a replica needs to be ready: to take part in the election, whoever leads.
const ELECTION: &str = "election";
/// And that no older release serves what this one serves.
const SENIORITY: &str = "seniority";
/// And to be able to lead, which takes definitions, rights, and an API server that is new enough.
const API: &str = "api";

fn main() -> ExitCode {
    let command = CommandLine::parse();
    command.start_logging();
    // Before there is a second thread: the kernel keeps most of it for each thread.
    let confinement = Confinement {
        user: None,
        capabilities: Vec::new(),
        writes: None,
    };
    confinement.enter();
    match carry_out(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "cannot go on");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: CommandLine) -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match command {
            CommandLine::Serve(args) => run(args).await,
            CommandLine::Once(Task::ApplyConfiguration(args)) => configuration::apply(args).await,
            CommandLine::Once(Task::ReleaseFinalizers(args)) => finalizers::release(args).await,
        }
    })
}

async fn run(args: Args) -> anyhow::Result<()> {
    let Args {
        namespace,
        identity,
        listen,
        kubeconfig,
        load_balancer_class: classes,
        require_class,
        segment_secret,
        mark_dead_endpoints,
        node,
        kubelet_port,
        lease_name,
        lease_duration,
        renew_deadline,
        retry_period,
        log_level: _,
        log_format: _,
    } = args;
    let release = Arc::new(Release::new(Classes {
        classes,
        require_class,
    }));
    let timing = Timing::new(lease_duration, renew_deadline, retry_period, REQUEST_TIMEOUT)?;

    let metrics = Metrics::default();
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    if mark_dead_endpoints {
        metrics.register_dead_nodes(&mut registry);
    }
    let readiness = Readiness::new(&[ELECTION, SENIORITY, API]);
    let liveness = Liveness::default();
    probes::serve(listen, registry, readiness.clone(), liveness.clone()).await?;

    let (stop_sender, mut stop) = watch::channel(false);
    let terminated = signals::terminated();
    tokio::spawn(async move {
        if let Err(error) = terminated.await {
            tracing::error!(%error, "cannot wait for signals");
        }
        stop_sender.send_replace(true);
    });

    let (resign, resigned) = watch::channel(Resign::No);
    let (leadership, mut leading) = watch::channel(Leadership::Standby);
    let election_client = client::connect(kubeconfig.as_deref(), USER_AGENT).await?;
    let lease = Lease {
        namespace: namespace.clone(),
        name: lease_name,
        identity: Identity::of_this_process(&identity)?,
        alone: release.alone(),
    };
    let health = Health::default();
    let (electing, elected) = (health.clone(), lease.clone());
    let election = tokio::spawn(async move {
        lease::run(election_client, elected, timing, leadership, resigned, &electing).await;
    });
    readiness.met(ELECTION);

    let client = client::connect(kubeconfig.as_deref(), USER_AGENT).await?;
    let mut seniority = lease::follow_seniority(client.clone(), &lease, &health);
    tokio::spawn(tell_seniority(
        seniority.clone(),
        readiness.clone(),
        metrics.clone(),
    ));
    let _probing = probe(&client, &health, readiness);
    if mark_dead_endpoints {
        let marking = Marking {
            client: client.clone(),
            identity: identity.clone(),
            manager: release.manager.clone(),
            node: node.map(NodeName),
            kubelet_port,
            metrics: metrics.clone(),
            liveness: liveness.clone(),
            health: health.clone(),
        };
        tokio::spawn(marking.run());
    }
    let leader = Leader {
        client,
        identity,
        release,
        metrics,
        liveness,
        health,
    };
    tracing::info!("standing by");
    let mut farewell = Resign::GiveBack;
    while !*stop.borrow() {
        if farewell == Resign::Abandon {
            // What this replica sent when it led last may still take effect, and must not surprise it.
            let _ = tokio::time::timeout(REQUEST_TIMEOUT, stop.wait_for(|stop| *stop)).await;
        }
        tokio::select! {
            led = leading.wait_for(|leadership| leadership.leads(now())) => {
                if led.is_err() {
                    // The election has ended without being asked to: its end says why.
                    break;
                }
            }
            _ = stop.wait_for(|stop| *stop) => break,
        }
        tokio::select! {
            oldest = seniority.wait_for(|seniority| *seniority == Seniority::Oldest) => {
                if oldest.is_err() {
                    break;
                }
            }
            _ = leading.wait_for(|leadership| !leadership.leads(now())) => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        }
        tracing::info!("leading");
        if let Some(secret) = &segment_secret {
            let (client, namespace) = (leader.client.clone(), namespace.clone());
            tokio::spawn(segment_keys::provide(client, namespace, secret.clone()));
        }
        farewell = leader.clone().lead(&mut leading, &mut seniority, &mut stop).await;
        tracing::info!("no longer leading");
    }
    resign.send_replace(farewell);
    election.await.context("the election ended badly")
}

/// Says of the readiness whether an older release serves what this one serves: then nobody here leads.
async fn tell_seniority(mut seniority: watch::Receiver<Seniority>, readiness: Readiness, metrics: Metrics) {
    loop {
        let current = seniority.borrow_and_update().clone();
        metrics.outranked(matches!(current, Seniority::Younger { .. }));
        match current {
            Seniority::Unknown => {
                readiness.unmet(SENIORITY, "the Leases of other releases are not known yet")
            }
            Seniority::Oldest => readiness.met(SENIORITY),
            Seniority::Younger { than, word } => {
                let reason = format!(
                    "the release in namespace {} serves {word} already: uninstall one of the two, or give this one another \
                     loadBalancerClass and requireClass",
                    than.namespace
                );
                readiness.unmet(SENIORITY, &reason);
            }
        }
        if seniority.changed().await.is_err() {
            return;
        }
    }
}

/// Finds out whether this replica could lead, whoever leads, and says so of its readiness.
fn probe(client: &Client, health: &Health, readiness: Readiness) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let tell = move |troubles: &[Trouble]| match health::reason(troubles) {
        None => readiness.met(API),
        Some(reason) => readiness.unmet(API, &reason),
    };
    tasks.spawn(version::follow(client.clone(), health.clone()));
    let services = ListParams::default().fields("spec.type=LoadBalancer");
    let api: Api<Service> = Api::all(client.clone());
    tasks.spawn(health::probe(health.watch::<Service>(), api, services));
    kinds::probe(&mut tasks, client, health, Kind::ALL.iter().copied());
    tasks.spawn(health.clone().follow(tell));
    tasks
}
