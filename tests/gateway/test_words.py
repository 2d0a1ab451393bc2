"""What people type: one readable line, and who is the same person."""

import pytest

from gateway.commands import CommandError
from gateway.words import need_line, need_name, same_person


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "\udcff", "x" * 11, "字" * 4, "\x07"])
def test_what_is_no_line_of_so_many_bytes_is_said_so(text):
    with pytest.raises(CommandError, match="The reason .*Nothing was changed"):
        need_line("reason", text, 1, 10, CommandError)


def test_a_readable_line_is_taken_as_it_is():
    assert need_line("reason", " 等了很久", 1, 20, CommandError) == " 等了很久"
    assert need_line("reason", "", 0, 10, CommandError) == ""


def test_case_width_and_spaces_tell_nobody_apart():
    assert same_person("Lin Mei", " lin  MEI ") and same_person("Ｌin", "lin")
    assert not same_person("Lin Mei", "Lin Wei")


@pytest.mark.parametrize("other", [
    "Li\u034fn", "Lin\u3164", "Lin\ufe0f", "Li\u0338n", "L\u0456n", "Lin.", "L\u00edn",
    "L\u03b9n"])
def test_what_is_hardly_seen_tells_nobody_apart(other):
    assert same_person("Lin", other)


@pytest.mark.parametrize(("one", "other"), [
    ("\u738b\u5c0f\u660e", "\u738b\u5c0f\u5df2"),
    ("\u0915\u092e\u0932", "\u0915\u094b\u092e\u0932"),
    ("Lin 1", "Lin 2"), ("\u0418\u0440\u0430", "\u0418\u0440\u043c\u0430")])
def test_two_people_are_two(one, other):
    assert not same_person(one, other)


@pytest.mark.parametrize("text", ["\u3164", "...", "\ufe0f", ""])
def test_who_decides_has_a_name_that_can_be_read(text):
    with pytest.raises(CommandError, match="The name of who decides .*Nothing was changed"):
        need_name("name of who decides", text, CommandError)
