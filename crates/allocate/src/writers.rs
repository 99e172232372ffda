//! Who else has written what Herald writes of a Service, as the API server keeps account of it (`managedFields`).

use crds::condition::ALLOCATED;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Value, json};

/// The field managers, other than the own one, to whom parts of a status belong. What belongs to both is not listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherWriters {
    /// Whose `status.loadBalancer.ingress` is.
    pub ingress: Option<String>,
    /// Whose condition `heraldlb.io/Allocated` is: that of another release of Herald.
    pub allocated: Option<String>,
}

impl OtherWriters {
    /// Of a Service, as it comes from the API server or as `keep_others` left it; `own` is the own field manager.
    pub fn of(object: &Service, own: &str) -> Self {
        let entries = object.metadata.managed_fields.as_deref().unwrap_or_default();
        let other = |has: fn(&Value) -> bool| {
            let writers = entries.iter().filter(|entry| fields(entry).is_some_and(has));
            let names: Vec<&str> = writers.filter_map(|entry| entry.manager.as_deref()).collect();
            match names.contains(&own) {
                true => None,
                false => names.last().map(|name| (*name).to_owned()),
            }
        };
        Self {
            ingress: other(has_ingress),
            allocated: other(has_allocated),
        }
    }
}

/// Leaves of the account what [`OtherWriters::of`] reads, in no more room than that needs: of most Services nothing.
pub(crate) fn keep_others(object: &mut Service, own: &str) {
    let OtherWriters { ingress, allocated } = OtherWriters::of(object, own);
    let ingress = ingress.map(|manager| entry(manager, ingress_fields()));
    let allocated = allocated.map(|manager| entry(manager, allocated_fields()));
    let entries: Vec<_> = ingress.into_iter().chain(allocated).collect();
    object.metadata.managed_fields = (!entries.is_empty()).then_some(entries);
}

fn entry(manager: String, status: Value) -> ManagedFieldsEntry {
    ManagedFieldsEntry {
        manager: Some(manager),
        fields_v1: Some(FieldsV1(json!({"f:status": status}))),
        ..ManagedFieldsEntry::default()
    }
}

fn fields(entry: &ManagedFieldsEntry) -> Option<&Value> {
    entry.fields_v1.as_ref()?.0.get("f:status")
}

fn has_ingress(status: &Value) -> bool {
    status.pointer("/f:loadBalancer/f:ingress").is_some()
}

fn ingress_fields() -> Value {
    json!({"f:loadBalancer": {"f:ingress": {}}})
}

fn has_allocated(status: &Value) -> bool {
    let conditions = status.get("f:conditions");
    conditions.is_some_and(|conditions| conditions.get(allocated_key()).is_some())
}

fn allocated_fields() -> Value {
    let key = allocated_key();
    json!({"f:conditions": {key: {}}})
}

fn allocated_key() -> String {
    format!("k:{{\"type\":\"{ALLOCATED}\"}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "herald-controller";

    fn service(entries: &[(&str, Value)]) -> Service {
        let entry = |(manager, status): &(&str, Value)| {
            json!({"manager": manager, "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                   "subresource": "status", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:status": status}})
        };
        let entries: Vec<_> = entries.iter().map(entry).collect();
        serde_json::from_value(json!({"metadata": {"managedFields": entries}})).unwrap()
    }

    fn both() -> Value {
        json!({
            "f:loadBalancer": {"f:ingress": {}},
            "f:conditions": {allocated_key(): {".": {}, "f:type": {}, "f:reason": {}}},
        })
    }

    #[test]
    fn what_the_release_itself_has_written_is_nobody_elses_be_it_that_another_says_the_same() {
        let alone = service(&[(OWN, both()), ("herald-speaker", json!({"f:conditions": {}}))]);
        assert_eq!(OtherWriters::of(&alone, OWN), OtherWriters::default());
        let agreed = service(&[("cloud", ingress_fields()), (OWN, both())]);
        assert_eq!(OtherWriters::of(&agreed, OWN), OtherWriters::default());
    }

    #[test]
    fn another_writer_is_named_and_nothing_else_is_kept_of_it() {
        let mut service = service(&[
            (OWN, json!({"f:conditions": {allocated_key(): {}}})),
            ("cloud", ingress_fields()),
            ("kubectl", json!({"f:conditions": {"k:{\"type\":\"Other\"}": {}}})),
        ]);
        let others = OtherWriters::of(&service, OWN);
        assert_eq!(others.ingress.as_deref(), Some("cloud"));
        assert_eq!(others.allocated, None);
        keep_others(&mut service, OWN);
        assert_eq!(OtherWriters::of(&service, OWN), others);
        assert_eq!(service.metadata.managed_fields.unwrap().len(), 1);
    }

    #[test]
    fn the_condition_of_another_release_is_told_from_the_own_one() {
        let service = service(&[("herald-controller-example.com/other", both())]);
        let others = OtherWriters::of(&service, OWN);
        assert_eq!(
            others.allocated.as_deref(),
            Some("herald-controller-example.com/other")
        );
    }

    #[test]
    fn of_a_service_that_nobody_else_has_written_to_no_account_is_kept() {
        let mut service = service(&[(OWN, both())]);
        keep_others(&mut service, OWN);
        assert_eq!(service.metadata.managed_fields, None);
    }
}
