//! The settings of containerd, CNI and kubelet that let many of each run on one machine.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::NodeFolders;
use crate::components::Components;
use crate::plan;

/// containerd: own folders, our runtime, and no demands that a machine without CAP_SYS_RESOURCE or AppArmor cannot meet.
pub(super) fn containerd(folders: &NodeFolders, components: &Components) -> Result<String> {
    let data = folders.data.join("containerd");
    Ok(format!(
        "version = 3
imports = []
root = '{root}'
state = '{state}'
[grpc]
  address = '{socket}'
[ttrpc]
  address = '{socket}.ttrpc'
[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'localhost/pause:1'
[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['/usr/lib/cni']
  conf_dir = '{cni}'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
  runtime_path = '{shim}'
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
    BinaryName = '{runc}'
    SystemdCgroup = false
[plugins.'io.containerd.nri.v1.nri']
  disable = true
[plugins.'io.containerd.internal.v1.opt']
  path = '{opt}'
",
        root = data.join("root").display(),
        state = folders.run.join("containerd").display(),
        socket = folders.socket().display(),
        cni = folders.cni().display(),
        shim = components.path("containerd-shim-runc-v2")?.display(),
        runc = components.path("runc")?.display(),
        opt = data.join("opt").display(),
    ))
}

/// CNI: a veth to each pod, and addresses of both families from the node's ranges.
pub(super) fn cni(number: u8, data: &Path) -> String {
    let (v4, v6) = plan::pod_ranges(number);
    json!({
        "cniVersion": "1.0.0",
        "name": "lab",
        "plugins": [{
            "type": "ptp",
            "ipMasq": false,
            "ipam": {
                "type": "host-local",
                "dataDir": data.join("ipam"),
                "ranges": [[{ "subnet": v4 }], [{ "subnet": v6 }]],
                "routes": [{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }],
            },
        }],
    })
    .to_string()
}

/// kubelet: own folders and control group, no changes to the machine, and no eviction for the machine's sake.
pub(super) fn kubelet(folders: &NodeFolders, cgroup: &str, authority: &Path) -> String {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": false,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "cgroupsPerQOS": true,
        "enforceNodeAllocatable": [],
        "containerRuntimeEndpoint": format!("unix://{}", folders.socket().display()),
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": authority },
        },
        "authorization": { "mode": "Webhook" },
        "failSwapOn": false,
        "podLogsDir": folders.data.join("pods"),
        "volumePluginDir": folders.data.join("plugins"),
        "clusterDNS": ["10.96.0.10"],
        "clusterDomain": "cluster.local",
        "resolvConf": "",
        "evictionHard": { "memory.available": "10Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
        "imageGCHighThresholdPercent": 100,
        "makeIPTablesUtilChains": false,
        "localStorageCapacityIsolation": false,
    })
    .to_string()
}
