//! What an edit of each field means to the session that there is.

use bgp::Retention;

use super::node_values::node;
use super::*;

/// A field, a value of it before and after, and what becomes of the session.
fn table() -> Vec<(&'static str, Json, Json, SessionChange)> {
    let (keep, drop) = (
        SessionChange::NewSession(Retention::Keep),
        SessionChange::NewSession(Retention::Drop),
    );
    let live = SessionChange::InPlace;
    vec![
        // In the OPEN.
        ("myASN", json!(64512), json!(64599), drop),
        ("peerASN", json!(64513), json!(64599), drop),
        ("localASN", json!(null), json!(64599), drop),
        ("dualStackAddressFamily", json!(false), json!(true), drop),
        ("holdTime", json!("90s"), json!("30s"), keep),
        ("routerID", json!(null), json!("10.0.0.1"), keep),
        ("enableGracefulRestart", json!(false), json!(true), keep),
        ("gracefulRestartTime", json!("120s"), json!("60s"), keep),
        // How it is dialled.
        ("peerAddress", json!("192.0.2.1"), json!("192.0.2.2"), drop),
        ("sourceAddress", json!(null), json!("192.0.2.9"), drop),
        ("vrf", json!(null), json!("red"), drop),
        ("peerPort", json!(179), json!(1179), keep),
        ("ttlSecurity", json!(false), json!(true), keep),
        ("ebgpMultiHop", json!(false), json!(true), keep),
        // What the router is told nothing of.
        ("keepaliveTime", json!("10s"), json!("5s"), live),
        ("connectTime", json!(null), json!("5s"), live),
        ("gracefulShutdownTime", json!("5s"), json!("60s"), live),
        ("bfdProfile", json!(null), json!("fast"), live),
        ("acceptRoutes", json!([]), json!([{"prefix": "0.0.0.0/0"}]), live),
        (
            "passwordSecret",
            json!({"name": "one"}),
            json!({"name": "two"}),
            live,
        ),
        (
            "nodeSelectors",
            json!([]),
            json!([{"matchLabels": {"rack": "a"}}]),
            live,
        ),
    ]
}

/// P-BGP-27, P-BGP-41
#[test]
fn every_field_ends_the_session_that_must_end_and_no_other() {
    for (field, before, after, expected) in table() {
        let session = |value: &Json| {
            // Without a hold time of its own the keepalive time would make one; without graceful restart its time means nothing.
            let mut fields = json!({"holdTime": "90s"});
            if field == "gracefulRestartTime" {
                fields["enableGracefulRestart"] = json!(true);
            }
            fields[field] = value.clone();
            good(fields).on_node(&node(&[])).unwrap()
        };
        let (before, after) = (session(&before), session(&after));
        assert_eq!(before.change_to(&after), expected, "{field}");
        assert_eq!(after.change_to(&before), expected, "{field}, back");
        assert_eq!(before.change_to(&before), SessionChange::InPlace, "{field}");
    }
}

/// The table has every field of a BGPPeer but those that say where others are written.
#[test]
fn no_field_of_a_bgppeer_is_missing_in_the_table() {
    let object = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "BGPPeer", "metadata": {"name": "tor"},
        "spec": {
            "myASN": 1, "peerASN": 1, "localASN": 1, "peerAddress": "a", "sourceAddress": "a", "vrf": "a", "routerID": "a", "keepaliveTime": "a",
            "holdTime": "a", "connectTime": "a", "bfdProfile": "a", "passwordSecret": {"name": "a"}, "nodeSelectors": [{}],
            "acceptRoutes": [{"prefix": "a"}],
        },
    });
    let object: crds::BGPPeer = serde_json::from_value(object).unwrap();
    let written = serde_json::to_value(&object.spec).unwrap();
    let table = table();
    for field in written.as_object().unwrap().keys() {
        let has = table.iter().any(|(known, ..)| known == field);
        assert!(has, "{field} is not in the table");
    }
}
