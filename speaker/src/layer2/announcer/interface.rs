use std::time::Duration;

use l2::Settings;
use model::NodeName;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::plan::Assignment;
use super::siblings::Siblings;
use super::{Agreeing, Report, Statistics};
use crate::kernel::packet::SocketError;

mod agreement;
mod ears;
mod groups;
mod moves;
mod overheard;
mod session;
mod station;

use session::{End, Session};
pub use station::Station;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The task of one interface: holds a session with it for as long as it is to be used, and begins a new one when the
/// socket fails.
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) desired: watch::Receiver<Assignment>,
    pub(super) settings: Settings,
    pub(super) me: NodeName,
    pub(super) agreeing: Option<Agreeing>,
    pub(super) siblings: Siblings,
    pub(super) reports: mpsc::UnboundedSender<Report>,
    pub(super) statistics: Statistics,
}

impl Interface {
    /// Announces what is desired until nobody can desire anything any more.
    pub(super) async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            match self.session().await {
                Ok(End::Stopped) => return,
                Ok(End::Replaced) => continue,
                Err(error) => self.tell(error),
            }
            if began.elapsed() > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            // A change is a reason to try at once: most likely it is the interface that changed.
            match tokio::time::timeout(pause, self.desired.changed()).await {
                Ok(Ok(())) => pause = FIRST_PAUSE,
                Ok(Err(_)) => return,
                Err(_) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }

    /// From here on the receiver is a clone's: this one has seen what it was opened with.
    async fn session(&mut self) -> Result<End, SocketError> {
        let first = self.desired.borrow_and_update().clone();
        let mut desired = self.desired.clone();
        let mut session = Session::open(self, &first)?;
        session.run(first, &mut desired).await
    }

    fn tell(&self, error: SocketError) {
        let iface = self.name.clone();
        if error.is_link_gone() {
            tracing::debug!(iface, reason = %error, "interface went away");
        } else {
            // As for every report: nobody listening is how a process ends.
            let _ = self.reports.send(Report::SocketFailed { iface, error });
        }
    }
}
