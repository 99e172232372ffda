//! `herald-speaker`: tells the network where the addresses of Services are.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::Parser;
use config::service::Classes;
use model::NodeName;
use process::probes::{self, Readiness};
use process::{client, logging, signals};
use prometheus_client::registry::Registry;
use speaker::announcer::{Announcer, Holdings};
use speaker::args::Args;
use speaker::decision::Decider;
use speaker::heartbeat::Heartbeat;
use speaker::links::{ExcludeList, Watcher};
use speaker::metrics;
use speaker::outbox::Standings;
use speaker::reporter::Reporter;
use speaker::speaker::{KNOWLEDGE, Speaker, follow_all};
use tokio::sync::{mpsc, watch};

const USER_AGENT: &str = concat!("herald-speaker/", env!("CARGO_PKG_VERSION"));

/// How long a speaker that stops goes on answering after it took leave, so that there is no moment without an answer.
const HAND_OVER: Duration = Duration::from_millis(500);

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "cannot go on");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let terminated = signals::terminated();
    let Args {
        namespace,
        node_name,
        listen,
        kubeconfig,
        load_balancer_class: class,
        require_class,
        ignore_exclude_label,
        exclude_interfaces,
        log_level,
        log_format,
    } = args;
    logging::init(&log_level, log_format);
    let classes = Classes { class, require_class };
    let excluded = match &exclude_interfaces {
        Some(patterns) => ExcludeList::new(patterns.iter().map(String::as_str))?,
        None => ExcludeList::default(),
    };
    let me = NodeName(node_name.clone());

    let (holdings, desired) = watch::channel(Arc::new(Holdings::new()));
    let (report_sender, reports) = mpsc::unbounded_channel();
    let (links_watcher, links) = Watcher::open().await?;
    let announcer = Announcer::new(desired, links, excluded, report_sender);

    let mut registry = Registry::default();
    metrics::register(&mut registry, announcer.statistics());
    let readiness = Readiness::new(&[KNOWLEDGE]);
    probes::serve(listen, registry, readiness.clone()).await?;
    let mut linking = tokio::spawn(links_watcher.run());
    let mut announcing = tokio::spawn(announcer.run());

    let client = client::connect(kubeconfig.as_deref(), USER_AGENT).await?;
    // A heartbeat waits behind nothing else.
    let heart_client = client::connect(kubeconfig.as_deref(), USER_AGENT).await?;
    let (stop, stopped) = watch::channel(false);
    let heart = tokio::spawn(Heartbeat::new(heart_client, &namespace, &node_name).run(stopped.clone()));
    let (standings, told) = watch::channel(Standings::new());
    tokio::spawn(Reporter::new(client.clone(), &node_name, told).run());

    let (inputs, received) = mpsc::channel(1024);
    let mut watches = follow_all(&client, &namespace, &inputs);
    let decider = Decider::new(me.clone(), classes, ignore_exclude_label);
    let speaker = Speaker {
        me,
        decider,
        holdings: holdings.clone(),
        standings,
        readiness,
    };
    let mut speaking = tokio::spawn(speaker.run(received, reports, stopped));
    tracing::info!(node = node_name, "speaking");

    // None of these ends by itself. A speaker without one of them is worse than none: a new one starts from scratch.
    tokio::select! {
        asked = terminated => asked?,
        ended = &mut announcing => bail!("the announcer has ended: {ended:?}"),
        ended = &mut linking => bail!("nobody follows the interfaces any more: {ended:?}"),
        ended = &mut speaking => bail!("nobody decides any more: {ended:?}"),
        ended = watches.join_next() => bail!("a watch has ended: {ended:?}"),
    }
    tracing::info!("taking leave");
    stop.send_replace(true);
    let _ = heart.await;
    let _ = speaking.await;
    // Not a wait for something: the others have been told and take over, and until they have, we still answer.
    tokio::time::sleep(HAND_OVER).await;
    drop(holdings);
    let _ = announcing.await;
    Ok(())
}
