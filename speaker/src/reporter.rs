//! Tells users what this node announces: the condition on each Service, and an event when it changes.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource};
use model::ServiceName;
use process::client::{Failure, within};
use process::events::{Events, Story};
use tokio::sync::watch;

use crate::standing::Standing;

/// The field manager of all speakers: whoever holds the address speaks for it.
const FIELD_MANAGER: &str = "herald-speaker";

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait after a write that failed.
const RETRY: Duration = Duration::from_secs(1);

/// What this node has to say, by Service.
pub type Standings = BTreeMap<ServiceName, Standing>;

/// Writes conditions and events.
pub struct Reporter {
    client: Client,
    events: Events,
    standings: watch::Receiver<Standings>,
    /// What was written, so that nothing is written twice.
    written: Standings,
}

impl Reporter {
    /// A reporter of `standings` in the name of node `me`.
    pub fn new(client: Client, me: &str, standings: watch::Receiver<Standings>) -> Self {
        Self {
            events: Events::new(client.clone(), FIELD_MANAGER, me),
            client,
            standings,
            written: Standings::new(),
        }
    }

    /// Writes whatever differs from what was written before, until the sender is gone. A Service that is written while
    /// the standings change again is written with the newest.
    pub async fn run(mut self) {
        while self.standings.changed().await.is_ok() {
            let standings = self.standings.borrow_and_update().clone();
            self.written
                .retain(|name, standing| standings.get(name) == Some(standing));
            let mut failed = false;
            for (name, standing) in standings {
                if self.standings.has_changed().unwrap_or(false) {
                    break;
                }
                if !self.written.contains_key(&name) {
                    match self.report(&name, &standing).await {
                        Ok(()) => drop(self.written.insert(name, standing)),
                        Err(error) => {
                            tracing::warn!(service = %name, %error, "condition not written, trying again");
                            failed = true;
                        }
                    }
                }
            }
            if failed {
                tokio::time::sleep(RETRY).await;
                self.standings.mark_changed();
            }
        }
    }

    async fn report(&self, name: &ServiceName, standing: &Standing) -> Result<(), Failure> {
        let api: Api<Service> = Api::namespaced(self.client.clone(), &name.namespace);
        let Some(object) = within(REQUEST_TIMEOUT, api.get_opt(&name.name)).await? else {
            return Ok(());
        };
        if standing.is_shown_by(&object) {
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
        self.tell(&object, standing).await;
        Ok(())
    }

    async fn tell(&self, object: &Service, standing: &Standing) {
        let story = Story {
            good: standing.announced,
            reason: if standing.announced {
                "Announced"
            } else {
                "NotAnnounced"
            },
            action: "Announce",
            note: &standing.message,
        };
        self.events.tell(&object.object_ref(&()), story).await;
    }
}
