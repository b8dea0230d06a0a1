//! What a mapping of `config.yaml` may hold: one table, by which the parser knows a setting and its type, and of which
//! the reference in `docs/configuration.md` is made (see [`super::reference`]).

use std::fmt;

/// A mapping of the file.
#[derive(Debug)]
pub struct Section {
    /// Its path, as `model_list[].litellm_params`; empty for the top of the file.
    pub path: &'static str,
    /// What it is about, a sentence.
    pub about: &'static str,
    /// The settings that are read, in the reference's order.
    pub rows: &'static [&'static [Row]],
    /// Settings that are read for their value alone, of any type, without a line each.
    pub values: &'static [&'static [&'static str]],
    /// `LiteLLM`'s settings that have no effect here, so that a misspelled name can be told from one that is right.
    pub without_effect: &'static [Unread],
}

/// A setting that is read.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Of what type it is.
    pub kind: Kind,
    /// What counts when it is absent; empty where that is nothing.
    pub default: &'static str,
    /// What it does, for the reference.
    pub becomes: &'static str,
}

/// Settings of `LiteLLM` that have no effect, for one reason.
#[derive(Clone, Copy, Debug)]
pub struct Unread {
    /// Why, as the warning's help tells it.
    pub why: &'static str,
    /// The names, separated by white space: as a list, rustfmt would put each of three hundred on a separate line.
    pub names: &'static str,
}

/// The type of a setting, which is the method of [`super::table::Table`] that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any YAML.
    Any,
    /// Text.
    Text,
    /// Text that may be `os.environ/NAME`.
    Setting,
    /// True or false.
    Boolean,
    /// A number that is not negative.
    Number,
    /// A whole number up to this.
    Whole(u64),
    /// Texts, or one.
    Texts,
    /// A mapping.
    Table,
    /// A list.
    List,
}

impl Section {
    /// Whether `name` is read.
    pub fn reads(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// Every name that is read.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let rows = self.rows.iter().copied().flatten().map(|row| row.name);
        rows.chain(self.values.iter().copied().flatten().copied())
    }

    /// Why `LiteLLM`'s setting `name` has no effect; nothing for a name that it does not have.
    pub fn why_unread(&self, name: &str) -> Option<&'static str> {
        let has = |unread: &&Unread| unread.names.split_whitespace().any(|known| known == name);
        self.without_effect.iter().find(has).map(|unread| unread.why)
    }

    /// Every name that `LiteLLM` has.
    pub fn all_names(&self) -> impl Iterator<Item = &'static str> {
        self.names().chain(self.without_effect.iter().flat_map(|unread| unread.names.split_whitespace()))
    }

    /// Panics unless the parser has asked for exactly what the tables tell, each by its type.
    #[cfg(debug_assertions)]
    pub(super) fn assert_is_read(&self, taken: &[(&'static str, Kind)]) {
        for (name, kind) in taken {
            let row = self.rows.iter().copied().flatten().find(|row| row.name == *name);
            assert!(self.reads(name), "`{}` reads {name}, which has no row in config/sections", self.path);
            let is_told = *kind == Kind::Any || row.is_some_and(|row| row.kind == *kind);
            assert!(is_told, "config/sections has another type for {}.{name} than {kind:?}", self.path);
        }
        for name in self.names() {
            let is_taken = taken.iter().any(|(taken, _)| *taken == name);
            assert!(is_taken, "config/sections lists {}.{name}, which the parser does not read", self.path);
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Text => "text",
            Self::Setting => "text or `os.environ/NAME`",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Whole(most) => return write!(f, "integer up to {most}"),
            Self::Texts => "list of text",
            Self::Table => "mapping",
            Self::List => "list",
        })
    }
}

/// Shortens the tables.
pub(super) const fn row(name: &'static str, kind: Kind, default: &'static str, becomes: &'static str) -> Row {
    Row { name, kind, default, becomes }
}

/// Shortens the tables.
pub(super) const fn unread(why: &'static str, names: &'static str) -> Unread {
    Unread { why, names }
}
