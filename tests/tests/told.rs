//! A balancer within the test that is told of its servers instead of hearing them: its checks are
//! quick, what it forgets it forgets soon, and an operator can reach into it.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use e2e::backend::Backend;
use e2e::deadline::eventually;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use lb::balancer::Balancer;
use lb::config::{CheckPolicy, ProxyPolicy};
use lb::io::swap::Acknowledgement;
use lb::pool::proof::Finding;
use lb::pool::view::{Shown, View};
use member::node::{Description, NodeKey, Word};
use member::snapshot::{Presence, Sighting, Snapshot};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tower::Service;

/// The balancer, its servers, and the gossip it is told.
pub(crate) struct Told {
    pub(crate) balancer: Balancer,
    backends: HashMap<String, Backend>,
    gossip: watch::Sender<Arc<Snapshot>>,
    _acknowledged: mpsc::UnboundedReceiver<Acknowledgement>,
}

/// HAProxy's machine with shorter times.
fn quick() -> CheckPolicy {
    CheckPolicy {
        interval: Duration::from_millis(150),
        recovery: Duration::from_millis(50),
        forget: Duration::from_millis(400),
        ..CheckPolicy::default()
    }
}

impl Told {
    /// With `count` servers that are up, checked over HTTP.
    pub(crate) async fn of(count: usize) -> Self {
        let (gossip, snapshots) = watch::channel(Arc::default());
        let (acknowledge, acknowledged) = mpsc::unbounded_channel();
        let policy = ProxyPolicy::default();
        let balancer = Balancer::start("nodes", quick(), policy, snapshots, acknowledge);
        let backends = HashMap::new();
        let mut told = Self {
            balancer,
            backends,
            gossip,
            _acknowledged: acknowledged,
        };
        for number in 1..=count {
            let name = format!("s{number}");
            let backend = Backend::http1(&name).await;
            told.meet(&name, backend.addr, Some("/health"));
            told.backends.insert(name.clone(), backend);
            told.until_up(&name).await;
        }
        told
    }

    /// A node that says `ready`.
    pub(crate) fn meet(&mut self, name: &str, addr: SocketAddr, check: Option<&str>) {
        let mut node = Description::backend(name, addr);
        node.check = check.map(Arc::from);
        let sighting = Sighting {
            node: node.live(1, addr.ip(), Word::Ready),
            gossip: addr,
            presence: Presence::Live,
        };
        self.change(|nodes| {
            nodes.insert(key(name), Arc::new(sighting));
        });
    }

    pub(crate) async fn meet_up(&mut self, name: &str, addr: SocketAddr) {
        self.meet(name, addr, None);
        self.until_up(name).await;
    }

    pub(crate) fn say(&self, name: &str, word: Word) {
        self.alter(name, |sighting| sighting.node.word = word);
    }

    pub(crate) fn hear(&self, name: &str, presence: Presence) {
        self.alter(name, |sighting| sighting.presence = presence);
    }

    pub(crate) fn backend(&self, name: &str) -> &Backend {
        &self.backends[name]
    }

    pub(crate) async fn stop(&mut self, name: &str) -> SocketAddr {
        self.backends.remove(name).unwrap().stop().await
    }

    pub(crate) async fn start(&mut self, name: &str, addr: SocketAddr) {
        self.backends
            .insert(name.to_owned(), Backend::at(name, addr).await);
    }

    /// Gossip ends; what it said last is all that is known.
    pub(crate) fn without_gossip(mut self) -> Self {
        self.gossip = watch::channel(Arc::default()).0;
        self
    }

    pub(crate) fn view(&self, name: &str) -> Option<View> {
        let pool = self.balancer.pool().load();
        let service = pool.services.get("nodes")?;
        let entry = service
            .rows
            .iter()
            .find(|entry| &*entry.row().name == name)?;
        Some(entry.row().view())
    }

    pub(crate) fn shown(&self, name: &str) -> Option<Shown> {
        self.view(name).map(|view| view.shown)
    }

    pub(crate) fn finding(&self, name: &str) -> Option<Finding> {
        self.view(name)?.last.map(|proof| proof.finding)
    }

    pub(crate) async fn until(&self, name: &str, is_so: impl Fn(&View) -> bool) {
        let ask = async || self.view(name).filter(|view| is_so(view)).map(drop);
        eventually(format!("{name} is so; it is {:?}", self.view(name)), ask).await;
    }

    pub(crate) async fn until_up(&self, name: &str) {
        self.until(name, |view| view.shown.is_up()).await;
    }

    pub(crate) async fn until_forgotten(&self, name: &str) {
        eventually(format!("{name} has no row"), async || {
            self.view(name).is_none().then_some(())
        })
        .await;
    }

    /// One GET: its status and body.
    pub(crate) fn get(&self, path: &str) -> impl Future<Output = (u16, String)> + Send + use<> {
        let request = Request::builder().uri(path).header("host", "test");
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let answer = self.balancer.clone().call(request);
        async {
            let Ok(response) = answer.await;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (status, String::from_utf8_lossy(&body).into_owned())
        }
    }

    pub(crate) async fn roll_call(&self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..count {
            let (status, name) = self.get("/").await;
            assert_eq!(status, 200, "{name}");
            names.push(name);
        }
        names
    }

    fn alter(&self, name: &str, how: impl FnOnce(&mut Sighting)) {
        self.change(|nodes| how(Arc::make_mut(nodes.get_mut(&key(name)).unwrap())));
    }

    fn change(&self, how: impl FnOnce(&mut BTreeMap<NodeKey, Arc<Sighting>>)) {
        self.gossip
            .send_modify(|snapshot| how(&mut Arc::make_mut(snapshot).nodes));
    }
}

fn key(name: &str) -> NodeKey {
    NodeKey {
        name: Arc::from(name),
        generation: 1,
    }
}

/// A listener whose queue can be filled, so that further connects hang.
pub(crate) struct Mute {
    pub(crate) addr: SocketAddr,
    _listener: TcpListener,
    waiting: std::sync::Mutex<Vec<TcpStream>>,
}

impl Mute {
    pub(crate) async fn start() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(4).unwrap();
        let addr = listener.local_addr().unwrap();
        Self {
            addr,
            _listener: listener,
            waiting: std::sync::Mutex::default(),
        }
    }

    /// Connects until a connect hangs.
    pub(crate) async fn fill(&self) {
        for _ in 0..64 {
            let connect = TcpStream::connect(self.addr);
            match tokio::time::timeout(Duration::from_millis(100), connect).await {
                Ok(stream) => self.waiting.lock().unwrap().push(stream.unwrap()),
                Err(_) => return,
            }
        }
        panic!("the queue is never full");
    }
}
