//! Reads what a plan is made from.

use ::migrate::{Input, Listed, Plan, SecretSource};
use kube::Api;
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

use super::options;
use crate::args::Migrate;
use crate::fetch::{ReadError, Reader};

/// Where the objects of the core that a plan needs are: nothing else of these kinds is read.
const SYSTEM: &str = "kube-system";

/// Plans from what the cluster has. Secrets are read where passwords are copied, and no others.
pub(super) async fn plan(reader: &Reader, given: &Migrate) -> anyhow::Result<Plan> {
    let options = options(given);
    let lists = futures::future::try_join_all(given.from.kinds().map(|listed| list(reader, listed))).await?;
    let mut documents: Vec<Value> = lists.into_iter().flatten().collect();
    let plan = ::migrate::plan(&Input::new(documents.clone()), given.from, &options);
    if plan.secrets.is_empty() {
        return Ok(plan);
    }
    for secret in &plan.secrets {
        documents.extend(self::secret(reader, &options.namespace, &secret.name).await?);
        if let SecretSource::Secret { namespace, name, .. } = &secret.source {
            documents.extend(self::secret(reader, namespace, name).await?);
        }
    }
    Ok(::migrate::plan(&Input::new(documents), given.from, &options))
}

async fn list(reader: &Reader, listed: Listed) -> Result<Vec<Value>, ReadError> {
    for version in listed.versions {
        let resource = resource(listed.group, version, listed.kind, listed.plural);
        let is_core = matches!(listed.kind, "ConfigMap" | "Pod" | "Lease");
        let api: Api<DynamicObject> = match is_core {
            true => Api::namespaced_with(reader.client.clone(), SYSTEM, &resource),
            false => Api::all_with(reader.client.clone(), &resource),
        };
        let params = match listed.kind {
            "Service" => ListParams::default().fields("spec.type=LoadBalancer"),
            _ => ListParams::default(),
        };
        let kind = || {
            format!("{}.{}", listed.plural, listed.group)
                .trim_end_matches('.')
                .to_owned()
        };
        match reader.answer(api.list(&params)).await? {
            Ok(found) => {
                let documents = found
                    .items
                    .into_iter()
                    .filter_map(|object| document(object, &resource));
                return Ok(documents.collect());
            }
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(kube::Error::Api(status)) if status.code == 403 => {
                return Err(ReadError::Forbidden { kind: kind() });
            }
            Err(error) => return Err(ReadError::Other { kind: kind(), error }),
        }
    }
    // Its definition is not there: there is none.
    Ok(Vec::new())
}

async fn secret(reader: &Reader, namespace: &str, name: &str) -> anyhow::Result<Option<Value>> {
    let resource = resource("", "v1", "Secret", "secrets");
    let api: Api<DynamicObject> = Api::namespaced_with(reader.client.clone(), namespace, &resource);
    let found = api.get_opt(name).await.map_err(|error| {
        anyhow::anyhow!("Secret {namespace}/{name} holds a password that is copied: {error}")
    })?;
    Ok(found.and_then(|object| document(object, &resource)))
}

/// A list does not say of its items what they are.
pub(super) fn document(object: DynamicObject, resource: &ApiResource) -> Option<Value> {
    let mut document = serde_json::to_value(object).ok()?;
    document["apiVersion"] = resource.api_version.clone().into();
    document["kind"] = resource.kind.clone().into();
    if let Some(metadata) = document["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    Some(document)
}

pub(super) fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}
