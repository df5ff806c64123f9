//! What this binary starts of itself: it says where it listens, and ends with the one who started
//! it, however that one ends, since its standard input is closed then.

use std::io::Read;
use std::net::SocketAddr;

use e2e::process::Process;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Starts one of the parts; where it listens.
pub(crate) async fn start(args: &[String]) -> (Process, SocketAddr) {
    let own = std::env::current_exe().expect("an executable");
    let process = Process::start(&own, args);
    let line = process.printed("listening on ").await;
    let addr = line.rsplit(' ').next().and_then(|addr| addr.parse().ok());
    (process, addr.expect("an address"))
}

/// Runs until standard input ends.
pub(crate) async fn until_left(work: impl Future<Output = ()>) {
    let (gone, left) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let mut nothing = Vec::new();
        // Failing to read is an end as well.
        let _ = std::io::stdin().read_to_end(&mut nothing);
        drop(gone);
    });
    tokio::select! {
        () = work => {}
        _ = left => {}
    }
}

/// Says where it listens.
pub(crate) fn announce(listener: &TcpListener) {
    let addr = listener.local_addr().expect("an address");
    crate::print(&format!("listening on {addr}"));
}
