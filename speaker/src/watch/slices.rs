//! Which EndpointSlices are taken in: those of Services that are ours, which are few among all.
//!
//! The API server cannot select slices by the type of their Service, so a watch shows all but those of headless Services, as it shows
//! them to kube-proxy, and the others are dropped before anything of them is kept. A Service that becomes ours later (another type,
//! another class) has slices that were dropped: they are asked for by its name. That takes one request, and only where some were dropped:
//! of a Service that is created ours the watch shows every slice.

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::client::{Failure, REQUEST_TIMEOUT, within};
use api::watch::{Change, readable, without_managed_fields};
use config::endpoints::{SERVICE_LABEL, Slice};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Client};
use model::ServiceName;
use tokio::sync::{mpsc, watch};

use crate::decide::decision::{Input, Seen};

/// After a request that failed.
const PAUSE: Duration = Duration::from_secs(2);

/// Whose slices are wanted. Clones are the same.
#[derive(Clone, Debug)]
pub struct Interest {
    state: Arc<Mutex<State>>,
    listed: watch::Sender<bool>,
    missed: mpsc::UnboundedSender<ServiceName>,
}

#[derive(Debug, Default)]
struct State {
    wanted: BTreeSet<ServiceName>,
    /// Services of which slices were dropped, as hashes: tens of thousands of names would take more room than what is kept of slices.
    dropped: HashSet<u64>,
    hashes: RandomState,
}

impl Interest {
    /// Nobody's yet; and the Services whose slices have been missed, to be given to [`fetch_missed`].
    pub fn new() -> (Self, mpsc::UnboundedReceiver<ServiceName>) {
        let (missed, receiver) = mpsc::unbounded_channel();
        let interest = Self {
            state: Arc::default(),
            listed: watch::Sender::new(false),
            missed,
        };
        (interest, receiver)
    }

    /// Ends when the first list of Services is in: before that, every slice would be dropped.
    pub async fn known(&self) {
        // The sender is ours.
        let _ = self.listed.subscribe().wait_for(|listed| *listed).await;
    }

    /// Takes in what the watch of Services says.
    pub fn handle_services(&self, change: &Change<Seen>) {
        let mut state = self.state();
        match change {
            Change::Listed(all) => {
                let ours = all.iter().filter(|seen| seen.is_ours());
                let wanted: BTreeSet<_> = ours.map(|seen| seen.name().clone()).collect();
                let new: Vec<_> = wanted.difference(&state.wanted).cloned().collect();
                state.wanted = wanted;
                for name in new {
                    self.ask_if_dropped(&state, name);
                }
            }
            Change::Applied(seen) if seen.is_ours() => {
                if state.wanted.insert(seen.name().clone()) {
                    self.ask_if_dropped(&state, seen.name().clone());
                }
            }
            Change::Applied(seen) | Change::Deleted(seen) => drop(state.wanted.remove(seen.name())),
        }
        drop(state);
        if matches!(change, Change::Listed(_)) {
            self.listed.send_replace(true);
        }
    }

    /// Whether a slice is taken in.
    pub fn takes(&self, slice: &Slice) -> bool {
        let mut state = self.state();
        if state.wanted.contains(&slice.service) {
            return true;
        }
        let hash = state.hashes.hash_one(&slice.service);
        state.dropped.insert(hash);
        false
    }

    /// A list of slices is complete, and takes the place of all that was known. Of a Service that became ours while it was on its way,
    /// slices are missing in it.
    pub fn handle_slices_listed(&self) {
        let mut state = self.state();
        let missing: Vec<_> = state
            .wanted
            .iter()
            .filter(|name| state.dropped.contains(&state.hashes.hash_one(name)))
            .cloned()
            .collect();
        for name in missing {
            let hash = state.hashes.hash_one(&name);
            state.dropped.remove(&hash);
            self.ask(name);
        }
    }

    fn wants(&self, name: &ServiceName) -> bool {
        self.state().wanted.contains(name)
    }

    fn ask_if_dropped(&self, state: &State, name: ServiceName) {
        if state.dropped.contains(&state.hashes.hash_one(&name)) {
            self.ask(name);
        }
    }

    fn ask(&self, name: ServiceName) {
        // Nobody fetches when the process ends.
        let _ = self.missed.send(name);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks for the slices of each Service that is `missed`, one after the other, and passes them on, until nobody misses any more.
pub async fn fetch_missed(
    client: Client,
    interest: Interest,
    mut missed: mpsc::UnboundedReceiver<ServiceName>,
    sender: mpsc::Sender<Box<Input>>,
) {
    while let Some(name) = missed.recv().await {
        while interest.wants(&name) {
            match slices_of(&client, &name).await {
                Ok(slices) => {
                    for slice in slices {
                        let input = Input::Slices(Change::Applied(slice));
                        if sender.send(Box::new(input)).await.is_err() {
                            return;
                        }
                    }
                    break;
                }
                Err(error) => {
                    tracing::warn!(service = %name, %error, "slices not read, trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn slices_of(client: &Client, name: &ServiceName) -> Result<Vec<Slice>, Failure> {
    let api: Api<DeserializeGuard<EndpointSlice>> = Api::namespaced(client.clone(), &name.namespace);
    let params = ListParams::default().labels(&format!("{SERVICE_LABEL}={}", name.name));
    let read = readable(without_managed_fields);
    let listed = within(REQUEST_TIMEOUT, api.list(&params)).await?;
    let slices = listed.items.into_iter().filter_map(read);
    Ok(slices.filter_map(|slice| Slice::of(&slice)).collect())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::{StatusCode, Uri};
    use axum::response::IntoResponse;
    use axum::routing::get;
    use config::service::Classes;
    use serde_json::json;

    use super::*;

    fn seen(name: &str, class: &str) -> Seen {
        let classes = Classes {
            classes: vec!["heraldlb.io/herald".into()],
            require_class: false,
        };
        let object = json!({
            "metadata": {"namespace": "shop", "name": name},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": class},
        });
        Seen::of(&serde_json::from_value(object).unwrap(), &classes)
    }

    fn ours(name: &str) -> Seen {
        seen(name, "heraldlb.io/herald")
    }

    fn slice(service: &str) -> serde_json::Value {
        json!({
            "metadata": {
                "namespace": "shop", "name": format!("{service}-1"), "resourceVersion": "7",
                "labels": {SERVICE_LABEL: service},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"], "nodeName": "n1"}],
        })
    }

    fn read(service: &str) -> Slice {
        Slice::of(&serde_json::from_value(slice(service)).unwrap()).unwrap()
    }

    fn asked(missed: &mut mpsc::UnboundedReceiver<ServiceName>) -> Vec<String> {
        std::iter::from_fn(|| missed.try_recv().ok())
            .map(|name| name.name.to_string())
            .collect()
    }

    #[test]
    fn slices_of_services_that_are_not_ours_are_dropped_and_cost_no_request() {
        let (interest, mut missed) = Interest::new();
        interest.handle_services(&Change::Listed(vec![
            ours("web"),
            seen("other", "example.com/other"),
        ]));
        assert!(interest.takes(&read("web")));
        assert!(!interest.takes(&read("other")) && !interest.takes(&read("internal")));
        interest.handle_slices_listed();
        interest.handle_services(&Change::Applied(ours("new")));
        assert!(interest.takes(&read("new")));
        assert_eq!(asked(&mut missed), Vec::<String>::new());
    }

    #[test]
    fn a_service_that_becomes_ours_has_its_slices_asked_for() {
        let (interest, mut missed) = Interest::new();
        interest.handle_services(&Change::Listed(vec![]));
        assert!(!interest.takes(&read("web")));
        interest.handle_services(&Change::Applied(ours("web")));
        assert_eq!(asked(&mut missed), ["web"]);
        assert!(interest.takes(&read("web")));
        interest.handle_services(&Change::Applied(ours("web")));
        assert_eq!(asked(&mut missed), Vec::<String>::new());
        interest.handle_services(&Change::Deleted(ours("web")));
        assert!(!interest.takes(&read("web")));
        // So it is with one that a new list shows.
        interest.handle_services(&Change::Listed(vec![ours("web")]));
        assert_eq!(asked(&mut missed), ["web"]);
    }

    #[test]
    fn a_service_that_becomes_ours_while_slices_are_listed_is_asked_for_when_the_list_is_in() {
        let (interest, mut missed) = Interest::new();
        interest.handle_services(&Change::Listed(vec![]));
        assert!(!interest.takes(&read("web")));
        interest.handle_services(&Change::Applied(ours("web")));
        assert_eq!(asked(&mut missed), ["web"]);
        interest.handle_slices_listed();
        assert_eq!(asked(&mut missed), ["web"]);
        interest.handle_slices_listed();
        assert_eq!(asked(&mut missed), Vec::<String>::new());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_missed_is_read_by_the_name_of_the_service_as_often_as_it_takes() {
        let (interest, missed) = Interest::new();
        interest.handle_services(&Change::Listed(vec![]));
        assert!(!interest.takes(&read("web")));
        interest.handle_services(&Change::Applied(ours("web")));
        let failures = Arc::new(Mutex::new(2));
        let list = async move |uri: Uri| {
            assert_eq!(
                uri.query(),
                Some("&labelSelector=kubernetes.io%2Fservice-name%3Dweb")
            );
            let mut failures = failures.lock().unwrap();
            if *failures > 0 {
                *failures -= 1;
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            let list = json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList", "metadata": {}, "items": [slice("web")],
            });
            list.to_string().into_response()
        };
        let path = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices";
        let client = Client::new(Router::new().route(path, get(list)), "default");
        let (sender, mut inputs) = mpsc::channel(1);
        let fetching = tokio::spawn(fetch_missed(client, interest, missed, sender));
        let Input::Slices(Change::Applied(got)) = *inputs.recv().await.unwrap() else {
            panic!("the slices of a Service are what was asked for");
        };
        assert_eq!(got, read("web"));
        fetching.abort();
    }
}
