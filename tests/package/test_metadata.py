"""What a package index is told: the README, with links that lead somewhere from there."""

import importlib.util
import re

from tests.process import ROOT

SOURCE = "https://forge.example/owner/incdsl/blob/v0.1.0"


def hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def metadata(monkeypatch, source):
    monkeypatch.setenv("INCDSL_SOURCE", source)
    found = {}
    hook().CustomMetadataHook(str(ROOT), {}).update(found)
    return found


def test_without_an_address_the_readme_is_as_it_is(monkeypatch):
    found = metadata(monkeypatch, "")
    assert found["readme"]["text"] == (ROOT / "README.md").read_text(encoding="utf-8")
    assert found["urls"] == {}


def test_with_one_every_link_is_absolute(monkeypatch):
    found = metadata(monkeypatch, SOURCE)
    text = found["readme"]["text"]
    links = re.findall(r"\]\(([^)]+)\)", text)
    images = re.findall(r'(?:src|srcset)="([^"]+)"', text)
    assert len(links) > 20
    assert images
    for link in links:
        assert link.startswith(("https://", "#"))
        if link.startswith(SOURCE):
            assert (ROOT / link.removeprefix(f"{SOURCE}/").partition("#")[0]).exists(), link
    for image in images:
        assert (ROOT / image.removeprefix(f"{SOURCE.replace('/blob/', '/raw/')}/")).is_file(), image
    assert found["urls"]["Source"] == "https://forge.example/owner/incdsl"
