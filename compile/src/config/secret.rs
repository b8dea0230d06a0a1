//! Settings that may be in the environment.

pub use switchboard::secret::Secret;

/// A setting that is written out or names an environment variable (`os.environ/NAME`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The value itself.
    Literal(Secret),
    /// The variable that holds it.
    Environment(String),
}

impl Setting {
    /// Reads `LiteLLM`'s notation.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix("os.environ/") {
            Some(name) => Self::Environment(name.trim().to_owned()),
            None => Self::Literal(Secret::new(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_silent_when_printed() {
        assert_eq!(format!("{:?}", Setting::parse("sk-abc")), "Literal(Secret)");
    }

    #[test]
    fn a_reference_names_its_variable() {
        assert_eq!(Setting::parse("os.environ/KEY"), Setting::Environment("KEY".to_owned()));
    }
}
