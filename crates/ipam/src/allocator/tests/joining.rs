use super::*;
use crate::pool::Across;

fn inviting(request: Request, joiners: Joiners) -> Request {
    let sharing = Sharing {
        joiners,
        ..request.sharing
    };
    Request { sharing, ..request }
}

fn named(namespaces: &[&str]) -> Joiners {
    Joiners::Namespaces(namespaces.iter().map(ToString::to_string).collect())
}

fn keyed(name: &str, port: u16) -> Request {
    shared(request(name), "k", &[port])
}

/// The address that Service a/web has, in a pool of two.
fn with_owner(joiners: Joiners) -> Ipam {
    let mut ipam = with_pools([pool("lan", &["192.0.2.0/31"])]);
    given(&mut ipam, &inviting(keyed("a/web", 80), joiners));
    ipam
}

#[test]
fn a_key_alone_does_not_open_the_address_of_another_namespace() {
    let mut ipam = with_owner(Joiners::default());
    expect(
        &mut ipam,
        &exactly(keyed("b/api", 81), &["192.0.2.0"]),
        "SharingRefused",
        "192.0.2.0 is held by Service a/web, which does not share it with this Service: it is of another namespace, of which no \
         Service that has the address invites b; write the annotation heraldlb.io/allow-shared-ip-from: \"b\" on Service a/web, or \
         ask for another address",
    );
    assert_eq!(given(&mut ipam, &keyed("b/api", 81)), ["192.0.2.1"]);
    assert_eq!(given(&mut ipam, &keyed("a/api", 81)), ["192.0.2.0"]);
}

#[test]
fn a_namespace_that_is_invited_joins_and_so_does_everybody_where_all_are() {
    for joiners in [named(&["b"]), Joiners::Any] {
        let mut ipam = with_owner(joiners);
        assert_eq!(given(&mut ipam, &keyed("b/api", 81)), ["192.0.2.0"]);
    }
    let mut ipam = with_owner(named(&["c"]));
    assert_eq!(given(&mut ipam, &keyed("b/api", 81)), ["192.0.2.1"]);
}

/// Who was invited cannot invite others into what is not its own.
#[test]
fn each_namespace_that_has_the_address_has_to_invite() {
    let mut ipam = with_owner(named(&["b", "c"]));
    given(&mut ipam, &keyed("b/api", 81));
    let refusal = refused(&mut ipam, &exactly(keyed("c/dns", 53), &["192.0.2.0"]));
    assert!(refusal.to_string().contains("held by Service b/api"), "{refusal}");
    let mut ipam = with_owner(named(&["b"]));
    given(&mut ipam, &inviting(keyed("b/api", 81), Joiners::Any));
    let refusal = refused(&mut ipam, &exactly(keyed("c/dns", 53), &["192.0.2.0"]));
    assert!(refusal.to_string().contains("held by Service a/web"), "{refusal}");
}

/// One Service of a namespace speaks for it.
#[test]
fn of_two_services_of_a_namespace_one_may_invite() {
    let mut ipam = with_owner(Joiners::default());
    given(&mut ipam, &inviting(keyed("a/api", 81), named(&["b"])));
    assert_eq!(given(&mut ipam, &keyed("b/dns", 53)), ["192.0.2.0"]);
}

#[test]
fn what_is_shared_stays_when_the_invitation_goes_and_across_a_restart() {
    let mut ipam = with_owner(named(&["b"]));
    let joined = keyed("b/api", 81);
    given(&mut ipam, &joined);
    given(&mut ipam, &keyed("a/web", 80));
    assert_eq!(given(&mut ipam, &joined), ["192.0.2.0"]);
    let mut ipam = with_pools([pool("lan", &["192.0.2.0/31"])]);
    for request in [keyed("a/web", 80), joined.clone()] {
        let claim = Claim {
            sharing: request.sharing,
            ..claim(&["192.0.2.0"], None)
        };
        assert_eq!(ipam.claim(&request.service, claim), []);
    }
    assert_eq!(given(&mut ipam, &joined), ["192.0.2.0"]);
}

/// The administrator's word goes before that of the Services.
#[test]
fn where_the_pool_forbids_it_nobody_joins_from_another_namespace_and_who_has_joined_stays() {
    let mut ipam = with_owner(Joiners::Any);
    assert_eq!(given(&mut ipam, &keyed("b/api", 81)), ["192.0.2.0"]);
    let closing = Pool {
        across: Across::Never,
        ..pool("lan", &["192.0.2.0/31"])
    };
    ipam.set_pools(vec![closing]);
    assert_eq!(given(&mut ipam, &keyed("b/api", 81)), ["192.0.2.0"]);
    expect(
        &mut ipam,
        &exactly(keyed("c/dns", 53), &["192.0.2.0"]),
        "SharingRefused",
        "192.0.2.0 is held by Service a/web, which does not share it with this Service: it is of another namespace, and IPPool \
         lan lets no Services of different namespaces share an address (namespaceSharing: Never); ask for another address, or \
         for a change of the pool",
    );
    assert_eq!(given(&mut ipam, &keyed("c/dns", 53)), ["192.0.2.1"]);
    assert_eq!(given(&mut ipam, &keyed("c/mail", 25)), ["192.0.2.1"]);
}
