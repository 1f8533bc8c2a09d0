"""SARIF: what version 2.1.0 asks of a log, and that it says what the other formats say."""

import json
import re

import pytest

from incdsl.diagnostics.catalogue import all_codes
from incdsl.diagnostics.render import render
from incdsl.frontend import analyze_source
from incdsl.linter.finding import RULES
from incdsl.linter.lint import Selection, lint
from incdsl.source import Source
from incdsl.syntax.parser import parse

EXAMPLES = {code: kind.wrong for code, kind in {**all_codes(), **RULES}.items() if kind.wrong and code not in ("E508",)}
URI = re.compile(r"(?:file:///)?(?:[A-Za-z0-9/._~-]|%[0-9A-F]{2})+")
REGION = {"startLine", "startColumn", "endLine", "endColumn"}


def log(text, name="spec.inc", device="cuda"):
    analysis = analyze_source(Source(name, text))
    found = [*analysis.errors, *lint(analysis, Selection(device=device))]
    found = list(dict.fromkeys(found))
    return found, json.loads(render(found, "sarif"))


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_log_has_what_the_schema_asks_for(code):
    found, document = log(EXAMPLES[code])
    assert document.keys() == {"$schema", "version", "runs"}
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    assert run.keys() == {"tool", "columnKind", "results"}
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    assert driver["name"] == "incdsl"
    rules = driver["rules"]
    assert [rule["id"] for rule in rules] == sorted({each.code for each in found})
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning")
    assert len(run["results"]) == len(found)
    for result, problem in zip(run["results"], found, strict=True):
        assert_result(result, problem, rules)


def assert_result(result, problem, rules):
    assert result.keys() <= {"ruleId", "ruleIndex", "level", "message", "locations", "fixes"}
    assert result["ruleId"] == problem.code == rules[result["ruleIndex"]]["id"]
    assert result["level"] == problem.severity == rules[result["ruleIndex"]]["defaultConfiguration"]["level"]
    assert problem.message() in result["message"]["text"]
    assert problem.why() in result["message"]["text"]
    if problem.span:
        (place,) = result["locations"]
        physical = place["physicalLocation"]
        assert URI.fullmatch(physical["artifactLocation"]["uri"])
        assert_region(physical["region"])
        assert (physical["region"]["startLine"], physical["region"]["startColumn"]) == (
            problem.span.line, problem.span.column,
        )  # fmt: skip
    assert ("fixes" in result) == (problem.fix is not None)
    for fix in result.get("fixes", ()):
        assert fix["description"]["text"] == problem.fix.title
        (change,) = fix["artifactChanges"]
        assert change["artifactLocation"] == physical["artifactLocation"]
        assert len(change["replacements"]) == len(problem.fix.edits)
        for replacement in change["replacements"]:
            assert_region(replacement["deletedRegion"])
            assert isinstance(replacement["insertedContent"]["text"], str)


def assert_region(region):
    assert region.keys() == REGION
    assert all(isinstance(number, int) and number >= 1 for number in region.values())
    assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])


@pytest.mark.parametrize("code", sorted(RULES))
def test_the_replacements_are_the_fix(code):
    """Applied by lines and columns, as a code host does it, they give a text that makes sense."""
    found, document = log(RULES[code].wrong, device=RULES[code].device)
    (problem,), (result,) = found, document["runs"][0]["results"]
    text = RULES[code].wrong
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    def offset(line, column):
        return starts[line - 1] + column - 1

    for fix in result.get("fixes", ()):
        edits = sorted(
            (
                offset(r["deletedRegion"]["startLine"], r["deletedRegion"]["startColumn"]),
                offset(r["deletedRegion"]["endLine"], r["deletedRegion"]["endColumn"]),
                r["insertedContent"]["text"],
            )
            for r in fix["artifactChanges"][0]["replacements"]
        )
        assert edits == sorted(map(tuple, problem.fix.edits))
        for start, end, inserted in reversed(edits):
            text = text[:start] + inserted + text[end:]
        assert not parse(text).problems
        assert text != RULES[code].wrong


def test_nothing_found_is_a_log_too():
    document = json.loads(render([], "sarif"))
    assert document["runs"][0]["results"] == []
    assert document["runs"][0]["tool"]["driver"]["rules"] == []


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("specs/v3.inc", "specs/v3.inc"),
        ("a b%é.inc", "a%20b%25%C3%A9.inc"),
        ("<stdin>", "%3Cstdin%3E"),
        ("/a/b c.inc", "file:///a/b%20c.inc"),
    ],
)
def test_places_are_uris(name, uri):
    _, document = log(RULES["W435"].wrong, name)
    place = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == uri
