//! Services whose address changes, or whose pool does.

use super::*;

const OLD: &str = "192.0.2.1";
const NEW: &str = "192.0.2.9";

fn pool(spec: Value) -> Stored<IPPool> {
    resource::<IPPool>("IPPool", "p", spec).into()
}

/// The Service at this address, which was given from a pool.
fn given(address: &str, from: &str) -> Service {
    let mut object = service("web", address);
    let condition = json!({
        "type": "heraldlb.io/Allocated", "status": "True", "reason": "Allocated",
        "message": format!("{address} from IPPool {from}"), "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    object.status.get_or_insert_default().conditions = Some(vec![read(condition)]);
    object
}

/// P-ALLOC-59, P-ALLOC-60
#[test]
fn an_address_outside_its_pool_stays_where_it_is_until_the_status_says_otherwise() {
    let mut bench = Bench::started();
    bench.all(|| services(Change::Applied(given(OLD, "p"))));
    let before = bench.may_hold(OLD);
    assert_eq!(before, NODES);
    bench.all(|| objects::<IPPool>(Change::Applied(pool(json!({"addresses": ["192.0.2.8/29"]})))));
    assert_eq!(bench.may_hold(OLD), before);
    assert_eq!(bench.prospect(), alone(OLD));
    bench.all(|| services(Change::Applied(given(NEW, "p"))));
    assert_eq!(bench.may_hold(OLD), [""; 0]);
    assert_eq!(bench.may_hold(NEW).len(), 3);
}

/// P-ALLOC-57, P-ALLOC-60
#[test]
fn a_pool_whose_deletion_is_asked_for_is_announced_until_it_is_gone() {
    let mut bench = Bench::started();
    bench.all(|| services(Change::Applied(given(OLD, "p"))));
    let before = bench.may_hold(OLD);
    let mut closing: IPPool = resource("IPPool", "p", json!({"addresses": ["192.0.2.0/24"]}));
    closing.metadata.deletion_timestamp = Some(read(json!("2026-01-01T00:00:00Z")));
    bench.all(|| objects::<IPPool>(Change::Applied(closing.clone().into())));
    assert_eq!(bench.may_hold(OLD), before);
    bench.all(|| objects::<IPPool>(Change::Deleted(closing.clone().into())));
    assert_eq!(bench.may_hold(OLD), [""; 0]);
    let reason = Reason::AddressNotInPool {
        address: OLD.parse().unwrap(),
        recorded: Some(PoolName("p".into())),
    };
    assert_eq!(bench.prospect(), Layer2::Nobody(reason));
}

#[test]
fn an_address_that_its_pool_gives_out_no_more_is_announced_as_before() {
    let mut bench = Bench::started();
    let before = bench.may_hold(OLD);
    let excluding = json!({"addresses": ["192.0.2.0/24"], "exclude": ["192.0.2.1"]});
    bench.all(|| objects::<IPPool>(Change::Applied(pool(excluding.clone()))));
    assert_eq!(bench.may_hold(OLD), before);
}

/// P-CFG-39: with the pool broken, and a speaker that started too late to know it whole.
#[test]
fn an_address_from_a_pool_that_is_not_in_force_is_announced_while_the_pool_is_there() {
    let mut bench = Bench::started();
    bench.all(|| objects::<IPPool>(Change::Listed(vec![])));
    bench.all(|| services(Change::Applied(given(OLD, "p"))));
    assert_eq!(bench.may_hold(OLD), [""; 0]);
    bench.all(|| objects::<IPPool>(Change::Listed(vec![pool(json!({"addresses": ["192.0.2.0/33"]}))])));
    assert_eq!(bench.may_hold(OLD).len(), 3);
    bench.all(|| services(Change::Applied(service("web", OLD))));
    assert_eq!(
        bench.may_hold(OLD),
        [""; 0],
        "nothing says that it came from there"
    );
}

/// F13: with the input that shows the edit, not later.
#[test]
fn every_edit_of_a_status_withdraws_the_old_address_at_once() {
    let edits: [(&[&str], &[&str]); 4] = [
        (&[OLD], &[NEW]),
        (&[OLD, "2001:db8::1"], &["2001:db8::1"]),
        (&[OLD], &["2001:db8::1"]),
        (&[OLD, NEW], &[NEW]),
    ];
    for (before, after) in edits {
        let mut bench = Bench::started();
        bench.all(|| {
            objects::<IPPool>(Change::Applied(pool(
                json!({"addresses": ["192.0.2.0/24", "2001:db8::/64"]}),
            )))
        });
        bench.all(|| services(Change::Applied(at("web", before))));
        for address in before {
            assert_eq!(bench.may_hold(address).len(), 3, "{before:?}");
        }
        bench.all(|| services(Change::Applied(at("web", after))));
        assert_eq!(bench.may_hold(OLD), [""; 0], "{before:?} to {after:?}");
        for address in after {
            assert_eq!(bench.may_hold(address).len(), 3, "{before:?} to {after:?}");
        }
    }
}

/// F13: an object that the watch's selector matches no more arrives as deleted, before its status is cleared.
#[test]
fn a_service_of_another_type_or_class_is_withdrawn_though_its_status_has_the_address_still() {
    let mut bench = Bench::started();
    let mut other = service("web", OLD);
    other.spec.get_or_insert_default().type_ = Some("ClusterIP".into());
    bench.all(|| services(Change::Deleted(other.clone())));
    assert_eq!(bench.may_hold(OLD), [""; 0]);
    bench.all(|| services(Change::Applied(service("web", OLD))));
    // Its slices are asked for anew.
    bench.all(|| slices(Change::Applied(slice("web", &["n2"]))));
    assert_eq!(bench.may_hold(OLD).len(), 3);
    let mut foreign = service("web", OLD);
    foreign.spec.get_or_insert_default().load_balancer_class = Some("example.com/other".into());
    bench.all(|| services(Change::Applied(foreign.clone())));
    assert_eq!(bench.may_hold(OLD), [""; 0]);
}

/// F13: the sharing key of one of two Services is edited, so that it gets an address of its own.
#[test]
fn a_service_that_stops_sharing_leaves_the_address_to_the_other_where_it_is() {
    let mut bench = Bench::started();
    bench.all(|| slices(Change::Applied(slice("dns", &["n1"]))));
    bench.all(|| services(Change::Applied(service("dns", OLD))));
    let before = bench.may_hold(OLD);
    assert_eq!(before, NODES);
    bench.all(|| services(Change::Applied(service("dns", NEW))));
    assert_eq!(bench.may_hold(OLD), before);
    assert_eq!(bench.prospect_of("web"), alone(OLD));
    assert_eq!(bench.prospect_of("dns"), alone(NEW));
}

/// F13: an address goes from one Service to another, and some speakers see it later than others: its unit is the same for
/// those who see it.
#[test]
fn an_address_that_changes_hands_stays_one_unit_whoever_sees_it_first() {
    for last in 0..NODES.len() {
        let mut bench = Bench::started();
        bench.all(|| slices(Change::Applied(slice("next", &["n1"]))));
        bench.all(|| services(Change::Applied(at("next", &[]))));
        let handed = [at("web", &[]), service("next", OLD)];
        for object in &handed {
            for decider in (0..NODES.len()).filter(|decider| *decider != last) {
                bench.one(decider, services(Change::Applied(object.clone())));
            }
        }
        let units = |decider: &mut Decider| decider.decision().unwrap().wanted.units.clone();
        let first = units(&mut bench.deciders[(last + 1) % NODES.len()]);
        for object in handed {
            bench.one(last, services(Change::Applied(object)));
        }
        assert_eq!(
            bench
                .deciders
                .iter_mut()
                .filter_map(|decider| (units(decider) == first).then_some(()))
                .count(),
            NODES.len()
        );
        assert_eq!(bench.prospect_of("next"), alone(OLD));
    }
}
