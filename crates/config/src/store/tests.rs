use crds::{BGPPeer, IPPool, IPReservation};
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};

use super::*;

fn stored<K: Configured>(namespace: Option<&str>, name: &str, version: u64, rest: Value) -> Stored<K> {
    let mut object = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": K::KIND.to_string(),
        "metadata": {"name": name, "namespace": namespace, "resourceVersion": version.to_string(), "generation": 1},
    });
    let fields = object.as_object_mut().unwrap();
    fields.extend(rest.as_object().unwrap().clone());
    serde_json::from_value(object).unwrap()
}

fn pool(name: &str, version: u64, addresses: &str, assigned: u32) -> Stored<IPPool> {
    let rest = json!({"spec": {"addresses": [addresses]}, "status": {"assignedIPv4": assigned}});
    stored(None, name, version, rest)
}

fn listed(store: &mut Store, pools: &[Stored<IPPool>]) -> Novelty {
    store.handle_update(Change::Listed(pools.to_vec()).into())
}

fn applied(store: &mut Store, pool: Stored<IPPool>) -> Novelty {
    store.handle_update(Change::Applied(pool).into())
}

/// P-CFG-41
#[test]
fn a_status_that_is_written_is_no_reason_to_judge_an_object_again() {
    let mut store = Store::new([Kind::IPPool]);
    listed(&mut store, &[pool("a", 1, "192.0.2.0/24", 0)]);
    assert_eq!(
        applied(&mut store, pool("a", 2, "192.0.2.0/24", 7)),
        Novelty::Status
    );
    assert_eq!(store.named::<IPPool>("a").unwrap().status().assigned_ipv4, 7);
    let mut finalized = pool("a", 3, "192.0.2.0/24", 7);
    finalized.finalizers_mut().push("heraldlb.io/in-use".into());
    assert_eq!(applied(&mut store, finalized.clone()), Novelty::Status);
    assert_eq!(applied(&mut store, finalized), Novelty::Nothing);
    assert_eq!(
        applied(&mut store, pool("a", 4, "192.0.2.0/25", 7)),
        Novelty::Content
    );
}

#[test]
fn labels_a_deletion_and_another_object_of_the_name_are_judged_again() {
    let known = pool("a", 1, "192.0.2.0/24", 0);
    let changes: [fn(&mut Stored<IPPool>); 4] = [
        |pool| drop(pool.labels_mut().insert("rack".into(), "a".into())),
        |pool| pool.meta_mut().deletion_timestamp = Some(time()),
        |pool| pool.meta_mut().uid = Some("another".into()),
        |pool| pool.meta_mut().generation = Some(2),
    ];
    for change in changes {
        let mut store = Store::new([Kind::IPPool]);
        listed(&mut store, std::slice::from_ref(&known));
        let mut changed = known.clone();
        change(&mut changed);
        assert_eq!(applied(&mut store, changed), Novelty::Content);
    }
}

fn time() -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Time {
    serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap()
}

#[test]
fn another_list_of_the_same_objects_is_no_news_and_one_without_an_object_is() {
    let mut store = Store::new([Kind::IPPool]);
    let pools = [
        pool("a", 1, "192.0.2.0/24", 0),
        pool("b", 2, "198.51.100.0/24", 0),
    ];
    assert_eq!(listed(&mut store, &pools), Novelty::Content);
    assert_eq!(listed(&mut store, &pools), Novelty::Nothing);
    assert_eq!(listed(&mut store, &pools[..1]), Novelty::Content);
    assert_eq!(
        store
            .all::<IPPool>()
            .map(ResourceExt::name_any)
            .collect::<Vec<_>>(),
        ["a"]
    );
}

#[test]
fn a_list_that_is_empty_is_news_once_for_it_tells_that_there_is_nothing() {
    let mut store = Store::new([Kind::IPPool, Kind::BGPPeer]);
    assert_eq!(listed(&mut store, &[]), Novelty::Content);
    assert_eq!(listed(&mut store, &[]), Novelty::Nothing);
    assert!(store.is_listed(Kind::IPPool) && !store.is_complete());
    store.handle_update(Change::<Stored<BGPPeer>>::Listed(Vec::new()).into());
    assert!(store.is_complete());
}

#[test]
fn objects_of_one_kind_are_apart_from_those_of_others_and_from_equal_names_elsewhere() {
    let mut store = Store::new(Kind::ALL.iter().copied());
    let reservation = |namespace| {
        stored::<IPReservation>(
            Some(namespace),
            "a",
            1,
            json!({"spec": {"addresses": ["192.0.2.1"]}}),
        )
    };
    listed(&mut store, &[pool("a", 1, "192.0.2.0/24", 0)]);
    store.handle_update(Change::Listed(vec![reservation("shop"), reservation("blog")]).into());
    assert_eq!(store.all::<IPPool>().count(), 1);
    let namespaces: Vec<_> = store
        .all::<IPReservation>()
        .filter_map(ResourceExt::namespace)
        .collect();
    assert_eq!(namespaces, ["blog", "shop"]);
    assert_eq!(
        store.handle_update(Change::Deleted(reservation("shop")).into()),
        Novelty::Content
    );
    assert_eq!(
        store.handle_update(Change::Deleted(reservation("shop")).into()),
        Novelty::Nothing
    );
    assert_eq!(store.all::<IPReservation>().count(), 1);
}

#[test]
fn an_object_that_cannot_be_read_is_news_when_it_is_wrong_otherwise() {
    let mut store = Store::new([Kind::IPPool]);
    let broken = |addresses: Value, status: Value| {
        stored::<IPPool>(
            None,
            "a",
            1,
            json!({"spec": {"addresses": addresses}, "status": status}),
        )
    };
    listed(&mut store, &[broken(json!("all"), json!({}))]);
    let told = json!({"conditions": [{
        "type": "Accepted", "status": "False", "reason": "Malformed", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]});
    assert_eq!(applied(&mut store, broken(json!("all"), told)), Novelty::Status);
    let name = pool("a", 1, "192.0.2.0/24", 0);
    let name = Object::from(name).name();
    assert_eq!(store.object(&name).unwrap().conditions()[0].reason, "Malformed");
    assert_eq!(applied(&mut store, broken(json!(7), json!({}))), Novelty::Content);
}
