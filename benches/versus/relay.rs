//! A contestant that knows no HTTP: it copies bytes between a client's connection and one to the
//! server. What it costs is what the sockets cost, so no proxy can be cheaper by much.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};

use crate::own;

/// What the process does.
pub(crate) async fn serve(to: SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a free port");
    own::announce(&listener);
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(relay(client, to));
    }
}

async fn relay(mut client: TcpStream, to: SocketAddr) {
    // The client sees its connection close, and wrk counts that.
    let Ok(mut server) = TcpStream::connect(to).await else {
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let _ = copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await;
}

/// A whole large answer at once: with 16 KiB it costs more than hyper, whose buffers grow.
const BUFFER: usize = 64 * 1024;
