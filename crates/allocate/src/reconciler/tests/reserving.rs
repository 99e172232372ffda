use super::*;
use crate::reconciler::decision::DRAIN_TIME;

fn reserve(name: &str) -> Value {
    json!({"heraldlb.io/reserve": name})
}

impl Bench {
    fn reserved(&self, name: &str) -> String {
        self.reservations[&ReservationName::new("default", name)]
            .spec
            .addresses
            .join(",")
    }

    fn delete_reservation(&mut self, name: &str) {
        let object = self
            .reservations
            .remove(&ReservationName::new("default", name))
            .unwrap();
        self.input(objects::<IPReservation>(Change::Deleted(Stored::Readable(
            object,
        ))));
    }

    fn seen(&mut self, name: &str) {
        let object = self.reservations[&ReservationName::new("default", name)].clone();
        self.input(objects::<IPReservation>(Change::Applied(Stored::Readable(
            object,
        ))));
    }
}

#[test]
fn a_reservation_is_written_before_the_address_is_shown_and_outlives_the_service() {
    let mut bench = Bench::started("192.0.2.0/31");
    bench.apply_with("web", reserve("front"), load_balancer());
    assert_eq!(bench.writes, ["reserve default/front", "write default/web"]);
    assert_eq!(
        (bench.reserved("front"), bench.address("web")),
        ("192.0.2.0".into(), "192.0.2.0".into())
    );
    bench.seen("front");
    bench.delete("web");
    for name in ["a", "b"] {
        bench.apply(name, load_balancer());
    }
    assert_eq!(
        (bench.address("a"), bench.address("b")),
        ("192.0.2.1".into(), String::new())
    );
    bench.restart("192.0.2.0/31");
    assert_eq!(bench.address("b"), "");
    bench.apply_with("again", reserve("front"), load_balancer());
    assert_eq!(bench.address("again"), "192.0.2.0");
    assert_eq!(bench.writes, ["write default/again"]);
}

#[test]
fn a_reservation_that_is_deleted_frees_its_address_for_who_waits() {
    let mut bench = Bench::started("192.0.2.0/32");
    bench.apply_with("web", reserve("front"), load_balancer());
    bench.delete("web");
    bench.apply("next", load_balancer());
    assert_eq!(bench.address("next"), "");
    bench.delete_reservation("front");
    assert_eq!(bench.address("next"), "192.0.2.0");
}

#[test]
fn a_reservation_that_is_deleted_under_its_service_is_written_again() {
    let mut bench = Bench::started("192.0.2.0/31");
    bench.apply_with("web", reserve("front"), load_balancer());
    bench.delete_reservation("front");
    assert_eq!(
        (bench.reserved("front"), bench.address("web")),
        ("192.0.2.0".into(), "192.0.2.0".into())
    );
}

#[test]
fn a_service_moves_to_the_address_of_the_reservation_that_it_names() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("web", load_balancer());
    let front = Target::Custom(ObjectName {
        kind: Kind::IPReservation,
        namespace: Some("default".into()),
        name: "front".into(),
    });
    let object = front.object(None, &[("spec", json!({"addresses": ["192.0.2.9"]}))]);
    bench.reserve(&front, &object);
    bench.seen("front");
    bench.writes.clear();
    bench.apply_with("web", reserve("front"), load_balancer());
    assert_eq!(bench.address("web"), "192.0.2.9,192.0.2.0");
    bench.pass(DRAIN_TIME);
    assert_eq!(bench.address("web"), "192.0.2.9");
    assert_eq!(bench.writes, ["write default/web", "write default/web"]);
}

#[test]
fn an_address_that_is_asked_for_by_number_takes_the_place_of_the_one_that_is_reserved() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply_with("web", reserve("front"), load_balancer());
    bench.seen("front");
    let both = json!({"heraldlb.io/reserve": "front", "heraldlb.io/loadBalancerIPs": "192.0.2.9"});
    bench.apply_with("web", both, load_balancer());
    bench.pass(DRAIN_TIME);
    assert_eq!(
        (bench.reserved("front"), bench.address("web")),
        ("192.0.2.9".into(), "192.0.2.9".into())
    );
}

/// S2: the one is lost because it may be shared no longer, the other because one alone is none.
#[test]
fn a_service_that_takes_two_addresses_or_none_loses_both_where_its_reservation_holds_out_for_one() {
    let mut bench = Bench::new();
    let pools = vec![pool_of("home", &["192.0.2.0/31", "2001:db8::/127"])];
    bench.input(objects::<IPPool>(Change::Listed(pools)));
    bench.list();
    let both = json!({
        "type": "LoadBalancer", "ipFamilyPolicy": "RequireDualStack", "ports": [{"port": 80}],
        "clusterIPs": ["10.96.0.7", "fd00::7"],
    });
    let one = json!({"type": "LoadBalancer", "clusterIPs": ["10.96.0.8"], "ports": [{"port": 53}]});
    let shared = json!({"heraldlb.io/allow-shared-ip": "k"});
    bench.apply_with("dns", shared, one);
    let shared = json!({"heraldlb.io/allow-shared-ip": "k", "heraldlb.io/reserve": "front"});
    bench.apply_with("web", shared, both.clone());
    assert_eq!(bench.address("web"), "192.0.2.0,2001:db8::");
    bench.apply_with("web", reserve("front"), both);
    assert_eq!(bench.address("web"), "");
    assert_eq!(bench.condition("web").0, "AddressTaken");
    assert_eq!(bench.address("dns"), "192.0.2.0");
}
