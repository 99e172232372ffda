use super::*;

/// One that has moved from .0 to .1 of a pool of three addresses, and whose status still shows .0.
fn moved() -> Ipam {
    let mut ipam = with_pools([pool("a", &["192.0.2.0-192.0.2.2"])]);
    given(&mut ipam, &request("web"));
    given(&mut ipam, &exactly(request("web"), &["192.0.2.1"]));
    ipam
}

/// S1
#[test]
fn an_address_that_is_given_up_is_nobodys_until_the_status_is_known_not_to_show_it() {
    let mut ipam = moved();
    assert_eq!(ipam.leaving(&service("web")), ips(&["192.0.2.0"]));
    assert_eq!(
        refused(&mut ipam, &exactly(request("api"), &["192.0.2.0"])).reason(),
        "AddressTaken"
    );
    assert_eq!(given(&mut ipam, &request("api")), ["192.0.2.2"]);
    ipam.settle(&service("web"), &ips(&["192.0.2.0"]));
    assert_eq!(refused(&mut ipam, &request("dns")).reason(), "PoolFull");
    ipam.settle(&service("web"), &ips(&["192.0.2.1", "192.0.2.0"]));
    assert_eq!(refused(&mut ipam, &request("dns")).reason(), "PoolFull");
    settled(&mut ipam, "web");
    assert_eq!(given(&mut ipam, &request("dns")), ["192.0.2.0"]);
}

#[test]
fn who_asks_for_what_it_is_about_to_lose_gets_it_back() {
    let mut ipam = moved();
    assert_eq!(
        given(&mut ipam, &exactly(request("web"), &["192.0.2.0"])),
        ["192.0.2.0"]
    );
    assert_eq!(ipam.leaving(&service("web")), ips(&["192.0.2.1"]));
}

#[test]
fn a_pool_of_which_the_last_address_is_one_to_be_lost_is_not_full_for_who_loses_it() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/32"]), pool("b", &["198.51.100.0/32"])]);
    given(&mut ipam, &from_pool(request("web"), "a"));
    given(&mut ipam, &from_pool(request("web"), "b"));
    assert_eq!(given(&mut ipam, &from_pool(request("web"), "a")), ["192.0.2.0"]);
}

/// One that goes back and forth between two pools shows one address all the time.
#[test]
fn what_a_service_is_about_to_lose_comes_before_what_is_free() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/24"]), pool("b", &["198.51.100.0/24"])]);
    given(&mut ipam, &request("lower"));
    given(&mut ipam, &from_pool(request("web"), "a"));
    ipam.release(&service("lower"));
    given(&mut ipam, &from_pool(request("web"), "b"));
    assert_eq!(given(&mut ipam, &from_pool(request("web"), "a")), ["192.0.2.1"]);
}

#[test]
fn what_a_status_shows_beside_what_its_service_has_is_leaving() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    ipam.settle(&service("web"), &ips(&["192.0.2.0", "192.0.2.0"]));
    assert_eq!(ipam.leaving(&service("web")), ips(&["192.0.2.0"]));
    assert_eq!(given(&mut ipam, &request("api")), ["192.0.2.1"]);
}

#[test]
fn an_address_may_linger_in_a_status_until_somebody_else_has_it() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    given(&mut ipam, &shared(request("web"), "k", &[80]));
    let moves = |port| exactly(shared(request("web"), "k", &[port]), &["192.0.2.1"]);
    given(&mut ipam, &moves(80));
    assert_eq!(ipam.draining(&service("web")), ips(&["192.0.2.0"]));
    let joins = exactly(shared(request("api"), "k", &[81]), &["192.0.2.0"]);
    assert_eq!(given(&mut ipam, &joins), ["192.0.2.0"]);
    assert_eq!(
        ipam.draining(&service("web")),
        ips(&["192.0.2.0"]),
        "they share it"
    );
    given(&mut ipam, &moves(81));
    assert!(ipam.draining(&service("web")).is_empty());
    assert!(ipam.draining(&service("nobody")).is_empty());
}

/// S1
#[test]
fn an_address_is_contested_until_who_may_share_it_no_longer_is_known_not_to_show_it() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    given(&mut ipam, &shared(request("web"), "k", &[80]));
    settled(&mut ipam, "web");
    given(&mut ipam, &shared(request("api"), "k", &[81]));
    let contested = |ipam: &Ipam| ipam.contested(&service("api")).collect::<Vec<_>>();
    assert!(contested(&ipam).is_empty());
    assert_eq!(
        given(&mut ipam, &shared(request("web"), "k", &[81])),
        ["192.0.2.1"]
    );
    assert_eq!(contested(&ipam), ips(&["192.0.2.0"]));
    settled(&mut ipam, "web");
    assert!(contested(&ipam).is_empty());
}

#[test]
fn who_forfeits_its_addresses_has_none_and_shares_none() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    given(&mut ipam, &shared(request("web"), "k", &[80]));
    ipam.forfeit(&service("web"));
    assert_eq!(held(&ipam, "web"), [""; 0]);
    assert_eq!(ipam.holdings().count(), 0);
    assert_eq!(
        given(&mut ipam, &shared(request("api"), "k", &[81])),
        ["192.0.2.1"]
    );
}

#[test]
fn a_service_that_cannot_be_read_keeps_what_it_may_share() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    given(&mut ipam, &shared(request("web"), "k", &[80]));
    given(&mut ipam, &shared(request("api"), "k", &[81]));
    ipam.retain(&service("api"), &shared(request("api"), "k", &[82]).sharing);
    assert_eq!(held(&ipam, "api"), ["192.0.2.0"]);
    ipam.retain(&service("api"), &shared(request("api"), "k", &[80]).sharing);
    assert_eq!(held(&ipam, "api"), [""; 0]);
    assert_eq!(held(&ipam, "web"), ["192.0.2.0"]);
}

#[test]
fn each_change_that_may_serve_who_waits_is_told_and_no_other() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30", "2001:db8::/64"])]);
    let mut news = |what: &mut dyn FnMut(&mut Ipam)| {
        what(&mut ipam);
        std::iter::from_fn(|| ipam.poll_news()).collect::<Vec<_>>()
    };
    let free = |family| Wait::Free(PoolName("a".into()), family);
    let address = |address: &str| Wait::Address(address.parse().unwrap());
    let key = || Wait::Sharing("k".into());
    let web = |families| shared(of_families("web", families), "k", &[80]);
    assert_eq!(news(&mut |ipam| drop(ipam.assign(&web(BOTH)))), [key()]);
    assert_eq!(news(&mut |ipam| drop(ipam.assign(&web(BOTH)))), []);
    // No pair is split now.
    assert_eq!(news(&mut |ipam| drop(ipam.assign(&web(V4)))), [key()]);
    let settled: &mut dyn FnMut(&mut Ipam) = &mut |ipam| ipam.settle(&service("web"), &ips(&["192.0.2.0"]));
    assert_eq!(news(settled), [free(Family::V6), address("2001:db8::"), key()]);
    assert_eq!(news(settled), []);
    assert_eq!(news(&mut |ipam| drop(ipam.assign(&web(BOTH)))), [key()]);
    assert_eq!(
        news(&mut |ipam| drop(ipam.assign(&of_families("web", BOTH)))),
        [address("192.0.2.0"), address("2001:db8::"), key()]
    );
    let kept: &mut dyn FnMut(&mut Ipam) = &mut |ipam| ipam.set_reservations(kept_for("r", "192.0.2.3"));
    assert_eq!(news(kept), [address("192.0.2.3")]);
    assert_eq!(news(kept), []);
    assert_eq!(
        news(&mut |ipam| ipam.set_reservations(BTreeMap::new())),
        [free(Family::V4), address("192.0.2.3")]
    );
    assert_eq!(
        news(&mut |ipam| assert!(ipam.release(&service("web")))),
        [
            free(Family::V4),
            free(Family::V6),
            address("192.0.2.0"),
            address("2001:db8::")
        ]
    );
}

/// Who asks in vain does not wake those that wait as it does, itself among them.
#[test]
fn a_refusal_that_changes_nothing_is_no_news() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/32"])]);
    given(&mut ipam, &request("web"));
    while ipam.poll_news().is_some() {}
    refused(&mut ipam, &shared(request("api"), "k", &[80]));
    assert_eq!(ipam.poll_news(), None);
}

fn kept_for(name: &str, address: &str) -> BTreeMap<ReservationName, Vec<IpAddr>> {
    [(ReservationName::new("default", name), ips(&[address]))].into()
}
