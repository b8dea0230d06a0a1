//! Envoy's wasm VM: the only module that uses proxy-wasm. It maps callbacks and hostcalls, and makes no decisions.
//!
//! Each worker has one VM for both roles, so their shared state is plain memory.

mod contexts;
mod host;

use proxy_wasm::types::LogLevel;
use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};

#[global_allocator]
static ALLOCATOR: WasmDynamicTalc = new_wasm_dynamic_allocator();

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|context| Box::new(contexts::Root::new(context)));
}}
