//! A thread with a current-thread runtime of its own.

use std::future::Future;
use std::io;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// A thread with a runtime of its own.
#[derive(Debug)]
pub struct Room {
    /// Where to spawn.
    pub handle: Handle,
    close: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Room {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn open(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (close, closed) = oneshot::channel();
        let live = move |runtime: Runtime| {
            // An error means that the room was dropped, which says the same.
            let _ = runtime.block_on(closed).is_ok();
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || live(runtime))?;
        Ok(Self {
            handle,
            close,
            thread,
        })
    }

    /// Runs a future in the room and waits for its result.
    pub async fn ask<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let (tell, told) = oneshot::channel();
        self.handle.spawn(async move {
            let _ = tell.send(future.await).is_ok();
        });
        match told.await {
            Ok(value) => value,
            // The task neither panics nor is aborted while the room is open.
            Err(_) => std::future::pending().await,
        }
    }

    /// Ends the thread, and everything that runs on it.
    pub fn close(self) {
        let _ = self.close.send(()).is_ok();
        if self.thread.join().is_err() {
            tracing::error!("a thread ended by a panic");
        }
    }
}
