//! The statistics page in a real browser: what is on it, in which colours, and where its links
//! lead.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use e2e::cluster::Cluster;
use e2e::deadline::eventually;
use e2e::process::Process;
use e2e::{client, ring};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

/// A browser and the driver it is led by.
struct Browser {
    client: Client,
    _driver: Process,
}

impl Browser {
    /// `None` where there is none; that is told.
    async fn start(test: &str) -> Option<Self> {
        let driver = ring::tool("system", test, "chromedriver")?;
        let chromium = ring::tool("system", test, "chromium")?;
        let driver = Process::start(&driver, ["--port=0"]);
        let started = driver.printed("was started successfully on port ").await;
        let port = started.rsplit(' ').next().unwrap().trim_end_matches('.');
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().unwrap()));
        eventually("the driver answers", async || {
            client::get(addr, "/status").await.ok()
        })
        .await;
        let options = json!({ "goog:chromeOptions": {
            "binary": chromium,
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--no-first-run", "--disable-extensions", "--disable-background-networking"],
        } });
        let Value::Object(options) = options else {
            return None;
        };
        let url = format!("http://{addr}");
        let client = eventually("the browser starts", async || {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder
                .capabilities(options.clone())
                .connect(&url)
                .await
                .ok()
        })
        .await;
        Some(Self {
            client,
            _driver: driver,
        })
    }

    async fn go(&self, cluster: &Cluster, path: &str) {
        let url = format!("http://{}{path}", cluster.lb.stats());
        self.client.goto(&url).await.unwrap();
    }

    async fn ask(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// The rows of the table after the bar of a proxy, each cell as text.
    async fn rows(&self, proxy: &str) -> Vec<Vec<String>> {
        let script = format!(
            "const table = document.getElementById('{proxy}').closest('table').nextElementSibling;
             return [...table.rows].map(row => [...row.cells].map(cell => cell.innerText.trim()));"
        );
        serde_json::from_value(self.ask(&script).await).unwrap()
    }

    /// The computed background of a server's row.
    async fn colour(&self, server: &str) -> String {
        let script = format!(
            "const row = [...document.querySelectorAll('tr')].find(row =>
                 row.cells[0] && row.cells[0].innerText.trim() === '{server}');
             return getComputedStyle(row).backgroundColor;"
        );
        self.ask(&script).await.as_str().unwrap().to_owned()
    }

    async fn follow(&self, link: &str) {
        self.client
            .find(Locator::LinkText(link))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
    }

    async fn close(self) {
        self.client.close().await.unwrap();
    }
}

fn names(rows: &[Vec<String>]) -> Vec<&str> {
    rows[2..].iter().map(|row| row[0].as_str()).collect()
}

#[tokio::test]
async fn the_page_shows_a_cluster_of_three() {
    let test = "the_page_shows_a_cluster_of_three";
    let Some(browser) = Browser::start(test).await else {
        return;
    };
    let cluster = Cluster::of(3).await;
    client::roll_call(cluster.lb.addr(), 6).await;
    browser.go(&cluster, "/").await;
    let rows = browser.rows("nodes").await;
    let groups = [
        "",
        "Queue",
        "Session rate",
        "Sessions",
        "Bytes",
        "Denied",
        "Errors",
        "Warnings",
        "Server",
    ];
    assert_eq!(rows[0], groups);
    assert_eq!(rows[1].join(" "), COLUMNS);
    assert_eq!(names(&rows), ["s1", "s2", "s3", "Backend"]);
    assert_eq!(names(&browser.rows("localnodes").await), ["Frontend"]);
    assert!(
        rows[2].iter().any(|cell| cell.ends_with("UP")),
        "{:?}",
        rows[2]
    );
    assert_eq!(browser.colour("s1").await, "rgb(192, 255, 192)");
    let title = browser
        .ask("return document.querySelector('h2').innerText")
        .await;
    assert!(
        title
            .as_str()
            .unwrap()
            .starts_with("Statistics Report for pid ")
    );
    browser.close().await;
}

#[tokio::test]
async fn what_is_down_is_red_and_can_be_hidden() {
    let test = "what_is_down_is_red_and_can_be_hidden";
    let Some(browser) = Browser::start(test).await else {
        return;
    };
    let mut cluster = Cluster::of(2).await;
    cluster.add("--check /health").await;
    cluster.ready().await;
    cluster.app(3).set_health(503);
    cluster.lb.until_status("s3", "DOWN").await;
    browser.go(&cluster, "/").await;
    assert_eq!(browser.colour("s3").await, "rgb(255, 144, 144)");
    assert_eq!(browser.colour("s1").await, "rgb(192, 255, 192)");
    browser.follow("Hide 'DOWN' servers").await;
    assert_eq!(names(&browser.rows("nodes").await), ["s1", "s2", "Backend"]);
    browser.follow("Show all servers").await;
    assert_eq!(
        names(&browser.rows("nodes").await),
        ["s1", "s2", "s3", "Backend"]
    );
    browser.close().await;
}

#[tokio::test]
async fn what_drains_is_blue() {
    let test = "what_drains_is_blue";
    let Some(browser) = Browser::start(test).await else {
        return;
    };
    let mut cluster = Cluster::of(1).await;
    let hang = tokio::spawn(client::get(cluster.lb.addr(), "/slow/6000"));
    let seen = async || (cluster.hits("/slow/6000") == 1).then_some(());
    eventually("it is at work", seen).await;
    cluster.apps[0]
        .1
        .process
        .signal(rustix::process::Signal::TERM);
    cluster.lb.until_status("s1", "DRAIN").await;
    browser.go(&cluster, "/").await;
    assert_eq!(browser.colour("s1").await, "rgb(32, 160, 255)");
    hang.abort();
    browser.close().await;
}

#[tokio::test]
async fn csv_export_leads_to_the_csv() {
    let test = "csv_export_leads_to_the_csv";
    let Some(browser) = Browser::start(test).await else {
        return;
    };
    let cluster = Cluster::of(1).await;
    browser.go(&cluster, "/").await;
    let link = browser
        .client
        .find(Locator::LinkText("CSV export"))
        .await
        .unwrap();
    let target = link.attr("href").await.unwrap().unwrap();
    let csv = client::get(cluster.lb.stats(), &target).await.unwrap();
    assert!(
        csv.text().starts_with("# pxname,svname,"),
        "{target}: {}",
        csv.text()
    );
    browser.close().await;
}

#[tokio::test]
async fn the_page_refreshes_itself_when_asked_to() {
    let test = "the_page_refreshes_itself_when_asked_to";
    let Some(browser) = Browser::start(test).await else {
        return;
    };
    let mut cluster = Cluster::with(1, "--stats-refresh 1").await;
    browser.go(&cluster, "/").await;
    cluster.add("").await;
    e2e::deadline::within(
        Duration::from_secs(15),
        "s2 appears by itself",
        async || {
            let text = browser
                .ask("return document.body ? document.body.innerText : ''")
                .await;
            text.as_str()?.contains("s2").then_some(())
        },
    )
    .await;
    browser.close().await;
}

const COLUMNS: &str = "Cur Max Limit Cur Max Limit Cur Max Limit Total LbTot Last In Out Req Resp \
                       Req Conn Resp Retr Redis Status LastChk Wght Act Bck Chk Dwn Dwntme Thrtle";
