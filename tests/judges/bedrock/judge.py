"""What AWS's own client says about the Bedrock fixtures, and how it signs.

Requests: every golden upstream request passes botocore's parameter validation, and botocore writes the same JSON
from it. Answers and streams: botocore's parsers read the fixtures, and know every member in them. Signatures:
`tests/vectors/sigv4-botocore.json`, which `tests/sigv4.rs` reads, is what botocore signs.
"""

import base64
import binascii
import datetime
import hashlib
import json
import pathlib
import sys

import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

ROOT = pathlib.Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests/golden"
SIGNATURES = ROOT / "tests/vectors/sigv4-botocore.json"

SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")

# Members that the service has and its model does not.
UNMODELLED = {("ContentBlockDelta", "p")}
# Members in fixtures that say what becomes of what nobody knows.
INVENTED = {"stream/unknown-events": {"newThing"}, "response/no-message": set()}


class Refused(Exception):
    pass


def typed(value, shape, where):
    """JSON as botocore's parameters: blobs are bytes. A member that the shape lacks is refused."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return value
    if kind == "structure":
        if not isinstance(value, dict):
            raise Refused(f"{where}: no object")
        unknown = set(value) - set(shape.members)
        unknown = {name for name in unknown if (shape.name, name) not in UNMODELLED and name != "p"}
        if unknown:
            raise Refused(f"{where}: {shape.name} has no {sorted(unknown)}")
        members = {name: item for name, item in value.items() if name in shape.members}
        if getattr(shape, "is_tagged_union", False) and len(members) != 1:
            raise Refused(f"{where}: {shape.name} is a union, and has {sorted(members)}")
        return {name: typed(item, shape.members[name], f"{where}.{name}") for name, item in members.items()}
    if kind == "list":
        return [typed(item, shape.member, f"{where}[{at}]") for at, item in enumerate(value)]
    if kind == "map":
        return {name: typed(item, shape.value, f"{where}.{name}") for name, item in value.items()}
    if kind == "blob":
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise Refused(f"{where}: not base64: {error}") from error
    return value


def check_request(file):
    """A Converse request; embeddings have no model of their own, for `InvokeModel` takes any JSON."""
    said = json.loads(file.read_text(errors="surrogatepass"))
    if "error" in said or file.name.startswith("embeddings-"):
        return False
    for name in ("Converse", "ConverseStream"):
        operation = SERVICE.operation_model(name)
        parameters = typed({**said, "modelId": "model"}, operation.input_shape, file.stem)
        report = ParamValidator().validate(parameters, operation.input_shape)
        if report.has_errors():
            raise Refused(report.generate_report())
        serializer = create_serializer(SERVICE.metadata["protocol"])
        written = json.loads(serializer.serialize_to_request(parameters, operation)["body"])
        if written != said:
            raise Refused(f"{file.stem}: botocore writes {json.dumps(written)}")
    return True


def check_answer(file):
    """A Converse answer that is to be read."""
    outcome = json.loads(file.with_name(file.name.replace(".in.", ".out.")).read_text())
    if "error" in outcome or file.name.startswith("embeddings-"):
        return False
    shape = SERVICE.operation_model("Converse").output_shape
    typed(json.loads(file.read_text()), shape, file.stem)
    return True


def check_stream(file):
    """A stream's frames, and what is in them. botocore must find the damage where there is some."""
    shape = SERVICE.operation_model("ConverseStream").output_shape.members["stream"]
    buffer = EventStreamBuffer()
    buffer.add_data(file.read_bytes())
    case = file.name.removesuffix(".in.bin")
    try:
        for event in buffer:
            headers = {name: value for name, value in event.headers.items()}
            kind = headers[":message-type"]
            if kind == "error":
                continue
            name = headers[f":{kind}-type"]
            if name in INVENTED.get(f"stream/{case}", ()):
                continue
            if name not in shape.members:
                raise Refused(f"{case}: there is no {kind} {name}")
            try:
                payload = json.loads(event.payload)
            except json.JSONDecodeError:
                if case != "garbled":
                    raise
                continue
            typed(payload, shape.members[name], f"{case}.{name}")
    except ChecksumMismatch:
        if case != "damaged":
            raise
        return True
    if case == "damaged":
        raise Refused("damaged: botocore finds no damage")
    return True


def signatures():
    """Requests as the filter sends them, and botocore's signatures."""
    models = [
        "anthropic.claude-3-haiku-20240307-v1%3A0",
        "us.amazon.nova-pro-v1%3A0",
        "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-sonnet-4-6",
        "a%20b%C3%A9~_.-",
    ]
    signed = []
    for at, model in enumerate(models):
        for token in (None, "TOKEN/+="):
            for body in ("{}", '{"text":"é 😀"}'):
                action = ("converse", "converse-stream", "invoke")[at % 3]
                region = ("us-east-1", "eu-central-1", "us-gov-west-1")[at % 3]
                time = datetime.datetime(2024, 2, 29, 23, 59, 59) + datetime.timedelta(days=at)
                signed.append(sign(f"/model/{model}/{action}", token, body, region, time))
    return signed


def sign(path, token, body, region, time):
    clock = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *_, **__: time
    try:
        request = AWSRequest(
            "POST",
            f"https://bedrock-runtime.{region}.amazonaws.com{path}",
            data=body.encode(),
            headers={
                "content-type": "application/json",
                "x-amz-content-sha256": hashlib.sha256(body.encode()).hexdigest(),
            },
        )
        credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
        botocore.auth.SigV4Auth(credentials, "bedrock", region).add_auth(request)
    finally:
        botocore.auth.get_current_datetime = clock
    return {
        "path": path,
        "token": token,
        "body": body,
        "region": region,
        "unix": int(time.replace(tzinfo=datetime.timezone.utc).timestamp()),
        "authorization": request.headers["Authorization"],
    }


def check_signatures(update):
    text = json.dumps(signatures(), indent=2, ensure_ascii=False) + "\n"
    if update:
        SIGNATURES.write_text(text)
    if SIGNATURES.read_text() != text:
        raise Refused(f"{SIGNATURES.name} is not what botocore signs; --update writes it anew")


def main():
    faults, counts = [], {}
    for kind, pattern, check in (
        ("request", "*.out.json", check_request),
        ("response", "*.in.json", check_answer),
        ("stream", "*.in.bin", check_stream),
    ):
        for file in sorted((GOLDEN / kind / "bedrock").glob(pattern)):
            try:
                counts[kind] = counts.get(kind, 0) + check(file)
            except Refused as fault:
                faults.append(f"{kind}/{file.name}: {fault}")
    try:
        check_signatures("--update" in sys.argv[1:])
    except Refused as fault:
        faults.append(str(fault))
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"botocore {botocore.__version__} has judged {counts}: {len(faults)} faults")
    sys.exit(1 if faults or not all(counts.get(kind) for kind in ("request", "response", "stream")) else 0)


if __name__ == "__main__":
    main()
