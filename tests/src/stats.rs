//! The statistics of a balancer, wherever it runs: asked for, and waited for.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use crate::client;
use crate::csv::{self, Row};
use crate::deadline::{LIMIT, within};

/// Where a balancer's statistics are.
#[derive(Clone, Copy, Debug)]
pub struct Stats(SocketAddr);

impl Stats {
    /// Statistics at an address.
    #[must_use]
    pub const fn at(addr: SocketAddr) -> Self {
        Self(addr)
    }

    /// The address.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.0
    }

    /// The whole CSV document.
    ///
    /// # Errors
    ///
    /// When the statistics cannot be had.
    pub async fn csv(&self) -> Result<String, client::Failure> {
        let answer = client::get(self.0, "/;csv").await?;
        Ok(answer.text())
    }

    /// The rows of the statistics.
    pub async fn rows(&self) -> Vec<Row> {
        let text = self.csv().await.expect("the statistics answer");
        csv::parse(&text).expect("CSV")
    }

    /// The row of a server, if it has one.
    pub async fn server(&self, name: &str) -> Option<Row> {
        csv::server(&self.rows().await, name).cloned()
    }

    /// The row of a whole proxy, as `("nodes", "BACKEND")`.
    pub async fn row(&self, proxy: &str, name: &str) -> Row {
        let rows = self.rows().await;
        let found = rows
            .into_iter()
            .find(|r| r.get("pxname") == proxy && r.name() == name);
        found.unwrap_or_else(|| panic!("no row {proxy}/{name}"))
    }

    /// Waits until the rows are as they should be; returns how long that took.
    pub async fn until(&self, what: &str, is_so: impl Fn(&[Row]) -> bool) -> Duration {
        let last = Mutex::new(String::new());
        let what = format!("{what}, says the balancer at {}", self.0);
        let ask = async || {
            let text = self.csv().await.ok()?;
            let rows = csv::parse(&text)?;
            *last.lock().unwrap() = text;
            is_so(&rows).then_some(())
        };
        within(LIMIT, what, ask).await.1
    }

    /// Waits until exactly these are up.
    pub async fn until_up(&self, names: &[&str]) -> Duration {
        self.until(&format!("up: {names:?}"), |rows| csv::up(rows) == names)
            .await
    }

    /// Waits until a server has a row whose status begins so.
    pub async fn until_status(&self, name: &str, status: &str) -> Row {
        let is_so =
            |rows: &[Row]| csv::server(rows, name).is_some_and(|r| r.status().starts_with(status));
        self.until(&format!("{name} is {status}"), is_so).await;
        self.server(name).await.expect("it had a row just now")
    }

    /// Waits until a server has no row.
    pub async fn until_gone(&self, name: &str) -> Duration {
        self.until(&format!("{name} has no row"), |rows| {
            csv::server(rows, name).is_none()
        })
        .await
    }
}
