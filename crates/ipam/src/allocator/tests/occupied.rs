use std::collections::BTreeMap;

use model::NodeName;

use super::*;
use crate::occupant::Occupant;

fn node(name: &str) -> Occupant {
    Occupant::Node(NodeName(name.into()))
}

fn occupied(addresses: &[(&str, Occupant)]) -> BTreeMap<IpAddr, Occupant> {
    let each = addresses
        .iter()
        .map(|(address, occupant)| (ip(address), occupant.clone()));
    each.collect()
}

fn broadcast(name: &str, subnet: &str) -> Occupant {
    Occupant::Broadcast {
        node: NodeName(name.into()),
        subnet: subnet.parse().unwrap(),
    }
}

#[test]
fn an_address_that_a_node_has_is_not_given_out_and_the_refusal_says_whose_it_is() {
    let mut ipam = with_pools([pool("lan", &["192.168.1.11-192.168.1.13"])]);
    ipam.set_occupied(occupied(&[
        ("192.168.1.11", node("n1")),
        ("192.168.1.12", node("n2")),
    ]));
    assert_eq!(given(&mut ipam, &request("web")), ["192.168.1.13"]);
    expect(
        &mut ipam,
        &exactly(request("api"), &["192.168.1.11"]),
        "AddressOccupied",
        "192.168.1.11 is the address of Node n1, and IPPool lan does not give it out: ask for another address",
    );
    expect(
        &mut ipam,
        &request("api"),
        "PoolFull",
        "no IPPool can give one IPv4 address: lan has no free IPv4 address left, all 3 are in use, 2 of them by nodes \
         (192.168.1.11 is the address of Node n1): add addresses, or delete a Service or an IPReservation that has one",
    );
    let usage = usage_of(&ipam, "lan");
    assert_eq!(
        (usage.assigned.v4, usage.available.v4, usage.occupied.v4),
        (1, 0, 2)
    );
}

#[test]
fn the_broadcast_address_of_a_nodes_subnet_is_refused_by_name_even_when_it_is_asked_for() {
    let mut ipam = with_pools([pool("lan", &["192.168.1.0/24"])]);
    ipam.set_occupied(occupied(&[("192.168.1.255", broadcast("n1", "192.168.1.0/24"))]));
    expect(
        &mut ipam,
        &exactly(request("web"), &["192.168.1.255"]),
        "AddressOccupied",
        "192.168.1.255 is the broadcast address of 192.168.1.0/24, a subnet of Node n1, and IPPool lan does not give it \
         out: ask for another address",
    );
}

#[test]
fn a_service_keeps_an_address_that_a_node_comes_to_have_and_it_is_never_given_out_anew() {
    let mut ipam = with_pools([pool("lan", &["192.168.1.11-192.168.1.12"])]);
    assert_eq!(given(&mut ipam, &request("web")), ["192.168.1.11"]);
    settled(&mut ipam, "web");
    ipam.set_occupied(occupied(&[("192.168.1.11", node("n1"))]));
    let grant = ipam.assign(&request("web")).unwrap();
    assert_eq!(grant.occupied, [(ip("192.168.1.11"), node("n1"))]);
    let moves = Request {
        reallocate: true,
        ..request("web")
    };
    assert_eq!(given(&mut ipam, &moves), ["192.168.1.12"]);
    settled(&mut ipam, "web");
    assert_eq!(refused(&mut ipam, &request("api")).reason(), "PoolFull");
    ipam.set_occupied(BTreeMap::new());
    assert_eq!(given(&mut ipam, &request("api")), ["192.168.1.11"]);
}

/// What a provider that gives Services the nodes' own addresses left in the status is not adopted by a pool that has them.
#[test]
fn a_nodes_address_in_a_status_is_not_ours_though_a_pool_covers_it() {
    let mut ipam = with_pools([pool("lan", &["192.168.1.11-192.168.1.20"])]);
    ipam.set_occupied(occupied(&[("192.168.1.11", node("n1"))]));
    ipam.claim(&service("web"), claim(&["192.168.1.11"], None));
    assert_eq!(ipam.foreign(&service("web")), ips(&["192.168.1.11"]));
    assert_eq!(given(&mut ipam, &request("web")), ["192.168.1.12"]);
}
