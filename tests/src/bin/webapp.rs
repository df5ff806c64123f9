//! A webapp as a process: `webapp NAME [ADDR]` answers its name on a free port of loopback, or where
//! it is told to, and prints where.

use std::io::{Error, Write};

use e2e::backend::Backend;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_else(|| "webapp".to_owned());
    let addr = args.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let backend = Backend::at(&name, addr.parse().map_err(Error::other)?).await;
    writeln!(std::io::stdout(), "listening on {}", backend.addr)?;
    backend.forever().await;
    Ok(())
}
