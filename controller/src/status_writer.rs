//! Carries out what [`StatusUpdates`] wants written about the custom resources.

use allocate::reconciler::Publication;
use allocate::status_updates::StatusUpdates;
use process::clock::{now, until, wall_clock};
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::sender::Sender;
use crate::telling::Teller;

/// Writes what differs from every publication that arrives, the newest alone when several wait, until whoever publishes is gone.
pub(crate) async fn run(
    sender: Sender,
    teller: Teller,
    mut publications: watch::Receiver<Publication>,
    metrics: Metrics,
) {
    let mut updates = StatusUpdates::default();
    loop {
        tokio::select! {
            changed = publications.changed() => {
                if changed.is_err() {
                    return;
                }
                let publication = publications.borrow_and_update().clone();
                metrics.publish(&publication);
                updates.handle_publication(publication);
            }
            () = until(updates.poll_timeout()) => {}
        }
        while let Some(update) = updates.poll_update(now(), wall_clock()) {
            let answer = sender.send_as_leader(&update.request()).await;
            let event = updates.handle_answer(now(), update, answer);
            teller.tell(event.as_slice());
        }
    }
}
