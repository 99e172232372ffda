//! Tells users what this node announces: the condition on each Service, and an event when it changes.

use api::client::{Failure, REQUEST_TIMEOUT, within};
use api::events::{self, Event, EventType, Events};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource};
use model::ServiceName;
use process::clock::{now, until};
use tokio::sync::watch;

use crate::report::outbox::{Outbox, Standings};
use crate::report::standing::Standing;

/// The field manager of all speakers: whoever holds the address speaks for it.
const FIELD_MANAGER: &str = "herald-speaker";

/// Writes conditions and events.
pub struct Reporter {
    client: Client,
    events: Events,
    standings: watch::Receiver<Standings>,
}

impl Reporter {
    /// A reporter of `standings` in the name of node `me`.
    pub fn new(
        client: Client,
        me: &str,
        standings: watch::Receiver<Standings>,
        metrics: &events::Metrics,
    ) -> Self {
        Self {
            events: Events::new(client.clone(), FIELD_MANAGER, me, metrics),
            client,
            standings,
        }
    }

    /// Writes whatever the outbox gives, until the sender of the standings is gone.
    pub async fn run(mut self) {
        let mut outbox = Outbox::default();
        loop {
            let due = outbox.poll_timeout();
            tokio::select! {
                // What is newest is said first: an older standing may be wrong by now.
                biased;
                changed = self.standings.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    outbox.handle_standings(now(), &self.standings.borrow_and_update());
                }
                () = until(due) => {
                    let Some((name, standing)) = outbox.poll_standing(now()) else { continue };
                    if let Err(error) = self.report(&name, &standing).await {
                        tracing::warn!(service = %name, %error, "condition not written, trying again");
                        outbox.handle_failure(now(), name, standing);
                    }
                }
            }
        }
    }

    async fn report(&self, name: &ServiceName, standing: &Standing) -> Result<(), Failure> {
        let api: Api<Service> = Api::namespaced(self.client.clone(), &name.namespace);
        let Some(object) = within(REQUEST_TIMEOUT, api.get_opt(&name.name)).await? else {
            return Ok(());
        };
        if standing.is_shown_by(&object) || standing.is_overruled_by(&object) {
            return Ok(());
        }
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(standing.patch(&object, jiff::Timestamp::now()));
        let written = within(REQUEST_TIMEOUT, api.patch_status(&name.name, &params, &patch)).await;
        match written {
            Err(failure) if failure.is_not_found() => return Ok(()),
            Err(failure) => return Err(failure),
            Ok(_) => {}
        }
        self.tell(&object, standing);
        Ok(())
    }

    fn tell(&self, object: &Service, standing: &Standing) {
        let event = Event {
            type_: match standing.announced {
                true => EventType::Normal,
                false => EventType::Warning,
            },
            reason: if standing.announced {
                "Announced"
            } else {
                "NotAnnounced"
            },
            action: "Announce",
            note: &standing.message,
        };
        self.events.tell(&object.object_ref(&()), event);
    }
}
