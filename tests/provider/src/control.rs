//! The provider's remote control, for tests that do not run in its process.
//!
//! `PUT /_control/cases/NAME` with a list of steps scripts a case (any alphanumeric name; put `[case NAME]` into the
//! prompt), `GET` tells its requests, `DELETE` forgets it.

use http::Method;
use serde_json::{Map, Value, json};

use crate::case::{Cases, Recorded, Step};
use crate::script::Script;

/// Where its paths begin.
pub const PREFIX: &str = "/_control/";

/// Answers a control request; `path` is what follows [`PREFIX`].
pub fn answer(cases: &Cases, method: &Method, path: &str, body: &[u8]) -> Script {
    let Some(case) = path.strip_prefix("cases/") else {
        return problem(404, "the only resource is cases/NAME");
    };
    match *method {
        Method::PUT => match serde_json::from_slice::<Vec<Step>>(body) {
            Ok(steps) => {
                cases.script(case, steps);
                Script::whole(200, "application/json", "{}")
            }
            Err(error) => problem(400, &error.to_string()),
        },
        Method::GET => {
            let requests: Vec<Value> = cases.requests(case).iter().map(told).collect();
            Script::whole(200, "application/json", json!(requests).to_string())
        }
        Method::DELETE => {
            cases.close(case);
            Script::whole(200, "application/json", "{}")
        }
        _ => problem(405, "PUT, GET or DELETE"),
    }
}

fn told(request: &Recorded) -> Value {
    let headers: Map<String, Value> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    json!({
        "method": request.method.as_str(),
        "target": request.target,
        "headers": headers,
        "body": request.json(),
        "dialect": request.dialect,
        "account": request.account,
        "refused": request.refused,
        "aborted": request.aborted,
    })
}

fn problem(status: u16, message: &str) -> Script {
    Script::whole(status, "application/json", json!({ "message": message }).to_string())
}
