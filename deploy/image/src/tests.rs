use std::io::Read;

use super::*;

fn sample(folder: &Path) -> Image {
    fs::write(folder.join("one"), b"first binary").unwrap();
    fs::write(folder.join("two"), b"second binary").unwrap();
    Image {
        tag: "localhost/sample:1".into(),
        entrypoint: vec!["/bin/one".into()],
        user: Some("65532:65532".into()),
        labels: BTreeMap::from([("org.opencontainers.image.licenses".into(), "Apache-2.0".into())]),
        files: vec![
            File {
                source: folder.join("two"),
                destination: "two".into(),
            },
            File {
                source: folder.join("one"),
                destination: "bin/one".into(),
            },
        ],
    }
}

fn entries(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.path().unwrap().display().to_string(), bytes)
        })
        .collect()
}

#[test]
fn the_configuration_names_the_digest_of_the_layer() {
    let folder = tempfile::tempdir().unwrap();
    let entries = entries(&sample(folder.path()).archive().unwrap());

    let manifest: serde_json::Value = serde_json::from_slice(&entries["manifest.json"]).unwrap();
    let config_name = manifest[0]["Config"].as_str().unwrap();
    let layer = &entries[manifest[0]["Layers"][0].as_str().unwrap()];
    let config: serde_json::Value = serde_json::from_slice(&entries[config_name]).unwrap();

    assert_eq!(
        config["rootfs"]["diff_ids"][0],
        format!("sha256:{}", hex(&Sha256::digest(layer)))
    );
    assert_eq!(
        config_name,
        format!("{}.json", hex(&Sha256::digest(&entries[config_name])))
    );
    assert_eq!(manifest[0]["RepoTags"][0], "localhost/sample:1");
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(
        config["config"]["Labels"]["org.opencontainers.image.licenses"],
        "Apache-2.0"
    );
}

#[test]
fn two_writes_of_one_image_are_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let image = sample(folder.path());
    let (first, second) = (
        folder.path().join("a/first.tar"),
        folder.path().join("second.tar"),
    );
    image.write(&first).unwrap();
    image.write(&second).unwrap();
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let image = sample(folder.path());
    let mut turned = image.clone();
    turned.files.reverse();
    assert_eq!(image.archive().unwrap(), turned.archive().unwrap());
}

#[test]
fn the_layer_holds_each_file_as_an_executable_below_its_folders() {
    let folder = tempfile::tempdir().unwrap();
    let layer = sample(folder.path()).layer().unwrap();
    let mut archive = tar::Archive::new(layer.as_slice());
    let seen: Vec<_> = archive
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            (
                entry.path().unwrap().display().to_string(),
                header.mode().unwrap(),
                header.mtime().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("bin".into(), 0o755, 0),
            ("bin/one".into(), 0o755, 0),
            ("two".into(), 0o755, 0)
        ]
    );
}

#[test]
fn a_file_without_a_destination_is_refused() {
    for text in [
        "target/herald",
        "=/herald",
        "target/herald=",
        "target/herald=/",
        "a=b",
    ] {
        assert!(
            matches!(text.parse::<File>(), Err(ImageError::File(said)) if said == text),
            "{text}"
        );
    }
}

#[test]
fn a_missing_binary_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut image = sample(folder.path());
    image.files.push(File {
        source: folder.path().join("none"),
        destination: "none".into(),
    });
    let output = folder.path().join("out.tar");
    let error = image.write(&output).unwrap_err();
    assert!(matches!(error, ImageError::Read { path, .. } if path.ends_with("none")));
    assert!(!output.exists());
}

#[test]
fn an_archive_in_the_place_of_a_folder_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let error = sample(folder.path()).write(folder.path()).unwrap_err();
    assert!(matches!(error, ImageError::Write { path, .. } if path == folder.path()));
}
