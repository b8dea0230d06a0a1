"""The clouds' own packages get credentials from the fakes that the tests of the key service use.

If a package takes what a fake answers, and the fake takes what the package sends, the fake speaks as the real one does. Starts
the fakes itself: `sdks.py PROGRAM`.
"""

import os
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRIVATE_KEY = (ROOT / "keys/tests/google/private-key.pem").read_text()
CERTIFICATE = (ROOT / "keys/tests/azure/certificate.pem").read_text()
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
ROLE = "arn:aws:iam::123456789012:role/r"


def equal(what, got, expected):
    """Ends the test if a package got something else."""
    if got != expected:
        sys.exit(f"error: {what}: got {got!r}, expected {expected!r}")
    print(f"  {what}")


def aws(address):
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import ClientError

    def sts(**keys):
        session = botocore.session.Session()
        return session.create_client(
            "sts",
            region_name="us-east-1",
            endpoint_url=f"http://{address}/sts/",
            config=Config(retries={"max_attempts": 0}, **({} if keys else {"signature_version": botocore.UNSIGNED})),
            **keys,
        )

    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret"}
    got = sts(**keys).assume_role(RoleArn=ROLE, RoleSessionName="se", ExternalId="ex")
    equal("STS AssumeRole", got["Credentials"]["AccessKeyId"], "ASIA-se-ex")
    equal("its expiration", got["Credentials"]["Expiration"].year, 2099)
    try:
        sts(**keys).assume_role(RoleArn=ROLE, RoleSessionName="se", ExternalId="wrong")
        sys.exit("error: STS AssumeRole: a wrong external id was accepted")
    except ClientError as error:
        equal("STS AccessDenied", error.response["Error"]["Code"], "AccessDenied")
    got = sts().assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName="we", WebIdentityToken="identity")
    equal("STS AssumeRoleWithWebIdentity", got["Credentials"]["AccessKeyId"], "ASIA-we-")

    def machine(**environment):
        os.environ.update(environment)
        try:
            credentials = botocore.session.Session().get_credentials()
            return credentials.get_frozen_credentials()
        finally:
            for name in environment:
                del os.environ[name]

    got = machine(AWS_EC2_METADATA_SERVICE_ENDPOINT=f"http://{address}/")
    equal("EC2 metadata (IMDSv2)", (got.access_key, got.token), ("ASIAEC2", "session"))
    got = machine(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{address}/ecs")
    equal("ECS", got.access_key, "ASIAECS")
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("token-of-the-pod")
        file.flush()
        got = machine(
            AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{address}/eks",
            AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=file.name,
        )
    equal("EKS pod identity", got.access_key, "ASIAEKS")


def azure(address):
    from azure.core.exceptions import ClientAuthenticationError
    from azure.core.pipeline.transport import RequestsTransport
    from azure.identity import (
        CertificateCredential,
        ClientSecretCredential,
        ManagedIdentityCredential,
        WorkloadIdentityCredential,
    )

    class Loopback(RequestsTransport):
        """The packages accept no authority without TLS."""

        def send(self, request, **options):
            request.url = request.url.replace("https://login.microsoftonline.com", f"http://{address}")
            return super().send(request, **options)

    scope = "https://cognitiveservices.azure.com/.default"
    # Otherwise the list of Microsoft's clouds is fetched first.
    options = {"disable_instance_discovery": True, "retry_total": 0}

    def token(credential):
        return credential.get_token(scope)

    got = token(ClientSecretCredential("tenant", "app", "right", transport=Loopback(), **options))
    equal("Entra ID, client secret", got.token, f"secret app {scope}")
    equal("its expiration", got.expires_on > datetime.now(timezone.utc).timestamp() + 3000, True)
    try:
        token(ClientSecretCredential("tenant", "app", "wrong", transport=Loopback(), **options))
        sys.exit("error: Entra ID: a wrong secret was accepted")
    except ClientAuthenticationError as error:
        equal("Entra ID, wrong secret", "AADSTS7000215" in str(error), True)
    pem = (CERTIFICATE + PRIVATE_KEY).encode()
    got = token(CertificateCredential("tenant", "app", certificate_data=pem, transport=Loopback(), **options))
    equal("Entra ID, certificate", got.token, f"certificate app {scope}")
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("federated")
        file.flush()
        credential = WorkloadIdentityCredential(
            tenant_id="tenant", client_id="app", token_file_path=file.name, transport=Loopback(), **options
        )
        equal("Entra ID, workload identity", token(credential).token, f"federated app {scope}")
    os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = f"http://{address}"
    got = token(ManagedIdentityCredential(client_id="mine", retry_total=0))
    equal("Azure metadata", got.token, "machine mine https://cognitiveservices.azure.com")


def google(address):
    # Read when the package is imported.
    os.environ["GCE_METADATA_HOST"] = os.environ["GCE_METADATA_ROOT"] = address
    os.environ["GCE_METADATA_IP"] = address
    from google.auth import compute_engine, identity_pool
    from google.auth.exceptions import RefreshError
    from google.auth.transport.requests import Request
    from google.oauth2 import credentials, service_account

    base = f"http://{address}/google/test"

    def token(account):
        account.refresh(Request())
        return account.token

    info = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k",
        "private_key": PRIVATE_KEY,
        "client_email": "a@p.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{base}/token",
    }
    account = service_account.Credentials.from_service_account_info(info, scopes=[SCOPE])
    equal("Google, service account", token(account), "service account a@p.iam.gserviceaccount.com")
    try:
        token(service_account.Credentials.from_service_account_info(info, scopes=["another"]))
        sys.exit("error: Google: a wrong scope was accepted")
    except RefreshError as error:
        equal("Google, wrong assertion", "invalid_grant" in str(error), True)
    user = credentials.Credentials(
        None, refresh_token="r", token_uri=f"{base}/refresh", client_id="c", client_secret="s"
    )
    equal("Google, user", token(user), "user c r")
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("subject")
        file.flush()
        pool = {
            "type": "external_account",
            "audience": "//iam/pool",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{base}/exchange",
            "credential_source": {"file": file.name},
        }
        federated = identity_pool.Credentials.from_info(pool).with_scopes([SCOPE])
        equal("Google, workload identity federation", token(federated), "federated subject")
        pool["service_account_impersonation_url"] = f"{base}/serviceAccounts/a@p:generateAccessToken"
        federated = identity_pool.Credentials.from_info(pool).with_scopes([SCOPE])
        equal("Google, impersonation", token(federated), "impersonated by federated subject")
    equal("Google metadata", token(compute_engine.Credentials()), "token-of-the-machine")


def main():
    fakes = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        address = fakes.stdout.readline().strip()
        # No configuration of this machine, and nothing that a proxy answers.
        for name in list(os.environ):
            if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "GCE_")) or name.lower().endswith("_proxy"):
                del os.environ[name]
        os.environ["HOME"] = tempfile.gettempdir()
        for cloud in (aws, azure, google):
            cloud(address)
    finally:
        fakes.stdin.close()
        fakes.wait()
    print("the clouds' packages for Python get credentials from the fakes")


main()
