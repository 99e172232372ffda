//! The cluster's certificates, from an authority of its own.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

/// The group whose members may do everything.
pub(crate) const ADMINISTRATORS: &str = "system:masters";

/// A folder of PEM files: `ca`, `apiserver` and `admin` as `.crt` and `.key`, and the signer of tokens as `sa.key` and
/// `sa.pub`.
#[derive(Debug)]
pub(crate) struct Pki {
    folder: PathBuf,
}

/// A certificate and its key, both PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pki {
    /// What was created in this folder.
    pub(crate) fn open(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Creates authority, API server, administrator and token signer.
    pub(crate) fn create(folder: PathBuf, api_addresses: &[IpAddr]) -> Result<Self> {
        fs::create_dir_all(&folder)?;
        let pki = Self { folder };
        let authority = KeyPair::generate()?;
        pki.write("ca.crt", &authority_params().self_signed(&authority)?.pem())?;
        pki.write("ca.key", &authority.serialize_pem())?;
        let signer = KeyPair::generate()?;
        pki.write("sa.key", &signer.serialize_pem())?;
        pki.write("sa.pub", &signer.public_key_pem())?;

        let mut names = vec!["localhost".into(), "kubernetes.default.svc".into()];
        names.extend(api_addresses.iter().map(ToString::to_string));
        let mut server = params("kube-apiserver", None, names)?;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        pki.save("apiserver", &pki.sign(&server)?)?;
        pki.save("admin", &pki.issue("admin", Some(ADMINISTRATORS))?)?;
        Ok(pki)
    }

    /// A client certificate for a user, in a group or in none.
    pub(crate) fn issue(&self, user: &str, group: Option<&str>) -> Result<Identity> {
        let mut client = params(user, group, vec![])?;
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&client)
    }

    /// Path of one of the files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The authority's certificate.
    pub(crate) fn authority(&self) -> Result<String> {
        self.read("ca.crt")
    }

    fn sign(&self, params: &CertificateParams) -> Result<Identity> {
        let authority = Issuer::new(authority_params(), KeyPair::from_pem(&self.read("ca.key")?)?);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &authority)?.pem();
        Ok(Identity {
            certificate,
            key: key.serialize_pem(),
        })
    }

    fn save(&self, name: &str, identity: &Identity) -> Result<()> {
        self.write(&format!("{name}.crt"), &identity.certificate)?;
        self.write(&format!("{name}.key"), &identity.key)
    }

    fn read(&self, name: &str) -> Result<String> {
        let file = self.file(name);
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
    }

    fn write(&self, name: &str, pem: &str) -> Result<()> {
        write_secret(&self.file(name), pem)
    }
}

/// The authority is told by name and key only, so that its certificate need not be parsed to sign with it.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "herald-lab-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params
}

fn params(user: &str, group: Option<&str>, names: Vec<String>) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, user);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// A kubeconfig with everything in it, so that it can be copied anywhere. JSON is YAML.
pub(crate) fn kubeconfig(server: &str, authority: &str, identity: &Identity) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "lab", "cluster": {
            "server": server,
            "certificate-authority-data": BASE64_STANDARD.encode(authority),
        }}],
        "users": [{ "name": "user", "user": {
            "client-certificate-data": BASE64_STANDARD.encode(&identity.certificate),
            "client-key-data": BASE64_STANDARD.encode(&identity.key),
        }}],
        "contexts": [{ "name": "lab", "context": { "cluster": "lab", "user": "user" } }],
        "current-context": "lab",
    })
    .to_string()
}

/// Writes a file that only its owner may read.
pub(crate) fn write_secret(file: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // Whole or not at all: a process that was started with an earlier form of the file may be reading it.
    let draft = file.with_extension("draft");
    fs::write(&draft, text)
        .and_then(|()| fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)))
        .and_then(|()| fs::rename(&draft, file))
        .with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_read_back_signs_for_users() {
        let folder = tempfile::tempdir().unwrap();
        Pki::create(folder.path().join("pki"), &["127.0.0.1".parse().unwrap()]).unwrap();
        let again = Pki::open(folder.path().join("pki"));
        let user = again.issue("herald-speaker", Some("a")).unwrap();
        assert!(user.certificate.starts_with("-----BEGIN CERTIFICATE"));
        let config = kubeconfig("https://127.0.0.1:1", &again.authority().unwrap(), &user);
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        assert_eq!(config["clusters"][0]["cluster"]["server"], "https://127.0.0.1:1");
    }
}
