use std::net::IpAddr;
use std::sync::mpsc::{Receiver, channel};

use l2::{Event, Input, Settings};
use speaker::layer2::announcer::Station;
use tokio::sync::mpsc;

use crate::client::mac;
use crate::namespace::{Namespace, PATIENCE};

/// A station that is told what to do, without anybody who decides.
pub(crate) struct Driven {
    tell: mpsc::UnboundedSender<Input<'static>>,
    pub(crate) events: Receiver<Event>,
}

impl Driven {
    pub(crate) fn on(namespace: &Namespace, iface: &str) -> Self {
        let index = namespace.index(iface);
        let own = mac(&namespace.hardware_address(iface));
        let (tell, mut told) = mpsc::unbounded_channel();
        let (say, events) = channel();
        let iface = iface.to_owned();
        drop(namespace.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut station = Station::open(&iface, index, own, Settings::default()).unwrap();
                loop {
                    tokio::select! {
                        input = told.recv() => match input {
                            Some(input) => station.feed(input),
                            None => return,
                        },
                        turned = station.turn() => turned.unwrap(),
                    }
                    station.settle().await.unwrap();
                    while let Some(event) = station.event() {
                        say.send(event).unwrap();
                    }
                }
            });
        }));
        Self { tell, events }
    }

    /// The next event but that an address is in use, which comes first where its host takes long to answer.
    pub(crate) fn event_of_others(&self) -> Event {
        let mut events = std::iter::repeat_with(|| self.events.recv_timeout(PATIENCE).unwrap());
        let of_others = |event: &Event| !matches!(event, Event::InUse { .. });
        events.find(of_others).unwrap()
    }

    pub(crate) fn tell(&self, input: Input<'static>) {
        self.tell.send(input).unwrap();
    }
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}
