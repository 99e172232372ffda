use serde_json::json;

use super::*;

fn service(name: &str, number: u64, addresses: &[&str]) -> Value {
    let ingress: Vec<_> = addresses.iter().map(|ip| json!({ "ip": ip })).collect();
    json!({
        "metadata": {"namespace": "default", "name": name, "uid": format!("uid of {name}"), "resourceVersion": number.to_string()},
        "status": {"loadBalancer": if ingress.is_empty() { json!({}) } else { json!({ "ingress": ingress }) }},
    })
}

fn story(events: &[(&str, u64, &[&str], bool)]) -> Story {
    let mut story = Story::default();
    for (name, number, addresses, gone) in events {
        story.on_event(&service(name, *number, addresses), *gone);
    }
    story
}

#[test]
fn an_address_is_free_once_its_service_is_gone_and_not_before() {
    let freed = story(&[
        ("a", 1, &["10.0.0.1"], false),
        ("a", 2, &["10.0.0.1"], true),
        ("b", 3, &["10.0.0.1"], false),
    ]);
    assert_eq!(freed.given_twice(), [""; 0]);
    let twice = story(&[
        ("a", 1, &["10.0.0.1"], false),
        ("b", 2, &["10.0.0.1"], false),
        ("a", 3, &["10.0.0.1"], true),
    ]);
    assert_eq!(
        twice.given_twice(),
        ["10.0.0.1 of default/a (version 1) was given to default/b (version 2)"]
    );
}

#[test]
fn an_address_that_changes_or_is_lost_has_moved_and_one_that_comes_or_ends_with_its_service_has_not() {
    let steady = story(&[
        ("a", 1, &[], false),
        ("a", 2, &["10.0.0.1"], false),
        ("a", 3, &["10.0.0.1"], false),
        ("a", 4, &["10.0.0.1"], true),
    ]);
    assert_eq!(steady.moved(), [""; 0]);
    let moved = story(&[
        ("a", 1, &["10.0.0.1"], false),
        ("a", 2, &["10.0.0.2"], false),
        ("a", 3, &[], false),
    ]);
    assert_eq!(moved.moved().len(), 2, "{:?}", moved.moved());
}

#[test]
fn versions_that_leave_the_status_alone_are_no_changes_of_it() {
    let story = story(&[
        ("a", 1, &[], false),
        ("a", 2, &["10.0.0.1"], false),
        ("a", 3, &["10.0.0.1"], false),
        ("b", 4, &[], false),
        ("a", 5, &["10.0.0.1"], true),
    ]);
    assert_eq!(
        story.status_changes(),
        BTreeMap::from([(("default/a", "uid of a"), 1)])
    );
}

#[test]
fn a_list_ends_what_it_does_not_show_and_repeats_nothing() {
    let mut story = story(&[("a", 1, &["10.0.0.1"], false), ("b", 2, &[], false)]);
    story.on_list(&[service("b", 2, &[]), service("c", 5, &["10.0.0.1"])]);
    let told: Vec<_> = story.versions[2..]
        .iter()
        .map(|version| (version.service.as_str(), version.gone))
        .collect();
    assert_eq!(told, [("default/a", true), ("default/c", false)]);
    assert_eq!(story.given_twice(), [""; 0]);
}

#[test]
fn a_story_that_lacks_a_change_or_an_end_has_not_caught_up() {
    let mut story = story(&[("a", 1, &[], false), ("b", 2, &[], false)]);
    assert!(story.includes(&[service("a", 1, &[]), service("b", 2, &[])], 2));
    let now = [service("b", 4, &["10.0.0.1"])];
    assert!(!story.includes(&now, 5));
    story.on_event(&service("b", 4, &["10.0.0.1"]), false);
    assert!(!story.includes(&now, 5));
    story.on_event(&service("a", 5, &[]), true);
    assert!(story.includes(&now, 5));
    story.on_event(&service("c", 6, &[]), false);
    assert!(story.includes(&now, 5));
}
