//! Layer 2, wired to its surroundings: what a speaker that announces by BGP alone does without, and with it the right to send
//! whole frames.

use std::path::PathBuf;
use std::sync::Arc;

use claim::Keys;
use model::NodeName;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::decide::wanted::Wanted;
use crate::kernel::ipvs;
use crate::kernel::links::{ExcludeList, Watcher, included};
use crate::layer2::announcer::{Agreeing, Announcer, Knowledge, Memory, Report};
use crate::report::metrics;
use crate::watch::departure::Shutdown;
use crate::watch::keys::Follower;
use crate::watch::serving;
use crate::watch::speakers::Speakers;

/// What it takes.
#[derive(Debug)]
pub struct Surroundings {
    /// The node that this is.
    pub me: NodeName,
    /// What is to be agreed on.
    pub wanted: watch::Receiver<Arc<Wanted>>,
    /// Who is told what happens.
    pub reports: mpsc::UnboundedSender<Report>,
    /// How this process is to end, if it is to.
    pub leave: watch::Receiver<Option<Shutdown>>,
    /// What was agreed before, and what is agreed.
    pub memory: Memory,
    /// Regular expressions of the interfaces never used.
    pub exclude_interfaces: Option<Vec<String>>,
    /// The UDP port of all speakers.
    pub port: u16,
    /// The folder of the keys that the speakers share.
    pub segment_keys: PathBuf,
    /// Whether this node forwards.
    pub able: watch::Receiver<bool>,
    /// Whether the API server has been in reach lately.
    pub fresh: watch::Receiver<bool>,
    /// The speakers of the other nodes, as the API knows them.
    pub speakers: watch::Receiver<Arc<Speakers>>,
}

/// What runs.
#[derive(Debug)]
pub struct Segments {
    announcing: oneshot::Receiver<()>,
    linking: JoinHandle<()>,
}

impl Surroundings {
    /// Speaks on the segments.
    ///
    /// # Errors
    /// A setting is no good, or the operating system refuses what it takes.
    pub async fn speak(self, registry: &mut Registry) -> anyhow::Result<Segments> {
        let excluded = match &self.exclude_interfaces {
            Some(patterns) => ExcludeList::new(patterns.iter().map(String::as_str))?,
            None => ExcludeList::default(),
        };
        let (watcher, links) = Watcher::open().await?;
        // That of IPVS is among those that are left out.
        let all = links.clone();
        tokio::spawn(ipvs::follow(all, excluded.clone(), self.reports.clone()));
        let links = included(links, excluded.clone());
        let (served_sender, served) = watch::channel(Arc::default());
        tokio::spawn(serving::follow(self.wanted.clone(), links.clone(), served_sender));
        let keys = first_keys(self.segment_keys, self.reports.clone());
        let announcer = Announcer::new(self.me.clone(), self.wanted, links, excluded, self.reports);
        let announcer = announcer.serving(served);
        metrics::register_layer2(registry, announcer.statistics());
        let agreeing = move |keys| Agreeing {
            me: self.me,
            settings: claim::Settings::default(),
            port: self.port,
            keys,
            able: self.able,
            fresh: self.fresh,
            speakers: self.speakers,
            leave: self.leave,
            memory: self.memory,
        };
        let linking = tokio::spawn(watcher.run());
        let announcing = on_its_own_thread(async move {
            if let Ok(keys) = keys.await {
                announcer.agreeing(agreeing(keys)).run().await;
            }
        })?;
        Ok(Segments { announcing, linking })
    }
}

impl Segments {
    /// Returns when it speaks no more, and why.
    pub async fn ended(&mut self) -> &'static str {
        tokio::select! {
            _ = &mut self.announcing => "the announcer has ended",
            _ = &mut self.linking => "nobody follows the interfaces any more",
        }
    }
}

/// The keys that the speakers share, once there are some, and of every change. A speaker without keys takes part in nothing and
/// says so; it does not end, for it may have BGP sessions too.
fn first_keys(
    folder: PathBuf,
    reports: mpsc::UnboundedSender<Report>,
) -> oneshot::Receiver<watch::Receiver<Keys>> {
    let (found, keys) = oneshot::channel();
    let mut follower = Follower::new(folder, {
        let reports = reports.clone();
        move |fault| drop(reports.send(Report::KeyFault(fault)))
    });
    tokio::spawn(async move {
        let _ = reports.send(Report::Keys(Knowledge::Awaited));
        let (sender, keys) = watch::channel(follower.first().await);
        let _ = reports.send(Report::Keys(Knowledge::There));
        if found.send(keys).is_ok() {
            follower.follow(sender).await;
        }
    });
    keys
}

/// What speaks on the segments shares its thread with nothing else: a burst of news from the API server must not hold up a
/// beacon. Ends when `speaking` does.
fn on_its_own_thread(
    speaking: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<oneshot::Receiver<()>> {
    let (ended, end) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("segments".to_owned())
        .spawn(move || {
            runtime.block_on(speaking);
            let _ = ended.send(());
        })?;
    Ok(end)
}
