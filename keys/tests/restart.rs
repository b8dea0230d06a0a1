use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::app::{TestApp, batch, usage};

#[tokio::test]
async fn a_restart_keeps_keys_spend_changes_and_batches() {
    let before = TestApp::new().await;
    let key = before.key(json!({"key_alias": "kept", "metadata": {"a": 1}})).await;
    let paid = batch("b1", vec![usage(Some(&key), Some(1_000_000_000_000))]);
    let start = before.sync(None, Some(paid.clone())).await.cursor;
    before.post("/key/block", json!({"key": key})).await.ok();
    let info = before.info(&key).await;
    before.app.store.close().await;

    let after = TestApp { app: TestApp::open(&before.directory).await, ..before };
    assert_eq!(after.info(&key).await, info);
    let told = after.sync(Some(start), Some(paid)).await;
    assert!(!told.reset);
    assert_eq!(told.changes.len(), 1);
    assert_eq!(after.info(&key).await["spend"], 1.0);
}

#[tokio::test]
async fn the_database_is_for_this_user_alone() {
    let app = TestApp::new().await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let data = app.directory.path().join("data");
    assert_eq!(mode(&data), 0o700);
    let mut files = 0;
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert!(files >= 2, "the database and its journal");
}

#[tokio::test]
async fn two_services_on_one_file_agree() {
    let one = TestApp::new().await;
    let two =
        TestApp { app: TestApp::open(&one.directory).await, directory: tempfile::TempDir::new().unwrap() };
    let key = one.key(json!({})).await;
    let cursor = two.cursor().await;
    let sends = (0..32).map(|at| {
        let service = if at % 2 == 0 { &one } else { &two };
        let id = format!("b{}", at / 2);
        service.sync(None, Some(batch(&id, vec![usage(Some(&key), Some(1_000_000_000_000))])))
    });
    futures_util::future::join_all(sends).await;
    assert_eq!(two.info(&key).await["spend"], 16.0);
    one.post("/key/block", json!({"key": key})).await.ok();
    assert!(two.sync(Some(cursor), None).await.changes[0].key.as_ref().unwrap().blocked);
}
