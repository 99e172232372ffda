use super::*;

const V1: &str = "\
22 26 0:20 / /sys rw,relatime - sysfs sysfs rw
30 22 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
33 30 0:29 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
35 30 0:28 / /var/lib/other/freezer rw,relatime - cgroup cgroup rw,freezer
";
const V2: &str = "\
22 26 0:20 / /sys rw,relatime - sysfs sysfs rw
30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate
";

#[test]
fn a_host_with_a_mount_per_controller_is_v1_although_it_has_a_unified_mount_too() {
    let roots =
        ["cpu,cpuacct", "freezer", "systemd", "unified"].map(|name| Path::new("/sys/fs/cgroup").join(name));
    assert_eq!(Hierarchies::parse(V1).unwrap(), Hierarchies::V1(roots.to_vec()));
}

#[test]
fn a_host_with_one_unified_mount_is_v2() {
    assert_eq!(
        Hierarchies::parse(V2).unwrap(),
        Hierarchies::V2("/sys/fs/cgroup".into())
    );
}

#[test]
fn a_host_without_control_groups_is_told_how_to_get_them() {
    let error = Hierarchies::parse("22 26 0:20 / /sys rw - sysfs sysfs rw\n")
        .unwrap_err()
        .to_string();
    assert!(error.contains("mount -t cgroup2"), "{error}");
}

#[test]
fn a_hosts_group_has_the_labs_name_in_every_hierarchy() {
    let host = Cgroup::of_lab(Hierarchies::parse(V1).unwrap(), "l2").child("n1");
    assert_eq!(host.name(), "/herald-lab-l2/n1");
    assert_eq!(
        host.folders()[1],
        Path::new("/sys/fs/cgroup/freezer/herald-lab-l2/n1")
    );
    let host = Cgroup::of_lab(Hierarchies::parse(V2).unwrap(), "l2").child("n1");
    assert_eq!(host.folders(), [Path::new("/sys/fs/cgroup/herald-lab-l2/n1")]);
}

#[test]
fn a_controller_is_found_in_a_mount_that_holds_several() {
    assert!(is_controller(Path::new("/sys/fs/cgroup/cpu,cpuacct"), "cpuacct"));
    assert!(!is_controller(Path::new("/sys/fs/cgroup/cpuset"), "cpu"));
}

#[test]
fn a_group_without_what_a_kubelet_needs_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cgroup.controllers"), "cpuset cpu io memory\n").unwrap();
    let error = hand_down(folder.path()).unwrap_err().to_string();
    assert!(error.contains("no controller pids"), "{error}");
    fs::write(
        folder.path().join("cgroup.controllers"),
        "cpuset cpu memory pids\n",
    )
    .unwrap();
    hand_down(folder.path()).unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join("cgroup.subtree_control")).unwrap(),
        "+pids"
    );
}

#[test]
fn groups_are_made_with_their_parents_and_removed_from_the_inside() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cpuset.cpus"), "0-1").unwrap();
    let lab = Cgroup::of_lab(Hierarchies::V1(vec![folder.path().to_owned()]), "t");
    let host = lab.child("n1").child("daemons");
    host.create().unwrap();
    let file = folder.path().join("herald-lab-t/n1/daemons/cpuset.cpus");
    assert_eq!(fs::read_to_string(&file).unwrap(), "0-1");

    // Unlike in a control group, files of an ordinary folder must go before it.
    for part in ["", "n1", "n1/daemons"] {
        fs::remove_file(folder.path().join("herald-lab-t").join(part).join("cpuset.cpus")).unwrap();
    }
    lab.remove().unwrap();
    assert!(!folder.path().join("herald-lab-t").exists());
    lab.remove().unwrap();
}
