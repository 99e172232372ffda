use explain::{Code, Installation, Study};
use serde_json::json;

use crate::objects::{Objects, custom, service};

#[test]
fn the_gravest_comes_first_and_each_once() {
    let mut objects = Objects::well();
    objects.others = vec![service("a", Some("192.168.1.201")), service("b", None)];
    objects.pools.push(custom(
        "IPPool",
        "other",
        json!({"addresses": ["192.168.1.201-192.168.1.210"]}),
    ));
    objects.speakers.pop();
    let (cluster, installation) = (objects.cluster(), Installation::default());
    let overview = Study::of(&cluster, &installation).overview();
    let codes: Vec<_> = overview.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes.first(), Some(&Code::PoolFull), "{codes:?}");
    assert!(codes.contains(&Code::NotAccepted), "{codes:?}");
    assert!(
        codes.is_sorted_by(|one, other| one.severity() >= other.severity()),
        "{codes:?}"
    );
    assert_eq!((overview.services.ours, overview.services.waiting), (3, 1));
    assert_eq!(
        (overview.pools[0].pool.as_str(), overview.pools[0].v4),
        ("lan", (2, 2))
    );
    assert_eq!(overview.speakers.len(), 3);
    assert_eq!(overview.speakers[2].ready, None);
}

#[test]
fn rows_tell_who_has_what() {
    let mut objects = Objects::well();
    objects.others = vec![service("b", None)];
    let (cluster, installation) = (objects.cluster(), Installation::default());
    let study = Study::of(&cluster, &installation);
    let addresses: Vec<_> = study
        .addresses()
        .into_iter()
        .map(|row| (row.service, row.address, row.holder))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        addresses,
        [
            ("b".to_owned(), None, None),
            ("web".to_owned(), some("192.168.1.200"), some("n1"))
        ]
    );
    let segments = study.segments();
    assert_eq!(
        (segments[0].interface.as_str(), segments[0].speakers.as_slice()),
        ("eth0", &["2 Ready".to_owned()][..])
    );
}

#[test]
fn before_there_is_a_pool_nothing_else_is_wrong() {
    let mut objects = Objects::waiting();
    objects.pools.clear();
    objects.service["spec"]["type"] = json!("ClusterIP");
    objects.speakers[0]["status"]["conditions"][0]["status"] = json!("False");
    let (cluster, installation) = (objects.cluster(), Installation::default());
    let overview = Study::of(&cluster, &installation).overview();
    let codes: Vec<_> = overview.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::NoPool]);
}
