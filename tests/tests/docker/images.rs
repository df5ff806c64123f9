//! What the images are, and what the webapp in one of them does.

use e2e::client::{self, Answer};
use e2e::deadline::eventually;
use e2e::docker::{self, Lab, docker};
use e2e::folder::Folder;
use hyper::header::COOKIE;
use hyper::{Method, Request};
use serde_json::Value;

#[tokio::test]
async fn the_balancers_image_is_one_file_run_by_nobody() {
    let Some(()) = docker::ready("the_balancers_image_is_one_file_run_by_nobody").await else {
        return;
    };
    let image = docker("image inspect ragot/lb").await;
    let image: Value = serde_json::from_str(&image).unwrap();
    let image = &image[0];
    // And a folder for its control socket.
    assert_eq!(image["RootFS"]["Layers"].as_array().unwrap().len(), 2);
    assert_eq!(image["Config"]["User"], "65532:65532");
    let ports = image["Config"]["ExposedPorts"].as_object().unwrap();
    let ports: Vec<_> = ports.keys().collect();
    assert_eq!(ports, ["1936/tcp", "7373/udp", "80/tcp", "9999/tcp"]);
    assert_eq!(
        image["Config"]["Healthcheck"]["Test"],
        serde_json::json!(["CMD", "/lb", "ping"])
    );
}

#[tokio::test]
async fn what_is_shipped_has_no_symbols() {
    let Some(()) = docker::ready("what_is_shipped_has_no_symbols").await else {
        return;
    };
    let folder = Folder::new();
    for (image, file) in [("lb", "/lb"), ("webapp", "/usr/local/bin/member")] {
        let made = docker(&format!("create ragot/{image}")).await;
        docker(&format!("cp {made}:{file} {}", folder.at(image))).await;
        docker(&format!("rm {made}")).await;
        let program = std::fs::read(folder.file(image)).unwrap();
        let has = |section: &[u8]| program.windows(section.len()).any(|at| at == section);
        assert!(has(b"\0.shstrtab\0") && !has(b"\0.symtab\0"), "{file}");
    }
}

#[tokio::test]
async fn docker_sees_whether_the_balancer_is_well() {
    let Some(lab) = Lab::open("docker_sees_whether_the_balancer_is_well").await else {
        return;
    };
    let check = async |health: &str| {
        let is_so = async || {
            let now = lab.inspect("ha", "/State/Health/Status").await;
            (now == health).then_some(())
        };
        eventually(format!("ha is {health}"), is_so).await;
    };
    lab.start("ha", "").await;
    check("healthy").await;
    // An empty pool is no illness: it is answered at once.
    assert_eq!(client::get(lab.addr(), "/").await.unwrap().status, 503);
    // A process that hangs, as far as anybody outside can see.
    lab.tell("ha", "kill --signal STOP").await;
    check("unhealthy").await;
    lab.tell("ha", "kill --signal CONT").await;
    check("healthy").await;
}

#[tokio::test]
async fn the_webapp_does_what_the_labs_does() {
    let Some(lab) = Lab::with("the_webapp_does_what_the_labs_does", &["s1"]).await else {
        return;
    };
    let first = client::get(lab.addr(), "/").await.unwrap();
    let said = json(&first);
    let networks = lab.inspect("s1", "/NetworkSettings/Networks").await;
    let ip = &networks[docker::NET]["IPAddress"];
    assert_eq!((&said["hello"], &said["ip"]), (&"world!".into(), ip));
    assert_eq!((&said["host"], &said["tag"]), (&"s1".into(), &"s1".into()));
    assert_eq!(said["sessionViews"], 1);
    assert_eq!(first.header("x-backend-ip"), ip.as_str().unwrap());

    let cookie = first.header("set-cookie").split(';').next().unwrap();
    assert_eq!(
        cookie,
        format!("NODESESSID={}", said["id"].as_str().unwrap())
    );
    let mut request = client::request(lab.addr(), Method::GET, "/", "");
    request
        .headers_mut()
        .insert(COOKIE, cookie.parse().unwrap());
    let again = json(&client::send(lab.addr(), request).await.unwrap());
    assert_eq!(
        (&again["sessionViews"], &again["id"]),
        (&2.into(), &said["id"])
    );

    for (body, status) in [
        (r#"{"delay": 200}"#, 200),
        (r#"{"delay": -1}"#, 400),
        ("{", 400),
    ] {
        let answer = client::send(lab.addr(), delay(&lab, body)).await.unwrap();
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
    let began = tokio::time::Instant::now();
    client::get(lab.addr(), "/").await.unwrap();
    assert!(began.elapsed() >= std::time::Duration::from_millis(200));
    let missing = client::get(lab.addr(), "/nowhere").await.unwrap();
    let wrong = client::post(lab.addr(), "/", "").await.unwrap();
    assert_eq!((missing.status, wrong.status), (404, 405));
}

/// A request that makes the webapp slow.
fn delay(lab: &Lab, body: &str) -> Request<http_body_util::Full<bytes::Bytes>> {
    client::request(lab.addr(), Method::POST, "/delay", body.to_owned())
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}
