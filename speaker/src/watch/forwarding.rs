//! Whether routes are to go to other nodes because this one cannot forward.
//!
//! What says that a node cannot forward may say so on all nodes at once, while all of them forward: kube-proxy whose rules are refused, or
//! what stands in for it while the API server is away. A node therefore withdraws its routes only while another node is known that
//! can forward and has a session; where none is, or nothing is known, they stay (S5).

use std::time::Duration;

use api::client::{Failure, REQUEST_TIMEOUT, within};
use crds::{Speaker, SpeakerStatus};
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use model::NodeName;
use tokio::sync::watch;

/// The time that the others have to say that they cannot forward either.
const FIRST_LOOK: Duration = Duration::from_secs(4);

/// How often it is looked again whether there is still another node.
const LOOK: Duration = Duration::from_secs(10);

/// Speakers in one answer, and the most answers that are read: of so many nodes one that can forward is found, or there are next to none.
const PAGE: u32 = 100;
const MOST_PAGES: usize = 10;

/// Tells `keeps_routes` that this node does not, while it cannot forward and another one can; until nobody tells any more.
pub async fn weigh(
    client: Client,
    me: NodeName,
    mut can_forward: watch::Receiver<bool>,
    keeps_routes: watch::Sender<bool>,
) {
    let mut wait = FIRST_LOOK;
    loop {
        let keeps = *can_forward.borrow_and_update();
        let changed = if keeps {
            tell(&keeps_routes, true);
            wait = FIRST_LOOK;
            can_forward.changed().await
        } else {
            tokio::select! {
                changed = can_forward.changed() => changed,
                () = tokio::time::sleep(wait) => {
                    wait = LOOK;
                    tell(&keeps_routes, !another_can(&client, &me).await);
                    Ok(())
                }
            }
        };
        if changed.is_err() {
            return;
        }
    }
}

fn tell(keeps_routes: &watch::Sender<bool>, keeps: bool) {
    if keeps_routes.send_if_modified(|known| std::mem::replace(known, keeps) != keeps) {
        match keeps {
            true => tracing::info!("this node keeps its routes"),
            false => tracing::warn!("this node cannot forward, and others can: its routes are withdrawn"),
        }
    }
}

/// Whether another node that is Ready can forward and has a session; not, if that cannot be found out.
async fn another_can(client: &Client, me: &NodeName) -> bool {
    match look(client, me).await {
        Ok(found) => found,
        Err(error) => {
            tracing::info!(%error, "cannot tell whether other nodes can forward: this one keeps its routes");
            false
        }
    }
}

async fn look(client: &Client, me: &NodeName) -> Result<bool, Failure> {
    let speakers: Api<Speaker> = Api::all(client.clone());
    let nodes: Api<Node> = Api::all(client.clone());
    let mut params = ListParams::default().limit(PAGE);
    for _ in 0..MOST_PAGES {
        let page = within(REQUEST_TIMEOUT, speakers.list(&params)).await?;
        let next = page.metadata.continue_.clone();
        for speaker in page {
            let name = speaker.name_any();
            if name == me.0 || !speaker.status.as_ref().is_some_and(takes_traffic) {
                continue;
            }
            // The Speaker of a node that is down says what was true of it.
            let only = ListParams::default().fields(&format!("metadata.name={name}"));
            if within(REQUEST_TIMEOUT, nodes.list(&only))
                .await?
                .iter()
                .any(is_ready)
            {
                return Ok(true);
            }
        }
        match next.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    Ok(false)
}

fn takes_traffic(status: &SpeakerStatus) -> bool {
    let mut sessions = status.bgp_sessions.iter();
    status.can_forward == Some(true) && sessions.any(|session| session.state == "Established")
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use crds::BgpSession;

    use super::*;

    #[test]
    fn only_a_node_that_can_forward_and_has_a_session_takes_traffic() {
        let status = |can_forward, state: &str| SpeakerStatus {
            can_forward,
            bgp_sessions: vec![BgpSession {
                state: state.into(),
                ..BgpSession::default()
            }],
            ..SpeakerStatus::default()
        };
        assert!(takes_traffic(&status(Some(true), "Established")));
        assert!(!takes_traffic(&status(Some(false), "Established")));
        assert!(!takes_traffic(&status(None, "Established")));
        assert!(!takes_traffic(&status(Some(true), "Idle")));
    }

    /// S5: an API server that is away is no other node.
    #[tokio::test(start_paused = true)]
    async fn a_node_that_cannot_ask_keeps_its_routes_and_so_does_one_that_can_forward_again() {
        let nowhere = kube::Config::new("http://127.0.0.1:9".parse().unwrap());
        let client = Client::try_from(nowhere).unwrap();
        let (able, can_forward) = watch::channel(false);
        let (sender, keeps_routes) = watch::channel(true);
        let weighing = tokio::spawn(weigh(client, NodeName("n1".into()), can_forward, sender));
        tokio::time::sleep(3 * LOOK).await;
        assert!(*keeps_routes.borrow());
        able.send_replace(true);
        drop(able);
        weighing.await.unwrap();
        assert!(*keeps_routes.borrow());
    }
}
