//! How a request proves to a provider who pays. The last thing that is written, for a signature covers the rest.

use crate::exchange::Headers;
use crate::openai::{Class, Fault};
use crate::providers::Auth;
use crate::table::Endpoint;

/// Presents the deployment's credential.
///
/// # Errors
/// The environment holds no credential: an authentication error of this deployment, which another may not have.
pub fn present(auth: Auth, endpoint: &Endpoint, headers: &mut Headers) -> Result<(), Fault> {
    let credential = || {
        endpoint.credential.as_ref().ok_or_else(|| {
            let variable = endpoint.deployment.api_key_env.as_deref().unwrap_or("api_key");
            let id = &endpoint.deployment.id;
            Fault::new(
                Class::Authentication,
                format!("no credential: {variable} is not set for deployment '{id}'"),
            )
        })
    };
    match auth {
        Auth::None => {}
        Auth::Bearer => headers.set("authorization", format!("Bearer {}", credential()?.reveal())),
        Auth::Header(name) => headers.set(name, credential()?.reveal().to_owned()),
    }
    Ok(())
}
