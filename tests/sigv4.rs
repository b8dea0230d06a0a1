//! Signatures: AWS's own test suite, and requests as its Python client signs them.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use switchboard::headers::Headers;
use switchboard::hex::hex;
use switchboard::secret::Secret;
use switchboard::sigv4::{Signer, SigningKey, canonical_request};

/// What every case of the suite is signed with.
const ID: &str = "AKIDEXAMPLE";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[test]
fn every_published_request_gets_its_published_signature() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sigv4");
    let mut cases: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 20, "{cases:?}");
    for case in cases {
        let name = case.display();
        let request = Signed::parse(&fs::read_to_string(case.join("signed-request.txt")).unwrap());
        let signed: Vec<(&str, &str)> =
            request.signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let canonical =
            canonical_request(&request.method, &request.path, &signed, &hex(&Sha256::digest(&request.body)));
        assert_eq!(canonical, fs::read_to_string(case.join("canonical-request.txt")).unwrap(), "{name}");
        let (id, key) = (Secret::new(ID), Secret::new(KEY));
        let (region, service, signing_key) = ("us-east-1", "service", &SigningKey::default());
        let aws = Signer { id: &id, key: &key, token: None, region, service, signing_key };
        assert_eq!(
            aws.authorization(&canonical, &signed, "20150830T123600Z"),
            request.authorization,
            "{name}"
        );
    }
}

/// A signed request of the suite.
struct Signed {
    method: String,
    path: String,
    /// The headers that the signature names: those of one name are one, with commas.
    signed: Vec<(String, String)>,
    authorization: String,
    body: String,
}

impl Signed {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with(' ') {
                // A folded line goes on with the value.
                headers.last_mut().unwrap().1.push_str(line);
                continue;
            }
            let (name, value) = line.split_once(':').unwrap();
            let name = name.to_ascii_lowercase();
            match headers.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => {
                    values.push(',');
                    values.push_str(value.trim());
                }
                None => headers.push((name, value.to_owned())),
            }
        }
        let of = |name: &str| headers.iter().find(|(header, _)| header == name).unwrap().clone();
        let (_, authorization) = of("authorization");
        let names = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
        Self {
            method: method.to_owned(),
            path: target.strip_suffix(" HTTP/1.1").unwrap().to_owned(),
            signed: names.split(';').map(of).collect(),
            authorization: authorization.clone(),
            body: body.trim_end_matches('\n').to_owned(),
        }
    }
}

/// What botocore signs (`tests/judges/run --update`).
#[test]
fn requests_to_models_are_signed_as_botocore_signs_them() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sigv4-botocore.json");
    let requests: Vec<Value> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert!(requests.len() > 10, "there are too few");
    for request in &requests {
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        let mut headers = Headers::default();
        headers.set(":method", "POST");
        headers.set(":authority", format!("bedrock-runtime.{}.amazonaws.com", text("region")));
        headers.set(":path", text("path").to_owned());
        headers.set("content-type", "application/json");
        headers.set("user-agent", "not signed");
        let (id, key) = (Secret::new(ID), Secret::new(KEY));
        let token = request["token"].as_str().map(Secret::new);
        let region = text("region");
        let (service, signing_key) = ("bedrock", &SigningKey::default());
        let aws = Signer { id: &id, key: &key, token: token.as_ref(), region, service, signing_key };
        aws.sign(&mut headers, text("body").as_bytes(), request["unix"].as_u64().unwrap() * 1000 + 7);
        let signed = headers.iter().find(|(name, _)| *name == "authorization").unwrap().1;
        assert_eq!(signed, text("authorization"), "{request}");
    }
}
