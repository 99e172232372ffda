use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use l2::filter::{Instruction, SNAP};
use l2::wire::Protocol;
use speaker::kernel::packet::PacketSocket;
use tokio::sync::mpsc;

use crate::client::now;
use crate::namespace::{Namespace, PATIENCE};

/// Hears every frame of one protocol that arrives on an interface, and can say what it likes.
pub(crate) struct Ear<F> {
    heard: Receiver<(Instant, F)>,
    say: mpsc::UnboundedSender<Vec<u8>>,
}

impl<F: Send + 'static> Ear<F> {
    /// What `decode` makes nothing of is not heard.
    pub(crate) fn on(
        namespace: &Namespace,
        iface: &str,
        protocol: Protocol,
        decode: impl Fn(&[u8]) -> Option<F> + Send + 'static,
    ) -> Self {
        let index = namespace.index(iface);
        let (tell, heard) = channel();
        let (say, mut to_say) = mpsc::unbounded_channel::<Vec<u8>>();
        let (ready, is_ready) = channel();
        drop(namespace.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let everything = Instruction {
                    code: 0x06,
                    jt: 0,
                    jf: 0,
                    k: u32::try_from(SNAP).unwrap(),
                };
                let socket = PacketSocket::open(index, protocol.ethertype(), &[everything]).unwrap();
                ready.send(()).unwrap();
                let mut buffer = [0; SNAP];
                loop {
                    tokio::select! {
                        said = to_say.recv() => match said {
                            Some(frame) => socket.send(&frame).await.unwrap(),
                            None => return,
                        },
                        length = socket.receive(&mut buffer) => {
                            // The interface may go down in the course of a test.
                            let Ok(length) = length else { continue };
                            if let Some(frame) = decode(&buffer[..length]) {
                                let _ = tell.send((now(), frame));
                            }
                        }
                    }
                }
            });
        }));
        is_ready.recv_timeout(PATIENCE).unwrap();
        Self { heard, say }
    }

    pub(crate) fn say(&self, frame: &[u8]) {
        self.say.send(frame.to_vec()).unwrap();
    }

    /// The next frame that is `wanted`, and when it came. What else is heard on the way is dropped.
    pub(crate) fn hear(&self, time: Duration, wanted: impl Fn(&F) -> bool) -> Option<(Instant, F)> {
        let deadline = now() + time;
        loop {
            let left = deadline.saturating_duration_since(now());
            let (at, frame) = self.heard.recv_timeout(left).ok()?;
            if wanted(&frame) {
                return Some((at, frame));
            }
        }
    }
}
