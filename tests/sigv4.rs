//! Signatures: AWS's own test suite, and requests as its Python SDK signs them.

use std::fs;
use std::path::Path;

use switchboard::auth::sigv4::{Signer, canonical_request};
use switchboard::secret::Secret;

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
        let canonical = canonical_request(&request.method, &request.path, &signed, request.body.as_bytes());
        assert_eq!(canonical, fs::read_to_string(case.join("canonical-request.txt")).unwrap(), "{name}");
        let (id, key) = (Secret::new(ID), Secret::new(KEY));
        let aws = Signer { id: &id, key: &key, token: None, region: "us-east-1", service: "service" };
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

/// (model in the path, session token, signature), computed with botocore for
/// `2026-11-22T12:00:00Z`, `us-east-1`, service `bedrock` and the body `{}`.
const BOTOCORE: &[(&str, Option<&str>, &str)] = &[
    (
        "anthropic.claude-3-haiku-20240307-v1%3A0",
        None,
        "84282e9b20346069261050d2c6eb8d638321402f19c785a7a44bd30a01c81e5b",
    ),
    (
        "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-sonnet-4-6",
        Some("TOKEN"),
        "9d299d43568845ddd98caf96d97cc3aac345251ed92a18c8ad7726ec94d7cf44",
    ),
];

#[test]
fn an_escaped_path_is_escaped_once_more() {
    for (model, token, signature) in BOTOCORE {
        let time = "20261122T120000Z";
        let mut signed = vec![
            ("content-type", "application/json"),
            ("host", "bedrock-runtime.us-east-1.amazonaws.com"),
            ("x-amz-date", time),
        ];
        signed.extend(token.map(|token| ("x-amz-security-token", token)));
        let canonical = canonical_request("POST", &format!("/model/{model}/converse"), &signed, b"{}");
        assert!(canonical.contains("%253A") && !canonical.contains("%3A"), "{canonical}");
        let (id, key) = (Secret::new(ID), Secret::new(KEY));
        let aws = Signer { id: &id, key: &key, token: None, region: "us-east-1", service: "bedrock" };
        let authorization = aws.authorization(&canonical, &signed, time);
        assert!(authorization.ends_with(&format!("Signature={signature}")), "{authorization}");
    }
}
