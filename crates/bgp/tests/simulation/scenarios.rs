//! What the session promises, case by case.

use std::sync::Arc;
use std::time::Duration;

use bgp::{Attributes, BfdState, Drain, NextHops, PeerAsn, State, Stop, Table};
use ipnet::IpNet;
use model::Family;

use crate::chance::Chance;
use crate::facts::{Facts, vip};
use crate::over::Over;
use crate::peer::Kind;
use crate::seeds::settings;
use crate::world::{Birth, World};

const SECOND: Duration = Duration::from_secs(1);

fn kind(keeps: Option<bool>) -> Kind {
    Kind {
        asn: 64513,
        herald: 64512,
        old: false,
        families: [Family::V4, Family::V6].into(),
        hold: 90,
        keeps,
        enhanced: true,
    }
}

fn few() -> Arc<Table> {
    let shared = Arc::new(Attributes::default());
    Arc::new((0..20).map(|i| (vip(i), shared.clone())).collect())
}

/// A world whose router has everything.
fn settled(kind: Kind, routes: Arc<Table>) -> World {
    settled_over(Over::V4, kind, routes)
}

fn settled_over(over: Over, kind: Kind, routes: Arc<Table>) -> World {
    let mut facts = Facts::new(&mut Chance::new(1), false);
    facts.routes = routes;
    let settings = settings(64512, PeerAsn::External);
    let mut world = World::new(1, settings, kind, over, facts);
    world.start(Birth::Afresh);
    world.assert_converges();
    world.run_for(SECOND * 60);
    world
}

fn updates(world: &World) -> u64 {
    let status = world.life.as_ref().map(|life| life.session.status());
    status.map_or(0, |status| status.counters.updates_sent)
}

fn state(world: &World) -> Option<State> {
    world.life.as_ref().map(|life| life.session.status().state)
}

/// P-BGP-38, S7
#[test]
fn the_routers_table_never_loses_a_route_over_a_restart() {
    for notification in [false, true] {
        for in_order in [false, true] {
            let mut world = settled(kind(Some(notification)), few());
            world.restart(in_order, SECOND * 60);
            assert_eq!(world.kept.len(), 20);
            world.run_for(SECOND * 30);
            assert_eq!(world.peer.rib.len(), 20, "while there is nobody");
            assert!(world.peer.rib.values().all(|entry| entry.stale));
            world.assert_converges();
            assert_eq!(world.kept.len(), 20);
        }
    }
}

/// P-BGP-39
#[test]
fn without_graceful_restart_the_router_drops_everything() {
    let mut world = settled(kind(None), few());
    world.restart(true, SECOND * 60);
    world.run_for(SECOND);
    assert!(world.peer.rib.is_empty());
    world.assert_converges();
}

/// S7
#[test]
fn what_went_away_meanwhile_goes_with_the_end_of_rib() {
    let mut world = settled(kind(Some(true)), few());
    world.restart(false, SECOND * 10);
    let mut fewer = (*few()).clone();
    let gone: IpNet = vip(1);
    fewer.remove(&gone);
    world.change(|facts| facts.routes = Arc::new(fewer));
    world.run_for(SECOND * 5);
    assert!(world.peer.rib.contains_key(&gone));
    world.assert_converges();
    assert!(!world.peer.rib.contains_key(&gone));
}

/// S7: the process knows only what the last one announced when the session is back.
#[test]
fn the_router_keeps_what_came_meanwhile_until_the_process_knows_everything() {
    let mut world = settled(kind(Some(true)), few());
    world.restart(false, SECOND);
    world.run_for(SECOND / 2);
    let mut more = (*few()).clone();
    more.insert(vip(40), Arc::default());
    more.remove(&vip(1));
    world.change(|facts| facts.routes = Arc::new(more));
    world.assert_converges();
    assert!(world.peer.rib.contains_key(&vip(40)));
    assert!(!world.peer.rib.contains_key(&vip(1)));
    assert_eq!(world.kept.len(), 19);
}

/// RFC 8538 §3
#[test]
fn a_shutdown_takes_the_routes_along_whatever_the_router_keeps() {
    for keeps in [None, Some(false), Some(true)] {
        let mut world = settled(kind(keeps), few());
        world.peer.excused = true;
        world.stop(Stop::Shutdown("removed".to_owned()));
        world.run_for(SECOND);
        assert!(world.peer.rib.is_empty(), "{keeps:?}");
    }
}

/// U6
#[test]
fn ten_thousand_routes_are_at_the_router_in_fourteen_updates() {
    let shared = Arc::new(Attributes::default());
    let prefix = |i: u32| format!("10.2.{}.{}/32", i / 256, i % 256).parse().unwrap();
    let routes: Arc<Table> = Arc::new((0..10_000).map(|i| (prefix(i), shared.clone())).collect());
    let world = settled(kind(None), routes);
    assert_eq!(world.peer.rib.len(), 10_000);
    assert!(updates(&world) <= 14 + 2, "{} with two ends", updates(&world));
}

/// B20, F22
#[test]
fn a_router_that_reads_nothing_for_a_minute_hears_what_is_true_by_then() {
    let mut world = settled(kind(None), few());
    world.capacity = 200;
    let before = updates(&world);
    world.stop_reading(SECOND * 60);
    for _ in 0..500 {
        world.random_route();
        world.run_for(SECOND / 10);
    }
    assert_eq!(state(&world), Some(State::Established));
    world.assert_converges();
    let said = updates(&world) - before;
    assert!(said < 100, "{said} for 500 changes");
}

/// B7, F22
#[test]
fn a_connection_that_only_one_end_knows_of_is_replaced() {
    let mut world = settled(kind(Some(true)), few());
    world.cut();
    let noticed = world.run_until(SECOND * 90, |world| state(world) == Some(State::Idle));
    assert!(noticed, "{:?}", state(&world));
    world.assert_converges();
}

/// RFC 8326 §4
#[test]
fn the_router_sees_the_mark_before_the_withdrawal() {
    let mut world = settled(kind(None), few());
    world.change(|facts| facts.drain = Drain::Mark);
    world.run_for(SECOND * 4);
    let marked = |world: &World| {
        let entries = world.peer.rib.values();
        entries
            .filter(|entry| entry.meaning.communities == [0xFFFF_0000])
            .count()
    };
    assert_eq!(marked(&world), 20);
    world.run_for(SECOND * 2);
    assert!(world.peer.rib.is_empty());
    world.assert_converges();
    world.change(|facts| facts.drain = Drain::No);
    world.assert_converges();
    assert_eq!((world.peer.rib.len(), marked(&world)), (20, 0));
}

/// D14
#[test]
fn a_path_that_comes_back_brings_the_session_with_it() {
    let mut world = settled(kind(Some(true)), few());
    world.peer.excused = true;
    world.tell_bfd(BfdState::Down);
    assert_eq!(state(&world), Some(State::Idle));
    world.tell_bfd(BfdState::Up);
    assert_eq!(state(&world), Some(State::Connect));
    world.assert_converges();
}

/// B18
#[test]
fn a_process_that_stood_still_finds_what_the_router_said() {
    let mut world = settled(kind(None), few());
    // Less than the router's patience, and a KEEPALIVE of the router lies in between.
    world.peer.excused = true;
    world.run_for(SECOND * 20);
    world.pause(SECOND * 60);
    world.run_for(SECOND * 61);
    world.assert_converges();
    let established = world
        .life
        .as_ref()
        .map(|life| life.session.status().counters.established);
    assert_eq!(established, Some(1));
}

/// A resident of the node's interface that is no address of its own came and went, and the provider gave another prefix.
#[test]
fn routes_follow_the_addresses_of_the_node_in_the_session_that_there_is() {
    for over in [Over::V4, Over::V6, Over::LinkLocal] {
        let mut world = settled_over(over, kind(None), few());
        let mut chance = Chance::new(7);
        for _ in 0..50 {
            let next_hops = over.other_next_hops(&mut chance);
            world.change(|facts| facts.next_hops = next_hops);
            world.assert_converges();
        }
        world.change(|facts| facts.next_hops = NextHops::default());
        world.run_for(SECOND);
        assert!(world.peer.rib.is_empty(), "nowhere to point to");
        world.change(|facts| facts.next_hops = over.next_hops());
        world.assert_converges();
        let status = world.life.as_ref().map(|life| life.session.status());
        assert_eq!(status.map(|status| status.counters.established), Some(1));
    }
}

/// RFC 4724 §4.1
#[test]
fn a_node_that_was_off_leaves_no_route_behind_that_it_does_not_announce_anew() {
    for forwards_again in [true, false] {
        let mut world = settled(kind(Some(true)), few());
        world.change(|facts| {
            facts.drain = if forwards_again {
                Drain::No
            } else {
                Drain::Withdraw
            }
        });
        world.kept.clear();
        world.peer.excused = true;
        world.kill();
        world.start(Birth::Rebooted);
        world.run_until(SECOND * 30, |world| world.peer.is_up());
        assert!(world.peer.rib.values().all(|entry| !entry.stale), "F bit of 0");
        world.assert_converges();
        assert_eq!(world.peer.rib.is_empty(), !forwards_again);
    }
}

/// A drained node that is then told to end does not come back: the router is not to keep its routes.
#[test]
fn a_drained_node_that_ends_takes_its_routes_along_whatever_the_router_keeps() {
    for keeps in [None, Some(false), Some(true)] {
        for withdraws in [true, false] {
            let mut world = settled(kind(keeps), few());
            world.change(|facts| facts.drain = Drain::Mark);
            world.run_for(SECOND);
            assert_eq!(world.peer.rib.len(), 20, "marked, not withdrawn");
            world.peer.excused = true;
            if withdraws {
                world.change(|facts| facts.drain = Drain::Withdraw);
                world.run_for(SECOND / 2);
                assert!(world.peer.rib.is_empty());
            }
            world.stop(Stop::Restart);
            world.run_for(SECOND);
            assert!(world.peer.rib.is_empty(), "{keeps:?}");
        }
    }
}

/// P-BGP-27
#[test]
fn an_edit_of_the_open_keeps_the_routes_at_a_router_that_keeps_them() {
    for notification in [false, true] {
        let mut world = settled(kind(Some(notification)), few());
        world.settings.open.hold_time = SECOND * 30;
        world.change_session();
        assert_eq!(world.kept.len(), 20);
        world.assert_converges();
        assert_eq!(world.kept.len(), 20);
    }
}
