"""A territory's files, written by people: a bad one is refused in one line that names the file and the field, never by a traceback."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.intake.protocol_file import load_protocol
from services.scheduling.app import load_tariff
from shared.service import Service, run
from shared.territory import BadTerritory, Territory, load_territories

BIEVRE = Path(__file__).parents[3] / "deploy" / "territory" / "bievre"
FILES: dict[str, Callable[[Path], object]] = {
    "territory.yaml": Territory.load,
    "protocol.yaml": lambda folder: load_protocol(folder / "protocol.yaml"),
    "tariff.yaml": load_tariff,
}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["25:99-26:00", "../../x", "0"])
CONTENT = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=6
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(BIEVRE / name, tmp_path)
    return tmp_path


def refused(folder: Path, name: str) -> str:
    """The refusal, which is for the person who wrote the file."""
    with pytest.raises(BadTerritory) as refusal:
        FILES[name](folder)
    message = str(refusal.value)
    assert str(folder / name) in message and "Traceback" not in message
    return message


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[]", b"- 1", b"just words", b"7", b"{", b"a: b: c", b"\xff\xfe\x00", b"&a [*a, *b]",
     b"x: !!python/object:os.system {}", b"[" * 2_000],
    ids=lambda content: repr(content[:24]),
)  # fmt: skip
def test_a_file_that_is_something_else_is_refused(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    refused(folder, name)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    refused(folder, name)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=15, deadline=None)
def test_any_value_anywhere_is_taken_or_refused(folder: Path, name: str, data: st.DataObject) -> None:
    raw = yaml.safe_load((BIEVRE / name).read_text(encoding="utf-8"))
    holder: Any = raw
    while True:
        key = data.draw(st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder))))
        inner = holder[key]
        if not (isinstance(inner, dict | list) and inner) or data.draw(st.integers(0, 3)) == 0:
            break
        holder = inner
    if data.draw(st.booleans()):
        holder[key] = data.draw(CONTENT)
    else:
        del holder[key]
    (folder / name).write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    try:
        FILES[name](folder)
    except BadTerritory as refusal:
        assert str(folder / name) in str(refusal)


@pytest.mark.parametrize(
    ("name", "change", "named"),
    [
        ("territory.yaml", {"opening": {"mon_fri": "25:99-26:00"}}, "opening.mon_fri"),
        ("territory.yaml", {"opening": {"mon_fri": "20:00-08:00"}}, "opening.mon_fri"),
        ("territory.yaml", {"zone": "Europe"}, "zone"),
        ("territory.yaml", {"zone": "../../etc/passwd"}, "zone"),
        ("territory.yaml", {"zone": "Mars/Olympus"}, "zone"),
        ("territory.yaml", {"id": "Bièvre"}, "id"),
        ("territory.yaml", {"communes": []}, "communes"),
        ("protocol.yaml", {"version": 0}, "version"),
        ("protocol.yaml", {"reasons": []}, "reasons"),
        ("tariff.yaml", {"lines": None}, "lines"),
        ("tariff.yaml", {"lines": [7]}, "lines.0"),
        ("tariff.yaml", {"lines": [{"code": "G", "amount_euros": 26.5}]}, "amount_euros"),
    ],
)
def test_the_refusal_names_the_field(folder: Path, name: str, change: dict[str, Any], named: str) -> None:
    raw = yaml.safe_load((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(yaml.safe_dump(raw | change), encoding="utf-8")
    assert named in refused(folder, name)


def test_two_territories_with_one_id_are_refused(folder: Path) -> None:
    with pytest.raises(BadTerritory, match="used twice"):
        load_territories([BIEVRE, folder])


def test_a_service_with_a_bad_file_says_so_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "territory.yaml").write_text("zone: 7\n")

    def build() -> Service:
        load_territories([folder])
        raise AssertionError("loaded")

    with pytest.raises(SystemExit) as left:
        run(build)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "territory.yaml" in said and "zone" in said and said.count("\n") == 1
