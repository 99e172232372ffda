//! Completion of words, and manual pages: both are made from the command line as it is declared.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use k8s_openapi::api::core::v1::{Node, Service};
use kube::api::ListParams;
use kube::core::PartialObjectMeta;

use crate::Outcome;
use crate::args::{Args, Common, Script};
use crate::fetch::Reader;
use crate::output::print;

/// The directive to kubectl, which speaks Cobra's protocol: no names of files.
const NO_FILES: &str = ":4";

/// The directive: whatever the shell completes by itself.
const DEFAULT: &str = ":0";

/// kubectl looks for this under the name kubectl_complete-herald.
const FOR_KUBECTL: &str = "#!/bin/sh\nexec kubectl-herald __complete -- \"$@\"";

/// Writes a script to the standard output.
pub(crate) fn script(script: Script) -> anyhow::Result<Outcome> {
    let shell = match script {
        Script::Bash => Shell::Bash,
        Script::Zsh => Shell::Zsh,
        Script::Fish => Shell::Fish,
        Script::Kubectl => {
            print(FOR_KUBECTL);
            return Ok(Outcome::Fine);
        }
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "kubectl-herald", &mut text);
    std::io::stdout().write_all(&text)?;
    Ok(Outcome::Fine)
}

/// Writes the manual pages, one for each command.
pub(crate) fn manual(folder: &Path) -> anyhow::Result<Outcome> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let command = Args::command().bin_name("kubectl-herald");
    clap_mangen::generate_to(command, folder).with_context(|| folder.display().to_string())?;
    print(&format!("manual pages are in {}", folder.display()));
    Ok(Outcome::Fine)
}

/// Prints what the last of `words` may become.
pub(crate) async fn words(common: &Common, words: &[String]) -> anyhow::Result<Outcome> {
    let (last, before) = words
        .split_last()
        .map_or(("", &[] as &[String]), |(last, before)| (last.as_str(), before));
    let wanted = wanted(&Args::command(), before, last);
    let found = match wanted {
        Wanted::Words(words) => words,
        Wanted::Services => names(common, Named::Services).await,
        Wanted::Nodes => names(common, Named::Nodes).await,
        Wanted::Files => {
            print(DEFAULT);
            return Ok(Outcome::Fine);
        }
    };
    let mut lines: Vec<_> = found.into_iter().filter(|word| word.starts_with(last)).collect();
    lines.push(NO_FILES.to_owned());
    print(&lines.join("\n"));
    Ok(Outcome::Fine)
}

/// What can stand where a word is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Words(BTreeSet<String>),
    Services,
    Nodes,
    Files,
}

fn wanted(command: &Command, before: &[String], last: &str) -> Wanted {
    let verb = before.iter().find_map(|word| command.find_subcommand(word));
    if let Some(option) = before.last().filter(|word| word.starts_with('-')) {
        let found = option_named(verb, command, option);
        let values = found.filter(|option| option.get_action().takes_values());
        if let Some(option) = values {
            let possible: BTreeSet<_> = option
                .get_possible_values()
                .iter()
                .map(|value| value.get_name().to_owned())
                .collect();
            return if possible.is_empty() {
                Wanted::Files
            } else {
                Wanted::Words(possible)
            };
        }
    }
    if last.starts_with('-') {
        let options = verb.into_iter().chain([command]).flat_map(Command::get_arguments);
        let long = options
            .filter_map(|option| option.get_long())
            .map(|long| format!("--{long}"));
        return Wanted::Words(long.collect());
    }
    match verb.map(Command::get_name) {
        None => {
            let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
            Wanted::Words(verbs.map(|verb| verb.get_name().to_owned()).collect())
        }
        Some("why") => Wanted::Services,
        Some("drain" | "undrain") => Wanted::Nodes,
        Some("check" | "man") => Wanted::Files,
        Some(_) => {
            let values = verb
                .into_iter()
                .flat_map(Command::get_positionals)
                .flat_map(clap::Arg::get_possible_values);
            Wanted::Words(values.map(|value| value.get_name().to_owned()).collect())
        }
    }
}

fn option_named<'a>(verb: Option<&'a Command>, command: &'a Command, word: &str) -> Option<&'a clap::Arg> {
    let mut options = verb.into_iter().chain([command]).flat_map(Command::get_arguments);
    options.find(|option| {
        let long = option
            .get_long()
            .is_some_and(|long| word.strip_prefix("--") == Some(long));
        let short = option
            .get_short()
            .is_some_and(|short| word == format!("-{short}"));
        long || short
    })
}

enum Named {
    Services,
    Nodes,
}

/// Names of the cluster; none if it cannot be read: who types a word is not to be disturbed.
async fn names(common: &Common, named: Named) -> BTreeSet<String> {
    let Ok(reader) = Reader::connect(common).await else {
        return BTreeSet::new();
    };
    match named {
        Named::Services => {
            let params = ListParams::default().fields("spec.type=LoadBalancer");
            let found = reader
                .list::<PartialObjectMeta<Service>>(params)
                .await
                .unwrap_or_default();
            let own =
                |metadata: &kube::core::ObjectMeta| metadata.namespace.as_deref() == Some(&reader.namespace);
            let names = found.into_iter().map(|service| match own(&service.metadata) {
                true => service.metadata.name.unwrap_or_default(),
                false => format!(
                    "{}/{}",
                    service.metadata.namespace.unwrap_or_default(),
                    service.metadata.name.unwrap_or_default()
                ),
            });
            names.collect()
        }
        Named::Nodes => {
            let found = reader
                .list::<PartialObjectMeta<Node>>(ListParams::default())
                .await
                .unwrap_or_default();
            found.into_iter().filter_map(|node| node.metadata.name).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(before: &[&str], last: &str) -> Wanted {
        let before: Vec<_> = before.iter().map(|word| (*word).to_owned()).collect();
        wanted(&Args::command(), &before, last)
    }

    fn has(wanted: &Wanted, word: &str) -> bool {
        matches!(wanted, Wanted::Words(words) if words.contains(word))
    }

    #[test]
    fn words_are_completed_by_where_they_stand() {
        assert!(has(&after(&[], "st"), "status") && !has(&after(&[], ""), "__complete"));
        assert_eq!(after(&["-n", "shop", "why"], ""), Wanted::Services);
        assert_eq!(after(&["drain"], "n"), Wanted::Nodes);
        assert!(has(&after(&["check", "-o"], ""), "sarif"));
        assert!(has(&after(&["drain"], "--"), "--dry-run") && has(&after(&["drain"], "--"), "--context"));
        assert_eq!(after(&["check"], ""), Wanted::Files);
        assert!(has(&after(&["completion"], ""), "kubectl"));
    }

    #[test]
    fn scripts_and_manual_pages_know_every_command() {
        let folder = tempfile::tempdir().unwrap();
        manual(folder.path()).unwrap();
        let mut script = Vec::new();
        clap_complete::generate(Shell::Bash, &mut Args::command(), "kubectl-herald", &mut script);
        let script = String::from_utf8(script).unwrap();
        for verb in Args::command()
            .get_subcommands()
            .filter(|verb| !verb.is_hide_set())
        {
            let name = verb.get_name();
            assert!(
                folder.path().join(format!("kubectl-herald-{name}.1")).exists(),
                "{name}"
            );
            assert!(script.contains(name), "{name}");
        }
    }
}
