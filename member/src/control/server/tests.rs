//! The socket on a path of its own, with a desk that is easily seen through.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::control::client::Conversation;
use crate::control::endpoint::EndpointError;
use crate::control::message::Holder;

/// Answers `info` with nothing, `evict` with the name, and `monitor` with lines for ever.
struct Easy;

impl Desk for Easy {
    fn answer<'a>(&'a self, request: Request, reply: &'a Reply) -> Answering<'a> {
        Box::pin(async move {
            match request {
                Request::Evict { name } => Answer::Done(name),
                Request::Monitor { .. } => loop {
                    let holder = Holder {
                        balancer: "x".repeat(1_000),
                        inflight: None,
                        released: false,
                    };
                    reply.tell(Answer::Draining(vec![holder])).await;
                },
                Request::Leave {} => std::future::pending().await,
                _ => Answer::Info(std::collections::BTreeMap::new()),
            }
        })
    }
}

/// A path in a folder of its own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ragot-control-{}-{next}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn answering(folder: &Folder) -> tokio::task::JoinHandle<()> {
    let endpoint = Endpoint::bind(&folder.socket()).unwrap();
    tokio::spawn(serve(endpoint, Arc::new(Easy)))
}

async fn ask(folder: &Folder, request: &Request) -> Answer {
    let mut asked = Conversation::begin(&folder.socket(), request)
        .await
        .unwrap();
    asked.next(Some(SOON)).await.unwrap().unwrap()
}

/// Sends `text` as it is; everything that is answered until `ends` lines are there, or the end.
async fn raw(folder: &Folder, text: &[u8], lines: usize) -> Vec<String> {
    let mut stream = UnixStream::connect(folder.socket()).await.unwrap();
    // Who is cut off while it still sends has its answer all the same.
    let _ = stream.write_all(text).await;
    let mut answers = BufReader::new(stream).lines();
    let mut told = Vec::new();
    while told.len() < lines
        && let Ok(Some(line)) = timeout(SOON, answers.next_line()).await.unwrap()
    {
        told.push(line);
    }
    told
}

#[tokio::test]
async fn only_its_owner_may_open_it_and_it_goes_with_the_server() {
    let folder = Folder::new();
    let serving = answering(&folder);
    let mode = folder.socket().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let asked = ask(&folder, &Request::Info {}).await;
    assert_eq!(asked, Answer::Info(std::collections::BTreeMap::new()));
    serving.abort();
    let _ = serving.await;
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
}

#[tokio::test]
async fn a_stale_socket_is_taken_over_a_live_one_and_a_file_are_not() {
    let folder = Folder::new();
    let path = folder.socket();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let serving = answering(&folder);
    ask(&folder, &Request::Info {}).await;
    let taken = Endpoint::bind(&path).unwrap_err();
    assert!(matches!(taken, EndpointError::Taken(_)), "{taken}");
    serving.abort();
    let _ = serving.await;
    std::fs::write(&path, "mine").unwrap();
    let file = Endpoint::bind(&path).unwrap_err();
    assert!(matches!(file, EndpointError::NoSocket(_)), "{file}");
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    let nowhere = Endpoint::bind(&folder.0.join("no/such/folder")).unwrap_err();
    assert!(matches!(nowhere, EndpointError::System { .. }), "{nowhere}");
}

#[tokio::test]
async fn a_successors_socket_is_not_removed() {
    let folder = Folder::new();
    let old = Endpoint::bind(&folder.socket()).unwrap();
    std::fs::remove_file(folder.socket()).unwrap();
    let _new = Endpoint::bind(&folder.socket()).unwrap();
    drop(old);
    assert!(folder.socket().exists());
}

#[tokio::test]
async fn nonsense_gets_an_error_line_and_the_next_request_its_answer() {
    let folder = Folder::new();
    let _serving = answering(&folder);
    let text =
        b"{\"command\":\"lsit\"}\n\nnonsense\n\xff\n{\"command\":\"evict\",\"name\":\"s1\"}\n";
    let told = raw(&folder, text, 4).await;
    assert!(told[0].contains("unknown variant `lsit`"), "{told:?}");
    assert!(told[1].starts_with(r#"{"error":"#), "{told:?}");
    assert!(told[2].starts_with(r#"{"error":"#), "{told:?}");
    assert_eq!(told[3], r#"{"done":"s1"}"#);
}

/// As `echo ... | socat - UNIX-CONNECT:PATH` asks: its input has ended before it is answered.
#[tokio::test]
async fn who_has_nothing_more_to_ask_is_answered() {
    let folder = Folder::new();
    let _serving = answering(&folder);
    let mut stream = UnixStream::connect(folder.socket()).await.unwrap();
    stream.write_all(b"{\"command\":\"info\"}").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut told = String::new();
    timeout(SOON, stream.read_to_string(&mut told))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(told, "{\"info\":{}}\n");
}

#[tokio::test]
async fn a_line_without_end_is_cut() {
    let folder = Folder::new();
    let _serving = answering(&folder);
    let told = raw(&folder, &vec![b'x'; 1 << 18], 2).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("65536 bytes at most"), "{told:?}");
    // Who goes on for ever is cut, answered or not.
    let mut endless = UnixStream::connect(folder.socket()).await.unwrap();
    let cut = async { while endless.write_all(&[b'x'; 4096]).await.is_ok() {} };
    timeout(SOON, cut).await.unwrap();
}

#[tokio::test]
async fn there_are_only_so_many_connections_and_a_closed_one_makes_room() {
    let folder = Folder::new();
    let _serving = answering(&folder);
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        let asked = Conversation::begin(&folder.socket(), &Request::Leave {}).await;
        open.push(asked.unwrap());
    }
    let refused = ask(&folder, &Request::Info {}).await;
    assert!(
        matches!(&refused, Answer::Error(why) if why.contains("open already")),
        "{refused:?}"
    );
    open.clear();
    let again = async {
        while matches!(ask(&folder, &Request::Info {}).await, Answer::Error(_)) {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, again).await.unwrap();
}

/// Somebody who asks for much and reads nothing holds up nobody, and is dropped.
#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_dropped() {
    let folder = Folder::new();
    let _serving = answering(&folder);
    let monitor = Request::Monitor { log_level: None };
    let asked = Conversation::begin(&folder.socket(), &monitor).await;
    let mut asked = asked.unwrap();
    // Paused, time goes on when everybody waits: for this one to read.
    sleep(3 * PATIENCE).await;
    let mut lines = 0;
    while let Ok(Some(_)) = asked.next(None).await {
        lines += 1;
    }
    assert!(lines < 10_000, "{lines} lines, and no end");
}

const SOON: Duration = Duration::from_secs(10);
