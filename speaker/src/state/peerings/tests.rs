use super::*;
use crate::bgp::peering::Password;

/// Two peers that get the same, and one that gets nothing.
pub(crate) fn peerings() -> Peerings {
    let attributes = Arc::new(Attributes {
        local_pref: Some(200),
        prepend: 2,
        communities: [Community(7)].into(),
        large_communities: [LargeCommunity {
            global: 1,
            local_1: 2,
            local_2: 3,
        }]
        .into(),
        link_bandwidth: Some(LinkBandwidth(125_000)),
        leaving: true,
        ..Attributes::default()
    });
    let route = |prefix: &str| (prefix.parse().unwrap(), attributes.clone());
    let table: Arc<Table> = Arc::new(["192.0.2.1/32", "2001:db8::1/128"].map(route).into());
    let range = "192.0.2.0/24".parse().unwrap();
    let at = |address: &str| Remote::Address(address.parse().unwrap());
    let peers = [
        peering("a", at("192.0.2.254"), PeerAsn::External, &table),
        peering(
            "b",
            Remote::Interface("eth1".into()),
            PeerAsn::Exactly(64513),
            &table,
        ),
        peering(
            "c",
            Remote::Gateway(Family::V6),
            PeerAsn::Internal,
            &Arc::default(),
        ),
    ];
    let named = |peering: Peering| (peering.peer.name.clone(), peering);
    Peerings {
        peers: peers.map(named).into(),
        guard: Arc::new(ExportGuard::new([Export { range, shortest: 24 }])),
        addresses: vec!["192.0.2.10".parse().unwrap()],
        drain: true,
        complete: false,
    }
}

fn peering(name: &str, remote: Remote, peer_asn: PeerAsn, table: &Arc<Table>) -> Peering {
    let second = Duration::from_secs(1);
    let peer = PeerSession {
        name: PeerName(name.into()),
        open: OpenSettings {
            local_asn: 64512,
            peer_asn,
            identifier: Ipv4Addr::new(10, 0, 0, 2),
            hold_time: 90 * second,
            families: [Family::V4, Family::V6].into(),
            restart_time: Some(120 * second),
        },
        dial: Dial {
            remote,
            port: 1179,
            source: Some("192.0.2.7".parse().unwrap()),
            vrf: Some("red".into()),
            multihop: true,
            ttl_security: false,
        },
        live: Live {
            settings: LiveSettings {
                keepalive_time: Some(30 * second),
                connect_time: None,
                graceful_shutdown: 5 * second,
            },
            bfd: Some(BfdProfile {
                name: "fast".into(),
                transmit_interval: second / 20,
                receive_interval: second / 20,
                detect_multiplier: 3,
                passive: true,
                minimum_ttl: 254,
                echo: false,
            }),
            imports: ImportPolicy::new([Import {
                prefix: "10.0.0.0/8".parse().unwrap(),
                max_length: 24,
            }]),
            password: None,
        },
    };
    Peering {
        peer: Arc::new(peer),
        password: None,
        table: table.clone(),
    }
}

/// F7
#[test]
fn sessions_read_back_as_they_were_kept() {
    let kept = serde_json::to_string(&PeeringsContent::of(&peerings())).unwrap();
    let content: PeeringsContent = serde_json::from_str(&kept).unwrap();
    assert_eq!(
        (content.tables.len(), content.attributes.len()),
        (2, 1),
        "each once"
    );
    assert_eq!(content.peerings(), Some(peerings()));
}

#[test]
fn no_password_is_kept_nor_the_peer_that_needs_it() {
    let secret = serde_json::from_value(serde_json::json!({
        "metadata": {"name": "tor"}, "type": "kubernetes.io/basic-auth", "data": {"password": "aHVudGVyMg=="},
    }));
    let password = Password::read("tor", Some(&secret.unwrap())).unwrap();
    let mut peerings = peerings();
    peerings.peers.get_mut(&PeerName("a".into())).unwrap().password = Some(password);
    let kept = serde_json::to_string(&PeeringsContent::of(&peerings)).unwrap();
    assert!(!kept.contains("hunter2") && !kept.contains("aHVudGVyMg"));
    let content: PeeringsContent = serde_json::from_str(&kept).unwrap();
    assert_eq!(content.peerings().unwrap().peers.len(), 2);
}

#[test]
fn what_refers_to_nothing_is_not_taken() {
    let mut content = PeeringsContent::of(&peerings());
    content.attributes.clear();
    assert_eq!(content.peerings(), None);
    let mut content = PeeringsContent::of(&peerings());
    content.tables.pop();
    assert_eq!(content.peerings(), None);
}
