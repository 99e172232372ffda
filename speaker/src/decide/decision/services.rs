use api::watch::Change;
use config::service::Classes;
use k8s_openapi::api::core::v1::Service;
use model::{NodeName, ServiceName};

use super::{Decider, Watch};
use crate::report::standing;

/// What a Service's object says that is of any use here: a tenth of what the object itself takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    name: ServiceName,
    ours: bool,
    /// What decides about announcing it, without endpoints; none where there is nothing to do or to say about it.
    service: Option<announce::Service>,
    /// Who says that it announces the Service.
    announcer: Option<NodeName>,
}

impl Seen {
    /// What `object` says. Services of other classes than these are none of ours.
    pub fn of(object: &Service, classes: &Classes) -> Self {
        let ours = config::service::is_ours(object, classes);
        let concerns = !config::service::assigned(object).is_empty() || standing::is_told(object);
        Self {
            name: config::service::name(object),
            ours,
            service: (ours && concerns).then(|| config::service::announced(object)),
            announcer: standing::announcer(object),
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
                let (mut services, mut announcers) = (Vec::new(), Vec::new());
                for seen in all {
                    let name = self.slices.kept(seen.name);
                    announcers.push((name.clone(), seen.announcer));
                    services.extend(seen.service.map(|service| self.with_endpoints(name, service)));
                }
                self.plans.handle_services(services.into_iter().collect());
                for (name, announcer) in announcers {
                    self.plans.note_announcer(&name, announcer);
                }
            }
            Change::Applied(seen) => {
                match seen.ours {
                    true => self.slices.expect(&seen.name),
                    false => self.slices.forget(&seen.name),
                }
                let name = self.slices.kept(seen.name);
                match seen.service {
                    Some(service) => {
                        let service = self.with_endpoints(name.clone(), service);
                        self.plans.handle_service(service);
                        self.plans.note_announcer(&name, seen.announcer);
                    }
                    None => self.plans.forget(&name),
                }
            }
            Change::Deleted(seen) => {
                self.slices.forget(&seen.name);
                self.plans.forget(&seen.name);
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
