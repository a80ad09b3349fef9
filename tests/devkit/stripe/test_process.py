"""The program as such: starting, stopping, and what it keeps."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from devkit.home import PROJECT, free_port
from devkit.stripe.process import StripeProcess
from tests.devkit.machine import eventually

from .conftest import OK, Shop, at


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "stripe.json"
    with StripeProcess(state=file) as vendor:
        vendor.set_clock(at(2027, 4, 5), freeze=False)
        shop = Shop(vendor)
        session = shop.session(shop.customer(), "teams", 3)
        shop.post(session.url, card=OK)
        before = vendor.control("state")["objects"]

    with StripeProcess(state=file, port=vendor.port) as again:
        after = again.control("state")["objects"]
        answer = Shop.again(again).v1.checkout.sessions.retrieve(session.id)
        now = again.now()

    assert after == before
    assert answer.status == "complete"
    assert at(2027, 4, 5) <= now < at(2027, 4, 5) + 60
    assert [one.name for one in tmp_path.iterdir()] == ["stripe.json"]


def test_what_was_not_delivered_yet_is_kept(tmp_path: Path) -> None:
    file, url = tmp_path / "stripe.json", f"http://127.0.0.1:{free_port()}/"
    with StripeProcess(state=file, webhook_url=url) as vendor:
        vendor.webhooks(mode="held")
        Shop(vendor).customer()

    kept = json.loads(file.read_text())["waiting"]

    assert len(kept) == 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_even_while_a_request_hangs(number: signal.Signals) -> None:
    with StripeProcess() as vendor:
        vendor.fault("hang")
        header = "authorization: Bearer sk_test_x"
        hanging = subprocess.Popen(["curl", "-s", "-H", header, f"{vendor.url}/v1/customers"])
        eventually(lambda: vendor.control("journal")["requests"])

        vendor.process.send_signal(number)

        assert vendor.process.wait(timeout=30) == 0
        hanging.wait(timeout=30)


def test_it_listens_on_this_machine_only(vendor: StripeProcess) -> None:
    outside = next((one[4][0] for one in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)), "127.0.0.2")
    target = outside if not str(outside).startswith("127.") else "127.0.0.2"

    with socket.socket() as probe:
        refused = probe.connect_ex((str(target), vendor.port))

    assert refused != 0


def test_it_imports_nothing_of_the_product() -> None:
    script = "import sys, devkit.stripe.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    ran = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True)

    folders = {path.name for path in PROJECT.iterdir() if path.is_dir()} - {"devkit"}
    assert not (folders | {"django", "stripe"}) & set(ran.stdout.split())


def test_a_wrong_control_says_what_is_wrong(vendor: StripeProcess) -> None:
    for path, body in (("faults", {"do": "fly"}), ("settings", {"x": 1}), ("webhooks", {"x": 1}), ("none", {})):
        with pytest.raises(ValueError, match="error"):
            vendor.control(path, body)


def test_every_test_card_is_listed_and_no_real_one_is_taken(shop: Shop) -> None:
    listed = shop.vendor.control("cards")["cards"]

    assert {len(one["number"]) for one in listed} == {16}
    with pytest.raises(ValueError, match="not one of the test cards"):
        shop.vendor.give_card(shop.customer(), "4111111111111111")


def test_the_journal_names_the_version_and_the_key(shop: Shop) -> None:
    shop.v1.customers.create({"name": "Alice"}, {"idempotency_key": "k1"})

    entry = shop.vendor.control("journal")["requests"][-1]

    assert (entry["version"], entry["idempotency_key"], entry["status"]) == ("2026-10-28.endive", "k1", 200)
