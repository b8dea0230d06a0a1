//! The master key that is generated if the operator configures none.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ::rand::distr::{Alphanumeric, SampleString};

use super::{Failure, say};
use switchboard_compile::config::Secret;

/// The key in `data_dir`, generated on the first start. Logs where it is, not what it is.
pub(super) fn in_data_dir(data_dir: &Path) -> Result<Secret, Failure> {
    let path = data_dir.join("master_key");
    let shown = path.display();
    match std::fs::read_to_string(&path) {
        Ok(key) if !key.trim().is_empty() => {
            say(&format!("master key: {shown}"));
            return Ok(Secret::new(key.trim()));
        }
        Ok(_) => {
            return Err(Failure::new(format!("{shown} is empty; delete it to generate a new master key")));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::new(format!("cannot read {shown}: {error}"))),
    }
    let key = format!("sk-{}", Alphanumeric.sample_string(&mut ::rand::rng(), 43));
    let mut options = std::fs::OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| writeln!(file, "{key}").and_then(|()| file.sync_all()));
    written.map_err(|error| Failure::new(format!("cannot write {shown}: {error}")))?;
    say(&format!("generated a master key: {shown}"));
    Ok(Secret::new(key))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_may_read_it() {
        let data_dir = tempfile::tempdir().unwrap();
        let made = in_data_dir(data_dir.path()).unwrap();
        assert!(made.reveal().starts_with("sk-") && made.reveal().len() == 46);
        let permissions = data_dir.path().join("master_key").metadata().unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
        assert_eq!(in_data_dir(data_dir.path()).unwrap(), made);
    }

    #[test]
    fn an_empty_key_is_refused() {
        let data_dir = tempfile::tempdir().unwrap();
        std::fs::write(data_dir.path().join("master_key"), "\n").unwrap();
        assert!(
            in_data_dir(data_dir.path()).unwrap_err().to_string().ends_with("to generate a new master key")
        );
    }
}
