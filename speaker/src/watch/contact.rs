//! Whether the API server is in reach, and when it last was.

use std::time::{Duration, SystemTime};

use api::client::within;
use kube::Client;
use process::clock::now;
use tokio::sync::watch;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(20);

const PATIENCE: Duration = Duration::from_secs(5);

/// Who has not reached the API server for so long does not know any more what is wanted.
const FRESH: Duration = Duration::from_secs(60);

/// Asks the API server for its version, again and again. What is known is told to `fresh`, and to `contact` when it last answered.
/// Watches would not do: over a quiet cluster they say nothing for minutes, whether they work or not.
pub async fn follow(client: Client, fresh: watch::Sender<bool>, contact: watch::Sender<SystemTime>) {
    let mut last = now();
    loop {
        if within(PATIENCE, client.apiserver_version()).await.is_ok() {
            last = now();
            contact.send_replace(wall_clock());
        }
        let is_fresh = now().saturating_duration_since(last) < FRESH;
        let changed = fresh.send_if_modified(|known| std::mem::replace(known, is_fresh) != is_fresh);
        match (changed, is_fresh) {
            (true, true) => tracing::info!("the API server is in reach again"),
            (true, false) => {
                tracing::warn!(
                    "the API server has been out of reach for a minute: going on from what it said"
                )
            }
            (false, _) => {}
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "what is kept on disk is dated by the wall clock"
)]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}
