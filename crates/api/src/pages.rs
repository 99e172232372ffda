//! Lists that are too long to be held whole.

use std::fmt::Debug;
use std::time::Duration;

use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::client::{Failure, within};

/// Objects in a page.
pub const PAGE: u32 = 500;

/// How long a page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(15);

/// How often a list is begun anew whose next page the API server has no more (410): it keeps them for some minutes.
const ATTEMPTS: u32 = 3;

/// The objects that `params` selects and `keep` wants, of each its metadata alone: no more than a page of the others is ever held.
/// The status is no part of that: see [`writes_status`] for whether anyone's is in it.
///
/// # Errors
/// A page did not come in time or was refused. Nothing is kept then.
pub async fn metadata<K>(
    api: &Api<K>,
    params: &ListParams,
    keep: impl Fn(&PartialObjectMeta<K>) -> bool,
) -> Result<Vec<PartialObjectMeta<K>>, Failure>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let mut attempt = 1;
    loop {
        match once(api, params, &keep).await {
            Err(error) if error.is_expired() && attempt < ATTEMPTS => attempt += 1,
            ended => return ended,
        }
    }
}

async fn once<K>(
    api: &Api<K>,
    params: &ListParams,
    keep: &impl Fn(&PartialObjectMeta<K>) -> bool,
) -> Result<Vec<PartialObjectMeta<K>>, Failure>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let mut kept = Vec::new();
    let mut params = params.clone().limit(PAGE);
    loop {
        let page = within(PAGE_TIMEOUT, api.list_metadata(&params)).await?;
        kept.extend(page.items.into_iter().filter(keep));
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            return Ok(kept);
        }
    }
}

/// Whether something in the status of an object was written by `manager` and by nobody since.
pub fn writes_status<K>(object: &PartialObjectMeta<K>, manager: &str) -> bool {
    let entries = object.metadata.managed_fields.iter().flatten();
    entries
        .filter(|entry| entry.subresource.as_deref() == Some("status"))
        .any(|entry| entry.manager.as_deref() == Some(manager))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::State;
    use axum::http::{StatusCode, Uri, header};
    use axum::response::{IntoResponse, Response};
    use axum::routing::get;
    use k8s_openapi::api::core::v1::Service;
    use kube::{Client, ResourceExt};
    use serde_json::{Value, json};

    use super::*;

    /// Two pages of Services, the second of which may be gone once.
    #[derive(Clone, Default)]
    struct ApiServer {
        requests: Arc<Mutex<Vec<String>>>,
        expires: Arc<Mutex<bool>>,
    }

    impl ApiServer {
        fn api(&self) -> Api<Service> {
            let router = Router::new()
                .route("/api/v1/services", get(list))
                .with_state(self.clone());
            Api::all(Client::new(router, "default"))
        }
    }

    async fn list(State(server): State<ApiServer>, headers: header::HeaderMap, uri: Uri) -> Response {
        let query = uri.query().unwrap_or_default().to_owned();
        let accept = headers[header::ACCEPT].to_str().unwrap().to_owned();
        assert!(accept.contains("PartialObjectMetadataList"), "{accept}");
        server.requests.lock().unwrap().push(query.clone());
        let (names, next) = match query.contains("continue=next") {
            false => (["a", "b"], "next"),
            true => (["c", "d"], ""),
        };
        if !next.is_empty() || !std::mem::take(&mut *server.expires.lock().unwrap()) {
            let items: Vec<Value> = names.iter().map(|name| service(name)).collect();
            let page = json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
                "metadata": {"continue": next, "resourceVersion": "7"}, "items": items,
            });
            return ([(header::CONTENT_TYPE, "application/json")], page.to_string()).into_response();
        }
        let gone = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "message": "too old", "code": 410});
        (StatusCode::GONE, gone.to_string()).into_response()
    }

    fn service(name: &str) -> Value {
        let manager = if name == "c" { "herald-controller" } else { "cloud" };
        let entry = |subresource: &str, manager: &str| json!({"manager": manager, "subresource": subresource, "operation": "Apply"});
        json!({
            "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": {"name": name, "managedFields": [entry("status", manager), entry("", "herald-controller")]},
        })
    }

    async fn shown(server: &ApiServer) -> Vec<String> {
        let params = ListParams::default().fields("spec.type!=LoadBalancer");
        let ours = |object: &PartialObjectMeta<Service>| writes_status(object, "herald-controller");
        let found = metadata(&server.api(), &params, ours).await.unwrap();
        found.iter().map(ResourceExt::name_any).collect()
    }

    #[tokio::test]
    async fn a_long_list_is_read_page_by_page_and_only_what_is_wanted_is_kept() {
        let server = ApiServer::default();
        assert_eq!(shown(&server).await, ["c"]);
        let requests = server.requests.lock().unwrap();
        assert_eq!(requests.len(), 2);
        assert!(
            requests.iter().all(|query| query.contains("limit=500")),
            "{requests:?}"
        );
    }

    #[tokio::test]
    async fn a_list_whose_next_page_has_expired_is_begun_anew() {
        let server = ApiServer::default();
        *server.expires.lock().unwrap() = true;
        assert_eq!(shown(&server).await, ["c"]);
        assert_eq!(server.requests.lock().unwrap().len(), 4);
    }
}
