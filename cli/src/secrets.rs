//! `--secrets`, for what the launcher itself reads. The key service reads them again, for as long as it runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use switchboard_compile::config::secret_files::{assignment, value};

/// Looks up variables in directories and files, and then in the environment; earlier paths go first.
pub(crate) fn lookup(paths: &[PathBuf]) -> impl Fn(&str) -> Option<String> + use<> {
    let mut known = BTreeMap::new();
    for path in paths.iter().rev() {
        if path.is_dir() {
            known.extend(directory(path));
        } else if let Ok(text) = std::fs::read_to_string(path) {
            let lines = text.lines().filter_map(assignment);
            known.extend(lines.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
    }
    move |name| {
        let own = known.get(name).cloned().or_else(|| std::env::var(name).ok());
        own.filter(|value| !value.is_empty()).or_else(|| {
            let path = std::env::var_os(format!("{name}_FILE"))?;
            file(Path::new(&path))
        })
    }
}

/// A directory's files, each named by its variable. Names with dots are Kubernetes' own.
fn directory(path: &Path) -> impl Iterator<Item = (String, String)> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.'))?;
        Some((name, file(&entry.path())?))
    })
}

fn file(path: &Path) -> Option<String> {
    value(&std::fs::read_to_string(path).ok()?).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_in_a_directory_and_in_a_file_of_lines() {
        let folder = tempfile::tempdir().unwrap();
        let (mounted, lines) = (folder.path().join("mounted"), folder.path().join("lines.env"));
        std::fs::create_dir(&mounted).unwrap();
        std::fs::write(mounted.join("A_KEY"), "one\n").unwrap();
        std::fs::write(&lines, "A_KEY=other\nB_KEY='two'\n").unwrap();
        let lookup = lookup(&[mounted, lines]);
        assert_eq!(lookup("A_KEY").as_deref(), Some("one"));
        assert_eq!((lookup("B_KEY").as_deref(), lookup("C_KEY")), (Some("two"), None));
        assert!(lookup("PATH").is_some(), "the environment");
    }
}
