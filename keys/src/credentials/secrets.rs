//! Where references such as `os.environ/OPENAI_API_KEY` are looked up: files, which may change, and the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use switchboard::secret::Secret;
use switchboard_compile::config::secret_files::{assignment, value};

/// Largest file that is read, bytes: a service account's JSON has 3 KB.
const LARGEST: u64 = 1 << 20;

/// The places, in order of precedence. Clones share them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Places>);

#[derive(Default)]
struct Places {
    /// Values that the configuration itself gives to variables.
    given: Mutex<BTreeMap<String, Secret>>,
    /// Directories with a file for each name, such as a mounted Kubernetes `Secret`, and files with lines `NAME=value`.
    paths: Vec<PathBuf>,
    /// Variables of the process, in place of [`std::env::var`].
    #[cfg(test)]
    process: BTreeMap<String, String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secrets").field(&self.0.paths).finish()
    }
}

impl Secrets {
    /// `paths` are directories and files.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self(Arc::new(Places { paths, ..Places::default() }))
    }

    #[cfg(test)]
    pub(super) fn of(process: &[(&str, &str)]) -> Self {
        let process = process.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self(Arc::new(Places { process, ..Places::default() }))
    }

    /// Sets the values that the configuration itself gives to variables (`environment_variables`).
    pub fn give(&self, given: impl IntoIterator<Item = (String, Secret)>) {
        let given = given.into_iter().collect();
        *self.0.given.lock().unwrap_or_else(PoisonError::into_inner) = given;
    }

    /// Reads all files now, and looks names up in them and in the environment.
    pub fn lookup(&self) -> impl Fn(&str) -> Option<String> + use<> {
        let known = self.read();
        move |name| known.get(name).map(|value| value.reveal().to_owned())
    }

    /// Reads all files.
    pub(super) fn read(&self) -> Known {
        let mut files = BTreeMap::new();
        for path in self.0.paths.iter().rev() {
            if path.is_dir() {
                read_directory(path, &mut files);
            } else if let Some(text) = read_file(path) {
                files.extend(
                    text.lines()
                        .filter_map(assignment)
                        .map(|(name, value)| (name.to_owned(), Secret::new(value))),
                );
            }
        }
        let given = self.0.given.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Known { given, files, secrets: self.clone() }
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests replace the environment")]
    fn process(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    #[cfg(test)]
    fn process(&self, name: &str) -> Option<String> {
        if self.0.process.is_empty() { std::env::var(name).ok() } else { self.0.process.get(name).cloned() }
    }
}

/// All values at one time.
pub(super) struct Known {
    given: BTreeMap<String, Secret>,
    files: BTreeMap<String, Secret>,
    secrets: Secrets,
}

impl Known {
    /// The value of a name; `None` if it is not set or empty. `NAME_FILE` may hold the path of a file with the value.
    pub(super) fn get(&self, name: &str) -> Option<Secret> {
        let own = self.given.get(name).or_else(|| self.files.get(name)).cloned();
        let value = own.or_else(|| self.secrets.process(name).map(Secret::new));
        value.filter(|value| !value.reveal().is_empty()).or_else(|| {
            let path = self.secrets.process(&format!("{name}_FILE"))?;
            value_of(&read_file(Path::new(&path))?)
        })
    }
}

/// A directory's files, each named by its variable. Names with dots are Kubernetes' own (`..data`).
fn read_directory(path: &Path, files: &mut BTreeMap<String, Secret>) {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        if let Some(value) = read_file(&entry.path()).as_deref().and_then(value_of) {
            files.insert(name, value);
        }
    }
}

/// A small text file.
pub(super) fn read_file(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return None;
    }
    fs::read_to_string(path).ok()
}

fn value_of(text: &str) -> Option<Secret> {
    value(text).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_goes_before_a_file_of_lines_and_both_before_the_environment() {
        let folder = tempfile::TempDir::new().unwrap();
        let mounted = folder.path().join("mounted");
        fs::create_dir_all(mounted.join("..2026_01")).unwrap();
        fs::write(mounted.join("..2026_01/A"), "from the directory\n").unwrap();
        std::os::unix::fs::symlink("..2026_01", mounted.join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/A", mounted.join("A")).unwrap();
        let lines = folder.path().join("lines.env");
        fs::write(&lines, "# B=no\nexport B = \"from a line\"\nA=other\nC='single'\nnothing\n").unwrap();
        let secrets = Secrets::new(vec![mounted.clone(), lines]);
        let get = |name: &str| secrets.read().get(name).map(|value| value.reveal().to_owned());
        assert_eq!(get("A").as_deref(), Some("from the directory"));
        assert_eq!(
            (get("B").as_deref(), get("C").as_deref(), get("D")),
            (Some("from a line"), Some("single"), None)
        );
        assert!(get("PATH").is_some(), "the environment");
        assert_eq!((get("..data"), get("# B")), (None, None));
        // As the kubelet replaces it.
        fs::create_dir_all(mounted.join("..2026_02")).unwrap();
        fs::write(mounted.join("..2026_02/A"), "rotated").unwrap();
        std::os::unix::fs::symlink("..2026_02", mounted.join("..new")).unwrap();
        fs::rename(mounted.join("..new"), mounted.join("..data")).unwrap();
        assert_eq!(get("A").as_deref(), Some("rotated"));
        secrets.give([("A".to_owned(), Secret::new("given"))]);
        assert_eq!(get("A").as_deref(), Some("given"));
    }

    #[test]
    fn a_variable_may_name_a_file() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "in the file\r\n").unwrap();
        let secrets = Secrets::of(&[("KEY_FILE", path.to_str().unwrap()), ("OTHER", "")]);
        assert_eq!(secrets.read().get("KEY"), Some(Secret::new("in the file")));
        assert_eq!(secrets.read().get("OTHER"), None);
        assert!(!format!("{secrets:?}").contains("in the file"));
    }
}
