//! Who waits is woken by what it waits for: what is decided is counted.

use proptest::prelude::*;

use super::*;
use crate::reconciler::decision::DRAIN_TIME;

/// How many Services a cluster has that is not small.
const MANY: usize = 10_000;

impl Bench {
    /// As many Services as that, which a controller that starts finds.
    fn with_many(ranges: &[&str], count: usize, spec: &Value, annotations: impl Fn(usize) -> Value) -> Self {
        let mut bench = Self::new();
        bench.input(objects::<IPPool>(Change::Listed(vec![pool_of("home", ranges)])));
        for number in 0..count {
            let name = format!("web-{number}");
            let mut object = bench.put(&name, spec.clone());
            object.metadata.annotations = serde_json::from_value(annotations(number)).unwrap();
            bench.store.insert(ServiceName::new("default", &*name), object);
        }
        bench
    }

    /// How much is decided because of what is done.
    fn decisions(&mut self, what: impl FnOnce(&mut Self)) -> u64 {
        self.reconciler.poll_decisions();
        what(self);
        self.pass(Duration::from_secs(10));
        self.reconciler.poll_decisions()
    }

    fn having(&self) -> usize {
        let assigned = self.store.values().map(config::service::assigned);
        assigned.filter(|assigned| !assigned.is_empty()).count()
    }
}

fn dual_stack(policy: &str) -> Value {
    json!({
        "type": "LoadBalancer", "ipFamilyPolicy": policy, "ipFamilies": ["IPv4", "IPv6"],
        "clusterIPs": ["10.96.0.7", "fd00::7"],
    })
}

/// P-ALLOC-64, P-ALLOC-74
#[test]
fn of_many_services_that_would_like_a_second_family_none_is_looked_at_when_an_address_of_the_first_is_freed()
{
    let mut bench = Bench::with_many(&["10.0.0.0/16"], MANY, &dual_stack("PreferDualStack"), |_| {
        json!({})
    });
    bench.list();
    assert_eq!(bench.having(), MANY);
    let decisions = bench.decisions(|bench| bench.delete("web-0"));
    assert!(decisions <= 2, "{decisions} decisions");
    // Once there are addresses of the second family all of them are looked at, and served.
    let both = pool_of("home", &["10.0.0.0/16", "2001:db8::/64"]);
    let decisions = bench.decisions(|bench| bench.input(objects::<IPPool>(Change::Applied(both))));
    assert!(decisions <= 2 * MANY as u64, "{decisions} decisions");
    let two = |object: &Service| config::service::assigned(object).len() == 2;
    assert!(bench.store.values().all(two));
}

/// P-ALLOC-64
#[test]
fn of_many_services_that_wait_for_a_full_pool_only_the_oldest_is_looked_at_when_an_address_is_freed() {
    let mut bench = Bench::with_many(&["10.0.0.0-10.0.0.9"], MANY, &load_balancer(), |_| json!({}));
    bench.list();
    assert_eq!(bench.having(), 10);
    // The one that is deleted, and the one that is served, until it is found to be as it should be.
    let decisions = bench.decisions(|bench| bench.delete("web-3"));
    assert!(decisions <= 4, "{decisions} decisions");
    assert_eq!(bench.address("web-10"), "10.0.0.3");
    assert_eq!(bench.having(), 10);
}

/// P-ALLOC-64
#[test]
fn of_many_services_with_a_reservation_those_are_looked_at_whose_reservation_changes() {
    let reservation = |number| json!({"heraldlb.io/reserve": format!("keep-{number}")});
    let mut bench = Bench::with_many(&["10.0.0.0/16"], MANY, &load_balancer(), reservation);
    for number in 0..MANY {
        let address = format!("10.0.{}.{}", number / 200, number % 200);
        let object = kept(&format!("keep-{number}"), &address);
        let name = ReservationName::new("default", format!("keep-{number}"));
        bench.reservations.insert(name, object);
    }
    bench.list();
    assert_eq!(bench.address("web-777"), "10.0.3.177");
    let decisions = bench.decisions(|bench| bench.delete("web-0"));
    assert!(decisions <= 2, "{decisions} decisions");
    let moved = kept("keep-777", "10.0.200.7");
    let decisions = bench.decisions(|bench| bench.tell(Change::Applied(moved)));
    assert!(decisions <= 6, "{decisions} decisions");
    assert_eq!(bench.address("web-777"), "10.0.200.7");
    let gone = kept("keep-9", "10.0.0.9");
    let decisions = bench.decisions(|bench| bench.tell(Change::Deleted(gone)));
    assert!(decisions <= 6, "{decisions} decisions");
    assert_eq!(
        bench.reservations[&ReservationName::new("default", "keep-9")]
            .spec
            .addresses,
        ["10.0.0.9"]
    );
}

fn kept(name: &str, address: &str) -> IPReservation {
    serde_json::from_value(json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "IPReservation",
        "metadata": {"namespace": "default", "name": name, "resourceVersion": "1"},
        "spec": {"addresses": [address]},
    }))
    .unwrap()
}

impl Bench {
    /// Somebody has edited a reservation.
    fn tell(&mut self, change: Change<IPReservation>) {
        let change = match change {
            Change::Applied(object) => {
                let name = ReservationName::new("default", object.metadata.name.clone().unwrap());
                self.reservations.insert(name, object.clone());
                Change::Applied(Stored::Readable(object))
            }
            Change::Deleted(object) => {
                let name = ReservationName::new("default", object.metadata.name.clone().unwrap());
                self.reservations.remove(&name);
                Change::Deleted(Stored::Readable(object))
            }
            Change::Listed(objects) => Change::Listed(objects.into_iter().map(Stored::Readable).collect()),
        };
        self.input(objects::<IPReservation>(change));
    }
}

/// Something that somebody does.
#[derive(Clone, Debug)]
enum Edit {
    /// A Service, with its ports, families, sharing key, the address that it asks for, and its reservation.
    Apply {
        who: usize,
        port: usize,
        families: usize,
        key: usize,
        address: usize,
        reservation: usize,
    },
    Delete(usize),
    Reserve(usize, usize),
    Unreserve(usize),
    Pool(usize),
    Wait,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let apply = (0..7usize, 0..3usize, 0..4usize, 0..4usize, 0..9usize, 0..8usize).prop_map(
        |(who, port, families, key, address, reservation)| Edit::Apply {
            who,
            port,
            families,
            key,
            address,
            reservation,
        },
    );
    let edit = prop_oneof![
        10 => apply,
        5 => (0..7usize).prop_map(Edit::Delete),
        2 => (0..2usize, 0..4usize).prop_map(|(which, address)| Edit::Reserve(which, address)),
        2 => (0..2usize).prop_map(Edit::Unreserve),
        1 => (0..4usize).prop_map(Edit::Pool),
        3 => Just(Edit::Wait),
    ];
    prop::collection::vec(edit, 1..40)
}

impl Bench {
    fn edit(&mut self, edit: &Edit) {
        match *edit {
            Edit::Apply {
                who,
                port,
                families,
                key,
                address,
                reservation,
            } => {
                let cluster_ips = [
                    json!(["10.96.0.7"]),
                    json!(["fd00::7"]),
                    json!(["10.96.0.7", "fd00::7"]),
                    json!(["10.96.0.7", "fd00::7"]),
                ];
                let policy = [
                    "SingleStack",
                    "SingleStack",
                    "RequireDualStack",
                    "PreferDualStack",
                ][families];
                let mut annotations = json!({});
                if key < 2 {
                    annotations["heraldlb.io/allow-shared-ip"] = json!(["k", "l"][key]);
                }
                if let Some(address) = ["10.0.0.0", "10.0.0.1", "2001:db8::1"].get(address) {
                    annotations["heraldlb.io/loadBalancerIPs"] = json!(address);
                }
                if let Some(name) = ["r", "s"].get(reservation) {
                    annotations["heraldlb.io/reserve"] = json!(name);
                }
                let spec = json!({
                    "type": "LoadBalancer", "clusterIPs": cluster_ips[families], "ipFamilyPolicy": policy,
                    "ports": [{"port": 80 + port, "protocol": "TCP"}],
                });
                self.apply_with(&format!("s{who}"), annotations, spec);
            }
            Edit::Delete(who) => {
                let name = format!("s{who}");
                if self.store.contains_key(&ServiceName::new("default", &*name)) {
                    self.delete(&name);
                }
            }
            Edit::Reserve(which, address) => {
                let address = ["10.0.0.0", "10.0.0.1", "10.0.0.2", "2001:db8::1"][address];
                self.tell(Change::Applied(kept(["r", "s"][which], address)));
            }
            Edit::Unreserve(which) => {
                self.tell(Change::Deleted(kept(["r", "s"][which], "10.0.0.0")));
            }
            Edit::Pool(which) => {
                let quota = (which == 3).then(|| json!({"limit": 2}));
                let ranges = [
                    json!(["10.0.0.0/31", "2001:db8::/127"]),
                    json!(["10.0.0.0/30"]),
                    json!(["10.0.0.0/31", "2001:db8::/126"]),
                    json!(["10.0.0.0/30", "2001:db8::/126"]),
                ];
                let object = serde_json::from_value(json!({
                    "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool",
                    "metadata": {"name": "home", "resourceVersion": "1"},
                    "spec": {"addresses": ranges[which], "namespaceQuota": quota},
                }));
                self.input(objects::<IPPool>(Change::Applied(object.unwrap())));
            }
            Edit::Wait => self.pass(DRAIN_TIME),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(500),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// P-ALLOC-64: beside one that wakes everybody after each change, nobody has less: who waits is never forgotten.
    #[test]
    fn everybody_has_what_it_would_have_if_all_were_woken_each_time(edits in edits()) {
        let [mut bench, mut naive] = [(); 2].map(|()| Bench::started("10.0.0.0/31"));
        for edit in [Edit::Pool(0)].iter().chain(&edits) {
            bench.edit(edit);
            naive.edit(edit);
            naive.reconciler.mark_all();
            naive.drain();
            prop_assert_eq!(bench.shown(), naive.shown(), "after {:?}", edit);
        }
    }
}

impl Bench {
    /// What every Service has, and whether that is what it asks for.
    fn shown(&self) -> Vec<(String, String, String)> {
        let status = |object: &Service| {
            let conditions = object
                .status
                .as_ref()
                .and_then(|status| status.conditions.clone());
            conditions
                .unwrap_or_default()
                .first()
                .map(|condition| condition.status.clone())
        };
        let names = self.store.iter();
        names
            .map(|(name, object)| {
                let status = status(object).unwrap_or_default();
                (name.to_string(), self.address(&name.name), status)
            })
            .collect()
    }
}
