//! The balancer mounted in an axum program: `/about` is the program's own, everything else is
//! balanced over the webapps that members announce.
//!
//! ```text
//! cargo run -p lb --example embedded
//! member --seed 127.0.0.1:7373 --http 3000        # beside any webapp
//! curl http://127.0.0.1:8080/
//! ```

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use lb::balancer::Balancer;
use lb::config::{CheckPolicy, ProxyPolicy};
use lb::headers::Ends;
use member::gossip::{Gossip, GossipConfig};
use member::node::{DEFAULT_SERVICE, Description};
use member::receipt::{Ack, Receipt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = GossipConfig::new(Description::balancer("embedded"));
    config.listen = "127.0.0.1:7373".parse()?;
    let gossip = Gossip::start(config).await?;

    let (acknowledge, mut acknowledged) = mpsc::unbounded_channel();
    let (checks, proxy) = (CheckPolicy::default(), ProxyPolicy::default());
    let balancer = Balancer::start(
        DEFAULT_SERVICE,
        checks,
        proxy,
        gossip.snapshots(),
        acknowledge,
    );
    tokio::spawn(async move {
        // Members that leave wait until they hear that nothing of theirs is in flight.
        while let Some((member, inflight)) = acknowledged.recv().await {
            let ack = if inflight == 0 {
                Ack::Drained
            } else {
                Ack::Draining
            };
            gossip.acknowledge(&member, Receipt { ack, inflight });
        }
    });

    let program = Router::new()
        .route("/about", get(async || "a program with a balancer in it\n"))
        .fallback_service(balancer)
        .layer(middleware::from_fn(tell_ends));
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    let program = program.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, program).await?;
    Ok(())
}

/// Lets the balancer say who the client is (`X-Forwarded-For`).
async fn tell_ends(
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let local = SocketAddr::from(([127, 0, 0, 1], 8080));
    request.extensions_mut().insert(Ends { client, local });
    next.run(request).await
}
