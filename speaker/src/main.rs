//! `herald-speaker`: tells the network where the addresses of Services are.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use config::service::Classes;
use model::NodeName;
use process::probes::{self, Readiness};
use process::{client, logging, signals};
use prometheus_client::registry::Registry;
use speaker::announcer::{Agreeing, Announcer, Leave, Memory};
use speaker::args::Args;
use speaker::decision::{Decider, Settings};
use speaker::keeper::{self, Keeper};
use speaker::links::{ExcludeList, Watcher};
use speaker::outbox::Standings;
use speaker::reporter::Reporter;
use speaker::scene::Scene;
use speaker::speaker::{KNOWLEDGE, SEGMENTS, Speaker, follow_all};
use speaker::state::State;
use speaker::status::{self, Picture};
use speaker::{datapath, departure, keys, metrics};
use tokio::sync::{mpsc, oneshot, watch};

const USER_AGENT: &str = concat!("herald-speaker/", env!("CARGO_PKG_VERSION"));

/// How long a speaker that ends waits at most for the others to take over what it holds.
const HAND_OVER: Duration = Duration::from_secs(3);

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
        segment_keys,
        state_dir,
        daemon_set,
        kube_proxy_health,
        drain_on_cordon,
        log_level,
        log_format,
    } = args;
    logging::init(&log_level, log_format);
    let excluded = match &exclude_interfaces {
        Some(patterns) => ExcludeList::new(patterns.iter().map(String::as_str))?,
        None => ExcludeList::default(),
    };
    let me = NodeName(node_name.clone());
    let (key_sender, keys) = watch::channel(keys::read(&segment_keys).context("--segment-keys")?);
    let state_file = state_dir.map(|folder| folder.join(keeper::file(&me)));
    let State { wanted, segments } = state_file
        .as_ref()
        .map(|file| Keeper::recall(file, &me))
        .unwrap_or_default();

    // What is announced goes on, or begins, without the API server.
    let (wanted, desired) = watch::channel(Arc::new(wanted));
    let (able_sender, able) = watch::channel(true);
    let (leave, leaving) = watch::channel(Leave::Stay);
    let memory = Memory::new(segments);
    let (report_sender, reports) = mpsc::unbounded_channel();
    let (links_watcher, links) = Watcher::open().await?;
    let announcer = Announcer::new(me.clone(), desired, links, excluded, report_sender).agreeing(Agreeing {
        me: me.clone(),
        settings: claim::Settings::default(),
        keys,
        able,
        leave: leaving,
        memory: memory.clone(),
    });
    let keeper = state_file.map(|path| Keeper {
        path,
        me: me.clone(),
        wanted: wanted.subscribe(),
        segments: memory.follow(),
    });
    let last_word = keeper.clone();
    let mut registry = Registry::default();
    metrics::register(&mut registry, announcer.statistics());
    let readiness = Readiness::new(&[KNOWLEDGE, SEGMENTS]);
    probes::serve(listen, registry, readiness.clone()).await?;
    let mut linking = tokio::spawn(links_watcher.run());
    let mut announcing = on_its_own_thread(announcer)?;
    tokio::spawn(datapath::follow(kube_proxy_health, able_sender));
    tokio::spawn(keys::follow(segment_keys, key_sender));
    if let Some(keeper) = keeper {
        tokio::spawn(keeper.run());
    }

    let client = client::connect(kubeconfig.as_deref(), USER_AGENT).await?;
    let (standings, told) = watch::channel(Standings::new());
    tokio::spawn(Reporter::new(client.clone(), &node_name, told).run());
    let (pictures, shown) = watch::channel(Picture::default());
    tokio::spawn(status::show(client.clone(), node_name.clone(), shown));
    let (inputs, received) = mpsc::channel(1024);
    let mut watches = follow_all(&client, &inputs);
    let decider = Decider::new(Settings {
        me: me.clone(),
        classes: Classes { class, require_class },
        ignore_exclude_label,
        drain_on_cordon,
    });
    let speaker = Speaker {
        decider,
        scene: Scene::new(me),
        wanted,
        standings,
        pictures,
        readiness,
    };
    let mut speaking = tokio::spawn(speaker.run(received, reports));
    tracing::info!(node = node_name, "speaking");

    // None of these ends by itself. A speaker without one of them is worse than none: a new one starts from scratch.
    tokio::select! {
        asked = terminated => asked?,
        ended = &mut announcing => bail!("the announcer has ended: {ended:?}"),
        ended = &mut linking => bail!("nobody follows the interfaces any more: {ended:?}"),
        ended = &mut speaking => bail!("nobody decides any more: {ended:?}"),
        ended = watches.join_next() => bail!("a watch has ended: {ended:?}"),
    }
    let how = departure::how(&client, &namespace, daemon_set.as_deref()).await;
    tracing::info!(?how, "taking leave");
    leave.send_replace(how);
    if tokio::time::timeout(HAND_OVER, announcing).await.is_err() {
        tracing::warn!("nobody took over in time");
    }
    if let Some(mut keeper) = last_word {
        let _ = keeper.write().await;
    }
    Ok(())
}

/// What speaks on the segments shares its thread with nothing else: a burst of news from the API server must not hold up a
/// beacon. Ends when the announcer does.
fn on_its_own_thread(announcer: Announcer) -> anyhow::Result<oneshot::Receiver<()>> {
    let (ended, end) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("segments".to_owned())
        .spawn(move || {
            runtime.block_on(announcer.run());
            let _ = ended.send(());
        })?;
    Ok(end)
}
