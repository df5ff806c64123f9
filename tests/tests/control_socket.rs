//! The control socket itself: whose it is, what is left of it, and what rude clients get.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use e2e::bin;
use e2e::control::Control;
use e2e::lb::Lb;
use e2e::process::Process;

#[tokio::test]
async fn the_socket_is_its_owners_and_goes_with_the_process() {
    let control = Control::new();
    // A process that was killed has left it.
    drop(std::os::unix::net::UnixListener::bind(control.path()).unwrap());
    let mut balancer = Lb::with(&control.flag()).await;
    let mode = control.path().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = format!(
        "--listen 127.0.0.1:0 --stats off --gossip 127.0.0.1:0 {}",
        control.flag()
    );
    let (code, _, err) = control.run(&bin::lb(), &second).await;
    assert_eq!(code, 1);
    assert!(err.contains("another process answers there"), "{err}");
    // The first is none the worse for it.
    assert!(control.ask(r#"{"command":"info"}"#).await["info"].is_object());
    assert_eq!(balancer.stop().await, 0);
    assert!(!control.path().exists());
    let (code, _, err) = control.run(&bin::lb(), "members").await;
    assert_eq!(code, 1);
    assert!(err.contains("no process answers at"), "{err}");
    std::fs::write(control.path(), "").unwrap();
    let (code, _, err) = control.run(&bin::lb(), &second).await;
    assert_eq!(code, 1);
    assert!(
        err.contains("a file of that name that is no socket"),
        "{err}"
    );
}

#[tokio::test]
async fn without_a_socket_it_is_said_what_to_do() {
    for (program, line) in [(bin::lb(), "members"), (bin::member(), "drain")] {
        let mut process = Process::start(&program, [line]);
        let (status, _) = process.ended(Duration::from_secs(10)).await;
        assert_eq!(status.code(), Some(64));
        let told = process.stderr();
        assert!(
            told.contains("--control: missing") && told.contains("RAGOT_CONTROL"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn nonsense_is_answered_and_an_endless_line_cut() {
    let control = Control::new();
    let balancer = Lb::with(&control.flag()).await;
    let told = control.ask(r#"{"command":"lsit"}"#).await;
    assert!(
        told["error"]
            .as_str()
            .unwrap()
            .contains("unknown variant `lsit`"),
        "{told}"
    );
    let told = control.ask("members").await;
    assert!(
        told["error"].as_str().unwrap().contains("such as"),
        "{told}"
    );
    let mut endless = control.open(&"x".repeat(70_000)).await;
    let told = endless.line().await.unwrap();
    assert!(
        told["error"].as_str().unwrap().contains("at most"),
        "{told}"
    );
    assert!(endless.line().await.is_none());
    assert!(control.ask(r#"{"command":"info"}"#).await["info"].is_object());
    drop(balancer);
}
