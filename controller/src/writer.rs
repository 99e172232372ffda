use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource};
use model::ServiceName;
use process::client::{Failure, within};
use process::clock::now;
use process::events::{Events, Story};
use process::lease::Leadership;
use tokio::sync::{Semaphore, watch};

use crate::metrics::{Metrics, Outcome};
use crate::reconciler::{Ending, Input};
use crate::standing::{Standing, cleared};

/// The field manager of everything that the controller writes.
pub(crate) const FIELD_MANAGER: &str = "herald-controller";

/// How long one request may take before nobody knows what became of it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Writes under way at once: enough to keep an API server busy, too few to crowd out others.
const CONCURRENT_WRITES: usize = 16;

/// Carries out what the machine wants written about Services.
#[derive(Clone)]
pub(crate) struct Writer {
    client: Client,
    events: Events,
    permits: Arc<Semaphore>,
    leading: watch::Receiver<Leadership>,
    metrics: Metrics,
}

/// Why a status is not written.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    /// Another replica may lead by now: nothing was sent.
    #[error("no longer the leader")]
    NotLeading,
    /// The request failed.
    #[error(transparent)]
    Request(#[from] Failure),
}

impl Writer {
    pub(crate) fn new(
        client: Client,
        identity: &str,
        leading: watch::Receiver<Leadership>,
        metrics: Metrics,
    ) -> Self {
        Self {
            events: Events::new(client.clone(), FIELD_MANAGER, identity),
            client,
            permits: Arc::new(Semaphore::new(CONCURRENT_WRITES)),
            leading,
            metrics,
        }
    }

    /// Writes the status of a Service, and tells the story in an event.
    pub(crate) async fn write(self, object: Arc<Service>, standing: Standing) -> Input {
        let name = config::service::name(&object);
        let _permit = self.permits.acquire().await;
        match self
            .patch_status(&name, &standing.patch(&object, wall_clock()))
            .await
        {
            Ok(written) => {
                self.metrics.write(Outcome::Written);
                log(&name, &standing);
                tokio::spawn(self.clone().tell(written.clone(), standing));
                Input::Ended(name, Ending::Written(Box::new(written)))
            }
            Err(error) => self.failed(name, &error),
        }
    }

    /// Takes our part out of the status of a Service that may still exist.
    pub(crate) async fn clear(self, name: ServiceName) -> Input {
        let _permit = self.permits.acquire().await;
        match self.look_up_and_clear(&name).await {
            Ok(()) => {
                tracing::info!(service = %name, "released");
                Input::Ended(name, Ending::Cleared)
            }
            Err(error) => self.failed(name, &error),
        }
    }

    async fn look_up_and_clear(&self, name: &ServiceName) -> Result<(), WriteError> {
        let Some(object) = within(REQUEST_TIMEOUT, self.api(name).get_opt(&name.name)).await? else {
            return Ok(());
        };
        if Standing::any_shown_by(&object) {
            self.patch_status(name, &cleared(&object)).await?;
        }
        Ok(())
    }

    async fn patch_status(
        &self,
        name: &ServiceName,
        patch: &serde_json::Value,
    ) -> Result<Service, WriteError> {
        if !self.leading.borrow().leads(now()) {
            return Err(WriteError::NotLeading);
        }
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let api = self.api(name);
        let mut written = within(
            REQUEST_TIMEOUT,
            api.patch_status(&name.name, &params, &Patch::Apply(patch)),
        )
        .await?;
        written.metadata.managed_fields = None;
        Ok(written)
    }

    fn failed(&self, name: ServiceName, error: &WriteError) -> Input {
        if matches!(error, WriteError::Request(failure) if failure.is_conflict()) {
            self.metrics.write(Outcome::Conflict);
            tracing::debug!(service = %name, "changed meanwhile, deciding again");
        } else {
            self.metrics.write(Outcome::Failed);
            tracing::warn!(service = %name, %error, "status not written, trying again");
        }
        Input::Ended(name, Ending::Failed)
    }

    async fn tell(self, object: Service, standing: Standing) {
        let story = Story {
            good: standing.allocated,
            reason: if standing.allocated {
                "IPAllocated"
            } else {
                "AllocationFailed"
            },
            action: "AllocateAddress",
            note: &standing.message,
        };
        self.events.tell(&object.object_ref(&()), story).await;
    }

    fn api(&self, name: &ServiceName) -> Api<Service> {
        Api::namespaced(self.client.clone(), &name.namespace)
    }
}

fn log(name: &ServiceName, standing: &Standing) {
    let reason = &standing.message;
    match standing.allocated {
        true => tracing::info!(service = %name, reason, "assigned"),
        false => tracing::info!(service = %name, reason, "not assigned"),
    }
}

/// The wall clock, for condition times alone: no decision depends on it.
fn wall_clock() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
