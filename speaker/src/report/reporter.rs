//! Tells users what this node announces: the condition on each Service, and an event when it changes.

use api::client::{Failure, REQUEST_TIMEOUT, within};
use api::events::{self, Event, EventType, Events};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource};
use model::NodeName;
use process::clock::{now, until};
use tokio::sync::{mpsc, watch};

use crate::report::elsewhere::Others;
use crate::report::outbox::{Doubt, Outbox, ShownChange, Standings, Write};
use crate::report::standing::Standing;
use crate::report::told::Told;

/// The field manager of all speakers: whoever holds the address speaks for it.
const FIELD_MANAGER: &str = "herald-speaker";

/// Writes conditions and events.
pub struct Reporter {
    client: Client,
    events: Events,
    standings: watch::Receiver<Standings>,
    shown: mpsc::UnboundedReceiver<ShownChange>,
    outbox: Outbox,
    others: Others,
    told: Told,
}

/// What became of a condition.
enum Outcome {
    Written,
    /// Another node announces the Service, as it shows.
    LeftToOthers,
}

impl Reporter {
    /// A reporter of `standings` in the name of node `me`, which is told what Services have `shown` before it is told to write
    /// something else.
    pub fn new(
        client: Client,
        me: &str,
        standings: watch::Receiver<Standings>,
        shown: mpsc::UnboundedReceiver<ShownChange>,
        metrics: &events::Metrics,
    ) -> Self {
        Self {
            events: Events::new(client.clone(), FIELD_MANAGER, me, metrics),
            others: Others::new(client.clone(), NodeName(me.to_owned())),
            client,
            standings,
            shown,
            outbox: Outbox::default(),
            told: Told::default(),
        }
    }

    /// Writes whatever the outbox gives, until the sender of the standings is gone.
    pub async fn run(mut self) {
        loop {
            let due = self.outbox.poll_timeout();
            tokio::select! {
                // What is newest is said first: an older standing may be wrong by now.
                biased;
                Some(change) = self.shown.recv() => self.outbox.handle_shown(now(), change),
                changed = self.standings.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // What was shown before these standings were made goes before them.
                    while let Ok(change) = self.shown.try_recv() {
                        self.outbox.handle_shown(now(), change);
                    }
                    self.outbox.handle_standings(now(), &self.standings.borrow_and_update());
                }
                () = until(due) => {
                    if let Some(write) = self.outbox.poll_write(now()) {
                        self.write(write).await;
                    }
                }
            }
        }
    }

    async fn write(&mut self, write: Write) {
        match self.report(&write).await {
            Ok(Outcome::Written) => {}
            Ok(Outcome::LeftToOthers) => self.outbox.handle_doubt(now(), write.name, &write.standing),
            Err(error) => {
                tracing::warn!(service = %write.name, %error, "condition not written, trying again");
                self.outbox.handle_failure(now(), write.name, &write.standing);
            }
        }
    }

    async fn report(&mut self, write: &Write) -> Result<Outcome, Failure> {
        let Write {
            name,
            standing,
            shown,
            doubt,
        } = write;
        if let (Doubt::Look, Some(elsewhere)) = (doubt, &standing.unless)
            && self.others.announce(now(), elsewhere).await?
        {
            return Ok(Outcome::LeftToOthers);
        }
        let api: Api<Service> = Api::namespaced(self.client.clone(), &name.namespace);
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(standing.patch(name, shown.as_ref(), jiff::Timestamp::now()));
        let written = within(REQUEST_TIMEOUT, api.patch_status(&name.name, &params, &patch)).await;
        match written {
            // It is gone.
            Err(failure) if failure.is_not_found() => {}
            Err(failure) => return Err(failure),
            Ok(object) => {
                if self.told.is_news(now(), name, standing) {
                    self.tell(&object, standing);
                }
            }
        }
        Ok(Outcome::Written)
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
