"""Both roads of deployment, rehearsed by the very commands, on an emulator that runs the real package under the real
policies. Tests run in their order: one deployment serves many.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from chalicelib.deploy.destroy import tables_of
from chalicelib.deploy.facts import PROJECT, function_facts
from chalicelib.deploy.post_deploy import REPORT
from chalicelib.deploy.render import BUILD
from chalicelib.deploy.target import DeployFailed
from chalicelib.deploy.up import Wish, packages_folder, up
from chalicelib.local.samples import BILL, CATALOGUE, LEADS, PRICE_LIST, write_samples
from tests.deploy import emulator, packages
from tests.deploy.stage import Stage, everything, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rehearsal")]
FUNCTIONS = [each.name for each in function_facts("dev")]
LISTENERS = sum(1 for each in function_facts("dev") if each.queue)
PRODUCTIONS = re.compile(r"\bdropmill[-/]prod\b")
"""Names of things of stage `prod`; products are others."""


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """Removed behind our back, as the emulators' own folders are."""
    folder = tempfile.mkdtemp(prefix="rehearsal-")
    yield Path(folder)
    subprocess.Popen(["rm", "-rf", folder], start_new_session=True)


@pytest.fixture(scope="module")
def dev(scratch: Path) -> Iterator[Stage]:
    """Stage `dev`, deployed by the deploy road, where functions see nothing but what Lambda and the package bring."""
    python = built(scratch / "python", emulator.OF_LAMBDA | emulator.OF_MINISTACK)
    with emulator.running(python, scratch / "deploy") as endpoint:
        stage = Stage(endpoint)
        packages.light()
        stage.command("up", "--smoke", "full")
        yield stage


@pytest.fixture(scope="module")
def template_dev(scratch: Path) -> Iterator[Stage]:
    """The same by the template road. CloudFormation's transform of serverless templates wants a package more."""
    python = built(scratch / "python-sam", emulator.OF_LAMBDA | emulator.OF_MINISTACK,
                   Path(__file__).with_name("sam-requirements.txt"))
    with emulator.running(python, scratch / "template") as endpoint:
        stage = Stage(endpoint)
        with lent_packages():
            stage.command("up", "--road", "template", "--smoke", "full")
            yield stage


@contextmanager
def lent_packages() -> Iterator[None]:
    """The template road takes the same dependencies with all bytecode; building them again would take a minute."""
    light, full = (packages_folder(PROJECT, BUILD, bytecode) for bytecode in ("light", "full"))
    if not light.with_suffix(".finished").exists() or full.with_suffix(".finished").exists():
        yield
        return
    shutil.copytree(light, full, dirs_exist_ok=True)
    full.with_suffix(".finished").touch()
    try:
        yield
    finally:
        full.with_suffix(".finished").unlink()
        shutil.rmtree(full)


def built(folder: Path, names: set[str], more: Path | None = None) -> Path:
    try:
        return emulator.environment_with(folder, names, more)
    except emulator.NoNetwork as error:
        pytest.skip(f"NOTHING OF THE DEPLOYMENT WAS REHEARSED: pip cannot install the emulator's environment: {error}")


# --- the deploy road


def test_a_workbook_in_the_bucket_ends_as_leads(dev, tmp_path):
    write_samples(tmp_path)
    dev.client("s3").upload_file(str(tmp_path / LEADS), dev.target.data_bucket, "uploads/leads/acme/fair.xlsx")
    job = dev.ended(url(dev), "fair.xlsx")
    assert job["status"] == "completed"
    leads = dev.asked(url(dev), "/leads?pageSize=100")["leads"]
    assert {"hedy@spectrum.example", "alan@bletchley.example"} <= {each["email"] for each in leads}


def test_a_catalogue_a_bill_and_a_photo_come_out_as_well(dev, tmp_path):
    """Every worker runs once as deployed, with its own role and memory and the libraries of the package."""
    write_samples(tmp_path)
    photo = tmp_path / "photo.png"
    Image.effect_mandelbrot((640, 480), (-2, -1.5, 1, 1.5), 20).convert("RGB").save(photo)
    told = dev.asked(url(dev), "/upload", {"fileName": PRICE_LIST, "pipeline": "prices",
                                           "options": {"priceList": "rates"}})
    keys = {CATALOGUE: f"uploads/products/acme/{CATALOGUE}", photo.name: f"uploads/images/acme/{photo.name}",
            PRICE_LIST: told["fileKey"]}
    for name, key in keys.items():
        dev.client("s3").upload_file(str(tmp_path / name), dev.target.data_bucket, key)
    ends = {name: dev.ended(url(dev), name) for name in keys}
    assert {name: (job["status"], job.get("error")) for name, job in ends.items()} == \
        dict.fromkeys(keys, ("completed", None))
    dev.client("s3").upload_file(str(tmp_path / BILL), dev.target.data_bucket, f"uploads/prices/acme/{BILL}")
    bill = dev.ended(url(dev), BILL)
    tiers = [row["tier"] for row in dev.asked(url(dev), f"/api/price-matching/{bill['jobId']}/results")["results"]]
    assert (len(tiers), tiers.count("unmatched")) == (7, 1)
    catalogue = dev.asked(url(dev), "/catalogs")["catalogs"][0]["catalogId"]
    tracking = dev.asked(url(dev), f"/catalogs/{catalogue}/enrich", {})["tracking_id"]
    assert dev.ended(url(dev), tracking)["status"] == "completed"
    (picture,) = dev.asked(url(dev), "/images")["images"]
    assert (picture["width"], picture["height"]) == (640, 480)
    answer = dev.client("lambda").invoke(FunctionName=dev.target.function("process_job"),
                                         Payload=json.dumps({"jobId": bill["jobId"]}).encode())
    assert json.load(answer["Payload"]) == {"jobId": bill["jobId"], "status": "completed"}


def test_a_poison_message_dies_alone(dev):
    """It is received three times and then lies with the dead letters; the batches beside it are done."""
    client, worker = dev.client("lambda"), dev.target.function("leads_worker")
    variables = client.get_function_configuration(FunctionName=worker)["Environment"]["Variables"]
    assert variables["PARTIAL_BATCH"] == "1"
    client.update_function_configuration(  # else its second and third receive come after minutes
        FunctionName=worker, Environment={"Variables": {**variables, "BACKOFF_BASE_SECONDS": "0"}})
    damage_lead(dev, "hedy@spectrum.example")
    emails = [f"n{n}@example.org" if n != 5 else "hedy@spectrum.example" for n in range(40)]
    rows = "".join(f"Neighbour,N{n},{email},Next Door\n" for n, email in enumerate(emails))
    dev.client("s3").put_object(Bucket=dev.target.data_bucket, Key="uploads/leads/acme/neighbours.csv",
                                Body=b"First Name,Last Name,Email,Company\n" + rows.encode())
    assert dev.ended(url(dev), "neighbours.csv")["status"] == "completed"
    (dead,) = dead_letters(dev)
    assert "hedy@spectrum.example" in dead
    failures = [line for line in dev.logged("leads_worker") if line.get("message") == "batch attempt failed"]
    assert [line["attempt"] for line in failures] == [1, 2, 3]
    people = {each["email"] for each in dev.asked(url(dev), "/leads?pageSize=100&filter_company=Next")["leads"]}
    assert set(emails[10:]) <= people


def test_a_message_that_nobody_understands_is_kept(dev):
    dev.client("sqs").send_message(QueueUrl=queue(dev, "leads"), MessageBody="no batch", MessageGroupId="nobody")
    assert dead_letters(dev) == ["no batch"]


@pytest.mark.parametrize("function", ["sweep", "daily_report"])
def test_a_schedule_is_on_and_its_function_runs(dev, function):
    name = dev.target.name(f"{function}-event")
    events = dev.client("events")
    assert events.describe_rule(Name=name)["State"] == "ENABLED"
    assert [each["Arn"] for each in events.list_targets_by_rule(Rule=name)["Targets"]] == [
        dev.target.function_arn(function)]
    answer = dev.client("lambda").invoke(FunctionName=dev.target.function(function), Payload=SCHEDULED)
    assert "FunctionError" not in answer, answer["Payload"].read()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_was_refused_anything(dev, function):
    """The emulator holds every call against the function's role."""
    lines = dev.said(function)
    assert lines or function == "run_task"
    assert [line for line in lines if "AccessDenied" in line or "not authorized" in line] == []


def test_the_gateway_has_the_one_error_body_for_what_never_reaches_us(dev):
    found = dev.client("apigateway").get_gateway_response(restApiId=api(dev), responseType="DEFAULT_4XX")
    assert '"code": "BAD_REQUEST"' in found["responseTemplates"]["application/json"]


def test_a_second_up_changes_nothing(dev):
    before, mappings = everything(dev), mappings_of(dev)
    sums, said = checksums(dev), dev.command("up", "--smoke", "short")
    assert (everything(dev), mappings_of(dev), checksums(dev)) == (before, mappings, sums)
    assert "stack dropmill-dev-resources: as it was" in said
    assert "dependencies:1 as it was" in said


def test_up_ends_right_whatever_step_failed_and_on_whichever_machine(dev, scratch):
    """A second stage of the account, each time from a machine that knows nothing of the ones before: neither Chalice's
    record nor anything else of them is needed. Dependencies are a stand-in, because none of its functions runs here.
    """
    stage = Stage(dev.endpoint, "prod")
    for step in ("bucket", "stack", "dependencies", "functions", "gateway"):
        with pytest.raises(DeployFailed, match=f"broken off after {step}"):
            up(stage.target, wish(scratch / f"build-{step}"), vendor=stand_in, say=failing_after(step))
    up(stage.target, wish(scratch / "build"), vendor=stand_in, say=print)
    assert_one_of_each(stage, dev)


def test_production_keeps_its_data_until_its_name_is_said(dev):
    stage = Stage(dev.endpoint, "prod")
    stage.client("s3").put_object(Bucket=stage.target.data_bucket, Key="reports/kept", Body=b"kept")
    stage.command("down")
    kept = everything(stage)
    assert set(tables_of(stage.target)) <= set(kept["table"])
    assert stage.client("s3").get_object(Bucket=stage.target.data_bucket, Key="reports/kept")["Body"].read() == b"kept"
    assert [name for name in kept["function"] if PRODUCTIONS.search(name)] == []
    stage.command("down", "--delete-data", "dropmill-prod")
    assert [name for names in everything(stage).values() for name in names if PRODUCTIONS.search(name)] == []


def test_down_leaves_nothing(dev):
    dev.command("down")
    assert everything(dev) == {}
    assert "there was none" in dev.command("down")


# --- the template road


def test_the_template_road_serves_an_upload_over_rest(template_dev):
    import requests

    body = b"First Name,Last Name,Email,Company\nRest,Road,rest.road@example.com,Template Ltd\n"
    answer = template_dev.asked(url(template_dev), "/upload", {"fileName": "rest.csv", "fileSize": len(body)})
    sent = requests.post(answer["uploadUrl"], data=answer["fields"], files={"file": ("rest.csv", body)}, timeout=30)
    assert sent.ok, sent.text
    assert template_dev.ended(url(template_dev), "rest.csv")["status"] == "completed"
    assert template_dev.asked(url(template_dev), "/leads")["leads"][0]["email"] == "rest.road@example.com"


def test_the_template_road_sets_partial_responses(template_dev):
    assert len(mappings_of(template_dev)) == LISTENERS
    assert all(each[2] == [REPORT] for each in mappings_of(template_dev))


def test_a_second_template_changes_nothing(template_dev):
    before, mappings = everything(template_dev), mappings_of(template_dev)
    said = template_dev.command("up", "--road", "template")
    assert "stack dropmill-dev-resources: as it was" in said
    assert (everything(template_dev), mappings_of(template_dev)) == (before, mappings)


def test_one_stage_takes_one_road(template_dev):
    with pytest.raises(AssertionError, match="was deployed by the template road"):
        template_dev.command("up")


def test_down_leaves_nothing_of_the_template_road(template_dev):
    template_dev.command("down")
    assert everything(template_dev) == {}


SCHEDULED = b'{"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "account": "0", ' \
            b'"time": "2026-01-02T03:04:05Z", "region": "us-east-1", "resources": [], "detail": {}}'


def url(stage: Stage) -> str:
    return stage.target.api_url(api(stage))


def api(stage: Stage) -> str:
    (found,) = stage.client("apigateway").get_rest_apis()["items"]
    return str(found["id"])


def queue(stage: Stage, thing: str) -> str:
    return str(stage.client("sqs").get_queue_url(QueueName=stage.target.name(thing))["QueueUrl"])


def damage_lead(stage: Stage, email: str) -> None:
    """Leave nothing of a stored lead but its keys, so that no worker can read it."""
    client, table = stage.client("dynamodb"), stage.target.name("leads")
    (item,) = client.scan(TableName=table, FilterExpression="email = :email AND sk = :lead", ExpressionAttributeValues={
        ":email": {"S": email}, ":lead": {"S": "LEAD"}})["Items"]
    client.put_item(TableName=table, Item={name: item[name] for name in ("pk", "sk")})


def dead_letters(stage: Stage) -> list[str]:
    """Waits for some, and takes them out."""
    client, address = stage.client("sqs"), queue(stage, "leads-dlq")
    dead = until(lambda: client.receive_message(QueueUrl=address, MaxNumberOfMessages=10).get("Messages"))
    for each in dead:
        client.delete_message(QueueUrl=address, ReceiptHandle=each["ReceiptHandle"])
    return [each["Body"] for each in dead]


def mappings_of(stage: Stage) -> list[tuple[str, str, list[str]]]:
    found = stage.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return sorted((each["UUID"], each["EventSourceArn"], each["FunctionResponseTypes"]) for each in found)


def checksums(stage: Stage) -> dict[str, str]:
    found = stage.client("lambda").list_functions()["Functions"]
    return {each["FunctionName"]: each["CodeSha256"] for each in found}


def assert_one_of_each(stage: Stage, beside: Stage) -> None:
    ours = [each for each in mappings_of(stage) if f"-{stage.name}-" in each[1]]
    assert len(ours) == len({each[1] for each in ours}) == LISTENERS
    assert all(each[2] == [REPORT] for each in ours)
    assert len(beside.client("apigateway").get_rest_apis()["items"]) == 2, "one of either stage"
    live = stage.client("lambda").get_function_configuration(FunctionName=stage.target.function("leads_worker"))
    assert live["Environment"]["Variables"]["PARTIAL_BATCH"] == "1"


def wish(build: Path) -> Wish:
    return Wish(smoke="none", project=PROJECT, build=build)


def stand_in(folder: Path, bytecode: str) -> None:
    folder.mkdir(parents=True)
    (folder / "dependency.py").write_text("")


def failing_after(step: str):
    """A listener in whose name the deployment breaks off."""
    def say(line: str) -> None:
        print(line, file=sys.stderr)
        if line.startswith(step):
            raise DeployFailed(f"broken off after {step}")

    return say
