//! The task of one session: it drains the machine, waits, and feeds it exactly one thing.

use std::net::Ipv6Addr;
use std::sync::Arc;

use bgp::{
    Drain, Event, ExportGuard, FamilyFault, ImportPolicy, Input, LiveSettings, Session, Settings, Stop,
    Table, Transmit,
};
use config::{BfdProfile, PeerSession, Remote};
use model::{Family, NodeName};
use process::clock::{now, until};
use tokio::sync::watch;

use super::connection::{BUFFER, Link, LinkEvent};
use super::dial::Target;
use super::password::Password;
use super::sessions::SessionHandle;
use super::{Peering, Peerings, addresses};
use crate::bgp::accepted::OfferHandle;
use crate::bgp::bfd::{self, Bfd};
use crate::bgp::unnumbered::Neighbours;

mod path;
mod routes;
#[cfg(test)]
mod tests;

use path::{Watched, changed_path};
use routes::Routes;

/// What a running session is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) table: Arc<Table>,
    /// Whether these are all routes, as far as the API knows.
    pub(super) complete: bool,
    pub(super) guard: Arc<ExportGuard>,
    /// What is taken from the peer.
    pub(super) imports: Arc<ImportPolicy>,
    pub(super) live: LiveSettings,
    pub(super) password: Option<Password>,
    /// How BFD watches the path, if it does.
    pub(super) profile: Option<BfdProfile>,
    pub(super) drain: bool,
    pub(super) stop: Option<Stop>,
}

impl Wish {
    pub(super) fn new(peering: &Peering, all: &Peerings) -> Self {
        Self {
            table: peering.table.clone(),
            complete: all.complete,
            guard: all.guard.clone(),
            imports: Arc::new(peering.peer.live.imports.clone()),
            live: peering.peer.live.settings,
            password: peering.password.clone(),
            profile: peering.peer.live.bfd.clone(),
            drain: all.drain,
            stop: None,
        }
    }
}

/// See the module.
pub(super) struct Driver {
    peer: Arc<PeerSession>,
    session: Session,
    target: Target,
    link: Link,
    bfd: Bfd,
    profile: Option<BfdProfile>,
    watched: Option<Watched>,
    /// Why BFD cannot watch the path, as it was logged.
    complained: Option<bfd::Trouble>,
    /// Changes when another router is there.
    router: Option<watch::Receiver<Option<Ipv6Addr>>>,
    /// Who is on the interface of an unnumbered peer; followed for as long as this is kept.
    _neighbours: Option<Neighbours>,
    wishes: watch::Receiver<Wish>,
    /// What the machine was told last.
    known: Option<Wish>,
    handle: SessionHandle,
    routes: Routes,
    drained: bool,
}

impl Driver {
    pub(super) fn new(
        node: &NodeName,
        peering: &Peering,
        restarted: bool,
        bfd: Bfd,
        wishes: watch::Receiver<Wish>,
        handle: SessionHandle,
        offer: OfferHandle,
    ) -> Self {
        let peer = peering.peer.clone();
        let neighbours = match &peer.dial.remote {
            Remote::Interface(name) => Some(Neighbours::follow(name)),
            Remote::Address(_) | Remote::Gateway(_) => None,
        };
        let router = neighbours.as_ref().map(Neighbours::router);
        let blind = neighbours.as_ref().map(Neighbours::blind);
        Self {
            session: Session::new(settings(node, peering, restarted)),
            target: Target::new(&peer, peering.password.clone(), router.clone(), blind),
            routes: Routes::new(&peer, offer),
            profile: peer.live.bfd.clone(),
            peer,
            link: Link::Down,
            bfd,
            watched: None,
            complained: None,
            router,
            _neighbours: neighbours,
            wishes,
            known: None,
            handle,
            drained: false,
        }
    }

    /// Runs until the session is to stop, and has.
    pub(super) async fn run(mut self) {
        if let Remote::Address(remote) = self.peer.dial.remote {
            self.watch_path(remote, addresses::is_connected(remote));
        }
        let wish = self.wishes.borrow_and_update().clone();
        self.on_wish(wish);
        self.session.handle_input(now(), Input::Start);
        let mut buffer = [0; BUFFER];
        loop {
            self.drain().await;
            if self.is_over() {
                return;
            }
            tokio::select! {
                // What waits in the socket goes before the clock: our own sleep must not look like the peer's silence.
                biased;
                changed = self.wishes.changed() => {
                    let mut wish = self.wishes.borrow_and_update().clone();
                    if changed.is_err() {
                        wish.stop.get_or_insert(Stop::Restart);
                    }
                    self.on_wish(wish);
                }
                status = changed_path(&mut self.watched) => self.on_path(&status).await,
                router = changed_router(&mut self.router) => self.on_router(router).await,
                event = self.link.event(&mut buffer) => {
                    self.on_link(event, &buffer);
                    // However much the peer says, what is due is done.
                    self.session.handle_timeout(now());
                }
                () = until(self.session.poll_timeout()) => self.session.handle_timeout(now()),
            }
        }
    }

    fn is_over(&self) -> bool {
        let stopping = self.known.as_ref().is_some_and(|wish| wish.stop.is_some());
        stopping && matches!(self.link, Link::Down)
    }

    /// Carries out all that the machine wants, and tells what happened.
    async fn drain(&mut self) {
        while let Some(transmit) = self.session.poll_transmit(now()) {
            match transmit {
                Transmit::Dial => self.link.dial(&self.target),
                Transmit::Octets(octets) => self.link.write(octets),
                Transmit::Close { notification } => self.link.close(notification).await,
            }
        }
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::State { from, to, error } => {
                    self.routes.on_state(from);
                    self.log(from, to, error.as_ref());
                }
                Event::Route { prefix, path } => self.routes.on_route(prefix, path),
                Event::EndOfRib(family) => self.routes.on_end(family),
                Event::FamilyFault { family, fault } => self.log_family(family, fault),
                Event::Synced => {}
                Event::Drained => self.drained = true,
            }
        }
        let path = self
            .watched
            .as_ref()
            .map(|watched| watched.status.borrow().clone());
        let status = self.session.status();
        self.routes.tell(&status);
        self.handle.tell(status, path, self.drained);
    }

    fn log(&self, from: bgp::State, to: bgp::State, error: Option<&bgp::SessionError>) {
        let peer = &self.peer.name;
        match error {
            Some(reason) => tracing::warn!(%peer, ?from, ?to, %reason, "session fell back"),
            None if to == bgp::State::Established => tracing::info!(%peer, ?from, ?to, "session established"),
            None => tracing::debug!(%peer, ?from, ?to, "session"),
        }
    }

    fn log_family(&self, family: Family, fault: Option<FamilyFault>) {
        let peer = &self.peer.name;
        match fault {
            Some(fault) => tracing::warn!(%peer, reason = fault.text(family), "family not announced"),
            None => tracing::info!(%peer, %family, "family announced"),
        }
    }

    /// Tells the machine what is not as it was.
    fn on_wish(&mut self, wish: Wish) {
        let known = self.known.replace(wish.clone());
        let known = known.as_ref();
        if known.is_none_or(|known| known.imports != wish.imports) {
            self.routes.accept(!wish.imports.is_empty());
            self.session.handle_input(now(), Input::Imports(wish.imports));
        }
        if known.is_none_or(|known| known.guard != wish.guard) {
            self.session.handle_input(now(), Input::Guard(wish.guard));
        }
        if known.map_or(wish.drain, |known| known.drain != wish.drain) {
            self.drained = false;
            let drain = if wish.drain { Drain::Mark } else { Drain::No };
            self.session.handle_input(now(), Input::Drain(drain));
        }
        if known.is_none_or(|known| known.table != wish.table || known.complete != wish.complete) {
            let routes = if wish.complete {
                Input::Routes
            } else {
                Input::Early
            };
            self.session.handle_input(now(), routes(wish.table));
        }
        if known.is_some_and(|known| known.live != wish.live) {
            self.session.handle_input(now(), Input::Live(wish.live));
        }
        if let Some(password) = wish
            .password
            .filter(|password| self.target.password.as_ref() != Some(password))
        {
            self.link.rotate(&password);
            self.target.password = Some(password);
        }
        if self.profile != wish.profile {
            self.on_profile(wish.profile);
        }
        if let Some(stop) = wish.stop {
            self.session.handle_input(now(), Input::Stop(stop));
        }
    }

    fn on_link(&mut self, event: LinkEvent, buffer: &[u8]) {
        let input = match event {
            LinkEvent::Dialled(Ok((connection, next_hops))) => {
                self.session.handle_input(now(), Input::NextHops(next_hops));
                // By now it is known which way there is.
                let is_connected = addresses::is_connected(connection.remote);
                self.watch_path(connection.remote, is_connected);
                self.routes.on_connected(&connection, is_connected);
                Input::Connected(connection)
            }
            LinkEvent::Dialled(Err(error)) => Input::DialFailed(error),
            LinkEvent::Received(length) => Input::Received(buffer.get(..length).unwrap_or_default()),
            LinkEvent::Written => Input::Written,
            LinkEvent::Closed(error) => {
                self.link = Link::Down;
                Input::Closed(error)
            }
        };
        self.session.handle_input(now(), input);
    }

    /// Another router is on the interface of an unnumbered peer, or none is seen any more: then a connection that there is may
    /// yet work.
    async fn on_router(&mut self, router: Option<Ipv6Addr>) {
        let Some(router) = router else { return };
        match &self.link {
            Link::Down => self.session.handle_input(now(), Input::Start),
            // Whoever is dialled now is not there any more.
            Link::Dialling(_) => self.link.dial(&self.target),
            Link::Up(_) if self.link.remote() == Some(router.into()) => {}
            Link::Up(_) => {
                self.link.close(None).await;
                let error = format!("the router on the interface is now {router}");
                self.session.handle_input(now(), Input::Closed(Some(error)));
                self.drain().await;
                self.session.handle_input(now(), Input::Start);
            }
        }
    }
}

/// The next time that another router is seen, or none any more.
async fn changed_router(router: &mut Option<watch::Receiver<Option<Ipv6Addr>>>) -> Option<Ipv6Addr> {
    if let Some(receiver) = router
        && receiver.changed().await.is_ok()
    {
        return *receiver.borrow_and_update();
    }
    *router = None;
    std::future::pending().await
}

fn settings(node: &NodeName, peering: &Peering, restarted: bool) -> Settings {
    let peer = &peering.peer;
    Settings {
        open: peer.open.clone(),
        live: peer.live.settings,
        restarted: restarted && peer.open.restart_time.is_some(),
        node: node.0.clone(),
        seed: seed(node, peer),
    }
}

/// A number that is another one for each session of the cluster.
fn seed(node: &NodeName, peer: &PeerSession) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one((&node.0, &peer.name.0))
}
