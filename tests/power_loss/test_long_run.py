"""What the long run of these tests counts as done: what passed, on the code that is there now."""

import json
from pathlib import Path

from tests.power_loss.long_run import counted, names_of, passed_before


def test_only_what_passed_on_this_very_code_is_left_out(tmp_path: Path) -> None:
    done = tmp_path / "done.jsonl"
    assert passed_before(done, "now") == []
    entries = [{"test": "a", "code": "now"}, {"test": "b", "code": "before"}, {"test": "c", "code": "now"}]
    done.write_text("\n".join(map(json.dumps, entries)) + '\n{"test": "d", "co', encoding="utf-8")
    assert [entry["test"] for entry in passed_before(done, "now")] == ["a", "c"]


def test_what_tests_say_is_counted() -> None:
    said = "20064 images, 8282 of them different\n.\n{'kill': {'points': 31, 'problems': []}, 'full': {'points': 30}}\n"
    assert counted(said) == {"images": 20064, "different": 8282, "harmed": 61}
    assert counted(".") == {"images": 0, "different": 0, "harmed": 0}


def test_a_million_images_and_all_calls_are_in_it() -> None:
    names = names_of([])
    assert sum("test_images_of_a_power_cut[" in name for name in names) == 50
    assert sum("harm_at_every_call[" in name for name in names) == 4 * 16
