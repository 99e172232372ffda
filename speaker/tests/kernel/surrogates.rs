//! A station that answers in place of a holder, and asks on behalf of its driver.

use std::collections::BTreeSet;
use std::net::IpAddr;

use l2::{Event, Input, Mac};

use crate::client::{Client, mac};
use crate::driven::{Driven, address};
use crate::namespace::PATIENCE;
use crate::neighbour::Neighbour;
use crate::segment::Segment;

const VIPS: [&str; 2] = ["192.0.2.10", "2001:db8::10"];
const HOLDER: &str = "02:00:00:00:00:05";

fn holder() -> Mac {
    mac(HOLDER)
}

#[test]
fn a_clients_kernel_learns_the_holder_from_the_surrogate_cold_and_warm() {
    for vip in VIPS {
        let segment = Segment::new();
        let station = Driven::on(&segment.node, "eth0");
        let input = Input::Surrogate {
            address: address(vip),
            mac: holder(),
        };
        station.tell(input);
        segment.resolves(vip, HOLDER);
        // The client asks again, the station that it believes in cannot answer, and then asks everybody.
        segment.client.ip(&format!("neigh del {vip} dev eth0"));
        segment.resolves(vip, HOLDER);
    }
}

#[test]
fn what_a_surrogate_sends_comes_from_its_own_station() {
    let segment = Segment::new();
    let own = mac(&segment.node.hardware_address("eth0"));
    let station = Driven::on(&segment.node, "eth0");
    let (arp, ndp) = (
        Client::on(&segment.client, "eth0"),
        Neighbour::on(&segment.client, "eth0"),
    );
    for vip in VIPS {
        station.tell(Input::Surrogate {
            address: address(vip),
            mac: holder(),
        });
    }
    let announced = ndp.any_announcement(VIPS[1]);
    assert_eq!((announced.source, announced.link_layer), (own, Some(holder())));
    arp.say(&arp.question(VIPS[0]).encode());
    let reply = arp.reply(VIPS[0]);
    assert_eq!((reply.source, reply.sender), (own, holder()));
    ndp.say(&ndp.question(VIPS[1]).encode());
    let answer = ndp.answer(VIPS[1]);
    assert_eq!((answer.source, answer.link_layer), (own, Some(holder())));
}

#[test]
fn a_host_that_is_asked_answers_whoever_asks() {
    let segment = Segment::new();
    let client = mac(&segment.client.hardware_address("eth0"));
    let station = Driven::on(&segment.node, "eth0");
    let own = mac(&segment.node.hardware_address("eth0"));
    let addresses: [BTreeSet<IpAddr>; 2] =
        [BTreeSet::new(), ["192.0.2.1", "2001:db8::1"].map(address).into()];
    for addresses in addresses {
        station.tell(Input::Interface { mac: own, addresses });
        for asked in ["192.0.2.2", "2001:db8::2"].map(address) {
            for mac in [None, Some(client)] {
                station.tell(Input::Probe { address: asked, mac });
                let event = station.events.recv_timeout(PATIENCE).unwrap();
                let answered = Event::Answered {
                    address: asked,
                    mac: client,
                };
                assert_eq!(event, answered);
            }
        }
    }
}
