use std::os::unix::fs::PermissionsExt;

use futures_util::future::join_all;
use serde_json::json;
use switchboard_keys::store::Store;
use tempfile::TempDir;

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
async fn services_that_start_at_once_on_a_new_database_all_start() {
    for _ in 0..8 {
        let directory = TempDir::new().unwrap();
        let url = TestApp::url(&directory).await;
        let opened = join_all((0..6).map(|_| Store::open(&url))).await;
        for store in opened {
            store.unwrap().close().await;
        }
    }
}

#[tokio::test]
async fn the_database_file_is_for_this_user_alone() {
    if crate::postgres::wanted() {
        return;
    }
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
