//! Which addresses a Service has, and why it has no others.

use std::net::IpAddr;

use config::condition::{find, of_service};
use config::service::Serving;
use crds::condition::ALLOCATED;
use ipam::{Ipam, Refusal, Request};
use k8s_openapi::api::core::v1::Service;
use model::{Labels, ServiceName};

use crate::code::Code;
use crate::finding::Finding;
use crate::service::{Part, ServiceReport, object};
use crate::study::Study;

const PODS: &str = "kubectl get pods -A -l app.kubernetes.io/name=herald -o wide";

impl Study<'_> {
    /// Whether there is more to explain.
    pub(crate) fn explain_allocation(
        &self,
        name: &ServiceName,
        service: &Service,
        books: &mut Ipam,
        report: &mut ServiceReport,
    ) -> bool {
        match self.serving(service) {
            Serving::Ours => {}
            Serving::Ignored => {
                let text = "it opts out by the annotation heraldlb.io/ignore: Herald leaves it alone";
                let remove = format!("kubectl annotate {} heraldlb.io/ignore-", object(name));
                report.find(
                    Finding::new(Code::Ignored, object(name), text)
                        .next("remove the annotation to have it served", remove),
                );
                return false;
            }
            Serving::NotOurs => {
                report.find(self.of_another_class(name, service));
                return false;
            }
        }
        let unknown = Labels::new();
        let labels = self.cluster.namespaces.get(&*name.namespace).unwrap_or(&unknown);
        match config::service::request(service, labels) {
            Ok(request) => {
                report.step(Part::Request, object(name), asks_for(&request));
                self.explain_request(service, &request, books, report);
            }
            Err(fault) => {
                let edit = format!("kubectl edit {}", object(name));
                report.find(
                    Finding::new(Code::InvalidRequest, object(name), fault.to_string())
                        .next("correct the Service", edit),
                );
            }
        }
        self.explain_shown(name, service, report);
        !report.addresses.is_empty()
    }

    fn of_another_class(&self, name: &ServiceName, service: &Service) -> Finding {
        let class = service
            .spec
            .as_ref()
            .and_then(|spec| spec.load_balancer_class.as_deref());
        let served = self.installation.classes.classes.join(", ");
        let text = match class {
            Some(class) => format!("its loadBalancerClass is {class}; Herald serves {served}"),
            None => format!("it names no loadBalancerClass, and Herald serves only those that name {served}"),
        };
        let advice = "the class of a Service cannot be changed: create the Service anew with the class, or let Herald serve that class too \
                      (alsoServeClasses)";
        Finding::new(Code::ClassMismatch, object(name), text)
            .next(advice, format!("kubectl get {} -o yaml", object(name)))
    }

    fn explain_request(
        &self,
        service: &Service,
        request: &Request,
        books: &mut Ipam,
        report: &mut ServiceReport,
    ) {
        for (pool, usage) in self.ipam.usage() {
            let text = format!(
                "{} of {} IPv4 and {} of {} IPv6 addresses are free",
                usage.available.v4,
                usage.available.v4 + usage.assigned.v4 + usage.reserved.v4,
                usage.available.v6,
                usage.available.v6 + usage.assigned.v6 + usage.reserved.v6
            );
            report.step(Part::Pools, format!("ippool/{pool}"), text);
        }
        if let Some(fault) = self.fault_of_reservation(request) {
            report.find(fault);
            return;
        }
        // As the controller would decide now: what a Service has it keeps.
        let name = &request.service;
        match books.assign(request) {
            Ok(grant) if grant.addresses == config::service::assigned(service) => {}
            Ok(grant) => report.find(silent_controller(name, &grant.addresses)),
            Err(refusal) => report.find(refused(name, &refusal)),
        }
    }

    fn fault_of_reservation(&self, request: &Request) -> Option<Finding> {
        let reservation = request.reservation.as_ref()?;
        let mut verdicts = self.kept.verdicts().iter();
        let (object, verdict) = verdicts.find(|(object, _)| {
            object.name == *reservation.name && object.namespace.as_deref() == Some(&*reservation.namespace)
        })?;
        let fault = verdict.fault.as_ref()?;
        let name = format!("ipreservation/{} -n {}", reservation.name, reservation.namespace);
        let edit = format!("kubectl edit {name}");
        Some(
            Finding::new(
                Code::InvalidReservation,
                name,
                format!("{object} cannot be used: {fault}"),
            )
            .next("correct it", edit),
        )
    }

    fn explain_shown(&self, name: &ServiceName, service: &Service, report: &mut ServiceReport) {
        let allocated = find(of_service(service), ALLOCATED);
        let since = allocated.map(|condition| condition.last_transition_time.0);
        let origins = config::service::recorded_pools(service);
        for address in report.addresses.clone() {
            let from = match origins.get(address) {
                Some(pool) => format!("{address} from IPPool {pool}"),
                None => format!("{address}"),
            };
            report.step_since(Part::Addresses, object(name), since, from);
        }
        let foreign = self.ipam.foreign(name);
        if let Some(address) = foreign.first() {
            let text = format!(
                "its status shows {address}, which no IPPool covers and Herald did not give: it is not announced"
            );
            let advice = "find out who writes the status, or add a pool that covers the address";
            let command = format!("kubectl get {} -o yaml --show-managed-fields", object(name));
            report.find(Finding::new(Code::ForeignAddress, object(name), text).next(advice, command));
        }
        if let Some(condition) = allocated.filter(|condition| condition.reason == "Contested") {
            let command = format!("kubectl get {} -o yaml --show-managed-fields", object(name));
            let finding = Finding::new(Code::Contested, object(name), condition.message.clone());
            report.find(finding.next("let one provider serve the Service, by its class", command));
        }
    }
}

fn silent_controller(name: &ServiceName, addresses: &[IpAddr]) -> Finding {
    let addresses: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
    let text = format!(
        "it could have {}, and its status does not say so: no controller leads, or it has not come to this Service",
        addresses.join(" and ")
    );
    Finding::new(Code::ControllerSilent, object(name), text)
        .next("look whether a controller is ready, and at its log", PODS)
}

fn refused(name: &ServiceName, refusal: &Refusal) -> Finding {
    let command = match refusal {
        Refusal::Taken { holder, .. } | Refusal::SharingRefused { holder, .. } => {
            format!("kubectl get {} -o yaml", object(holder))
        }
        Refusal::PoolRefuses { pool, .. } => format!("kubectl describe ippools.heraldlb.io {pool}"),
        Refusal::NoPools | Refusal::UnknownPool(_) => "kubectl get ippools.heraldlb.io".to_owned(),
        Refusal::NoPoolFits { .. } | Refusal::NoNamedPoolFits { .. } | Refusal::OutsidePools(_) => {
            "kubectl get ippools.heraldlb.io -o wide".to_owned()
        }
        Refusal::OutsidePool { .. }
        | Refusal::Buggy { .. }
        | Refusal::Excluded { .. }
        | Refusal::Occupied { .. }
        | Refusal::Kept { .. }
        | Refusal::WrongFamilies { .. } => format!("kubectl edit {}", object(name)),
    };
    // The text ends with what to do.
    let text = refusal.to_string();
    let advice = text
        .rsplit_once(": ")
        .map_or("see the pools", |(_, advice)| advice)
        .to_owned();
    Finding::new(code_of(refusal.reason()), object(name), text).next(advice, command)
}

/// The code of a reason of the condition `Allocated`.
fn code_of(reason: &str) -> Code {
    let mut codes = Code::ALL.iter().copied();
    codes
        .find(|code| code.word() == reason)
        .unwrap_or(Code::NoPoolMatches)
}

fn asks_for(request: &Request) -> String {
    let mut text = format!("asks for {}", request.families);
    if !request.addresses.is_empty() {
        let addresses: Vec<_> = request.addresses.iter().map(IpAddr::to_string).collect();
        text += &format!(", exactly {}", addresses.join(" and "));
    }
    if !request.pools.is_empty() {
        let pools: Vec<_> = request.pools.iter().map(ToString::to_string).collect();
        text += &format!(", of IPPool {}", pools.join(" or "));
    }
    if let Some(reservation) = &request.reservation {
        text += &format!(", those of IPReservation {reservation}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_a_refusal_has_its_code() {
        for reason in [
            "NoPool",
            "PoolFull",
            "QuotaReached",
            "SharingRefused",
            "NoPoolMatches",
            "UnknownPool",
            "PoolRefuses",
            "AddressNotInPool",
            "AddressOccupied",
            "AddressTaken",
            "AddressReserved",
            "WrongFamilies",
        ] {
            assert_eq!(code_of(reason).word(), reason);
        }
    }
}
