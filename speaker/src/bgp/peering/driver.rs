//! The task of one session: it drains the machine, waits, and feeds it exactly one thing.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use bgp::{
    DialError, Drain, Event, ExportGuard, FamilyFault, Forwarding, ImportPolicy, Input, LiveSettings,
    Session, Settings, Stop, Table, Transmit,
};
use config::{BfdProfile, PeerSession, Remote};
use model::{Family, NodeName};
use process::clock::{now, until};
use tokio::sync::watch;

use super::connection::{BUFFER, Link, LinkEvent};
use super::dial::Target;
use super::password::Password;
use super::sessions::SessionHandle;
use super::way::{Destination, Way, way};
use super::{Peering, Peerings};
use crate::bgp::accepted::OfferHandle;
use crate::bgp::bfd::{self, Bfd};
use crate::bgp::unnumbered::Neighbours;
use crate::kernel::links::Links;

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
    /// By which the cluster knows this node.
    pub(super) addresses: Vec<IpAddr>,
    /// Whether these are all routes, as far as the API knows.
    pub(super) complete: bool,
    pub(super) guard: Arc<ExportGuard>,
    /// What is taken from the peer.
    pub(super) imports: Arc<ImportPolicy>,
    pub(super) live: LiveSettings,
    pub(super) password: Option<Password>,
    /// How BFD watches the path, if it does.
    pub(super) profile: Option<BfdProfile>,
    pub(super) drain: Drain,
    /// Whether the node has forwarded since it was switched on.
    pub(super) forwarding: Forwarding,
    pub(super) stop: Option<Stop>,
}

impl Wish {
    pub(super) fn new(peering: &Peering, all: &Peerings) -> Self {
        Self {
            table: peering.table.clone(),
            addresses: all.addresses.clone(),
            complete: all.complete,
            guard: all.guard.clone(),
            imports: Arc::new(peering.peer.live.imports.clone()),
            live: peering.peer.live.settings,
            password: peering.password.clone(),
            profile: peering.peer.live.bfd.clone(),
            drain: if all.drain { Drain::Mark } else { Drain::No },
            forwarding: Forwarding::Preserved,
            stop: None,
        }
    }
}

/// What all sessions of a node share.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) bfd: Bfd,
    /// The interfaces of this node.
    pub(super) links: watch::Receiver<Arc<Links>>,
}

/// See the module.
pub(super) struct Driver {
    peer: Arc<PeerSession>,
    session: Session,
    target: Target,
    destination: Destination,
    /// The interfaces of this node.
    links: watch::Receiver<Arc<Links>>,
    /// The way to the peer, as they tell it.
    way: Way,
    link: Link,
    bfd: Bfd,
    profile: Option<BfdProfile>,
    watched: Option<Watched>,
    /// Why BFD cannot watch the path, as it was logged.
    complained: Option<bfd::Trouble>,
    /// Changes when another router is there.
    router: Option<watch::Receiver<Option<Ipv6Addr>>>,
    /// Why none can be seen there.
    blind: Option<watch::Receiver<Option<String>>>,
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
        surroundings: Surroundings,
        wishes: watch::Receiver<Wish>,
        handle: SessionHandle,
        offer: OfferHandle,
    ) -> Self {
        let peer = peering.peer.clone();
        let Surroundings { bfd, links } = surroundings;
        let neighbours = match &peer.dial.remote {
            Remote::Interface(name) => Some(Neighbours::follow(name)),
            Remote::Address(_) | Remote::Gateway(_) => None,
        };
        let router = neighbours.as_ref().map(Neighbours::router);
        let blind = neighbours.as_ref().map(Neighbours::blind);
        Self {
            session: Session::new(settings(node, peering, restarted)),
            target: Target::new(&peer, peering.password.clone()),
            destination: Destination {
                remote: peer.dial.remote.clone(),
                source: peer.dial.source,
                vrf: peer.dial.vrf.clone(),
            },
            links,
            way: Way::default(),
            routes: Routes::new(&peer, offer),
            profile: peer.live.bfd.clone(),
            peer,
            link: Link::Down,
            bfd,
            watched: None,
            complained: None,
            router,
            blind,
            _neighbours: neighbours,
            wishes,
            known: None,
            handle,
            drained: false,
        }
    }

    /// Runs until the session is to stop, and has.
    pub(super) async fn run(mut self) {
        let wish = self.wishes.borrow_and_update().clone();
        self.on_wish(wish).await;
        self.on_links().await;
        if let Remote::Address(remote) = self.peer.dial.remote {
            self.watch_path(remote);
        }
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
                    self.on_wish(wish).await;
                }
                Ok(()) = self.links.changed() => self.on_links().await,
                status = changed_path(&mut self.watched) => self.on_path(&status).await,
                router = changed_router(&mut self.router) => self.on_router(router).await,
                event = self.link.event(&mut buffer) => {
                    let is_heard = matches!(event, LinkEvent::Received(_));
                    self.on_link(event, &buffer).await;
                    if is_heard {
                        // However much the peer says, what is due is done.
                        self.session.handle_timeout(now());
                    }
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
                Transmit::Dial => self.dial(),
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
    async fn on_wish(&mut self, wish: Wish) {
        let known = self.known.replace(wish.clone());
        let known = known.as_ref();
        let mut inputs = Vec::new();
        if known.is_none_or(|known| known.imports != wish.imports) {
            self.routes.accept(!wish.imports.is_empty());
            inputs.push(Input::Imports(wish.imports));
        }
        if known.is_none_or(|known| known.guard != wish.guard) {
            inputs.push(Input::Guard(wish.guard));
        }
        if known.map_or(Forwarding::Preserved, |known| known.forwarding) != wish.forwarding {
            inputs.push(Input::Forwarding(wish.forwarding));
        }
        if known.map_or(wish.drain != Drain::No, |known| known.drain != wish.drain) {
            self.drained = false;
            inputs.push(Input::Drain(wish.drain));
        }
        if known.is_none_or(|known| known.table != wish.table || known.complete != wish.complete) {
            inputs.push(if wish.complete {
                Input::Routes(wish.table)
            } else {
                Input::Early(wish.table)
            });
        }
        if known.is_some_and(|known| known.live != wish.live) {
            inputs.push(Input::Live(wish.live));
        }
        let known_otherwise = known.is_some_and(|known| known.addresses != wish.addresses);
        self.feed(inputs).await;
        if known_otherwise {
            self.on_links().await;
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
            self.feed(vec![Input::Stop(stop)]).await;
        }
    }

    /// The machine is drained after each input.
    async fn feed(&mut self, inputs: Vec<Input<'static>>) {
        for input in inputs {
            self.session.handle_input(now(), input);
            self.drain().await;
        }
    }

    async fn on_link(&mut self, event: LinkEvent, buffer: &[u8]) {
        let input = match event {
            LinkEvent::Dialled(Ok(ends)) => {
                self.on_links().await;
                self.watch_path(ends.remote);
                Input::Connected(ends)
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

    /// The interfaces are other than they were, or what is asked of them is: the way may be.
    async fn on_links(&mut self) {
        let links = self.links.borrow_and_update().clone();
        let addresses = self.known.as_ref().map_or(&[][..], |wish| &wish.addresses);
        let way = way(&links, &self.destination, self.link.ends(), addresses);
        if way == self.way {
            return;
        }
        let before = std::mem::replace(&mut self.way, way);
        self.routes.on_way(&self.way);
        self.follow_link();
        let mut inputs = Vec::new();
        if self.way.next_hops != before.next_hops {
            inputs.push(Input::NextHops(self.way.next_hops));
        }
        if self.way.opens_after(&before) {
            inputs.push(Input::DialNow);
        }
        self.feed(inputs).await;
        if let (Remote::Gateway(_), Some(gateway), Some(ends)) =
            (&self.peer.dial.remote, self.way.remote, self.link.ends())
            && ends.remote != gateway
        {
            let error = format!("the default gateway of this node is now {gateway}");
            self.leave_for_another(error).await;
        }
    }

    /// The connection that there is leads to somebody who is not the peer any more.
    async fn leave_for_another(&mut self, error: String) {
        self.link.close(None).await;
        self.feed(vec![Input::Closed(Some(error)), Input::Start]).await;
    }

    fn dial(&mut self) {
        self.target.local = self.way.local;
        match self.remote() {
            Ok(remote) => self.link.dial(&self.target, remote),
            Err(error) => self.link.fail(error),
        }
    }

    /// Whom to dial.
    fn remote(&self) -> Result<SocketAddr, DialError> {
        let port = self.peer.dial.port;
        match &self.peer.dial.remote {
            Remote::Address(address) => Ok(SocketAddr::new(*address, port)),
            Remote::Gateway(family) => match (self.way.remote, self.link_index()) {
                (Some(IpAddr::V6(gateway)), Some(index)) => {
                    Ok(SocketAddrV6::new(gateway, port, 0, index).into())
                }
                (Some(gateway), _) => Ok(SocketAddr::new(gateway, port)),
                (None, _) => Err(DialError::NoGateway(*family)),
            },
            Remote::Interface(name) => {
                let interface = self.way.interface.as_ref();
                let index = interface
                    .ok_or_else(|| DialError::NoInterface(name.clone()))?
                    .index;
                let router = self.router.as_ref().and_then(|router| *router.borrow());
                let router = router.ok_or_else(|| DialError::NoNeighbor {
                    interface: name.clone(),
                    blind: self.blind.as_ref().and_then(|blind| blind.borrow().clone()),
                })?;
                Ok(SocketAddrV6::new(router, port, 0, index).into())
            }
        }
    }

    /// Another router is on the interface of an unnumbered peer, or none is seen any more: then a connection that there is may
    /// yet work.
    async fn on_router(&mut self, router: Option<Ipv6Addr>) {
        let Some(router) = router else { return };
        match &self.link {
            Link::Down => self.session.handle_input(now(), Input::Start),
            // Whoever is dialled now is not there any more.
            Link::Dialling(_) => self.dial(),
            Link::Up(_) if self.link.ends().is_some_and(|ends| ends.remote == router) => {}
            Link::Up(_) => {
                let error = format!("the router on the interface is now {router}");
                self.leave_for_another(error).await;
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
