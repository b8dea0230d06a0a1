//! The SDK's contexts: they pass callbacks on to the filter.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{self, ContextType};

use crate::config::{DOWNSTREAM_ROOT, UPSTREAM_ROOT};
use crate::filter::{self, Action, Downstream, Host, Upstream};

use super::host::{self, Ticks, Wasm};

/// The root context of one role.
pub(super) struct Root {
    context: u32,
    clock: Ticks,
    role: Role,
}

enum Role {
    Unknown,
    Downstream(filter::Root<Wasm>),
    Upstream,
}

impl Root {
    pub(super) fn new(context: u32) -> Self {
        Self { context, clock: Ticks::default(), role: Role::Unknown }
    }

    fn downstream(&self) -> Option<Role> {
        let document = host::plugin_configuration();
        let table = filter::table::<Wasm>(&document, |name| std::env::var(name).ok())
            .inspect_err(|error| log::error!("{error}"))
            .ok()?;
        filter::declare::<Wasm>();
        host::join_queue(&Wasm::random_id().unwrap_or_default());
        Some(Role::Downstream(filter::Root::new(self.context, self.clock.clone(), Rc::new(table))))
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let role = match host::root_id().as_deref() {
            Some(DOWNSTREAM_ROOT) => self.downstream(),
            Some(UPSTREAM_ROOT) => {
                filter::declare::<Wasm>();
                Some(Role::Upstream)
            }
            other => {
                log::error!("root_id must be '{DOWNSTREAM_ROOT}' or '{UPSTREAM_ROOT}', but is {other:?}");
                None
            }
        };
        role.map(|role| self.role = role).is_some()
    }

    fn on_tick(&mut self) {
        if let Role::Downstream(root) = &mut self.role {
            root.on_tick();
        }
    }

    fn on_queue_ready(&mut self, _: u32) {
        if let Role::Downstream(root) = &mut self.role {
            host::hush();
            root.rung();
        }
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        match self.role {
            Role::Downstream(_) => {
                Some(Box::new(DownstreamContext(Downstream::new(context, self.clock.clone()))))
            }
            Role::Upstream => Some(Box::new(UpstreamContext(Upstream::new(context)))),
            Role::Unknown => None,
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, _: usize, _: usize, _: usize) {
        if let Role::Downstream(root) = &mut self.role {
            root.on_call_response(call.into());
        }
    }
}

struct DownstreamContext(Downstream<Wasm>);

impl HttpContext for DownstreamContext {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> types::Action {
        action(self.0.on_request_headers(end_of_stream))
    }

    fn on_http_request_body(&mut self, body_size: usize, end_of_stream: bool) -> types::Action {
        action(self.0.on_request_body(body_size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> types::Action {
        action(self.0.on_request_trailers())
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> types::Action {
        action(self.0.on_response_headers(end_of_stream))
    }

    fn on_http_response_body(&mut self, _: usize, end_of_stream: bool) -> types::Action {
        action(self.0.on_response_body(end_of_stream))
    }

    fn on_log(&mut self) {
        self.0.on_end();
    }
}

impl Context for DownstreamContext {
    fn on_http_call_response(&mut self, call: u32, _: usize, _: usize, _: usize) {
        self.0.on_call_response(call.into());
    }
}

struct UpstreamContext(Upstream<Wasm>);

impl HttpContext for UpstreamContext {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> types::Action {
        action(self.0.on_request_headers(end_of_stream))
    }

    fn on_http_request_body(&mut self, _: usize, end_of_stream: bool) -> types::Action {
        action(self.0.on_request_body(end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> types::Action {
        action(self.0.on_request_trailers())
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> types::Action {
        action(self.0.on_response_headers(end_of_stream))
    }

    fn on_http_response_body(&mut self, _: usize, end_of_stream: bool) -> types::Action {
        action(self.0.on_response_body(end_of_stream))
    }
}

impl Context for UpstreamContext {
    fn on_http_call_response(&mut self, _: u32, _: usize, _: usize, _: usize) {
        self.0.on_call_response();
    }
}

fn action(action: Action) -> types::Action {
    match action {
        Action::Continue => types::Action::Continue,
        Action::Pause => types::Action::Pause,
    }
}
