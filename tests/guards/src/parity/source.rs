/// A test function, as its source file shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    /// Crate, modules and name; modules that are called `tests` are left out.
    pub(super) path: String,
    /// The line of its `fn`, from 1.
    pub(super) line: usize,
    /// The comment right above its attributes.
    pub(super) comment: String,
}

/// The tests in the Rust file at `file` (relative to the root), which is formatted as rustfmt does.
pub(super) fn tests(file: &str, text: &str) -> Vec<Test> {
    let mut scanner = Scanner::new(file);
    for (number, line) in text.lines().enumerate() {
        scanner.handle_line(number + 1, line);
    }
    scanner.tests
}

/// Reads line by line what rustfmt has put into order.
struct Scanner {
    modules: Vec<String>,
    /// The modules inside the file that are open, each with its indentation.
    open: Vec<(usize, String)>,
    comment: Vec<String>,
    is_test: bool,
    /// How many brackets of an attribute are open.
    brackets: usize,
    tests: Vec<Test>,
}

impl Scanner {
    fn new(file: &str) -> Self {
        Self {
            modules: modules(file),
            open: Vec::new(),
            comment: Vec::new(),
            is_test: false,
            brackets: 0,
            tests: Vec::new(),
        }
    }

    fn handle_line(&mut self, number: usize, line: &str) {
        let content = line.trim();
        let indentation = line.len() - line.trim_start().len();
        if self.brackets > 0 || content.starts_with("#[") {
            self.on_attribute(content);
        } else if let Some(comment) = content.strip_prefix("//") {
            self.comment
                .push(comment.trim_start_matches(['/', ' ']).to_owned());
        } else {
            if let (true, Some(name)) = (self.is_test, function(content)) {
                self.on_test(number, name);
            }
            self.comment.clear();
            self.is_test = false;
            self.on_code(indentation, content);
        }
    }

    fn on_attribute(&mut self, content: &str) {
        let count = |bracket: char| content.matches(bracket).count();
        self.brackets = (self.brackets + count('[')).saturating_sub(count(']'));
        let path = content.trim_start_matches("#[").split([']', '(']).next();
        self.is_test |= path.is_some_and(|path| path == "test" || path.ends_with("::test"));
    }

    fn on_test(&mut self, line: usize, name: &str) {
        let inside = self.open.iter().map(|(_, module)| module);
        let parts = self
            .modules
            .iter()
            .chain(inside)
            .filter(|module| *module != "tests");
        let path: String = parts.map(|module| format!("{module}::")).collect();
        self.tests.push(Test {
            path: path + name,
            line,
            comment: self.comment.join("\n"),
        });
    }

    fn on_code(&mut self, indentation: usize, content: &str) {
        let module = content
            .strip_suffix('{')
            .and_then(|head| head.trim().split("mod ").last());
        if content == "}" {
            self.open.pop_if(|(opened, _)| *opened == indentation);
        } else if let (true, Some(name)) = (content.contains("mod "), module) {
            self.open.push((indentation, name.to_owned()));
        }
    }
}

/// The crate and the modules that a file is.
fn modules(file: &str) -> Vec<String> {
    let mut parts: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    let home = parts
        .iter()
        .position(|part| ["src", "tests", "examples", "benches"].contains(part));
    // The folder `tests` at the root holds crates: their own folder decides.
    let home = home.map(|home| if home == 0 { 2 } else { home });
    if let Some(home) = home {
        parts = parts.split_off(home.saturating_sub(1));
    }
    let named = parts
        .into_iter()
        .filter(|part| !["src", "lib", "main", "tests"].contains(part));
    named.map(str::to_owned).collect()
}

fn function(content: &str) -> Option<&str> {
    let (before, after) = content.split_once("fn ")?;
    let qualifiers = before
        .split_whitespace()
        .all(|word| ["pub", "async", "unsafe"].contains(&word));
    let name = after.split(['(', '<']).next()?;
    qualifiers.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Vec<(String, String)> {
        let found = tests("crates/ipam/src/entry.rs", &lines.join("\n"));
        found.into_iter().map(|test| (test.path, test.comment)).collect()
    }

    #[test]
    fn the_comment_right_above_the_attributes_belongs_to_the_test() {
        let found = of(&[
            "/// far",
            "",
            "/// near",
            "// and more",
            "#[test]",
            "#[allow(",
            "    clippy::dead_code, reason = \"a\"",
            ")]",
            "fn it_holds() {",
            "    // inside",
            "}",
            "/// next",
            "#[tokio::test(start_paused = true)]",
            "async fn it_waits() {}",
        ]);
        let expected = [
            ("ipam::entry::it_holds", "near\nand more"),
            ("ipam::entry::it_waits", "next"),
        ];
        assert_eq!(
            found,
            expected.map(|(path, comment)| (path.to_owned(), comment.to_owned()))
        );
    }

    #[test]
    fn what_is_no_test_names_nothing() {
        assert_eq!(
            of(&[
                "/// A1",
                "fn helper() {}",
                "/// A1",
                "#[cfg(test)]",
                "mod tests {}"
            ]),
            []
        );
    }

    #[test]
    fn modules_inside_a_file_are_part_of_the_path_and_those_called_tests_are_not() {
        let found = of(&[
            "mod tests {",
            "    mod v6 {",
            "        #[test]",
            "        fn a() {}",
            "    }",
            "    #[test]",
            "    fn b() {}",
            "}",
        ]);
        let paths: Vec<_> = found.into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["ipam::entry::v6::a", "ipam::entry::b"]);
    }

    #[test]
    fn the_path_begins_with_the_crate() {
        let path = |file| modules(file).join("::");
        assert_eq!(path("crates/ipam/src/allocator/tests.rs"), "ipam::allocator");
        assert_eq!(path("speaker/src/lib.rs"), "speaker");
        assert_eq!(path("speaker/tests/kernel/main.rs"), "speaker::kernel");
        assert_eq!(
            path("crates/crds/definitions/tests/definitions.rs"),
            "definitions::definitions"
        );
        assert_eq!(
            path("tests/suites/tests/on_nodes/outages.rs"),
            "suites::on_nodes::outages"
        );
        assert_eq!(path("tests/lab/src/cgroup/tests.rs"), "lab::cgroup");
    }
}
