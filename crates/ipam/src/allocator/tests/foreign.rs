use super::*;

/// A Service whose status shows an address of which nobody knows where it came from.
fn showing(pools: impl IntoIterator<Item = Pool>, name: &str, address: &str) -> Ipam {
    let mut ipam = with_pools(pools);
    ipam.claim(&service(name), claim(&[address], None));
    ipam
}

fn foreign(ipam: &Ipam, name: &str) -> Vec<String> {
    words(ipam.foreign(&service(name)))
}

#[test]
fn an_address_that_no_pool_covers_and_no_record_names_is_replaced_as_soon_as_a_pool_can_serve() {
    let mut ipam = showing([], "web", "192.168.1.11");
    assert_eq!(held(&ipam, "web"), [""; 0]);
    assert_eq!(refused(&mut ipam, &request("web")).reason(), "NoPool");
    assert_eq!(foreign(&ipam, "web"), ["192.168.1.11"]);
    assert_eq!(
        ipam.set_pools(vec![pool("lan", &["192.168.1.200/29"])]),
        Adoption::Nothing
    );
    assert_eq!(given(&mut ipam, &request("web")), ["192.168.1.200"]);
    assert_eq!(settled(&mut ipam, "web"), ["192.168.1.200"]);
    assert_eq!(foreign(&ipam, "web"), [""; 0]);
}

#[test]
fn an_address_that_a_pool_covers_is_adopted_also_where_the_pool_comes_later() {
    let mut ipam = showing([pool("lan", &["192.168.1.8/29"])], "web", "192.168.1.11");
    assert_eq!(given(&mut ipam, &request("web")), ["192.168.1.11"]);
    let mut ipam = showing([], "web", "192.168.1.11");
    let manual = Pool {
        auto_assign: false,
        ..pool("lan", &["192.168.1.8/29"])
    };
    assert_eq!(ipam.set_pools(vec![manual]), Adoption::ClaimAnew);
    ipam.claim(&service("web"), claim(&["192.168.1.11"], None));
    assert_eq!(given(&mut ipam, &request("web")), ["192.168.1.11"]);
    assert_eq!(foreign(&ipam, "web"), [""; 0]);
}

#[test]
fn an_address_of_ours_that_no_pool_covers_any_more_stays() {
    let mut ipam = with_pools([pool("lan", &["192.168.1.200/29"])]);
    ipam.claim(&service("web"), claim(&["203.0.113.9"], Some("gone")));
    assert_eq!(given(&mut ipam, &request("web")), ["203.0.113.9"]);
    assert_eq!(foreign(&ipam, "web"), [""; 0]);
}

/// As after a switch from a provider that gives every Service the addresses of all nodes.
#[test]
fn services_that_show_one_foreign_address_take_it_from_nobody() {
    let mut ipam = with_pools([pool("lan", &["192.168.1.200/29"])]);
    for name in ["a", "b", "c"] {
        assert_eq!(ipam.claim(&service(name), claim(&["192.168.1.11"], None)), []);
    }
    assert_eq!(given(&mut ipam, &request("b")), ["192.168.1.200"]);
    assert_eq!(given(&mut ipam, &request("a")), ["192.168.1.201"]);
}

#[test]
fn what_somebody_else_writes_beside_our_address_is_not_ours() {
    let mut ipam = with_pools([pool("lan", &["192.168.1.200/29"])]);
    given(&mut ipam, &request("web"));
    ipam.settle(&service("web"), &ips(&["192.168.1.200", "203.0.113.9"]));
    assert_eq!(foreign(&ipam, "web"), ["203.0.113.9"]);
    assert_eq!(ipam.leaving(&service("web")), ips(&[]));
}
