//! The driver against an API server that keeps one lease in memory, in virtual time.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const COLLECTION: &str = "/apis/coordination.k8s.io/v1/namespaces/herald/leases";

#[derive(Clone)]
struct ApiServer {
    lease: Arc<Mutex<(Option<Value>, u64)>>,
    events: broadcast::Sender<Value>,
    /// Accepts requests and never answers them.
    hangs: watch::Sender<bool>,
}

impl ApiServer {
    fn new() -> Self {
        Self {
            lease: Arc::default(),
            events: broadcast::Sender::new(64),
            hangs: watch::Sender::new(false),
        }
    }

    fn client(&self) -> Client {
        let router = Router::new()
            .route(COLLECTION, get(list_or_watch).post(create))
            .route(&format!("{COLLECTION}/herald-controller"), get(read).put(replace))
            .with_state(self.clone());
        Client::new(router, "herald")
    }

    fn spec(&self, field: &str) -> Value {
        self.lease().unwrap()["spec"][field].clone()
    }

    fn lease(&self) -> Option<Value> {
        self.lease.lock().unwrap().0.clone()
    }

    fn put(&self, mut lease: Value, event: &str) -> Value {
        let mut stored = self.lease.lock().unwrap();
        stored.1 += 1;
        lease["metadata"]["resourceVersion"] = stored.1.to_string().into();
        stored.0 = Some(lease.clone());
        let _nobody_watches = self.events.send(json!({ "type": event, "object": lease }));
        lease
    }

    async fn answer_unless_hanging(&self) {
        let mut hangs = self.hangs.subscribe();
        let _answers = hangs.wait_for(|hangs| !hangs).await.unwrap();
    }
}

fn answer(code: StatusCode, body: &Value) -> Response {
    (code, body.to_string()).into_response()
}

fn refusal(code: StatusCode, reason: &str) -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": reason, "reason": reason, "code": code.as_u16(),
    });
    answer(code, &status)
}

async fn list_or_watch(State(server): State<ApiServer>, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    assert!(
        query.contains("fieldSelector=metadata.name%3Dherald-controller"),
        "{query}"
    );
    if query.contains("watch=true") {
        let events = stream::unfold(server.events.subscribe(), |mut events| async {
            let event = events.recv().await.ok()?;
            Some((Ok::<_, Infallible>(format!("{event}\n")), events))
        });
        return Body::from_stream(events.boxed()).into_response();
    }
    server.answer_unless_hanging().await;
    let items: Vec<_> = server.lease().into_iter().collect();
    let list = json!({
        "kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1",
        "metadata": { "resourceVersion": "1" }, "items": items,
    });
    answer(StatusCode::OK, &list)
}

async fn read(State(server): State<ApiServer>) -> Response {
    server.answer_unless_hanging().await;
    match server.lease() {
        Some(lease) => answer(StatusCode::OK, &lease),
        None => refusal(StatusCode::NOT_FOUND, "NotFound"),
    }
}

async fn create(State(server): State<ApiServer>, body: Bytes) -> Response {
    server.answer_unless_hanging().await;
    match server.lease() {
        Some(_) => refusal(StatusCode::CONFLICT, "AlreadyExists"),
        None => answer(
            StatusCode::CREATED,
            &server.put(serde_json::from_slice(&body).unwrap(), "ADDED"),
        ),
    }
}

async fn replace(State(server): State<ApiServer>, body: Bytes) -> Response {
    server.answer_unless_hanging().await;
    let lease: Value = serde_json::from_slice(&body).unwrap();
    let version = |lease: &Value| lease["metadata"]["resourceVersion"].clone();
    match server.lease() {
        None => refusal(StatusCode::NOT_FOUND, "NotFound"),
        Some(stored) if version(&stored) != version(&lease) => refusal(StatusCode::CONFLICT, "Conflict"),
        Some(_) => answer(StatusCode::OK, &server.put(lease, "MODIFIED")),
    }
}

struct Process {
    leadership: watch::Receiver<Leadership>,
    resign: watch::Sender<Resign>,
    task: JoinHandle<()>,
}

impl Process {
    /// The only process of its name so far.
    fn start(server: &ApiServer, name: &str) -> Self {
        Self::start_as(server, Identity::new(name, "1"))
    }

    fn start_as(server: &ApiServer, identity: Identity) -> Self {
        let lease = Lease {
            alone: ["x".to_owned()].into(),
            namespace: "herald".into(),
            name: "herald-controller".into(),
            identity,
        };
        let timing = Timing::new(15 * SECOND, 10 * SECOND, 2 * SECOND, 5 * SECOND).unwrap();
        let (sender, leadership) = watch::channel(Leadership::Standby);
        let (resign, resigned) = watch::channel(Resign::No);
        let client = server.client();
        let health = Health::default();
        let task = tokio::spawn(async move { run(client, lease, timing, sender, resigned, &health).await });
        Self {
            leadership,
            resign,
            task,
        }
    }

    async fn leads(&mut self, leads: bool) {
        let now = || Instant::now().into_std();
        self.leadership
            .wait_for(|leadership| leadership.leads(now()) == leads)
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_lease_reads_like_one_of_client_go() {
    let server = ApiServer::new();
    let mut a = Process::start(&server, "a");
    a.leads(true).await;
    assert_eq!(server.spec("holderIdentity"), "a_1");
    assert_eq!(server.spec("leaseDurationSeconds"), 15);
    assert_eq!(server.spec("leaseTransitions"), 0);
    let renewed = server.spec("renewTime");
    assert_eq!(renewed, server.spec("acquireTime"));
    assert_eq!(
        renewed.as_str().unwrap().len(),
        "2026-11-22T05:00:00.000000Z".len(),
        "{renewed}"
    );
    tokio::time::sleep(5 * SECOND).await;
    assert_eq!(
        server.lease.lock().unwrap().1,
        3,
        "created, and renewed every two seconds"
    );
    assert_eq!(server.spec("leaseTransitions"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_resigns_hands_over_before_the_next_look_of_the_standby() {
    let server = ApiServer::new();
    let mut a = Process::start(&server, "a");
    a.leads(true).await;
    let mut b = Process::start(&server, "b");
    tokio::time::sleep(5 * SECOND).await;
    assert!(!b.leadership.borrow().leads(Instant::now().into_std()));
    let resigned = Instant::now();
    a.resign.send_replace(Resign::GiveBack);
    b.leads(true).await;
    assert!(resigned.elapsed() < SECOND / 10, "{:?}", resigned.elapsed());
    a.task.await.unwrap();
    assert_eq!(*a.leadership.borrow(), Leadership::Standby);
    assert_eq!(server.spec("holderIdentity"), "b_1");
    assert_eq!(server.spec("leaseTransitions"), 1);
    assert_eq!(server.spec("leaseDurationSeconds"), 15);
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_names_nobody_and_lasts_a_second() {
    let server = ApiServer::new();
    let mut a = Process::start(&server, "a");
    a.leads(true).await;
    a.resign.send_replace(Resign::GiveBack);
    a.task.await.unwrap();
    assert_eq!(server.spec("holderIdentity"), "");
    assert_eq!(server.spec("leaseDurationSeconds"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_leader_without_an_api_server_stops_at_its_deadline_and_leads_again_after() {
    let server = ApiServer::new();
    let mut a = Process::start(&server, "a");
    a.leads(true).await;
    let silent = Instant::now();
    server.hangs.send_replace(true);
    a.leads(false).await;
    assert!(silent.elapsed() <= 10 * SECOND, "{:?}", silent.elapsed());
    assert!(silent.elapsed() >= 8 * SECOND, "{:?}", silent.elapsed());
    server.hangs.send_replace(false);
    a.leads(true).await;
    assert_eq!(server.spec("holderIdentity"), "a_1");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_cannot_give_the_lease_back_ends_all_the_same() {
    let server = ApiServer::new();
    let mut a = Process::start(&server, "a");
    a.leads(true).await;
    server.hangs.send_replace(true);
    let resigned = Instant::now();
    a.resign.send_replace(Resign::GiveBack);
    a.task.await.unwrap();
    assert!(
        resigned.elapsed() <= RELEASE_PATIENCE + SECOND / 10,
        "{:?}",
        resigned.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn what_others_wrote_on_the_lease_stays() {
    let server = ApiServer::new();
    server.put(
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": "herald-controller", "labels": { "team": "net" } },
        }),
        "ADDED",
    );
    let mut a = Process::start(&server, "a");
    a.leads(true).await;
    assert_eq!(server.lease().unwrap()["metadata"]["labels"]["team"], "net");
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_lease_keeps_its_holder_and_is_renewed_no_more() {
    for told in [true, false] {
        let server = ApiServer::new();
        let mut a = Process::start(&server, "a");
        a.leads(true).await;
        match told {
            true => drop(a.resign.send_replace(Resign::Abandon)),
            false => drop(a.resign),
        }
        a.task.await.unwrap();
        assert_eq!(*a.leadership.borrow(), Leadership::Standby);
        let version = server.lease.lock().unwrap().1;
        tokio::time::sleep(20 * SECOND).await;
        assert_eq!(server.spec("holderIdentity"), "a_1");
        assert_eq!(server.lease.lock().unwrap().1, version);
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_comes_back_under_its_name_leads_when_the_last_writes_have_settled() {
    let server = ApiServer::new();
    let mut first = Process::start(&server, "a");
    first.leads(true).await;
    let crashed = Instant::now();
    first.task.abort();
    let mut second = Process::start_as(&server, Identity::new("a", "2"));
    second.leads(true).await;
    assert!(crashed.elapsed() >= 5 * SECOND, "{:?}", crashed.elapsed());
    assert!(crashed.elapsed() < 6 * SECOND, "{:?}", crashed.elapsed());
    assert_eq!(server.spec("holderIdentity"), "a_2");
}

#[tokio::test(start_paused = true)]
async fn a_leader_stops_within_a_renew_period_when_the_store_is_put_back_to_a_state_in_which_it_led() {
    let server = ApiServer::new();
    let mut a = Process::start(&server, "a");
    a.leads(true).await;
    let backup = server.lease.lock().unwrap().clone();
    tokio::time::sleep(5 * SECOND).await;
    let restored = Instant::now();
    *server.lease.lock().unwrap() = backup;
    a.leads(false).await;
    assert!(restored.elapsed() <= 2 * SECOND, "{:?}", restored.elapsed());
    let noticed = Instant::now();
    a.leads(true).await;
    assert!(noticed.elapsed() >= 15 * SECOND, "{:?}", noticed.elapsed());
    assert!(noticed.elapsed() < 16 * SECOND, "{:?}", noticed.elapsed());
}
