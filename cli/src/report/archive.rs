//! A tar archive, compressed, of texts.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

/// Where everything is unpacked to.
const FOLDER: &str = "herald-report";

/// An archive that is being written.
pub(super) struct Archive<W: Write> {
    builder: Builder<GzEncoder<W>>,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(to: W) -> Self {
        Self {
            builder: Builder::new(GzEncoder::new(to, Compression::default())),
        }
    }

    pub(super) fn add(&mut self, path: &str, text: &str) -> std::io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        self.builder
            .append_data(&mut header, format!("{FOLDER}/{path}"), text.as_bytes())
    }

    pub(super) fn finish(self) -> std::io::Result<()> {
        self.builder.into_inner()?.finish()?.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_is_put_in_comes_out() {
        let mut octets = Vec::new();
        let mut archive = Archive::new(&mut octets);
        archive.add("objects/services.yaml", "a: b\n").unwrap();
        archive.finish().unwrap();
        let mut unpacked = tar::Archive::new(GzDecoder::new(&octets[..]));
        let mut entry = unpacked.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(
            entry.path().unwrap().to_str(),
            Some("herald-report/objects/services.yaml")
        );
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        assert_eq!(text, "a: b\n");
    }
}
