use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::UnboundedReceiver;
use futures::{FutureExt, StreamExt, TryStreamExt};
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::link::LinkExtentMask;
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::SocketAddr;
use rtnetlink::{Handle, MulticastGroup, RouteMessageBuilder};
use tokio::sync::watch;

use super::Links;
use super::table::Table;

const GROUPS: [MulticastGroup; 5] = [
    MulticastGroup::Link,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv6Ifaddr,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv6Route,
];

/// Of a route: it has the place of another one (`NLM_F_REPLACE` of linux/netlink.h).
const REPLACED: u16 = 0x100;

/// How long to wait before asking a kernel that did not answer once more.
const PAUSE: Duration = Duration::from_secs(1);

/// Why the interfaces are not known. All of these are the fault of the operating system.
#[derive(Debug, thiserror::Error)]
pub enum LinksError {
    /// No rtnetlink socket.
    #[error("cannot open an rtnetlink socket: {0}")]
    Open(#[source] io::Error),
    /// The kernel did not list its interfaces, addresses or routes.
    #[error("cannot list interfaces, addresses and routes: {0}")]
    List(#[source] rtnetlink::Error),
    /// The socket was closed while in use.
    #[error("the rtnetlink socket was closed")]
    Closed,
}

/// Keeps a snapshot of the interfaces up to date.
///
/// ```no_run
/// # async fn example() -> Result<(), speaker::kernel::links::LinksError> {
/// let (watcher, links) = speaker::kernel::links::Watcher::open().await?;
/// tokio::spawn(watcher.run());
/// println!("{} interfaces", links.borrow().len());
/// # Ok(())
/// # }
/// ```
pub struct Watcher {
    events: Events,
    table: Table,
    snapshots: watch::Sender<Arc<Links>>,
}

impl Watcher {
    /// Subscribes to changes and reads the interfaces as they are: the receiver holds a complete snapshot from the
    /// beginning.
    pub async fn open() -> Result<(Self, watch::Receiver<Arc<Links>>), LinksError> {
        let (events, table) = begin().await?;
        let (snapshots, links) = watch::channel(Arc::new(table.snapshot()));
        Ok((
            Self {
                events,
                table,
                snapshots,
            },
            links,
        ))
    }

    /// Follows the changes until nobody holds a receiver any more.
    pub async fn run(mut self) {
        let snapshots = self.snapshots.clone();
        tokio::select! {
            () = snapshots.closed() => {}
            never = self.follow_for_ever() => match never {},
        }
    }

    async fn follow_for_ever(&mut self) -> Infallible {
        loop {
            let lost = self.follow().await;
            tracing::warn!(reason = %lost, "reading all interfaces again");
            while let Err(error) = self.begin_again().await {
                tracing::error!(%error, "interfaces are not followed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Takes in events until some of them are lost.
    async fn follow(&mut self) -> Lost {
        loop {
            let event = self.events.next().await;
            let mut taken = event.and_then(|event| self.take(&event));
            // What is there already often belongs to the same change: a new interface gets its addresses at once.
            while taken.is_ok()
                && let Some(event) = self.events.next().now_or_never()
            {
                taken = event.and_then(|event| self.take(&event));
            }
            self.publish();
            if let Err(lost) = taken {
                return lost;
            }
        }
    }

    fn take(&mut self, event: &Event) -> Result<(), Lost> {
        match &event.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route))
                if event.header.flags & REPLACED != 0 =>
            {
                self.table.apply_replacement(route);
            }
            NetlinkPayload::InnerMessage(message) => self.table.apply(message),
            NetlinkPayload::Overrun(_) => return Err(Lost::Overrun),
            // The enum is open to new kinds of messages, which tell nothing about interfaces.
            NetlinkPayload::Done(_) | NetlinkPayload::Error(_) | NetlinkPayload::Noop | _ => {}
        }
        Ok(())
    }

    async fn begin_again(&mut self) -> Result<(), LinksError> {
        (self.events, self.table) = begin().await?;
        self.publish();
        Ok(())
    }

    fn publish(&self) {
        let snapshot = self.table.snapshot();
        self.snapshots.send_if_modified(|links| {
            let changed = **links != snapshot;
            if changed {
                *links = Arc::new(snapshot);
            }
            changed
        });
    }
}

/// Why the table may no longer be what the kernel has.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Lost {
    /// More happened at once than the socket's buffer holds (`ENOBUFS`).
    #[error("the kernel had more to tell than there was room for")]
    Overrun,
    /// The socket does not work any more.
    #[error("the rtnetlink socket was closed")]
    Closed,
}

type Event = NetlinkMessage<RouteNetlinkMessage>;

/// A socket that hears of changes and is used for nothing else.
///
/// A request on it could be answered by an event: the kernel copies the sequence number of *whoever caused* the event
/// into it, and short-lived programs (container network plugins) count from 1 as we do.
struct Events {
    connection: Pin<Box<dyn Future<Output = ()> + Send>>,
    messages: UnboundedReceiver<(Event, SocketAddr)>,
}

impl Events {
    fn subscribe() -> Result<Self, LinksError> {
        let (connection, _handle, messages) =
            rtnetlink::new_multicast_connection(&GROUPS).map_err(LinksError::Open)?;
        Ok(Self {
            connection: Box::pin(connection),
            messages,
        })
    }

    /// The next event. Nothing is lost when the future is dropped.
    async fn next(&mut self) -> Result<Event, Lost> {
        tokio::select! {
            biased;
            Some((event, _)) = self.messages.next() => Ok(event),
            () = &mut self.connection => Err(Lost::Closed),
        }
    }
}

/// Everything, and what happens from then on.
///
/// In this order: what changes while the list is read comes as an event afterwards, and an event from before says nothing
/// that a later one or the list does not correct. That holds only for events without a gap, hence for a new socket: one
/// that overran still has events from before the gap in its queue, and what undid them may have been lost in it.
async fn begin() -> Result<(Events, Table), LinksError> {
    let events = Events::subscribe()?;
    Ok((events, list().await?))
}

/// Asks for everything, on a socket of its own.
async fn list() -> Result<Table, LinksError> {
    let (connection, handle, _messages) = rtnetlink::new_connection().map_err(LinksError::Open)?;
    tokio::select! {
        // First, because the answer looks complete when the connection ends within it.
        biased;
        () = connection => Err(LinksError::Closed),
        table = read(&handle) => table.map_err(LinksError::List),
    }
}

async fn read(handle: &Handle) -> Result<Table, rtnetlink::Error> {
    let mut table = Table::default();
    let without_counters = vec![LinkExtentMask::SkipStats];
    let request = handle
        .link()
        .get()
        .set_filter_mask(AddressFamily::Unspec, without_counters);
    let mut links = pin!(request.execute());
    while let Some(link) = links.try_next().await? {
        table.on_link(&link);
    }
    let mut addresses = pin!(handle.address().get().execute());
    while let Some(address) = addresses.try_next().await? {
        table.on_address(&address);
    }
    let ipv4 = RouteMessageBuilder::<Ipv4Addr>::new().build();
    let ipv6 = RouteMessageBuilder::<Ipv6Addr>::new().build();
    for family in [ipv4, ipv6] {
        let mut routes = pin!(handle.route().get(family).execute());
        while let Some(route) = routes.try_next().await? {
            table.on_route(&route);
        }
    }
    Ok(table)
}
