//! The loop: what sessions offer and what interfaces do in, routes out.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use model::PeerName;
use process::clock::{now, until};
use rtnetlink::Handle;
use tokio::sync::watch;

use super::plan::{Change, Expected, Listing, Plan};
use super::{Offered, Offers, Reason, Refusal, Routes, kernel};
use crate::bgp::peering::{Peerings, Sessions};
use crate::kernel::links::{Links, LinksError, Watcher};
use crate::watch::departure::Shutdown;

/// Between two rounds: what comes meanwhile is written together, and a table of a million routes is not read all the time.
const CALM: Duration = Duration::from_millis(50);
/// A round may take one part of so many of the time.
const SHARE: u32 = 10;

/// What takes accepted routes to the kernel.
#[derive(Debug)]
pub struct Accepting {
    offers: watch::Receiver<Offers>,
    peerings: watch::Receiver<Arc<Peerings>>,
    leave: watch::Receiver<Option<Shutdown>>,
    sessions: Sessions,
    /// Followed while there is anything to do.
    links: Option<watch::Receiver<Arc<Links>>>,
    /// What was said last of each peer, and of routes that are no peer's any more.
    refusals: BTreeMap<PeerName, Refusal>,
    stuck: Option<Refusal>,
}

impl Accepting {
    /// Takes what is `offered`, and tells the `sessions` what the kernel does not take. What the last process left is kept until
    /// those of the `peerings` that accept routes have said everything.
    pub fn new(
        offered: &Offered,
        peerings: watch::Receiver<Arc<Peerings>>,
        leave: watch::Receiver<Option<Shutdown>>,
        sessions: Sessions,
    ) -> Self {
        Self {
            offers: offered.follow(),
            peerings,
            leave,
            sessions,
            links: None,
            refusals: BTreeMap::new(),
            stuck: None,
        }
    }

    /// Runs until the process is to leave. Where another is about to take its place the routes stay; else they go when the sessions
    /// have gone.
    pub async fn run(mut self) {
        let mut plan = begin().await;
        loop {
            let offers = self.offers.borrow_and_update().clone();
            // After that: where sessions lost their routes because of the word to leave, it is known here.
            let leave = *self.leave.borrow();
            match leave {
                Some(Shutdown::Restart) => return,
                Some(Shutdown::HandOver) if offers.is_empty() => {
                    plan.handle_offers(now(), &offers, &Expected::nobody());
                    if plan.poll_timeout().is_some() {
                        self.round(&mut plan).await;
                    }
                    return;
                }
                Some(Shutdown::HandOver) | None => {}
            }
            let expected = Expected::of(&self.peerings.borrow_and_update());
            plan.handle_offers(now(), &offers, &expected);
            if plan.poll_timeout().is_some_and(|due| due <= now()) {
                let begun = now();
                self.round(&mut plan).await;
                tokio::time::sleep(CALM.max((now() - begun) * SHARE)).await;
                continue;
            }
            if plan.poll_timeout().is_none() {
                self.links = None;
            }
            tokio::select! {
                changed = self.offers.changed() => if changed.is_err() { return },
                Ok(()) = self.peerings.changed() => {}
                // Whoever says so is gone: the process ends without a word.
                changed = self.leave.changed() => if changed.is_err() { return },
                () = changed(&mut self.links) => plan.handle_links(now()),
                () = until(plan.poll_timeout()) => {}
            }
        }
    }

    /// Makes the kernel have what it should have.
    async fn round(&mut self, plan: &mut Plan) {
        match self.write(plan).await {
            Ok(refused) => plan.handle_outcome(now(), refused),
            Err(error) => {
                tracing::warn!(%error, "accepted routes are not written");
                plan.handle_failure(now(), &Reason::Kernel(error));
            }
        }
        self.tell(plan);
    }

    /// What was refused.
    async fn write(&mut self, plan: &mut Plan) -> Result<Routes<Reason>, String> {
        let links = self.links().await.map_err(|error| error.to_string())?;
        let Looking(handle, _connection) = looking().await.map_err(|error| error.to_string())?;
        let listing = kernel::list(&handle, &links)
            .await
            .map_err(|error| error.to_string())?;
        let mut refused = Routes::new();
        for change in plan.changes(now(), &listing) {
            if let Err(reason) = kernel::carry_out(&handle, &links, &change).await {
                refused.insert(change.prefix(), reason);
            }
        }
        Ok(refused)
    }

    async fn links(&mut self) -> Result<Arc<Links>, LinksError> {
        let links = match &mut self.links {
            Some(links) => links,
            None => {
                let (watcher, links) = Watcher::open().await?;
                tokio::spawn(watcher.run());
                self.links.insert(links)
            }
        };
        Ok(links.borrow_and_update().clone())
    }

    /// Says what is refused: in the log once for each change, with the sessions every time.
    fn tell(&mut self, plan: &Plan) {
        let refusals = plan.refusals();
        for (peer, (refusal, _)) in &refusals {
            if self.refusals.get(peer) != Some(refusal) {
                tracing::warn!(%peer, reason = %refusal, "accepted routes are not in the kernel");
            }
        }
        let stuck = plan.stuck();
        if let Some(refusal) = stuck.as_ref().filter(|_| self.stuck != stuck) {
            tracing::warn!(reason = %refusal.reason, "a route that nobody announces stays in the kernel");
        }
        self.stuck = stuck;
        self.sessions.refused(&refusals);
        self.refusals = refusals
            .into_iter()
            .map(|(peer, (refusal, _))| (peer, refusal))
            .collect();
    }
}

/// Looks at what the last process left.
async fn begin() -> Plan {
    let inherited = match looking().await {
        Ok(handle) => kernel::list(&handle.0, &Links::new())
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let inherited = inherited.unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot tell which routes the last speaker left");
        Listing::default()
    });
    Plan::new(now(), inherited.ours.into_keys().collect())
}

impl Change {
    fn prefix(&self) -> ipnet::IpNet {
        match self {
            Self::Add(prefix, _) | Self::Replace(prefix, _) | Self::Delete(prefix) => *prefix,
        }
    }
}

impl Expected {
    fn of(peerings: &Peerings) -> Self {
        let accepting = peerings
            .peers
            .iter()
            .filter(|(_, peering)| !peering.peer.live.imports.is_empty());
        Self {
            peers: accepting.map(|(name, _)| name.clone()).collect(),
            complete: peerings.complete,
        }
    }

    /// The sessions have gone for good.
    fn nobody() -> Self {
        Self {
            complete: true,
            ..Self::default()
        }
    }
}

/// A socket for requests, and what reads it for as long as this is kept.
struct Looking(Handle, tokio::task::JoinSet<()>);

async fn looking() -> std::io::Result<Looking> {
    let (connection, handle, _messages) = rtnetlink::new_connection()?;
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    Ok(Looking(handle, tasks))
}

/// Returns when the interfaces are other than they were.
async fn changed(links: &mut Option<watch::Receiver<Arc<Links>>>) {
    if let Some(receiver) = links
        && receiver.changed().await.is_ok()
    {
        return;
    }
    *links = None;
    pending().await
}
