//! The one signal that ends the balancer, as everyone hears it.

use tokio::sync::watch;

/// Tells everyone to stop. Dropping it says the same.
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// The signal and its first listener.
    #[must_use]
    pub fn new() -> (Self, Stopping) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stopping(receiver))
    }

    /// Gives the signal.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Hears the signal.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Resolves when the signal has been given.
    pub async fn wait(&mut self) {
        // An error means that the sender is gone, which says the same.
        let _ = self.0.wait_for(|stop| *stop).await.is_ok();
    }
}
