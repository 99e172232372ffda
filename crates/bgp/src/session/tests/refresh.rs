use super::*;

const VIPS: [&str; 2] = ["192.0.2.10/32", "2001:db8:1::1/128"];

fn enhanced() -> Open {
    let mut open = open();
    open.capabilities.push(Capability::EnhancedRouteRefresh);
    open
}

fn ask(rig: &mut Rig, family: Family, subtype: u8) {
    let family = family.into();
    rig.hear(&wire::route_refresh(&RouteRefresh { family, subtype }));
}

fn again(vip: &str) -> Said {
    Said::Announce(nets(&[vip]))
}

/// RFC 2918 §4
#[test]
fn all_routes_of_the_family_are_said_again_at_once() {
    let mut rig = Rig::announcing(settings(), &open(), plain(&VIPS));
    ask(&mut rig, Family::V4, 0);
    assert_eq!(rig.heard(), [again(VIPS[0])]);
    ask(&mut rig, Family::V6, 0);
    assert_eq!(rig.heard(), [again(VIPS[1])]);
}

/// RFC 7313 §4
#[test]
fn between_marks_where_both_know_them() {
    let mut rig = Rig::announcing(settings(), &enhanced(), plain(&VIPS));
    ask(&mut rig, Family::V4, 0);
    let (begin, end) = (Said::Refresh(1, Family::V4), Said::Refresh(2, Family::V4));
    assert_eq!(rig.heard(), [begin, again(VIPS[0]), end]);
}

#[test]
fn who_asks_again_within_a_second_waits_for_the_rest_of_it() {
    let mut rig = Rig::announcing(settings(), &open(), plain(&VIPS));
    ask(&mut rig, Family::V4, 0);
    rig.forget();
    rig.run_for(Duration::from_millis(300));
    (0..100).for_each(|_| ask(&mut rig, Family::V4, 0));
    rig.run_for(Duration::from_millis(699));
    assert_eq!(rig.heard(), []);
    rig.run_for(Duration::from_millis(1));
    assert_eq!(rig.heard(), [again(VIPS[0])]);
    rig.run_for(SECOND * 10);
    assert_eq!(rig.heard(), []);
}

#[test]
fn no_mark_comes_before_the_end_of_rib() {
    let mut rig = Rig::established(settings(), &enhanced());
    rig.tell(Input::Guard(open_guard()));
    rig.takes = false;
    rig.tell(Input::Routes(plain(&VIPS[..1])));
    ask(&mut rig, Family::V4, 0);
    rig.unblock();
    let heard = rig.routes();
    let place = |said: &Said| heard.iter().position(|other| other == said).unwrap();
    let mark = place(&Said::Refresh(1, Family::V4));
    assert!(place(&Said::EndOfRib(Family::V4)) < mark, "{heard:?}");
    assert_eq!(
        heard[mark + 1..mark + 3],
        [again(VIPS[0]), Said::Refresh(2, Family::V4)]
    );
}

#[test]
fn what_is_withdrawn_meanwhile_is_withdrawn_though_not_said_again() {
    let mut rig = Rig::announcing(settings(), &open(), plain(&VIPS));
    rig.takes = false;
    ask(&mut rig, Family::V4, 0);
    ask(&mut rig, Family::V6, 0);
    rig.tell(Input::Routes(Arc::default()));
    assert_eq!(rig.heard(), [again(VIPS[0])]);
    rig.unblock();
    assert_eq!(
        rig.heard(),
        [Said::Withdraw(nets(&VIPS[..1])), Said::Withdraw(nets(&VIPS[1..]))]
    );
}

#[test]
fn what_changes_meanwhile_is_said_once() {
    let mut rig = Rig::announcing(settings(), &open(), plain(&VIPS));
    rig.takes = false;
    ask(&mut rig, Family::V4, 0);
    rig.forget();
    ask(&mut rig, Family::V6, 0);
    let other = Arc::new(Attributes {
        med: Some(5),
        ..Attributes::default()
    });
    rig.tell(Input::Routes(table(&VIPS.map(|vip| (vip, &other)))));
    rig.unblock();
    assert_eq!(rig.heard(), [again(VIPS[0]), again(VIPS[1])]);
}

/// RFC 7313 §5
#[test]
fn marks_of_the_peer_and_what_we_do_not_know_are_ignored() {
    let mut rig = Rig::announcing(settings(), &enhanced(), plain(&VIPS));
    for subtype in [1, 2, 3, 255] {
        ask(&mut rig, Family::V4, subtype);
    }
    let family = FamilyCode { afi: 25, safi: 70 };
    rig.hear(&wire::route_refresh(&RouteRefresh { family, subtype: 0 }));
    assert_eq!(rig.heard(), []);
    assert_eq!(rig.session.status().counters.refreshes_received, 5);
    assert_eq!(rig.state(), State::Established);
}

#[test]
fn the_number_is_reserved_where_marks_are_not_agreed_on() {
    let mut rig = Rig::announcing(settings(), &open(), plain(&VIPS));
    ask(&mut rig, Family::V4, 9);
    assert_eq!(rig.heard(), [again(VIPS[0])]);
}

/// RFC 7313 §5
#[test]
fn a_mark_of_the_wrong_length_ends_the_session() {
    let mut octets = wire::route_refresh(&RouteRefresh {
        family: FamilyCode::V4,
        subtype: 1,
    });
    octets.push(0);
    octets[17] += 1;
    let mut rig = Rig::established(settings(), &enhanced());
    rig.hear(&octets);
    assert_eq!(rig.closed().unwrap(), "7/1");
}

/// RFC 2918, RFC 7313 §4: the API server may be away for hours.
#[test]
fn a_question_is_answered_without_marks_while_not_everything_is_known() {
    let mut enhanced = open_with_restart(true);
    enhanced.capabilities.push(Capability::EnhancedRouteRefresh);
    let settings = with(restarting(), |settings| settings.restarted = true);
    let mut rig = Rig::established(settings, &enhanced);
    rig.tell(Input::Guard(open_guard()));
    rig.tell(Input::Early(plain(&["192.0.2.10/32"])));
    rig.forget();
    let family = FamilyCode::V4;
    let subtype = RouteRefresh::NORMAL;
    rig.hear(&wire::route_refresh(&RouteRefresh { family, subtype }));
    assert_eq!(rig.heard(), [Said::Announce(nets(&["192.0.2.10/32"]))]);
    rig.tell(Input::Routes(plain(&["192.0.2.10/32"])));
    assert_eq!(
        rig.heard(),
        [Said::EndOfRib(Family::V4), Said::EndOfRib(Family::V6)]
    );
    rig.run_for(SECOND);
    rig.forget();
    rig.hear(&wire::route_refresh(&RouteRefresh { family, subtype }));
    assert_eq!(rig.heard().len(), 3, "with marks by now");
}
