use ipnet::IpNet;

/// A route that is not in the kernel though it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", words(.prefix, .reason))]
pub struct Refusal {
    /// Where it leads.
    pub prefix: IpNet,
    /// Why not.
    pub reason: Reason,
}

/// Why the kernel does not have it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The process lacks `CAP_NET_ADMIN`: all routes share that.
    #[error("the speaker may not write routes: set speaker.acceptRoutes=true in the chart")]
    NotPermitted,
    /// No interface leads to the next hop.
    #[error("no link of this node leads to {0}: let the router announce a next hop that is on one")]
    Unreachable(String),
    /// The interface of a link-local next hop is not there, or not known.
    #[error("no interface is known for the link-local next hop {0}")]
    NoInterface(String),
    /// It is a part of what is on a link of this node.
    #[error(
        "it would take a part of a subnet on a link of this node, or a gateway, off that link: take the prefix out of acceptRoutes, or \
         let the router not announce it"
    )]
    OwnLink,
    /// A route that is not Herald's has the place.
    #[error(
        "another program has a route of metric 20 there: remove that, or take the prefix out of acceptRoutes"
    )]
    Taken,
    /// Anything else, as the kernel says it.
    #[error("{0}")]
    Kernel(String),
}

/// What is true of all routes needs no prefix.
fn words(prefix: &IpNet, reason: &Reason) -> String {
    match reason {
        Reason::NotPermitted => reason.to_string(),
        Reason::Unreachable(_)
        | Reason::NoInterface(_)
        | Reason::OwnLink
        | Reason::Taken
        | Reason::Kernel(_) => {
            format!("route {prefix} is not in the kernel: {reason}")
        }
    }
}
