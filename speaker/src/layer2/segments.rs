//! Layer 2, wired to its surroundings: what a speaker that announces by BGP alone does without, and with it the right to send
//! whole frames.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use model::NodeName;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::decide::wanted::Wanted;
use crate::kernel::ipvs;
use crate::kernel::links::{ExcludeList, Watcher};
use crate::layer2::announcer::{Agreeing, Announcer, Leave, Memory, Report};
use crate::report::metrics;
use crate::watch::keys;

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
    pub leave: watch::Receiver<Leave>,
    /// What was agreed before, and what is agreed.
    pub memory: Memory,
    /// Regular expressions of the interfaces never used.
    pub exclude_interfaces: Option<Vec<String>>,
    /// The folder of the keys that the speakers share.
    pub segment_keys: PathBuf,
    /// Whether this node forwards.
    pub able: watch::Receiver<bool>,
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
        let (key_sender, keys) = watch::channel(keys::read(&self.segment_keys).context("--segment-keys")?);
        let (watcher, links) = Watcher::open().await?;
        tokio::spawn(ipvs::follow(
            links.clone(),
            excluded.clone(),
            self.reports.clone(),
        ));
        let announcer =
            Announcer::new(self.me.clone(), self.wanted, links, excluded, self.reports).agreeing(Agreeing {
                me: self.me,
                settings: claim::Settings::default(),
                keys,
                able: self.able,
                leave: self.leave,
                memory: self.memory,
            });
        metrics::register_layer2(registry, announcer.statistics());
        let linking = tokio::spawn(watcher.run());
        let announcing = on_its_own_thread(announcer)?;
        tokio::spawn(keys::follow(self.segment_keys, key_sender));
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
