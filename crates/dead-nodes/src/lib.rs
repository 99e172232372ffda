//! Which nodes are dead, and which pods on them are to be marked as not ready.
//!
//! Kubernetes takes 40 to 50 seconds to take the pods of a dead node out of its EndpointSlices; until then kube-proxy on every other
//! node sends it a share of all new connections. Speakers know within a fraction of a second, and say so in their `Speaker`s.
//! [`DeadNodes`] concludes from these that a node is dead, has its kubelet asked to make sure, and names the pods whose condition Ready
//! is to become False, as the node lifecycle controller would make it later.
//!
//! A node is dead when all of this holds:
//!
//! 1. **A majority.** On every segment that the node is on with others, most of the speakers, the node itself counted, say that they hear
//!    nothing of its speaker (`Missing`), and somebody says that its kernel does not answer either (`Dead`). They are two at least.
//! 2. **News.** They began to say so while this process watched, and not long ago ([`REPORT_LIFETIME`]). Nobody's old words count.
//! 3. **The kubelet is silent.** A connection to its port gets no answer within [`KUBELET_TIMEOUT`], and this process does not run on the node.
//! 4. **Few.** There are three speakers at least, and no more than a third of the nodes, and no more than [`MOST`], are unheard at once: more is a
//!    network that fails, not nodes.
//!
//! A pod on it is marked when each Service that has it as an endpoint keeps a ready one on a node that is heard, one of these Services is
//! of type LoadBalancer and does not forbid it, and it was not marked before in this death.
//!
//! **Being wrong is cheap.** A kubelet that lives sees its pod's status changed and writes it back. Whoever sees that knows that the node lives: nothing
//! of the node is marked again until its speaker has been heard for [`HEARD_FOR`].
//!
//! ```text
//! loop {
//!     while let Some(action) = machine.poll_action() { /* carry it out, feed what came of it */ }
//!     /* wait for an input, or until poll_timeout() */
//! }
//! ```

#![forbid(unsafe_code)]

mod endpoints;
mod event;
mod machine;
mod mark;
mod phase;
mod report;

use std::time::Duration;

pub use endpoints::{Backend, Exposed, Pod, SliceOfPods, UNMARKED_ANNOTATION};
pub use event::Event;
pub use machine::{Action, Counters, DeadNodes, Input, Kubelet, Life, Marked, Refusal};
pub use mark::{Mark, REASON};
pub use report::{Report, Segment, Unheard};

/// For so long what a speaker says of a node is news: the others of a dead node's segment say the same within ten seconds.
pub const REPORT_LIFETIME: Duration = Duration::from_secs(30);

/// A kubelet that lives accepts a connection, or refuses it, within a millisecond.
pub const KUBELET_TIMEOUT: Duration = Duration::from_millis(200);

/// For so long a kubelet's silence says something.
pub const SILENCE_LIFETIME: Duration = Duration::from_secs(2);

/// So long after an answer a kubelet is asked again, while its node is still unheard.
pub const ASK_AGAIN: Duration = Duration::from_secs(1);

/// So long after a write that failed it is tried again.
pub const MARK_AGAIN: Duration = Duration::from_secs(1);

/// A node that was taken for dead by mistake has to be heard for so long before it can be taken for dead again.
pub const HEARD_FOR: Duration = Duration::from_secs(60);

/// A `Speaker` names three nodes of those that it does not hear: who are more cannot be told apart.
pub const MOST: usize = 3;
