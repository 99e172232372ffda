//! `herald-speaker`: tells the network where the addresses of Services are.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use api::health::Health;
use api::{client, events, version};
use clap::Parser;
use config::service::Classes;
use model::NodeName;
use process::confinement::{Capability, Confinement};
use process::probes::{self, Liveness, Readiness};
use process::{logging, signals};
use prometheus_client::registry::Registry;
use speaker::args::Args;
use speaker::bgp::accepted::Accepting;
use speaker::bgp::bfd::{Bfd, Scheduling};
use speaker::bgp::peering::{Peers, longest_farewell};
use speaker::decide::decision::{Decider, Settings};
use speaker::kernel::links::Watcher;
use speaker::kernel::reserve;
use speaker::kernel::version::ties_sockets_for_everybody;
use speaker::layer2::announcer::Memory;
use speaker::layer2::segments::{Segments, Surroundings};
use speaker::report::outbox::Standings;
use speaker::report::own_speaker::{self, Picture};
use speaker::report::passwords::Verdicts;
use speaker::report::reporter::Reporter;
use speaker::report::scene::Scene;
use speaker::report::{metrics, passwords};
use speaker::speaker::{API, KNOWLEDGE, LONGEST_ROUND, SEGMENTS, Speaker};
use speaker::state::keeper::{self, Keeper};
use speaker::state::{Boot, State};
use speaker::watch::datapath::Datapath;
use speaker::watch::departure::{Departure, Shutdown};
use speaker::watch::sources::{self, Sources};
use speaker::watch::{contact, datapath, forwarding, secrets, speakers};
use tokio::sync::{mpsc, watch};

const USER_AGENT: &str = concat!("herald-speaker/", env!("CARGO_PKG_VERSION"));

/// How long a speaker that ends waits at most for the others to take over what it holds.
const HAND_OVER: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let args = Args::parse();
    logging::init(&args.log_level, args.log_format);
    match confine(&args).and_then(|()| speak(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "cannot go on");
            ExitCode::FAILURE
        }
    }
}

/// Gives away what is needed at the start only. Before there is a second thread: the kernel keeps most of it for each thread.
fn confine(args: &Args) -> anyhow::Result<()> {
    if !args.bgp_only {
        reserve::fill().context("cannot open packet sockets (they take the capability NET_RAW)")?;
    }
    // Routes that routers give, and threads that go first: those who may not use them do not have them.
    let mut capabilities = vec![Capability::CAP_NET_ADMIN, Capability::CAP_SYS_NICE];
    if !ties_sockets_for_everybody() {
        tracing::warn!(
            "the speaker keeps NET_RAW: this kernel, older than 5.7, ties no socket to an interface without it"
        );
        capabilities.push(Capability::CAP_NET_RAW);
    }
    let confinement = Confinement {
        user: args.user,
        capabilities,
        writes: args.state_dir.clone(),
    };
    confinement.enter();
    Ok(())
}

fn speak(args: Args) -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(run(args))
}

async fn run(args: Args) -> anyhow::Result<()> {
    let terminated = signals::terminated();
    let Args {
        namespace,
        node_name,
        listen,
        kubeconfig,
        load_balancer_class: classes,
        require_class,
        ignore_exclude_label,
        bgp_only,
        exclude_interfaces,
        segment_keys,
        segment_port,
        state_dir,
        daemon_set,
        kube_proxy_health,
        drain_on_cordon,
        realtime_bfd,
        user: _,
        log_level: _,
        log_format: _,
    } = args;
    let me = NodeName(node_name.clone());
    let state_file = state_dir.map(|folder| folder.join(keeper::file(&me)));
    let boot_id = keeper::boot_id();
    let kept = state_file.as_ref().map(|file| Keeper::recall(file, &me));
    let (kept, last_contact) = kept.unwrap_or_else(|| (State::default(), SystemTime::UNIX_EPOCH));
    let (kept, boot) = kept.after_boot(boot_id.as_deref());
    let State {
        wanted,
        peerings,
        segments,
        boot_id: _,
    } = kept;

    // What is announced goes on, or begins, without the API server.
    let (wanted, desired) = watch::channel(Arc::new(wanted));
    let (peerings, peers_desired) = watch::channel(Arc::new(peerings));
    let (leave, leaving) = watch::channel(None);
    let datapath = match boot {
        Boot::Same => Datapath::default(),
        Boot::Another => Datapath::booting(),
    };
    let (able_sender, able) = watch::channel(boot == Boot::Same);
    tokio::spawn(datapath::follow(kube_proxy_health, datapath, able_sender));
    let (keeps_sender, keeps_routes) = watch::channel(boot == Boot::Same);
    let (fresh_sender, fresh) = watch::channel(true);
    let (contact_sender, contact) = watch::channel(last_contact);
    let (speakers_sender, speakers) = watch::channel(Arc::default());
    let memory = Memory::new(segments);
    let (report_sender, reports) = mpsc::unbounded_channel();
    let keeper = state_file.map(|path| Keeper {
        path,
        me: me.clone(),
        wanted: wanted.subscribe(),
        peerings: peerings.subscribe(),
        segments: memory.follow(),
        contact,
        writing: Arc::default(),
        boot_id,
    });
    let last_word = keeper.clone();
    let mut registry = Registry::default();
    let mut readiness = vec![KNOWLEDGE, API];
    let mut layer2 = if bgp_only {
        None
    } else {
        readiness.push(SEGMENTS);
        let surroundings = Surroundings {
            me: me.clone(),
            wanted: desired,
            reports: report_sender,
            leave: leaving.clone(),
            memory,
            exclude_interfaces,
            port: segment_port,
            segment_keys: segment_keys.context("--segment-keys is missing: only --bgp-only goes without")?,
            able: able.clone(),
            fresh,
            speakers,
        };
        Some(surroundings.speak(&mut registry).await?)
    };
    let (watcher, links) = Watcher::open().await?;
    tokio::spawn(watcher.run());
    let scheduling = if realtime_bfd {
        Scheduling::RealTime
    } else {
        Scheduling::Ordinary
    };
    let peers = Peers::new(
        me.clone(),
        peers_desired,
        leaving.clone(),
        keeps_routes,
        Bfd::start(scheduling).context("BFD")?,
        links,
    );
    let sessions = peers.sessions();
    metrics::register_bgp(&mut registry, sessions.clone());
    let readiness = Readiness::new(&readiness);
    let event_metrics = events::Metrics::default();
    event_metrics.register(&mut registry);
    let liveness = Liveness::default();
    probes::serve(listen, registry, readiness.clone(), liveness.clone()).await?;
    let accepting = Accepting::new(&peers.offered(), peerings.subscribe(), leaving, sessions.clone());
    let mut accepting = tokio::spawn(accepting.run());
    let mut peering = tokio::spawn(peers.run());
    if let Some(keeper) = keeper {
        tokio::spawn(keeper.run());
    }

    let client = client::connect(kubeconfig.as_deref(), USER_AGENT).await?;
    tokio::spawn(contact::follow(client.clone(), fresh_sender, contact_sender));
    tokio::spawn(forwarding::weigh(
        client.clone(),
        me.clone(),
        able.clone(),
        keeps_sender,
    ));
    if !bgp_only {
        let wanted = wanted.subscribe();
        tokio::spawn(speakers::follow(
            client.clone(),
            me.clone(),
            wanted,
            speakers_sender,
        ));
    }
    let departure = Departure {
        client: client.clone(),
        namespace: namespace.clone(),
        daemon_set,
        node: me.clone(),
        drain_on_cordon,
    };
    let (standings, told) = watch::channel(Standings::new());
    let (shown_sender, shown) = mpsc::unbounded_channel();
    tokio::spawn(Reporter::new(client.clone(), &node_name, told, shown, &event_metrics).run());
    let (pictures, pictured) = watch::channel(Picture::default());
    tokio::spawn(own_speaker::show(client.clone(), node_name.clone(), pictured));
    let (verdicts, said) = watch::channel(Verdicts::new());
    tokio::spawn(passwords::tell(client.clone(), said));
    let (inputs, received) = mpsc::channel(1024);
    let (secrets, named) = watch::channel(BTreeSet::new());
    let health = Health::default();
    tokio::spawn(version::follow(client.clone(), health.clone()));
    let sources = Sources {
        client: client.clone(),
        health: health.clone(),
        classes: Classes {
            classes,
            require_class,
        },
    };
    let mut watches = sources.follow_all(&inputs);
    let ready = readiness.clone();
    // Not before the watches: of none there would be nothing to wait for.
    tokio::spawn(health.follow(move |troubles| sources::tell(&ready, troubles)));
    watches.spawn(secrets::follow_named(
        client.clone(),
        namespace.clone(),
        named,
        inputs.clone(),
    ));
    let decider = Decider::new(Settings {
        me: me.clone(),
        ignore_exclude_label,
        drain_on_cordon,
        bgp_only,
    });
    let speaker = Speaker {
        decider,
        scene: Scene::new(me).on_port(segment_port),
        wanted,
        peerings: peerings.clone(),
        verdicts,
        secrets,
        sessions: sessions.follow(),
        standings,
        shown: shown_sender,
        can_forward: able,
        pictures,
        readiness,
        pulse: liveness.register("decide", LONGEST_ROUND),
    };
    let mut speaking = tokio::spawn(speaker.run(received, reports));
    tracing::info!(node = node_name, "speaking");

    // None of these ends by itself. A speaker without one of them is worse than none: a new one starts from scratch.
    tokio::select! {
        asked = terminated => asked?,
        why = end_of(&mut layer2) => bail!("{why}"),
        ended = &mut peering => bail!("nobody keeps the sessions any more: {ended:?}"),
        ended = &mut accepting => bail!("nobody writes accepted routes any more: {ended:?}"),
        ended = &mut speaking => bail!("nobody decides any more: {ended:?}"),
        ended = watches.join_next() => bail!("a watch has ended: {ended:?}"),
    }
    let known_to_drain = peerings.borrow().drain;
    let how = if known_to_drain {
        Shutdown::HandOver
    } else {
        departure.how().await
    };
    tracing::info!(?how, "taking leave");
    leave.send_replace(Some(how));
    let patience = HAND_OVER.max(longest_farewell(&peerings.borrow()));
    let leaving = async {
        let _ = peering.await;
        let _ = accepting.await;
        if let Some(segments) = &mut layer2 {
            segments.ended().await;
        }
    };
    if tokio::time::timeout(patience, leaving).await.is_err() {
        tracing::warn!("nobody took over in time");
    }
    if let Some(mut keeper) = last_word {
        let _ = keeper.write().await;
    }
    Ok(())
}

/// Returns when nobody speaks on the segments any more, and why.
async fn end_of(segments: &mut Option<Segments>) -> &'static str {
    match segments {
        Some(segments) => segments.ended().await,
        None => std::future::pending().await,
    }
}
