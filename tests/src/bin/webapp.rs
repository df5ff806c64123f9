//! A webapp as a process: `webapp NAME` answers its name on a free port of loopback, which it
//! prints.

use std::io::Write;

use e2e::backend::Backend;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let name = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "webapp".to_owned());
    let backend = Backend::http1(&name).await;
    writeln!(std::io::stdout(), "listening on {}", backend.addr)?;
    backend.forever().await;
    Ok(())
}
