//! `LiteLLM`'s variables for generic single sign-on.

use serde_json::Value;
use switchboard::secret::Secret;

use crate::role::Role;

/// How people log in with a provider.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    pub(crate) authorization: url::Url,
    pub(crate) token: url::Url,
    pub(crate) userinfo: url::Url,
    pub(crate) scope: String,
    /// Names of claims.
    pub(crate) user_id: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) groups: String,
    /// Roles with the groups that have them, the most powerful first.
    pub(crate) roles: Vec<(&'static str, Vec<String>)>,
    pub(crate) default_role: Option<&'static str>,
    /// The gateway's address, if it is not the one that the browser names.
    pub(crate) base_url: Option<String>,
    /// The user who is always an administrator.
    pub(crate) admin: Option<String>,
    /// Domains of e-mail addresses that may log in; all if empty.
    pub(crate) domains: Vec<String>,
    /// The client's id and secret are sent in the body instead of a header.
    pub(crate) in_body: bool,
}

/// Roles from the most powerful.
const BY_POWER: [&str; 4] = ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"];

impl Settings {
    /// Reads the variables; `None` if `GENERIC_CLIENT_ID` is not set.
    ///
    /// # Errors
    /// A variable is missing or invalid.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let variable =
            |name: &str| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let Some(client_id) = variable("GENERIC_CLIENT_ID") else { return Ok(None) };
        let needed = |name: &str| {
            variable(name)
                .ok_or_else(|| format!("{name} is not set; single sign-on needs it with GENERIC_CLIENT_ID"))
        };
        let address = |name: &str| {
            let text = needed(name)?;
            let url = url::Url::parse(&text)
                .ok()
                .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
            let url = url.ok_or_else(|| {
                format!(
                    "{name} must be an address such as https://login.example.com/authorize, found '{text}'"
                )
            })?;
            let is_local =
                url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
            if url.scheme() == "http" && !is_local {
                return Err(format!("{name} must begin with https://, because secrets are sent to it"));
            }
            Ok(url)
        };
        let named = |name: &str, default: &str| variable(name).unwrap_or_else(|| default.to_owned());
        let list = |name: &str| -> Vec<String> {
            let text = variable(name).unwrap_or_default();
            text.split(',').map(|item| item.trim().to_lowercase()).filter(|item| !item.is_empty()).collect()
        };
        let default_role = variable("GENERIC_ROLE_MAPPINGS_DEFAULT_ROLE")
            .map(|text| {
                role(&text).ok_or_else(|| {
                    format!(
                        "GENERIC_ROLE_MAPPINGS_DEFAULT_ROLE must be one of {}, found '{text}'",
                        BY_POWER.join(", ")
                    )
                })
            })
            .transpose()?;
        Ok(Some(Self {
            client_secret: Secret::new(needed("GENERIC_CLIENT_SECRET")?),
            authorization: address("GENERIC_AUTHORIZATION_ENDPOINT")?,
            token: address("GENERIC_TOKEN_ENDPOINT")?,
            userinfo: address("GENERIC_USERINFO_ENDPOINT")?,
            scope: named("GENERIC_SCOPE", "openid email profile"),
            user_id: named("GENERIC_USER_ID_ATTRIBUTE", "preferred_username"),
            email: named("GENERIC_USER_EMAIL_ATTRIBUTE", "email"),
            name: named("GENERIC_USER_DISPLAY_NAME_ATTRIBUTE", "name"),
            role: named("GENERIC_USER_ROLE_ATTRIBUTE", "role"),
            groups: named("GENERIC_ROLE_MAPPINGS_GROUP_CLAIM", "groups"),
            roles: variable("GENERIC_ROLE_MAPPINGS_ROLES")
                .map_or_else(|| Ok(Vec::new()), |text| mappings(&text))?,
            default_role,
            base_url: variable("PROXY_BASE_URL").map(|base| base.trim_end_matches('/').to_owned()),
            admin: variable("PROXY_ADMIN_ID"),
            domains: list("ALLOWED_EMAIL_DOMAINS"),
            in_body: variable("GENERIC_INCLUDE_CLIENT_ID")
                .is_some_and(|text| text.eq_ignore_ascii_case("true")),
            client_id,
        }))
    }

    /// Where the browser is led to.
    pub fn login_address(&self, state: &str, challenge: &str, callback: &str) -> String {
        let mut address = self.authorization.clone();
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", callback)
            .append_pair("scope", &self.scope)
            .append_pair("state", state)
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256");
        address.into()
    }

    /// The role that these claims give; `None` if they say nothing.
    pub fn role_of(&self, claims: &Value, groups: &[String]) -> Option<&'static str> {
        let mapped = self.roles.iter().find(|(_, of)| of.iter().any(|group| groups.contains(group)));
        let mapped = mapped.map(|(role, _)| *role);
        let said = || claim(claims, &self.role).and_then(Value::as_str).and_then(role);
        // With a mapping, a group that is left takes its role along.
        mapped.or_else(said).or(if self.roles.is_empty() { None } else { self.default_role })
    }
}

/// A role by its name.
fn role(name: &str) -> Option<&'static str> {
    let name = if name == "internal_user_view_only" { "internal_user_viewer" } else { name };
    Role::NAMES.iter().copied().find(|known| *known == name)
}

/// `{"proxy_admin": ["admins"]}`, also with the single quotes of Python.
fn mappings(text: &str) -> Result<Vec<(&'static str, Vec<String>)>, String> {
    let invalid = || {
        "GENERIC_ROLE_MAPPINGS_ROLES must be a JSON object of roles and lists of groups, such as {\"proxy_admin\": [\"admins\"]}".to_owned()
    };
    let parsed: Value = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&text.replace('\'', "\"")))
        .map_err(|_| invalid())?;
    let mut roles = Vec::new();
    for (name, groups) in parsed.as_object().ok_or_else(invalid)? {
        let role =
            role(name).ok_or_else(|| format!("GENERIC_ROLE_MAPPINGS_ROLES: there is no role {name}"))?;
        let groups = groups.as_array().ok_or_else(invalid)?;
        roles.push((role, groups.iter().filter_map(Value::as_str).map(str::to_owned).collect()));
    }
    roles.sort_by_key(|(role, _)| BY_POWER.iter().position(|known| known == role));
    Ok(roles)
}

/// A claim by its name, or by a path such as `resource_access.gateway.roles`.
pub fn claim<'v>(claims: &'v Value, name: &str) -> Option<&'v Value> {
    let direct = claims.get(name);
    direct.or_else(|| name.split('.').try_fold(claims, |value, part| value.get(part)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<Option<Settings>, String> {
        let mut all = vec![
            ("GENERIC_CLIENT_ID", "id"),
            ("GENERIC_CLIENT_SECRET", "hush"),
            ("GENERIC_AUTHORIZATION_ENDPOINT", "https://login.test/authorize?tenant=a"),
            ("GENERIC_TOKEN_ENDPOINT", "https://login.test/token"),
            ("GENERIC_USERINFO_ENDPOINT", "https://login.test/me"),
        ];
        all.extend(more);
        let find =
            |name: &str| all.iter().rev().find(|(of, _)| *of == name).map(|(_, text)| (*text).to_owned());
        Settings::from_variables(find)
    }

    #[test]
    fn what_is_missing_or_unsafe_is_named() {
        assert!(Settings::from_variables(|_| None).unwrap().is_none());
        for (name, value, error) in [
            ("GENERIC_TOKEN_ENDPOINT", "", "GENERIC_TOKEN_ENDPOINT is not set"),
            ("GENERIC_TOKEN_ENDPOINT", "login.test", "must be an address"),
            ("GENERIC_TOKEN_ENDPOINT", "http://login.test/token", "must begin with https://"),
            ("GENERIC_ROLE_MAPPINGS_ROLES", "{'boss': ['a']}", "there is no role boss"),
            ("GENERIC_ROLE_MAPPINGS_ROLES", "admins", "must be a JSON object"),
            ("GENERIC_ROLE_MAPPINGS_DEFAULT_ROLE", "boss", "must be one of"),
        ] {
            let found = read(&[(name, value)]).unwrap_err();
            assert!(found.contains(error), "{found}");
        }
        assert!(read(&[("GENERIC_TOKEN_ENDPOINT", "http://127.0.0.1:9/token")]).unwrap().is_some());
    }

    #[test]
    fn the_most_powerful_role_of_somebodys_groups_counts() {
        let roles = r#"{"internal_user": ["staff"], "proxy_admin": ["admins", "root"]}"#;
        let settings = read(&[
            ("GENERIC_ROLE_MAPPINGS_ROLES", roles),
            ("GENERIC_ROLE_MAPPINGS_DEFAULT_ROLE", "internal_user_viewer"),
        ]);
        let settings = settings.unwrap().unwrap();
        let role = |groups: &[&str], claims: Value| {
            settings.role_of(&claims, &groups.iter().map(|group| (*group).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(role(&["staff", "root"], json!({})), Some("proxy_admin"));
        assert_eq!(role(&["staff"], json!({"role": "proxy_admin"})), Some("internal_user"));
        assert_eq!(role(&[], json!({"role": "proxy_admin_viewer"})), Some("proxy_admin_viewer"));
        assert_eq!(role(&["others"], json!({"role": "king"})), Some("internal_user_viewer"));
        assert_eq!(read(&[]).unwrap().unwrap().role_of(&json!({}), &[]), None);
        let nested = json!({"access": {"gateway": ["a"]}, "a.b": 1});
        assert_eq!(
            (claim(&nested, "access.gateway"), claim(&nested, "a.b")),
            (Some(&json!(["a"])), Some(&json!(1)))
        );
    }
}
