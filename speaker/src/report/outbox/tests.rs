use k8s_openapi::api::core::v1::Service;

use super::*;
use crate::report::standing::Elsewhere;

const DWELL: Duration = Duration::from_secs(1);

fn standing(announced: bool, message: &str) -> Standing {
    Standing {
        announced,
        reason: "Reason",
        message: message.into(),
        gist: None,
        unless: None,
        patience: if announced { Duration::ZERO } else { DWELL },
    }
}

fn web() -> ServiceName {
    ServiceName::new("default", "web")
}

fn one(standing: &Standing) -> Standings {
    [(web(), Arc::new(standing.clone()))].into()
}

/// What a Service shows after this was written.
fn shown(standing: &Standing) -> Shown {
    let patch = standing.patch(&web(), None, jiff::Timestamp::UNIX_EPOCH);
    let object: Service = serde_json::from_value(patch).unwrap();
    Shown::of(&object).unwrap()
}

fn shows(outbox: &mut Outbox, now: Instant, standing: Option<&Standing>) {
    outbox.handle_shown(now, ShownChange::One(web(), standing.map(shown)));
}

#[allow(
    clippy::disallowed_methods,
    reason = "the virtual clock of a test starts anywhere"
)]
fn start() -> Instant {
    Instant::now()
}

fn told(outbox: &mut Outbox, now: Instant) -> Option<Standing> {
    outbox
        .poll_write(now)
        .map(|write| Standing::clone(&write.standing))
}

#[test]
fn good_news_is_told_at_once_and_once() {
    let (now, mut outbox) = (start(), Outbox::default());
    let up = standing(true, "up");
    outbox.handle_standings(now, &one(&up));
    assert_eq!(told(&mut outbox, now), Some(up.clone()));
    shows(&mut outbox, now, Some(&up));
    outbox.handle_standings(now + DWELL, &one(&up));
    assert_eq!(told(&mut outbox, now + 60 * DWELL), None);
    assert_eq!(outbox.poll_timeout(), None);
}

#[test]
fn bad_news_is_told_when_it_lasts_and_never_when_it_passes() {
    let (now, mut outbox) = (start(), Outbox::default());
    let (up, down) = (standing(true, "up"), standing(false, "down"));
    outbox.handle_standings(now, &one(&down));
    assert_eq!(told(&mut outbox, now), None);
    outbox.handle_standings(now + DWELL / 2, &one(&up));
    assert_eq!(told(&mut outbox, now + DWELL / 2), Some(up));
    outbox.handle_standings(now + DWELL, &one(&down));
    outbox.handle_standings(now + DWELL + DWELL / 2, &one(&down));
    assert_eq!(
        outbox.poll_timeout(),
        Some(now + 2 * DWELL),
        "told again it waits no longer"
    );
    assert_eq!(told(&mut outbox, now + 2 * DWELL), Some(down));
    assert_eq!(outbox.poll_timeout(), None);
}

#[test]
fn what_failed_is_told_again_unless_there_is_something_newer_to_say() {
    let (now, mut outbox) = (start(), Outbox::default());
    let (old, new) = (standing(true, "on eth0"), standing(true, "on eth1"));
    outbox.handle_standings(now, &one(&old));
    let failed = outbox.poll_write(now).unwrap();
    outbox.handle_failure(now, web(), &failed.standing);
    assert_eq!(told(&mut outbox, now), None);
    assert_eq!(told(&mut outbox, now + RETRY), Some(old));
    outbox.handle_standings(now + RETRY, &one(&new));
    outbox.handle_failure(now + RETRY, web(), &failed.standing);
    assert_eq!(told(&mut outbox, now + RETRY), Some(new));
    assert_eq!(outbox.poll_timeout(), None);
}

#[test]
fn what_is_for_another_node_to_say_is_dropped_and_said_again_when_it_is_ours_again() {
    let (now, mut outbox) = (start(), Outbox::default());
    let up = standing(true, "up");
    outbox.handle_standings(now, &one(&up));
    assert_eq!(told(&mut outbox, now), Some(up.clone()));
    outbox.handle_standings(now, &Standings::new());
    shows(&mut outbox, now, Some(&standing(true, "by another")));
    outbox.handle_standings(now, &one(&up));
    assert_eq!(told(&mut outbox, now), Some(up));
}

/// P-OBS-25
#[test]
fn what_the_service_shows_already_is_not_written_whoever_wrote_it() {
    let (now, mut outbox) = (start(), Outbox::default());
    let (up, later) = (standing(true, "up"), standing(true, "up").after(DWELL));
    shows(&mut outbox, now, Some(&up));
    outbox.handle_standings(now, &one(&up));
    assert_eq!(outbox.poll_timeout(), None, "it was shown before");
    let mut other = Outbox::default();
    other.handle_standings(now, &one(&later));
    shows(&mut other, now, Some(&up));
    assert_eq!(
        told(&mut other, now + DWELL),
        None,
        "it was shown in the meantime"
    );
    assert_eq!(other.poll_timeout(), None);
}

#[test]
fn a_count_that_changes_is_not_written_again() {
    let (now, mut outbox) = (start(), Outbox::default());
    let of = |message: &str| Standing {
        gist: Some("dead".into()),
        ..standing(false, message)
    };
    outbox.handle_standings(now, &one(&of("n1, n2, n3 and 7 more are dead")));
    assert!(told(&mut outbox, now + DWELL).is_some());
    outbox.handle_standings(now + DWELL, &one(&of("n1, n2, n3 and 8 more are dead")));
    assert_eq!(outbox.poll_timeout(), None);
}

#[test]
fn good_news_that_somebody_wrote_over_is_told_again() {
    let (now, mut outbox) = (start(), Outbox::default());
    let up = standing(true, "up");
    outbox.handle_standings(now, &one(&up));
    assert!(told(&mut outbox, now).is_some());
    shows(&mut outbox, now, Some(&up));
    assert_eq!(outbox.poll_timeout(), None);
    for over in [Some(standing(false, "no session")), None] {
        shows(&mut outbox, now, over.as_ref());
        assert_eq!(told(&mut outbox, now), None, "it may be the newer word");
        assert_eq!(told(&mut outbox, now + REASSERT), Some(up.clone()));
        shows(&mut outbox, now, Some(&up));
    }
    shows(&mut outbox, now, Some(&standing(true, "by another")));
    assert_eq!(outbox.poll_timeout(), None, "whoever took over says so");
    outbox.handle_shown(now, ShownChange::All(Vec::new()));
    assert_eq!(outbox.poll_timeout(), Some(now + REASSERT));
}

#[test]
fn bad_news_over_the_good_news_of_others_is_looked_at_first_and_more_and_more_seldom() {
    let (mut now, mut outbox) = (start(), Outbox::default());
    let elsewhere = Elsewhere::OnAnotherSegment {
        addresses: Box::default(),
        seen: BTreeSet::new(),
    };
    let down = standing(false, "down").unless(elsewhere);
    shows(&mut outbox, now, Some(&standing(true, "by another")));
    outbox.handle_standings(now, &one(&down));
    now += DWELL;
    for wait in [DOUBT, 2 * DOUBT, 4 * DOUBT] {
        let write = outbox.poll_write(now).unwrap();
        assert_eq!(write.doubt, Doubt::Look);
        outbox.handle_doubt(now, web(), &write.standing);
        outbox.handle_standings(now, &one(&down));
        assert_eq!(outbox.poll_timeout(), Some(now + wait));
        now += wait;
    }
    shows(&mut outbox, now, None);
    let write = outbox.poll_write(now).unwrap();
    assert_eq!((write.doubt, write.shown), (Doubt::Clear, None));
    assert_eq!(outbox.poll_timeout(), None);
}
