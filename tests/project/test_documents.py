"""Every reference in the repository resolves: links, sections, decision numbers, modules, commands.

Prose keeps to 100 characters a line.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tracked() -> list[Path]:
    """Files under version control or about to be, as they stand in the checkout."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a checkout of git")
    return sorted(
        path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()
    )


FILES = tracked()
PAGES = [path for path in FILES if path.suffix == ".md"]
TEXTS = [path for path in FILES if path.suffix in {".md", ".py", ".sh", ".toml"} or not path.suffix]
NAMES = {str(path.relative_to(ROOT)) for path in FILES}
FOLDERS = {str(parent) for name in NAMES for parent in Path(name).parents}


def slug(heading: str) -> str:
    """The anchor that a heading of Markdown gets."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {
        slug(line.lstrip("#")) for line in page.read_text("utf-8").splitlines() if line[:1] == "#"
    }


def outside_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", outside_code(page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


def sections(page: Path) -> set[str]:
    """Numbers of the headings of a page: '2', '2.3' ..."""
    return set(re.findall(r"^#+ (\d+(?:\.\d+)*)\.? ", page.read_text("utf-8"), flags=re.M))


def places(pattern: str) -> list[tuple[str, str]]:
    """(file, first group) of each match in the texts; line breaks within comments do not matter."""
    found = []
    for path in TEXTS:
        if path.suffix in {".md", ".py", ".sh", ".toml"}:
            text = re.sub(r"\s*\n\s*#?\s*", " ", path.read_text("utf-8"))
            found += [(str(path.relative_to(ROOT)), hit) for hit in re.findall(pattern, text)]
    return found


def test_sections_of_the_format_exist() -> None:
    known = sections(ROOT / "coding" / "FORMAT.md")
    mentions = places(r"FORMAT\.md`*,? (?:sections? |part )?(\d+(?:\.\d+)*)")
    assert mentions
    assert [mention for mention in mentions if mention[1].rstrip(".") not in known] == []
    page = (ROOT / "coding" / "FORMAT.md").read_text("utf-8")
    within = re.findall(r"[Ss]ections? (\d+(?:\.\d+)*)", page)
    assert [number for number in within if number not in known] == []


def test_decisions_that_are_named_exist() -> None:
    known = sections(ROOT / "DECISIONS.md")
    mentions = places(r"DECISIONS\.md`*\)?,? (?:records? |entry |decisions? )?(\d+)")
    mentions += places(r"[Dd]ecision (\d+)")
    assert [mention for mention in mentions if mention[1] not in known] == []


def test_files_that_are_named_exist() -> None:
    """A path of the repository in a text is that of a file, a folder, or an output it describes."""
    roots = "|".join(("baselines", "coding", "compressor", "data", "models", "tests", "results"))
    kinds = "ablation|engines|hit|ladder|memory|scale|speculation"
    made = re.compile(rf"^results/raw/(\w*[*-]|{kinds})|/(NAME|RUN|PRESET)")
    missing = set()
    for name, path in places(rf"(?<![\w/.-])((?:{roots})/[\w./-]*\w)"):
        if name == "CHANGELOG.md":
            continue  # history names files as they were
        if path not in NAMES | FOLDERS and f"{path}.py" not in NAMES and not made.search(path):
            missing.add((name, path))
    assert sorted(missing) == []


PROSE = [
    page
    for page in PAGES
    if "results/" not in str(page.relative_to(ROOT))
    or page.name == "README.md"
    or "notes" in page.parts
]


@pytest.mark.parametrize("page", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_keeps_to_100_characters(page: Path) -> None:
    allowed = ("|", "!", "[", "    ")  # tables, pictures, links, drawings
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
    long = [line for line in text.splitlines() if len(line) > 100]
    assert [line for line in long if not line.startswith(allowed) and "](" not in line] == []


def test_no_text_points_at_what_a_reader_cannot_look_up() -> None:
    """Plans, tickets and other machines are nobody's to read here."""
    plans = r"MODEL-NOTES|CPU-TRAINING|DESIGN\.md|REVIEW\.md"
    words = rf"\b(briefs?|issue \d+|phase (?:1|2|one|two)|{plans})\b"
    own = Path(__file__).relative_to(ROOT)
    assert [place for place in places(words) if place[0] != str(own)] == []


def test_no_formatter_is_switched_off() -> None:
    own = str(Path(__file__).relative_to(ROOT))
    assert [place for place in places(r"(fmt: (?:skip|off))") if place[0] != own] == []
