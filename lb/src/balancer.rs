//! The balancer as a `tower::Service`, to be mounted in somebody else's program.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::Body;
use hyper::{Request, Response};
use member::snapshot::Snapshot;
use tokio::sync::{mpsc, watch};
use tower::Service;

use crate::config::{CheckPolicy, ProxyPolicy};
use crate::core::{Core, CoreConfig};
use crate::frontend::Frontend;
use crate::headers::{Caller, Ends};
use crate::io::download::Download;
use crate::io::swap::{Acknowledgement, Operator};
use crate::io::upload::Source;
use crate::pool::set::SharedPool;
use crate::proxy::Proxy;

/// A balancer that answers requests it is handed. Cheap to clone; all clones share one shard of
/// idle connections.
///
/// A request may carry [`Ends`] as an extension; without it nothing is forwarded about the
/// client. Upgrades work where the server above is hyper, as axum's is.
///
/// Its pool is kept right by a task on the runtime that [`start`](Self::start) was called on; the
/// task ends with that runtime.
#[derive(Clone, Debug)]
pub struct Balancer {
    proxy: Proxy,
    core: Core,
}

impl Balancer {
    /// Starts to keep a pool of the servers of `service` that `snapshots` tells of; must be called
    /// within a tokio runtime. Draining nodes are acknowledged through `acknowledge`.
    #[must_use]
    pub fn start(
        service: &str,
        checks: CheckPolicy,
        proxy: ProxyPolicy,
        snapshots: watch::Receiver<Arc<Snapshot>>,
        acknowledge: mpsc::UnboundedSender<Acknowledgement>,
    ) -> Self {
        let config = CoreConfig {
            service: Arc::from(service),
            workers: 1,
            checks,
            proxy,
        };
        let frontend = Arc::new(Frontend::new(Arc::from("embedded"), usize::MAX, 1));
        let (core, keeper) = Core::new(&config, frontend, acknowledge);
        tokio::spawn(keeper.run(snapshots));
        let proxy = core.proxy(0);
        tokio::spawn(crate::io::upstream::sweep(Arc::downgrade(&proxy.shard)));
        Self { proxy, core }
    }

    /// Its servers.
    #[must_use]
    pub const fn pool(&self) -> &SharedPool {
        &self.core.pool
    }

    /// The operator's hand.
    #[must_use]
    pub const fn operator(&self) -> &Operator {
        &self.core.operator
    }
}

impl<B> Service<Request<B>> for Balancer
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Download>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let proxy = self.proxy.clone();
        let ends = request.extensions().get::<Ends>().copied();
        let caller = ends.map(Caller::from);
        let request = request.map(Source::boxed);
        Box::pin(async move { Ok(proxy.answer(request, caller.as_ref(), None).await) })
    }
}
