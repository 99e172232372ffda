use api::watch::Change;
use config::service::Classes;
use k8s_openapi::api::core::v1::Service;
use model::ServiceName;

use super::{Decider, Watch};
use crate::report::outbox::ShownChange;
use crate::report::standing::Shown;

/// What a Service's object says that is of any use here: a tenth of what the object itself takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    name: ServiceName,
    ours: bool,
    /// What decides about announcing it, without endpoints; none where there is nothing to do or to say about it.
    service: Option<announce::Service>,
    /// What it shows of being announced.
    shown: Option<Shown>,
}

impl Seen {
    /// What `object` says. Services of other classes than these are none of ours.
    pub fn of(object: &Service, classes: &Classes) -> Self {
        let ours = config::service::is_ours(object, classes);
        let shown = Shown::of(object);
        let concerns = !config::service::assigned(object).is_empty() || shown.is_some();
        Self {
            name: config::service::name(object),
            ours,
            service: (ours && concerns).then(|| config::service::announced(object)),
            shown,
        }
    }

    /// The Service's name.
    pub fn name(&self) -> &ServiceName {
        &self.name
    }

    /// Whether the Service is one of ours, with an address or without.
    pub fn is_ours(&self) -> bool {
        self.ours
    }
}

impl Decider {
    pub(super) fn on_services(&mut self, change: Change<Seen>) {
        self.listed(Watch::Services, &change);
        match change {
            Change::Listed(all) => {
                let ours = all.iter().filter(|seen| seen.ours);
                self.slices.keep(ours.map(|seen| &seen.name).collect());
                let (mut services, mut shown) = (Vec::new(), Vec::new());
                for seen in all {
                    let name = self.slices.kept(seen.name);
                    shown.extend(seen.shown.map(|shown| (name.clone(), shown)));
                    services.extend(seen.service.map(|service| self.with_endpoints(name, service)));
                }
                self.plans.handle_services(services.into_iter().collect());
                self.shown.push(ShownChange::All(shown));
            }
            Change::Applied(seen) => {
                match seen.ours {
                    true => self.slices.expect(&seen.name),
                    false => self.slices.forget(&seen.name),
                }
                let name = self.slices.kept(seen.name);
                self.shown.push(ShownChange::One(name.clone(), seen.shown));
                match seen.service {
                    Some(service) => self.plans.handle_service(self.with_endpoints(name, service)),
                    None => self.plans.forget(&name),
                }
            }
            Change::Deleted(seen) => {
                self.slices.forget(&seen.name);
                self.plans.forget(&seen.name);
                self.shown.push(ShownChange::One(seen.name, None));
            }
        }
    }

    fn with_endpoints(&self, name: ServiceName, service: announce::Service) -> announce::Service {
        announce::Service {
            endpoints: self.slices.of(&name),
            name,
            ..service
        }
    }
}
