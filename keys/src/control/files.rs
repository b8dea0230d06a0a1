//! The text of `config.yaml` and of the files that it includes.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// What is in the files. It is compared, and not their times: a mounted `ConfigMap` is a link that changes its target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Files {
    /// `config.yaml`
    pub(super) main: Vec<u8>,
    /// Included files, or why they cannot be read.
    included: BTreeMap<String, Result<String, String>>,
}

impl Files {
    /// Reads `config.yaml` at `path`, and the files that it included the last time.
    pub(super) fn read(path: &Path, last: Option<&Self>) -> io::Result<Self> {
        let main = match (std::fs::read(path), last) {
            (Ok(main), _) => main,
            // While an editor replaces the file, it may be missing.
            (Err(_), Some(last)) => last.main.clone(),
            (Err(error), None) => return Err(error),
        };
        let included = last.map(|last| &last.included).into_iter().flatten();
        let again = |(name, last): (&String, &Result<String, String>)| {
            let text = match (read(path, name), last) {
                (Err(_), Ok(last)) => Ok(last.clone()),
                (text, _) => text,
            };
            (name.clone(), text)
        };
        Ok(Self { main, included: included.map(again).collect() })
    }

    /// Only `config.yaml`.
    #[cfg(test)]
    pub(super) fn of(main: &[u8]) -> Self {
        Self { main: main.to_vec(), ..Self::default() }
    }

    /// An included file, which is read unless it is known.
    pub(super) fn include(&self, path: &Path, name: &str) -> Result<String, String> {
        self.included.get(name).cloned().unwrap_or_else(|| read(path, name))
    }

    /// These are the files that it includes now.
    pub(super) fn includes(&mut self, included: BTreeMap<String, Result<String, String>>) {
        self.included = included;
    }
}

fn read(path: &Path, name: &str) -> Result<String, String> {
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_for_a_moment_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("config.yaml"), folder.path().join("a.yaml"));
        assert!(Files::read(&path, None).is_err());
        std::fs::write(&path, "include: [a.yaml]").unwrap();
        let mut files = Files::read(&path, None).unwrap();
        assert!(files.include(&path, "a.yaml").is_err());
        std::fs::write(&other, "one").unwrap();
        let text = files.include(&path, "a.yaml");
        assert_eq!(text.as_deref(), Ok("one"));
        files.includes([("a.yaml".to_owned(), text)].into());
        assert_eq!(Files::read(&path, Some(&files)).unwrap(), files);
        std::fs::remove_file(&other).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(Files::read(&path, Some(&files)).unwrap(), files);
        std::fs::write(&other, "two").unwrap();
        assert_ne!(Files::read(&path, Some(&files)).unwrap(), files);
    }
}
