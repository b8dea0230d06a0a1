"""`botocore`, AWS's own client: Converse requests pass its validation, and it writes the same JSON from them; it knows
every member of the answers and streams in fixtures.

It also signs: `tests/vectors/sigv4-botocore.json`, which `tests/sigv4.rs` reads, is what it signs.
"""

import base64
import binascii
import datetime
import json

import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

import golden

PROVIDERS = ("bedrock",)

INVOKED = ("embeddings", "images/generations", "rerank")

EXCEPTIONS = {
    r"ConverseStreamOutput has no newThing$": "invented: what becomes of what nobody knows",
}

SIGNATURES = golden.ROOT / "tests/vectors/sigv4-botocore.json"

SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
# Of random length, in every event, so that sizes tell nothing of the words; in no description.
PADDING = "p"


class Refused(Exception):
    pass


def request(fixture):
    """A Converse request. Others have no description of their own, for `InvokeModel` takes any JSON."""
    if fixture.operation in INVOKED:
        return None
    for name in ("Converse", "ConverseStream"):
        operation = SERVICE.operation_model(name)
        try:
            parameters = typed({**fixture.said, "modelId": "model"}, operation.input_shape, name)
        except Refused as fault:
            return [str(fault)]
        report = ParamValidator().validate(parameters, operation.input_shape)
        if report.has_errors():
            return [report.generate_report()]
        serializer = create_serializer(SERVICE.metadata["protocol"])
        written = json.loads(serializer.serialize_to_request(parameters, operation)["body"])
        if written != fixture.said:
            return [f"botocore writes {json.dumps(written)}"]
    return []


def answer(fixture, said):
    if fixture.operation in INVOKED:
        return None
    return refusal(said, SERVICE.operation_model("Converse").output_shape)


def stream(fixture):
    """A stream's frames, and what is in them."""
    shape = SERVICE.operation_model("ConverseStream").output_shape.members["stream"]
    buffer = EventStreamBuffer()
    buffer.add_data(fixture.input())
    found = []
    try:
        for event in buffer:
            kind = event.headers[":message-type"]
            if kind == "error":
                continue
            name = event.headers[f":{kind}-type"]
            if name not in shape.members:
                found.append(f"{shape.name} has no {name}")
                continue
            found += refusal(json.loads(event.payload), shape.members[name])
    except (ChecksumMismatch, json.JSONDecodeError) as damage:
        found.append(f"damaged: {type(damage).__name__}")
    return found


def refusal(said, shape):
    try:
        typed(said, shape, shape.name)
    except Refused as fault:
        return [str(fault)]
    return []


def typed(value, shape, where):
    """JSON as botocore's parameters: blobs are bytes. A member that the shape lacks is refused."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return value
    if kind == "structure":
        if not isinstance(value, dict):
            raise Refused(f"{where}: no object")
        unknown = set(value) - set(shape.members) - {PADDING}
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


def others(update):
    """The signatures are those that botocore makes; `update` writes them anew."""
    text = json.dumps(signatures(), indent=2, ensure_ascii=False) + "\n"
    if update:
        SIGNATURES.write_text(text)
    same = SIGNATURES.read_text() == text
    return [] if same else [f"{SIGNATURES.name} is not what botocore signs; --update writes it anew"]


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
            headers={"content-type": "application/json"},
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
