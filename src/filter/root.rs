//! The plugin itself: its configuration, and the clock of the sync call.

use core::cell::Cell;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::config::{DOWNSTREAM_ROOT, UPSTREAM_ROOT};
use crate::key::{SYNC_PATH, SyncAnswer, SyncRequest};
use crate::table::Table;

use super::downstream::Downstream;
use super::upstream::Upstream;
use super::{host, vm};

/// One role's root context.
#[derive(Default)]
pub(super) struct Root {
    role: Cell<Role>,
    generation: u64,
    /// The sync call that is under way, and whether it carries a batch.
    syncing: Option<(u32, bool)>,
}

#[derive(Clone, Copy, Default)]
enum Role {
    #[default]
    Unknown,
    Downstream,
    Upstream,
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        match host::root_id().as_deref() {
            Some(DOWNSTREAM_ROOT) => self.configure_downstream(),
            Some(UPSTREAM_ROOT) => {
                self.role.set(Role::Upstream);
                true
            }
            other => {
                log::error!("root_id must be '{DOWNSTREAM_ROOT}' or '{UPSTREAM_ROOT}', but is {other:?}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if self.syncing.is_none() && vm::with(|vm| vm.is_current(self.generation)) {
            self.sync();
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        match self.role.get() {
            Role::Downstream => Some(Box::new(Downstream::default())),
            Role::Upstream => Some(Box::new(Upstream::default())),
            Role::Unknown => None,
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, _: usize, body_size: usize, _: usize) {
        let Some((_, carried_batch)) = self.syncing.take_if(|(call, _)| *call == token) else { return };
        if host::call_response_status() != 200 {
            return;
        }
        let body = host::call_response_body(body_size);
        match crate::json::parse::<SyncAnswer>(&body) {
            Ok(mut answer) => vm::with(|vm| {
                if let (Some(table), Some(tokens)) = (vm.table(), answer.tokens.take()) {
                    table.access_tokens.learn(tokens);
                }
                vm.keyring.borrow_mut().apply(answer, host::now_ms());
                if carried_batch {
                    vm.ledger.borrow_mut().acknowledged();
                }
            }),
            Err(error) => log::error!("the key service's sync answer cannot be read: {error}"),
        }
    }
}

impl Root {
    fn configure_downstream(&mut self) -> bool {
        match Table::parse(&host::plugin_configuration(), |name| std::env::var(name).ok()) {
            Ok(table) => {
                let period = Duration::from_millis(table.keys.sync_interval_ms.max(50).into());
                self.generation = vm::with(|vm| vm.install(table));
                self.role.set(Role::Downstream);
                self.set_tick_period(period);
                self.sync();
                true
            }
            Err(error) => {
                log::error!("{error}");
                false
            }
        }
    }

    /// Usage up, changes down. A call that fails is made again with the next tick, the batch under its old id.
    fn sync(&mut self) {
        self.syncing = vm::with(|vm| {
            let table = vm.table()?;
            let mut ledger = vm.ledger.borrow_mut();
            let batch = match host::random_id() {
                Some(id) => ledger.batch(|| id).cloned(),
                None => None,
            };
            let carries_batch = batch.is_some();
            let request = SyncRequest {
                cursor: vm.keyring.borrow().cursor(),
                batch,
                tokens: table.access_tokens.revision(),
                ..SyncRequest::default()
            };
            let body = serde_json::to_vec(&request).ok()?;
            let timeout = Duration::from_millis(table.keys.timeout_ms.into());
            let token = table.internal_token.reveal();
            host::post(&table.keys.cluster, SYNC_PATH, token, &body, timeout)
                .map(|call| (call, carries_batch))
        });
    }
}
