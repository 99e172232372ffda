use super::*;

fn with_priority(priority: u32) -> Pinned {
    Pinned {
        priority,
        ..Pinned::default()
    }
}

fn for_namespace(namespace: &str) -> Pinned {
    Pinned {
        namespaces: [namespace.to_owned()].into(),
        ..Pinned::default()
    }
}

/// P-ALLOC-21, P-ALLOC-22, P-ALLOC-24, P-ALLOC-26, P-ALLOC-32
#[test]
fn pinned_pools_come_first_by_priority_with_zero_last_then_the_others() {
    let mut ipam = with_pools([
        pool("all", &["192.0.2.4/32"]),
        pool("everyone", &["192.0.2.5/32"]),
        pinned("last", &["192.0.2.3/32"], with_priority(0)),
        pinned("second", &["192.0.2.2/32"], with_priority(2)),
        pinned("first", &["192.0.2.1/32"], with_priority(1)),
    ]);
    let all: Vec<_> = ["a", "b", "c", "d", "e"]
        .iter()
        .flat_map(|name| given(&mut ipam, &request(name)))
        .collect();
    assert_eq!(
        all,
        ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"]
    );
}

/// P-ALLOC-21
#[test]
fn a_pinned_pool_without_auto_assign_is_passed_over() {
    let manual = Pool {
        auto_assign: false,
        ..pinned("manual", &["192.0.2.1/32"], with_priority(1))
    };
    let mut ipam = with_pools([manual, pool("b", &["192.0.2.2/32"])]);
    assert_eq!(given(&mut ipam, &request("web")), ["192.0.2.2"]);
}

/// P-ALLOC-24
#[test]
fn pools_of_equal_priority_are_all_used() {
    let mut ipam = with_pools([
        pinned("b", &["192.0.2.2/32"], with_priority(7)),
        pinned("a", &["192.0.2.1/32"], with_priority(7)),
    ]);
    given(&mut ipam, &request("web"));
    given(&mut ipam, &request("api"));
    assert_eq!(usage_of(&ipam, "a").assigned.v4, 1);
    assert_eq!(usage_of(&ipam, "b").assigned.v4, 1);
}

/// P-ALLOC-23
#[test]
fn a_pinned_pool_that_does_not_match_is_not_used_even_when_all_others_are_full() {
    let mut ipam = with_pools([
        pinned("gold", &["192.0.2.0/24"], for_namespace("gold")),
        pool("b", &["198.51.100.7/32"]),
    ]);
    given(&mut ipam, &request("web"));
    assert_eq!(refused(&mut ipam, &request("api")).reason(), "PoolFull");
}

/// P-ALLOC-25
#[test]
fn a_pool_pinned_to_a_namespace_serves_it_ahead_of_unpinned_pools_and_no_other() {
    let mut ipam = with_pools([
        pool("all", &["198.51.100.0/24"]),
        pinned("pinned", &["192.0.2.0/24"], for_namespace("team")),
    ]);
    assert_eq!(given(&mut ipam, &request("team/web")), ["192.0.2.0"]);
    assert_eq!(given(&mut ipam, &request("other/web")), ["198.51.100.0"]);
}

/// P-ALLOC-27, P-ALLOC-30
#[test]
fn namespaces_by_name_and_by_label_add_up() {
    let either = Pinned {
        namespace_selectors: Selectors(vec![selecting("gold")]),
        ..for_namespace("team")
    };
    let mut ipam = with_pools([pinned("p", &["192.0.2.0/24"], either)]);
    let by_label = Request {
        namespace_labels: labelled("gold"),
        ..request("other/web")
    };
    assert_eq!(given(&mut ipam, &request("team/web")), ["192.0.2.0"]);
    assert_eq!(given(&mut ipam, &by_label), ["192.0.2.1"]);
    assert!(ipam.assign(&request("third/web")).is_err());
}

/// P-ALLOC-30
#[test]
fn a_pool_pinned_by_namespace_label_serves_namespaces_that_carry_it() {
    let labels = Pinned {
        namespace_selectors: Selectors(vec![selecting("gold"), selecting("silver")]),
        ..Pinned::default()
    };
    let mut ipam = with_pools([pinned("p", &["192.0.2.0/24"], labels)]);
    for (name, label, served) in [
        ("a/x", "gold", true),
        ("b/x", "silver", true),
        ("c/x", "tin", false),
    ] {
        let request = Request {
            namespace_labels: labelled(label),
            ..request(name)
        };
        assert_eq!(ipam.assign(&request).is_ok(), served, "{label}");
    }
}

/// P-ALLOC-28
#[test]
fn a_pool_pinned_by_service_label_serves_services_that_match_any_of_its_selectors() {
    let by_service = Pinned {
        service_selectors: Selectors(vec![selecting("public"), selecting("partner")]),
        ..Pinned::default()
    };
    let mut ipam = with_pools([pinned("p", &["192.0.2.0/24"], by_service)]);
    for (name, label, served) in [
        ("x/a", "public", true),
        ("y/b", "partner", true),
        ("x/c", "own", false),
    ] {
        let request = Request {
            labels: labelled(label),
            ..request(name)
        };
        assert_eq!(ipam.assign(&request).is_ok(), served, "{label}");
    }
}

/// P-ALLOC-29
#[test]
fn with_namespaces_and_service_selectors_a_service_must_match_both() {
    let both = Pinned {
        service_selectors: Selectors(vec![selecting("public")]),
        ..for_namespace("team")
    };
    let mut ipam = with_pools([pinned("p", &["192.0.2.0/24"], both)]);
    let public = |name| Request {
        labels: labelled("public"),
        ..request(name)
    };
    assert!(ipam.assign(&public("team/web")).is_ok());
    assert!(ipam.assign(&public("other/web")).is_err());
    assert!(ipam.assign(&request("team/private")).is_err());
}

/// P-ALLOC-31
#[test]
fn a_pool_whose_selectors_match_no_namespace_serves_nobody_not_even_who_names_it() {
    let nobody = Pinned {
        namespace_selectors: Selectors(vec![selecting("nowhere")]),
        ..Pinned::default()
    };
    let mut ipam = with_pools([pinned("p", &["192.0.2.0/24"], nobody)]);
    assert!(ipam.assign(&request("web")).is_err());
    assert!(ipam.assign(&from_pool(request("web"), "p")).is_err());
    assert!(ipam.assign(&exactly(request("web"), &["192.0.2.1"])).is_err());
}
