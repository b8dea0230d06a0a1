//! Bounds the number of series that clients can create by sending new names.

use std::collections::HashSet;

/// Models of a day.
const MOST_MODELS: usize = 2_000;

/// End users of a day, and tags of a day.
const MOST_NAMES: usize = 10_000;

/// What further names are counted as.
const OTHER: &str = "other";

/// The names of the current day. Each process has its own.
#[derive(Debug, Default)]
pub(super) struct Names {
    day: i64,
    models: HashSet<String>,
    end_users: HashSet<String>,
    tags: HashSet<String>,
}

impl Names {
    /// The name under which a model is counted.
    pub(super) fn model(&mut self, name: &str) -> String {
        bounded(&mut self.models, MOST_MODELS, name)
    }

    /// The name under which an end user is counted.
    pub(super) fn end_user(&mut self, hour: i64, name: &str) -> String {
        self.turn(hour);
        bounded(&mut self.end_users, MOST_NAMES, name)
    }

    /// The name under which a tag is counted.
    pub(super) fn tag(&mut self, hour: i64, name: &str) -> String {
        self.turn(hour);
        bounded(&mut self.tags, MOST_NAMES, name)
    }

    fn turn(&mut self, hour: i64) {
        let day = hour / 24;
        if day > self.day {
            *self = Self { day, ..Self::default() };
        }
    }
}

fn bounded(seen: &mut HashSet<String>, most: usize, name: &str) -> String {
    if seen.contains(name) || name.is_empty() {
        return name.to_owned();
    }
    if seen.len() >= most {
        return OTHER.to_owned();
    }
    seen.insert(name.to_owned());
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_end_are_counted_together_until_the_next_day() {
        let mut names = Names::default();
        for number in 0..MOST_NAMES {
            assert_eq!(names.end_user(24, &number.to_string()), number.to_string());
        }
        assert_eq!(names.end_user(24, "new"), OTHER);
        assert_eq!(names.end_user(24, "7"), "7");
        assert_eq!(names.tag(24, "new"), "new");
        assert_eq!(names.end_user(48, "new"), "new");
        assert_eq!(names.end_user(48, ""), "");
    }
}
