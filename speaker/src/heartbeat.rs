//! Renews this speaker's Lease, by which the others know that it is alive.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client};
use process::client::{Failure, within};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::decision::LEASE_LABEL;
use crate::membership::RENEW_INTERVAL;

/// The Lease of the speaker of one node.
#[derive(Clone)]
pub struct Heartbeat {
    api: Api<Lease>,
    node: String,
}

impl Heartbeat {
    /// The Lease of the speaker on `node`, in `namespace`.
    pub fn new(client: Client, namespace: &str, node: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            node: node.to_owned(),
        }
    }

    /// Renews until `stop` turns true, then takes leave: the others take over at once. A renewal that is late is not made
    /// up for. Renewals and the leave-taking are one after the other, so no renewal undoes it.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(RENEW_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            match self.renew().await {
                Ok(()) => failing = false,
                Err(error) if failing => tracing::debug!(%error, "lease not renewed"),
                Err(error) => {
                    tracing::warn!(%error, "lease not renewed: everything stays as it is until the API server is back");
                    failing = true;
                }
            }
        }
        if let Err(error) = self.leave().await {
            tracing::warn!(%error, "lease not deleted: the others take over when it runs out");
        }
    }

    async fn leave(&self) -> Result<(), Failure> {
        let deleted = within(
            Duration::from_secs(2),
            self.api.delete(&self.name(), &DeleteParams::default()),
        )
        .await;
        match deleted {
            Err(failure) if !failure.is_not_found() => Err(failure),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn renew(&self) -> Result<(), Failure> {
        let params = PatchParams::apply("herald-speaker").force();
        let patch = Patch::Apply(self.lease(Timestamp::now()));
        within(2 * RENEW_INTERVAL, self.api.patch(&self.name(), &params, &patch))
            .await
            .map(drop)
    }

    fn lease(&self, now: Timestamp) -> Value {
        let (label, value) = LEASE_LABEL;
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name(), "labels": {label: value}},
            "spec": {"holderIdentity": self.node, "renewTime": format!("{now:.6}")},
        })
    }

    fn name(&self) -> String {
        format!("herald-speaker-{}", self.node)
    }
}
