//! The only module that uses the host: it maps callbacks to hostcalls and makes no decisions.
//!
//! Each worker has one VM for both roles, so their shared state is plain memory: [`vm`].

mod downstream;
mod held;
mod host;
mod parts;
mod report;
mod root;
mod streams;
mod upstream;
mod vm;

use proxy_wasm::types::LogLevel;
use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};

#[global_allocator]
static ALLOCATOR: WasmDynamicTalc = new_wasm_dynamic_allocator();

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|context| Box::new(root::Root::new(context)));
}}
