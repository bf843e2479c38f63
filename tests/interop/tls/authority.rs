//! Certificates that are made for a test, in a folder that ends with it.

use std::sync::atomic::{AtomicU32, Ordering};

use hangup::tls::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

use crate::process::{Folder, text};

/// A certificate authority with a unique name and key.
pub(super) struct Authority {
    folder: Folder,
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: String,
}

/// A certificate and its key, as files in PEM.
pub(super) struct Signed {
    pub(super) cert: String,
    pub(super) key: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, format!("authority {}", number()));
        let issuer = CertifiedIssuer::self_signed(params, ecdsa()).expect("a root");
        let folder = Folder::new();
        let file = folder.file("ca.pem", issuer.pem().as_bytes());
        Self { folder, issuer, file }
    }

    /// The file with its own certificate.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// For the servers of these tests: localhost and 127.0.0.1.
    pub(super) fn server(&self) -> Signed {
        self.sign(local(), &ecdsa())
    }

    /// As [`server`](Self::server) with an RSA key, which ring uses but does not make: OpenSSL does.
    pub(super) fn server_with_rsa(&self) -> Signed {
        let bits = "rsa_keygen_bits:2048";
        let key = text("openssl", &["genpkey", "-algorithm", "RSA", "-pkeyopt", bits]);
        self.sign(local(), &KeyPair::from_pem(&key).expect("a key in PKCS #8"))
    }

    /// For a server of another name.
    pub(super) fn server_of(&self, name: &str) -> Signed {
        self.sign(server(&[name]), &ecdsa())
    }

    /// For the servers of these tests, and no longer valid.
    pub(super) fn expired(&self) -> Signed {
        let mut params = local();
        params.not_after = date_time_ymd(2001, 1, 1);
        self.sign(params, &ecdsa())
    }

    pub(super) fn client(&self) -> Signed {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.distinguished_name.push(DnType::CommonName, "a client");
        self.sign(params, &ecdsa())
    }

    fn sign(&self, mut params: CertificateParams, key: &KeyPair) -> Signed {
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let cert = params.signed_by(key, &self.issuer).expect("a certificate");
        let number = number();
        Signed {
            cert: self.folder.file(&format!("{number}.pem"), cert.pem().as_bytes()),
            key: self.folder.file(&format!("{number}.key"), key.serialize_pem().as_bytes()),
        }
    }
}

impl Signed {
    pub(super) fn identity(&self) -> Identity {
        Identity::from_pem_files(&self.cert, &self.key).expect("an identity")
    }
}

fn local() -> CertificateParams {
    server(&["localhost", "127.0.0.1"])
}

fn server(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let common_name = names[0].clone();
    let mut params = CertificateParams::new(names).expect("names");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

fn ecdsa() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn number() -> u32 {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}
