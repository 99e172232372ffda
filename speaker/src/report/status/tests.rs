use model::NodeName;

use super::*;
use crate::decide::decision::Prospect;
use crate::layer2::announcer::{Duty, InterfaceFacts, Knowledge, Report};
use crate::watch::keys::KeysError;

#[test]
fn a_speaker_shows_what_it_announces_and_whom_it_sees() {
    let mut scene = Scene::new(NodeName("n1".into()));
    let iface = || "eth0".to_owned();
    scene.handle_report(Report::Announced {
        ip: "192.0.2.1".parse().unwrap(),
        iface: iface(),
    });
    scene.handle_report(Report::Member {
        iface: iface(),
        node: NodeName("n2".into()),
        status: Some(claim::Status::SpeakerLost),
    });
    let shown = status(&scene, Some(&Decision::default()));
    assert_eq!(
        (shown.count, shown.addresses[0].address.as_str()),
        (1, "192.0.2.1")
    );
    let seen = &shown.interfaces[0].speakers[0];
    assert_eq!((seen.state.as_str(), seen.count), ("SpeakerLost", 1));
    assert_eq!(seen.nodes, ["n2"]);
    assert_eq!(shown.conditions[0].status, "True");
    assert_eq!(status(&scene, None).conditions[0].reason, "Starting");
}

/// P-OBS-14
#[test]
fn what_is_shown_of_a_segment_does_not_grow_with_it() {
    let mut scene = Scene::new(NodeName("n1".into()));
    let facts = InterfaceFacts {
        mac: l2::Mac::new([2, 0, 0, 0, 0, 1]).ok(),
        subnets: ["192.0.2.7/24".parse().unwrap()].into(),
        addresses: ["192.0.2.7".parse().unwrap()].into(),
        gateways: ["192.0.2.1".parse().unwrap()].into(),
    };
    scene.handle_report(Report::Interfaces([("eth0".into(), facts)].into()));
    for number in 0..400 {
        scene.handle_report(Report::Member {
            iface: "eth0".into(),
            node: NodeName(format!("node-{number:03}")),
            status: Some(match number {
                0 => claim::Status::Dead,
                _ => claim::Status::Ready,
            }),
        });
    }
    let eth0 = &status(&scene, None).interfaces[0];
    assert_eq!(eth0.hardware_address.as_deref(), Some("02:00:00:00:00:01"));
    assert_eq!(eth0.subnets, ["192.0.2.0/24"]);
    assert_eq!(eth0.addresses, ["192.0.2.7"]);
    assert_eq!(eth0.gateways, ["192.0.2.1"]);
    let counts: Vec<_> = eth0
        .speakers
        .iter()
        .map(|seen| (seen.state.as_str(), seen.count))
        .collect();
    assert_eq!(counts, [("Dead", 1), ("Ready", 399)]);
    assert_eq!(eth0.speakers[1].nodes, ["node-001", "node-002", "node-003"]);
}

/// P-OBS-1
#[test]
fn a_speaker_names_the_services_that_it_announces_with_since_when_from_whom_and_why() {
    let ip: std::net::IpAddr = "192.0.2.1".parse().unwrap();
    let (web, unit) = (ServiceName::new("default", "web"), claim::UnitId(ip));
    let plan = announce::Plan {
        addresses: [ip].into(),
        unit: [ip].into(),
        candidates: std::sync::Arc::default(),
    };
    let prospect = Prospect {
        layer2: Layer2::One(plan),
        bgp: Err(announce::Reason::NoEndpoints),
    };
    let decision = Decision {
        prospects: [(web, prospect.into())].into(),
        ..Decision::default()
    };
    let mut scene = Scene::new(NodeName("n1".into()));
    let moved = |holder: &str| Report::Moved {
        iface: "eth0".into(),
        unit,
        holder: Some(NodeName(holder.into())),
    };
    let role = |role| Report::Role {
        iface: "eth0".into(),
        unit,
        role,
    };
    scene.handle_report(moved("n2"));
    assert_eq!(status(&scene, Some(&decision)).layer2_services, []);
    scene.handle_report(moved("n1"));
    scene.handle_report(role(Some(UnitRole {
        duty: Duty::Holder,
        why: Some(claim::Why::HolderDead),
        since: jiff::Timestamp::UNIX_EPOCH,
    })));
    let shown = status(&scene, Some(&decision));
    assert_eq!(shown.layer2_service_count, 1);
    assert_eq!(
        shown.layer2_services,
        [Layer2Service {
            service: "default/web".into(),
            role: "Holder".into(),
            since: Some(Time(jiff::Timestamp::UNIX_EPOCH)),
            from: Some("n2".into()),
            reason: Some("HolderDead".into()),
        }]
    );
    scene.handle_report(role(None));
    assert_eq!(status(&scene, Some(&decision)).layer2_service_count, 0);
}

/// F29
#[test]
fn a_speaker_whose_kernel_answers_for_others_says_where_and_what_to_set() {
    let mut scene = Scene::new(NodeName("n1".into()));
    scene.handle_report(Report::Member {
        iface: "eth0".into(),
        node: NodeName("n2".into()),
        status: Some(claim::Status::Ready),
    });
    let told = |scene: &Scene| status(scene, Some(&Decision::default())).conditions.remove(0);
    scene.handle_report(Report::KernelAnswers(["eth0".into()].into()));
    let condition = told(&scene);
    assert_eq!(
        (condition.status.as_str(), condition.reason.as_str()),
        ("False", "KernelAnswers")
    );
    assert!(condition.message.contains("answers ARP on eth0") && condition.message.contains("strictARP"));
    scene.handle_report(Report::KernelAnswers(BTreeSet::new()));
    assert_eq!(told(&scene).reason, "Speaking");
}

#[test]
fn a_speaker_to_which_nothing_of_the_others_comes_says_what_to_open() {
    let mut scene = Scene::new(NodeName("n1".into())).on_port(7951);
    let mut unheard = |nodes: Option<&[&str]>| {
        let nodes = nodes.map(|nodes| nodes.iter().map(|node| NodeName((*node).into())).collect());
        scene.handle_report(Report::Unheard {
            iface: "eth0".into(),
            nodes,
        });
        let condition = status(&scene, Some(&Decision::default())).conditions.remove(0);
        (condition.reason, scene.silence())
    };
    let told = "UDP 7951 does not arrive from n2, n3 on eth0: open it between the nodes";
    let (reason, silence) = unheard(Some(&["n2", "n3"]));
    assert_eq!((reason.as_str(), silence.as_deref()), ("Unheard", Some(told)));
    let (_, silence) = unheard(Some(&[]));
    assert!(silence.unwrap().contains("from other nodes"));
    assert_ne!(unheard(None).0, "Unheard");
}

#[test]
fn a_speaker_without_keys_is_not_ready_and_one_with_a_bad_key_says_which() {
    let mut scene = Scene::new(NodeName("n1".into()));
    scene.handle_report(Report::Keys(Knowledge::Awaited));
    assert!(!scene.is_speaking());
    assert!(scene.silence().unwrap().contains("no key"));
    scene.handle_report(Report::Keys(Knowledge::There));
    assert!(scene.is_speaking());
    let fault = KeysError::Short {
        path: "/etc/herald/segment/also".into(),
        length: 3,
    };
    scene.handle_report(Report::KeyFault(Some(fault)));
    let condition = status(&scene, Some(&Decision::default())).conditions.remove(0);
    assert_eq!(
        (condition.status.as_str(), condition.reason.as_str()),
        ("False", "BadKey")
    );
    assert!(
        condition
            .message
            .contains("/etc/herald/segment/also has 3 octets")
    );
    assert!(scene.is_speaking(), "with the other key");
}

#[test]
fn no_more_than_a_thousand_addresses_are_listed_and_all_are_counted() {
    let mut scene = Scene::new(NodeName("n1".into()));
    for number in 0..1_500_u32 {
        scene.handle_report(Report::Announced {
            ip: std::net::Ipv4Addr::from(0x0a00_0000 + number).into(),
            iface: "eth0".into(),
        });
    }
    let shown = status(&scene, Some(&Decision::default()));
    assert_eq!((shown.count, shown.addresses.len()), (1_500, MOST));
}
