"""Behind nginx, by the very lines of docs/deployment.md: at the root, under a path, and with lines left out."""

import json
import re
import shutil
import subprocess
import time
from contextlib import contextmanager

import pytest

from app.i18n.text import Translate
from app.shell.connection import NO_CONNECTION
from tests.browser.conftest import ROOT, Server, free_port, has_value, until_served
from tests.missing import missing

pytestmark = [pytest.mark.browser, pytest.mark.proof]
AROUND = (
    "daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\n{temporary}{block}}}\n"
)
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@contextmanager
def behind_nginx(folder, base="", without=()):
    """The address of a lab behind nginx. without: how those lines of its configuration begin that are left out."""
    if shutil.which("nginx") is None:
        missing("no nginx was found; install it to try the lab behind one", "KD_REQUIRE_NGINX")
    env = {"STREAMLIT_SERVER_BASE_URL_PATH": base} if base else {}
    server, port = Server(KD_DATABASE_URL=f"sqlite:///{folder}/lab.db", **env), free_port()
    shown = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    lines = re.search(r"```nginx\n(.*?)```", shown, re.DOTALL)[1].splitlines(keepends=True)
    block = "".join(line for line in lines if not any(map(line.strip().startswith, without)))
    block = block.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    block = block.replace("http://127.0.0.1:8501", server.address)
    block = block.replace("location / {", f"location /{base}/ {{") if base else block
    temporary = "".join(f"{name}_temp_path {folder}/{name};\n" for name in TEMPORARY)
    temporary += f"access_log {folder}/access.log;\n"
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, block=block, temporary=temporary))
    nginx = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)])
    address = f"http://127.0.0.1:{port}" + (f"/{base}" if base else "")
    try:
        until_served(address)
        yield address
    finally:
        nginx.terminate()
        nginx.wait(20)
        server.stop()


@pytest.mark.parametrize("base", ["", "lab"])
def test_everything_works_behind_it(chromium, tmp_path, base):
    with behind_nginx(tmp_path, base) as address:
        context = chromium.new_context(locale="en-US", viewport={"width": 1440, "height": 900})
        context.set_default_timeout(60_000)
        page, thrown = context.new_page(), []
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.goto(f"{address}/")
        page.get_by_role("button", name="Open").first.click()
        page.wait_for_url(f"{address}/distillation*")
        page.goto(f"{address}/distillation/?lang=zh&temperature=8")  # a slash too many
        page.get_by_role("heading", name="知识蒸馏", exact=True).wait_for()
        assert page.url == f"{address}/distillation?lang=zh&temperature=8"
        page.goto(f"{address}/transfer?present=1&step=2&lang=en")
        page.get_by_role("heading", name="Old weights or new ones?").wait_for()
        # a run, its link in another browser, and what is taken away
        page.goto(f"{address}/distillation?student=mlp30&train_size=50&epochs=1&seeds=2&lang=en&present=0")
        page.locator(".st-key-run button:visible").click()
        page.wait_for_url("**run=*")
        page.locator(".st-key-verdict").get_by_text("recorded on").wait_for(state="detached")
        other = chromium.new_context(locale="en-US").new_page()
        other.goto(page.url)
        other.locator(".st-key-verdict h4").wait_for()
        assert other.locator(".st-key-verdict").get_by_text("recorded on").count() == 0
        other.context.close()
        page.get_by_role("tab", name="Export").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="JSON", exact=False).first.click()
        exported = json.loads(download.value.path().read_bytes())
        assert exported["settings"]["train_size"] == 50
        # an upload of more than nginx takes by itself, 1 MB
        big = tmp_path / "big.json"
        big.write_text(
            (ROOT / "assets" / "recorded-distillation.json").read_text(encoding="utf-8") + " " * 1_300_000
        )
        page.goto(f"{address}/history")
        page.locator("input[type=file]").set_input_files(big)
        page.get_by_text("imported").first.wait_for()
        cookie = next(cookie for cookie in context.cookies() if cookie["name"] == "distillation_lab_visitor")
        assert cookie["path"] == f"/{base}"
        context.close()
        assert thrown == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_where_the_websocket_is_refused_the_page_says_so_within_ten_seconds(chromium, tmp_path, language):
    with behind_nginx(tmp_path, without=["proxy_set_header Upgrade"]) as address:
        page = chromium.new_page()
        begun = time.monotonic()
        page.goto(f"{address}/distillation?lang={language}")
        page.get_by_role("alert").filter(has_text=Translate(language)(NO_CONNECTION)).wait_for(timeout=15_000)
        assert time.monotonic() - begun < 10
        page.close()


def test_where_it_opens_nothing_is_said(chromium, tmp_path):
    with behind_nginx(tmp_path) as address:
        page = chromium.new_page(locale="en-US")
        page.goto(f"{address}/distillation")
        has_value(page.get_by_role("slider", name="Temperature T", exact=True).first, "4")
        page.wait_for_timeout(9_000)  # that nothing comes, only time shows
        assert page.locator("#no-connection").count() == 0
        page.close()
