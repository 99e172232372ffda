use crate::Timers;

/// What a session may be told.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The payload of a datagram for this session: from the right neighbour, over the right interface, with the right TTL.
    Packet(&'a [u8]),
    /// Other timers from now on. Agreed on with the neighbour without a change of state (RFC 5880 §6.8.3).
    Timers(Timers),
    /// An operator switches the session off. The neighbour is told for as long as it might take to notice; then
    /// [`Session::poll_timeout`](crate::Session::poll_timeout) is `None` and the session may be dropped.
    Disable,
    /// An operator switches it on again. A new session is on.
    Enable,
}
