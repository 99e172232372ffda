use allocate::REQUEST_TIMEOUT;
use std::net::IpAddr;
use std::sync::Arc;

use api::client::{Failure, within};
use api::events::{Event, EventType, Events};
use config::service::Classes;
use crds::{IPReservation, IPReservationSpec};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use lease::Leadership;
use model::{ReservationName, ServiceName};
use process::clock::{now, wall_clock};
use tokio::sync::{Semaphore, watch};

use crate::metrics::{Metrics, Outcome};
use allocate::desired_status::{DesiredStatus, cleared};
use allocate::reconciler::{Ending, Input};
use allocate::slim::slim;

/// The field manager of everything that the controller writes.
pub(crate) const FIELD_MANAGER: &str = "herald-controller";

/// Writes under way at once: enough to keep an API server busy, too few to crowd out others.
const CONCURRENT_WRITES: usize = 16;

/// Carries out what the machine wants written about Services.
#[derive(Clone)]
pub(crate) struct Writer {
    client: Client,
    classes: Classes,
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
    /// The object could not be read: nothing was written.
    #[error(transparent)]
    LookUp(Failure),
    /// The write failed.
    #[error(transparent)]
    Request(#[from] Failure),
}

impl WriteError {
    fn is_not_found(&self) -> bool {
        matches!(self, Self::Request(failure) if failure.is_not_found())
    }

    /// What the machine has to know of it.
    fn ending(&self) -> Ending {
        match self {
            Self::NotLeading => Ending::Refused { retry_after: None },
            Self::LookUp(failure) => Ending::Refused {
                retry_after: failure.retry_after(),
            },
            Self::Request(failure) if failure.is_refusal() => Ending::Refused {
                retry_after: failure.retry_after(),
            },
            Self::Request(_) => Ending::Unknown,
        }
    }
}

impl Writer {
    pub(crate) fn new(
        client: Client,
        identity: &str,
        classes: Classes,
        leading: watch::Receiver<Leadership>,
        metrics: Metrics,
    ) -> Self {
        Self {
            events: Events::new(client.clone(), FIELD_MANAGER, identity, &metrics.events),
            client,
            classes,
            permits: Arc::new(Semaphore::new(CONCURRENT_WRITES)),
            leading,
            metrics,
        }
    }

    /// Writes the status of a Service, and tells the story in events.
    pub(crate) async fn write(
        self,
        object: Arc<Service>,
        desired: DesiredStatus,
        lost: Vec<(IpAddr, ServiceName)>,
    ) -> Input {
        let name = config::service::name(&object);
        let _permit = self.permits.acquire().await;
        match self
            .patch_status(&name, &desired.patch(&object, wall_clock()))
            .await
        {
            Ok(written) => {
                self.metrics.write(Outcome::Written);
                log(&name, &desired);
                self.tell(&written, &desired, lost);
                Input::Ended(name, Ending::Written(Box::new(written)))
            }
            Err(error) if error.is_not_found() => Input::Ended(name, Ending::Missing),
            Err(error) => self.failed(name, &error),
        }
    }

    /// Takes our part out of the status of a Service that may still exist, unless it is one of ours again.
    pub(crate) async fn clear(self, name: ServiceName) -> Input {
        let _permit = self.permits.acquire().await;
        match self.look_up_and_clear(&name).await {
            Ok(ending) => {
                tracing::info!(service = %name, "released");
                Input::Ended(name, ending)
            }
            Err(error) => self.failed(name, &error),
        }
    }

    async fn look_up_and_clear(&self, name: &ServiceName) -> Result<Ending, WriteError> {
        let found = within(REQUEST_TIMEOUT, self.api(name).get_opt(&name.name)).await;
        let Some(object) = found.map_err(WriteError::LookUp)? else {
            return Ok(Ending::Cleared(None));
        };
        if config::service::is_ours(&object, &self.classes) {
            return Ok(Ending::Returned(Box::new(object)));
        }
        if !DesiredStatus::any_shown_by(&object) {
            return Ok(Ending::Cleared(Some(Box::new(object))));
        }
        let object = self.patch_status(name, &cleared(&object)).await?;
        Ok(Ending::Cleared(Some(Box::new(object))))
    }

    /// Writes down what a reservation keeps: a new object, or in place of what the object at `version` keeps.
    pub(crate) async fn reserve(
        self,
        service: ServiceName,
        reservation: ReservationName,
        addresses: Vec<IpAddr>,
        version: Option<String>,
    ) -> Input {
        let _permit = self.permits.acquire().await;
        match self.put_reservation(&reservation, &addresses, version).await {
            Ok(written) => {
                tracing::info!(service = %service, %reservation, ?addresses, "reserved");
                Input::Ended(service, Ending::Reserved(Box::new(written)))
            }
            Err(error) => self.failed(service, &error),
        }
    }

    async fn put_reservation(
        &self,
        name: &ReservationName,
        addresses: &[IpAddr],
        version: Option<String>,
    ) -> Result<IPReservation, WriteError> {
        self.check_leading()?;
        let spec = IPReservationSpec {
            addresses: addresses.iter().map(IpAddr::to_string).collect(),
        };
        let mut object = IPReservation::new(&name.name, spec);
        let api: Api<IPReservation> = Api::namespaced(self.client.clone(), &name.namespace);
        let written = match version {
            None => within(REQUEST_TIMEOUT, api.create(&PostParams::default(), &object)).await?,
            Some(_) => {
                object.metadata.resource_version = version;
                let params = PatchParams::apply(FIELD_MANAGER).force();
                within(
                    REQUEST_TIMEOUT,
                    api.patch(&name.name, &params, &Patch::Apply(&object)),
                )
                .await?
            }
        };
        Ok(written)
    }

    async fn patch_status(
        &self,
        name: &ServiceName,
        patch: &serde_json::Value,
    ) -> Result<Service, WriteError> {
        self.check_leading()?;
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let api = self.api(name);
        let mut written = within(
            REQUEST_TIMEOUT,
            api.patch_status(&name.name, &params, &Patch::Apply(patch)),
        )
        .await?;
        slim(&mut written);
        Ok(written)
    }

    /// Asked immediately before each request: whoever led when the decision was made may not lead any more.
    fn check_leading(&self) -> Result<(), WriteError> {
        match self.leading.borrow().leads(now()) {
            true => Ok(()),
            false => Err(WriteError::NotLeading),
        }
    }

    fn failed(&self, name: ServiceName, error: &WriteError) -> Input {
        if matches!(error, WriteError::Request(failure) if failure.is_conflict()) {
            self.metrics.write(Outcome::Conflict);
            tracing::debug!(service = %name, "changed meanwhile, deciding again");
        } else {
            self.metrics.write(Outcome::Failed);
            tracing::warn!(service = %name, %error, "status not written, trying again");
        }
        Input::Ended(name, error.ending())
    }

    fn tell(&self, object: &Service, desired: &DesiredStatus, lost: Vec<(IpAddr, ServiceName)>) {
        let object = object.object_ref(&());
        for (address, holder) in lost {
            let service = format!(
                "{}/{}",
                object.namespace.as_deref().unwrap_or_default(),
                object.name.as_deref().unwrap_or_default()
            );
            tracing::warn!(service, ip = %address, to = %holder, "address in the status is held by another service");
            let event = Event {
                type_: EventType::Warning,
                reason: "AddressConflict",
                action: "AllocateAddress",
                note: &format!(
                    "{address}, which the status showed, stays with Service {holder}, which is older"
                ),
            };
            self.events.tell(&object, event);
        }
        let event = Event {
            type_: match desired.allocated {
                true => EventType::Normal,
                false => EventType::Warning,
            },
            reason: if desired.allocated {
                "IPAllocated"
            } else {
                "AllocationFailed"
            },
            action: "AllocateAddress",
            note: &desired.full_message(),
        };
        self.events.tell(&object, event);
    }

    fn api(&self, name: &ServiceName) -> Api<Service> {
        Api::namespaced(self.client.clone(), &name.namespace)
    }
}

fn log(name: &ServiceName, desired: &DesiredStatus) {
    let reason = &desired.message;
    match desired.allocated {
        true => tracing::info!(service = %name, reason, "assigned"),
        false => tracing::info!(service = %name, reason, "not assigned"),
    }
}
