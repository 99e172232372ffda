use super::*;
use crate::{BfdState, Stop};

/// What happens to a session in each state at each event: the state it goes to, if another one, and what it says.
const TABLE: &str = "
start         | >Connect dial | >Connect dial | .                | .                      | .                  | .                 | .
dial now      | .             | .             | .                | .                      | .                  | .                 | .
connected     | .             | .             | >OpenSent open   | .                      | .                  | .                 | .
dial failed   | .             | .             | >Idle            | .                      | .                  | .                 | .
OPEN          | .             | .             | .                | >OpenConfirm keepalive | >Idle 5/2          | >Idle 5/3         | .
KEEPALIVE     | .             | .             | .                | >Idle 5/1              | >Established       | .                 | .
UPDATE        | .             | .             | .                | >Idle 5/1              | >Idle 5/2          | .                 | .
NOTIFICATION  | .             | .             | .                | >Idle silently         | >Idle silently     | >Idle silently    | .
ROUTE-REFRESH | .             | .             | .                | >Idle 5/1              | >Idle 5/2          | .                 | .
noise         | .             | .             | .                | >Idle 1/1              | >Idle 1/1          | >Idle 1/1         | .
half of one   | .             | .             | .                | .                      | .                  | .                 | .
written       | .             | .             | .                | .                      | .                  | .                 | .
closed        | .             | .             | .                | >Idle                  | >Idle              | >Idle             | .
routes        | .             | .             | .                | .                      | .                  | announce end end  | .
guard         | .             | .             | .                | .                      | .                  | .                 | .
other pace    | .             | .             | .                | .                      | .                  | .                 | .
no next hop   | .             | .             | .                | .                      | .                  | .                 | .
bfd up        | .             | .             | .                | .                      | .                  | .                 | .
bfd down      | .             | .             | .                | .                      | >Idle 6/10         | >Idle 6/10        | .
bfd off       | .             | .             | .                | .                      | .                  | .                 | .
drain         | drained       | drained       | drained          | drained                | drained            | drained           | .
no drain      | .             | .             | .                | .                      | .                  | .                 | .
restart       | .             | .             | >Idle silently   | >Idle 6/4              | >Idle 6/4          | >Idle 6/4         | .
shutdown      | .             | .             | >Idle silently   | >Idle 6/2              | >Idle 6/2          | >Idle 6/2         | .
deconfigured  | .             | .             | >Idle silently   | >Idle 6/3              | >Idle 6/3          | >Idle 6/3         | .
changed       | .             | .             | >Idle silently   | >Idle 6/6              | >Idle 6/6          | >Idle 6/6         | .
next timer    | .             | >Connect dial | .                | >Idle 4/0              | keepalive          | keepalive         | .
";

/// A session in each of the states: not begun, waiting, the four between, and after its end.
fn states() -> Vec<Rig> {
    let mut waiting = Rig::connected(settings());
    waiting.tell(Input::Closed(None));
    let mut dialling = Rig::new(settings());
    dialling.tell(Input::Start);
    let mut ended = Rig::established(settings(), &open());
    ended.tell(Input::Stop(Stop::Changed(Retention::Drop)));
    let mut rigs = vec![
        Rig::new(settings()),
        waiting,
        dialling,
        Rig::connected(settings()),
        Rig::opened(settings(), &open()),
        Rig::established(settings(), &open()),
        ended,
    ];
    rigs.iter_mut()
        .for_each(|rig| rig.tell(Input::Guard(open_guard())));
    rigs.iter_mut().for_each(Rig::forget);
    rigs
}

fn happen(rig: &mut Rig, event: &str) {
    let family = FamilyCode::V4;
    match event {
        "start" => rig.tell(Input::Start),
        "dial now" => rig.tell(Input::DialNow),
        "connected" => rig.tell(Input::Connected(connection())),
        "dial failed" => rig.tell(Input::DialFailed(DialError::Refused([192, 0, 2, 2].into()))),
        "OPEN" => rig.hear(&wire::open(&open())),
        "KEEPALIVE" => rig.hear(&wire::keepalive()),
        "UPDATE" => rig.hear(&wire::end_of_rib(Family::V4)),
        "NOTIFICATION" => rig.hear(&wire::notification(&Notification::deconfigured())),
        "ROUTE-REFRESH" => rig.hear(&wire::route_refresh(&RouteRefresh { family, subtype: 0 })),
        "noise" => rig.hear(&[0; 64]),
        "half of one" => rig.hear(&wire::open(&open())[..25]),
        "written" => rig.tell(Input::Written),
        "closed" => rig.tell(Input::Closed(Some("reset".to_owned()))),
        "routes" => rig.tell(Input::Routes(plain(&["192.0.2.10/32"]))),
        "guard" => rig.tell(Input::Guard(guard(&["192.0.2.0/24"]))),
        "other pace" => rig.tell(Input::Live(LiveSettings {
            keepalive_time: Some(SECOND),
            connect_time: Some(SECOND * 9),
            graceful_shutdown: SECOND,
        })),
        "no next hop" => rig.tell(Input::NextHops(NextHops::default())),
        "bfd up" => rig.tell(Input::Bfd(BfdState::Up)),
        "bfd down" => rig.tell(Input::Bfd(BfdState::Down)),
        "bfd off" => rig.tell(Input::Bfd(BfdState::AdminDown)),
        "drain" => rig.tell(Input::Drain(Drain::Mark)),
        "no drain" => rig.tell(Input::Drain(Drain::No)),
        "restart" => rig.tell(Input::Stop(Stop::Restart)),
        "shutdown" => rig.tell(Input::Stop(Stop::Shutdown(String::new()))),
        "deconfigured" => rig.tell(Input::Stop(Stop::Deconfigured)),
        "changed" => rig.tell(Input::Stop(Stop::Changed(Retention::Drop))),
        "next timer" => {
            if let Some(due) = rig.session.poll_timeout() {
                rig.run_for(due - rig.epoch - rig.now);
            }
        }
        other => panic!("{other} is no event"),
    }
}

pub(super) fn words(said: &Said) -> String {
    match said {
        Said::Dial => "dial".to_owned(),
        Said::Open(_) => "open".to_owned(),
        Said::Keepalive => "keepalive".to_owned(),
        Said::Announce(_) => "announce".to_owned(),
        Said::Withdraw(_) => "withdraw".to_owned(),
        Said::EndOfRib(_) => "end".to_owned(),
        Said::Refresh(..) => "refresh".to_owned(),
        Said::Close(None) => "silently".to_owned(),
        Said::Close(Some(last)) => format!("{}/{}", last.code, last.subcode),
    }
}

/// What the session does, in the words of the table.
fn outcome(rig: &mut Rig, event: &str) -> String {
    let before = rig.state();
    happen(rig, event);
    let mut outcome = Vec::new();
    if rig.state() != before {
        outcome.push(format!(">{:?}", rig.state()));
    }
    outcome.extend(rig.heard().iter().map(words));
    if rig.has(&Event::Drained) {
        outcome.push("drained".to_owned());
    }
    if outcome.is_empty() {
        ".".to_owned()
    } else {
        outcome.join(" ")
    }
}

/// B1
#[test]
fn every_event_has_its_result_in_every_state() {
    let mut wrong = Vec::new();
    for row in TABLE.lines().filter(|row| !row.is_empty()) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (event, expected) = cells.split_first().unwrap();
        assert_eq!(expected.len(), states().len(), "{event}");
        for (column, (mut rig, expected)) in states().into_iter().zip(expected).enumerate() {
            let outcome = outcome(&mut rig, event);
            if outcome != *expected {
                wrong.push(format!(
                    "{event}, column {column}: {outcome} instead of {expected}"
                ));
            }
            rig.run_for(SECOND * 1000);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// B1
#[test]
fn any_two_events_in_a_row_leave_a_session_that_runs() {
    let events: Vec<&str> = TABLE
        .lines()
        .filter_map(|row| Some(row.split_once('|')?.0.trim()))
        .collect();
    for first in &events {
        for second in &events {
            for mut rig in states() {
                happen(&mut rig, first);
                happen(&mut rig, second);
                rig.run_for(SECOND * 1000);
                let (state, timeout) = (rig.state(), rig.session.poll_timeout());
                let waits_for_nobody =
                    state == State::Connect || rig.session.phase.is_over() || rig.session.since.is_none();
                assert!(
                    timeout.is_some() || waits_for_nobody,
                    "{state:?} after {first}, {second}"
                );
            }
        }
    }
}
