//! `LiteLLM`'s notation of identity tokens: `oidc/file/PATH`, `oidc/env/NAME`, `oidc/env_path/NAME`, or the token itself.

use std::path::Path;

use super::secrets::read_file;

/// The token now: files change.
pub(super) fn token(setting: &str) -> Result<String, String> {
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let file = |path: &str| {
        let text = read_file(Path::new(path)).ok_or_else(|| format!("cannot read the file {path}"))?;
        Ok(text.trim().to_owned())
    };
    match setting.strip_prefix("oidc/").map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
        Some(("file", path)) => file(path),
        Some(("env", name)) => variable(name),
        Some(("env_path", name)) => file(&variable(name)?),
        Some((kind, _)) => Err(format!(
            "oidc/{kind}/ is not supported; write the token to a file, and use oidc/file/ with its path"
        )),
        None if setting.starts_with('/') => file(setting),
        None => Ok(setting.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_where_the_setting_says() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "in-the-file\n").unwrap();
        let path = path.display();
        assert_eq!(token(&format!("oidc/file/{path}")).unwrap(), "in-the-file");
        assert_eq!(token(&path.to_string()).unwrap(), "in-the-file");
        assert_eq!(token("eyJ").unwrap(), "eyJ");
        assert_eq!(token("oidc/env/PATH").unwrap(), std::env::var("PATH").unwrap());
        assert!(token("oidc/env_path/DOES_NOT_EXIST").unwrap_err().contains("DOES_NOT_EXIST is not set"));
        assert!(token("oidc/github/audience").unwrap_err().contains("oidc/github/ is not supported"));
    }
}
