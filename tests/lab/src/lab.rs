//! A lab from its first namespace to its last.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};

use crate::cgroup::{Cgroup, Hierarchies};
use crate::components::Components;
use crate::plan::{self, Host};
use crate::process::{Process, ProcessId};
use crate::spec::Spec;
use crate::state::{Folders, NodeKind, State, labs, lock};
use crate::sweep::{sweep_abandoned, tear_down};

/// A cluster that is up. Dropping it removes it, unless it was attached to or kept.
#[derive(Debug)]
pub struct Lab {
    pub(crate) folders: Folders,
    pub(crate) cgroup: Cgroup,
    pub(crate) components: Components,
    state: Mutex<State>,
    processes: Mutex<Vec<Arc<Process>>>,
    owned: AtomicBool,
    keep_logs: Option<PathBuf>,
}

impl Lab {
    /// Brings a lab up: API server and nodes are ready when this returns. What other labs left is removed before.
    ///
    /// Fails when a lab of this name is up. When it fails later, what was made so far is removed.
    pub fn up(spec: Spec) -> Result<Self> {
        spec.check()?;
        let components = match spec.components.clone() {
            Some(components) => components,
            None => Components::from_env()?,
        };
        spec.steps.step("removing what dead labs left", sweep_abandoned)?;
        let lab = Self::claim(&spec, components)?;
        lab.bring_up(&spec).inspect_err(|_| lab.save_logs())?;
        Ok(lab)
    }

    /// A lab that another process brought up, and that stays up when this value is dropped.
    pub fn attach(name: &str) -> Result<Self> {
        Self::of_state(State::load(name)?, false, None)
    }

    /// Names of the labs of this machine, with their kind and number of nodes, and whether they stay up by themselves.
    pub fn list() -> Vec<(String, NodeKind, u8, bool)> {
        let states = labs().into_iter().filter_map(|name| State::load(&name).ok());
        states
            .map(|state| (state.name, state.kind, state.nodes, state.owner.is_none()))
            .collect()
    }

    /// Takes the lab down and removes all of it.
    pub fn down(self) -> Result<()> {
        self.owned.store(false, Ordering::SeqCst);
        self.remove()
    }

    /// Lets the lab stay up when this process ends, until somebody takes it down.
    pub fn keep(&self) -> Result<()> {
        self.update(|state| {
            state.owner = None;
            Ok(())
        })?;
        self.owned.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// The lab's name.
    pub fn name(&self) -> String {
        self.state().name.clone()
    }

    /// The nodes, in order.
    pub fn nodes(&self) -> Vec<Host> {
        let state = self.state();
        (1..=state.nodes)
            .filter_map(|node| state.hosts.get(&plan::node_name(node)).cloned())
            .collect()
    }

    /// The folder with `kubeconfig`, `node.kubeconfig` and `state.json`. Suites may put files there too.
    pub fn folder(&self) -> &Path {
        &self.folders.run
    }

    /// The folder with the logs of everything that the lab started, named `HOST-NAME.log`.
    pub fn logs(&self) -> PathBuf {
        self.folders.data.join("logs")
    }

    /// The programs of this lab.
    pub fn components(&self) -> &Components {
        &self.components
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves a state that was saved or not yet changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and writes it down; on an error neither is done.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut state = self.state();
        let mut next = state.clone();
        let done = change(&mut next)?;
        next.save()?;
        *state = next;
        Ok(done)
    }

    pub(crate) fn remember(&self, process: &Arc<Process>) {
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(process.clone());
    }

    /// Takes the name, so that from here on the lab is removed with its owner.
    fn claim(spec: &Spec, components: Components) -> Result<Self> {
        let _lock = lock()?;
        if let Ok(state) = State::load(&spec.name) {
            let whose = state.owner.map_or_else(
                || format!("was left running; `lab down --name {}` removes it", spec.name),
                |owner| format!("belongs to process {}", owner.pid),
            );
            bail!("a lab `{}` is up already: it {whose}", spec.name);
        }
        let state = State {
            name: spec.name.clone(),
            kind: spec.kind,
            nodes: spec.nodes,
            owner: Some(ProcessId::own()?),
            hosts: BTreeMap::new(),
            netns: vec![],
            processes: BTreeMap::new(),
            api_port: 0,
            components,
        };
        state.save()?;
        let lab = Self::of_state(state, true, spec.keep_logs.clone())?;
        fs::create_dir_all(lab.logs()).context("cannot make the folder of logs")?;
        Ok(lab)
    }

    fn bring_up(&self, spec: &Spec) -> Result<()> {
        spec.steps
            .step("network namespaces and bridge", || self.make_topology(spec))?;
        let prepared = match spec.kind {
            NodeKind::Process => "control plane: etcd, API server, controller manager",
            NodeKind::Kubelet => {
                "control plane: etcd, API server, controller manager, scheduler; nodes: containerd"
            }
        };
        spec.steps.step(prepared, || {
            thread::scope(|threads| {
                let runtimes = threads.spawn(|| self.start_runtimes());
                self.start_control_plane()?;
                joined(runtimes)
            })
        })?;
        match spec.kind {
            NodeKind::Process => {
                spec.steps.step("nodes: Node objects and kube-proxy", || {
                    self.start_process_nodes()
                })?;
            }
            NodeKind::Kubelet => {
                let title = format!("nodes n1 to n{}: kubelet and kube-proxy, until Ready", spec.nodes);
                spec.steps.step(&title, || self.start_kubelet_nodes())?;
            }
        }
        Ok(())
    }

    fn of_state(state: State, owned: bool, keep_logs: Option<PathBuf>) -> Result<Self> {
        Ok(Self {
            folders: Folders::of(&state.name),
            cgroup: Cgroup::of_lab(Hierarchies::detect()?, &state.name),
            components: state.components.clone(),
            state: Mutex::new(state),
            processes: Mutex::new(vec![]),
            owned: AtomicBool::new(owned),
            keep_logs,
        })
    }

    fn remove(&self) -> Result<()> {
        let name = self.name();
        tear_down(&name).with_context(|| format!("lab `{name}` was not removed completely"))?;
        for process in self
            .processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            process.reap();
        }
        Ok(())
    }

    /// Copies the logs to where a person can read them after the lab is gone, if there is such a place.
    #[allow(
        clippy::print_stderr,
        reason = "the caller is busy with the failure that the logs are of"
    )]
    fn save_logs(&self) {
        let Some(to) = &self.keep_logs else { return };
        let copy = || -> Result<()> {
            fs::create_dir_all(to)?;
            for entry in fs::read_dir(self.logs())?.flatten() {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
            Ok(())
        };
        match copy() {
            Ok(()) => eprintln!("logs of the lab are in {}", to.display()),
            Err(error) => eprintln!("logs of the lab were not saved: {error:#}"),
        }
    }
}

impl Drop for Lab {
    #[allow(clippy::print_stderr, reason = "a destructor has nobody else to tell")]
    fn drop(&mut self) {
        if !self.owned.load(Ordering::SeqCst) {
            return;
        }
        if thread::panicking() {
            self.save_logs();
        }
        if let Err(error) = self.remove() {
            eprintln!("{error:#}");
        }
    }
}

/// The result of a thread; a panic there goes on here.
pub(crate) fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
